package simulator_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator"
	"sluice/internal/simulator/estate"
)

// What each kind of malformed record looks like on the wire.
func TestMalformedRecordsAreServedAsTheTruthSays(t *testing.T) {
	t.Parallel()
	type loose = map[string]any
	for kind, check := range map[estate.DefectKind]func(t *testing.T, record loose, finding int){
		estate.IDMissing:          func(t *testing.T, r loose, _ int) { require.NotContains(t, r, "id") },
		estate.IDNull:             func(t *testing.T, r loose, _ int) { require.Contains(t, r, "id"); require.Nil(t, r["id"]) },
		estate.NameObject:         func(t *testing.T, r loose, _ int) { require.IsType(t, loose{}, r["name"]) },
		estate.NameNUL:            func(t *testing.T, r loose, _ int) { require.Contains(t, r["name"], "\x00") },
		estate.DateGarbage:        func(t *testing.T, r loose, _ int) { require.Equal(t, "the day before yesterday", r["updatedDate"]) },
		estate.FindingsNotList:    func(t *testing.T, r loose, _ int) { require.Equal(t, "none", r["findings"]) },
		estate.SeverityOutOfRange: func(t *testing.T, r loose, n int) { require.EqualValues(t, 9, findingOf(r, n)["severity"]) },
		estate.SeverityWord:       func(t *testing.T, r loose, n int) { require.Equal(t, "blocker", findingOf(r, n)["severity"]) },
		estate.FindingIDMissing:   func(t *testing.T, r loose, n int) { require.NotContains(t, findingOf(r, n), "id") },
	} {
		for _, assetType := range bothTypes {
			t.Run(string(kind)+" "+assetType.String(), func(t *testing.T) {
				t.Parallel()
				v := startVendor(t, estateConfig())
				require.NoError(t, v.sim.SetDefects(simulator.Defect{Kind: kind, Share: 0.1}))
				truth := slices.Collect(v.sim.Truth(assetType))
				records := v.readAll(assetType, 50)
				require.Len(t, records, len(truth))
				malformed := 0
				for i, a := range truth {
					finding := slices.IndexFunc(a.Findings, func(f simulator.AssetFinding) bool { return f.Malformed != "" })
					if a.Malformed == "" && finding < 0 {
						require.Equal(t, a, v.asset(assetType, records[i]), "good records stay as they are")
						continue
					}
					malformed++
					var record loose
					require.NoError(t, json.Unmarshal(records[i], &record))
					check(t, record, finding)
					if finding >= 0 {
						require.Empty(t, a.Malformed, "the asset of a malformed finding is good")
						require.Equal(t, kind, a.Findings[finding].Malformed)
					} else {
						require.Equal(t, kind, a.Malformed)
					}
				}
				require.InDelta(t, 0.1*float64(len(truth)), malformed, 0.03*float64(len(truth)),
					"a tenth, less those without a finding where the finding is what is malformed")
			})
		}
	}
}

func findingOf(record map[string]any, n int) map[string]any {
	return record["findings"].([]any)[n].(map[string]any)
}

func TestAPoisonousRecordSpoilsEveryPageItIsOnAndCanBePassed(t *testing.T) {
	t.Parallel()
	for kind, spoilt := range map[estate.DefectKind]func(answer) bool{
		estate.Undecodable: func(a answer) bool { return a.status == http.StatusOK && !json.Valid(a.body) },
		estate.ServerError: func(a answer) bool { return a.status == http.StatusInternalServerError },
	} {
		v := startVendor(t, estateConfig())
		require.NoError(t, v.sim.SetDefects(simulator.Defect{Kind: kind, Count: 1}))
		truth := slices.Collect(v.sim.Truth(simulator.Application))
		bad := slices.IndexFunc(truth, func(a simulator.Asset) bool { return a.Malformed == kind })
		require.Positive(t, bad)
		before, err := strconv.ParseInt(truth[bad-1].ID, 10, 64)
		require.NoError(t, err)

		require.True(t, spoilt(v.search(applicationsPath, qpsBody(1000, 0))))
		for _, limit := range []int{1, 5} {
			require.True(t, spoilt(v.search(applicationsPath, qpsBody(limit, before))), "page of %d", limit)
		}
		require.Equal(t, truth[:bad], v.assets(simulator.Application, 50, `{"field":"id","operator":"LESSER","value":"`+truth[bad].ID+`"}`))
		require.Equal(t, truth[bad+1:], v.assets(simulator.Application, 50, `{"field":"id","operator":"GREATER","value":"`+truth[bad].ID+`"}`))
		beyond := v.page(applicationsPath, `{"ServiceRequest":{"preferences":{"limitResults":1,"startFromOffset":2},`+
			`"filters":{"Criteria":{"field":"id","operator":"GREATER","value":"`+truth[bad-1].ID+`"}}}}`)
		require.Equal(t, truth[bad+1], v.asset(simulator.Application, beyond.Data[0]), "passed by an offset, without knowing its id")

		require.NoError(t, v.sim.SetDefects())
		require.Len(t, v.assets(simulator.Application, 1000), 230, "mended")
	}
}

func TestRecordsWithoutOptionalFieldsAreGoodRecords(t *testing.T) {
	t.Parallel()
	cfg := estateConfig()
	cfg.Defects = []simulator.Defect{{Kind: estate.MissingOptional, Share: 1}}
	v := startVendor(t, cfg)
	for _, assetType := range bothTypes {
		truth := slices.Collect(v.sim.Truth(assetType))
		require.Equal(t, truth, v.assets(assetType, 100))
		for _, a := range truth {
			require.Empty(t, a.Malformed)
			require.Zero(t, a.Created)
			require.Empty(t, a.URL+a.SpecificationURL)
		}
	}
}

func TestDefectsConcernTheRecordsAskedFor(t *testing.T) {
	t.Parallel()
	v := startVendor(t, estateConfig())
	require.NoError(t, v.sim.SetDefects(
		simulator.Defect{Kind: estate.IDNull, Count: 3, AssetTypes: []simulator.AssetType{simulator.APICollection}},
		simulator.Defect{Kind: estate.DateGarbage, Count: 2},
	))
	found := map[string]int{}
	for _, assetType := range bothTypes {
		for a := range v.sim.Truth(assetType) {
			if a.Malformed != "" {
				found[assetType.String()+" "+string(a.Malformed)]++
			}
		}
	}
	require.Equal(t, map[string]int{"APICOLLECTION id-null": 3, "APICOLLECTION date-garbage": 2, "APPLICATION date-garbage": 2}, found)

	require.ErrorContains(t, v.sim.SetDefects(simulator.Defect{Kind: estate.IDNull}), "either a count or a share")
	require.ErrorContains(t, v.sim.SetDefects(simulator.Defect{Kind: "typo", Count: 1}), "unknown defect")
}
