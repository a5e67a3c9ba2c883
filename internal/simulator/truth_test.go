package simulator_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator"
)

var bothTypes = []simulator.AssetType{simulator.Application, simulator.APICollection}

func estateConfig() simulator.Config {
	return simulator.Config{Seed: 42, Applications: 230, APICollections: 70, FindingsPerAsset: 8, Start: start}
}

// everything changes something of every sort.
var everything = simulator.Change{Updated: 0.2, Silent: 0.1, Added: 0.1, Removed: 0.05}

func advance(t *testing.T, v *vendor, c simulator.Change) {
	v.sim.Pass(6 * time.Hour)
	_, err := v.sim.Advance(c)
	require.NoError(t, err)
	v.token = v.mint()
}

func TestPagingThroughEverythingEqualsTheTruth(t *testing.T) {
	t.Parallel()
	bare := simulator.Settings{OmitTotal: true, EmptyWithoutData: true}
	for _, c := range []struct {
		settings simulator.Settings
		limit    int
		mixed    bool // dates in all forms, some ids and severities as strings
	}{
		{simulator.Settings{Dialect: simulator.QPS}, 1, true},
		{simulator.Settings{Dialect: simulator.QPS}, 7, false},
		{simulator.Settings{Dialect: simulator.QPS}, 100, true},
		{simulator.Settings{Dialect: simulator.QPS}, 1000, false},
		{simulator.Settings{Dialect: simulator.Gateway}, 7, true},
		{simulator.Settings{Dialect: simulator.Gateway}, 1000, true},
		{bare, 10, true},
	} {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			t.Parallel()
			cfg := estateConfig()
			cfg.Settings, cfg.MixedDates, cfg.MixedScalars = c.settings, c.mixed, c.mixed
			v := startVendor(t, cfg)
			for generation := range 4 {
				for _, assetType := range bothTypes {
					require.Equal(t, slices.Collect(v.sim.Truth(assetType)), v.assets(assetType, c.limit),
						"%s in generation %d", assetType, generation)
				}
				advance(t, v, everything)
			}
		})
	}
}

func TestTotalCountIsTheSizeOfTheWholeResultOnEveryPage(t *testing.T) {
	t.Parallel()
	v := startVendor(t, estateConfig())
	advance(t, v, everything)
	want := len(slices.Collect(v.sim.Truth(simulator.Application)))
	first := v.page(applicationsPath, qpsBody(50, 0))
	second := v.page(applicationsPath, qpsBody(50, *first.LastID))
	require.Equal(t, want, *first.TotalCount)
	require.Equal(t, want, *second.TotalCount)
	require.Equal(t, 50, first.Count)
}

func TestADeltaSeesExactlyWhatWasUpdatedOrAdded(t *testing.T) {
	t.Parallel()
	v := startVendor(t, estateConfig())
	for range 3 {
		before := v.sim.Now().Truncate(time.Second)
		advance(t, v, everything)
		for _, assetType := range bothTypes {
			var want []simulator.Asset
			for a := range v.sim.Truth(assetType) {
				if a.Updated.After(before) {
					want = append(want, a)
				}
			}
			require.NotEmpty(t, want)
			require.Less(t, len(want), 150)
			require.Equal(t, want, v.assets(assetType, 9, updatedAfter(before)))
		}
	}
}

func TestNothingOfTheFirstEstateIsNewerThanThirtyDays(t *testing.T) {
	t.Parallel()
	v := startVendor(t, estateConfig())
	for _, assetType := range bothTypes {
		require.Empty(t, v.readAll(assetType, 100, updatedAfter(start.AddDate(0, 0, -30))))
		for a := range v.sim.Truth(assetType) {
			require.False(t, a.Created.After(a.Updated))
		}
	}
}

func TestAnAdvanceChangesTheShareAskedForAndLeavesTheRestByteForByte(t *testing.T) {
	t.Parallel()
	v := startVendor(t, estateConfig())
	before := byID(t, v.readAll(simulator.Application, 1000))
	advance(t, v, simulator.Change{Updated: 0.1, Added: 0.05, Removed: 0.02})
	after := byID(t, v.readAll(simulator.Application, 1000))

	var added, removed, changed, unchanged int
	for id, record := range after {
		switch old, known := before[id]; {
		case !known:
			added++
		case old != record:
			changed++
		default:
			unchanged++
		}
	}
	for id := range before {
		if _, kept := after[id]; !kept {
			removed++
		}
	}
	require.Equal(t, 12, added, "5 % of 230, rounded up")
	require.Equal(t, 5, removed, "2 % of 230, rounded up")
	require.InDelta(t, 23, changed, 5, "10 % of 230, less those that were removed as well")
	require.Equal(t, 230-removed-changed, unchanged)
}

func byID(t *testing.T, records []json.RawMessage) map[int64]string {
	out := map[int64]string{}
	for _, record := range records {
		var r struct{ ID int64 }
		require.NoError(t, json.Unmarshal(record, &r))
		require.Empty(t, out[r.ID], "an id comes once")
		out[r.ID] = string(record)
	}
	return out
}

func TestUpdatesChangeTitlesSeveritiesAndNamesAndAddAndEndFindings(t *testing.T) {
	t.Parallel()
	v := startVendor(t, estateConfig())
	before := slices.Collect(v.sim.Truth(simulator.Application))
	advance(t, v, simulator.Change{Updated: 1})
	var renamed, retitled, regraded, gone, found int
	for i, a := range slices.Collect(v.sim.Truth(simulator.Application)) {
		if a.Name != before[i].Name {
			renamed++
		}
		old := map[string]simulator.AssetFinding{}
		for _, f := range before[i].Findings {
			old[f.ID] = f
		}
		for _, f := range a.Findings {
			was, known := old[f.ID]
			switch {
			case !known:
				found++
			case was.Title != f.Title:
				retitled++
			case was.Severity != f.Severity:
				regraded++
			}
			delete(old, f.ID)
		}
		gone += len(old)
	}
	for _, n := range []int{renamed, retitled, regraded, gone, found} {
		require.Positive(t, n, "renamed %d, retitled %d, regraded %d, gone %d, found %d", renamed, retitled, regraded, gone, found)
	}
}

func TestASilentChangeIsInvisibleToADelta(t *testing.T) {
	t.Parallel()
	v := startVendor(t, estateConfig())
	before := slices.Collect(v.sim.Truth(simulator.Application))
	advance(t, v, simulator.Change{Silent: 0.1})
	after := slices.Collect(v.sim.Truth(simulator.Application))

	changed := 0
	for i := range after {
		require.Equal(t, before[i].Updated, after[i].Updated)
		if !slices.Equal(before[i].Findings, after[i].Findings) {
			changed++
		}
	}
	require.Positive(t, changed)
	require.Empty(t, v.readAll(simulator.Application, 100, updatedAfter(start)))
	require.Equal(t, after, v.assets(simulator.Application, 100), "a full read sees it")
}

func TestAShrunkenScopeHidesAssetsWithoutAnErrorAndGivesThemBack(t *testing.T) {
	t.Parallel()
	v := startVendor(t, estateConfig())
	all := slices.Collect(v.sim.Truth(simulator.Application))
	require.NoError(t, v.sim.Hide(0.3))
	some := v.assets(simulator.Application, 100)
	require.Len(t, some, 230-69)
	require.Equal(t, slices.Collect(v.sim.Truth(simulator.Application)), some)
	require.Equal(t, all, slices.Collect(v.sim.WholeTruth(simulator.Application)))
	require.Equal(t, 230-69, *v.page(applicationsPath, qpsBody(1, 0)).TotalCount)

	require.NoError(t, v.sim.Hide(0))
	require.Equal(t, all, v.assets(simulator.Application, 100))
	require.ErrorContains(t, v.sim.Hide(1.5), "allowed are 0 to 1")
}

func TestTheSameSeedServesTheSameBytesAndAnotherDoesNot(t *testing.T) {
	t.Parallel()
	read := func(seed uint64) []json.RawMessage {
		cfg := estateConfig()
		cfg.Seed, cfg.MixedDates, cfg.MixedScalars = seed, true, true
		cfg.Clock = func() time.Time { return start }
		v := startVendor(t, cfg)
		for range 3 {
			advance(t, v, everything)
		}
		return v.readAll(simulator.Application, 100)
	}
	first := read(7)
	require.Equal(t, first, read(7))
	require.NotEqual(t, first, read(8))
}

func TestTheEstateIsAsVariedAsARealOne(t *testing.T) {
	t.Parallel()
	cfg := simulator.Config{Seed: 3, Applications: 5000, APICollections: 500, FindingsPerAsset: 10}
	v := startVendor(t, cfg)

	ids, findingIDs := map[string]bool{}, map[string]bool{}
	none, most, findings := 0, 0, 0
	severities := map[int]int{}
	for _, assetType := range bothTypes {
		clear(ids)
		specified := 0
		for a := range v.sim.Truth(assetType) {
			require.False(t, ids[a.ID], "ids are unique per type")
			ids[a.ID] = true
			for _, f := range a.Findings {
				require.False(t, findingIDs[f.ID], "finding ids are unique")
				findingIDs[f.ID] = true
				severities[f.Severity]++
			}
			findings += len(a.Findings)
			most = max(most, len(a.Findings))
			if len(a.Findings) == 0 {
				none++
			}
			if a.SpecificationURL != "" {
				specified++
			}
			require.Equal(t, assetType == simulator.Application, a.URL != "")
		}
		if assetType == simulator.APICollection {
			require.InDelta(t, 0.88, float64(specified)/500, 0.08, "some collections have no specification")
		}
	}
	require.InDelta(t, 10, float64(findings)/5500, 0.6, "findings per asset")
	require.Greater(t, most, 100, "a long tail")
	require.InDelta(t, 0.1, float64(none)/5500, 0.05, "assets without findings")
	require.Len(t, severities, 5)

	page := v.search(applicationsPath, qpsBody(1000, 0)).body
	perFinding := float64(len(page)) / float64(v.sim.Counts().Findings)
	require.InDelta(t, 430, perFinding, 50, "bytes per finding, the asset's own included")
	for _, awkward := range []string{`\"`, `\\`, `東京`, `عربي`, `🚀`, `\ud83d`, `\u003c`, `\n`, `\t`, `\/`} {
		require.Contains(t, string(page), awkward)
	}
}

func TestConfigurationsThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	for want, cfg := range map[string]simulator.Config{
		"Applications is -1":        {Applications: -1},
		"FindingsPerAsset is 5000":  {FindingsPerAsset: 5000},
		"unknown dialect":           {Settings: simulator.Settings{Dialect: "soap"}},
		"lifetime 1ms is too short": {Settings: simulator.Settings{TokenTTL: time.Millisecond}},
		"unknown defect":            {Defects: []simulator.Defect{{Kind: "typo", Count: 1}}},
		"unknown fault":             {Faults: []simulator.Fault{{Kind: "typo"}}},
	} {
		_, err := simulator.New(cfg)
		require.ErrorContains(t, err, want)
	}
}
