package workflows_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"sluice/activities"
	"sluice/internal/catalog"
	"sluice/internal/inventory"
	"sluice/internal/lifecycle"
	"sluice/internal/source"
	"sluice/workflows"
)

// These tests look at the workflow alone, with activities that answer at
// once; time passes as fast as it can.

type unit struct {
	*testsuite.TestWorkflowEnvironment
	t        *testing.T
	written  catalog.BatchCounts // what each Upsert answers
	finished *activities.FinishInput
}

func newUnit(t *testing.T) *unit {
	u := newBareUnit(t)
	u.OnActivity("Searchable", mock.Anything).Return(true, nil).Maybe()
	return u
}

// newBareUnit leaves it to the test whether there are search attributes.
func newBareUnit(t *testing.T) *unit {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(quiet{})
	u := &unit{TestWorkflowEnvironment: suite.NewTestWorkflowEnvironment(), t: t, written: catalog.BatchCounts{Assets: lifecycle.Counts{Created: 10}}}
	u.RegisterWorkflow(workflows.IngestionWorkflow)
	u.RegisterActivity(&activities.Activities{})
	u.OnActivity("Plan", mock.Anything, mock.Anything).Return(activities.Planned{
		RunID: 7, Connector: "tas", Mode: lifecycle.Full, RejectPercent: 5, Streams: []string{"APPLICATION"},
	}, nil).Maybe()
	u.OnActivity("Transform", mock.Anything, mock.Anything).Return(activities.Transformed{}, nil).Maybe()
	u.OnActivity("Upsert", mock.Anything, mock.Anything).Return(func(context.Context, catalog.BatchRef) (catalog.BatchCounts, error) {
		return u.written, nil
	}).Maybe()
	u.OnActivity("Reconcile", mock.Anything, mock.Anything).Return(inventory.Reconciled{Stale: 1}, nil).Maybe()
	u.OnActivity("Finish", mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.FinishInput) error {
		u.finished = &in
		return nil
	}).Maybe()
	return u
}

// fetches answers a stream of so many batches of ten records.
func (u *unit) fetches(batches int) {
	u.OnActivity("Fetch", mock.Anything, mock.Anything).Return(func(_ context.Context, ref catalog.BatchRef) (activities.Fetched, error) {
		return activities.Fetched{BatchRecords: 10, Records: int64(10 * ref.Batch), Pages: int64(ref.Batch), Ended: ref.Batch == batches}, nil
	})
}

func (u *unit) result() (result workflows.Result) {
	require.NoError(u.t, u.GetWorkflowError())
	require.NoError(u.t, u.GetWorkflowResult(&result))
	return result
}

func TestARunPlansFetchesWritesReconcilesAndFinishes(t *testing.T) {
	u := newUnit(t)
	u.fetches(3)
	u.ExecuteWorkflow(workflows.IngestionWorkflow, workflows.Input{Profile: "p"})
	result := u.result()
	require.Equal(t, lifecycle.Succeeded, result.Outcome)
	require.Equal(t, int64(30), result.Assets.Created)
	require.Equal(t, int64(1), result.Stale)
	require.Equal(t, []string{"APPLICATION"}, u.finished.Complete)
	require.True(t, u.finished.AssetsIn)
}

func TestARunContinuesAsNewWithItsCounts(t *testing.T) {
	u := newUnit(t)
	u.fetches(1000)
	u.SetContinueAsNewSuggested(true)
	before := workflows.Resume{
		Planned:  activities.Planned{RunID: 7, RejectPercent: 5, Streams: []string{"APPLICATION"}},
		Progress: lifecycle.Progress{RunID: 7, Profile: "p", Streams: []lifecycle.Stream{{Name: "APPLICATION", Batches: 40, Records: 400, Assets: lifecycle.Counts{Created: 400}}}},
	}
	u.ExecuteWorkflow(workflows.IngestionWorkflow, workflows.Input{Profile: "p", Resume: &before})
	var next *workflow.ContinueAsNewError
	require.ErrorAs(t, u.GetWorkflowError(), &next)
	var in workflows.Input
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &in))
	require.Equal(t, "p", in.Profile)
	require.Equal(t, 40, in.Resume.Progress.Streams[0].Batches)
	require.Equal(t, int64(400), in.Resume.Progress.Streams[0].Assets.Created)
	require.Nil(t, u.finished, "the run is not over")

	// The next execution goes on with the next batch and does not plan again.
	u = newUnit(t)
	u.fetches(42)
	u.ExecuteWorkflow(workflows.IngestionWorkflow, in)
	require.Equal(t, int64(420), u.result().Assets.Created)
	u.AssertNotCalled(t, "Plan", mock.Anything, mock.Anything)
}

func TestALongWaitIsATimer(t *testing.T) {
	u := newUnit(t)
	calls := 0
	u.OnActivity("Fetch", mock.Anything, mock.Anything).Return(func(_ context.Context, ref catalog.BatchRef) (activities.Fetched, error) {
		calls++
		if calls == 1 {
			return activities.Fetched{WaitUntil: u.Now().Add(20 * time.Hour), Waits: "the vendor's daily limit"}, nil
		}
		require.Equal(t, 1, ref.Batch, "the same batch again")
		return activities.Fetched{BatchRecords: 10, Records: 10, Ended: true}, nil
	})
	u.RegisterDelayedCallback(func() {
		answer, err := u.QueryWorkflow(workflows.QueryProgress)
		require.NoError(t, err)
		var p lifecycle.Progress
		require.NoError(t, answer.Get(&p))
		require.Equal(t, lifecycle.Waiting, p.Streams[0].Phase)
		require.Equal(t, "the vendor's daily limit", p.Streams[0].Waits)
		require.Equal(t, lifecycle.Processing, p.State)
	}, time.Hour)
	begun := u.Now()
	u.ExecuteWorkflow(workflows.IngestionWorkflow, workflows.Input{Profile: "p"})
	require.Equal(t, lifecycle.Succeeded, u.result().Outcome)
	require.GreaterOrEqual(t, u.Now().Sub(begun), 20*time.Hour)
}

func TestACancelledRunIsFinishedAsCancelled(t *testing.T) {
	u := newUnit(t)
	u.OnActivity("Fetch", mock.Anything, mock.Anything).Return(activities.Fetched{}, nil).After(time.Hour)
	u.RegisterDelayedCallback(u.CancelWorkflow, time.Minute)
	u.ExecuteWorkflow(workflows.IngestionWorkflow, workflows.Input{Profile: "p"})
	var cancelled *temporal.CanceledError
	require.ErrorAs(t, u.GetWorkflowError(), &cancelled)
	require.Equal(t, lifecycle.Cancelled, u.finished.Outcome)
	require.Empty(t, u.finished.Complete)
}

func TestAStreamThatCannotBeBelievedIsNotReconciled(t *testing.T) {
	u := newUnit(t)
	u.OnActivity("Fetch", mock.Anything, mock.Anything).Return(activities.Fetched{BatchRecords: 10, Records: 10, Ended: true, Doubt: "the vendor counted 12 records and sent 10"}, nil)
	u.ExecuteWorkflow(workflows.IngestionWorkflow, workflows.Input{Profile: "p"})
	result := u.result()
	require.Equal(t, lifecycle.Partial, result.Outcome)
	require.Contains(t, result.Reason, "counted 12")
	require.Zero(t, result.Stale)
	require.Empty(t, u.finished.Complete)
	u.AssertNotCalled(t, "Reconcile", mock.Anything, mock.Anything)
}

func TestWhatWasFetchedBeforeAnErrorIsWritten(t *testing.T) {
	u := newUnit(t)
	u.OnActivity("Fetch", mock.Anything, mock.Anything).Return(func(_ context.Context, ref catalog.BatchRef) (activities.Fetched, error) {
		if ref.Batch == 2 {
			return activities.Fetched{}, temporal.NewNonRetryableApplicationError("the licence has ended", "refused", nil)
		}
		return activities.Fetched{BatchRecords: 10, Records: 10}, nil
	})
	u.ExecuteWorkflow(workflows.IngestionWorkflow, workflows.Input{Profile: "p"})
	require.ErrorContains(t, u.GetWorkflowError(), "APPLICATION: the licence has ended")
	require.Equal(t, lifecycle.Failed, u.finished.Outcome)
	u.AssertNumberOfCalls(t, "Upsert", 1)
	var app *temporal.ApplicationError
	require.True(t, errors.As(u.GetWorkflowError(), &app))
	require.Equal(t, "refused", app.Type(), "the code of the reason")
}

func TestFindingsComeAfterTheirAssetsAndWhatTheyReferTo(t *testing.T) {
	u := newUnit(t)
	var fetched []string
	u.OnActivity("Fetch", mock.Anything, mock.Anything).Return(func(_ context.Context, ref catalog.BatchRef) (activities.Fetched, error) {
		fetched = append(fetched, ref.Stream)
		if ref.Stream == "FINDING" {
			answer, err := u.QueryWorkflow(workflows.QueryState)
			require.NoError(t, err)
			var now workflows.Standing
			require.NoError(t, answer.Get(&now))
			require.Equal(t, lifecycle.Processed, now.State, "the assets are in")
			require.Equal(t, "Processed (findings: coming)", now.Text)
		}
		return activities.Fetched{BatchRecords: 10, Records: 10, Ended: true}, nil
	})
	u.ExecuteWorkflow(workflows.IngestionWorkflow, workflows.Input{Profile: "p", Resume: &workflows.Resume{
		Planned: activities.Planned{RunID: 7, RejectPercent: 5},
		Progress: lifecycle.Progress{RunID: 7, Profile: "p", State: lifecycle.Processing, Streams: []lifecycle.Stream{
			{Name: "FINDING", Role: source.Findings}, {Name: "KNOWLEDGEBASE", Role: source.Reference}, {Name: "WEBAPP", Role: source.Assets},
		}},
	}})
	result := u.result()
	require.Equal(t, "FINDING", fetched[2], fetched)
	require.Equal(t, int64(20), result.Assets.Created, "entries of the knowledge base are not among the assets")
	require.Equal(t, int64(2), result.Stale, "the knowledge base is not reconciled")
	require.Equal(t, []string{"FINDING", "KNOWLEDGEBASE", "WEBAPP"}, u.finished.Complete)
}

func TestTheShareOfRejectsOfAFindingsStreamIsOfItsRecords(t *testing.T) {
	for rejected, outcome := range map[int64]lifecycle.Outcome{2: lifecycle.Succeeded, 50: lifecycle.Succeeded, 51: lifecycle.Failed} {
		u := newUnit(t)
		u.OnActivity("Fetch", mock.Anything, mock.Anything).Return(activities.Fetched{BatchRecords: 1000, Records: 1000, Ended: true}, nil)
		u.written = catalog.BatchCounts{Assets: lifecycle.Counts{Rejected: rejected}, Findings: lifecycle.Counts{Unchanged: 9000}}
		u.ExecuteWorkflow(workflows.IngestionWorkflow, workflows.Input{Profile: "p", Resume: &workflows.Resume{
			Planned:  activities.Planned{RunID: 7, RejectPercent: 5},
			Progress: lifecycle.Progress{RunID: 7, Profile: "p", Streams: []lifecycle.Stream{{Name: "DETECTION", Role: source.Findings}}},
		}})
		require.True(t, u.IsWorkflowCompleted())
		require.Equal(t, outcome, u.finished.Outcome, "%d of 1000 hosts were rejected, and none is new: %s", rejected, u.finished.Reason)
	}
}
