package workflows_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"sluice/activities"
	"sluice/internal/lifecycle"
	"sluice/internal/simulator"
	"sluice/workflows"
)

// oursMap changes every application, and every finding of one.
func oursMap(t *testing.T) string {
	return tasMap(t, "ours", "", "  - expr: record.id + ' of ours'\n    to: asset.assetDetail.attributes.ours\n"+
		"  - expr: finding.id + ' of ours'\n    to: findingGroup.findings[].attributes.ours\n")
}

// manyBatches is an estate whose replay goes through enough batches to have a
// middle.
var manyBatches = simulator.Config{Seed: 3, Applications: 1000, APICollections: 100, FindingsPerAsset: 5}

// fetchedStage is a stage of many batches, and a run whose records are fetched.
func fetchedStage(t *testing.T) (s *stage, fetched int64) {
	s = newStage(t, setup{estate: manyBatches})
	return s, s.fetch()
}

// fetch runs the profile, lets it map otherwise from then on, and returns the
// run.
func (s *stage) fetch() int64 {
	result, err := s.run(workflows.Input{Profile: s.profile})
	require.NoError(s.t, err)
	require.Equal(s.t, lifecycle.Succeeded, result.Outcome, result.Reason)
	s.useMap("ours", oursMap(s.t))
	return result.RunID
}

// startReplay starts a replay by a workflow id.
func (s *stage) startReplay(id string, run int64) client.WorkflowRun {
	started, err := s.temporal.ExecuteWorkflow(s.t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: s.queue},
		workflows.ReplayType, workflows.ReplayInput{ReplayInput: activities.ReplayInput{Run: run}})
	require.NoError(s.t, err)
	return started
}

// heldReplay starts a replay and pauses it when it has written some batches.
func (s *stage) heldReplay(run int64) client.WorkflowRun {
	before := s.allBatches()
	replay := s.startReplay(workflows.ReplayWorkflowID(s.profile), run)
	s.waitForBatches(before + 3)
	s.update(replay.GetID(), workflows.UpdatePause, workflows.Because{Reason: "to look at it"})
	return replay
}

// allBatches counts what all runs have written.
func (s *stage) allBatches() (n int) {
	require.NoError(s.t, s.store.Pool().QueryRow(s.t.Context(), "SELECT count(*) FROM batches").Scan(&n))
	return n
}

// requireOver: nothing is kept for the end of a run, and the lease is free.
func (s *stage) requireOver() {
	s.t.Helper()
	left := s.leftBehind()
	require.Equal(s.t, make([]int64, 4), left[:4])
}

// requireReplayed holds the inventory against a fetch by the profile's maps.
func (s *stage) requireReplayed() {
	s.t.Helper()
	content := s.content()
	full, err := s.run(workflows.Input{Profile: s.profile, Mode: lifecycle.Full})
	require.NoError(s.t, err)
	require.Equal(s.t, lifecycle.Succeeded, full.Outcome, full.Reason)
	require.Zero(s.t, full.Assets.Created+full.Assets.Updated+full.Findings.Created+full.Findings.Updated+full.Stale+full.Fixed)
	requireSameRows(s.t, s.content(), content)
	s.requireTruth()
}

func TestACancelledReplayLeavesWholeBatchesAndAnotherCompletesIt(t *testing.T) {
	t.Parallel()
	s, fetched := fetchedStage(t)
	watermarks := s.watermarks()
	replay := s.heldReplay(fetched)
	s.update(replay.GetID(), workflows.UpdateCancel, workflows.Because{Reason: "the wrong map"})
	var ended *temporal.CanceledError
	require.ErrorAs(t, replay.Get(t.Context(), nil), &ended)
	cancelled := s.lastRun()
	require.Equal(t, lifecycle.Cancelled, cancelled.Outcome)
	require.Equal(t, "the wrong map; what was written stays", cancelled.Reason)
	s.requireOver()
	mixed := watermarks["APPLICATION"]
	mixed.MapDigest = "" // some of it is mapped otherwise now
	watermarks["APPLICATION"] = mixed
	require.Equal(t, watermarks, s.watermarks())

	var assets, findings, torn int64
	require.NoError(t, s.store.Pool().QueryRow(t.Context(), `
		SELECT (SELECT count(*) FROM assets WHERE run_id = $1 AND attributes ? 'ours'), (SELECT count(*) FROM findings WHERE run_id = $1 AND attributes ? 'ours'),
		       (SELECT count(*) FROM findings f JOIN assets a ON a.id = f.asset_id WHERE (a.run_id = $1) <> (f.run_id = $1))`, cancelled.ID).Scan(&assets, &findings, &torn))
	require.Zero(t, torn, "an asset and its findings are mapped by the same map")
	require.Equal(t, []int64{assets, findings}, []int64{cancelled.Assets.Updated, cancelled.Findings.Updated})
	require.Positive(t, assets)
	require.Less(t, assets, int64(1000))
	s.requireTruth()

	again, err := s.replay(activities.ReplayInput{Run: fetched})
	require.NoError(t, err)
	require.Equal(t, lifecycle.Succeeded, again.Outcome, again.Reason)
	require.Equal(t, 1000-assets, again.Assets.Updated)
	s.requireReplayed()
}

func TestAReplaySurvivesThatItsWorkerIsKilled(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{estate: manyBatches, noWorker: true})
	worker := s.startWorker()
	fetched := s.fetch()
	before := s.allBatches()
	replay := s.startReplay(workflows.ReplayWorkflowID(s.profile), fetched)
	s.waitForBatches(before + 3)
	require.NoError(t, worker.Process.Kill())
	killed := time.Now()
	s.startWorker()
	var replayed workflows.Result
	require.NoError(t, replay.Get(t.Context(), &replayed))
	require.Less(t, time.Since(killed), 50*time.Second, "its heartbeats were missed, whatever it did")
	require.Equal(t, lifecycle.Succeeded, replayed.Outcome, replayed.Reason)
	require.Equal(t, lifecycle.Counts{Updated: 1000, Unchanged: 100}, replayed.Assets, "every batch counts once")
	require.Equal(t, replayed.Findings, s.lastRun().Findings)
	s.requireReplayed()
}

func TestAReplayAndARunOfAProfileKeepOutOfEachOthersWay(t *testing.T) {
	t.Parallel()
	s, fetched := fetchedStage(t)
	underWay := func(skipped workflows.Result, id string) {
		t.Helper()
		require.Equal(t, lifecycle.Skipped, skipped.Outcome)
		require.Equal(t, fmt.Sprintf("run %d of the profile (workflow %s) is under way", s.lastRun().ID, id), skipped.Reason)
	}
	replay := s.heldReplay(fetched)
	skipped, err := s.run(workflows.Input{Profile: s.profile})
	require.NoError(t, err)
	underWay(skipped, replay.GetID())
	require.NoError(t, s.startReplay(replay.GetID()+"/again", fetched).Get(t.Context(), &skipped))
	underWay(skipped, replay.GetID())
	require.Equal(t, replay.GetRunID(), s.startReplay(replay.GetID(), fetched).GetRunID(), "by the same workflow id it is the same replay")
	s.update(replay.GetID(), workflows.UpdateResume)
	var replayed workflows.Result
	require.NoError(t, replay.Get(t.Context(), &replayed))
	require.Equal(t, lifecycle.Succeeded, replayed.Outcome, replayed.Reason)
	require.Equal(t, lifecycle.Counts{Updated: 1000, Unchanged: 100}, replayed.Assets)

	before := s.allBatches()
	run := s.start(workflows.Input{Profile: s.profile, Mode: lifecycle.Full})
	s.waitForBatches(before + 1)
	s.update(run.GetID(), workflows.UpdatePause, workflows.Because{Reason: "to look at it"})
	skipped, err = s.replay(activities.ReplayInput{Run: fetched})
	require.NoError(t, err)
	underWay(skipped, run.GetID())
	_, err = s.replay(activities.ReplayInput{Run: s.lastRun().ID})
	require.ErrorContains(t, err, "is under way: it can be replayed when it is over")
	s.update(run.GetID(), workflows.UpdateResume)
	require.NoError(t, run.Get(t.Context(), &replayed))
	require.Equal(t, lifecycle.Succeeded, replayed.Outcome, replayed.Reason)
	s.requireReplayed()
}

func TestARunTakesTheProfileFromAReplayThatIsGone(t *testing.T) {
	t.Parallel()
	s, fetched := fetchedStage(t)
	replay := s.heldReplay(fetched)
	gone := s.lastRun().ID
	require.NoError(t, s.temporal.TerminateWorkflow(t.Context(), replay.GetID(), "", "by hand"))
	result, err := s.run(workflows.Input{Profile: s.profile, Mode: lifecycle.Full})
	require.NoError(t, err)
	require.Equal(t, lifecycle.Succeeded, result.Outcome, result.Reason)
	s.requireTruth()
	run, err := s.store.Run(t.Context(), gone)
	require.NoError(t, err)
	require.Equal(t, lifecycle.Failed, run.Outcome)
	require.Equal(t, "the workflow ended without finishing the run (Terminated)", run.Reason)
}

func TestWhatADryOrACancelledRunFetchedIsReplayed(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{estate: manyBatches})
	dry, err := s.run(workflows.Input{Profile: s.profile, DryRun: true})
	require.NoError(t, err)
	require.Empty(t, s.content())
	replayed, err := s.replay(activities.ReplayInput{Run: dry.RunID})
	require.NoError(t, err)
	require.Equal(t, lifecycle.Succeeded, replayed.Outcome, replayed.Reason)
	require.Equal(t, []lifecycle.Counts{dry.Assets, dry.Findings}, []lifecycle.Counts{replayed.Assets, replayed.Findings})
	s.requireReplayed()

	full := s.lastRun().ID
	s.useMap("ours", oursMap(t))
	before := s.allBatches()
	run := s.start(workflows.Input{Profile: s.profile, Mode: lifecycle.Full})
	s.waitForBatches(before + 3)
	s.update(run.GetID(), workflows.UpdateCancel, workflows.Because{Reason: "enough"})
	require.Error(t, run.Get(t.Context(), nil))
	cancelled := s.lastRun()
	some, err := s.replay(activities.ReplayInput{Run: cancelled.ID})
	require.NoError(t, err)
	require.Equal(t, lifecycle.Partial, some.Outcome)
	require.Contains(t, some.Reason, fmt.Sprintf("run %d did not fetch it to its end, so that there is no more to replay", cancelled.ID))
	require.GreaterOrEqual(t, some.Assets.Total(), cancelled.Assets.Total(), "what was fetched and not written yet, too")
	require.Less(t, some.Assets.Total(), replayed.Assets.Total())
	require.Zero(t, some.Stale+some.Fixed)
	s.requireTruth()
	rest, err := s.replay(activities.ReplayInput{Run: full})
	require.NoError(t, err)
	require.Equal(t, replayed.Assets.Total(), rest.Assets.Total()+some.Assets.Total(), "of two runs of the same, each brings its own part")
	s.requireReplayed()
}

func TestARunOfWhichOnlySomeIsKeptIsNotReplayed(t *testing.T) {
	t.Parallel()
	s, fetched := fetchedStage(t)
	content := s.content()
	_, err := s.store.Pool().Exec(t.Context(), "DELETE FROM chunks WHERE run_id = $1 AND stream = 'APPLICATION' AND batch = 2", fetched)
	require.NoError(t, err)
	_, err = s.replay(activities.ReplayInput{Run: fetched})
	require.ErrorContains(t, err, "what it fetched is kept no more, since its retention is over")
	require.Equal(t, content, s.content())
	s.requireOver()
}
