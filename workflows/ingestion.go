// Package workflows holds the durable workflows. It is deterministic code
// only: what touches a database or a vendor is an activity.
package workflows

import (
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"sluice/activities"
	"sluice/internal/lifecycle"
)

// The names that people meet in the Temporal UI and the CLI uses.
const (
	IngestionType   = "IngestionWorkflow"
	IDPrefix        = "ingest/" // workflow ids are ingest/<profile>
	QueryProgress   = "progress"
	QueryState      = "state"
	errorTypeFailed = "run-failed"
)

// Input starts a run. A person can type it into the Temporal UI as
// {"profile": "name", "mode": "auto|full|delta"}; where it is left out, the
// profile is taken from the workflow id "ingest/<profile>".
type Input struct {
	Profile string         `json:"profile,omitempty"`
	Mode    lifecycle.Mode `json:"mode,omitempty"`
	// AcceptShrink lets this run mark any share of the assets stale.
	AcceptShrink bool `json:"acceptShrink,omitempty"`
	// Resume is set when a run continues as new, and by nobody else.
	Resume *Resume `json:"resume,omitempty"`
}

// Resume carries a run over to its next execution.
type Resume struct {
	Planned  activities.Planned `json:"planned"`
	Progress lifecycle.Progress `json:"progress"`
}

// Result is what a run came to.
type Result struct {
	RunID    int64             `json:"runId,omitempty"`
	Outcome  lifecycle.Outcome `json:"outcome"`
	Reason   string            `json:"reason,omitempty"`
	Mode     lifecycle.Mode    `json:"mode,omitempty"`
	Assets   lifecycle.Counts  `json:"assets"`
	Findings lifecycle.Counts  `json:"findings"`
	Stale    int64             `json:"stale"`
	Fixed    int64             `json:"fixed"`
}

// WorkflowID is the id of a profile's runs that people start.
func WorkflowID(profile string) string { return IDPrefix + profile }

// acts names the activities; it is never called.
var acts *activities.Activities

// IngestionWorkflow runs a profile: it brings what a vendor has into the
// inventory. A run that brought nothing in fails; one that brought in less
// than all is partial and says why; one that found another at work is skipped.
func IngestionWorkflow(ctx workflow.Context, in Input) (Result, error) {
	r, err := newIngestion(ctx, in)
	if err != nil {
		return Result{}, err
	}
	return r.finish(ctx, r.run(ctx))
}

// ingestion is a run in this execution of its workflow.
type ingestion struct {
	in       Input
	planned  activities.Planned
	progress lifecycle.Progress
}

func newIngestion(ctx workflow.Context, in Input) (*ingestion, error) {
	if in.Profile == "" {
		in.Profile, _ = strings.CutPrefix(workflow.GetInfo(ctx).WorkflowExecution.ID, IDPrefix)
	}
	mode, err := lifecycle.ParseMode(string(in.Mode))
	if err != nil {
		return nil, temporal.NewNonRetryableApplicationError(err.Error(), "bad-input", nil)
	}
	in.Mode = mode
	r := &ingestion{in: in, progress: lifecycle.Progress{
		Profile: in.Profile, Mode: mode, State: lifecycle.Processing, Started: workflow.Now(ctx),
	}}
	if in.Resume != nil {
		r.planned, r.progress = in.Resume.Planned, in.Resume.Progress
	}
	if err := workflow.SetQueryHandlerWithOptions(ctx, QueryProgress, func() (lifecycle.Progress, error) { return r.progress, nil },
		workflow.QueryHandlerOptions{Description: "How far every stream of the run has come"}); err != nil {
		return nil, err
	}
	return r, workflow.SetQueryHandlerWithOptions(ctx, QueryState, func() (lifecycle.State, error) { return r.progress.State, nil },
		workflow.QueryHandlerOptions{Description: "The lifecycle state: Processing, then Processed"})
}

// errContinue says that the run goes on in a new execution.
var errContinue = errors.New("continue as new")

// run is a run from end to end: plan, bring every stream in, reconcile those
// that are complete. One stream's failure does not stop the others.
func (r *ingestion) run(ctx workflow.Context) error {
	if err := r.plan(ctx); err != nil || r.planned.Skipped != "" {
		return err
	}
	for i := range r.progress.Streams {
		s := &r.progress.Streams[i]
		if err := r.ingest(ctx, s); err != nil {
			return err
		}
		r.show(ctx)
	}
	r.progress.State = lifecycle.Processed
	for i := range r.progress.Streams {
		if err := r.reconcile(ctx, &r.progress.Streams[i]); err != nil {
			return err
		}
	}
	return nil
}

func (r *ingestion) plan(ctx workflow.Context) error {
	if r.in.Resume != nil {
		return nil
	}
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, summarised(control, r.in.Profile)), acts.Plan,
		activities.PlanInput{Profile: r.in.Profile, Mode: r.in.Mode, AcceptShrink: r.in.AcceptShrink}).Get(ctx, &r.planned)
	if err != nil {
		return err
	}
	p := &r.progress
	p.RunID, p.Connector, p.Mode = r.planned.RunID, r.planned.Connector, r.planned.Mode
	for _, name := range r.planned.Streams {
		p.Streams = append(p.Streams, lifecycle.Stream{Name: name, Phase: lifecycle.Pending})
	}
	r.show(ctx)
	return nil
}

func (r *ingestion) reconcile(ctx workflow.Context, s *lifecycle.Stream) error {
	if !s.Complete {
		return nil
	}
	var done reconciled
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, summarised(reconcile, s.Name)), acts.Reconcile,
		activities.ReconcileInput{RunID: r.planned.RunID, Stream: s.Name}).Get(ctx, &done)
	if temporal.IsCanceledError(err) {
		return err
	}
	s.Stale, s.Retired, s.Fixed = done.Stale, done.Retired, done.Fixed
	switch {
	case err != nil:
		s.Complete, s.Error = false, reason(err)
	case done.Guarded != "":
		s.Complete, s.Doubt = false, done.Guarded
	}
	s.Phase = lifecycle.Done
	r.show(ctx)
	return nil
}

// finish closes the run, however it ended, and tells Temporal.
func (r *ingestion) finish(ctx workflow.Context, err error) (Result, error) {
	if errors.Is(err, errContinue) {
		next := r.in
		next.Resume = &Resume{Planned: r.planned, Progress: r.progress}
		return Result{}, workflow.NewContinueAsNewError(ctx, IngestionWorkflow, next)
	}
	p := &r.progress
	switch {
	case r.planned.Skipped != "":
		p.Outcome, p.Reason = lifecycle.Skipped, r.planned.Skipped
		r.show(ctx)
		return r.result(), nil
	case r.planned.RunID == 0: // it never began
		return Result{}, err
	case temporal.IsCanceledError(err):
		p.Outcome, p.Reason = lifecycle.Cancelled, "cancelled; what was written stays"
	case err != nil:
		p.Outcome, p.Reason = lifecycle.Failed, reason(err)
	default:
		p.Outcome, p.Reason = lifecycle.Judge(p.Streams)
	}
	in := activities.FinishInput{RunID: p.RunID, Outcome: p.Outcome, Reason: p.Reason, AssetsIn: p.AssetsIn()}
	if p.Outcome != lifecycle.Cancelled {
		for _, s := range p.Streams {
			if s.Complete {
				in.Complete = append(in.Complete, s.Name)
			}
		}
	}
	// A cancelled run is finished all the same.
	finishing, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	if ferr := workflow.ExecuteActivity(workflow.WithActivityOptions(finishing, summarised(finish, string(p.Outcome))), acts.Finish, in).
		Get(finishing, nil); ferr != nil {
		return r.result(), ferr
	}
	r.show(ctx)
	switch {
	case p.Outcome == lifecycle.Cancelled:
		return r.result(), err
	case p.Outcome == lifecycle.Failed:
		return r.result(), temporal.NewNonRetryableApplicationError(p.Reason, errorTypeFailed, err)
	}
	return r.result(), nil
}

func (r *ingestion) result() Result {
	p := r.progress
	result := Result{RunID: p.RunID, Outcome: p.Outcome, Reason: p.Reason, Mode: p.Mode}
	result.Assets, result.Findings = p.Totals()
	for _, s := range p.Streams {
		result.Stale += s.Stale
		result.Fixed += s.Fixed
	}
	return result
}

// show puts the run's progress where the Temporal UI shows it, as Markdown.
func (r *ingestion) show(ctx workflow.Context) {
	p := r.progress
	head := string(p.State)
	if p.Outcome != "" {
		head += ", " + string(p.Outcome)
	}
	text := fmt.Sprintf("**%s**: profile %s, connector %s, %s run %d\n\n", head, p.Profile, p.Connector, p.Mode, p.RunID)
	if p.Reason != "" {
		text += p.Reason + "\n\n"
	}
	text += "| stream | phase | records | assets | findings |\n|---|---|---|---|---|\n"
	for _, s := range p.Streams {
		text += fmt.Sprintf("| %s | %s | %d | %s | %s |\n", s.Name, s.Phase, s.Records, s.Assets, s.Findings)
	}
	workflow.SetCurrentDetails(ctx, text)
}

// reason is what an activity's error says to a person, without Temporal's
// own words around it.
func reason(err error) string {
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return app.Message()
	}
	return err.Error()
}
