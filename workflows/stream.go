package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"sluice/activities"
	"sluice/internal/catalog"
	"sluice/internal/inventory"
	"sluice/internal/lifecycle"
	"sluice/internal/source"
)

type reconciled = inventory.Reconciled

// ingest brings a stream in, a batch at a time: while batch n is written, batch
// n+1 is transformed and n+2 fetched. Batches are written in order. It returns
// an error only when the whole run has to end; a stream that fails says so in
// its progress.
func (r *ingestion) ingest(ctx workflow.Context, s *lifecycle.Stream) error {
	if s.Phase == lifecycle.Done || s.Phase == lifecycle.Broken { // before this execution
		return nil
	}
	err := r.pump(ctx, s)
	switch {
	case err == errContinue || temporal.IsCanceledError(err):
		return err
	case err != nil:
		s.Phase, s.Ended = lifecycle.Broken, workflow.Now(ctx)
		s.Error, s.Code = reason(err)
		return nil
	}
	s.Phase, s.Ended = lifecycle.Done, workflow.Now(ctx)
	s.Complete = s.Fetched && s.Doubt == ""
	return nil
}

func (r *ingestion) pump(ctx workflow.Context, s *lifecycle.Stream) error {
	if s.Began.IsZero() {
		s.Began = workflow.Now(ctx)
	}
	// Of the batches fetched, at most two are on their way into the inventory:
	// while one is written, the next is transformed.
	before, writing := r.nothing(ctx), r.nothing(ctx)
	for batch := s.Batches + 1; !s.Fetched; batch++ {
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			if err := writing.Get(ctx, nil); err != nil {
				return err
			}
			return errContinue
		}
		ref := catalog.BatchRef{RunID: r.planned.RunID, Stream: s.Name, Batch: batch}
		fetched, err := r.fetch(ctx, s, ref)
		// What was fetched before an error is written all the same.
		if err != nil {
			_ = writing.Get(ctx, nil)
			return err
		}
		if err := before.Get(ctx, nil); err != nil {
			return err
		}
		s.Fetched, s.Doubt = fetched.Ended, fetched.Doubt
		if fetched.BatchRecords > 0 {
			before, writing = writing, r.write(ctx, s, ref, writing)
		}
	}
	if err := writing.Get(ctx, nil); err != nil {
		return err
	}
	return r.checkRejects(s, 1)
}

// nothing is the future of a batch that needs no writing.
func (r *ingestion) nothing(ctx workflow.Context) workflow.Future {
	done, settle := workflow.NewFuture(ctx)
	settle.Set(nil, nil)
	return done
}

// fetch fetches a batch, unless and until the run is paused. A long wait that
// the vendor asks for is a timer here, which holds no worker.
func (r *ingestion) fetch(ctx workflow.Context, s *lifecycle.Stream, ref catalog.BatchRef) (activities.Fetched, error) {
	for {
		if err := r.hold(ctx, s); err != nil {
			return activities.Fetched{}, err
		}
		s.Phase = lifecycle.Fetching
		r.show(ctx)
		f, err := r.fetchBatch(ctx, s, ref)
		if err != nil {
			return f, err
		}
		s.Pages, s.Records, s.Expected, s.SetAside, s.Unread = f.Pages, f.Records, f.Expected, f.SetAside, f.Unread
		if f.Trouble != "" {
			s.Trouble = f.Trouble
		}
		if f.WaitUntil.IsZero() {
			return f, nil
		}
		if err := r.wait(ctx, s, f); err != nil {
			return f, err
		}
	}
}

// wait sleeps until the vendor may be asked again.
func (r *ingestion) wait(ctx workflow.Context, s *lifecycle.Stream, f activities.Fetched) error {
	s.Phase, s.WaitUntil, s.Waits = lifecycle.Waiting, f.WaitUntil, f.Waits
	r.show(ctx)
	defer idle(ctx, s)()
	wait := f.WaitUntil.Sub(workflow.Now(ctx))
	err := workflow.NewTimerWithOptions(ctx, wait, workflow.TimerOptions{Summary: s.Name + ": " + waiting(wait, f.WaitUntil)}).Get(ctx, nil)
	s.WaitUntil, s.Waits = time.Time{}, ""
	return err
}

// idle begins a time in which the stream is not at work; what it returns ends
// it.
func idle(ctx workflow.Context, s *lifecycle.Stream) (end func()) {
	begun := workflow.Now(ctx)
	return func() { s.IdleSeconds += workflow.Now(ctx).Sub(begun).Seconds() }
}

// write transforms and writes a batch beside the fetching of the next.
func (r *ingestion) write(ctx workflow.Context, s *lifecycle.Stream, ref catalog.BatchRef, before workflow.Future) workflow.Future {
	done, settle := workflow.NewFuture(ctx)
	workflow.Go(ctx, func(ctx workflow.Context) {
		ctx = workflow.WithActivityOptions(ctx, summarised(data, fmt.Sprintf("%s batch %d", s.Name, ref.Batch)))
		var transformed activities.Transformed
		if err := workflow.ExecuteActivity(ctx, acts.Transform, ref).Get(ctx, &transformed); err != nil {
			settle.SetError(err)
			return
		}
		if err := before.Get(ctx, nil); err != nil {
			settle.SetError(err)
			return
		}
		var counts catalog.BatchCounts
		if err := workflow.ExecuteActivity(ctx, acts.Upsert, ref).Get(ctx, &counts); err != nil {
			settle.SetError(err)
			return
		}
		s.Batches = ref.Batch
		s.Assets.Add(counts.Assets)
		s.Findings.Add(counts.Findings)
		s.LeftAlone += counts.LeftAlone
		r.show(ctx)
		settle.SetError(r.checkRejects(s, enoughToJudge))
	})
	return done
}

// enoughToJudge is how many records a stream must have brought before its
// share of rejects stops it on the way.
const enoughToJudge = 1000

// checkRejects fails a stream that rejects more than the profile allows: then
// the map does not fit what the vendor sends. What was rejected before and is
// replayed by itself tells nothing of the rest; see doubtRejects.
func (r *ingestion) checkRejects(s *lifecycle.Stream, atLeast int64) error {
	if r.replaysRejects() {
		return nil
	}
	if c := r.tooManyRejected(s, atLeast); c != nil {
		return temporal.NewNonRetryableApplicationError(
			fmt.Sprintf("%d of %d %s were rejected, above the limit of %d %%: see 'sluice runs rejects %d'; the transform map may not fit what the vendor sends",
				c.counts.Rejected, c.counts.Judged(), c.what, r.planned.RejectPercent, r.planned.RunID), "too-many-rejects", nil)
	}
	return nil
}

// doubtRejects keeps a replay of what was rejected from being a success when
// more of it than the profile allows was rejected again.
func (r *ingestion) doubtRejects(s *lifecycle.Stream) {
	if c := r.tooManyRejected(s, 1); c != nil && s.Doubt == "" {
		s.Doubt = fmt.Sprintf("%d of %d %s were rejected again: see 'sluice runs rejects %d'", c.counts.Rejected, c.counts.Judged(), c.what, r.planned.RunID)
	}
}

func (r *ingestion) replaysRejects() bool { return r.replay != nil && r.replay.RejectsOnly }

// judged are the records of a stream, or their findings.
type judged struct {
	what   string
	counts lifecycle.Counts
}

// tooManyRejected returns what of a stream was rejected more than the profile
// allows, where there was at least so much of it; nil: nothing.
func (r *ingestion) tooManyRejected(s *lifecycle.Stream, atLeast int64) *judged {
	records := s.Assets
	if s.Role == source.Findings { // of its assets only the new and the returned are counted
		records = lifecycle.Counts{Unchanged: s.Records - s.Assets.Rejected - s.Assets.LeftOut, Rejected: s.Assets.Rejected}
	}
	for _, c := range []judged{{"records", records}, {"findings", s.Findings}} {
		c.counts.Unchanged += s.LeftAlone // nothing was wrong with it
		if c.counts.Judged() >= atLeast && c.counts.TooManyRejected(r.planned.RejectPercent) {
			return &c
		}
	}
	return nil
}
