package workflows_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"sluice/internal/catalog"
	"sluice/internal/governor"
	"sluice/internal/lifecycle"
	"sluice/internal/simulator"
	"sluice/internal/simulator/faults"
	"sluice/internal/source"
	"sluice/internal/source/kinds"
	"sluice/workflows"
)

// slowly is an estate whose list takes a while to be read.
func slowly() simulator.Config {
	config := estate
	config.Faults = []simulator.Fault{{Kind: faults.Slow, Endpoint: faults.Applications, Delay: 300 * time.Millisecond}}
	return config
}

// underWay waits until the vendor has been asked for records.
func (s *stage) underWay() {
	require.Eventually(s.t, func() bool { return s.sim.Counts().Faults[faults.Slow] > 0 }, 30*time.Second, 10*time.Millisecond)
}

// A secret that is tried is what workers read with meanwhile.
func TestARunOutlivesTheTrialOfAWrongSecret(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{estate: slowly()})
	before, err := s.store.Connector(t.Context(), "tas")
	require.NoError(t, err)
	run := s.start(workflows.Input{Profile: s.profile})
	s.underWay()
	s.setSecrets(map[string]string{"clientSecret": "not-the-secret"})
	require.Eventually(t, func() bool {
		lines, err := s.store.RunLog(t.Context(), s.lastRun().ID, catalog.LogFilter{Levels: []string{"warn"}, Limit: 20})
		require.NoError(t, err)
		return len(lines) > 0
	}, 30*time.Second, 20*time.Millisecond, "the run has met it")
	require.Equal(t, 1, s.sim.FailedSignIns()[s.sim.DefaultUser().Name], "accounts lock")
	require.NoError(t, s.store.RevertConnector(t.Context(), before))

	var result workflows.Result
	require.NoError(t, run.Get(t.Context(), &result))
	require.Equal(t, lifecycle.Succeeded, result.Outcome, result.Reason)
	require.Equal(t, 1, s.sim.FailedSignIns()[s.sim.DefaultUser().Name])
	s.requireTruth()
}

func TestATestOfOneVersionIsNoneOfAnother(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{estate: slowly()})
	c, err := s.store.Connector(t.Context(), "tas")
	require.NoError(t, err)
	in := workflows.TestInput{Connector: "tas", Version: c.Version}
	require.NotEqual(t, workflows.TestWorkflowID(in), workflows.TestWorkflowID(workflows.TestInput{Connector: "tas", Version: c.Version + 1}))
	_, _, err = s.test(workflows.TestInput{Connector: "tas", Version: c.Version + 1})
	require.ErrorContains(t, err, "was changed since its test was asked for")

	run, err := s.temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: s.queue + "/trial", TaskQueue: s.queue}, workflows.ConnectionTestType, in)
	require.NoError(t, err)
	s.underWay()
	s.set(map[string]string{"pageSize": "40"})
	err = run.Get(t.Context(), nil)
	require.ErrorContains(t, err, "was changed since its test was asked for", "what it has found is of before")

	in.Version++
	result, _, err := s.test(in)
	require.NoError(t, err)
	require.Equal(t, map[string]source.Health{"TAS": source.Healthy}, healthOf(result))
}

// A step that could not be asked, since our own runs make as many calls as may
// be, is no ill health; the others decide.
func TestATestBesideRunsIsNoIllHealth(t *testing.T) {
	t.Parallel()
	estate := everyApplication
	estate.VMSettings = limited
	s := newTested(t, estate, nil, nil)
	c, err := s.store.Connector(t.Context(), "tas")
	require.NoError(t, err)
	provider, err := kinds.FindProvider("qualys")
	require.NoError(t, err)
	runs := governor.NewSet(s.store.Governor(), "another worker", time.Second).
		Governor(provider.Subscription(source.Connection{Settings: c.Settings}), 0)
	for i := range limited.Concurrent {
		slot, err := runs.Enter(governor.OnBehalf(t.Context(), fmt.Sprintf("run %d of shop", i+1)), governor.API{Name: "fo/asset/host", Concurrent: limited.Concurrent})
		require.NoError(t, err)
		defer slot.Leave()
	}
	in := workflows.TestInput{Connector: "tas", Applications: []string{"VMDR"}}
	result, run, err := s.test(in)
	require.NoError(t, err)
	health := make(map[string]source.Health)
	for _, check := range result.Checks["VMDR"] {
		health[check.Step] = check.Health
		if check.Health == source.NotAsked {
			require.Regexp(t, `^not asked: .*all 2 calls that may run at the same time are in use, by run 1 of shop since .*, run 2 of shop`, check.Message)
			require.NotEmpty(t, check.Advice)
		}
	}
	require.Equal(t, source.Healthy, result.Checks["VMDR"][0].Health)
	require.Equal(t, source.NotAsked, health["hosts"])
	require.Contains(t, s.currentDetails(run), "1 of 1 applications healthy")
	checks, err := s.store.LatestChecks(t.Context(), c.ID)
	require.NoError(t, err)
	require.Equal(t, source.Healthy, c.Health(checks, []string{"VMDR"}))
}
