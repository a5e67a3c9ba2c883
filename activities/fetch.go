package activities

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/klauspost/compress/s2"
	"go.temporal.io/sdk/activity"

	"sluice/internal/catalog"
	"sluice/internal/fault"
	"sluice/internal/governor"
	"sluice/internal/source"
	"sluice/internal/source/kinds"
)

// Fetched is how far a stream has come with a batch.
type Fetched struct {
	BatchRecords int64 `json:"batchRecords"` // records in this batch
	// The others count the whole stream up to here.
	Pages    int64 `json:"pages"`
	Records  int64 `json:"records"`
	Expected int64 `json:"expected"` // 0 when the vendor does not say
	SetAside int64 `json:"setAside"`
	// Ended: the vendor marked the end. Doubt: why it cannot be believed.
	Ended bool   `json:"ended"`
	Doubt string `json:"doubt,omitempty"`
	// WaitUntil is set when the batch is not finished because the vendor asks
	// for a long pause; Fetch is to be called again then.
	WaitUntil time.Time `json:"waitUntil,omitzero"`
	Waits     string    `json:"waits,omitempty"`
	// Trouble is the last error that was got over on the way, in this attempt
	// or an earlier one.
	Trouble string `json:"trouble,omitempty"`
	// Unread are the parts of the source that could not be read, so far.
	Unread []source.Scope `json:"unread,omitempty"`
}

// Fetch fills a batch with what the vendor sends next. Records are stored as
// received, each chunk in one transaction with the cursor after it; called
// again it goes on after the last stored chunk.
func (a *Activities) Fetch(ctx context.Context, ref catalog.BatchRef) (Fetched, error) {
	beating, say, stop := withHeartbeat(ctx, Beat{Stream: ref.Stream, Batch: ref.Batch, Doing: "fetching"})
	defer stop()
	f := fetch{a: a, ref: ref, say: say}
	err := f.run(beating)
	if err != nil {
		return Fetched{}, a.toTemporal(beating, err)
	}
	return f.result(), nil
}

// fetch is one attempt at a batch.
type fetch struct {
	a     *Activities
	ref   catalog.BatchRef
	say   func(Beat)
	plan  catalog.Plan
	point catalog.FetchPoint
	// connector is as this attempt uses it.
	connector catalog.Connector

	packed                   []byte // of the chunk, reused
	pages, rawBytes, records int64  // of this batch
	waitUntil                time.Time
	waits, trouble           string
}

func (f *fetch) result() Fetched {
	p := f.point
	return Fetched{
		BatchRecords: f.records, Pages: p.Pages, Records: p.Records, Expected: p.Expected, SetAside: p.SetAside,
		Ended: p.Ended, Doubt: f.a.secrets.Text(p.Doubt), Unread: p.Unread,
		WaitUntil: f.waitUntil, Waits: f.a.secrets.Text(f.waits), Trouble: f.a.secrets.Text(f.trouble),
	}
}

func (f *fetch) run(ctx context.Context) error {
	var err error
	if f.plan, err = f.a.store.PlanOf(ctx, f.ref.RunID); err != nil {
		return err
	}
	if f.point, err = f.a.store.ClaimFetch(ctx, f.ref); err != nil {
		return err
	}
	size, err := f.a.store.BatchSize(ctx, f.ref)
	if err != nil {
		return err
	}
	f.rawBytes, f.records = size.RawBytes, size.Records
	if activity.GetInfo(ctx).Attempt > 1 {
		f.trouble = f.earlierTrouble(ctx)
	}
	kind, err := kinds.Find(f.plan.Kind)
	if err != nil {
		return err
	}
	if f.connector, err = f.a.store.ConnectorByID(ctx, f.plan.ConnectorID); err != nil {
		return err
	}
	session, err := f.a.sessionOf(f.connector, kind)
	if err != nil {
		return f.overcome(ctx, err)
	}
	ctx = governor.OnBehalf(ctx, fmt.Sprintf("run %d of %s, %s", f.ref.RunID, f.plan.Profile, f.ref.Stream))
	begun := time.Now()
	full := func() bool {
		l := f.a.limits
		enough := f.rawBytes >= l.BatchBytes || f.pages >= l.BatchPages || time.Since(begun) >= l.BatchTime
		// An empty batch would have nothing to be written.
		return f.point.Ended || enough && f.records > 0
	}
	for !full() {
		err := f.read(ctx, session, full)
		if err == nil {
			break
		}
		if err := f.pause(ctx, err); err != nil {
			return err
		}
		if !f.waitUntil.IsZero() {
			break
		}
	}
	return nil
}

// read reads on from the cursor until the batch is full.
func (f *fetch) read(ctx context.Context, session source.Session, full func() bool) error {
	stream, err := f.plan.Stream(f.ref.Stream)
	if err != nil {
		return err
	}
	key := readerKey{f.ref.RunID, f.ref.Stream, session}
	reader := f.a.readers.take(key, f.point.Cursor)
	if reader == nil {
		upload, err := f.a.upload(ctx, f.plan.Upload)
		if err != nil {
			return err
		}
		if reader, err = openAt(ctx, session, source.Request{
			AssetType: stream.Name, Since: stream.Since, Filters: f.plan.Filters, Cursor: f.point.Cursor,
			Recall: func(ctx context.Context, keys []string) (map[string]string, error) {
				return f.a.store.Recall(ctx, f.plan.ProfileID, stream.Name, keys)
			},
			Exclusive: f.a.store.Exclusive,
			Upload:    upload,
		}); err != nil {
			return err
		}
	}
	release := context.AfterFunc(ctx, func() { reader.end(context.Cause(ctx)) })
	for !full() {
		var chunk source.Chunk
		if chunk, err = reader.Next(reader.life); err == nil {
			err = f.store(ctx, chunk)
		}
		if err != nil {
			break
		}
	}
	if !release() || err != nil || f.point.Ended {
		reader.close()
		return err
	}
	f.a.readers.park(key, reader, f.point.Cursor)
	return nil
}

// store keeps a chunk and moves the cursor behind it.
func (f *fetch) store(ctx context.Context, c source.Chunk) error {
	after := f.point
	after.Cursor, after.Ended, after.Doubt = c.Cursor, c.End, c.Doubt
	after.Pages += int64(c.Pages)
	after.Records += int64(c.Records)
	after.Repeated += int64(c.Repeated)
	after.SetAside += int64(len(c.SetAside))
	if c.Remaining >= 0 {
		after.Expected = after.Records + after.SetAside + c.Remaining
	}
	if after.Clock == nil && !c.Clock.IsZero() {
		after.Clock = &c.Clock
	}
	if c.Records > 0 {
		after.Chunk++
	}
	for _, scope := range c.Unread {
		if !slices.ContainsFunc(f.point.Unread, func(s source.Scope) bool { return s.ID == scope.ID }) {
			after.Unread = append(slices.Clip(after.Unread), scope)
			f.a.note(ctx, f.plan, f.ref.RunID, "warn", scope.ID+" could not be read: "+scope.Reason, map[string]any{"stream": f.ref.Stream})
		}
	}
	rejects := make([]catalog.Reject, len(c.SetAside))
	for i, s := range c.SetAside {
		rejects[i] = catalog.Reject{Ordinal: f.point.SetAside + int64(i), Finding: -1, AssetID: s.ExternalID, Value: s.Head, Reason: s.Reason}
		f.a.note(ctx, f.plan, f.ref.RunID, "warn", "a record was set aside: "+s.Reason, map[string]any{"stream": f.ref.Stream, "record": s.ExternalID})
	}
	f.packed = s2.Encode(f.packed[:cap(f.packed)], c.Data)
	stored := catalog.Chunk{Records: c.Records, RawBytes: len(c.Data), Data: f.packed, Documents: c.Documents, Remember: c.Remember}
	if err := f.a.store.SaveChunk(ctx, f.ref, stored, rejects, after); err != nil {
		return err
	}
	f.point = after
	f.pages += int64(c.Pages)
	f.rawBytes += int64(len(c.Data))
	f.records += int64(c.Records)
	f.say(Beat{Stream: f.ref.Stream, Batch: f.ref.Batch, Doing: "fetching", Pages: after.Pages, Records: after.Records, Expected: after.Expected})
	return nil
}

// pause deals with an error of the vendor: a short wait is slept through, a
// long one left to the workflow, anything else returned.
func (f *fetch) pause(ctx context.Context, err error) error {
	why := fault.As(err)
	switch {
	case why == nil || ctx.Err() != nil:
		return err
	case why.Class == fault.Throttled && why.Wait <= f.a.limits.ShortWait:
		f.trouble = why.Message
		f.a.note(ctx, f.plan, f.ref.RunID, "info", fmt.Sprintf("waiting %s: %s", why.Wait.Round(time.Millisecond), why.Message), map[string]any{"stream": f.ref.Stream})
		f.say(Beat{Stream: f.ref.Stream, Batch: f.ref.Batch, Doing: "waiting for the vendor", Pages: f.point.Pages, Records: f.point.Records, Expected: f.point.Expected})
		select {
		case <-time.After(why.Wait):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	case why.Class == fault.Throttled:
		f.waitUntil, f.waits = time.Now().Add(why.Wait), why.Message
		f.a.note(ctx, f.plan, f.ref.RunID, "warn", fmt.Sprintf("waiting until %s: %s", f.waitUntil.UTC().Format(time.RFC3339), why.Message),
			map[string]any{"stream": f.ref.Stream})
		return nil
	case why.Class == fault.Transient:
		f.a.note(ctx, f.plan, f.ref.RunID, "warn", "trying again: "+err.Error(), map[string]any{"stream": f.ref.Stream, "attempt": activity.GetInfo(ctx).Attempt})
		since := f.point.ProgressAt
		if scheduled := activity.GetInfo(ctx).ScheduledTime; scheduled.After(since) {
			since = scheduled // a long wait before it was no stall
		}
		if time.Since(since) > f.a.limits.Stall {
			return stalled(since, err)
		}
		return err
	}
	if passing := f.overcome(ctx, err); passing != err {
		return passing
	}
	f.a.note(ctx, f.plan, f.ref.RunID, "error", err.Error(), map[string]any{"stream": f.ref.Stream, "code": why.Code})
	return err
}

const (
	// trialBound is how long what a connector was changed to may be on trial: a
	// test of it, after which it is put back, and some time to spare.
	trialBound = 6 * time.Minute
	trialPause = 5 * time.Second
)

// overcome deals with an error that would fail the run. It is no verdict on a
// connector that was changed while the run was under way: a secret may be on
// trial, and be put back. Such an error is one to try again after; any other is
// returned as it is.
func (f *fetch) overcome(ctx context.Context, err error) error {
	if why := fault.As(err); why == nil || fault.Retryable(why) {
		return err
	}
	present, rerr := f.a.store.ConnectorByID(ctx, f.plan.ConnectorID)
	if rerr != nil {
		return rerr
	}
	run, rerr := f.a.store.Run(ctx, f.ref.RunID)
	if rerr != nil {
		return rerr
	}
	onTrial := present.UpdatedAt.After(run.StartedAt) && time.Since(present.UpdatedAt) < trialBound
	if present.Version == f.connector.Version && !onTrial {
		return err
	}
	f.a.note(ctx, f.plan, f.ref.RunID, "warn", "trying again, since connector "+present.Name+" was changed while the run was under way: "+err.Error(),
		map[string]any{"stream": f.ref.Stream})
	return &fault.Error{
		Class: fault.Throttled, Code: TypeChanged, Wait: trialPause, Err: err,
		Message: "connector " + present.Name + " was changed while the run was under way, and may be put back",
	}
}

// earlierTrouble is what the run's log says of why there is another attempt;
// empty when it does not say. It is shown to people and decides nothing.
func (f *fetch) earlierTrouble(ctx context.Context) string {
	lines, err := f.a.store.RunLog(ctx, f.ref.RunID, catalog.LogFilter{Levels: []string{"warn", "error"}, Limit: 20})
	if err != nil {
		return ""
	}
	for _, line := range slices.Backward(lines) {
		if line.Fields["stream"] == f.ref.Stream {
			return bounded(line.Message)
		}
	}
	return ""
}
