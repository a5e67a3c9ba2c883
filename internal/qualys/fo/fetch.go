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
	slot   *slot         // of the range
	begun  chan struct{} // closed once there is an answer
	pieces chan *piece
	// err is how it went, once pieces is closed. failed says to others that it
	// did not go well.
	err    error
	failed atomic.Bool
}

// A slot is the right to make the calls of a range. Slots are taken in the
// order of the ranges, and kept to the end of the range even if it has to be
// begun anew: where a range that waits for its turn holds one, the range whose
// turn it is holds one too, or needs none any more. So no two streams can wait
// for each other.
type slot struct {
	held    chan struct{} // closed once it is held; what follows is set then
	ctx     context.Context
	release func()
}

// take takes the slot, unless it is held already.
func (s *slot) take(ctx context.Context, session *Session, call *Call) error {
	if closed(s.held) {
		return nil
	}
	held, release, err := session.hold(ctx, call)
	if err != nil {
		return err
	}
	s.ctx, s.release = held, release
	close(s.held)
	return nil
}

// leave gives the slot back, if it is held.
func (s *slot) leave() {
	if closed(s.held) {
		s.release()
	}
}

// start begins the ranges that may be read now.
func (r *reader) start() {
	for !r.cut && len(r.open) < max(1, r.stream.Concurrency) {
		if slices.ContainsFunc(r.open, func(f *fetch) bool { return f.failed.Load() }) {
			return // that has to be got over first
		}
		n := len(r.open)
		if n > 0 && !(closed(r.open[0].begun) && closed(r.open[n-1].slot.held)) {
			return // whoever's turn it is goes first, and the others in their order
		}
		high := r.rangeEnd()
		r.open = append(r.open, r.fetch(&slot{held: make(chan struct{})}, n > 0, idRange{low: r.low, high: high}))
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
func (r *reader) fetch(by *slot, ahead bool, ranges ...idRange) *fetch {
	f := &fetch{high: ranges[0].high, ahead: ahead, slot: by, begun: make(chan struct{}), pieces: make(chan *piece, 8)}
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
		f.err = by.take(r.ctx, r.session, r.stream.Call)
		if f.err == nil {
			f.err = w.run(by.ctx)
		}
		if f.failed.Store(f.err != nil); f.err == nil {
			by.leave()
		}
		close(f.pieces)
	})
	return f
}

// receive waits for the next piece of the first range. It is nil when there may
// be something to start: that range has got an answer or has ended, or the last
// one has its slot.
func (r *reader) receive(ctx context.Context) (*piece, error) {
	first := r.open[0]
	begun, held := first.begun, r.open[len(r.open)-1].slot.held
	if closed(begun) {
		begun = nil
	}
	if closed(held) {
		held = nil
	}
	select {
	case <-begun:
		return nil, nil
	case <-held:
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
	r.open[0] = r.fetch(first.slot, false, idRange{low: r.cur.Next, high: first.high})
	return nil, nil
}
