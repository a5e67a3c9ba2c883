package workflows_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/encoding/protojson"

	"sluice/internal/lifecycle"
	"sluice/internal/simulator"
	"sluice/workflows"
)

// Recorded histories guard against changes that would break runs under way:
// the present code has to replay what released code did. Record them from
// released code only, never from a change that they are to guard:
//
//	go test ./workflows -run TestRecord -record
var record = flag.Bool("record", false, "record the histories in testdata/ anew")

func TestRecordedHistoriesReplay(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		replayer := worker.NewWorkflowReplayer()
		replayer.RegisterWorkflow(workflows.IngestionWorkflow)
		require.NoError(t, replayer.ReplayWorkflowHistoryFromJSONFile(quiet{}, file), file)
	}
}

func TestAChangedWorkflowWouldBeNoticed(t *testing.T) {
	t.Parallel()
	replayer := worker.NewWorkflowReplayer()
	replayer.RegisterWorkflowWithOptions(func(ctx workflow.Context, in workflows.Input) (workflows.Result, error) {
		if err := workflow.Sleep(ctx, time.Minute); err != nil { // a command that released code did not give
			return workflows.Result{}, err
		}
		return workflows.IngestionWorkflow(ctx, in)
	}, workflow.RegisterOptions{Name: workflows.IngestionType})
	require.ErrorContains(t, replayer.ReplayWorkflowHistoryFromJSONFile(quiet{}, "testdata/full.json"), "TMPRL1100")
}

func TestRecord(t *testing.T) {
	if !*record {
		t.Skip("records only with -record")
	}
	s := newStage(t, setup{estate: estate})
	run := s.start(workflows.Input{Profile: s.profile})
	require.NoError(t, run.Get(t.Context(), nil))
	s.record(run, "full.json")

	require.NoError(t, s.sim.SetFaults(simulator.Fault{Kind: "throttle", RetryAfter: 4, Endpoint: "applications", Call: 2}))
	run = s.start(workflows.Input{Profile: s.profile, Mode: "full"})
	require.NoError(t, run.Get(t.Context(), nil))
	s.record(run, "waited.json")

	require.NoError(t, s.sim.SetFaults(simulator.Fault{Kind: "error-body", Code: "INVALID_REQUEST", Endpoint: "applications"}))
	run = s.start(workflows.Input{Profile: s.profile, Mode: "full"})
	require.NoError(t, run.Get(t.Context(), nil))
	s.record(run, "partial.json")

	require.NoError(t, s.sim.SetFaults(simulator.Fault{Kind: "slow", Delay: 300 * time.Millisecond}))
	run = s.start(workflows.Input{Profile: s.profile, Mode: "full"})
	require.Eventually(t, func() bool { return len(s.progress(run).Streams) > 0 && s.progress(run).Streams[0].Batches > 1 }, time.Minute, 20*time.Millisecond)
	require.NoError(t, s.temporal.CancelWorkflow(t.Context(), run.GetID(), ""))
	require.Error(t, run.Get(t.Context(), nil))
	s.record(run, "cancelled.json")

	run = s.start(workflows.Input{Profile: s.profile, Mode: "full"})
	require.Eventually(t, func() bool { return len(s.progress(run).Streams) > 0 && s.progress(run).Streams[0].Batches > 0 }, time.Minute, 20*time.Millisecond)
	s.update(run.GetID(), workflows.UpdatePause, workflows.Because{Reason: "a look"})
	require.Eventually(t, func() bool { return s.progress(run).Streams[0].Phase == lifecycle.Paused }, time.Minute, 20*time.Millisecond)
	s.update(run.GetID(), workflows.UpdateResume)
	s.update(run.GetID(), workflows.UpdateCancel, workflows.Because{Reason: "enough"})
	require.Error(t, run.Get(t.Context(), nil))
	s.record(run, "updated.json")
}

func (s *stage) record(run client.WorkflowRun, name string) {
	require.NoError(s.t, os.WriteFile(filepath.Join("testdata", name), s.history(run), 0o644))
}

// history returns a run's history as JSON.
func (s *stage) history(run client.WorkflowRun) []byte {
	events := s.temporal.GetWorkflowHistory(s.t.Context(), run.GetID(), run.GetRunID(), false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	var all history.History
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(s.t, err)
		all.Events = append(all.Events, event)
	}
	text, err := protojson.MarshalOptions{Indent: " "}.Marshal(&all)
	require.NoError(s.t, err)
	return text
}
