package transport

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"sluice/internal/fault"
	"sluice/internal/source"
)

const (
	// refusalMemory is how long a refused credential is not offered again.
	// Vendors lock accounts after a few wrong attempts.
	refusalMemory = 5 * time.Minute
	// standingAge is how old what other workers learned of a credential may be
	// here: between two looks at it no request waits for the database.
	standingAge = 10 * time.Second
	// sharedPatience bounds each look. A database that is away must not hold up
	// calls that can do without.
	sharedPatience = 5 * time.Second
	// exclusivePatience is how long another may keep a credential to itself:
	// longer than a vendor takes to answer.
	exclusivePatience = 5 * time.Minute
)

// CodeCredentialBusy is the code of an error when others keep a credential to
// themselves for too long.
const CodeCredentialBusy = "credential-busy"

// A guard keeps a credential from being offered where that could lock the
// account: not for a while after it was refused, here or in another worker,
// and until it was once accepted by one at a time. What cannot be shared,
// since the database is away, still holds in this process.
type guard struct {
	shared source.Credential // nil: what holds, holds in this process
	now    func() time.Time
	turn   chan struct{} // held by who is alone with the credential in this process

	mu       sync.Mutex
	accepted bool
	refusal  *fault.Error
	until    time.Time // until when the refusal holds
	looked   time.Time // when the shared standing was last asked for
}

func newGuard(shared source.Credential) *guard {
	return &guard{shared: shared, now: time.Now, turn: make(chan struct{}, 1)}
}

// enter waits until the credential may be offered, and returns what to call
// when the vendor has answered; or the refusal that is remembered.
func (g *guard) enter(ctx context.Context) (leave func(), err error) {
	accepted, err := g.standing(ctx, standingAge)
	if err != nil {
		return nil, err
	}
	if accepted {
		return func() {}, nil
	}
	leave, err = g.alone(ctx)
	if err != nil {
		return nil, err
	}
	accepted, err = g.standing(ctx, 0)
	if err != nil {
		leave()
		return nil, err
	}
	if accepted { // meanwhile, by another
		leave()
		return func() {}, nil
	}
	return leave, nil
}

// alone waits until nobody else has the credential to itself, in any worker.
func (g *guard) alone(ctx context.Context) (leave func(), err error) {
	select {
	case g.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	leave = func() { <-g.turn }
	if g.shared == nil {
		return leave, nil
	}
	patient, cancel := context.WithTimeout(ctx, exclusivePatience)
	defer cancel()
	release, err := g.shared.Exclusive(patient)
	switch {
	case err == nil:
		return func() { release(); <-g.turn }, nil
	case ctx.Err() != nil:
		leave()
		return nil, context.Cause(ctx)
	case errors.Is(err, context.DeadlineExceeded) && patient.Err() != nil:
		leave()
		return nil, &fault.Error{
			Class: fault.Transient, Code: CodeCredentialBusy,
			Message: fmt.Sprintf("another worker has been trying this credential for %v", exclusivePatience),
			Advice:  "it is offered by one at a time until it was accepted; see what that worker waits for",
		}
	}
	return leave, nil // the database is away: alone in this process
}

// standing is whether the credential was accepted before, or a refusal that
// still holds. What is shared is asked for when what is known is older than
// age.
func (g *guard) standing(ctx context.Context, age time.Duration) (accepted bool, refusal error) {
	if look := g.due(age); look {
		ctx, cancel := context.WithTimeout(ctx, sharedPatience)
		defer cancel()
		if accepted, refusal, err := g.shared.Standing(ctx); err == nil {
			g.learn(accepted, refusal)
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.refusal != nil && g.now().Before(g.until) {
		again := *g.refusal
		return false, &again
	}
	return g.accepted, nil
}

// due says whether to ask for what is shared, and that it is being asked.
func (g *guard) due(age time.Duration) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	if g.shared == nil || g.refusal != nil && now.Before(g.until) || now.Sub(g.looked) < age {
		return false
	}
	g.looked = now
	return true
}

// learn takes over what others found out.
func (g *guard) learn(accepted bool, refusal *fault.Error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case refusal != nil:
		g.refusal, g.until, g.accepted = refusal, g.now().Add(standingAge), false // then it is asked for again
	case accepted:
		g.accepted = true
	}
}

// settle takes note of what became of an offer: err is nil when it was
// accepted, of class Auth when it was refused; other errors say nothing.
func (g *guard) settle(ctx context.Context, err error) {
	if err == nil {
		g.noteAccepted(ctx)
	} else if f := fault.As(err); f != nil && f.Class == fault.Auth {
		g.noteRefused(ctx, f)
	}
}

func (g *guard) noteAccepted(ctx context.Context) {
	if g.accept() && g.shared != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sharedPatience)
		defer cancel()
		_ = g.shared.Accept(ctx) // or the next one offers it alone, too
	}
}

func (g *guard) noteRefused(ctx context.Context, f *fault.Error) {
	refusal, until := g.refuse(f)
	if g.shared != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sharedPatience)
		defer cancel()
		_ = g.shared.Refuse(ctx, refusal, until) // it holds here in any case
	}
}

// accept says whether that is new. Nothing is offered while a refusal is
// remembered: what is accepted then was offered before, and is no news.
func (g *guard) accept() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.refusal != nil && g.now().Before(g.until) {
		return false
	}
	known := g.accepted
	g.accepted, g.refusal = true, nil
	return !known
}

// refuse returns the refusal as it is to be remembered.
func (g *guard) refuse(f *fault.Error) (*fault.Error, time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	refusal := *f
	until := g.now().Add(refusalMemory)
	refusal.Message += fmt.Sprintf(" (remembered; not tried again before %s, since accounts lock)", until.UTC().Format("15:04:05 MST"))
	g.refusal, g.until, g.accepted = &refusal, until, false
	return &refusal, until
}
