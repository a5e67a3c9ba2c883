package transport

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/fault"
)

var errLogin = &fault.Error{Class: fault.Auth, Code: CodeLoginRefused, Message: "no"}

// TestAPasswordThatStaysWrongIsOfferedEverMoreRarely, also by those who know of
// the earlier refusals from the database alone.
func TestAPasswordThatStaysWrongIsOfferedEverMoreRarely(t *testing.T) {
	t.Parallel()
	shared, begin := newBoard(), time.Now()
	offer := func(at time.Time, outcome error) error {
		g := newGuard(shared)
		g.whole.now = func() time.Time { return at }
		leave, err := g.enter(t.Context())
		if err != nil {
			return err
		}
		defer leave()
		g.settle(t.Context(), outcome)
		return nil
	}
	for _, held := range []time.Duration{5 * time.Minute, 15 * time.Minute, time.Hour, 6 * time.Hour, 6 * time.Hour} {
		require.NoError(t, offer(begin, errLogin))
		require.WithinDuration(t, begin.Add(held), shared.until, time.Second)
		require.ErrorContains(t, offer(begin, nil), "not tried again before "+shared.until.UTC().Format("15:04:05"))
		shared.until = begin // it is over
	}
	require.NoError(t, offer(begin, nil))
	require.NoError(t, offer(begin, errLogin))
	require.WithinDuration(t, begin.Add(holds[0]), shared.until, time.Second, "it was accepted since")
}

func TestAnswersToWhatWasOfferedBeforeARefusalDoNotProlongIt(t *testing.T) {
	t.Parallel()
	shared := newBoard()
	here, there := newGuard(shared), newGuard(shared)
	for _, g := range []*guard{here, there} {
		g.settle(t.Context(), nil)
	}
	here.settle(t.Context(), errLogin)
	until := shared.until
	for _, g := range []*guard{here, there, here} {
		g.settle(t.Context(), errLogin)
	}
	require.Equal(t, until, shared.until)
}

// TestOneServerThatRefusesWhatAnotherAcceptsIsRefusedAlone, and otherwise the
// other's turn is before its own.
func TestOneServerThatRefusesWhatAnotherAcceptsIsRefusedAlone(t *testing.T) {
	t.Parallel()
	now := time.Now()
	whole, here, there := newBoard(), newBoard(), newBoard()
	g := newGuard(whole)
	g.whole.now = func() time.Time { return now }
	at := func(b *board) *guard {
		g := g.at(b)
		g.here.now = g.whole.now
		return g
	}
	vm, was := at(here), at(there)
	enter := func(g *guard) error {
		leave, err := g.enter(t.Context())
		if err == nil {
			leave()
		}
		return err
	}
	vm.settle(t.Context(), errLogin)
	require.Error(t, enter(was), "nobody has accepted it yet")
	now, whole.until = now.Add(holds[0]), time.Time{}
	require.Error(t, enter(vm))
	require.NoError(t, enter(was))
	was.settle(t.Context(), nil)
	now, here.until = now.Add(holds[0]), time.Time{}
	require.NoError(t, enter(vm))
	vm.settle(t.Context(), errLogin)
	require.Error(t, enter(vm))
	require.NoError(t, enter(was))
	require.True(t, whole.accepted)

	now, here.until = now.Add(holds[0]), time.Time{}
	require.NoError(t, enter(vm))
	vm.settle(t.Context(), &fault.Error{Class: fault.Auth, Code: "account-locked", Message: "no"})
	require.Error(t, enter(was), "an account is locked for all")
}

func TestAPasswordThatWasLastAcceptedLongAgoIsOfferedByOneFirst(t *testing.T) {
	t.Parallel()
	d := &doorman{}
	d.open.Store(true)
	c, b := d.client(t, "u", "p"), NewBasic("u", "p", newBoard())
	now := time.Now()
	b.guard.whole.now = func() time.Time { return now }
	require.NoError(t, knock(t.Context(), b, c))
	d.open.Store(false) // it is changed at the vendor
	now = now.Add(provenAge)
	before := d.calls.Load()
	together([]*Basic{b}, 10, func(b *Basic) {
		if knock(t.Context(), b, c) == nil {
			t.Error("accepted")
		}
	})
	require.Equal(t, before+1, d.calls.Load())
}

// TestARequestThatWaitsForItsTurnIsNotSentWhenThePasswordIsRefusedMeanwhile.
func TestARequestThatWaitsForItsTurnIsNotSentWhenThePasswordIsRefusedMeanwhile(t *testing.T) {
	t.Parallel()
	d := &doorman{}
	d.open.Store(true)
	c, b := d.client(t, "u", "p"), NewBasic("u", "p", nil)
	require.NoError(t, knock(t.Context(), b, c))
	d.open.Store(false)
	before := d.calls.Load()
	turn, waiting := make(chan struct{}), atomic.Int64{}
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			_, err := b.Do(t.Context(), c, Request{Method: http.MethodGet, Path: "/", Permit: func(context.Context) error {
				waiting.Add(1)
				<-turn
				return nil
			}})
			if f := fault.As(err); f == nil || f.Class != fault.Auth {
				t.Error(err)
			}
		})
	}
	require.Eventually(t, func() bool { return waiting.Load() == 5 }, time.Minute, time.Millisecond)
	require.Error(t, knock(t.Context(), b, c))
	close(turn)
	all.Wait()
	require.Equal(t, before+1, d.calls.Load())
}
