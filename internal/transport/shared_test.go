package transport

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"sluice/internal/fault"
)

// together runs something many times at once, for each of some workers.
func together[W any](workers []W, each int, do func(W)) {
	var wg sync.WaitGroup
	for _, w := range workers {
		for range each {
			wg.Go(func() { do(w) })
		}
	}
	wg.Wait()
}

func bearers(tokens oauth2.TokenSource, shared *board) []*Bearer {
	workers := make([]*Bearer, 4)
	for i := range workers {
		workers[i] = NewBearer(tokens, shared)
	}
	return workers
}

func TestOneTokenServesAllWorkers(t *testing.T) {
	t.Parallel()
	tokens, shared := &issuer{life: time.Hour, block: make(chan struct{})}, newBoard()
	c := accepting(t, func(token string) bool { return token == "Bearer token-1" })
	workers := bearers(tokens, shared)
	go func() {
		defer close(tokens.block)
		assert.Eventually(t, func() bool { return shared.waits() == len(workers) }, time.Minute, time.Millisecond)
	}()
	together(workers, 10, func(b *Bearer) {
		if err := call1(t, b, c); err != nil {
			t.Error(err)
		}
	})
	require.EqualValues(t, 1, tokens.calls.Load())
	require.NoError(t, call1(t, NewBearer(tokens, shared), c), "one who comes later, too")
	require.EqualValues(t, 1, tokens.calls.Load())
}

func TestARevokedTokenCostsOneForAllWorkers(t *testing.T) {
	t.Parallel()
	tokens, shared := &issuer{life: time.Hour}, newBoard()
	var revoked atomic.Bool
	c := accepting(t, func(token string) bool {
		return token == "Bearer token-2" || token == "Bearer token-1" && !revoked.Load()
	})
	workers := bearers(tokens, shared)
	do := func(b *Bearer) {
		if err := call1(t, b, c); err != nil {
			t.Error(err)
		}
	}
	together(workers, 5, do)
	revoked.Store(true)
	together(workers, 5, do)
	require.EqualValues(t, 2, tokens.calls.Load())
}

func TestARevokedTokenIsForgottenForAll(t *testing.T) {
	t.Parallel()
	tokens, shared := &issuer{life: time.Hour}, newBoard()
	b := NewBearer(tokens, shared)
	require.NoError(t, call1(t, b, accepting(t, func(string) bool { return true })))
	tokens.err = &fault.Error{Class: fault.Transient, Message: "no token now"}
	require.Error(t, call1(t, b, accepting(t, func(string) bool { return false })))
	token, err := shared.Token(t.Context())
	require.NoError(t, err)
	require.Nil(t, token)
}

func TestARevokedTokenIsNotTakenAgainThoughItIsStillShared(t *testing.T) {
	t.Parallel()
	tokens, shared := &issuer{life: time.Hour}, newBoard()
	var refused atomic.Int64
	c := accepting(t, func(token string) bool {
		if token == "Bearer token-1" {
			refused.Add(1)
			return false
		}
		return true
	})
	b := NewBearer(tokens, shared)
	require.NoError(t, b.Renew(t.Context()))
	shared.leave(true)
	tokens.life = -time.Second // the next ones are good for one call
	require.NoError(t, call1(t, b, c))
	shared.leave(false) // with the old token on it
	require.NoError(t, call1(t, b, c))
	require.EqualValues(t, 1, refused.Load())
}

func TestASharedTokenEndsByTheClockHere(t *testing.T) {
	t.Parallel()
	tokens, shared := &issuer{life: time.Hour}, newBoard()
	shared.token = &oauth2.Token{AccessToken: "old", Expiry: time.Now().Add(-time.Second)}
	c := accepting(t, func(token string) bool { return token == "Bearer token-1" })
	require.NoError(t, call1(t, NewBearer(tokens, shared), c))
}

func TestCallsWithATokenAskNobody(t *testing.T) {
	t.Parallel()
	tokens, shared := &issuer{life: time.Hour}, newBoard()
	c, b := accepting(t, func(string) bool { return true }), NewBearer(tokens, shared)
	require.NoError(t, call1(t, b, c))
	before := shared.uses()
	for range 50 {
		require.NoError(t, call1(t, b, c))
	}
	require.Equal(t, before, shared.uses())
}

func TestARefusedClientIsOfferedOnceByAllWorkers(t *testing.T) {
	t.Parallel()
	tokens := &issuer{err: &fault.Error{Class: fault.Auth, Code: "token-refused", Message: "no"}}
	shared := newBoard()
	c := accepting(t, func(string) bool { return true })
	together(bearers(tokens, shared), 5, func(b *Bearer) {
		if f := fault.As(call1(t, b, c)); f == nil || f.Code != "token-refused" {
			t.Error(f)
		}
	})
	require.EqualValues(t, 1, tokens.calls.Load(), "accounts lock")
	err := NewBearer(tokens, shared).Renew(t.Context())
	require.ErrorContains(t, err, "not tried again before "+shared.until.UTC().Format("15:04:05"))
}

func TestTokensAreHadWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	tokens, shared := &issuer{life: time.Hour}, newBoard()
	shared.leave(true)
	c, b := accepting(t, func(string) bool { return true }), NewBearer(tokens, shared)
	together([]*Bearer{b}, 10, func(b *Bearer) {
		if err := call1(t, b, c); err != nil {
			t.Error(err)
		}
	})
	require.EqualValues(t, 1, tokens.calls.Load(), "one at a time in this process, all the same")
}

func basics(user, password string, shared *board) []*Basic {
	workers := make([]*Basic, 4)
	for i := range workers {
		workers[i] = NewBasic(user, password, shared)
	}
	return workers
}

func TestAWrongPasswordIsOfferedOnceByAllWorkers(t *testing.T) {
	t.Parallel()
	d, shared := &doorman{}, newBoard()
	c := d.client(t, "u", "p")
	together(basics("u", "p", shared), 5, func(b *Basic) {
		if f := fault.As(knock(t.Context(), b, c)); f == nil || f.Code != CodeLoginRefused {
			t.Error(f)
		}
	})
	require.EqualValues(t, 1, d.calls.Load(), "accounts lock")
	require.ErrorContains(t, knock(t.Context(), NewBasic("u", "p", shared), c), "not tried again before")
}

func TestAPasswordRefusedElsewhereIsNotOfferedForLong(t *testing.T) {
	t.Parallel()
	d, shared := &doorman{}, newBoard()
	d.open.Store(true)
	c, here, there := d.client(t, "u", "p"), NewBasic("u", "p", shared), NewBasic("u", "p", shared)
	now := time.Now()
	here.guard.whole.now = func() time.Time { return now }
	require.NoError(t, knock(t.Context(), here, c))
	d.open.Store(false)
	require.Error(t, knock(t.Context(), there, c))
	calls := d.calls.Load()
	now = now.Add(standingAge)
	require.ErrorContains(t, knock(t.Context(), here, c), "not tried again before")
	require.Equal(t, calls, d.calls.Load())
	require.False(t, here.guard.whole.accepted, "and then by one at a time")

	require.NoError(t, shared.Accept(t.Context())) // as when the connector was changed
	d.open.Store(true)
	now = now.Add(standingAge)
	require.NoError(t, knock(t.Context(), here, c))
}

func TestAnAcceptedPasswordIsOfferedFreely(t *testing.T) {
	t.Parallel()
	shared := newBoard()
	require.NoError(t, shared.Accept(t.Context()))
	var all sync.WaitGroup // none is answered before all are there
	workers := basics("u", "p", shared)
	all.Add(2 * len(workers))
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { all.Done(); all.Wait() }))
	t.Cleanup(s.Close)
	c, err := New(Options{BaseURL: s.URL})
	require.NoError(t, err)
	together(workers, 2, func(b *Basic) {
		if err := knock(t.Context(), b, c); err != nil {
			t.Error(err)
		}
	})
}

func TestCallsWithAPasswordAskRarely(t *testing.T) {
	t.Parallel()
	d, shared := &doorman{}, newBoard()
	d.open.Store(true)
	c, b := d.client(t, "u", "p"), NewBasic("u", "p", shared)
	now := time.Now()
	b.guard.whole.now = func() time.Time { return now }
	require.NoError(t, knock(t.Context(), b, c))
	before := shared.uses()
	for range 50 {
		require.NoError(t, knock(t.Context(), b, c))
	}
	require.Equal(t, before, shared.uses())
}

func TestWithoutTheDatabaseAPasswordStillWorksAndAWrongOneIsOfferedOnce(t *testing.T) {
	t.Parallel()
	for _, right := range []bool{true, false} {
		d, shared := &doorman{}, newBoard()
		d.open.Store(right)
		shared.leave(true)
		c, b := d.client(t, "u", "p"), NewBasic("u", "p", shared)
		together([]*Basic{b}, 10, func(b *Basic) {
			if err := knock(t.Context(), b, c); (err == nil) != right {
				t.Error(err)
			}
		})
		if !right {
			require.EqualValues(t, 1, d.calls.Load())
			shared.leave(false) // nothing is known there
			require.Error(t, knock(t.Context(), b, c))
			require.EqualValues(t, 1, d.calls.Load())
		}
	}
}

func TestALateAnswerDoesNotUndoARefusal(t *testing.T) {
	t.Parallel()
	g := newGuard(newBoard())
	g.settle(t.Context(), nil)
	g.settle(t.Context(), &fault.Error{Class: fault.Auth, Message: "no"})
	g.settle(t.Context(), nil) // was offered before
	_, err := g.enter(t.Context())
	require.ErrorContains(t, err, "not tried again")
}

func TestWaitingForAnotherWorkerEndsWithTheContext(t *testing.T) {
	t.Parallel()
	shared := newBoard()
	shared.alone <- struct{}{}
	reason := errors.New("worker stops")
	ctx, cancel := context.WithCancelCause(t.Context())
	d := &doorman{}
	c := d.client(t, "u", "p")
	done := make(chan error)
	go func() { done <- knock(ctx, NewBasic("u", "p", shared), c) }()
	require.Eventually(t, func() bool { return shared.uses() >= 2 }, time.Minute, time.Millisecond)
	cancel(reason)
	require.ErrorIs(t, <-done, reason)
	require.Zero(t, d.calls.Load())
}
