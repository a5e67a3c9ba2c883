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

	"github.com/stretchr/testify/require"

	"sluice/internal/fault"
)

// doorman counts who comes with which user name and password.
type doorman struct {
	calls atomic.Int64
	open  atomic.Bool
}

func (d *doorman) client(t *testing.T, user, password string) *Client {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.calls.Add(1)
		if u, p, ok := r.BasicAuth(); !d.open.Load() || !ok || u != user || p != password {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(s.Close)
	c, err := New(Options{BaseURL: s.URL})
	require.NoError(t, err)
	return c
}

func knock(ctx context.Context, b *Basic, c *Client) error {
	resp, err := b.Do(ctx, c, Request{Method: http.MethodGet, Path: "/"})
	if err == nil {
		err = resp.Body.Close()
	}
	return err
}

func TestAUserNameAndPasswordAreSentAsTheyAre(t *testing.T) {
	t.Parallel()
	for _, password := range []string{"plain", "with blanks ", "a:b::c", "pässwörd€", `q"<&>\`} {
		d := &doorman{}
		d.open.Store(true)
		require.NoError(t, knock(t.Context(), NewBasic("acme_user", password, nil), d.client(t, "acme_user", password)))
	}
}

func TestARefusedPasswordIsOfferedOnce(t *testing.T) {
	t.Parallel()
	d := &doorman{}
	c, b := d.client(t, "u", "p"), NewBasic("u", "p", nil)
	now := time.Now()
	b.guard.whole.now = func() time.Time { return now }
	var wg sync.WaitGroup
	for range 20 { // also by those who start together
		wg.Go(func() {
			f := fault.As(knock(t.Context(), b, c))
			if f == nil || f.Class != fault.Auth || f.Code != CodeLoginRefused {
				t.Errorf("%+v", f)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, d.calls.Load(), "accounts lock")
	require.ErrorContains(t, knock(t.Context(), b, c), "not tried again before")

	now, _ = now.Add(holds[0]), d.open.Swap(true)
	require.NoError(t, knock(t.Context(), b, c))
}

func TestAPasswordThatABodyRefusedIsNotOfferedAgain(t *testing.T) {
	t.Parallel()
	d := &doorman{}
	d.open.Store(true)
	c, b := d.client(t, "u", "p"), NewBasic("u", "p", nil)
	require.NoError(t, knock(t.Context(), b, c))
	b.Reject(&fault.Error{Class: fault.Transient})
	require.NoError(t, knock(t.Context(), b, c), "that was no refusal")
	b.Reject(&fault.Error{Class: fault.Auth, Code: "account-expired"})
	require.Equal(t, "account-expired", fault.As(knock(t.Context(), b, c)).Code)
	require.EqualValues(t, 2, d.calls.Load())
}

func TestAPasswordThatAnAnswerOfSuccessRefusesIsOfferedOnce(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		w.Header().Set("Verdict", "refused")
	}))
	t.Cleanup(s.Close)
	c, err := New(Options{BaseURL: s.URL, Refusal: func(r *Response) *fault.Error {
		if r.Header.Get("Verdict") == "refused" {
			return &fault.Error{Class: fault.Auth, Code: "account-expired", Message: "refused"}
		}
		return nil
	}})
	require.NoError(t, err)
	b := NewBasic("u", "p", nil)
	var read atomic.Int64
	together([]*Basic{b}, 10, func(b *Basic) {
		if err := knock(t.Context(), b, c); err == nil {
			read.Add(1) // by who got the answer
		} else if f := fault.As(err); f == nil || f.Code != "account-expired" {
			t.Error(err)
		}
	})
	require.EqualValues(t, 1, calls.Load())
	require.EqualValues(t, 1, read.Load())
}

func TestOtherErrorsOfABasicCallAreNotRemembered(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader([]int{http.StatusServiceUnavailable, http.StatusForbidden, http.StatusOK}[calls.Add(1)-1])
	}))
	t.Cleanup(s.Close)
	c, err := New(Options{BaseURL: s.URL})
	require.NoError(t, err)
	b := NewBasic("u", "p", nil)
	require.Equal(t, CodeUnavailable, fault.As(knock(t.Context(), b, c)).Code)
	require.Equal(t, CodeForbidden, fault.As(knock(t.Context(), b, c)).Code)
	require.NoError(t, knock(t.Context(), b, c))
}

func TestWaitingForTheFirstCallEndsWithItsContext(t *testing.T) {
	t.Parallel()
	b := NewBasic("u", "p", nil)
	b.guard.turn <- struct{}{} // the first call is under way
	reason := errors.New("worker stops")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(reason)
	require.ErrorIs(t, knock(ctx, b, (&doorman{}).client(t, "u", "p")), reason)
}

func TestATokenThatABodyRefusedIsReplaced(t *testing.T) {
	t.Parallel()
	tokens := &issuer{life: time.Hour}
	b := NewBearer(tokens, nil)
	c := accepting(t, func(string) bool { return true })
	require.NoError(t, call1(t, b, c))
	b.Reject(&fault.Error{Class: fault.Auth})
	require.NoError(t, call1(t, b, c))
	require.EqualValues(t, 2, tokens.calls.Load())
}

func TestATokenThatManyBodiesRefusedIsReplacedOnce(t *testing.T) {
	t.Parallel()
	tokens := &issuer{life: time.Hour}
	b := NewBearer(tokens, nil)
	c := accepting(t, func(string) bool { return true })
	var answers []*Response
	for range 5 {
		resp, err := b.Do(t.Context(), c, Request{Method: http.MethodGet})
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		answers = append(answers, resp)
	}
	for _, resp := range answers {
		b.RejectIn(resp)
		require.NoError(t, call1(t, b, c))
	}
	require.EqualValues(t, 2, tokens.calls.Load())
}
