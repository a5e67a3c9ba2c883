// Package workflows holds the durable workflows. It is deterministic code
// only: what touches a database or a vendor is an activity.
package workflows

import (
	"errors"
	"strings"
	"unicode"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"sluice/activities"
	"sluice/internal/lifecycle"
	"sluice/internal/source"
)

// The names that people meet in the Temporal UI and the CLI uses.
const (
	IngestionType = "IngestionWorkflow"
	IDPrefix      = "ingest/" // workflow ids are ingest/<profile>
	QueryProgress = "progress"
	QueryState    = "state"
	UpdatePause   = "pause"
	UpdateResume  = "resume"
	UpdateCancel  = "cancel"
)

// Input starts a run. A person can type it into the Temporal UI as
// {"profile": "name", "mode": "auto|full|delta"}; where it is left out, the
// profile is taken from the workflow id "ingest/<profile>".
type Input struct {
	Profile string         `json:"profile,omitempty"`
	Mode    lifecycle.Mode `json:"mode,omitempty"`
	// AcceptShrink lets this run mark any share of the assets stale, and of the
	// findings fixed.
	AcceptShrink bool `json:"acceptShrink,omitempty"`
	// Since makes the run read again what changed since a date of UTC, such as
	// "2027-01-31"; see lifecycle.ParseSince.
	Since string `json:"since,omitempty"`
	// Upload is the file to read, for a profile of files: 'sluice import' sends
	// it, and says which it is.
	Upload int64 `json:"upload,omitempty"`
	// DryRun makes the run write nothing into the inventory: every batch is
	// rolled back, and the run says what it would have done.
	DryRun bool `json:"dryRun,omitempty"`
	// Resume is set when a run continues as new, and by nobody else.
	Resume *Resume `json:"resume,omitempty"`
}

// Resume carries a run over to its next execution.
type Resume struct {
	Planned    activities.Planned `json:"planned"`
	Progress   lifecycle.Progress `json:"progress"`
	Searchable bool               `json:"searchable"`
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
	return r.toItsEnd(ctx, func(from Resume) error {
		r.in.Resume = &from
		return workflow.NewContinueAsNewError(ctx, IngestionWorkflow, r.in)
	})
}

// toItsEnd runs the run to its end, or to where it goes on in a new execution.
func (r *ingestion) toItsEnd(ctx workflow.Context, goOn func(from Resume) error) (Result, error) {
	running, cancel := workflow.WithCancel(ctx)
	if err := r.serve(ctx, cancel); err != nil {
		return Result{}, err
	}
	err := r.run(running)
	if errors.Is(err, errContinue) {
		// What is asked of the run until here is carried over with it.
		if err = workflow.Await(running, func() bool { return workflow.AllHandlersFinished(ctx) }); err == nil {
			err = running.Err()
		}
		if err == nil {
			return Result{}, goOn(Resume{Planned: r.planned, Progress: r.progress, Searchable: r.searchable})
		}
	}
	return r.finish(ctx, err)
}

// ingestion is a run in this execution of its workflow.
type ingestion struct {
	in         Input
	replay     *activities.ReplayInput // of a replay; else nil
	resumed    bool                    // an execution before this one began it
	planned    activities.Planned
	progress   lifecycle.Progress
	searchable bool   // whether search attributes can be set
	listed     lists  // the search attributes that were set last
	cancelled  string // why a person cancelled the run
	ending     bool   // nothing can be asked of the run any more
}

func newIngestion(ctx workflow.Context, in Input) (*ingestion, error) {
	if in.Profile == "" {
		if name, ok := strings.CutPrefix(workflow.GetInfo(ctx).WorkflowExecution.ID, IDPrefix); ok {
			in.Profile = name
		}
	}
	// Only what cannot be a name at all is refused here: Plan knows the names.
	if len(in.Profile) > longestName || strings.ContainsFunc(in.Profile, unicode.IsControl) {
		return nil, badInput("the input's profile is not a name: give it as {\"profile\": \"acme-apps\"}")
	}
	mode, err := lifecycle.ParseMode(string(in.Mode))
	if err != nil {
		return nil, badInput(err.Error())
	}
	in.Mode = mode
	if _, err := lifecycle.ParseSince(in.Since, mode, workflow.Now(ctx)); err != nil {
		return nil, badInput(err.Error())
	}
	r := &ingestion{in: in, progress: lifecycle.Progress{
		Profile: in.Profile, Mode: mode, State: lifecycle.Processing, Started: workflow.Now(ctx),
	}}
	if in.Resume != nil {
		r.resume(*in.Resume)
	}
	return r, nil
}

// resume takes over from the execution before.
func (r *ingestion) resume(from Resume) {
	r.planned, r.progress, r.searchable, r.resumed = from.Planned, from.Progress, from.Searchable, true
}

// longestName is more than any profile's name has.
const longestName = 200

func badInput(message string) error {
	return temporal.NewNonRetryableApplicationError(message, "bad-input", nil)
}

// errContinue says that the run goes on in a new execution.
var errContinue = errors.New("continue as new")

// run is a run from end to end: plan, bring every stream in, reconcile those
// that are complete. One stream's failure does not stop the others.
func (r *ingestion) run(ctx workflow.Context) error {
	if !r.resumed {
		r.searchable = canBeSearched(ctx)
	}
	r.show(ctx)
	if err := r.plan(ctx); err != nil || r.planned.Skipped != "" {
		return err
	}
	// Findings come after the assets that they belong to, and after what they
	// refer to.
	if err := r.ingestAll(ctx, func(role source.Role) bool { return role != source.Findings }); err != nil {
		return err
	}
	if r.progress.AssetsIn() {
		r.progress.State = lifecycle.Processed
	}
	if err := r.ingestAll(ctx, func(role source.Role) bool { return role == source.Findings }); err != nil {
		return err
	}
	if r.progress.AssetsIn() { // of a run without assets
		r.progress.State = lifecycle.Processed
	}
	for i := range r.progress.Streams {
		if err := r.reconcile(ctx, &r.progress.Streams[i]); err != nil {
			return err
		}
		if r.replaysRejects() {
			r.doubtRejects(&r.progress.Streams[i])
		}
	}
	return nil
}

// ingestAll brings the streams of some roles in, beside each other.
func (r *ingestion) ingestAll(ctx workflow.Context, wanted func(source.Role) bool) error {
	streams := workflow.NewWaitGroup(ctx)
	var ended error
	for i := range r.progress.Streams {
		if !wanted(r.progress.Streams[i].Role) {
			continue
		}
		streams.Add(1)
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer streams.Done()
			// A cancelled run does not go on in a new execution.
			if err := r.ingest(ctx, &r.progress.Streams[i]); err != nil && !temporal.IsCanceledError(ended) {
				ended = err
			}
			r.show(ctx)
		})
	}
	streams.Wait(ctx)
	return ended
}

func (r *ingestion) plan(ctx workflow.Context) error {
	if r.resumed {
		return nil
	}
	ctx = workflow.WithActivityOptions(ctx, summarised(control, r.progress.Profile))
	var planned workflow.Future
	if r.replay != nil {
		planned = workflow.ExecuteActivity(ctx, acts.PlanReplay, *r.replay)
	} else {
		planned = workflow.ExecuteActivity(ctx, acts.Plan, activities.PlanInput{Profile: r.in.Profile, Mode: r.in.Mode,
			AcceptShrink: r.in.AcceptShrink, Since: r.in.Since, Upload: r.in.Upload, DryRun: r.in.DryRun})
	}
	if err := planned.Get(ctx, &r.planned); err != nil {
		return err
	}
	p := &r.progress
	if r.planned.Profile != "" {
		p.Profile = r.planned.Profile
	}
	p.RunID, p.Connector, p.Mode = r.planned.RunID, r.planned.Connector, r.planned.Mode
	for _, name := range r.planned.Streams {
		p.Streams = append(p.Streams, lifecycle.Stream{Name: name, Role: r.planned.Roles[name], Phase: lifecycle.Pending})
	}
	r.show(ctx)
	return nil
}

func (r *ingestion) reconcile(ctx workflow.Context, s *lifecycle.Stream) error {
	if !s.Complete || s.Role == source.Reference { // what is referred to does not go
		return nil
	}
	if err := r.hold(ctx, s); err != nil {
		return err
	}
	s.Phase = lifecycle.Reconciling
	r.show(ctx)
	var done reconciled
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, summarised(reconcile, s.Name)), acts.Reconcile,
		activities.ReconcileInput{RunID: r.planned.RunID, Stream: s.Name}).Get(ctx, &done)
	if temporal.IsCanceledError(err) {
		return err
	}
	s.Stale, s.Retired, s.Fixed = done.Stale, done.Retired, done.Fixed
	switch {
	case err != nil:
		s.Complete = false
		s.Error, s.Code = reason(err)
	case done.Guarded != "":
		s.Complete, s.Doubt = false, done.Guarded
	}
	s.Phase = lifecycle.Done
	r.show(ctx)
	return nil
}
