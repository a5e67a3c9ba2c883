package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/failure/v1"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/types/known/timestamppb"

	"sluice/activities"
	"sluice/internal/catalog"
	"sluice/internal/lifecycle"
	"sluice/internal/source"
)

// hostile is what a vendor may send as a name.
var hostile = []string{
	"\x1b]0;owned\x07title", "\x1b[2Jcleared", "\u009b31mred", "two\nlines\tand a tab", "a\rb", "\u202egnp.exe",
	"=HYPERLINK(\"http://evil.example\")", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\xff\xfe", "nul\x00", "\x7f",
}

func print(t *testing.T, format string, names ...string) string {
	t.Helper()
	var out bytes.Buffer
	a := &app{process: process{out: &out}, output: format}
	type row struct {
		Name string `json:"name"`
	}
	var rows []row
	for _, name := range names {
		rows = append(rows, row{name})
	}
	require.NoError(t, printList(a, rows, []column[row]{{"name", func(r row) any { return r.Name }}, {"end", func(row) any { return "." }}}))
	return out.String()
}

func TestNothingAVendorSentIsObeyedByATerminal(t *testing.T) {
	t.Parallel()
	for _, format := range []string{formatTable, formatJSON, formatNDJSON, formatCSV} {
		for _, name := range hostile {
			if format == formatCSV {
				name = strings.TrimSuffix(strings.ReplaceAll(name, "\r", ""), "\n") // quoted, and allowed in CSV
			}
			text := print(t, format, name)
			for _, r := range strings.ReplaceAll(strings.ReplaceAll(text, "\n", ""), "\t", "") {
				require.False(t, isControl(r), "%s of %q has %q", format, name, r)
			}
			if format == formatTable {
				require.Equal(t, 2, strings.Count(text, "\n"), "a name broke a row: %q", text)
			}
		}
	}
	require.Contains(t, print(t, formatTable, "\x1b[2J"), `\x1b[2J`)
	require.Contains(t, print(t, formatTable, "👩\u200d💻 नी"), "👩\u200d💻 नी", "what is harmless is shown as it is")
}

func TestJSONKeepsWhatTheVendorSent(t *testing.T) {
	t.Parallel()
	for _, name := range hostile {
		var rows []struct{ Name string }
		require.NoError(t, json.Unmarshal([]byte(print(t, formatJSON, name)), &rows))
		require.Equal(t, strings.ToValidUTF8(strings.ReplaceAll(name, "\xff\xfe", "\uFFFD\uFFFD"), ""), rows[0].Name)
	}
	require.Equal(t, "[]\n", print(t, formatJSON))
	require.Empty(t, print(t, formatNDJSON))
}

func TestNoCellOfACSVFileIsAFormula(t *testing.T) {
	t.Parallel()
	for _, name := range hostile {
		records, err := csv.NewReader(strings.NewReader(print(t, formatCSV, name))).ReadAll()
		require.NoError(t, err)
		require.NotContains(t, "=+-@\t\r\n", records[1][0][:1], "%q", records[1][0])
	}
	require.Equal(t, "'=1", forSpreadsheet("=1"))
	require.Equal(t, "-1", forSpreadsheet(int64(-1)), "a number is no formula")
}

func TestColumnsAreEvenWhateverTheWidthOfCharacters(t *testing.T) {
	t.Parallel()
	lines := strings.Split(print(t, formatTable, "Ñandú", "注文管理", "e\u0301"), "\n")
	require.Equal(t, []string{"NAME      END", "Ñandú     .", "注文管理  .", "e\u0301         .", ""}, lines)
	long := print(t, formatTable, strings.Repeat("注", 100))
	require.Contains(t, long, strings.Repeat("注", 29)+"…  .")
}

func TestProgressIsToldInLinesAtEachPhaseAndNowAndThen(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	d := &display{out: &out, now: func() time.Time { return now }, phases: map[string]lifecycle.Phase{}, begun: map[string]mark{}}
	show := func(phase lifecycle.Phase, records int64) string {
		out.Reset()
		d.show(lifecycle.Progress{Streams: []lifecycle.Stream{
			{Name: "APPLICATION", Phase: phase, Records: records, Expected: 1000}, {Name: "APICOLLECTION", Phase: lifecycle.Pending},
		}})
		now = now.Add(time.Second)
		return out.String()
	}
	require.Equal(t, "APPLICATION fetching: 0 of 1000 records\n", show(lifecycle.Fetching, 0))
	for range 4 {
		require.Empty(t, show(lifecycle.Fetching, 100))
	}
	require.Equal(t, "APPLICATION fetching: 500 of 1000 records, 100/s, 5s left\n", show(lifecycle.Fetching, 500))
	require.Contains(t, show(lifecycle.Done, 1000), "APPLICATION done: 1000 of 1000 records")
	require.Empty(t, show(lifecycle.Done, 1000))
}

func TestProgressIsABarAStreamOnATerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	d := &display{out: &out, width: 120, now: func() time.Time { return now }, phases: map[string]lifecycle.Phase{}, begun: map[string]mark{}}
	show := func(s lifecycle.Stream) string {
		out.Reset()
		s.Name = "APPLICATION"
		d.show(lifecycle.Progress{Streams: []lifecycle.Stream{s}})
		now = now.Add(2 * time.Second)
		return out.String()
	}
	require.Equal(t, "\r\x1b[2KAPPLICATION    "+strings.Repeat("░", 24)+" 0/1000 fetching\n",
		show(lifecycle.Stream{Phase: lifecycle.Fetching, Expected: 1000}))
	require.Equal(t, "\x1b[1A\r\x1b[2KAPPLICATION    "+strings.Repeat("█", 12)+strings.Repeat("░", 12)+" 500/1000 fetching 250/s, 2s left\n",
		show(lifecycle.Stream{Phase: lifecycle.Fetching, Records: 500, Expected: 1000}))
	waiting := show(lifecycle.Stream{Phase: lifecycle.Waiting, Records: 500, Expected: 1000, Waits: "the vendor \x1b[2J asks to", WaitUntil: now})
	require.Contains(t, waiting, "waiting until ")
	require.Contains(t, waiting, `\x1b[2J`, "what a vendor said is not obeyed")

	d.trouble("no worker answers")
	d.trouble("no worker answers")
	require.Equal(t, 1, strings.Count(out.String(), "no worker answers"))
	require.NotContains(t, show(lifecycle.Stream{Phase: lifecycle.Done}), "\x1b[1A", "what was said in between stays")
}

func TestProgressHasATotalFromTheFirstPageOn(t *testing.T) {
	t.Parallel()
	said, err := converter.GetDefaultDataConverter().ToPayloads(activities.Beat{Stream: "APPLICATION", Pages: 1, Records: 100, Expected: 2000})
	require.NoError(t, err)
	d := &workflowservice.DescribeWorkflowExecutionResponse{PendingActivities: []*workflow.PendingActivityInfo{{HeartbeatDetails: said}}}
	p := withHeartbeats(lifecycle.Progress{Streams: []lifecycle.Stream{{Name: "APPLICATION"}}}, d)
	require.Equal(t, lifecycle.Stream{Name: "APPLICATION", Pages: 1, Records: 100, Expected: 2000}, p.Streams[0])
}

func TestProgressSaysThatAssetsAreInAndFindingsAreComing(t *testing.T) {
	t.Parallel()
	var lines, bars bytes.Buffer
	elsewhere := &display{out: &lines, now: time.Now, phases: map[string]lifecycle.Phase{}, begun: map[string]mark{}}
	terminal := &display{out: &bars, width: 120, now: time.Now, begun: map[string]mark{}}
	for _, records := range []int64{62, 63} {
		p := lifecycle.Progress{State: lifecycle.Processed, Streams: []lifecycle.Stream{
			{Name: "HOST", Role: source.Assets, Phase: lifecycle.Done, Records: 9},
			{Name: "KNOWLEDGEBASE", Role: source.Reference, Phase: lifecycle.Done, Records: 5, Assets: lifecycle.Counts{Created: 5}},
			{Name: "DETECTION", Role: source.Findings, Phase: lifecycle.Fetching, Records: records, Expected: 100},
		}}
		elsewhere.show(p)
		terminal.show(p)
	}
	require.Equal(t, 1, strings.Count(lines.String(), "Processed (findings: 62 %)\n"), lines.String())
	require.NotContains(t, lines.String(), "63 %")
	require.Contains(t, lines.String(), "KNOWLEDGEBASE done: 5 records, entries +5 ~0 =0\n")
	require.Contains(t, bars.String(), "\x1b[2Kall assets are in: Processed (findings: 63 %)\n")
}

func TestRecordsAndEntriesAreCountedApart(t *testing.T) {
	t.Parallel()
	s := profileStatus{Running: &runningStatus{RunID: 7, Progress: &lifecycle.Progress{Streams: []lifecycle.Stream{
		{Name: "HOST", Role: source.Assets, Records: 10, Expected: 10}, {Name: "DETECTION", Role: source.Findings, Records: 5, Expected: 90},
		{Name: "KNOWLEDGEBASE", Role: source.Reference, Records: 40, Expected: 80},
	}}}}
	require.Equal(t, "run 7: 15/100 records, 40/80 of the knowledge base", s.running())
	s.Running.Progress.Streams = []lifecycle.Stream{{Name: "APPLICATION", Records: 10}}
	require.Equal(t, "run 7: 10 records", s.running())
}

func TestAColumnWithoutAnyValueIsLeftOutOfATable(t *testing.T) {
	t.Parallel()
	type row struct{ name, ip string }
	columns := []column[row]{{"name", func(r row) any { return r.name }}, {"ip", func(r row) any { return r.ip }}}
	named := []row{{"a", ""}, {"b", ""}}
	a := &app{output: formatTable}
	require.Len(t, withoutEmpty(a, named, columns, "ip"), 1)
	require.Len(t, withoutEmpty(a, named, columns), 2, "only those that may be")
	require.Len(t, withoutEmpty(a, append(named, row{"c", "192.0.2.1"}), columns, "ip"), 2)
	require.Len(t, withoutEmpty(&app{output: formatCSV}, named, columns, "ip"), 2)
}

func TestAListOfAVendorIsReadByItsNames(t *testing.T) {
	t.Parallel()
	for list, reads := range map[string]string{
		`[{"ID":"CVE-2024-3094","URL":"https://cve.example"},{"ID":"CVE-2024-1"}]`: "CVE-2024-3094, CVE-2024-1",
		`[{"id":"1","value":"Zero_Day"}]`:                                          "Zero_Day",
		`["a","b"]`:                                                                "a, b",
		`[]`:                                                                       "",
		`[{"other":"x"}]`:                                                          `[{"other":"x"}]`,
		`[1]`:                                                                      "[1]",
		`{"ID":"x"}`:                                                               `{"ID":"x"}`,
		``:                                                                         "",
	} {
		require.Equal(t, reads, named(json.RawMessage(list)), list)
	}
}

func TestWhatFailsAndIsTriedAgainIsToldOnceAndShownAsLongAsItDoes(t *testing.T) {
	t.Parallel()
	pending := &workflow.PendingActivityInfo{
		ActivityType: &common.ActivityType{Name: "Upsert"}, Attempt: 1, State: enums.PENDING_ACTIVITY_STATE_SCHEDULED,
	}
	d := &workflowservice.DescribeWorkflowExecutionResponse{PendingActivities: []*workflow.PendingActivityInfo{pending}}
	require.Empty(t, retriesOf(d), "nothing has failed yet")
	pending.LastFailure, pending.Attempt = &failure.Failure{Message: "the database is \x1b[2J away"}, 4
	next := time.Date(2026, 1, 1, 12, 0, 0, 0, time.Local)
	pending.NextAttemptScheduleTime = timestamppb.New(next)
	const said = `attempt 4 at 12:00:00; Upsert failed: the database is \x1b[2J away`

	var lines, bars bytes.Buffer
	elsewhere := &display{out: &lines, now: time.Now, failed: map[string]bool{}}
	terminal := &display{out: &bars, width: 120, now: time.Now}
	for range 3 {
		elsewhere.show(lifecycle.Progress{}, retriesOf(d)...)
		terminal.show(lifecycle.Progress{}, retriesOf(d)...)
	}
	require.Equal(t, said+"\n", lines.String())
	require.Equal(t, 3, strings.Count(bars.String(), "  "+said))
	bars.Reset()
	terminal.show(lifecycle.Progress{})
	require.Equal(t, "\x1b[1A\x1b[J", bars.String(), "it works again")
}

func TestAnErrorIsHarmlessAndAListStaysReadable(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.Equal(t, exitFailure, report(&out, errorText("first\n\n  second \x1b[2J\n\tthird\n")))
	require.Equal(t, "sluice: first\n  second \\x1b[2J\n  third\n", out.String())
}

type errorText string

func (e errorText) Error() string { return string(e) }

func TestACommandToCopyReachesTheSameHome(t *testing.T) {
	t.Parallel()
	for home, want := range map[string]string{
		"":             "bin/sluice status",
		".sluice/demo": "SLUICE_HOME=.sluice/demo bin/sluice status",
		"/my home's":   `SLUICE_HOME='/my home'\''s' bin/sluice status`,
	} {
		a := &app{process: process{program: "bin/sluice", env: environment{}}, home: home}
		require.Equal(t, want, a.command("status"))
	}
}

func TestAThingIsShownAsPeopleReadIt(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	a := &app{process: process{out: &out}, output: formatTable}
	type thing struct{ solution, attributes string }
	columns := []column[thing]{
		{"solution", func(v thing) any { return &v.solution }},
		{"category", func(thing) any { return "CGI" }},
		{"attributes", func(v thing) any { return json.RawMessage(v.attributes) }},
	}
	require.NoError(t, printOne(a, thing{
		solution: "Upgrade to 1 &lt; 2.<P>Patch:<BR>\nsee\n<A HREF=\"https://a.example/?x=1&amp;y=2\" TARGET=\"_blank\"><b>Advisory</b></A>\x1b[2J",
		attributes: `{"pci": true, "category": "CGI", "cves": [{"ID": "CVE-2024-1"}, {"ID": "CVE-2024-2"}], "score": 7.10, "none": null,
			"results": "a\nb <x>", "tags": [{"NAME": "A"}], "over": {"x": 1}}`,
	}, columns))
	require.Equal(t, `SOLUTION    Upgrade to 1 < 2.
            Patch:
            see Advisory (https://a.example/?x=1&y=2)\x1b[2J
CATEGORY    CGI
ATTRIBUTES
  cves      CVE-2024-1, CVE-2024-2
  over      {"x": 1}
  pci       yes
  results   a
            b <x>
  score     7.10
  tags      [{"NAME": "A"}]
`, out.String())

	out.Reset()
	require.NoError(t, printOne(a, thing{attributes: `{"category": "CGI"}`}, columns))
	require.Equal(t, "CATEGORY  CGI\n", out.String(), "nothing is shown twice")
}

func TestARateIsOverTheTimeThatAStreamHad(t *testing.T) {
	t.Parallel()
	begin := time.Date(2027, 1, 31, 10, 0, 0, 0, time.UTC)
	phase := func(stream string, role source.Role, records, findings int64, after time.Duration) catalog.Phase {
		written := begin.Add(after)
		return catalog.Phase{Stream: stream, Role: role, Records: records, Findings: findings, Written: &written}
	}
	rows := phaseRows(catalog.Run{StartedAt: begin}, []catalog.Phase{
		phase("HOST", source.Assets, 1000, 0, 10*time.Second),
		phase("DETECTION", source.Findings, 500, 4000, 14*time.Second),
		phase("KNOWLEDGEBASE", source.Reference, 100, 0, 4*time.Second), // beside HOST
		{Stream: "WEBAPP", Role: source.Assets},
	})
	rates := make([]string, len(rows))
	for i, r := range rows {
		rates[i] = r.Rate
	}
	require.Equal(t, []string{"100 records/s", "125 records/s, 1000 findings/s", "25 records/s", ""}, rates)
}
