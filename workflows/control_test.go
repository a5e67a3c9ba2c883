package workflows_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"sluice/activities"
	"sluice/internal/catalog"
	"sluice/internal/lifecycle"
	"sluice/workflows"
)

// answer is what an update came to.
type answer struct {
	standing workflows.Standing
	refused  error
	done     bool
}

func (a *answer) Accept()          {}
func (a *answer) Reject(err error) { a.refused, a.done = err, true }
func (a *answer) Complete(result any, err error) {
	if err != nil {
		a.refused = err
	} else {
		a.standing = result.(workflows.Standing)
	}
	a.done = true
}

// update sends an update when so much of the run's time has passed.
func (u *unit) update(after time.Duration, name string, args ...any) *answer {
	var a answer
	u.RegisterDelayedCallback(func() { u.UpdateWorkflow(name, "", &a, args...) }, after)
	return &a
}

// slowFetches answers a stream of so many batches, each an hour of work.
func (u *unit) slowFetches(batches int) {
	u.OnActivity("Fetch", mock.Anything, mock.Anything).Return(func(_ context.Context, ref catalog.BatchRef) (activities.Fetched, error) {
		return activities.Fetched{BatchRecords: 10, Records: int64(10 * ref.Batch), Expected: int64(10 * batches), Ended: ref.Batch == batches}, nil
	}).After(time.Hour)
}

// standing asks for the run's state when so much of its time has passed.
func (u *unit) standing(after time.Duration) *workflows.Standing {
	var s workflows.Standing
	u.RegisterDelayedCallback(func() {
		value, err := u.QueryWorkflow(workflows.QueryState)
		require.NoError(u.t, err)
		require.NoError(u.t, value.Get(&s))
	}, after)
	return &s
}

func TestAPausedRunHoldsBeforeItsNextBatchUntilItIsResumed(t *testing.T) {
	t.Parallel()
	u := newUnit(t)
	u.slowFetches(3)
	paused := u.update(30*time.Minute, workflows.UpdatePause, workflows.Because{Reason: "maintenance"})
	again := u.update(40*time.Minute, workflows.UpdatePause, workflows.Because{Reason: "twice"})
	held := u.standing(20 * time.Hour)
	resumed := u.update(24*time.Hour, workflows.UpdateResume)
	begun := u.Now()
	u.ExecuteWorkflow(workflows.IngestionWorkflow, workflows.Input{Profile: "p"})

	require.Equal(t, lifecycle.Succeeded, u.result().Outcome)
	require.GreaterOrEqual(t, u.Now().Sub(begun), 26*time.Hour, "two batches were fetched after the pause")
	require.NoError(t, paused.refused)
	require.Equal(t, "Processing, paused: maintenance", paused.standing.Text)
	require.ErrorContains(t, again.refused, "paused already")
	require.Equal(t, "Processing, paused: maintenance", held.Text)
	require.Equal(t, lifecycle.Processing, held.State, "a pause is no state of its own")
	require.NoError(t, resumed.refused)
	require.Equal(t, "Processing", resumed.standing.Text)
}

func TestACancelledRunKeepsTheReason(t *testing.T) {
	t.Parallel()
	u := newUnit(t)
	u.slowFetches(3)
	cancelled := u.update(90*time.Minute, workflows.UpdateCancel, workflows.Because{Reason: "wrong connector"})
	u.ExecuteWorkflow(workflows.IngestionWorkflow, workflows.Input{Profile: "p"})
	var ended *temporal.CanceledError
	require.ErrorAs(t, u.GetWorkflowError(), &ended)
	require.NoError(t, cancelled.refused)
	require.Equal(t, lifecycle.Cancelled, u.finished.Outcome)
	require.Equal(t, "wrong connector; what was written stays", u.finished.Reason)
	require.Empty(t, u.finished.Complete)
}

func TestAPausedRunCanBeCancelled(t *testing.T) {
	t.Parallel()
	u := newUnit(t)
	u.slowFetches(3)
	u.update(30*time.Minute, workflows.UpdatePause, workflows.Because{Reason: "maintenance"})
	u.update(5*time.Hour, workflows.UpdateCancel, workflows.Because{Reason: "no longer needed"})
	late := u.update(5*time.Hour, workflows.UpdateResume)
	u.ExecuteWorkflow(workflows.IngestionWorkflow, workflows.Input{Profile: "p"})
	require.Error(t, u.GetWorkflowError())
	require.Equal(t, lifecycle.Cancelled, u.finished.Outcome)
	require.ErrorContains(t, late.refused, "the run is ending")
}

func TestUpdatesThatMakeNoSenseAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, update string
		args         []any
		refused      string
	}{
		{"resume what is not paused", workflows.UpdateResume, nil, "the run is not paused"},
		{"pause without a reason", workflows.UpdatePause, []any{workflows.Because{Reason: " "}}, "a reason is needed"},
		{"cancel without a reason", workflows.UpdateCancel, []any{workflows.Because{}}, "a reason is needed"},
		{"a book for a reason", workflows.UpdateCancel, []any{workflows.Because{Reason: strings.Repeat("x", 201)}}, "longer than 200 characters"},
	} {
		u := newUnit(t)
		u.slowFetches(1)
		a := u.update(time.Minute, c.update, c.args...)
		u.ExecuteWorkflow(workflows.IngestionWorkflow, workflows.Input{Profile: "p"})
		require.Equal(t, lifecycle.Succeeded, u.result().Outcome, c.name)
		require.ErrorContains(t, a.refused, c.refused, c.name)
	}
}

func TestAFailureHasTheCodeOfItsReasonAndAdvice(t *testing.T) {
	t.Parallel()
	u := newUnit(t)
	u.OnActivity("Fetch", mock.Anything, mock.Anything).Return(activities.Fetched{},
		temporal.NewNonRetryableApplicationError("the client was not accepted", "client-refused", nil))
	u.ExecuteWorkflow(workflows.IngestionWorkflow, workflows.Input{Profile: "p"})
	var app *temporal.ApplicationError
	require.ErrorAs(t, u.GetWorkflowError(), &app)
	require.Equal(t, "client-refused", app.Type())
	require.Equal(t, "APPLICATION: the client was not accepted", app.Message())
	var details workflows.Failure
	require.NoError(t, app.Details(&details))
	require.Equal(t, []workflows.StreamFailure{{Stream: "APPLICATION", Code: "client-refused", Error: "the client was not accepted"}}, details.Streams)
	require.Contains(t, details.Advice, "see 'sluice runs show 7' and 'sluice runs logs 7'")
}

func TestAnInputThatNamesNoProfileIsRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a\x00b", strings.Repeat("p", 10_000)} {
		u := newUnit(t)
		u.ExecuteWorkflow(workflows.IngestionWorkflow, workflows.Input{Profile: name})
		require.ErrorContains(t, u.GetWorkflowError(), "is not a name")
		u.AssertNotCalled(t, "Plan", mock.Anything, mock.Anything)
	}
}
