package transport

import (
	"context"
	"sync"

	"golang.org/x/oauth2"

	"sluice/internal/fault"
	"sluice/internal/source"
)

// Bearer authorises requests with tokens of one credential. Tokens are reused
// until they end, by all who share the credential, and replaced once when the
// vendor answers 401. It is safe for concurrent use.
type Bearer struct {
	source oauth2.TokenSource
	guard  *guard

	mu    sync.Mutex
	token *oauth2.Token // nil: none
	// dropped is the last token that the vendor refused: it is not taken again,
	// should others still share it.
	dropped string
}

// NewBearer returns a Bearer that takes its tokens from tokens. The Expiry of
// a token is when to stop using it, by the clock here: the source keeps its own
// margin. What the workers share of the credential is in shared; nil: nothing.
func NewBearer(tokens oauth2.TokenSource, shared source.Credential) *Bearer {
	return &Bearer{source: tokens, guard: newGuard(shared)}
}

// At is a Bearer for one of several servers that get the credential, in whatever
// way, while none has a token of it: that this one refuses it says nothing to
// those that accept it. What the workers share of that is in here.
func (b *Bearer) At(here source.Credential) *Bearer {
	return &Bearer{source: b.source, guard: b.guard.at(here)}
}

// Renew fetches a token whether or not there is one, and uses it from now on.
// When that fails, the one there was stays.
func (b *Bearer) Renew(ctx context.Context) error {
	_, err := await(ctx, func() (*oauth2.Token, error) { return b.mint(ctx, true) })
	return err
}

// get returns the token at hand, or else one that others share, or else a new
// one.
func (b *Bearer) get(ctx context.Context) (*oauth2.Token, error) {
	if token := b.atHand(); token != nil {
		return token, nil
	}
	return await(ctx, func() (*oauth2.Token, error) {
		if token := b.takeShared(ctx); token != nil {
			return token, nil
		}
		return b.mint(ctx, false)
	})
}

// await runs what gets a token. A TokenSource takes no context: its call is
// bounded by itself; one who has to stop now does not wait for it.
func await(ctx context.Context, get func() (*oauth2.Token, error)) (*oauth2.Token, error) {
	type result struct {
		token *oauth2.Token
		err   error
	}
	done := make(chan result, 1)
	go func() {
		token, err := get()
		done <- result{token, err}
	}()
	select {
	case r := <-done:
		return r.token, r.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// mint gets a new token, alone of all workers. Unless one is wanted in any
// case, another's will do that has come while this one waited.
func (b *Bearer) mint(ctx context.Context, inAnyCase bool) (*oauth2.Token, error) {
	if _, err := b.guard.standing(ctx, standingAge); err != nil {
		return nil, err
	}
	leave, err := b.guard.alone(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	if !inAnyCase {
		if token := b.atHand(); token != nil {
			return token, nil
		}
		if token := b.takeShared(ctx); token != nil {
			return token, nil
		}
	}
	if _, err := b.guard.standing(ctx, 0); err != nil {
		return nil, err
	}
	token, err := b.source.Token()
	b.guard.settle(ctx, err)
	if err != nil {
		return nil, err
	}
	b.use(token)
	b.share(ctx, token)
	return token, nil
}

// atHand is the token that is used now, if it is still good.
func (b *Bearer) atHand() *oauth2.Token {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.token == nil || !b.good(b.token) {
		return nil
	}
	return b.token
}

func (b *Bearer) good(token *oauth2.Token) bool {
	return token.Expiry.IsZero() || b.guard.whole.now().Before(token.Expiry)
}

func (b *Bearer) use(token *oauth2.Token) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.token = token
}

// takeShared uses the token that others share, if there is one. When that is
// not to be had, since the database is away, there is none.
func (b *Bearer) takeShared(ctx context.Context) *oauth2.Token {
	if b.guard.whole.shared == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, sharedPatience)
	defer cancel()
	token, err := b.guard.whole.shared.Token(ctx)
	if err != nil || token == nil || !b.good(token) {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if token.AccessToken == b.dropped {
		return nil
	}
	b.token = token
	return token
}

func (b *Bearer) share(ctx context.Context, token *oauth2.Token) {
	if b.guard.whole.shared == nil || token.Expiry.IsZero() || !b.good(token) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sharedPatience)
	defer cancel()
	_ = b.guard.whole.shared.Save(ctx, token) // or the others get one of their own
}

// drop forgets a token that the vendor refused, for all who share it.
func (b *Bearer) drop(ctx context.Context, token *oauth2.Token) {
	if !b.dropHere(token) || b.guard.whole.shared == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sharedPatience)
	defer cancel()
	_ = b.guard.whole.shared.Forget(ctx, token.AccessToken) // or the others find out by themselves
}

// dropHere says whether it was the one in use.
func (b *Bearer) dropHere(token *oauth2.Token) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if token == nil || b.token == nil || b.token.AccessToken != token.AccessToken {
		return false
	}
	b.token, b.dropped = nil, token.AccessToken
	return true
}

// freshTokens is how many new tokens a request is tried with: a second one,
// since the first may have been revoked with another call's, and a third is no
// accident any more.
const freshTokens = 2

// Do sends the request with a token. When that is refused it is sent again with
// a fresh one; if fresh ones are not accepted either, the error is of class
// Auth.
func (b *Bearer) Do(ctx context.Context, c *Client, req Request) (*Response, error) {
	for attempt := 1; ; attempt++ {
		token, err := b.get(ctx)
		if err != nil {
			return nil, err
		}
		resp, err := c.Do(ctx, req.authorised(token.Type()+" "+token.AccessToken))
		f := fault.As(err)
		if f == nil || f.Class != fault.Auth {
			if resp != nil {
				resp.token = token
			}
			return resp, err
		}
		b.drop(ctx, token)
		if attempt > freshTokens {
			if f.Code == CodeUnauthorised {
				f.Code = CodeTokenNotAccepted
				f.Advice = "the token was fresh: check that the account is active, and that it may use this module"
			}
			return nil, f
		}
	}
}

// Reject says that an answer of success refused the token in its body: the
// next request gets a fresh one.
func (b *Bearer) Reject(*fault.Error) { b.drop(context.Background(), b.atHand()) }

// RejectIn is as Reject, where the answer is at hand: a token that has taken
// the place of the refused one meanwhile stays.
func (b *Bearer) RejectIn(resp *Response) { b.drop(context.Background(), resp.token) }
