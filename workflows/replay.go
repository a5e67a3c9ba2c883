package workflows

import (
	"strings"

	"go.temporal.io/sdk/workflow"

	"sluice/activities"
	"sluice/internal/lifecycle"
)

// The names of replays that people meet in the Temporal UI and the CLI uses.
const (
	ReplayType     = "ReplayWorkflow"
	ReplayIDPrefix = "replay/" // workflow ids are replay/<profile>
)

// ReplayInput starts a replay. A person can type it into the Temporal UI as
// {"run": 12, "maps": {"APPLICATION": "acme-applications@3"}}.
type ReplayInput struct {
	activities.ReplayInput
	// Resume is set when a replay continues as new, and by nobody else.
	Resume *Resume `json:"resume,omitempty"`
}

// ReplayWorkflowID is the id of the replays of a profile's runs.
func ReplayWorkflowID(profile string) string { return ReplayIDPrefix + profile }

// ReplayWorkflow transforms and writes again what a run fetched, without asking
// the vendor: a run of its own, which writes as any other. One of the newest run
// comes to what fetching the same again would: what is not in its records goes
// stale, or is fixed, and watermarks name its maps. Once that run is overtaken,
// what newer runs have brought is left as it is, nothing goes stale and no
// watermark moves: what the vendor has now, it cannot say.
func ReplayWorkflow(ctx workflow.Context, in ReplayInput) (Result, error) {
	if in.Run < 1 {
		return Result{}, badInput(`the input does not say which run is meant: {"run": 12}`)
	}
	r := &ingestion{replay: &in.ReplayInput, progress: lifecycle.Progress{
		Profile: strings.TrimPrefix(workflow.GetInfo(ctx).WorkflowExecution.ID, ReplayIDPrefix),
		Mode:    lifecycle.Replay, State: lifecycle.Processing, Started: workflow.Now(ctx),
	}}
	if in.Resume != nil {
		r.resume(*in.Resume)
	}
	return r.toItsEnd(ctx, func(from Resume) error {
		in.Resume = &from
		return workflow.NewContinueAsNewError(ctx, ReplayWorkflow, in)
	})
}
