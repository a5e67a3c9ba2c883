package transport

import (
	"context"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"sluice/internal/fault"
)

// Bearer authorises requests with tokens of one credential. Tokens are reused
// until they end, by all who share the Bearer, and replaced once when the
// vendor answers 401. It is safe for concurrent use.
type Bearer struct {
	source oauth2.TokenSource

	mu         sync.Mutex
	reuse      oauth2.TokenSource
	generation int
}

// NewBearer returns a Bearer that takes its tokens from source. The Expiry of
// a token is when to stop using it: the source keeps its own margin.
func NewBearer(source oauth2.TokenSource) *Bearer {
	b := &Bearer{source: &cautious{source: source, refusals: refusals{now: time.Now}}}
	b.renew()
	return b
}

// renew makes the next call fetch a token. Zero as early expiry would mean
// oauth2's own ten seconds, longer than a short token may live.
func (b *Bearer) renew() {
	b.reuse = oauth2.ReuseTokenSourceWithExpiry(nil, b.source, time.Nanosecond)
	b.generation++
}

// Renew fetches a token whether or not there is one, and uses it from now on.
// When that fails, the one there was stays.
func (b *Bearer) Renew(ctx context.Context) error {
	token, err := fetch(ctx, b.source)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reuse = oauth2.ReuseTokenSourceWithExpiry(token, b.source, time.Nanosecond)
	b.generation++
	return nil
}

func (b *Bearer) token(ctx context.Context) (*oauth2.Token, int, error) {
	b.mu.Lock()
	reuse, generation := b.reuse, b.generation
	b.mu.Unlock()
	token, err := fetch(ctx, reuse)
	return token, generation, err
}

// fetch gets a token from a source. A TokenSource takes no context: the call
// is bounded by itself; one who has to stop now does not wait for it.
func fetch(ctx context.Context, source oauth2.TokenSource) (*oauth2.Token, error) {
	type result struct {
		token *oauth2.Token
		err   error
	}
	done := make(chan result, 1)
	go func() {
		token, err := source.Token()
		done <- result{token, err}
	}()
	select {
	case r := <-done:
		return r.token, r.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// drop forgets the token of a generation, unless someone else already has.
func (b *Bearer) drop(generation int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.generation == generation {
		b.renew()
	}
}

// freshTokens is how many new tokens a request is tried with: a second one,
// since the first may have been revoked with another call's, and a third is no
// accident any more.
const freshTokens = 2

// Do sends the request with a token. After a 401 it is sent again with a fresh
// one; if fresh ones are not accepted either, the error is of class Auth.
func (b *Bearer) Do(ctx context.Context, c *Client, req Request) (*Response, error) {
	for attempt := 1; ; attempt++ {
		token, generation, err := b.token(ctx)
		if err != nil {
			return nil, err
		}
		resp, err := c.Do(ctx, req.authorised(token.Type()+" "+token.AccessToken))
		f := fault.As(err)
		if f == nil || f.Class != fault.Auth {
			return resp, err
		}
		b.drop(generation)
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
func (b *Bearer) Reject(*fault.Error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.renew()
}

// cautious does not ask for tokens with a credential that was refused.
type cautious struct {
	source   oauth2.TokenSource
	refusals refusals
	mu       sync.Mutex // one attempt at a time
}

func (c *cautious) Token() (*oauth2.Token, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if refusal := c.refusals.remembered(); refusal != nil {
		return nil, refusal
	}
	token, err := c.source.Token()
	c.refusals.note(err)
	return token, err
}
