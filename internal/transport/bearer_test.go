package transport

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"sluice/internal/fault"
)

// issuer numbers its tokens.
type issuer struct {
	calls atomic.Int64
	life  time.Duration
	err   error
	block chan struct{}
}

func (i *issuer) Token() (*oauth2.Token, error) {
	n := i.calls.Add(1)
	if i.block != nil {
		<-i.block
	}
	if i.err != nil {
		return nil, i.err
	}
	return &oauth2.Token{AccessToken: fmt.Sprint("token-", n), Expiry: time.Now().Add(i.life)}, nil
}

// accepting is a server that takes tokens for which ok is true.
func accepting(t *testing.T, ok func(token string) bool) *Client {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !ok(r.Header.Get("Authorization")) {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(s.Close)
	c, err := New(Options{BaseURL: s.URL})
	require.NoError(t, err)
	return c
}

func call1(t *testing.T, b *Bearer, c *Client) error {
	resp, err := b.Do(t.Context(), c, Request{Method: http.MethodGet, Path: "/"})
	if err == nil {
		require.NoError(t, resp.Body.Close())
	}
	return err
}

func TestATokenIsReusedByAll(t *testing.T) {
	t.Parallel()
	tokens := &issuer{life: time.Hour}
	b := NewBearer(tokens, nil)
	c := accepting(t, func(token string) bool { return token == "Bearer token-1" })
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := call1(t, b, c); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, tokens.calls.Load())
}

func TestAnEndedTokenIsReplacedBeforeItIsUsed(t *testing.T) {
	t.Parallel()
	tokens := &issuer{life: -time.Second}
	b := NewBearer(tokens, nil)
	var seen []string
	c := accepting(t, func(token string) bool { seen = append(seen, token); return true })
	require.NoError(t, call1(t, b, c))
	require.NoError(t, call1(t, b, c))
	require.Equal(t, []string{"Bearer token-1", "Bearer token-2"}, seen)
}

func TestARevokedTokenIsReplacedOnceForAll(t *testing.T) {
	t.Parallel()
	tokens := &issuer{life: time.Hour}
	b := NewBearer(tokens, nil)
	c := accepting(t, func(token string) bool { return token == "Bearer token-2" })
	require.NoError(t, b.Renew(t.Context()))
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := call1(t, b, c); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 2, tokens.calls.Load())
}

func TestAFreshTokenThatIsRefusedIsAnAuthError(t *testing.T) {
	t.Parallel()
	tokens := &issuer{life: time.Hour}
	err := call1(t, NewBearer(tokens, nil), accepting(t, func(string) bool { return false }))
	require.Equal(t, fault.Auth, fault.As(err).Class)
	require.Equal(t, "token-not-accepted", fault.As(err).Code)
	require.EqualValues(t, 3, tokens.calls.Load(), "the first, and two fresh ones")
}

func TestARefusedCredentialIsRememberedForAWhile(t *testing.T) {
	t.Parallel()
	tokens := &issuer{err: &fault.Error{Class: fault.Auth, Code: "token-refused", Message: "no"}}
	now := time.Now()
	b := NewBearer(tokens, nil)
	b.guard.whole.now = func() time.Time { return now }
	for range 3 {
		_, err := b.get(t.Context())
		require.Equal(t, "token-refused", fault.As(err).Code)
	}
	require.EqualValues(t, 1, tokens.calls.Load())

	now = now.Add(holds[0])
	tokens.err = nil
	_, err := b.get(t.Context())
	require.NoError(t, err)
}

func TestOtherErrorsOfATokenCallAreNotRemembered(t *testing.T) {
	t.Parallel()
	tokens := &issuer{err: &fault.Error{Class: fault.Transient}}
	b := NewBearer(tokens, nil)
	for range 3 {
		_, err := b.get(t.Context())
		require.Error(t, err)
	}
	require.EqualValues(t, 3, tokens.calls.Load())
}

func TestWaitingForATokenEndsWithItsContext(t *testing.T) {
	t.Parallel()
	tokens := &issuer{block: make(chan struct{})}
	t.Cleanup(func() { close(tokens.block) })
	reason := errors.New("worker stops")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(reason)
	b := NewBearer(tokens, nil)
	require.ErrorIs(t, b.Renew(ctx), reason)
	_, err := b.get(ctx)
	require.ErrorIs(t, err, reason)
}
