package workflows_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"sluice/internal/lifecycle"
	"sluice/internal/simulator"
	estates "sluice/internal/simulator/estate"
	"sluice/workflows"
)

func TestFaultsOfTheVendorAreSurvived(t *testing.T) {
	t.Parallel()
	config := estate
	config.Faults = []simulator.Fault{
		{Kind: "http-error", Status: 503, Share: 0.1},
		{Kind: "http-error", Status: 500, HTML: true, Share: 0.05},
		{Kind: "throttle", RetryAfter: 1, Every: 9, Times: 3},
		{Kind: "revoke-tokens", Endpoint: "applications", Every: 7, Times: 2}, // twice in a row would be a refusal
		{Kind: "cut", Share: 0.1},
		{Kind: "truncate", Share: 0.05},
		{Kind: "hang-up", Share: 0.05},
		{Kind: "repeat-page", Share: 0.05},
		{Kind: "duplicate", Share: 0.1},
		{Kind: "slow", Delay: 20 * time.Millisecond, Share: 0.2},
		{Kind: "error-body", Code: "OTHER_ERROR", Share: 0.05},
	}
	s := newStage(t, setup{estate: config})
	result, err := s.run(workflows.Input{Profile: s.profile})
	require.NoError(t, err)
	require.Equal(t, lifecycle.Succeeded, result.Outcome, result.Reason)
	s.requireTruth()
	require.NotEmpty(t, s.sim.Counts().Faults, "there were faults")
}

func TestMalformedRecordsAreRejectedWithTheirReasonsAndTheRestIsIn(t *testing.T) {
	t.Parallel()
	config := estate
	for _, kind := range []estates.DefectKind{"severity-out-of-range", "severity-word", "finding-id-missing", "date-garbage", "name-object", "findings-not-list", "missing-optional"} {
		config.Defects = append(config.Defects, simulator.Defect{Kind: kind, Count: 1})
	}
	s := newStage(t, setup{estate: config})
	result, err := s.run(workflows.Input{Profile: s.profile})
	require.NoError(t, err)
	require.Equal(t, lifecycle.Succeeded, result.Outcome, result.Reason)
	s.requireTruth()

	rejects, err := s.store.Rejects(t.Context(), result.RunID, 100, 0)
	require.NoError(t, err)
	byRecord := make(map[string]string)
	for _, r := range rejects {
		require.NotEmpty(t, r.Reason)
		byRecord[fmt.Sprint(r.Stream, r.AssetID, r.Finding >= 0)] = r.Reason
	}
	malformed := 0
	for stream, assetType := range map[string]simulator.AssetType{"APPLICATION": simulator.Application, "APICOLLECTION": simulator.APICollection} {
		for a := range s.sim.Truth(assetType) {
			if a.Malformed != "" {
				malformed++
				require.Contains(t, byRecord, fmt.Sprint(stream, a.ID, false), "%s", a.Malformed)
			}
			for _, f := range a.Findings {
				if f.Malformed != "" {
					malformed++
					require.Contains(t, byRecord, fmt.Sprint(stream, a.ID, true), "%s", f.Malformed)
				}
			}
		}
	}
	require.Len(t, rejects, malformed)
	require.GreaterOrEqual(t, malformed, 10)
}

func TestARejectedRecordIsNotTakenForGone(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{estate: estate})
	_, err := s.run(workflows.Input{Profile: s.profile})
	require.NoError(t, err)
	require.NoError(t, s.sim.SetDefects(simulator.Defect{Kind: "name-object", Count: 2}, simulator.Defect{Kind: "severity-word", Count: 3}, simulator.Defect{Kind: "finding-id-missing", Count: 1}))
	result, err := s.run(workflows.Input{Profile: s.profile, Mode: lifecycle.Full})
	require.NoError(t, err)
	require.Equal(t, int64(4), result.Assets.Rejected)
	require.Zero(t, result.Stale)
	require.Zero(t, result.Fixed)
	require.Equal(t, lifecycle.Succeeded, result.Outcome)

	require.NoError(t, s.sim.SetDefects(simulator.Defect{Kind: "id-missing", Count: 1}))
	_, err = s.sim.Advance(simulator.Change{Removed: 0.02})
	require.NoError(t, err)
	result, err = s.run(workflows.Input{Profile: s.profile, Mode: lifecycle.Full})
	require.NoError(t, err)
	require.Equal(t, lifecycle.Partial, result.Outcome)
	require.Contains(t, result.Reason, "without a usable id")
	require.Zero(t, result.Stale, "any of the missing ones may be the one without an id")
}

func TestAnUnreadableRecordIsSetAsideAndTheRunIsPartial(t *testing.T) {
	t.Parallel()
	config := estate
	config.Defects = []simulator.Defect{{Kind: "undecodable", Count: 1}}
	s := newStage(t, setup{estate: config})
	result, err := s.run(workflows.Input{Profile: s.profile})
	require.NoError(t, err)
	require.Equal(t, lifecycle.Partial, result.Outcome)
	require.Contains(t, result.Reason, "APPLICATION: 1 records could not be read")
	s.requireTruth()
	rejects, err := s.store.Rejects(t.Context(), result.RunID, 10, 0)
	require.NoError(t, err)
	require.Len(t, rejects, 2, "one of each asset type")
	require.Equal(t, "fetch", rejects[0].Stage)
	require.NotEmpty(t, rejects[0].AssetID)
}

func TestTooManyRejectsFailTheRun(t *testing.T) {
	t.Parallel()
	config := estate
	config.Defects = []simulator.Defect{{Kind: "name-object", Share: 0.2}}
	s := newStage(t, setup{estate: config})
	_, err := s.run(workflows.Input{Profile: s.profile})
	require.ErrorContains(t, err, "were rejected, above the limit of 5 %")
	require.Equal(t, lifecycle.Failed, s.lastRun().Outcome)
}

func TestANarrowedScopeMarksNothingUntilItIsAccepted(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{estate: estate})
	first, err := s.run(workflows.Input{Profile: s.profile})
	require.NoError(t, err)
	require.NoError(t, s.sim.Hide(0.5))
	full := workflows.Input{Profile: s.profile, Mode: lifecycle.Full}
	result, err := s.run(full)
	require.NoError(t, err)
	require.Equal(t, lifecycle.Partial, result.Outcome)
	require.Contains(t, result.Reason, "scope, tags or licence were narrowed")
	require.Zero(t, result.Stale)
	var active int64
	require.NoError(t, s.store.Pool().QueryRow(t.Context(), "SELECT count(*) FROM assets WHERE stale_since IS NULL").Scan(&active))
	require.Equal(t, first.Assets.Created, active)

	full.AcceptShrink = true
	result, err = s.run(full)
	require.NoError(t, err)
	require.Equal(t, lifecycle.Succeeded, result.Outcome, result.Reason)
	require.Positive(t, result.Stale)
	s.requireTruth()

	require.NoError(t, s.sim.Hide(0))
	result, err = s.run(workflows.Input{Profile: s.profile, Mode: lifecycle.Full})
	require.NoError(t, err)
	require.Positive(t, result.Assets.Returned)
	s.requireTruth()
}

func TestOneStreamsFailureDoesNotStopTheOther(t *testing.T) {
	t.Parallel()
	config := estate
	config.Faults = []simulator.Fault{{Kind: "error-body", Code: "INVALID_REQUEST", Endpoint: "applications"}}
	s := newStage(t, setup{estate: config})
	result, err := s.run(workflows.Input{Profile: s.profile})
	require.NoError(t, err)
	require.Equal(t, lifecycle.Partial, result.Outcome)
	require.Contains(t, result.Reason, "APPLICATION: ")
	require.Len(t, s.stored("apiCollection"), config.APICollections)
	marks, err := s.store.Watermarks(t.Context(), s.profileID())
	require.NoError(t, err)
	require.Contains(t, marks, "APICOLLECTION")
	require.NotContains(t, marks, "APPLICATION")
	p, err := s.store.Profile(t.Context(), s.profile)
	require.NoError(t, err)
	standing, err := s.store.StandingOf(t.Context(), p)
	require.NoError(t, err)
	require.False(t, standing.AssetsIn, "half of them is not all")
}

func (s *stage) profileID() int64 {
	p, err := s.store.Profile(s.t.Context(), s.profile)
	require.NoError(s.t, err)
	return p.ID
}

func TestAWrongSecretFailsAtOnceAndIsTriedOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{estate: estate, settings: map[string]string{"clientId": "nobody"}})
	begun := time.Now()
	_, err := s.run(workflows.Input{Profile: s.profile})
	require.ErrorContains(t, err, "client")
	require.NotContains(t, err.Error(), s.sim.Credentials().ClientSecret)
	require.Less(t, time.Since(begun), 20*time.Second)
	require.Equal(t, lifecycle.Failed, s.lastRun().Outcome)
	require.Equal(t, int64(1), s.sim.Counts().Calls["token"], "accounts lock")
}

func TestALongWaitIsTheWorkflowsAndIsSeen(t *testing.T) {
	t.Parallel()
	config := estate
	config.Faults = []simulator.Fault{{Kind: "throttle", RetryAfter: 4, Endpoint: "applications", Call: 2}} // more than a short wait
	s := newStage(t, setup{estate: config})
	run := s.start(workflows.Input{Profile: s.profile})
	require.Eventually(t, func() bool {
		p := s.progress(run)
		return len(p.Streams) > 0 && p.Streams[0].Phase == lifecycle.Waiting && p.Streams[0].WaitUntil.After(time.Now())
	}, 20*time.Second, 50*time.Millisecond)
	var result workflows.Result
	require.NoError(t, run.Get(t.Context(), &result))
	require.Equal(t, lifecycle.Succeeded, result.Outcome, result.Reason)
	s.requireTruth()
}

func (s *stage) progress(run client.WorkflowRun) lifecycle.Progress {
	var p lifecycle.Progress
	answer, err := s.temporal.QueryWorkflow(s.t.Context(), run.GetID(), run.GetRunID(), workflows.QueryProgress)
	if err == nil {
		require.NoError(s.t, answer.Get(&p))
	}
	return p
}

func TestACancelledRunKeepsWhatWasWrittenAndMovesNoWatermark(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{estate: slowEstate})
	run := s.start(workflows.Input{Profile: s.profile})
	s.waitForBatches(3)
	require.NoError(t, s.temporal.CancelWorkflow(t.Context(), run.GetID(), ""))
	err := run.Get(t.Context(), nil)
	var cancelled *temporal.CanceledError
	require.ErrorAs(t, err, &cancelled)
	last := s.lastRun()
	require.Equal(t, lifecycle.Cancelled, last.Outcome)
	require.Positive(t, last.Assets.Created)
	marks, err := s.store.Watermarks(t.Context(), s.profileID())
	require.NoError(t, err)
	require.Empty(t, marks)

	require.NoError(t, s.sim.SetFaults())
	result, err := s.run(workflows.Input{Profile: s.profile})
	require.NoError(t, err)
	require.Equal(t, lifecycle.Full, result.Mode)
	require.Equal(t, last.Assets.Created, result.Assets.Unchanged)
	s.requireTruth()
}

func TestASecondRunIsSkippedAndNamesTheFirst(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{estate: slowEstate})
	first := s.start(workflows.Input{Profile: s.profile})
	s.waitForBatches(1)
	second, err := s.temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "typed-in-the-ui-" + s.queue, TaskQueue: s.queue},
		workflows.IngestionType, workflows.Input{Profile: s.profile})
	require.NoError(t, err)
	var result workflows.Result
	require.NoError(t, second.Get(t.Context(), &result))
	require.Equal(t, lifecycle.Skipped, result.Outcome)
	require.Contains(t, result.Reason, first.GetID())
	require.NoError(t, s.temporal.CancelWorkflow(t.Context(), first.GetID(), ""))
}

func TestATerminatedRunLosesItsLease(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{estate: slowEstate})
	first := s.start(workflows.Input{Profile: s.profile})
	s.waitForBatches(2)
	terminated := s.lastRun()
	require.NoError(t, s.temporal.TerminateWorkflow(t.Context(), first.GetID(), "", "by hand"))
	require.NoError(t, s.sim.SetFaults())
	result, err := s.run(workflows.Input{Profile: s.profile})
	require.NoError(t, err)
	require.Equal(t, lifecycle.Succeeded, result.Outcome, result.Reason)
	s.requireTruth()
	closed, err := s.store.Run(t.Context(), terminated.ID)
	require.NoError(t, err)
	require.Equal(t, lifecycle.Failed, closed.Outcome)
	require.Contains(t, closed.Reason, "Terminated")
}

func TestAStreamThatBringsNothingForTooLongIsGivenUp(t *testing.T) {
	t.Parallel()
	config := estate
	config.Faults = []simulator.Fault{{Kind: "http-error", Status: 503}}
	limits := smallBatches
	limits.Stall = 3 * time.Second
	s := newStage(t, setup{estate: config, limits: limits})
	_, err := s.run(workflows.Input{Profile: s.profile})
	require.ErrorContains(t, err, "nothing was received for")
}

func TestAPageWithNothingReadableDoesNotEndABatch(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{
		estate:   simulator.Config{Seed: 5, Applications: 12, FindingsPerAsset: 2, Defects: []simulator.Defect{{Kind: "undecodable", Count: 3}}},
		settings: map[string]string{"pageSize": "1"},
	})
	result, err := s.run(workflows.Input{Profile: s.profile})
	require.NoError(t, err)
	require.Equal(t, lifecycle.Partial, result.Outcome, result.Reason)
	require.Contains(t, result.Reason, "3 records could not be read")
	require.Equal(t, int64(9), result.Assets.Created)
	s.requireTruth()
}
