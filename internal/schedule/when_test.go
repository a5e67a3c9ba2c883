package schedule_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"sluice/internal/schedule"
)

func TestWhenAScheduleRunsIsWrittenInWords(t *testing.T) {
	for text, want := range map[string]string{
		"once 2027-01-31 18:00":                "",
		"once 2027-01-31T18:00:30":             "once 2027-01-31 18:00:30",
		"every 15m":                            "",
		"every 90s":                            "every 1m30s",
		"Every 15 Minutes":                     "every 15m",
		"every hour":                           "every 1h",
		"every 1h 30m":                         "every 1h30m",
		"every 2d":                             "",
		"daily at 02:30":                       "",
		"daily at 14:30, 02:30,02:30":          "daily at 02:30,14:30",
		"mon-fri at 6:00":                      "mon-fri at 06:00",
		"monday,wed at 06:00":                  "mon,wed at 06:00",
		"fri-mon at 06:00":                     "mon,fri-sun at 06:00",
		"mon-sun at 06:00":                     "daily at 06:00",
		"days 1,15 at 04:00":                   "",
		"days 1-5,31 of jan,jul at 04:00":      "",
		"days 1 of nov-february at 04:00":      "days 1 of jan,feb,nov,dec at 04:00",
		"cron 30 4 * * mon-fri":                "",
		"cron   */15  0-6/2 1,15 JAN-MAR ?":    "cron */15 0-6/2 1,15 jan-mar ?",
		"cron @daily":                          "",
		"  mon,  tue ,wed at 06:00 , 07:00   ": "mon-wed at 06:00,07:00",
	} {
		if want == "" {
			want = text
		}
		w, err := schedule.ParseWhen(text)
		require.NoError(t, err, text)
		require.Equal(t, want, w.String(), text)
	}
}

func TestWordsThatSayNoScheduleAreRefusedWithAnExample(t *testing.T) {
	for text, says := range map[string]string{
		"":                                 `for example "every 6h"`,
		"evry 6h":                          `did you mean "every"?`,
		"moon at 06:00":                    `did you mean "mon"?`,
		"every":                            "not a time span",
		"every 0s":                         "give 1s to 366d",
		"every 400d":                       "give 1s to 366d",
		"every 999999999d":                 "not a time span",
		"every 5 lightyears":               "such as 90s, 15m, 6h or 2d",
		"every -5m":                        "not a time span",
		"once tomorrow":                    "such as 2027-01-31 18:00",
		"once 2027-02-30 18:00":            "not a date and time",
		"once 2027-01-31 18:00Z":           "of the schedule's time zone",
		"once 1999-01-31 18:00":            "not a date and time",
		"daily":                            `"at 06:00"`,
		"daily at":                         `"at 06:00"`,
		"daily at 24:00":                   "give 00:00 to 23:59",
		"daily at 6":                       "not a time of day",
		"daily at 06:00 07:00":             "not alone at the end",
		"mon-fri":                          `"at 06:00"`,
		"days":                             "days are missing",
		"days 0 at 04:00":                  "day of the month (1 to 31)",
		"days 32 at 04:00":                 "day of the month (1 to 31)",
		"days 20-10 at 04:00":              "ends before it begins",
		"days 1 of smarch at 04:00":        "not a month (jan to dec)",
		"cron":                             "five fields, this one has 0",
		"cron 0 4 * *":                     "five fields, this one has 4",
		"cron 0 0 4 * * *":                 "five fields, this one has 6",
		"cron 60 4 * * *":                  `minute "60" is not from 0 to 59`,
		"cron 0 4 * * mop":                 `day of week "mop" is not from 0 to 7`,
		"cron 0 4-2 * * *":                 `hour "4-2" ends before it begins`,
		"cron */0 4 * * *":                 "is not a number from 1 to 59",
		"cron 0 4 L * *":                   `day of month "l" is not from 1 to 31`,
		"cron TZ=UTC 0 4 * * *":            "as the schedule's time zone",
		strings.Repeat("mon,", 200):        "too long",
		"every \x1b[31m" + "red 5m":        `\x1b`,
		"cron " + strings.Repeat("1 ", 80): "five fields",
	} {
		_, err := schedule.ParseWhen(text)
		require.ErrorContains(t, err, says, text)
	}
}

// anyWhen draws the words of any form.
func anyWhen() *rapid.Generator[string] {
	list := func(of *rapid.Generator[string]) *rapid.Generator[string] {
		return rapid.Map(rapid.SliceOfN(of, 1, 4), func(parts []string) string { return strings.Join(parts, ",") })
	}
	number := func(low, high int) *rapid.Generator[string] {
		return rapid.Map(rapid.IntRange(low, high), func(n int) string { return fmt.Sprint(n) })
	}
	ranged := func(low, high int) *rapid.Generator[string] {
		return rapid.Custom(func(t *rapid.T) string {
			from := rapid.IntRange(low, high).Draw(t, "from")
			return fmt.Sprintf("%d-%d/%d", from, rapid.IntRange(from, high).Draw(t, "to"), rapid.IntRange(1, 3).Draw(t, "step"))
		})
	}
	weekday := rapid.SampledFrom([]string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"})
	weekdays := rapid.OneOf(weekday, rapid.Custom(func(t *rapid.T) string { return weekday.Draw(t, "from") + "-" + weekday.Draw(t, "to") }))
	month := rapid.SampledFrom([]string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"})
	at := list(rapid.Custom(func(t *rapid.T) string {
		return fmt.Sprintf("%02d:%02d", rapid.IntRange(0, 23).Draw(t, "hour"), rapid.IntRange(0, 59).Draw(t, "minute"))
	}))
	field := func(low, high int) *rapid.Generator[string] {
		return rapid.OneOf(rapid.Just("*"), list(rapid.OneOf(number(low, high), ranged(low, high))))
	}
	return rapid.OneOf(
		rapid.Map(rapid.IntRange(1, 366*24*3600), func(n int) string { return fmt.Sprintf("every %ds", n) }),
		rapid.Custom(func(t *rapid.T) string { return list(weekdays).Draw(t, "weekdays") + " at " + at.Draw(t, "at") }),
		rapid.Custom(func(t *rapid.T) string {
			return "days " + list(number(1, 31)).Draw(t, "days") + " of " + list(month).Draw(t, "months") + " at " + at.Draw(t, "at")
		}),
		rapid.Custom(func(t *rapid.T) string {
			return strings.Join([]string{"cron", field(0, 59).Draw(t, "minute"), field(0, 23).Draw(t, "hour"),
				field(1, 31).Draw(t, "day"), field(1, 12).Draw(t, "month"), field(0, 7).Draw(t, "weekday")}, " ")
		}),
	)
}

func TestWhatIsWrittenIsReadAsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, err := schedule.ParseWhen(anyWhen().Draw(t, "when"))
		if err != nil {
			t.Fatal(err)
		}
		again, err := schedule.ParseWhen(w.String())
		if err != nil || again.String() != w.String() {
			t.Fatalf("%q became %q: %v", w, again, err)
		}
		a, _ := schedule.Spec{When: w}.Timetable()
		b, _ := schedule.Spec{When: again}.Timetable()
		require.Equal(t, a, b)
	})
}

func FuzzParseWhen(f *testing.F) {
	for _, seed := range []string{"every 1h30m", "once 2027-01-31 18:00", "fri-mon at 06:00", "days 1,15 of jan at 04:00", "cron */5 1-7/2 ? jan sun", "daily at 6:00, 7:00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		w, err := schedule.ParseWhen(text)
		if err != nil {
			require.Less(t, len(err.Error()), 1000)
			return
		}
		again, err := schedule.ParseWhen(w.String())
		require.NoError(t, err, w.String())
		require.Equal(t, w.String(), again.String())
	})
}
