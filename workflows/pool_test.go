package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/worker"
	"go.uber.org/zap"

	"sluice/activities"
	"sluice/internal/lifecycle"
	"sluice/internal/secret"
	"sluice/workflows"
)

// servePool starts a worker of a pool in this process.
func (s *stage) servePool(pool string) {
	key, err := secret.ParseKey(masterKey)
	require.NoError(s.t, err)
	w := worker.New(s.temporal, workflows.PoolQueue(s.queue, pool), worker.Options{DisableWorkflowWorker: true})
	acts := activities.New(s.store, key, s.with.limits, zap.NewNop(), nil)
	s.t.Cleanup(func() { activities.Close(acts) })
	w.RegisterActivity(acts)
	require.NoError(s.t, w.Start())
	s.t.Cleanup(w.Stop)
}

func TestARunWaitsForAWorkerOfItsPool(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{estate: estate, settings: map[string]string{"pool": "emea"}})
	run := s.start(workflows.Input{Profile: s.profile})
	require.Eventually(t, func() bool {
		streams := s.progress(run).Streams
		return len(streams) > 0 && streams[0].Phase == lifecycle.Waiting
	}, 30*time.Second, 50*time.Millisecond)
	require.Equal(t, "no worker serves pool emea: start one with 'sluice-worker --pool emea'", s.progress(run).Streams[0].Waits)
	require.Contains(t, s.currentDetails(run), "waiting: no worker serves pool emea")

	s.servePool("emea")
	var result workflows.Result
	require.NoError(t, run.Get(t.Context(), &result))
	require.Equal(t, lifecycle.Succeeded, result.Outcome, result.Reason)
	require.Empty(t, s.progress(run).Streams[0].Waits)
	s.requireTruth()
}

func TestARunThatWaitsForItsPoolCanBeCancelled(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{estate: estate, settings: map[string]string{"pool": "emea"}})
	run := s.start(workflows.Input{Profile: s.profile})
	require.Eventually(t, func() bool { return s.progress(run).RunID != 0 }, 30*time.Second, 20*time.Millisecond)
	s.update(run.GetID(), workflows.UpdateCancel, workflows.Because{Reason: "wrong pool"})
	require.Error(t, run.Get(t.Context(), nil))
	require.Equal(t, lifecycle.Cancelled, s.lastRun().Outcome)
}

func TestATaskQueueKnowsItsPool(t *testing.T) {
	t.Parallel()
	require.Equal(t, "sluice", workflows.PoolQueue("sluice", ""))
	require.Equal(t, "sluice/pool/emea", workflows.PoolQueue("sluice", "emea"))
	require.Equal(t, "emea", workflows.PoolOf("sluice/pool/emea"))
	require.Empty(t, workflows.PoolOf("sluice"))
}
