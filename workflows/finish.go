package workflows

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"sluice/activities"
	"sluice/internal/lifecycle"
)

// finish closes the run, however it ended, and tells Temporal.
func (r *ingestion) finish(ctx workflow.Context, err error) (Result, error) {
	r.ending = true
	// A cancelled run is finished all the same.
	ctx, done := workflow.NewDisconnectedContext(ctx)
	defer done()
	p := &r.progress
	r.judge(err)
	if p.State != lifecycle.Processed || r.replay != nil || r.in.DryRun {
		p.State = "" // it is over, and has not changed the profile's state
	}
	if r.planned.RunID != 0 {
		in := activities.FinishInput{RunID: p.RunID, Outcome: p.Outcome, Reason: p.Reason, AssetsIn: p.AssetsIn()}
		if p.Outcome != lifecycle.Cancelled {
			for _, s := range p.Streams {
				if s.Complete {
					in.Complete = append(in.Complete, s.Name)
				}
			}
		}
		if err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, summarised(finish, string(p.Outcome))), acts.Finish, in).
			Get(ctx, nil); err != nil {
			return r.result(), err
		}
	}
	r.show(ctx)
	switch p.Outcome {
	case lifecycle.Cancelled:
		return r.result(), temporal.NewCanceledError(p.Reason)
	case lifecycle.Failed:
		return r.result(), r.failure(err)
	}
	return r.result(), nil
}

// judge decides the run's outcome.
func (r *ingestion) judge(err error) {
	p := &r.progress
	switch {
	case temporal.IsCanceledError(err) && r.cancelled != "":
		p.Outcome, p.Reason = lifecycle.Cancelled, r.cancelled+"; what was written stays"
	case temporal.IsCanceledError(err):
		p.Outcome, p.Reason = lifecycle.Cancelled, "what was written stays"
	case err != nil:
		p.Outcome = lifecycle.Failed
		p.Reason, _ = reason(err)
	case r.planned.Skipped != "":
		p.Outcome, p.Reason = lifecycle.Skipped, r.planned.Skipped
	default:
		p.Outcome, p.Reason = lifecycle.Judge(p.Streams)
	}
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

// Failure is the details of a failed run's error, for people who see it in
// the Temporal UI.
type Failure struct {
	RunID   int64           `json:"runId,omitempty"`
	Streams []StreamFailure `json:"streams,omitempty"`
	Advice  []string        `json:"advice"`
}

// StreamFailure is why one stream failed.
type StreamFailure struct {
	Stream string `json:"stream"`
	Code   string `json:"code"` // such as "token-refused"; see the error type
	Error  string `json:"error"`
}

// typeRunFailed is the error type of a run whose streams failed for different
// reasons. One reason gives its own code.
const typeRunFailed = "run-failed"

// failure is the error that the workflow of a failed run ends with.
func (r *ingestion) failure(err error) error {
	p := r.progress
	code, details := typeRunFailed, Failure{RunID: p.RunID}
	for _, s := range p.Streams {
		if s.Error != "" {
			details.Streams = append(details.Streams, StreamFailure{Stream: s.Name, Code: s.Code, Error: s.Error})
		}
	}
	if len(details.Streams) > 0 {
		code = details.Streams[0].Code
		for _, s := range details.Streams {
			if s.Code != code {
				code = typeRunFailed
			}
		}
	}
	if err != nil {
		_, code = reason(err)
	}
	switch {
	case p.Profile == "":
		details.Advice = []string{`name the profile: as input {"profile": "NAME"}, or by the workflow id ingest/NAME`}
	case p.RunID == 0:
		details.Advice = []string{"mend what the message names, then start the run again"}
	case r.replay != nil:
		details.Advice = []string{
			fmt.Sprintf("see 'sluice runs show %d' and 'sluice runs rejects %d'", p.RunID, p.RunID),
			fmt.Sprintf("mend what the message names, then 'sluice runs replay %d' does it again", r.replay.Run),
		}
	default:
		details.Advice = []string{
			fmt.Sprintf("see 'sluice runs show %d' and 'sluice runs logs %d'", p.RunID, p.RunID),
			fmt.Sprintf("test the connection: 'sluice connectors test %s'", p.Connector),
			fmt.Sprintf("mend what the message names, then 'sluice run %s' goes on with everything that is missing", p.Profile),
		}
	}
	return temporal.NewApplicationErrorWithOptions(p.Reason, code, temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{details}})
}

// reason is what an activity's error says to a person, without Temporal's
// own words around it, and its code.
func reason(err error) (text, code string) {
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return app.Message(), app.Type()
	}
	return err.Error(), typeRunFailed
}
