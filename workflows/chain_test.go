package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"sluice/activities"
	"sluice/internal/lifecycle"
	"sluice/workflows"
)

// A long run is a chain of executions, each of which ends when Temporal
// suggests that its history is long enough.

// suggestAfter makes Temporal suggest to continue as new after so many
// batches.
func (u *unit) suggestAfter(batches int) {
	written := 0
	u.SetOnActivityCompletedListener(func(info *activity.Info, _ converter.EncodedValue, _ error) {
		if info.ActivityType.Name == "Upsert" {
			written++
			u.SetContinueAsNewSuggested(written >= batches)
		}
	})
}

// next is the input of the next execution, or false when the run has ended.
func (u *unit) next() (in workflows.Input, more bool) {
	var next *workflow.ContinueAsNewError
	if err := u.GetWorkflowError(); err == nil {
		return in, false
	} else {
		require.ErrorAs(u.t, err, &next)
	}
	require.NoError(u.t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &in))
	require.NotNil(u.t, in.Resume)
	return in, true
}

func TestARunOfFiveThousandBatchesLosesNothingOnTheWay(t *testing.T) {
	t.Parallel()
	const batches, perExecution = 5000, 250
	in, executions := workflows.Input{Profile: "p", Mode: lifecycle.Full}, 0
	for more := true; more; executions++ {
		u := newUnit(t)
		u.fetches(batches)
		u.suggestAfter(perExecution)
		u.ExecuteWorkflow(workflows.IngestionWorkflow, in)
		before := in
		if in, more = u.next(); !more {
			result := u.result()
			require.Equal(t, lifecycle.Succeeded, result.Outcome)
			require.Equal(t, int64(10*batches), result.Assets.Created, "every batch counts once")
			require.Equal(t, int64(1), result.Stale, "reconciled once")
			require.Equal(t, []string{"APPLICATION"}, u.finished.Complete)
			continue
		}
		require.Nil(t, u.finished, "the run is not over")
		require.Equal(t, lifecycle.Processing, in.Resume.Progress.State)
		require.Equal(t, "p", in.Profile)
		if before.Resume != nil {
			u.AssertNotCalled(t, "Plan", mock.Anything, mock.Anything)
			require.Equal(t, before.Resume.Planned, in.Resume.Planned)
			require.Equal(t, before.Resume.Progress.Started, in.Resume.Progress.Started)
			require.Greater(t, in.Resume.Progress.Streams[0].Batches, before.Resume.Progress.Streams[0].Batches)
		}
	}
	require.GreaterOrEqual(t, executions, batches/perExecution)
}

func TestAPauseIsCarriedOver(t *testing.T) {
	t.Parallel()
	u := newUnit(t)
	u.slowFetches(3)
	u.update(30*time.Minute, workflows.UpdatePause, workflows.Because{Reason: "maintenance"})
	u.RegisterDelayedCallback(func() { u.SetContinueAsNewSuggested(true) }, 30*time.Minute)
	u.ExecuteWorkflow(workflows.IngestionWorkflow, workflows.Input{Profile: "p"})
	in, more := u.next()
	require.True(t, more)
	require.Equal(t, "maintenance", in.Resume.Progress.Paused.Reason)
	require.Equal(t, int64(10), in.Resume.Progress.Streams[0].Assets.Created, "what was fetched is written")

	u = newUnit(t)
	u.slowFetches(3)
	held := u.standing(10 * time.Hour)
	u.RegisterDelayedCallback(func() { u.AssertNotCalled(t, "Fetch", mock.Anything, mock.Anything) }, 10*time.Hour)
	u.update(11*time.Hour, workflows.UpdateResume)
	u.ExecuteWorkflow(workflows.IngestionWorkflow, in)
	require.Equal(t, int64(30), u.result().Assets.Created)
	require.Equal(t, "Processing, paused: maintenance", held.Text)
}

func TestACancelIsNotLostWhenTheRunWouldContinue(t *testing.T) {
	t.Parallel()
	before := workflows.Resume{
		Planned:  activities.Planned{RunID: 7, RejectPercent: 5, Streams: []string{"APPLICATION"}},
		Progress: lifecycle.Progress{RunID: 7, Profile: "p", Streams: []lifecycle.Stream{{Name: "APPLICATION", Batches: 40}}},
	}
	for name, cancel := range map[string]func(*unit){
		"by Temporal's own request": func(u *unit) { u.CancelWorkflow() },
		"by the update": func(u *unit) {
			u.UpdateWorkflow(workflows.UpdateCancel, "", &answer{}, workflows.Because{Reason: "wrong"})
		},
	} {
		u := newUnit(t)
		u.fetches(100)
		u.SetContinueAsNewSuggested(true)
		u.RegisterDelayedCallback(func() { cancel(u) }, 0) // in the task in which it would continue
		u.ExecuteWorkflow(workflows.IngestionWorkflow, workflows.Input{Profile: "p", Resume: &before})
		require.NotNil(t, u.finished, "%s: %v", name, u.GetWorkflowError())
		require.Equal(t, lifecycle.Cancelled, u.finished.Outcome, name)
	}
}
