// Package governor keeps calls within a vendor's limits, whichever connector,
// profile or worker makes them: how many may run at the same time, how many may
// begin in a period, and until when the vendor asks for none.
//
// What is known of an API is a State that all workers share through a Store.
// The rules are functions of a State and the store's time, so that the clocks
// of workers do not matter.
package governor

import (
	"context"
	"crypto/rand"
	"time"
)

// A Governor keeps the calls of one subscription within its limits. A nil one
// lets all through. It is safe for concurrent use.
type Governor struct {
	set          *Set
	subscription string
	reserve      int
}

// An API is what a vendor limits by itself.
type API struct {
	Name string // "fo/asset/host/vm/detection"
	// Concurrent is how many calls may run at the same time until the vendor
	// says; 0 for no limit.
	Concurrent int
}

// An Answer is what an answer of the vendor says of its limits. Zero fields say
// nothing.
type Answer struct {
	Calls      int           // that may begin within Window
	Window     time.Duration // sliding
	Remaining  int           // of Calls, and only with them; negative: not said
	Concurrent int           // that may run at the same time
	// Wait is how long no call may be made.
	Wait time.Duration
	// TooMany: the call was refused since too many run at the same time.
	// TooOften: since too many have begun.
	TooMany, TooOften bool
	// Said is the vendor's message with a refusal or a wait, for people.
	Said string
}

// Options of a Governor. Only Subscription is required.
type Options struct {
	Subscription string // whose limits are kept
	Reserve      int    // percent of the limits that stay unused, 0 to 90
	// Patience is how long a wait may be to be slept through; default 10 s.
	Patience time.Duration
	Worker   string // names this process, for people
}

// New makes a Governor by itself. A process with several takes them from a Set.
func New(store Store, o Options) *Governor {
	return NewSet(store, o.Worker, o.Patience).Governor(o.Subscription, o.Reserve)
}

// Enter waits until one more call of the API may run. A wait that is too long
// to sit through is an error of class Throttled with what is left of it, and
// why.
func (g *Governor) Enter(ctx context.Context, api API) (*Slot, error) {
	if g == nil {
		return nil, nil
	}
	if held, ok := ctx.Value(g.holding(api)).(*grip); ok && !held.over() {
		return &Slot{grip: held, held: true}, nil
	}
	return g.enter(ctx, api, true)
}

// Hold enters, and lets the calls of the API that are made with the context it
// returns run in that slot, one after the other, until release is called. Who
// needs several slots at a time for one piece of work holds them, or two such
// could wait for each other.
func (g *Governor) Hold(ctx context.Context, api API) (held context.Context, release func(), err error) {
	if g == nil {
		return ctx, func() {}, nil
	}
	slot, err := g.enter(ctx, api, false)
	if err != nil {
		return nil, nil, err
	}
	return context.WithValue(ctx, g.holding(api), slot.grip), slot.Leave, nil
}

// enter takes a slot, and with it the permit for a call that follows at once.
func (g *Governor) enter(ctx context.Context, api API, call bool) (*Slot, error) {
	grip := &grip{
		set: g.set, key: g.key(api), assumed: api.Concurrent, reserve: g.reserve,
		id: rand.Text()[:12], who: behalf(ctx), worker: g.set.worker,
	}
	if grip.who == "" {
		grip.who = grip.worker
	}
	if err := grip.enter(ctx, call); err != nil {
		return nil, err
	}
	return &Slot{grip: grip}, nil
}

func (g *Governor) key(api API) Key { return Key{Subscription: g.subscription, API: api.Name} }

// holding is the key of a context that holds a slot of an API.
type holding struct {
	set *Set
	key Key
}

func (g *Governor) holding(api API) holding { return holding{g.set, g.key(api)} }

type untilKey struct{}

// WaitUntil lets calls that are made with the context wait for a slot until that
// time, instead of the Set's patience.
func WaitUntil(ctx context.Context, until time.Time) context.Context {
	return context.WithValue(ctx, untilKey{}, until)
}

type behalfKey struct{}

// OnBehalf says, for people, for whom calls are made with the context:
// "run 12 of shop, FINDING". Those who wait take turns by it.
func OnBehalf(ctx context.Context, who string) context.Context {
	return context.WithValue(ctx, behalfKey{}, who)
}

func behalf(ctx context.Context) string {
	who, _ := ctx.Value(behalfKey{}).(string)
	return bounded(who)
}
