package transport

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"sluice/internal/fault"
	"sluice/internal/source"
)

// holds is for how long a refused credential is not offered again, by how often
// it was refused since it was accepted: vendors lock accounts after a few wrong
// attempts, and a wrong one does not become right by itself.
var holds = []time.Duration{5 * time.Minute, 15 * time.Minute, time.Hour, 6 * time.Hour}

// holdAfter is the hold that follows another; the first one after none.
func holdAfter(held time.Duration) time.Duration {
	// A hold comes back from the database a little shorter.
	i := slices.IndexFunc(holds, func(hold time.Duration) bool { return hold > held+time.Minute })
	if i < 0 {
		return holds[len(holds)-1]
	}
	return holds[i]
}

// A record is what is known of how the vendor took a credential.
type record struct {
	shared source.Credential // nil: what holds, holds in this process
	now    func() time.Time

	mu       sync.Mutex
	accepted bool
	seen     time.Time // when it was last accepted here, or that was learned
	refusal  *fault.Error
	until    time.Time     // until when the refusal holds
	held     time.Duration // how long the last refusal held; 0: accepted since
	looked   time.Time     // when the shared standing was last asked for
}

func newRecord(shared source.Credential) *record { return &record{shared: shared, now: time.Now} }

// standing is as the guard's.
func (r *record) standing(ctx context.Context, age time.Duration) (accepted bool, refusal error) {
	if look := r.due(age); look {
		ctx, cancel := context.WithTimeout(ctx, sharedPatience)
		defer cancel()
		if accepted, refusal, err := r.shared.Standing(ctx); err == nil {
			r.learn(accepted, refusal)
		}
	}
	if refusal := r.holding(); refusal != nil {
		return false, refusal
	}
	return r.known(), nil
}

// holding is the refusal that holds.
func (r *record) holding() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.holds() {
		return nil
	}
	again := *r.refusal
	return &again
}

func (r *record) holds() bool { return r.refusal != nil && r.now().Before(r.until) }

// known says whether the vendor has accepted it, and not refused it since.
func (r *record) known() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.accepted
}

// proven says whether that was lately.
func (r *record) proven() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.accepted && r.now().Sub(r.seen) < provenAge
}

// due says whether to ask for what is shared, and that it is being asked.
func (r *record) due(age time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if r.shared == nil || r.holds() || now.Sub(r.looked) < age {
		return false
	}
	r.looked = now
	return true
}

// learn takes over what others found out.
func (r *record) learn(accepted bool, refusal *fault.Error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case refusal != nil:
		r.refusal, r.until, r.accepted = refusal, r.now().Add(standingAge), false // then it is asked for again
	case accepted && !r.accepted:
		r.accepted, r.seen = true, r.now()
	}
}

func (r *record) noteAccepted(ctx context.Context) {
	if r.accept() && r.shared != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sharedPatience)
		defer cancel()
		_ = r.shared.Accept(ctx) // or the next one offers it alone, too
	}
}

// accept says whether that is new. Nothing is offered while a refusal is
// remembered: what is accepted then was offered before, and is no news.
func (r *record) accept() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.holds() {
		return false
	}
	known := r.accepted
	r.accepted, r.seen, r.refusal, r.held = true, r.now(), nil, 0
	return !known
}

// noteRefused keeps a refusal for longer than the last one, and for more on
// top. While one holds nothing is offered: what is refused then was offered
// before, and is no news.
func (r *record) noteRefused(ctx context.Context, f *fault.Error, more time.Duration) {
	if _, refusal := r.standing(ctx, 0); refusal != nil {
		return
	}
	r.keepRefused(ctx, f, holdAfter(r.lastHeld(ctx))+more)
}

// lastHeld is how long the last refusal held.
func (r *record) lastHeld(ctx context.Context) time.Duration {
	r.mu.Lock()
	held := r.held
	r.mu.Unlock()
	if r.shared == nil {
		return held
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sharedPatience)
	defer cancel()
	if shared, err := r.shared.Held(ctx); err == nil {
		return max(held, shared)
	}
	return held
}

func (r *record) keepRefused(ctx context.Context, f *fault.Error, hold time.Duration) {
	refusal, until := r.refuse(f, hold)
	if r.shared != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sharedPatience)
		defer cancel()
		_ = r.shared.Refuse(ctx, refusal, until) // it holds here in any case
	}
}

// refuse returns the refusal as it is to be remembered.
func (r *record) refuse(f *fault.Error, hold time.Duration) (*fault.Error, time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	refusal := *f
	until := r.now().Add(hold)
	refusal.Message += fmt.Sprintf(" (remembered; not tried again before %s, since accounts lock; 'sluice connectors rotate-secret' tries again at once)", until.UTC().Format("15:04:05 MST"))
	r.refusal, r.until, r.held, r.accepted = &refusal, until, hold, false
	return &refusal, until
}
