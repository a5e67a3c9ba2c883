package workflows_test

import (
	"context"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/catalog"
	"sluice/internal/lifecycle"
	"sluice/internal/simulator"
	"sluice/internal/testenv"
	"sluice/workflows"
)

// slowEstate takes some seconds to fetch, so that there is a middle to kill
// something in.
var slowEstate = simulator.Config{Seed: 3, Applications: 1200, APICollections: 400, FindingsPerAsset: 5,
	Faults: []simulator.Fault{{Kind: "slow", Delay: 150 * time.Millisecond}}}

func TestARunSurvivesThatItsWorkerIsKilled(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{estate: slowEstate, noWorker: true})
	worker := s.startWorker()
	run := s.start(workflows.Input{Profile: s.profile})
	for written := range 3 { // three times, at different places
		s.waitForBatches(3 * (written + 1))
		require.NoError(t, worker.Process.Kill())
		worker = s.startWorker()
	}
	s.requireSucceeded(run)
}

func TestAStoppingWorkerHandsOverWithinSeconds(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{estate: slowEstate, noWorker: true})
	worker := s.startWorker()
	run := s.start(workflows.Input{Profile: s.profile})
	s.waitForBatches(3)
	s.startWorker() // its successor is there
	stopping := time.Now()
	require.NoError(t, worker.Process.Signal(syscall.SIGTERM))
	require.NoError(t, worker.Wait())
	require.Less(t, time.Since(stopping), 8*time.Second)
	batches := s.batches()
	s.waitForBatches(batches + 2)
	require.Less(t, time.Since(stopping), 12*time.Second, "the next attempt did not wait for a heartbeat timeout")
	s.requireSucceeded(run)
}

func TestARunSurvivesThatPostgreSQLIsKilled(t *testing.T) {
	t.Parallel()
	server := testenv.StartPostgres(t)
	_, err := catalog.Migrate(t.Context(), server.URL())
	require.NoError(t, err)
	s := newStage(t, setup{estate: slowEstate, noWorker: true, database: server.URL()})
	s.startWorker()
	run := s.start(workflows.Input{Profile: s.profile})
	s.waitForBatches(4)
	server.Kill()
	require.NoError(t, server.Start(t.Context()))
	s.requireSucceeded(run)
}

func TestARunSurvivesThatTemporalIsKilled(t *testing.T) {
	t.Parallel()
	server := testenv.StartTemporal(t)
	s := newStage(t, setup{estate: slowEstate, noWorker: true, temporal: server.Address()})
	s.startWorker()
	run := s.start(workflows.Input{Profile: s.profile})
	s.waitForBatches(4)
	server.Kill()
	require.NoError(t, server.Start(t.Context()))
	s.requireSucceeded(run)
}

// startWorker starts a worker as a process of its own, with small batches.
func (s *stage) startWorker(env ...string) *exec.Cmd {
	return s.startProcess(func(binary string) *exec.Cmd { return exec.Command(binary) }, env...)
}

func (s *stage) startProcess(command func(binary string) *exec.Cmd, env ...string) *exec.Cmd {
	cmd := command(testenv.Command(s.t, "sluice/worker"))
	cmd.Env = append(cmd.Env, os.Environ()...)
	cmd.Env = append(cmd.Env, "SLUICE_DATABASE_URL="+s.with.database, "TEMPORAL_ADDRESS="+s.with.temporal, "SLUICE_TASK_QUEUE="+s.queue,
		"SLUICE_MASTER_KEY="+masterKey, "SLUICE_BATCH_PAGES=1", "SLUICE_LOG_FORMAT=json")
	cmd.Env = append(cmd.Env, env...)
	log, err := os.CreateTemp(s.t.TempDir(), "worker")
	require.NoError(s.t, err)
	cmd.Stdout, cmd.Stderr = log, log
	s.workerLog = log.Name()
	require.NoError(s.t, cmd.Start())
	s.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if s.t.Failed() {
			text, _ := os.ReadFile(log.Name())
			s.t.Logf("worker %d:\n%s", cmd.Process.Pid, text)
		}
	})
	return cmd
}

// waitForBatches waits until the run has written so many batches.
func (s *stage) waitForBatches(n int) {
	require.Eventually(s.t, func() bool {
		var written int
		err := s.store.Pool().QueryRow(s.t.Context(), "SELECT count(*) FROM batches").Scan(&written)
		return err == nil && written >= n
	}, time.Minute, 20*time.Millisecond)
}

func (s *stage) requireSucceeded(run interface {
	Get(context.Context, any) error
}) {
	ctx, cancel := context.WithTimeout(s.t.Context(), 3*time.Minute)
	defer cancel()
	var result workflows.Result
	require.NoError(s.t, run.Get(ctx, &result))
	require.Equal(s.t, lifecycle.Succeeded, result.Outcome, result.Reason)
	assets, findings := s.requireTruth()
	require.Equal(s.t, lifecycle.Counts{Created: int64(assets)}, result.Assets, "every batch counts once")
	require.Equal(s.t, lifecycle.Counts{Created: int64(findings)}, result.Findings)
	require.Equal(s.t, result.Findings, s.lastRun().Findings)
}
