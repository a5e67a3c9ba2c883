package governor

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"sluice/internal/fault"
)

const (
	// noteBound bounds how long a note in the store may take that is taken
	// while a call goes on. One that fails is made up for: limits are told
	// again, and leases expire.
	noteBound = 3 * time.Second
	// freshPermit is how long the permit that came with a slot is good: an API
	// may be blocked meanwhile.
	freshPermit = time.Second
	// comeBack is when one who has waited for a slot is asked to come again.
	comeBack = 15 * time.Second
)

// A Slot is the right to have one call of an API running at a time. It belongs
// to one goroutine. A nil one is that of a nil Governor.
type Slot struct {
	grip *grip
	held bool // leaving it does not end it
}

// Call waits until the limits let the slot's next call begin, and counts it.
// Errors are as those of Enter.
func (s *Slot) Call(ctx context.Context) error {
	if s == nil {
		return nil
	}
	return s.grip.call(ctx)
}

// Answered takes note of what the call's answer says, as soon as its headers
// are there.
func (s *Slot) Answered(a Answer) {
	if s != nil {
		s.grip.answer(a.bounded())
	}
}

// Leave gives the slot back, when the answer has been read or given up; a held
// slot stays held.
func (s *Slot) Leave() {
	switch {
	case s == nil:
	case s.held:
		s.grip.finish()
	default:
		s.grip.leave()
	}
}

// A grip is what this process has of a slot.
type grip struct {
	set              *Set
	key              Key
	assumed, reserve int
	id, who, worker  string

	mu    sync.Mutex // with the renewal of leases
	ended bool
	free  bool // there is no lease, since nothing is limited
	// begun and answered are when the present call was, by this process's
	// clock. unused says that it is only permitted yet.
	begun, answered time.Time
	unused          bool
	told            bool      // the answer told limits that were known
	seen            knowledge // before the call
}

// over says that the slot was given back.
func (g *grip) over() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.ended
}

// enter waits for a slot and, when call is set, for the permit of a call.
func (g *grip) enter(ctx context.Context, call bool) error {
	if g.assumed == 0 {
		unlimited, seen, err := g.set.unlimited(ctx, g.key)
		if err != nil {
			return err
		}
		if unlimited {
			g.free, g.seen = true, seen
			return nil
		}
	}
	if err := g.acquire(ctx, call); err != nil {
		return err
	}
	g.unused = call
	return nil
}

func (g *grip) call(ctx context.Context) error {
	if g.unused {
		g.unused = false
		if time.Since(g.begun) < freshPermit {
			return nil
		}
		g.withdraw()
	}
	g.finish() // a call that got no answer
	if !g.free {
		return g.acquire(ctx, true)
	}
	unlimited, seen, err := g.set.unlimited(ctx, g.key)
	if err != nil {
		return err
	}
	if !g.begun.IsZero() {
		g.set.count(g.key, -1)
	}
	if !unlimited { // any more
		g.free, g.begun = false, time.Time{}
		return g.acquire(ctx, true)
	}
	g.set.count(g.key, 1)
	g.begun, g.answered, g.seen = time.Now(), time.Time{}, seen
	return nil
}

// acquire waits until a request is granted.
func (g *grip) acquire(ctx context.Context, call bool) error {
	q := request{id: g.id, who: g.who, worker: g.worker, assumed: g.assumed, reserve: g.reserve, call: call}
	until, ok := ctx.Value(untilKey{}).(time.Time)
	if !ok {
		until = time.Now().Add(g.set.patience)
	}
	for {
		freed := g.set.freed(g.key)
		v, err := g.ask(ctx, q)
		switch {
		case err != nil && ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil || v.granted:
			return err
		}
		left := time.Until(until)
		if v.wait > left || left <= 0 {
			if q.away = v.wait; q.away == 0 {
				q.away = comeBack
			}
			if v, err = g.ask(ctx, q); err != nil || v.granted {
				return err
			}
			return &fault.Error{
				Class: fault.Throttled, Code: v.code, Message: g.key.API + ": " + v.message,
				Wait: max(v.wait, q.away),
			}
		}
		if err := v.pause(ctx, left, freed); err != nil {
			return err
		}
	}
}

// pause sleeps until it is worth to ask again. One whose turn it is asks more
// often, since a slot that is free waits for it.
func (v verdict) pause(ctx context.Context, left time.Duration, freed <-chan struct{}) error {
	wait := v.wait
	switch {
	case wait > 0:
		freed = nil // that is not what it waits for
	case v.first:
		wait = 20*time.Millisecond + rand.N(40*time.Millisecond)
	default:
		wait = 50*time.Millisecond + rand.N(150*time.Millisecond)
	}
	timer := time.NewTimer(min(wait, left))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-freed:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// ask makes a request of the shared state.
func (g *grip) ask(ctx context.Context, q request) (v verdict, err error) {
	begun, answered := g.begun, g.answered
	err = g.change(ctx, func(now time.Time, s *State) bool {
		settled := g.settle(now, s)
		if v = s.ask(now, q); v.granted && q.call {
			g.begun, g.answered, g.told = time.Now(), time.Time{}, false
		}
		return v.changed || settled
	})
	switch {
	case err != nil && v.granted:
		g.mu.Lock()
		g.begun, g.answered = begun, answered
		g.mu.Unlock()
		if !g.set.has(g) {
			g.leave() // it may have been stored
		}
	case err == nil && v.granted:
		g.set.keep(g)
	}
	return v, err
}

// change changes the shared state, and learns from it. f has g.mu.
func (g *grip) change(ctx context.Context, f func(now time.Time, s *State) bool) error {
	var after knowledge
	err := g.set.store.Change(ctx, g.key, func(now time.Time, s *State) bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		changed := f(now, s)
		after = s.knowledge(now)
		return changed
	})
	if err == nil {
		g.seen = after
		g.set.learn(g.key, after)
	}
	return err
}

// settle notes that the present call was answered, and says whether it was.
func (g *grip) settle(now time.Time, s *State) bool {
	if g.begun.IsZero() || g.answered.IsZero() {
		return false
	}
	x := g.exchange(now)
	s.settle(x)
	if g.told {
		s.Told = x.answered
	}
	return true
}

// exchange is the present call by the store's time.
func (g *grip) exchange(now time.Time) exchange {
	x := exchange{id: g.id, free: g.free, begun: now.Add(-time.Since(g.begun)), answered: now, beside: g.set.beside(g.key)}
	if !g.answered.IsZero() {
		x.answered = now.Add(-time.Since(g.answered))
	}
	if g.free {
		x.beside-- // this one itself
	}
	return x
}

func (g *grip) answer(a Answer) {
	g.finish()
	if !g.seen.newsIn(a) {
		g.mu.Lock()
		g.told = a.rates() || a.Concurrent > 0
		g.mu.Unlock()
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), noteBound)
	defer cancel()
	// What could not be noted is told again by the next answer.
	_ = g.change(ctx, func(now time.Time, s *State) bool {
		s.told(now, g.exchange(now), a)
		return true
	})
}

// finish notes the present call's answer, to be settled with the next change.
func (g *grip) finish() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.answered.IsZero() && !g.begun.IsZero() && !g.unused {
		g.answered = time.Now()
	}
}

// withdraw gives a permit back that was not used.
func (g *grip) withdraw() {
	g.mu.Lock()
	g.begun = time.Time{}
	g.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), noteBound)
	defer cancel()
	_ = g.change(ctx, func(_ time.Time, s *State) bool {
		if l := s.lease(g.id); l != nil {
			l.Open, l.Calling = time.Time{}, false
		}
		return true
	})
}

// leave ends the slot. Where the store cannot be told, the lease expires.
func (g *grip) leave() {
	g.finish()
	g.mu.Lock()
	again := g.ended
	g.ended = true
	g.mu.Unlock()
	if again {
		return
	}
	if g.free {
		if !g.begun.IsZero() {
			g.set.count(g.key, -1)
		}
		return
	}
	g.set.drop(g)
	ctx, cancel := context.WithTimeout(context.Background(), noteBound)
	defer cancel()
	_ = g.change(ctx, func(now time.Time, s *State) bool {
		g.settle(now, s)
		s.leave(g.id)
		return true
	})
	g.set.wake(g.key)
}
