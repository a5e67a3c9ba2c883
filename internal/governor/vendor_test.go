package governor_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"sluice/internal/fault"
	"sluice/internal/governor"
)

// vendor is a model of one that limits an API: a sliding window, and the number
// of calls at the same time, which is looked at first.
type vendor struct {
	calls      int
	window     time.Duration
	concurrent int
	silent     bool // tells no limits

	mu       sync.Mutex
	counted  []time.Time
	running  int
	accepted int
	tooMany  int
	tooOften int
}

// begin counts a call that arrives, and says how it is answered.
func (v *vendor) begin() (a governor.Answer, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := time.Now()
	for len(v.counted) > 0 && !v.counted[0].Add(v.window).After(now) {
		v.counted = v.counted[1:]
	}
	if !v.silent {
		a.Concurrent = v.concurrent
	}
	if v.concurrent > 0 && v.running >= v.concurrent {
		v.tooMany++
		a.TooMany = true
		return a, false
	}
	full := v.calls > 0 && len(v.counted) >= v.calls
	if !full {
		v.counted = append(v.counted, now)
		v.running++
		v.accepted++
	}
	if v.calls > 0 && !v.silent {
		a.Calls, a.Window, a.Remaining = v.calls, v.window, v.calls-len(v.counted)
	}
	if v.calls > 0 && len(v.counted) >= v.calls {
		left := v.counted[0].Add(v.window).Sub(now)
		a.Wait = (left + time.Second - 1).Truncate(time.Second)
	}
	if full {
		v.tooOften++
		a.TooOften = true
		return a, false
	}
	return a, true
}

func (v *vendor) end() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.running--
}

// pacing is how long the parts of a call take.
type pacing struct{ there, answer, body time.Duration }

func (p pacing) total() time.Duration { return p.there + p.answer + p.body }

func about(d time.Duration) time.Duration {
	if d < 10 {
		return d
	}
	return d*9/10 + rand.N(d/5)
}

// call makes one call of the vendor in a slot.
func (v *vendor) call(ctx context.Context, g *governor.Governor, api governor.API, p pacing) error {
	slot, err := g.Enter(ctx, api)
	if err != nil {
		return err
	}
	defer slot.Leave()
	return v.callIn(ctx, slot, p)
}

func (v *vendor) callIn(ctx context.Context, slot *governor.Slot, p pacing) error {
	if err := slot.Call(ctx); err != nil {
		return err
	}
	time.Sleep(about(p.there))
	a, ok := v.begin()
	time.Sleep(about(p.answer))
	slot.Answered(a)
	if ok {
		time.Sleep(about(p.body))
		v.end()
	}
	return nil
}

// work calls on and on, until the context ends, and waits as long as it is told.
func (v *vendor) work(ctx context.Context, g *governor.Governor, api governor.API, p pacing, done *atomic.Int64) error {
	for ctx.Err() == nil {
		err := v.call(ctx, g, api, p)
		var f *fault.Error
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.As(err, &f) && f.Class == fault.Throttled && f.Wait > 0:
			select {
			case <-time.After(f.Wait):
			case <-ctx.Done():
			}
		case err != nil:
			return err
		default:
			done.Add(1)
		}
	}
	return nil
}

// ideal is how many calls could begin in a time if nothing but the limits were
// in the way.
func ideal(d time.Duration, calls int, window time.Duration, concurrent int, p pacing) int {
	slots := make([]time.Duration, concurrent) // when each is free
	var begun []time.Duration
	for {
		first := 0
		for i := range slots {
			if slots[i] < slots[first] {
				first = i
			}
		}
		at := slots[first]
		if n := len(begun); calls > 0 && n >= calls {
			at = max(at, begun[n-calls]+window)
		}
		if at >= d {
			return len(begun)
		}
		begun = append(begun, at)
		slots[first] = at + p.total()
	}
}

// remote is a store that takes a while and may be away.
type remote struct {
	governor.Store
	delay time.Duration
	away  atomic.Bool
	looks atomic.Int64
}

var errAway = errors.New("the database is away")

func (r *remote) Change(ctx context.Context, key governor.Key, f func(time.Time, *governor.State) bool) error {
	r.looks.Add(1)
	time.Sleep(r.delay)
	if r.away.Load() {
		return errAway
	}
	err := r.Store.Change(ctx, key, f)
	time.Sleep(r.delay)
	return err
}

func (r *remote) Read(ctx context.Context, key governor.Key) (governor.State, time.Time, error) {
	r.looks.Add(1)
	if r.away.Load() {
		return governor.State{}, time.Time{}, errAway
	}
	return r.Store.Read(ctx, key)
}

// readRanges holds a slot for five calls at a time.
func (v *vendor) readRanges(ctx context.Context, g *governor.Governor, p pacing, done *atomic.Int64) error {
	api := governor.API{Name: "fo/asset/host/vm/detection", Concurrent: 2}
	for ctx.Err() == nil {
		held, release, err := g.Hold(ctx, api)
		for range 5 {
			if err != nil {
				break
			}
			err = v.call(held, g, api, p)
			done.Add(1)
		}
		if release != nil {
			release()
		}
		var f *fault.Error
		if errors.As(err, &f) && f.Class == fault.Throttled {
			select {
			case <-time.After(f.Wait):
			case <-ctx.Done():
			}
		} else if err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}
