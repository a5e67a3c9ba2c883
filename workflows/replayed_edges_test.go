package workflows_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/activities"
	"sluice/internal/catalog"
	"sluice/internal/lifecycle"
	"sluice/internal/simulator"
	"sluice/workflows"
)

func TestAMapThatTellsContradictingRecordsApartIsReplayedAsABetterOne(t *testing.T) {
	t.Parallel()
	s := newFileStage(t, setup{maps: map[string]string{"HOST": "lab-rows"}})
	const rows = "host,name\nh1,a\nh1,b\nh2,c\n"
	first, err := s.run(workflows.Input{Profile: s.profile, Mode: lifecycle.Full, Upload: s.send("a.csv", rows)})
	require.NoError(t, err)
	require.Equal(t, lifecycle.Partial, first.Outcome)
	require.NoError(t, s.store.AddMap(t.Context(), []byte("name: mended\nsource: file.rows\ntarget: inventory\nassetClass: host\nrows:\n"+
		"  - {expr: \"record.host + record.?name.orValue('')\", to: asset.assetHeader.externalAssetId}\n  - {from: name, to: asset.assetDetail.name}\n")))
	s.mapBy(map[string]string{"HOST": "mended"})
	replayed, err := s.replay(activities.ReplayInput{Run: first.RunID, AcceptShrink: true})
	require.NoError(t, err)
	require.Equal(t, lifecycle.Succeeded, replayed.Outcome, replayed.Reason)
	content := s.content()
	fresh, err := s.run(workflows.Input{Profile: s.profile, Mode: lifecycle.Full, Upload: s.send("a.csv", rows)})
	require.NoError(t, err)
	require.Equal(t, lifecycle.Succeeded, fresh.Outcome, fresh.Reason)
	require.Equal(t, content, s.content())
}

// The log, and with it what was rejected, may be kept for a shorter time than what
// was fetched.
func TestWhatWasSetAsideIsNotGoneWhenNobodyKnowsItsNameAnyMore(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{estate: simulator.Config{Seed: 7, Applications: 30, FindingsPerAsset: 1}})
	_, err := s.run(workflows.Input{Profile: s.profile, Mode: lifecycle.Full})
	require.NoError(t, err)
	require.NoError(t, s.sim.SetDefects(simulator.Defect{Kind: "undecodable", Count: 1}))
	second, err := s.run(workflows.Input{Profile: s.profile, Mode: lifecycle.Full})
	require.NoError(t, err)
	require.Zero(t, second.Stale)
	forgotten, err := s.store.Pool().Exec(t.Context(), "DELETE FROM rejects WHERE stage = 'fetch'")
	require.NoError(t, err)
	require.Positive(t, forgotten.RowsAffected())
	replayed, err := s.replay(activities.ReplayInput{Run: second.RunID})
	require.NoError(t, err)
	require.Equal(t, lifecycle.Partial, replayed.Outcome)
	require.Zero(t, replayed.Stale)
	require.Contains(t, replayed.Reason, "so nothing can be said to be gone")
}

func TestAGuardedReplaySaysHowToDoTheSameAgain(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{estate: simulator.Config{Seed: 2, Applications: 20}})
	first, err := s.run(workflows.Input{Profile: s.profile, Mode: lifecycle.Full})
	require.NoError(t, err)
	body := strings.Replace(tasMap(t, "ours", "", ""), "from: id\n    to: asset.assetHeader.externalAssetId",
		"expr: \"'x-' + string(record.id)\"\n    to: asset.assetHeader.externalAssetId", 1)
	require.NoError(t, s.store.AddMap(t.Context(), []byte(body)))
	guarded, err := s.replay(activities.ReplayInput{Run: first.RunID, Maps: map[string]string{"APPLICATION": "ours"}})
	require.NoError(t, err)
	require.Contains(t, guarded.Reason, "or that a map makes other ids than before")
	require.Regexp(t, `accept it with 'sluice runs replay \d+ --accept-shrink --map APPLICATION=ours@1 --map APICOLLECTION=qualys-tas-api-collection@1'`, guarded.Reason)
}

// What newer runs have brought is left alone, and yet there was nothing wrong with
// it: a map that fits most of what a run fetched fits.
func TestAnOvertakenReplayIsJudgedByAllThatItMapped(t *testing.T) {
	t.Parallel()
	policy := catalog.DefaultPolicy
	policy.RejectPercent = 20
	s := newStage(t, setup{estate: simulator.Config{Seed: 2, Applications: 60, FindingsPerAsset: 10}, policy: policy})
	first, err := s.run(workflows.Input{Profile: s.profile, Mode: lifecycle.Full})
	require.NoError(t, err)
	_, err = s.run(workflows.Input{Profile: s.profile, Mode: lifecycle.Full})
	require.NoError(t, err)
	s.useMap("ours", tasMap(t, "ours", "", "  - expr: \"10 / (finding.id.endsWith('7') ? 0 : 1)\"\n    to: findingGroup.findings[].attributes.rating\n"))
	replayed, err := s.replay(activities.ReplayInput{Run: first.RunID})
	require.NoError(t, err)
	require.Greater(t, replayed.Findings.Rejected, int64(10))
	require.Positive(t, s.lastRun().LeftAlone)
	require.Equal(t, lifecycle.Succeeded, replayed.Outcome, replayed.Reason)
}
