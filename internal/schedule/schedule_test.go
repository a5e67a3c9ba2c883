package schedule_test

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"sluice/internal/schedule"
)

// now is a Sunday, noon in Berlin.
var now = time.Date(2026, 11, 22, 11, 0, 0, 0, time.UTC)

func spec(t require.TestingT, when, zone string) schedule.Spec {
	w, err := schedule.ParseWhen(when)
	require.NoError(t, err, when)
	return schedule.Spec{When: w, TimeZone: zone}
}

func at(t require.TestingT, text string) schedule.DateTime {
	d, err := schedule.ParseDateTime(text)
	require.NoError(t, err)
	return d
}

// texts are the next occurrences as clocks in the schedule's zone show them.
func texts(t *testing.T, s schedule.Spec, after time.Time, n int) []string {
	table, err := s.Timetable()
	require.NoError(t, err)
	var list []string
	for _, next := range table.Next(after, n) {
		list = append(list, next.In(table.Zone).Format("Mon 2006-01-02 15:04:05 MST"))
	}
	return list
}

func TestTheNextRuns(t *testing.T) {
	for _, c := range []struct {
		when, zone string
		want       []string
	}{
		{"every 6h", "", []string{"Sun 2026-11-22 12:00:00 UTC", "Sun 2026-11-22 18:00:00 UTC"}},
		{"every 2d", "", []string{"Mon 2026-11-23 00:00:00 UTC", "Wed 2026-11-25 00:00:00 UTC"}},
		{"daily at 06:00,18:30", "Europe/Berlin", []string{"Sun 2026-11-22 18:30:00 CET", "Mon 2026-11-23 06:00:00 CET"}},
		{"mon-fri at 12:00", "Asia/Tokyo", []string{"Mon 2026-11-23 12:00:00 JST", "Tue 2026-11-24 12:00:00 JST"}},
		{"days 29 of feb at 04:00", "", []string{"Tue 2028-02-29 04:00:00 UTC", "Sun 2032-02-29 04:00:00 UTC"}},
		{"days 31 at 04:00", "", []string{"Thu 2026-12-31 04:00:00 UTC", "Sun 2027-01-31 04:00:00 UTC", "Wed 2027-03-31 04:00:00 UTC"}},
		{"cron 0 4 13 * fri", "", []string{"Fri 2026-11-27 04:00:00 UTC", "Fri 2026-12-04 04:00:00 UTC", "Fri 2026-12-11 04:00:00 UTC", "Sun 2026-12-13 04:00:00 UTC"}},
		{"cron 0 4 * * 7", "", []string{"Sun 2026-11-29 04:00:00 UTC"}},
		{"cron 0 4 * * sat-sun", "", []string{"Sat 2026-11-28 04:00:00 UTC", "Sun 2026-11-29 04:00:00 UTC"}},
		{"once 2026-11-22 18:00:30", "Europe/Berlin", []string{"Sun 2026-11-22 18:00:30 CET"}},
		// Where clocks change, a time may be missing or come twice.
		{"days 27-29 of mar at 02:30", "Europe/Berlin", []string{"Sat 2027-03-27 02:30:00 CET", "Mon 2027-03-29 02:30:00 CEST"}},
		{"days 31 of oct at 02:30", "Europe/Berlin", []string{"Sun 2027-10-31 02:30:00 CEST", "Sun 2027-10-31 02:30:00 CET"}},
	} {
		require.Equal(t, c.want, texts(t, spec(t, c.when, c.zone), now, len(c.want)), c.when)
	}
	require.Len(t, spec(t, "once 2026-11-22 18:00", "").Next(now, 10), 1)
	require.Empty(t, spec(t, "once 2026-11-22 11:00", "").Next(now, 10))
}

func TestStartAndEndBoundTheRuns(t *testing.T) {
	s := spec(t, "every 2d", "Europe/Berlin")
	s.Start, s.End = at(t, "2026-12-01 08:00"), at(t, "2026-12-05 08:00")
	require.Equal(t, []string{"Tue 2026-12-01 08:00:00 CET", "Thu 2026-12-03 08:00:00 CET", "Sat 2026-12-05 08:00:00 CET"}, texts(t, s, now, 10),
		"an interval is counted from the start, and both bounds belong to it")
	s = spec(t, "daily at 06:00", "Europe/Berlin")
	s.Start = at(t, "2026-12-01 08:00")
	require.Equal(t, []string{"Wed 2026-12-02 06:00:00 CET"}, texts(t, s, now, 1))
}

func TestWhatCannotRunIsRefused(t *testing.T) {
	minus := schedule.Duration(-time.Second)
	for _, c := range []struct {
		says   string
		change func(*schedule.Spec)
	}{
		{"", func(*schedule.Spec) {}},
		{"does not say when", func(s *schedule.Spec) { s.When = schedule.When{} }},
		{"did you mean Europe/Berlin?", func(s *schedule.Spec) { s.TimeZone = "berlin" }},
		{"did you mean Europe/Berlin?", func(s *schedule.Spec) { s.TimeZone = "Europe/Berln" }},
		{"did you mean America/New_York?", func(s *schedule.Spec) { s.TimeZone = "america/new york" }},
		{"unknown time zone", func(s *schedule.Spec) { s.TimeZone = "Local" }},
		{"unknown time zone", func(s *schedule.Spec) { s.TimeZone = "../../etc/passwd" }},
		{"ends (2027-01-01 00:00) before it starts (2027-02-01 00:00)", func(s *schedule.Spec) {
			s.Start, s.End = at(t, "2027-02-01 00:00"), at(t, "2027-01-01 00:00")
		}},
		{"end 2026-11-01 00:00 is in the past: it is 2026-11-22 12:00 in Europe/Berlin", func(s *schedule.Spec) { s.End = at(t, "2026-11-01 00:00") }},
		{`"once 2026-11-22 11:59" is in the past`, func(s *schedule.Spec) { *s = spec(t, "once 2026-11-22 11:59", "Europe/Berlin") }},
		{"", func(s *schedule.Spec) { *s = spec(t, "once 2026-11-22 12:01", "Europe/Berlin") }},
		{"no start and end", func(s *schedule.Spec) {
			s.When, s.End = spec(t, "once 2026-12-22 12:01", "").When, at(t, "2027-01-01 00:00")
		}},
		{"2027-03-28 02:30 does not exist in Europe/Berlin", func(s *schedule.Spec) { *s = spec(t, "once 2027-03-28 02:30", "Europe/Berlin") }},
		{"never comes: there is no such day (like 30 February)", func(s *schedule.Spec) { *s = spec(t, "days 30 of feb at 04:00", "") }},
		{"never comes: there is no such day", func(s *schedule.Spec) { *s = spec(t, "cron 0 4 31 2,4,6,9,11 *", "") }},
		{"never comes between its start and its end: without them it would next be at 2027-01-01 04:00", func(s *schedule.Spec) {
			s.When, s.End = spec(t, "days 1 of jan at 04:00", "").When, at(t, "2026-12-24 00:00")
		}},
		{"jitter", func(s *schedule.Spec) { s.Jitter = &minus }},
		{"catch-up window 5s", func(s *schedule.Spec) { s.CatchUp = schedule.Duration(5 * time.Second) }},
	} {
		s := spec(t, "daily at 06:00", "Europe/Berlin")
		c.change(&s)
		err := s.Validate(now)
		if c.says == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, c.says)
	}
}

func TestDefaultsSpreadAndCatchUp(t *testing.T) {
	for when, want := range map[string]time.Duration{
		"every 5s":                  250 * time.Millisecond,
		"every 10m":                 30 * time.Second,
		"every 6h":                  5 * time.Minute,
		"daily at 06:00,06:20":      time.Minute,
		"cron */10 * * * *":         30 * time.Second,
		"days 29 of feb at 04:00":   5 * time.Minute,
		"once 2027-01-31 18:00":     0,
		"days 30 of feb at 04:00":   0,
		"mon-fri at 06:00":          5 * time.Minute,
		"days 1,31 of jan at 04:00": 5 * time.Minute,
	} {
		table, err := spec(t, when, "").Timetable()
		require.NoError(t, err)
		require.Equal(t, want, table.Jitter, when)
		require.Equal(t, schedule.DefaultCatchUp, table.CatchUp)
	}
	s, none := spec(t, "every 6h", ""), schedule.Duration(0)
	s.Jitter, s.CatchUp = &none, schedule.Duration(time.Hour)
	table, err := s.Timetable()
	require.NoError(t, err)
	require.Zero(t, table.Jitter)
	require.Equal(t, time.Hour, table.CatchUp)
}

func TestAScheduleInFiles(t *testing.T) {
	const document = "when: mon-fri at 06:00\ntimeZone: Europe/Berlin\nstart: 2026-12-01 00:00:30\nend: 2027-12-01 00:00\njitter: 2m\ncatchUp: 1h\n"
	var s schedule.Spec
	require.NoError(t, yaml.Unmarshal([]byte(document), &s))
	require.Equal(t, "mon-fri at 06:00 in Europe/Berlin, from 2026-12-01 00:00:30, until 2027-12-01 00:00, jitter 2m, catch-up 1h", s.String())
	written, err := yaml.Marshal(s)
	require.NoError(t, err)
	var again schedule.Spec
	require.NoError(t, yaml.Unmarshal(written, &again), string(written))
	require.Equal(t, s, again)

	stored, err := json.Marshal(s)
	require.NoError(t, err)
	require.JSONEq(t, `{"when": "mon-fri at 06:00", "timeZone": "Europe/Berlin", "start": "2026-12-01 00:00:30", "end": "2027-12-01 00:00", "jitter": "2m", "catchUp": "1h"}`, string(stored))
	again = schedule.Spec{}
	require.NoError(t, json.Unmarshal(stored, &again))
	require.True(t, schedule.Equal(&s, &again))

	short, err := json.Marshal(spec(t, "every 6h", ""))
	require.NoError(t, err)
	require.JSONEq(t, `{"when": "every 6h"}`, string(short), "what is not said is left out")
	short, err = yaml.Marshal(spec(t, "every 6h", ""))
	require.NoError(t, err)
	require.Equal(t, "when: every 6h\n", string(short))
	require.ErrorContains(t, json.Unmarshal([]byte(`{"when": "evry 6h"}`), &again), `did you mean "every"?`)
}

func TestSchedulesAreComparedByWhatTheyMean(t *testing.T) {
	a, b := spec(t, "every 60m", ""), spec(t, "every 1h", "UTC")
	require.True(t, schedule.Equal(&a, &b))
	require.True(t, schedule.Equal(nil, nil))
	require.False(t, schedule.Equal(&a, nil))
	none := schedule.Duration(0)
	b.Jitter = &none
	require.False(t, schedule.Equal(&a, &b))
}

func TestEveryKnownTimeZoneCanBeUsed(t *testing.T) {
	file, err := os.Open("zones.txt")
	require.NoError(t, err)
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		_, err := time.LoadLocation(lines.Text())
		require.NoError(t, err)
	}
}

// The occurrences are held against a walk through all minutes of two weeks.
func TestNextFindsExactlyTheMinutesThatMatch(t *testing.T) {
	zones := rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Cairo", "Pacific/Apia"})
	// Two weeks around any day, those when clocks change among them.
	begin := rapid.OneOf(
		rapid.Map(rapid.Int64Range(1767225600, 1893456000), func(s int64) time.Time { return time.Unix(s/60*60, 0) }),
		rapid.SampledFrom([]time.Time{time.Date(2027, 3, 20, 0, 0, 0, 0, time.UTC), time.Date(2027, 10, 25, 0, 0, 0, 0, time.UTC), time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC)}),
	)
	rapid.Check(t, func(t *rapid.T) {
		s := spec(t, anyWhen().Filter(func(w string) bool { return w[:5] != "every" }).Draw(t, "when"), zones.Draw(t, "zone"))
		table, err := s.Timetable()
		require.NoError(t, err)
		from := begin.Draw(t, "from")
		until := from.Add(14 * 24 * time.Hour)
		var want []int64
		for minute := from.Add(time.Minute); !minute.After(until) && len(want) < 50; minute = minute.Add(time.Minute) {
			local := minute.In(table.Zone)
			for _, c := range table.Calendars {
				if c.Minutes.Has(local.Minute()) && c.Hours.Has(local.Hour()) && c.Days.Has(local.Day()) &&
					c.Months.Has(int(local.Month())) && c.Weekdays.Has(int(local.Weekday())) {
					want = append(want, minute.Unix())
					break
				}
			}
		}
		var got []int64
		for _, next := range table.Next(from, 50) {
			if !next.After(until) {
				got = append(got, next.Unix())
			}
		}
		require.Equal(t, want, got)
	})
}
