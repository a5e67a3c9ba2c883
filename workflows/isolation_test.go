package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"sluice/activities"
	"sluice/internal/source"
	"sluice/workflows"
)

// newTestUnit is the workflow of a connection test alone, of these applications.
func newTestUnit(t *testing.T, planned activities.PlannedTest) *testsuite.TestWorkflowEnvironment {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(quiet{})
	u := suite.NewTestWorkflowEnvironment()
	u.RegisterWorkflow(workflows.ConnectionTestWorkflow)
	u.RegisterActivity(&activities.Activities{})
	u.OnActivity("PlanTest", mock.Anything, mock.Anything).Return(planned, nil).Maybe()
	u.OnActivity("Untested", mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.UntestedInput) ([]source.Check, error) {
		return []source.Check{{Step: "test", Health: source.Unknown, Message: in.Reason, Advice: in.Advice}}, nil
	}).Maybe()
	return u
}

func TestAnApplicationWhoseTestFailsOrHangsHidesNoOther(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err     error
		message string
	}{
		"fails":   {temporal.NewNonRetryableApplicationError("the database refuses", "database", nil), "the test could not run: the database refuses"},
		"dies":    {temporal.NewHeartbeatTimeoutError(), "the test did not come to an end: the worker went away, or the vendor keeps it waiting"},
		"hangs":   {temporal.NewTimeoutError(enums.TIMEOUT_TYPE_START_TO_CLOSE, nil), "the test did not come to an end: the worker went away, or the vendor keeps it waiting"},
		"unasked": {temporal.NewTimeoutError(enums.TIMEOUT_TYPE_SCHEDULE_TO_START, nil), "no worker serves pool emea"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := newTestUnit(t, activities.PlannedTest{Connector: "acme", Pool: "emea", Applications: []string{"VMDR", "WAS", "TAS"}})
			u.OnActivity("Probe", mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.ProbeInput) ([]source.Check, error) {
				if in.Application == "WAS" {
					return nil, c.err
				}
				return []source.Check{{Step: "token", Health: source.Healthy}}, nil
			})
			u.ExecuteWorkflow(workflows.ConnectionTestWorkflow, workflows.TestInput{Connector: "acme"})
			require.NoError(t, u.GetWorkflowError())
			var result workflows.TestResult
			require.NoError(t, u.GetWorkflowResult(&result))
			require.Equal(t, map[string]source.Health{"VMDR": source.Healthy, "WAS": source.Unknown, "TAS": source.Healthy}, healthOf(result))
			require.Equal(t, c.message, result.Checks["WAS"][0].Message)
			require.NotEmpty(t, result.Checks["WAS"][0].Advice)
		})
	}
}

func TestApplicationsAreTestedBesideEachOther(t *testing.T) {
	t.Parallel()
	u := newTestUnit(t, activities.PlannedTest{Connector: "acme", Applications: []string{"VMDR", "WAS", "TAS", "FIM", "PM", "ETM"}})
	u.OnActivity("Probe", mock.Anything, mock.Anything).Return([]source.Check{{Step: "token", Health: source.Healthy}}, nil).After(50 * time.Second)
	begun := u.Now()
	u.ExecuteWorkflow(workflows.ConnectionTestWorkflow, workflows.TestInput{Connector: "acme"})
	require.NoError(t, u.GetWorkflowError())
	require.Less(t, u.Now().Sub(begun), 2*time.Minute, "and not one after the other")
}

func TestWorkflowIDsOfTestsAreASCII(t *testing.T) {
	t.Parallel()
	require.Equal(t, "test/acme eu", workflows.TestWorkflowID(workflows.TestInput{Connector: "acme eu"}))
	require.Equal(t, "test/gr%C3%B6%C3%9Fe 100%25/v2/all", workflows.TestWorkflowID(workflows.TestInput{Connector: "größe 100%", Version: 2, All: true}))
}

func TestTheConnectorIsThatOfTheWorkflowIDWhereNoneIsGiven(t *testing.T) {
	t.Parallel()
	for id, connector := range map[string]string{"test/acme eu": "acme eu", "test/gr%C3%B6%C3%9Fe": "größe", "test/100%": "100%"} {
		require.Equal(t, connector, connectorAskedFor(t, id))
	}
}

// connectorAskedFor is the connector that a test without input is of.
func connectorAskedFor(t *testing.T, workflowID string) string {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(quiet{})
	u := suite.NewTestWorkflowEnvironment()
	u.RegisterWorkflow(workflows.ConnectionTestWorkflow)
	u.RegisterActivity(&activities.Activities{})
	u.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: workflowID})
	asked := ""
	u.OnActivity("PlanTest", mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.PlanTestInput) (activities.PlannedTest, error) {
		asked = in.Connector
		return activities.PlannedTest{}, temporal.NewNonRetryableApplicationError("that is all", "enough", nil)
	})
	u.ExecuteWorkflow(workflows.ConnectionTestWorkflow, workflows.TestInput{})
	require.ErrorContains(t, u.GetWorkflowError(), "that is all")
	return asked
}
