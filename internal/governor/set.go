package governor

import (
	"context"
	"sync"
	"time"
)

const (
	defaultPatience = 10 * time.Second
	// glance is how long what was seen of a state holds for calls that nothing
	// limits: they cost no look of their own.
	glance = time.Second
	// renewAgain is how soon a renewal that failed is tried again.
	renewAgain = 2 * time.Second
)

// A Set is the Governors of a process: they share what it knows of the states,
// and the renewal of its leases. It is safe for concurrent use.
type Set struct {
	store    Store
	worker   string
	patience time.Duration

	mu    sync.Mutex
	grips map[*grip]struct{} // those with a lease
	stop  context.CancelFunc // ends their renewal
	apis  map[Key]*local
}

// local is what this process knows of an API.
type local struct {
	reading sync.Mutex // one looks for all
	// The rest is guarded by Set.mu.
	seen   knowledge
	at     time.Time
	beside int           // calls without a lease
	freed  chan struct{} // says to one who waits that a slot was given back here
}

// NewSet makes a Set on a store. worker names the process, for people; waits
// up to patience, default 10 s, are slept through.
func NewSet(store Store, worker string, patience time.Duration) *Set {
	if patience <= 0 {
		patience = defaultPatience
	}
	return &Set{store: store, worker: bounded(worker), patience: patience, grips: map[*grip]struct{}{}, apis: map[Key]*local{}}
}

// Governor of a subscription, of whose limits the reserve, in percent from 0
// to 90, stays unused.
func (t *Set) Governor(subscription string, reserve int) *Governor {
	return &Governor{set: t, subscription: subscription, reserve: min(max(reserve, 0), 90)}
}

// api returns what is known of an API; t.mu is held.
func (t *Set) api(key Key) *local {
	l := t.apis[key]
	if l == nil {
		l = &local{freed: make(chan struct{}, 1)}
		t.apis[key] = l
	}
	return l
}

// unlimited says whether nothing was known, within the last second, that limits
// the API.
func (t *Set) unlimited(ctx context.Context, key Key) (bool, knowledge, error) {
	t.mu.Lock()
	l := t.api(key)
	t.mu.Unlock()
	l.reading.Lock()
	defer l.reading.Unlock()
	t.mu.Lock()
	seen, age := l.seen, time.Since(l.at)
	t.mu.Unlock()
	if age >= glance {
		s, now, err := t.store.Read(ctx, key)
		if err != nil {
			return false, knowledge{}, err
		}
		seen = s.knowledge(now)
		t.learn(key, seen)
	}
	return !seen.limited, seen, nil
}

// learn keeps what was seen of a state.
func (t *Set) learn(key Key, seen knowledge) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.api(key)
	l.seen, l.at = seen, time.Now()
}

// count adds to the calls without a lease.
func (t *Set) count(key Key, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.api(key).beside += n
}

func (t *Set) beside(key Key) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.api(key).beside
}

// freed tells one who waits when a slot of the API is given back here.
func (t *Set) freed(key Key) <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.api(key).freed
}

func (t *Set) wake(key Key) {
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case t.api(key).freed <- struct{}{}:
	default: // it is to be told already
	}
}

// keep has a lease renewed until it is dropped.
func (t *Set) keep(g *grip) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.grips) == 0 {
		ctx, cancel := context.WithCancel(context.Background())
		t.stop = cancel
		go t.renew(ctx)
	}
	t.grips[g] = struct{}{}
}

func (t *Set) has(g *grip) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, has := t.grips[g]
	return has
}

func (t *Set) drop(g *grip) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, has := t.grips[g]; !has {
		return
	}
	delete(t.grips, g)
	if len(t.grips) == 0 {
		t.stop()
	}
}

// renew renews the leases of this process while there are any.
func (t *Set) renew(ctx context.Context) {
	next := renewEvery
	for {
		timer := time.NewTimer(next)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		next = renewEvery
		t.mu.Lock()
		byKey := map[Key][]*grip{}
		for g := range t.grips {
			byKey[g.key] = append(byKey[g.key], g)
		}
		t.mu.Unlock()
		for key, grips := range byKey {
			if err := t.renewAll(ctx, key, grips); err != nil {
				next = renewAgain
			}
		}
	}
}

func (t *Set) renewAll(ctx context.Context, key Key, grips []*grip) error {
	ctx, cancel := context.WithTimeout(ctx, noteBound)
	defer cancel()
	return t.store.Change(ctx, key, func(now time.Time, s *State) bool {
		for _, g := range grips {
			g.mu.Lock()
			if !g.ended {
				g.settle(now, s)
				s.renew(now, g.lease(now))
			}
			g.mu.Unlock()
		}
		return true
	})
}

// lease is a grip's, should it have been lost.
func (g *grip) lease(now time.Time) Lease {
	l := Lease{ID: g.id, Who: g.who, Worker: g.worker, Calling: !g.begun.IsZero()}
	if l.Calling && g.answered.IsZero() {
		l.Open = now.Add(-time.Since(g.begun))
	}
	return l
}

// knowledge is what matters of a state to one who makes a call.
type knowledge struct {
	limited    bool
	calls      int
	window     time.Duration
	concurrent int
	spent      int
	others     bool // other tools make calls
	refused    bool // the last call was refused
}

func (s *State) knowledge(now time.Time) knowledge {
	return knowledge{
		limited: s.limited(now), calls: s.Calls, window: s.Window, concurrent: s.Concurrent,
		spent: s.spent(), others: len(s.Others) > 0, refused: s.Refusals > 0,
	}
}

// newsIn says whether an answer tells what is not known.
func (k knowledge) newsIn(a Answer) bool {
	switch {
	case a.TooMany, a.TooOften, a.Wait > 0, k.refused:
		return true
	case a.Concurrent > 0 && a.Concurrent != k.concurrent:
		return true
	case !a.rates():
		return false
	case a.Calls != k.calls, a.Window > 0 && a.Window != k.window:
		return true
	}
	return a.Remaining >= 0 && k.window > 0 && (k.others || a.Calls-a.Remaining > k.spent)
}
