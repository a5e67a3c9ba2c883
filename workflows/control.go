package workflows

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"go.temporal.io/sdk/workflow"

	"sluice/internal/lifecycle"
)

// Because is the input of the updates "pause" and "cancel".
type Because struct {
	Reason string `json:"reason"`
}

// longestReason bounds what a person gives as a reason, in characters.
const longestReason = 200

func (b Because) check() error {
	switch {
	case strings.TrimSpace(b.Reason) == "":
		return badInput(`a reason is needed: {"reason": "maintenance at the vendor"}`)
	case utf8.RuneCountInString(b.Reason) > longestReason:
		return badInput(fmt.Sprintf("the reason is longer than %d characters", longestReason))
	}
	return nil
}

// Standing answers the query "state", and every update: where the run stands,
// as a sentence and in parts.
type Standing struct {
	// Text is such as "Processing, paused: maintenance".
	Text    string            `json:"text"`
	State   lifecycle.State   `json:"state,omitempty"`
	Outcome lifecycle.Outcome `json:"outcome,omitempty"`
	Reason  string            `json:"reason,omitempty"`
	Paused  *lifecycle.Pause  `json:"paused,omitempty"`
}

func (r *ingestion) standing() (Standing, error) {
	p := r.progress
	return Standing{Text: headline(p), State: p.State, Outcome: p.Outcome, Reason: p.Reason, Paused: p.Paused}, nil
}

// serve answers queries and updates. cancel ends the run's context.
func (r *ingestion) serve(ctx workflow.Context, cancel workflow.CancelFunc) error {
	for _, q := range []struct {
		name, description string
		answer            any
	}{
		{QueryState, "Where the run stands: Processing or Processed, paused or not, and its outcome", r.standing},
		{QueryProgress, "How far every stream of the run has come", func() (lifecycle.Progress, error) { return r.progress, nil }},
	} {
		if err := workflow.SetQueryHandlerWithOptions(ctx, q.name, q.answer, workflow.QueryHandlerOptions{Description: q.description}); err != nil {
			return err
		}
	}
	for _, u := range []struct {
		name, description string
		do, check         any
	}{
		{UpdatePause, `Hold the run before its next batch, until "resume". Input: {"reason": "..."}`,
			func(ctx workflow.Context, why Because) (Standing, error) {
				r.progress.Paused = &lifecycle.Pause{Since: workflow.Now(ctx), Reason: why.Reason}
				r.show(ctx)
				return r.standing()
			},
			func(why Because) error {
				if r.progress.Paused != nil {
					return badInput("the run is paused already")
				}
				return r.asked(why.check())
			}},
		{UpdateResume, "Let a paused run go on. No input",
			func(ctx workflow.Context) (Standing, error) {
				r.progress.Paused = nil
				r.show(ctx)
				return r.standing()
			},
			func() error {
				if r.progress.Paused == nil {
					return badInput("the run is not paused")
				}
				return r.asked(nil)
			}},
		{UpdateCancel, `End the run as cancelled; what was written stays. Input: {"reason": "..."}`,
			func(_ workflow.Context, why Because) (Standing, error) {
				r.cancelled = why.Reason
				cancel()
				return r.standing()
			},
			func(why Because) error { return r.asked(why.check()) }},
	} {
		if err := workflow.SetUpdateHandlerWithOptions(ctx, u.name, u.do, workflow.UpdateHandlerOptions{Validator: u.check, Description: u.description}); err != nil {
			return err
		}
	}
	return nil
}

// asked refuses what is asked of a run that is ending, or is asked wrongly.
func (r *ingestion) asked(err error) error {
	if r.ending || r.cancelled != "" {
		return badInput("the run is ending")
	}
	return err
}

// hold keeps a stream from its next step while the run is paused.
func (r *ingestion) hold(ctx workflow.Context, s *lifecycle.Stream) error {
	if r.progress.Paused == nil {
		return nil
	}
	before := s.Phase
	s.Phase = lifecycle.Paused
	r.show(ctx)
	defer idle(ctx, s)()
	err := workflow.Await(ctx, func() bool { return r.progress.Paused == nil })
	s.Phase = before
	return err
}
