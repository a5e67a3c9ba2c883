package fo

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"sluice/internal/fault"
	"sluice/internal/qualys"
)

// A fetch reads a range beside others.
type fetch struct {
	high   uint64
	ahead  bool          // of its turn
	begun  chan struct{} // closed once there is an answer
	pieces chan *piece
	// err is how it went, once pieces is closed. failed says to others that it
	// did not go well.
	err    error
	failed atomic.Bool
}

// start begins the ranges that may be read now.
func (r *reader) start() {
	for !r.cut && (len(r.open) == 0 || len(r.open) < r.session.atOnce(r.stream.Call, r.stream.Concurrency)) {
		if slices.ContainsFunc(r.open, func(f *fetch) bool { return f.failed.Load() }) {
			return // that has to be got over first
		}
		if len(r.open) > 0 && !closed(r.open[0].begun) {
			return // whoever's turn it is goes first, should the vendor refuse one
		}
		high := r.rangeEnd()
		r.open = append(r.open, r.fetch(len(r.open) > 0, idRange{low: r.low, high: high}))
		r.cut = high == openEnd
		r.low = high + 1
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// rangeEnd is the end of the range that begins at r.low: in front of the first
// id of the next page.
func (r *reader) rangeEnd() uint64 {
	if r.listed == nil || r.stream.Page <= 0 {
		return openEnd
	}
	next := r.listed.below(r.low) + uint64(r.stream.Page)
	if next >= r.listed.count {
		return openEnd
	}
	return r.listed.at(next) - 1
}

// fetch begins to read ranges, of which the last one comes first.
func (r *reader) fetch(ahead bool, ranges ...idRange) *fetch {
	f := &fetch{high: ranges[0].high, ahead: ahead, begun: make(chan struct{}), pieces: make(chan *piece, 8)}
	w := &walk{
		session: r.session, call: r.stream.Call, form: r.stream.Form, limit: r.stream.Page, list: r.stream.search,
		todo: ranges, begun: sync.OnceFunc(func() { close(f.begun) }),
	}
	w.out = &output{piece: r.fresh(), size: r.session.limits.piece(), fresh: r.fresh, send: func(p *piece) error {
		select {
		case f.pieces <- p:
			return nil
		case <-r.ctx.Done():
			return qualys.Stopped(r.ctx)
		}
	}}
	w.out.next = ranges[len(ranges)-1].low
	r.ended.Go(func() {
		f.err = w.run(r.ctx)
		f.failed.Store(f.err != nil)
		close(f.pieces)
	})
	return f
}

// receive waits for the next piece of the first range. It is nil when there may
// be something to start: that range has got an answer, or has ended.
func (r *reader) receive(ctx context.Context) (*piece, error) {
	first := r.open[0]
	begun := first.begun
	if closed(begun) {
		begun = nil
	}
	select {
	case <-begun:
		return nil, nil
	case p, more := <-first.pieces:
		if more {
			return p, nil
		}
	case <-ctx.Done():
		return nil, qualys.Stopped(ctx)
	}
	if first.err == nil {
		r.open = r.open[1:]
		return nil, nil
	}
	if f := fault.As(first.err); f == nil || f.Class != fault.Throttled || !first.ahead {
		return nil, first.err
	}
	// By now it is this range's turn, and the wait may be over.
	r.open[0] = r.fetch(false, idRange{low: r.cur.Next, high: first.high})
	return nil, nil
}
