package fo

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strconv"

	"sluice/internal/fault"
	"sluice/internal/qualys"
	"sluice/internal/source"
)

// A walk reads the records of a range of ids, in ascending order. It ends only
// where an answer's root element has ended without a truncation warning.
type walk struct {
	session *Session
	call    *Call
	form    url.Values // filters
	limit   int        // records asked for at a time; negative for no limit parameter
	// list names the first ids of a range, for the search of one that is in the
	// way; nil when nothing can.
	list  func(ctx context.Context, low, high uint64) (*idSet, error)
	out   *output
	begun func() // called at each answer

	// todo is what is still to be read, the next range last.
	todo []idRange

	// Of the answer that is being read:
	answer      *answer
	asked       uint64 // the first id asked for
	last        uint64 // the id of the last record
	frozen      bool   // ids are in disorder: only the end of the answer counts
	jumped      bool   // the next answer is asked for from the beginning, see disorder
	inside      int    // records of the range
	outside     int    // records of other ranges
	recordDepth int
	leading     []byte

	// disorder says that an answer that did not begin at the beginning was in
	// disorder: all is read again, without regard to order.
	disorder bool

	// unproven are records that were given up; only an answer to something else
	// shows that it was they who were in the way.
	unproven []source.SetAside
	givenUp  []uint64
	reason   error // why the last of them was
	answered bool
}

// An idRange is a range of ids to read.
type idRange struct {
	low, high uint64
	// ids are those listed in the range, once it had to be looked at closely;
	// nil before.
	ids []uint64
}

// run reads the whole range. On an error, what came before it has been sent.
func (w *walk) run(ctx context.Context) error {
	for try := 1; len(w.todo) > 0; try++ {
		before := w.todo[len(w.todo)-1].low
		err := w.page(ctx)
		if err == nil {
			try = 0
			if err = w.out.flush(); err != nil {
				return err
			}
			continue
		}
		w.out.drop()
		if ctx.Err() != nil {
			return qualys.Stopped(ctx)
		}
		now := &w.todo[len(w.todo)-1]
		if now.low != before {
			try = 1
		}
		if now.low > now.high { // its last record was there: nothing is left to ask for
			w.todo, try = w.todo[:len(w.todo)-1], 0
			continue
		}
		t, vain := diagnose(w.call, err), w.session.vain.Is(w.call.Path)
		switch {
		case t.again && try < now.tries(t) && !vain:
			if err := qualys.Pause(ctx, w.session.limits.Backoff, try); err != nil {
				return w.end(err)
			}
		case !t.narrow || vain:
			return w.end(t.err)
		default:
			if err := w.narrow(ctx, t); err != nil {
				return w.end(err)
			}
			try = 0
		}
	}
	if len(w.unproven) > 0 && !w.answered {
		return w.end(w.stuck(w.reason))
	}
	w.prove()
	return w.out.flush()
}

// end sends what was delivered before an error.
func (w *walk) end(err error) error {
	if failed := w.out.flush(); failed != nil {
		return failed
	}
	return err
}

// tries is how often a range is asked for. On the way down to the record in
// question one try has to do, so that a vendor who is simply down is not asked
// dozens of times.
func (r *idRange) tries(t trouble) int {
	if len(r.ids) > 1 || t.certain && len(r.ids) != 1 {
		return 1
	}
	return maxTries
}

// page asks for the rest of the range that is next, and reads one answer. The
// range is taken off when that was all of it.
func (w *walk) page(ctx context.Context) error {
	now := &w.todo[len(w.todo)-1]
	a, err := w.session.open(ctx, w.call, ranged(w.form, now.low, now.high, w.limit))
	if err != nil {
		return err
	}
	defer a.close()
	w.begun()
	w.out.clock = a.clock
	w.answer = a
	w.asked, w.last, w.frozen, w.jumped, w.inside, w.outside = now.low, 0, w.disorder, false, 0, 0
	for {
		name, err := a.element()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		within := true
		if name != w.call.Record {
			err = a.xml.Skip()
		} else {
			w.recordDepth = a.xml.Depth()
			within, err = w.record(a)
		}
		if err == nil {
			err = w.out.offer()
		}
		if err != nil {
			return a.broken(err)
		}
		if !within {
			break // in ascending order, nothing of the range can follow
		}
	}
	return w.turn(now, a)
}

// turn ends a page.
func (w *walk) turn(now *idRange, a *answer) error {
	if a.next > 0 && (a.next <= w.asked || a.next <= w.last) {
		return backwards(w.call, a.next)
	}
	if w.outside > 0 && w.inside == 0 {
		return foreign(w.call, now.low, now.high)
	}
	w.prove()
	if w.out.doubt == "" {
		w.out.doubt = a.doubt
	}
	w.out.pages++
	if w.jumped {
		return nil
	}
	if a.next > 0 && a.next <= now.high {
		now.low = a.next
		w.out.next = a.next
		return nil
	}
	if now.high < openEnd {
		w.out.next = now.high + 1
	}
	w.todo = w.todo[:len(w.todo)-1]
	return nil
}

// verdict is what becomes of a record by its id.
type verdict int

const (
	deliver  verdict = iota
	repeated         // it has been delivered before this answer
	beyond           // it belongs to another range
)

func (w *walk) judge(id uint64) (verdict, error) {
	now := &w.todo[len(w.todo)-1]
	switch {
	case id < w.asked:
		w.outside++
		w.out.repeated++
		return repeated, nil
	case id > now.high && !w.call.Unordered:
		w.outside++
		return beyond, nil
	case id < w.last && w.call.Unordered:
		// Where to go on is not known before the end: from the beginning. What
		// is below the first id asked for may be missing too, if it was passed
		// over because the ids had been in order up to there.
		w.frozen = true
		if w.asked > 0 && !w.disorder {
			w.disorder, w.jumped = true, true
			now.low, w.out.next = 0, 0
		}
		if !w.jumped {
			now.low, w.out.next = w.asked, w.asked
		}
	case id < w.last:
		return repeated, &fault.Error{
			Class: fault.Contract, Code: codeOrder,
			Message: fmt.Sprintf("Qualys delivered %s %d after %d: without an ascending order of ids it cannot be known what is missing", w.call.Record, id, w.last),
		}
	}
	w.last = id
	w.inside++
	return deliver, nil
}

// done moves the walk behind a record.
func (w *walk) done(id uint64) {
	w.prove()
	w.out.ids = append(w.out.ids, id)
	if !w.frozen {
		w.todo[len(w.todo)-1].low, w.out.next = id+1, id+1
	}
}

// narrow divides the range that cannot be read, or gives up the only record
// listed in it.
func (w *walk) narrow(ctx context.Context, t trouble) error {
	now := w.todo[len(w.todo)-1]
	if t.id >= now.low && t.id < now.high && len(now.ids) != 1 {
		// It is known which one it is.
		w.divide(now, []uint64{t.id}, nil)
		return nil
	}
	if now.ids == nil && w.list == nil {
		return t.err
	}
	if now.ids == nil {
		listed, err := w.list(ctx, now.low, now.high)
		if err != nil || listed.count == 0 {
			return t.err // the vendor is down, or nothing is there to be in the way
		}
		for i := range min(listed.count, maxListed) {
			now.ids = append(now.ids, listed.at(i))
		}
	}
	for len(now.ids) > 0 && now.ids[0] < now.low {
		now.ids = now.ids[1:]
	}
	switch n := len(now.ids); {
	case n == 0:
		return t.err
	case n > 1:
		w.divide(now, now.ids[:n/2], now.ids[n/2:])
		return nil
	case !t.aside:
		return w.stuck(t.err)
	}
	return w.giveUp(now, t)
}

// maxListed is how many ids are looked at when a range cannot be read.
const maxListed = 1000

// divide replaces the next range by two: up to the last of ids, and the rest.
func (w *walk) divide(now idRange, ids, rest []uint64) {
	last := ids[len(ids)-1]
	w.todo[len(w.todo)-1] = idRange{low: last + 1, high: now.high, ids: rest}
	w.todo = append(w.todo, idRange{low: now.low, high: last, ids: ids})
}

// giveUp sets the one record of a range aside.
func (w *walk) giveUp(now idRange, t trouble) error {
	if len(w.unproven) == maxUnproven {
		return w.stuck(t.err)
	}
	id := now.ids[0]
	w.reason = t.err
	w.unproven = append(w.unproven, source.SetAside{ExternalID: strconv.FormatUint(id, 10), Reason: t.why, Head: t.head})
	w.givenUp = append(w.givenUp, id)
	w.todo = w.todo[:len(w.todo)-1]
	if id < now.high {
		w.todo = append(w.todo, idRange{low: id + 1, high: now.high})
	}
	return nil
}

// prove takes note of an answer: what was given up before it is set aside.
func (w *walk) prove() {
	if !w.answered {
		w.answered = true
		w.session.vain.Answered(w.call.Path)
	}
	if len(w.unproven) == 0 {
		return
	}
	w.out.setAside = append(w.out.setAside, w.unproven...)
	w.out.ids = append(w.out.ids, w.givenUp...)
	w.out.next = max(w.out.next, w.givenUp[len(w.givenUp)-1]+1)
	w.unproven, w.givenUp = nil, nil
}

// stuck says where a walk stands when not even one record can be had.
func (w *walk) stuck(err error) error {
	if !w.answered {
		w.session.vain.Searched(w.call.Path)
	}
	f := fault.As(err)
	if f == nil {
		return err
	}
	where := *f
	where.Message = fmt.Sprintf("Qualys cannot deliver the %s from id %d on, not even one record at a time: %s", w.call.Title, w.out.next, f.Message)
	return &where
}
