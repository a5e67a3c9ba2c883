package simulator_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator"
	"sluice/internal/simulator/was"
)

func TestMalformedFindingsAreServedAsTheTruthSays(t *testing.T) {
	t.Parallel()
	for _, media := range bothMedia {
		v := startWeb(t)
		v.control("web-defects", `[{"kind":"severity-word","count":5},{"kind":"id-missing","share":0.01}]`)
		q := v.qps(media)
		found := records(q.ok(http.MethodPost, findingsPath, q.body([]string{"limitResults=1000", "verbose=true"})))
		truth := slices.Collect(v.sim.WebFindings(q.user))
		require.Len(t, found, len(truth))
		malformed := map[was.DefectKind]int{}
		for i, f := range truth {
			malformed[f.Malformed]++
			switch r := found[i]; f.Malformed {
			case was.SeverityWord:
				require.Equal(t, "blocker", r["severity"])
				require.Equal(t, f.ID, r["id"])
			case was.IDMissing:
				require.NotContains(t, r, "id")
				require.Equal(t, f.UniqueID, r["uniqueId"])
			default:
				require.Equal(t, f, webFindingOf(t, r, true), "good findings stay as they are")
			}
		}
		require.Equal(t, map[was.DefectKind]int{"": 688, was.SeverityWord: 5, was.IDMissing: 7}, malformed)

		require.NoError(t, v.sim.SetWebDefects())
		q.requireTruth(1000, true)
	}
}

func TestDefectsOfFindingsThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	v := startWeb(t)
	require.ErrorContains(t, v.sim.SetWebDefects(simulator.WebDefect{Kind: "typo", Count: 1}), "unknown defect")
	require.ErrorContains(t, v.sim.SetWebDefects(simulator.WebDefect{Kind: was.IDMissing}), "either a count or a share")
	require.ErrorContains(t, v.sim.SetWebDefects(simulator.WebDefect{Kind: was.IDMissing, Share: 2}), "allowed are 0 to 1")
}
