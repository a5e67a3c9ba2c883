package workflows_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"sluice/activities"
	"sluice/internal/catalog"
	"sluice/internal/lifecycle"
	"sluice/internal/simulator"
	"sluice/workflows"
)

// replay replays a run to its end.
func (s *stage) replay(in activities.ReplayInput) (workflows.Result, error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Minute)
	defer cancel()
	run, err := s.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: workflows.ReplayWorkflowID(s.profile), TaskQueue: s.queue},
		workflows.ReplayType, workflows.ReplayInput{ReplayInput: in})
	require.NoError(s.t, err)
	var result workflows.Result
	err = run.Get(ctx, &result)
	return result, err
}

// content is all of the inventory that people see, but for when and by which
// run it was written.
func (s *stage) content() (rows []string) {
	found, err := s.store.Pool().Query(s.t.Context(), `
		SELECT concat_ws(' | ', 'asset', class, external_id, name, base_url, specification_url, source_created_at, source_updated_at, ip_address, dns_name,
		       operating_system, last_scanned_at, attributes, map_id, stale_since IS NOT NULL) AS row FROM assets
		UNION ALL
		SELECT concat_ws(' | ', 'finding', a.external_id, f.external_id, f.name, f.severity, f.attributes, f.status, f.qid, f.first_found_at,
		       s.last_found_at, s.last_tested_at, s.times_found, f.map_id, f.absent_since IS NOT NULL)
		  FROM findings f JOIN assets a ON a.id = f.asset_id LEFT JOIN finding_sightings s ON s.finding_id = f.id
		UNION ALL
		SELECT concat_ws(' | ', 'entry', qid, title, severity, modified_at, attributes, map_id) FROM knowledge_base
		ORDER BY row`)
	require.NoError(s.t, err)
	defer found.Close()
	for found.Next() {
		var row string
		require.NoError(s.t, found.Scan(&row))
		rows = append(rows, row)
	}
	require.NoError(s.t, found.Err())
	return rows
}

func TestAReplayEqualsAFetchWithThatMap(t *testing.T) {
	t.Parallel()
	for kind := range edits {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s, in := newDrawnStage(t, kind)
			_, err := s.run(in)
			require.NoError(t, err)
			changed := int64(0)
			for seed := range 4 {
				s.mapBy(s.drawMaps(seed))
				replayed, err := s.replay(activities.ReplayInput{Run: s.lastRun().ID})
				require.NoError(t, err)
				require.Equal(t, lifecycle.Succeeded, replayed.Outcome, replayed.Reason)
				changed += replayed.Assets.Updated + replayed.Findings.Updated
				content := s.content()
				full, err := s.run(in)
				require.NoError(t, err)
				require.Zero(t, full.Assets.Created+full.Assets.Updated+full.Findings.Created+full.Findings.Updated+full.Stale+full.Fixed)
				require.Equal(t, replayed.Assets.Rejected, full.Assets.Rejected)
				require.Equal(t, replayed.Findings.Rejected, full.Findings.Rejected)
				requireSameRows(t, s.content(), content)
			}
			require.Positive(t, changed)
		})
	}
}

func TestAReplayLeavesAloneWhatNewerRunsHaveBrought(t *testing.T) {
	t.Parallel()
	for kind, estate := range map[string]simulator.Config{"qualys-tas": estate, "qualys-was": webEstate, "qualys-vm": hostEstate} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, setup{estate: estate, kind: kind, settings: map[string]string{"pageSize": "50"}})
			run := func(mode lifecycle.Mode) {
				result, err := s.run(workflows.Input{Profile: s.profile, Mode: mode})
				require.NoError(t, err)
				require.Equal(t, lifecycle.Succeeded, result.Outcome, result.Reason)
			}
			run(lifecycle.Full)
			first, before, watermarks := s.lastRun().ID, s.content(), s.watermarks()

			replayed, err := s.replay(activities.ReplayInput{Run: first})
			require.NoError(t, err)
			require.Equal(t, lifecycle.Succeeded, replayed.Outcome, replayed.Reason)
			require.Equal(t, lifecycle.Counts{Unchanged: replayed.Findings.Total()}, replayed.Findings)
			require.Zero(t, s.lastRun().LeftAlone)
			require.Equal(t, before, s.content(), "the same map makes the same")
			require.Equal(t, watermarks, s.watermarks())

			change := visible
			change.Updated, change.Added = 0.1, 0.05
			s.sim.Pass(24 * time.Hour)
			_, err = s.sim.Advance(change)
			require.NoError(t, err)
			run(lifecycle.Delta)
			change = unseen
			change.Silent, change.Removed = 0.1, 0.05
			s.sim.Pass(24 * time.Hour)
			_, err = s.sim.Advance(change)
			require.NoError(t, err)
			run(lifecycle.Full)
			newest, watermarks := s.content(), s.watermarks()
			require.NotEqual(t, before, newest)

			replayed, err = s.replay(activities.ReplayInput{Run: first})
			require.NoError(t, err)
			require.Equal(t, lifecycle.Succeeded, replayed.Outcome, replayed.Reason)
			require.Zero(t, replayed.Stale+replayed.Fixed)
			require.Positive(t, s.lastRun().LeftAlone)
			requireSameRows(t, newest, s.content())
			require.Equal(t, watermarks, s.watermarks())
		})
	}
}

// requireSameRows names a few rows that differ.
func requireSameRows(t *testing.T, want, got []string) {
	t.Helper()
	table := func(rows []string) map[string]bool {
		set := make(map[string]bool)
		for _, row := range rows {
			set[row] = true
		}
		return set
	}
	requireSame(t, table(want), table(got))
}

// watermarks are where the next delta runs of the profile read from.
func (s *stage) watermarks() map[string]catalog.Watermark {
	p, err := s.store.Profile(s.t.Context(), s.profile)
	require.NoError(s.t, err)
	watermarks, err := s.store.Watermarks(s.t.Context(), p.ID)
	require.NoError(s.t, err)
	return watermarks
}

func TestWhatIsNotKeptAnyMoreIsNotReplayed(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{estate: simulator.Config{Seed: 2, Applications: 5}})
	_, err := s.run(workflows.Input{Profile: s.profile})
	require.NoError(t, err)
	fetched := s.lastRun().ID
	replayed, err := s.replay(activities.ReplayInput{Run: fetched, Maps: map[string]string{"APPLICATION": "qualys-tas-application@1"}})
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf("replay of run %d by map qualys-tas-application@1, qualys-tas-api-collection@1", fetched), s.lastRun().ModeReason)
	_, err = s.replay(activities.ReplayInput{Run: replayed.RunID})
	require.ErrorContains(t, err, fmt.Sprintf("is a replay itself: replay run %d", fetched))
	_, err = s.replay(activities.ReplayInput{Run: fetched, Maps: map[string]string{"APPLICATION": "qualys-tas-application@9"}})
	require.ErrorContains(t, err, `has no version 9: it has 1 to 1`)
	_, err = s.replay(activities.ReplayInput{Run: fetched, Maps: map[string]string{"APPLICATION": "qualys-vm-host"}})
	require.ErrorContains(t, err, "reads qualys-vm.host")
	_, err = s.replay(activities.ReplayInput{Run: fetched, RejectsOnly: true})
	require.ErrorContains(t, err, fmt.Sprintf("run %d rejected nothing: there is nothing to replay", fetched))

	_, err = s.store.CleanUp(t.Context(), catalog.Retention{Raw: time.Hour, Log: time.Hour}, time.Now().Add(2*time.Hour))
	require.NoError(t, err)
	_, err = s.replay(activities.ReplayInput{Run: fetched})
	require.ErrorContains(t, err, "is kept no more, since its retention is over; 'sluice run "+s.profile+" --mode full' fetches it anew")
}

func TestOnlyTheRejectedRecordsAreReplayedWhenTheMapIsMended(t *testing.T) {
	t.Parallel()
	policy := catalog.DefaultPolicy
	policy.RejectPercent = 100
	s := newStage(t, setup{estate: estate, policy: policy})
	s.useMap("ours", tasMap(t, "ours", "", "  - expr: 10 / (finding.severity - 5)\n    to: findingGroup.findings[].attributes.rating\n"+
		"  - expr: \"10 / (record.id.endsWith('7') ? 0 : 1)\"\n    to: asset.assetDetail.attributes.rating\n"))
	_, err := s.run(workflows.Input{Profile: s.profile})
	require.NoError(t, err)
	broken := s.lastRun()
	require.Positive(t, broken.Assets.Rejected)
	require.Positive(t, broken.Findings.Rejected)

	again, err := s.replay(activities.ReplayInput{Run: broken.ID, RejectsOnly: true})
	require.NoError(t, err)
	require.Equal(t, lifecycle.Succeeded, again.Outcome, again.Reason)
	require.Equal(t, []int64{broken.Assets.Rejected, broken.Findings.Rejected}, []int64{again.Assets.Rejected, again.Findings.Rejected}, "nothing was mended")

	mended, err := s.replay(activities.ReplayInput{Run: broken.ID, RejectsOnly: true, Maps: map[string]string{"APPLICATION": "qualys-tas-application"}})
	require.NoError(t, err)
	require.Equal(t, lifecycle.Succeeded, mended.Outcome, mended.Reason)
	require.Equal(t, broken.Assets.Rejected, mended.Assets.Created)
	require.Less(t, mended.Assets.Total(), int64(230), "of 230 applications only those that had rejects")
	require.Zero(t, mended.Assets.Rejected+mended.Findings.Rejected)
	s.requireTruth()

	_, err = s.store.CleanUp(t.Context(), catalog.Retention{Raw: 3 * time.Hour, Log: time.Hour}, time.Now().Add(2*time.Hour))
	require.NoError(t, err)
	_, err = s.replay(activities.ReplayInput{Run: broken.ID, RejectsOnly: true})
	require.ErrorContains(t, err, fmt.Sprintf("which records run %d rejected is kept no more, since its retention is over; 'sluice runs replay %[1]d' replays all of them", broken.ID))
}

func TestAReplayContinuesAsNewWithItsCounts(t *testing.T) {
	t.Parallel()
	replaying := func(in workflows.ReplayInput, suggested bool) *unit {
		u := newUnit(t)
		u.RegisterWorkflow(workflows.ReplayWorkflow)
		u.OnActivity("PlanReplay", mock.Anything, activities.ReplayInput{Run: 5}).
			Return(activities.Planned{RunID: 7, Profile: "p", Mode: lifecycle.Replay, RejectPercent: 5, Streams: []string{"APPLICATION"}}, nil).Maybe()
		u.OnActivity("Reread", mock.Anything, mock.Anything).Return(func(_ context.Context, ref catalog.BatchRef) (activities.Fetched, error) {
			u.SetContinueAsNewSuggested(suggested && ref.Batch == 3)
			return activities.Fetched{BatchRecords: 10, Records: int64(10 * ref.Batch), Ended: ref.Batch == 5}, nil
		})
		u.ExecuteWorkflow(workflows.ReplayWorkflow, in)
		return u
	}
	var next *workflow.ContinueAsNewError
	require.ErrorAs(t, replaying(workflows.ReplayInput{ReplayInput: activities.ReplayInput{Run: 5}}, true).GetWorkflowError(), &next)
	require.Equal(t, workflows.ReplayType, next.WorkflowType.Name)
	var in workflows.ReplayInput
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &in))
	require.Equal(t, 3, in.Resume.Progress.Streams[0].Batches)

	u := replaying(in, false)
	require.Equal(t, int64(50), u.result().Assets.Created)
	u.AssertNotCalled(t, "PlanReplay", mock.Anything, mock.Anything)
	u.AssertNotCalled(t, "Fetch", mock.Anything, mock.Anything)
}
