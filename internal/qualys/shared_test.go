package qualys_test

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"sluice/internal/fault"
	"sluice/internal/source"
)

// shared is what several clients share of a connector's credentials, as workers
// do.
type shared struct {
	mu  sync.Mutex
	all map[string]*credential
}

func newShared() *shared { return &shared{all: map[string]*credential{}} }

func (s *shared) of(name string) source.Credential {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all[name] == nil {
		s.all[name] = &credential{turn: make(chan struct{}, 1)}
	}
	return s.all[name]
}

func (s *shared) names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.all))
}

// credential implements source.Credential within a process.
type credential struct {
	turn chan struct{}

	mu       sync.Mutex
	token    *oauth2.Token
	accepted bool
	refusal  *fault.Error
	until    time.Time
	held     time.Duration
}

func (c *credential) Token(context.Context) (*oauth2.Token, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.token, nil
}

func (c *credential) Save(_ context.Context, token *oauth2.Token) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token = token
	return nil
}

func (c *credential) Forget(_ context.Context, accessToken string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token != nil && c.token.AccessToken == accessToken {
		c.token = nil
	}
	return nil
}

func (c *credential) Standing(context.Context) (bool, *fault.Error, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Now().Before(c.until) {
		refusal := *c.refusal
		return c.accepted, &refusal, nil
	}
	return c.accepted, nil, nil
}

func (c *credential) Accept(context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.accepted, c.held = true, 0
	return nil
}

func (c *credential) Refuse(_ context.Context, refusal *fault.Error, until time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.accepted, c.refusal, c.until, c.held = false, refusal, until, time.Until(until)
	return nil
}

func (c *credential) Held(context.Context) (time.Duration, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held, nil
}

func (c *credential) Exclusive(ctx context.Context) (func(), error) {
	select {
	case c.turn <- struct{}{}:
		return func() { <-c.turn }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
