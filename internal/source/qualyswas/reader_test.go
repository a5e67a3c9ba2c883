package qualyswas_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator"
	"sluice/internal/simulator/faults"
	"sluice/internal/simulator/was"
	"sluice/internal/source"
	"sluice/internal/source/qualyswas"
)

func TestEveryRecordIsReadInBothDialects(t *testing.T) {
	t.Parallel()
	for _, format := range formats {
		for name, o := range map[string]qualyswas.Options{"divided": small, "undivided": undivided} {
			t.Run(format+", "+name, func(t *testing.T) {
				t.Parallel()
				v := simulate(t, estate(), o, format)
				apps := read(t, v, webApps())
				require.NoError(t, apps.err)
				require.Equal(t, v.webAppsThat(anyWebApp), apps.ids(), "by ascending id")
				require.Empty(t, apps.last.Doubt)
				require.Zero(t, apps.last.Remaining)
				require.EqualValues(t, len(apps.ids())-20, apps.chunks[0].Remaining)

				found := read(t, v, findings())
				require.NoError(t, found.err)
				require.Equal(t, v.findingsThat(anyFinding), found.sorted())
				require.Empty(t, found.last.Doubt)
				require.Empty(t, found.setAside)
				require.Zero(t, found.repeated)
				require.Zero(t, found.last.Remaining)
				require.Equal(t, o.Concurrency == 1, slices.Equal(found.ids(), found.sorted()), "spans are read one after the other")
			})
		}
	}
}

// TestBothDialectsGiveTheSameRecords: numbers and booleans compared as text.
func TestBothDialectsGiveTheSameRecords(t *testing.T) {
	t.Parallel()
	for _, detail := range []string{"verbose", "brief"} {
		for _, req := range []source.Request{webApps(), findings()} {
			t.Run(detail+" "+req.AssetType, func(t *testing.T) {
				t.Parallel()
				v := simulate(t, estate(), small, formats[0])
				req := filtered(req, "detail", detail)
				json := read(t, v, req)
				xml := read(t, open(t, v.url, small, formats[1]), req)
				require.NoError(t, json.err)
				require.NoError(t, xml.err)
				require.NotEmpty(t, json.records)
				require.Equal(t, asText(json.records), asText(xml.records))
			})
		}
	}
}

// asText makes every scalar a text.
func asText(v any) any {
	switch v := v.(type) {
	case []map[string]any:
		list := []any{}
		for _, r := range v {
			list = append(list, asText(r))
		}
		return list
	case map[string]any:
		object := map[string]any{}
		for name, member := range v {
			object[name] = asText(member)
		}
		return object
	case []any:
		list := []any{}
		for _, element := range v {
			list = append(list, asText(element))
		}
		return list
	}
	return fmt.Sprint(v)
}

func TestBriefRecordsLackWhatIsLong(t *testing.T) {
	t.Parallel()
	v := simulate(t, estate(), small, formats[0])
	has := func(s stream, name string) bool {
		return slices.ContainsFunc(s.records, func(r map[string]any) bool { return r[name] != nil })
	}
	long := read(t, v, findings())
	brief := read(t, v, filtered(findings(), "detail", "brief"))
	for _, name := range []string{"resultList", "owasp", "cvssV3", "detectionScore"} {
		require.True(t, has(long, name), name)
		require.False(t, has(brief, name), name)
	}
	require.Equal(t, long.ids(), brief.ids())
}

// TestAStreamGoesOnFromAnyChunk, whether or not it is divided the same way
// again.
func TestAStreamGoesOnFromAnyChunk(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]qualyswas.Options{"divided": small, "undivided": undivided} {
		for _, then := range []qualyswas.Options{small, undivided, {PageSize: 50, Concurrency: 4}} {
			t.Run(fmt.Sprint(name, ", then ", then.PageSize, " by ", then.Concurrency), func(t *testing.T) {
				t.Parallel()
				v := simulate(t, estate(), o, formats[0])
				s := open(t, v.url, then, formats[0])
				whole := read(t, v, filtered(findings(), "detail", "brief"))
				require.NoError(t, whole.err)
				seen := 0
				for _, at := range whole.chunks[:len(whole.chunks)-1] {
					seen += at.Records
					if rand.N(8) > 0 {
						continue
					}
					req := filtered(findings(), "detail", "brief")
					req.Cursor = at.Cursor
					rest := read(t, s, req)
					require.NoError(t, rest.err)
					require.Equal(t, sorted(whole.ids()[seen:]), rest.sorted(), at.Cursor)
					require.Empty(t, rest.last.Doubt)
				}
			})
		}
	}
}

// TestSpansAreReadTheSameEachTime, however fast the answers come.
func TestSpansAreReadTheSameEachTime(t *testing.T) {
	t.Parallel()
	v := simulate(t, estate(), small, formats[0])
	once := read(t, v, findings())
	wide := small
	wide.Concurrency, wide.LookAhead = 8, 1
	require.NoError(t, v.SetFaults(simulator.Fault{Kind: faults.Slow, Delay: 5 * time.Millisecond, Every: 3}))
	again := read(t, open(t, v.url, wide, formats[0]), findings())
	require.Equal(t, once.ids(), again.ids())
	counts := v.Counts()
	require.Greater(t, counts.Calls[faults.WASFindings], int64(60))
	require.Greater(t, counts.MaxConcurrent[faults.WASFindings], int64(1))
	require.LessOrEqual(t, counts.MaxConcurrent[faults.WASFindings], int64(8))
}

func TestADeltaRunReadsWhatChangedSinceTheBound(t *testing.T) {
	t.Parallel()
	v := simulate(t, estate(), small, formats[0])
	v.Pass(24 * time.Hour)
	_, err := v.Advance(simulator.Change{Web: simulator.WebChange{UpdatedWebApps: 0.2, AddedWebApps: 0.1, New: 0.05, Fixed: 0.2, Retested: 0.2, Reopened: 0.1}})
	require.NoError(t, err)
	begin := estate().Start

	req := webApps()
	req.Since = begin
	apps := read(t, v, req)
	require.NoError(t, apps.err)
	changed := v.webAppsThat(func(a simulator.WebApp) bool { return a.Updated.After(begin) })
	require.NotEmpty(t, changed)
	require.Equal(t, changed, apps.ids())

	req = findings()
	req.Since = begin
	found := read(t, v, req)
	require.NoError(t, found.err)
	tested := v.findingsThat(func(f simulator.WebFinding) bool { return f.LastTested.After(begin) })
	require.Equal(t, tested, found.sorted())
	require.NotEmpty(t, v.findingsThat(func(f simulator.WebFinding) bool { return f.LastTested.After(begin) && f.Status == "FIXED" }))

	req.Since = v.Now().Add(time.Hour)
	none := read(t, v, req)
	require.NoError(t, none.err)
	require.Empty(t, none.ids())
	require.Empty(t, none.last.Doubt)
}

func TestFiltersNarrowWhatIsRead(t *testing.T) {
	t.Parallel()
	v := simulate(t, estate(), small, formats[0])
	all := slices.Collect(v.WebApps(v.DefaultUser()))
	tagged := slices.IndexFunc(all, func(a simulator.WebApp) bool { return len(a.Tags) > 1 })
	one, other := all[tagged].Tags[0], all[tagged].Tags[1]
	in := func(a simulator.WebApp, ids ...int64) bool {
		return slices.ContainsFunc(a.Tags, func(tag was.Tag) bool { return slices.Contains(ids, tag.ID) })
	}
	ofWebApps := func(is func(simulator.WebApp) bool) func(simulator.WebFinding) bool {
		ids := v.webAppsThat(is)
		return func(f simulator.WebFinding) bool { return slices.Contains(ids, f.WebAppID) }
	}
	byID := func(n int) string { return all[n].ID }
	for name, c := range map[string]struct {
		filter   string
		values   []string
		webApps  func(simulator.WebApp) bool
		findings func(simulator.WebFinding) bool
	}{
		"a tag by name":             {"tags", []string{one.Name}, func(a simulator.WebApp) bool { return in(a, one.ID) }, nil},
		"a tag by id":               {"tags", []string{id(one)}, func(a simulator.WebApp) bool { return in(a, one.ID) }, nil},
		"tags by name":              {"tags", []string{one.Name, other.Name}, func(a simulator.WebApp) bool { return in(a, one.ID, other.ID) }, nil},
		"tags by name and id":       {"tags", []string{one.Name, id(other)}, func(a simulator.WebApp) bool { return in(a, one.ID, other.ID) }, nil},
		"a web application by name": {"webapps", []string{all[3].Name}, func(a simulator.WebApp) bool { return a.ID == byID(3) }, nil},
		"web applications by name":  {"webapps", []string{all[3].Name, all[9].Name}, func(a simulator.WebApp) bool { return a.ID == byID(3) || a.ID == byID(9) }, nil},
		"web applications by both":  {"webapps", []string{all[3].Name, byID(0)}, func(a simulator.WebApp) bool { return a.ID == byID(3) || a.ID == byID(0) }, nil},
		"severities":                {"severities", []string{"4", "5"}, anyWebApp, func(f simulator.WebFinding) bool { return f.Severity > 3 }},
		"a status":                  {"statuses", []string{"FIXED"}, anyWebApp, func(f simulator.WebFinding) bool { return f.Status == "FIXED" }},
		"statuses leave out what has none": {"statuses", []string{"NEW", "ACTIVE", "REOPENED", "PROTECTED", "FIXED"}, anyWebApp,
			func(f simulator.WebFinding) bool { return f.Type != "INFORMATION_GATHERED" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.findings == nil {
				c.findings = ofWebApps(c.webApps)
			}
			apps := read(t, v, filtered(webApps(), c.filter, c.values...))
			require.NoError(t, apps.err)
			require.Equal(t, v.webAppsThat(c.webApps), apps.ids())
			found := read(t, v, filtered(findings(), c.filter, c.values...))
			require.NoError(t, found.err)
			require.Equal(t, v.findingsThat(c.findings), found.sorted())
		})
	}
}

func TestANameThatNothingHasIsNoticed(t *testing.T) {
	t.Parallel()
	v := simulate(t, estate(), small, formats[0])
	for filter, name := range map[string]string{"tags": "Prodution", "webapps": "Nop"} {
		none := read(t, v, filtered(webApps(), filter, name))
		require.NoError(t, none.err)
		require.Contains(t, none.last.Doubt, "what the profile's filters ask for")
		among := read(t, v, filtered(webApps(), filter, name, "8800012"))
		require.ErrorContains(t, among.err, name, "a typo among several values")
	}
}

func TestFiltersThatCannotBeMeantAreRefused(t *testing.T) {
	t.Parallel()
	k := qualyswas.New(qualyswas.Options{})
	require.NoError(t, source.CheckFilters(k, map[string][]string{"severities": {"1", "5"}, "statuses": {"NEW"}, "detail": {"brief"}, "tags": {"a"}}))
	for says, filters := range map[string]map[string][]string{
		"no severity \"6\"":    {"severities": {"6"}},
		"did you mean ACTIVE":  {"statuses": {"ACTIV"}},
		"takes one value":      {"detail": {"brief", "verbose"}},
		"did you mean webapps": {"webapp": {"x"}},
		"too many":             {"webapps": slices.Repeat([]string{"1"}, 501)},
		"empty":                {"tags": {" "}},
	} {
		require.ErrorContains(t, source.CheckFilters(k, filters), says)
	}
	require.True(t, source.Drifts(k, map[string][]string{"severities": {"5"}}))
	require.False(t, source.Drifts(k, map[string][]string{"tags": {"x"}}))
}

func id(t was.Tag) string { return strconv.FormatInt(t.ID, 10) }
