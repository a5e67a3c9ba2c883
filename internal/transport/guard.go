package transport

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice/internal/fault"
	"sluice/internal/source"
)

const (
	// provenAge is how long ago the vendor may have accepted a password here for
	// many requests to offer it at once: it may have been changed meanwhile.
	provenAge = 10 * time.Minute
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
	whole *record
	here  *record       // of one server, where several get the credential; nil: one does
	turn  chan struct{} // held by who is alone with the credential in this process
}

func newGuard(shared source.Credential) *guard {
	return &guard{whole: newRecord(shared), turn: make(chan struct{}, 1)}
}

// at is the guard for one of several servers that get the credential: one that
// refuses what others accept is refused alone. What the workers share of that
// is in here; nil: nothing.
func (g *guard) at(here source.Credential) *guard {
	return &guard{whole: g.whole, here: newRecord(here), turn: g.turn}
}

// enter waits until the credential may be offered, and returns what to call
// when the vendor has answered; or the refusal that is remembered.
func (g *guard) enter(ctx context.Context) (leave func(), err error) {
	accepted, err := g.standing(ctx, standingAge)
	if err != nil {
		return nil, err
	}
	switch {
	case !accepted:
		leave, err = g.alone(ctx)
	case !g.whole.proven():
		leave, err = g.aloneHere(ctx)
	default:
		return func() {}, nil
	}
	if err != nil {
		return nil, err
	}
	accepted, err = g.standing(ctx, 0)
	if err != nil {
		leave()
		return nil, err
	}
	if accepted && g.whole.proven() { // meanwhile, by another
		leave()
		return func() {}, nil
	}
	return leave, nil
}

// aloneHere waits until nobody else in this process has the credential to itself.
func (g *guard) aloneHere(ctx context.Context) (leave func(), err error) {
	select {
	case g.turn <- struct{}{}:
		return func() { <-g.turn }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// alone waits until nobody else has the credential to itself, in any worker.
func (g *guard) alone(ctx context.Context) (leave func(), err error) {
	leave, err = g.aloneHere(ctx)
	if err != nil || g.whole.shared == nil {
		return leave, err
	}
	leaveHere := leave
	patient, cancel := context.WithTimeout(ctx, exclusivePatience)
	defer cancel()
	release, err := g.whole.shared.Exclusive(patient)
	switch {
	case err == nil:
		return func() { release(); leaveHere() }, nil
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
	accepted, refusal = g.whole.standing(ctx, age)
	if refusal != nil || g.here == nil {
		return accepted, refusal
	}
	here, refusal := g.here.standing(ctx, age)
	return accepted && here, refusal
}

// refused is the refusal that holds, as far as this process knows.
func (g *guard) refused() error {
	if refusal := g.whole.holding(); refusal != nil || g.here == nil {
		return refusal
	}
	return g.here.holding()
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
	g.whole.noteAccepted(ctx)
	if g.here != nil {
		g.here.noteAccepted(ctx)
	}
}

// noteRefused keeps a refusal for all, except that of a server which never
// accepted what another did: to some, an account that may not use them has a
// wrong password. Where nobody has accepted it, the next one to offer it is
// another server.
func (g *guard) noteRefused(ctx context.Context, f *fault.Error) {
	switch {
	case g.here == nil:
		g.whole.noteRefused(ctx, f, 0)
	case aboutLogin(f) && g.whole.known() && !g.here.known():
		if g.here.holding() == nil {
			g.here.keepRefused(ctx, f, holds[0])
		}
	case g.refused() == nil:
		g.whole.noteRefused(ctx, f, 0)
		g.here.noteRefused(ctx, f, holds[0])
	}
}

// aboutLogin says whether a refusal is of user name and password as such: the
// state of an account is the same for all servers.
func aboutLogin(f *fault.Error) bool {
	return f.Code == CodeLoginRefused || f.Code == CodeUnauthorised || f.Code == CodeTokenRefused || f.Code == CodeTokenNotAccepted
}
