package workflows_test

import (
	"context"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/client"

	"sluice/internal/secret"
	"sluice/internal/source"
	"sluice/workflows"
)

// test runs a connection test of the stage's connector.
func (s *stage) test(in workflows.TestInput) (workflows.TestResult, client.WorkflowRun, error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	// Of other stages of this Temporal server there are connectors of that name, too.
	run, err := s.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: s.queue + "/" + workflows.TestWorkflowID(in), TaskQueue: s.queue,
	}, workflows.ConnectionTestType, in)
	require.NoError(s.t, err)
	var result workflows.TestResult
	err = run.Get(ctx, &result)
	return result, run, err
}

// currentDetails is what the Temporal UI shows of a workflow.
func (s *stage) currentDetails(run client.WorkflowRun) string {
	answer, err := s.temporal.QueryWorkflow(s.t.Context(), run.GetID(), run.GetRunID(), "__temporal_workflow_metadata")
	require.NoError(s.t, err)
	var metadata sdk.WorkflowMetadata
	require.NoError(s.t, answer.Get(&metadata))
	return metadata.GetCurrentDetails()
}

func TestAConnectionTestIsOfWhatTheProfilesUseUnlessSaidOtherwise(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{estate: estate})
	result, run, err := s.test(workflows.TestInput{Connector: "tas"})
	require.NoError(t, err)
	require.Len(t, result.Checks, 1, "its profile reads TotalAppSec alone")
	checks := result.Checks["TAS"]
	require.Len(t, checks, 3)
	for _, c := range checks {
		require.Equal(t, source.Healthy, c.Health, c.Message)
	}
	require.Equal(t, int64(230), checks[1].Seen)
	details := s.currentDetails(run)
	require.Contains(t, details, "**1 of 1 applications healthy** · connector tas")
	require.Contains(t, details, "| TAS | healthy |")
	c, err := s.store.Connector(t.Context(), "tas")
	require.NoError(t, err)
	stored, err := s.store.LatestChecks(t.Context(), c.ID)
	require.NoError(t, err)
	require.Len(t, stored, 3)

	result, _, err = s.test(workflows.TestInput{Connector: "tas", Applications: []string{"was", "TAS"}})
	require.NoError(t, err)
	require.Len(t, result.Checks, 2)
	require.Contains(t, result.Checks, "WAS", "in whatever case it is typed")

	require.NoError(t, s.store.DeleteProfile(t.Context(), s.profile))
	result, _, err = s.test(workflows.TestInput{Connector: "tas"})
	require.NoError(t, err)
	require.Len(t, result.Checks, 3, "what any kind reads")

	_, _, err = s.test(workflows.TestInput{Connector: "tas", Applications: []string{"WAZ"}})
	require.ErrorContains(t, err, `no application "WAZ"`)
	_, _, err = s.test(workflows.TestInput{Connector: "tess"})
	require.ErrorContains(t, err, `"tess"`)
}

func TestATestInAPoolThatNobodyServesIsGivenUpAndSaysSo(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{estate: estate, settings: map[string]string{"pool": "emea"}})
	begun := time.Now()
	result, run, err := s.test(workflows.TestInput{Connector: "tas", Applications: []string{"TAS", "WAS"}})
	require.NoError(t, err)
	require.Less(t, time.Since(begun), 20*time.Second)
	for _, application := range []string{"TAS", "WAS"} {
		require.Equal(t, []source.Check{{Step: "test", Health: source.Unknown, Message: "no worker serves pool emea",
			Advice: "start one with 'sluice-worker --pool emea'", Seen: -1}}, result.Checks[application])
	}
	require.Contains(t, s.currentDetails(run), "**0 of 2 applications healthy; not so: WAS, TAS** · connector tas · from pool emea")
	c, err := s.store.Connector(t.Context(), "tas")
	require.NoError(t, err)
	stored, err := s.store.LatestChecks(t.Context(), c.ID)
	require.NoError(t, err)
	require.Len(t, stored, 2, "it is kept, or an old result would be taken for the present state")
}

// set changes settings of the stage's connector.
func (s *stage) set(settings map[string]string) {
	c, err := s.store.Connector(s.t.Context(), "tas")
	require.NoError(s.t, err)
	maps.Copy(c.Settings, settings)
	require.NoError(s.t, s.store.UpdateConnector(s.t.Context(), c))
}

// setSecrets changes secrets of the stage's connector.
func (s *stage) setSecrets(secrets map[string]string) {
	key, err := secret.ParseKey(masterKey)
	require.NoError(s.t, err)
	c, err := s.store.Connector(s.t.Context(), "tas")
	require.NoError(s.t, err)
	for field, plain := range secrets {
		c.Secrets[field] = key.Seal(secret.Place{ConnectorID: c.ID, Field: field}, plain)
	}
	require.NoError(s.t, s.store.UpdateConnector(s.t.Context(), c))
}
