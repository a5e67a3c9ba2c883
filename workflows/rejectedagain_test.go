package workflows_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/activities"
	"sluice/internal/lifecycle"
	"sluice/internal/simulator"
	"sluice/workflows"
)

func TestAReplayOfRejectsThatAreRejectedAgainIsPartial(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{estate: simulator.Config{Seed: 2, Applications: 60, FindingsPerAsset: 2}})
	rejecting := func(what string) string {
		return tasMap(t, "ours", "", "  - expr: \"10 / ("+what+" ? 0 : 1)\"\n    to: asset.assetDetail.attributes.rating\n")
	}
	s.useMap("ours", rejecting("record.id.endsWith('7')"))
	first, err := s.run(workflows.Input{Profile: s.profile})
	require.NoError(t, err)
	require.Equal(t, lifecycle.Succeeded, first.Outcome, "a few are let through: %s", first.Reason)
	n := first.Assets.Rejected
	require.Positive(t, n)

	again, err := s.replay(activities.ReplayInput{Run: first.RunID, RejectsOnly: true})
	require.NoError(t, err)
	require.Equal(t, lifecycle.Partial, again.Outcome)
	require.Equal(t, fmt.Sprintf("APPLICATION: %d of %d records were rejected again: see 'sluice runs rejects %d'", n, n, again.RunID), again.Reason)

	s.useMap("ours", rejecting("false"))
	mended, err := s.replay(activities.ReplayInput{Run: first.RunID, RejectsOnly: true})
	require.NoError(t, err)
	require.Equal(t, lifecycle.Succeeded, mended.Outcome, mended.Reason)
	require.Equal(t, lifecycle.Counts{Created: n}, mended.Assets)
	s.requireTruth()
}
