package fo

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"sluice/internal/source"
)

// A Stream is a list that is to be read.
type Stream struct {
	Call *Call
	// Form says which records are in it.
	Form url.Values
	// Page is how many records are asked for at a time; negative where the call
	// has no such parameter.
	Page int
	// Listing, if not nil, is a call with details None that lists the ids of
	// the stream's records first, as ListingForm says. They are the places at
	// which the stream is cut into ranges of a page's size.
	Listing     *Call
	ListingForm url.Values
	// Complete says that each id listed is a record of the stream: what does
	// not arrive, and is still listed at the end, is missing.
	Complete bool
	// Concurrency is how many ranges are read beside each other; default 1.
	Concurrency int
	// search names the first ids of a range, where there is no Listing.
	search func(ctx context.Context, low, high uint64) (*idSet, error)
}

// Read opens a stream at a cursor. No call is made before the first Next.
//
// The records come in the order of their ids whatever is read beside each
// other, and ids that are not listed (since they appeared meanwhile) are read
// as well: the ranges have no holes between them.
func (s *Session) Read(stream Stream, at string) (source.Reader, error) {
	cur, err := parseCursor(at)
	if err != nil {
		return nil, err
	}
	stream.Concurrency = cmp.Or(stream.Concurrency, 1)
	return &reader{session: s, stream: stream, cur: cur}, nil
}

// reader merges the ranges of a stream.
type reader struct {
	session *Session
	stream  Stream
	cur     cursor

	begun  bool
	listed *idSet    // nil without a listing
	clock  time.Time // of the listing, for the first chunk
	// accounted: of listed ids below it, it is known whether they arrived.
	accounted uint64

	// The rest of the stream, which is not read yet, begins at low.
	low uint64
	cut bool // all ranges have been begun
	// again says that what was missing is asked for once more.
	again bool
	open  []*fetch
	ctx   context.Context
	stop  context.CancelFunc
	ended sync.WaitGroup
	free  chan *piece
	data  []byte // of the chunk, reused
}

// Close implements source.Reader.
func (r *reader) Close() error {
	if r.stop != nil {
		r.stop()
		r.ended.Wait()
	}
	for _, f := range r.open {
		f.slot.leave()
	}
	r.open = nil
	return nil
}

// Next implements source.Reader. A chunk ends with an answer, or when it is
// full.
func (r *reader) Next(ctx context.Context) (source.Chunk, error) {
	if err := r.begin(ctx); err != nil {
		return source.Chunk{}, err
	}
	chunk := source.Chunk{Data: r.data[:0]}
	for {
		r.start()
		if len(r.open) == 0 {
			done, err := r.askAgain(ctx)
			switch {
			case err != nil:
				return source.Chunk{}, err
			case done:
				return r.finish(chunk), nil
			}
		}
		p, err := r.receive(ctx)
		switch {
		case err != nil && chunk.Records+len(chunk.SetAside)+chunk.Pages == 0:
			return source.Chunk{}, err
		case err != nil:
			return r.complete(chunk), nil // the error comes again
		case p == nil:
			continue // a range has ended, or is read anew
		}
		ends := p.pages > 0
		r.take(&chunk, p)
		if ends || len(chunk.Data) >= r.session.limits.Chunk {
			return r.complete(chunk), nil
		}
	}
}

// begin lists the ids of the stream.
func (r *reader) begin(ctx context.Context) error {
	if r.begun {
		return nil
	}
	r.low, r.accounted = r.cur.Next, r.cur.Next
	if r.stream.Listing != nil {
		listed, clock, err := r.session.listPatiently(ctx, r.stream.Listing, r.stream.ListingForm, r.low, openEnd)
		if err != nil {
			return err
		}
		r.listed, r.clock = listed, clock
		r.stream.search = func(ctx context.Context, low, high uint64) (*idSet, error) {
			ids, _, err := r.session.list(ctx, r.stream.Listing, r.stream.ListingForm, low, high, maxListed, true)
			return ids, err
		}
	}
	r.begun = true
	r.ctx, r.stop = context.WithCancel(ctx)
	r.free = make(chan *piece, 16*r.stream.Concurrency)
	return nil
}

// take adds a piece to a chunk.
func (r *reader) take(chunk *source.Chunk, p *piece) {
	chunk.Data = append(chunk.Data, p.data...)
	chunk.Records += p.records
	chunk.Repeated += p.repeated
	chunk.Pages += p.pages
	chunk.SetAside = append(chunk.SetAside, p.setAside...)
	if chunk.Clock.IsZero() {
		chunk.Clock = p.clock
	}
	if r.again {
		r.cur.Missing = slices.DeleteFunc(r.cur.Missing, func(id uint64) bool { return slices.Contains(p.ids, id) })
	} else {
		for _, id := range p.ids {
			r.account(id)
			r.accounted = max(r.accounted, id+1)
		}
		r.account(p.next)
		r.cur.Next = p.next
	}
	if r.cur.Doubt == "" {
		r.cur.Doubt = p.doubt
	}
	r.release(p)
}

// account notes the ids that were listed below id and have not arrived.
func (r *reader) account(id uint64) {
	if !r.stream.Complete || id <= r.accounted {
		return
	}
	for n, end := r.listed.below(r.accounted), r.listed.below(id); n < end; n++ {
		if len(r.cur.Missing) == maxMissing {
			r.cur.More += end - n
			break
		}
		r.cur.Missing = append(r.cur.Missing, r.listed.at(n))
	}
	r.accounted = id
}

func (r *reader) fresh() *piece {
	select {
	case p := <-r.free:
		return p
	default:
		return &piece{data: make([]byte, 0, r.session.limits.piece()+r.session.limits.Split)}
	}
}

// release makes a piece's memory available again, unless a huge record made it
// large.
func (r *reader) release(p *piece) {
	data, ids := p.data[:0], p.ids[:0]
	if cap(data) > 4*(r.session.limits.piece()+r.session.limits.Split) {
		return
	}
	*p = piece{data: data, ids: ids}
	select {
	case r.free <- p:
	default:
	}
}

// complete says where the stream stands after a chunk.
func (r *reader) complete(chunk source.Chunk) source.Chunk {
	r.data = chunk.Data[:0]
	if cap(r.data) > 4*r.session.limits.Chunk {
		r.data = nil
	}
	if !r.clock.IsZero() {
		chunk.Clock, r.clock = r.clock, time.Time{}
	}
	chunk.Cursor = r.cur.String()
	chunk.Remaining = -1
	if r.listed != nil {
		chunk.Remaining = int64(r.listed.count - r.listed.below(r.cur.Next))
	}
	return chunk
}

// askAgain deals with what was listed and has not arrived, once all ranges are
// read: what is not listed any more is gone, the rest is asked for once more. It
// is done when there is nothing left to read.
func (r *reader) askAgain(ctx context.Context) (done bool, err error) {
	if r.again {
		return true, nil
	}
	r.account(openEnd)
	missing := r.cur.Missing
	if len(missing) == 0 {
		return true, nil
	}
	now, _, err := r.session.listPatiently(ctx, r.stream.Listing, r.stream.ListingForm, missing[0], missing[len(missing)-1])
	if err != nil {
		return false, err
	}
	var ranges []idRange
	for _, id := range slices.Backward(missing) {
		if now.has(id) {
			ranges = append(ranges, idRange{low: id, high: id})
		}
	}
	r.cur.Missing = slices.DeleteFunc(missing, func(id uint64) bool { return !now.has(id) })
	if len(ranges) == 0 {
		return true, nil
	}
	r.again = true
	r.open = append(r.open, r.fetch(&slot{held: make(chan struct{})}, false, ranges...))
	return false, nil
}

// finish ends the stream.
func (r *reader) finish(chunk source.Chunk) source.Chunk {
	chunk = r.complete(chunk)
	chunk.End, chunk.Doubt, chunk.Remaining = true, r.cur.Doubt, 0
	if missing := uint64(len(r.cur.Missing)) + r.cur.More; missing > 0 {
		chunk.Doubt = fmt.Sprintf("Qualys lists %d records that it does not deliver (%s)", missing, some(r.cur.Missing))
	}
	return chunk
}

// some names the first of some ids.
func some(ids []uint64) string {
	const enough = 10
	var names []string
	for _, id := range ids[:min(len(ids), enough)] {
		names = append(names, fmt.Sprint(id))
	}
	if len(ids) > enough || len(ids) == 0 {
		names = append(names, "…")
	}
	return "ids " + strings.Join(names, ", ")
}
