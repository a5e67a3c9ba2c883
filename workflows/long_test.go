//go:build long

package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"sluice/internal/config"
	"sluice/internal/lifecycle"
	"sluice/internal/simulator"
	"sluice/workflows"
)

// This test takes some minutes and is run by hand, before a release:
//
//	go test -tags long -run TestALongRun -timeout 30m -v ./workflows

const (
	longBatches = 2500
	killEvery   = 20 * time.Second
)

func TestALongRunSurvivesItsWorkersBeingKilledAgainAndAgain(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{
		estate: simulator.Config{Seed: 5, Applications: longBatches * 4 / 5, APICollections: longBatches / 5, FindingsPerAsset: 5,
			Faults: []simulator.Fault{{Kind: "slow", Delay: 50 * time.Millisecond}, {Kind: "http-error", Status: 503, Share: 0.005}}},
		settings: map[string]string{"pageSize": "1"}, // a batch of one page of one record
		limits:   config.DefaultLimits, noWorker: true,
	})
	worker := s.startWorker()
	begun := time.Now()
	run := s.start(workflows.Input{Profile: s.profile})

	ended := make(chan error, 1)
	var result workflows.Result
	go func() {
		ctx, cancel := context.WithTimeout(t.Context(), 25*time.Minute)
		defer cancel()
		ended <- run.Get(ctx, &result)
	}()
	kills, paused := 0, false
	var err error
	for more := true; more; {
		select {
		case err = <-ended:
			more = false
		case <-time.After(killEvery):
			require.NoError(t, worker.Process.Kill())
			worker = s.startWorker()
			kills++
			t.Logf("%s: %d batches, %d workers killed", time.Since(begun).Round(time.Second), s.batches(), kills)
			if kills == 3 { // and a pause on the way
				s.pauseAndResume(run.GetID())
				paused = true
			}
		}
	}
	require.NoError(t, err)
	require.Equal(t, lifecycle.Succeeded, result.Outcome, result.Reason)
	assets, findings := s.requireTruth()
	require.Equal(t, lifecycle.Counts{Created: int64(assets)}, result.Assets, "every batch counts once")
	require.Equal(t, lifecycle.Counts{Created: int64(findings)}, result.Findings)
	require.Equal(t, longBatches, s.batches())
	require.True(t, paused)
	executions := s.executions(run.GetID())
	require.Greater(t, executions, 3, "it continued as new")
	t.Logf("%d batches in %s, %d workers killed, %d executions", longBatches, time.Since(begun).Round(time.Second), kills, executions)
}

// pauseAndResume holds the run until nothing is written any more.
func (s *stage) pauseAndResume(id string) {
	s.update(id, workflows.UpdatePause, workflows.Because{Reason: "a look"})
	require.Eventually(s.t, func() bool {
		p := s.latestProgress(id)
		for _, stream := range p.Streams {
			if stream.Phase == lifecycle.Paused {
				return true
			}
		}
		return false
	}, 2*time.Minute, 100*time.Millisecond)
	s.update(id, workflows.UpdateResume)
}

func (s *stage) latestProgress(id string) (p lifecycle.Progress) {
	if value, err := s.temporal.QueryWorkflow(s.t.Context(), id, "", workflows.QueryProgress); err == nil {
		require.NoError(s.t, value.Get(&p))
	}
	return p
}

// executions counts the executions of a chain.
func (s *stage) executions(id string) int {
	var n int
	require.Eventually(s.t, func() bool {
		list, err := s.temporal.ListWorkflow(s.t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: "WorkflowId = '" + id + "'"})
		if err != nil {
			return false
		}
		n = len(list.Executions)
		for _, e := range list.Executions {
			if e.Status == enums.WORKFLOW_EXECUTION_STATUS_RUNNING {
				return false
			}
		}
		return n > 0
	}, time.Minute, 100*time.Millisecond)
	return n
}
