package workflows_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/sdk/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"

	"sluice/activities"
	"sluice/internal/lifecycle"
	"sluice/internal/simulator"
	"sluice/internal/testenv"
	"sluice/workflows"
)

func TestARunIsFoundByItsSearchAttributes(t *testing.T) {
	t.Parallel()
	config := estate
	config.Faults = []simulator.Fault{{Kind: "throttle", RetryAfter: 3, Endpoint: "applications", Call: 2}}
	s := newStage(t, setup{estate: config})
	run := s.start(workflows.Input{Profile: s.profile})
	of := fmt.Sprintf("SluiceProfile = '%s' AND SluiceConnector = 'tas' AND ", s.profile)
	s.waitForCount(1, of+"SluiceState = 'Processing' AND ExecutionStatus = 'Running'")
	require.NoError(t, run.Get(t.Context(), nil))
	s.waitForCount(1, of+"SluiceState = 'Processed' AND SluiceOutcome = 'succeeded'")

	require.NoError(t, s.sim.SetFaults(simulator.Fault{Kind: "error-body", Code: "INVALID_REQUEST"}))
	_, err := s.run(workflows.Input{Profile: s.profile, Mode: "full"})
	require.Error(t, err)
	s.waitForCount(1, of+"SluiceOutcome = 'failed' AND SluiceState IS NULL")
	s.waitForCount(0, of+"SluiceState = 'Processing'")
}

// waitForCount waits until Temporal lists so many runs for a query.
func (s *stage) waitForCount(n int64, query string) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		counted, err := s.temporal.CountWorkflow(s.t.Context(), &workflowservice.CountWorkflowExecutionsRequest{Query: query})
		return err == nil && counted.Count == n
	}, 30*time.Second, 50*time.Millisecond, "%d runs with %s", n, query)
}

func TestARunWithoutAPlanIsFoundToo(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{estate: estate})
	_, err := s.run(workflows.Input{Profile: s.profile + "-typo"})
	require.Error(t, err)
	s.waitForCount(1, fmt.Sprintf("SluiceProfile = '%s-typo' AND SluiceOutcome = 'failed'", s.profile))
}

// A namespace that does not know the attributes would refuse every task that
// sets them, and the run would hang.
func TestARunDoesWithoutSearchAttributesThatAreNotRegistered(t *testing.T) {
	t.Parallel()
	name := fmt.Sprintf("bare-%d", time.Now().UnixNano())
	admin, err := client.NewNamespaceClient(client.Options{HostPort: testenv.Temporal(t)})
	require.NoError(t, err)
	defer admin.Close()
	require.NoError(t, admin.Register(t.Context(), &workflowservice.RegisterNamespaceRequest{
		Namespace: name, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
	}))
	require.Eventually(t, func() bool { // a new namespace takes a moment
		c, err := client.Dial(client.Options{HostPort: testenv.Temporal(t), Namespace: name, Logger: quiet{}})
		if err != nil {
			return false
		}
		defer c.Close()
		_, err = c.CountWorkflow(t.Context(), &workflowservice.CountWorkflowExecutionsRequest{})
		return err == nil
	}, 30*time.Second, 50*time.Millisecond)

	s := newStage(t, setup{estate: simulator.Config{Applications: 3}, namespace: name})
	run := s.start(workflows.Input{Profile: s.profile})
	var result workflows.Result
	require.NoError(t, run.Get(t.Context(), &result))
	require.Equal(t, lifecycle.Succeeded, result.Outcome)
	require.Equal(t, int64(3), result.Assets.Created)
	require.Contains(t, s.metadata(run).CurrentDetails, "cannot be found by search attributes")
}

// metadata is what a run tells the Temporal UI of itself.
func (s *stage) metadata(run client.WorkflowRun) *sdk.WorkflowMetadata {
	var m sdk.WorkflowMetadata
	value, err := s.temporal.QueryWorkflow(s.t.Context(), run.GetID(), run.GetRunID(), "__temporal_workflow_metadata")
	require.NoError(s.t, err)
	require.NoError(s.t, value.Get(&m))
	return &m
}

func TestARunDescribesItselfToTheTemporalUI(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{estate: simulator.Config{Applications: 3}})
	run := s.start(workflows.Input{Profile: s.profile})
	require.NoError(t, run.Get(t.Context(), nil))
	m := s.metadata(run)
	require.Contains(t, m.CurrentDetails, "**Processed, succeeded** · profile "+s.profile+" · connector tas · full run")
	described := make(map[string]string)
	for _, d := range append(m.Definition.QueryDefinitions, m.Definition.UpdateDefinitions...) {
		described[d.Name] = d.Description
	}
	for _, name := range []string{workflows.QueryState, workflows.QueryProgress, workflows.UpdatePause, workflows.UpdateResume, workflows.UpdateCancel} {
		require.NotEmpty(t, described[name], "%s says what it is for", name)
	}
}

func TestSearchAttributesAreSetOnlyWhereTheyAreKnownToExist(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		there bool
		err   error
		set   bool
	}{
		{"registered", true, nil, true},
		{"not registered", false, nil, false},
		{"nobody knows", false, errors.New("the visibility store is away"), false},
	} {
		u := newBareUnit(t)
		u.OnActivity("Searchable", mock.Anything).Return(c.there, c.err)
		u.fetches(1)
		set := 0
		u.OnUpsertTypedSearchAttributes(mock.Anything).Return(nil).Run(func(mock.Arguments) { set++ }).Maybe()
		u.ExecuteWorkflow(workflows.IngestionWorkflow, workflows.Input{Profile: "p"})
		require.Equal(t, lifecycle.Succeeded, u.result().Outcome, c.name)
		require.Equal(t, c.set, set > 0, c.name)
	}
}

func TestARunThatContinuesIsStillSearchable(t *testing.T) {
	t.Parallel()
	u := newUnit(t)
	u.fetches(1)
	set := 0
	u.OnUpsertTypedSearchAttributes(mock.Anything).Return(nil).Run(func(mock.Arguments) { set++ })
	u.ExecuteWorkflow(workflows.IngestionWorkflow, workflows.Input{Profile: "p", Resume: &workflows.Resume{
		Planned:  activities.Planned{RunID: 7, RejectPercent: 5, Streams: []string{"APPLICATION"}},
		Progress: lifecycle.Progress{RunID: 7, Profile: "p", Streams: []lifecycle.Stream{{Name: "APPLICATION"}}}, Searchable: true,
	}})
	u.result()
	require.Positive(t, set)
	u.AssertNotCalled(t, "Searchable", mock.Anything)
}
