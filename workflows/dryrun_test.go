package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/lifecycle"
	"sluice/internal/simulator"
	"sluice/workflows"
)

func TestADryRunSaysWhatARunWouldDoAndDoesNothing(t *testing.T) {
	t.Parallel()
	for kind, estate := range map[string]simulator.Config{"qualys-tas": estate, "qualys-was": webEstate, "qualys-vm": hostEstate} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, setup{estate: estate, kind: kind, settings: map[string]string{"pageSize": "50"}})
			run := func(mode lifecycle.Mode, dry bool) workflows.Result {
				result, err := s.run(workflows.Input{Profile: s.profile, Mode: mode, DryRun: dry})
				require.NoError(t, err)
				require.Equal(t, lifecycle.Succeeded, result.Outcome, result.Reason)
				result.RunID = 0
				return result
			}
			// asReal holds a dry run against the run after it.
			asReal := func(mode lifecycle.Mode) workflows.Result {
				before, watermarks, rest := s.content(), s.watermarks(), s.leftBehind()
				dry := run(mode, true)
				require.True(t, s.lastRun().Dry)
				require.Nil(t, s.lastRun().AssetsInAt)
				requireSameRows(t, before, s.content())
				require.Equal(t, watermarks, s.watermarks())
				require.Equal(t, rest, s.leftBehind())
				real := run(mode, false)
				if kind != "qualys-tas" {
					// Findings create the assets again that they do not see.
					require.GreaterOrEqual(t, dry.Assets.Created, real.Assets.Created)
					dry.Assets.Created = real.Assets.Created
				}
				require.Equal(t, real, dry)
				return real
			}
			first := asReal(lifecycle.Auto)
			require.Positive(t, first.Assets.Created)

			change := visible
			change.Updated, change.Added = 0.1, 0.05
			s.sim.Pass(24 * time.Hour)
			_, err := s.sim.Advance(change)
			require.NoError(t, err)
			delta := asReal(lifecycle.Auto)
			require.Equal(t, lifecycle.Delta, delta.Mode, "a dry run does not make the next one full")
			require.Positive(t, delta.Findings.Updated)

			change = unseen
			change.Silent, change.Removed = 0.1, 0.05
			s.sim.Pass(24 * time.Hour)
			_, err = s.sim.Advance(change)
			require.NoError(t, err)
			if kind == "qualys-tas" { // what is rejected is seen all the same
				require.NoError(t, s.sim.SetDefects(simulator.Defect{Kind: "date-garbage", Count: 4, AssetTypes: []simulator.AssetType{simulator.Application}}))
			}
			full := asReal(lifecycle.Full)
			require.Positive(t, full.Stale)
			require.Equal(t, kind == "qualys-tas", full.Assets.Rejected > 0)
		})
	}
}

// leftBehind counts what only runs under way keep, and what is seen by which.
func (s *stage) leftBehind() (counts [5]int64) {
	require.NoError(s.t, s.store.Pool().QueryRow(s.t.Context(), `
		SELECT (SELECT count(*) FROM dry_seen), (SELECT count(*) FROM seen_findings), (SELECT count(*) FROM vanished_findings),
		       (SELECT count(*) FROM leases), (SELECT coalesce(sum(seen_run + missed), 0)::bigint FROM profile_assets)`).
		Scan(&counts[0], &counts[1], &counts[2], &counts[3], &counts[4]))
	return counts
}
