package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"sluice/internal/lifecycle"
	"sluice/workflows"
)

// update sends an update to the run of a workflow id and waits for its answer.
func (s *stage) update(id, name string, args ...any) workflows.Standing {
	s.t.Helper()
	standing, err := s.tryUpdate(id, name, args...)
	require.NoError(s.t, err)
	return standing
}

func (s *stage) tryUpdate(id, name string, args ...any) (standing workflows.Standing, err error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	handle, err := s.temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: id, UpdateName: name, Args: args, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = handle.Get(ctx, &standing)
	}
	return standing, err
}

func TestARunIsPausedResumedAndCancelledFromOutside(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{estate: slowEstate})
	run := s.start(workflows.Input{Profile: s.profile})
	s.waitForBatches(2)
	standing := s.update(run.GetID(), workflows.UpdatePause, workflows.Because{Reason: "maintenance"})
	require.Equal(t, "Processing, paused: maintenance", standing.Text)
	require.Eventually(t, func() bool { return settled(s.progress(run)) }, 20*time.Second, 20*time.Millisecond)
	written := s.batches()
	_, err := s.tryUpdate(run.GetID(), workflows.UpdatePause, workflows.Because{Reason: "again"})
	require.ErrorContains(t, err, "paused already")
	require.Equal(t, written, s.batches(), "nothing is written while it is paused")

	s.update(run.GetID(), workflows.UpdateResume)
	s.waitForBatches(written + 2)
	s.update(run.GetID(), workflows.UpdateCancel, workflows.Because{Reason: "wrong connector"})
	err = run.Get(t.Context(), nil)
	var cancelled *temporal.CanceledError
	require.ErrorAs(t, err, &cancelled, "Temporal lists it as cancelled")
	require.Equal(t, lifecycle.Cancelled, s.lastRun().Outcome)
	require.Equal(t, "wrong connector; what was written stays", s.lastRun().Reason)
	standing = s.standing(run)
	require.Equal(t, "cancelled", standing.Text, "it can still be asked")
}

// settled: no stream goes on, and what was fetched is written.
func settled(p lifecycle.Progress) bool {
	for _, s := range p.Streams {
		if s.Phase != lifecycle.Paused || s.Assets.Total() != s.Records {
			return false
		}
	}
	return true
}

func (s *stage) standing(run client.WorkflowRun) (standing workflows.Standing) {
	value, err := s.temporal.QueryWorkflow(s.t.Context(), run.GetID(), run.GetRunID(), workflows.QueryState)
	require.NoError(s.t, err)
	require.NoError(s.t, value.Get(&standing))
	return standing
}

func TestAnInputThatIsNoObjectFailsAtOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{})
	for _, input := range []any{"acme-apps", 7, []string{"acme-apps"}, map[string]int{"profile": 7}} {
		run, err := s.temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: workflows.WorkflowID(s.profile), TaskQueue: s.queue},
			workflows.IngestionType, input)
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		err = run.Get(ctx, nil)
		cancel()
		require.ErrorContains(t, err, "unable to decode", "%v", input)
	}
}
