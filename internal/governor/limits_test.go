package governor_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/governor"
)

func TestCallsWithinTheWindowAreWaitedForOrHandedBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := governor.NewMemory()
		g := governor.New(store, governor.Options{Subscription: "acme", Reserve: 10})
		told := governor.Answer{Calls: 10, Window: time.Minute, Remaining: -1}
		for range 9 {
			slot := enter(t, g, "run 1")
			call(t, slot, told)
			slot.Leave()
		}
		begun := time.Now()
		_, err := g.Enter(t.Context(), detections)
		f := throttled(t, err)
		require.Zero(t, time.Since(begun), "it is known to be too long")
		require.Equal(t, governor.CodeUsedUp, f.Code)
		require.Equal(t, time.Minute, f.Wait)
		require.Equal(t, "fo/asset/host/vm/detection: the subscription's 10 calls in 1m0s are used up (1 left to other tools) until 00:01:00 UTC", f.Message)
		require.Equal(t, 9, status(t, store, 10).Used)

		time.Sleep(55 * time.Second)
		begun = time.Now()
		slot := enter(t, g, "run 1")
		require.Equal(t, 5*time.Second, time.Since(begun))
		slot.Leave()
	})
}

func TestAPermitThatWasNotUsedIsGivenBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := governor.NewMemory()
		g := worker(store, "w1")
		first := enter(t, g, "run 1")
		call(t, first, governor.Answer{Calls: 2, Window: time.Hour, Remaining: 1})
		first.Leave()
		for range 3 {
			enter(t, g, "run 1").Leave()
		}
		late := enter(t, g, "run 1")
		time.Sleep(5 * time.Second) // it got a token meanwhile
		call(t, late, governor.Answer{Calls: 2, Window: time.Hour, Remaining: 0})
		late.Leave()
		require.Equal(t, 2, status(t, store, 0).Used)
	})
}

func TestACallWithoutAnAnswerCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := governor.NewMemory()
		g := worker(store, "w1")
		slot := enter(t, g, "run 1")
		call(t, slot, governor.Answer{Calls: 10, Window: time.Hour, Remaining: 9})
		require.NoError(t, slot.Call(t.Context()))
		require.NoError(t, slot.Call(t.Context()), "it broke off, and is tried again")
		slot.Leave()
		require.Equal(t, 3, status(t, store, 0).Used)
	})
}

func TestAnAPIThatNothingLimitsCostsALookASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &remote{Store: governor.NewMemory()}
		g := worker(store, "w1")
		free := governor.API{Name: "tas/webapp/search"}
		once := func() error {
			slot, err := g.Enter(t.Context(), free)
			if err != nil {
				return err
			}
			defer slot.Leave()
			if err := slot.Call(t.Context()); err != nil {
				return err
			}
			slot.Answered(governor.Answer{Remaining: -1})
			return nil
		}
		for range 1000 {
			require.NoError(t, once())
			time.Sleep(10 * time.Millisecond)
		}
		require.LessOrEqual(t, store.looks.Load(), int64(11))

		slot, err := worker(store, "w2").Enter(t.Context(), free)
		require.NoError(t, err)
		call(t, slot, governor.Answer{TooOften: true, Wait: time.Minute, Remaining: -1, Said: "slow down"})
		slot.Leave()
		time.Sleep(time.Second)
		f := throttled(t, once())
		require.Equal(t, "tas/webapp/search: the vendor asks for no call until 00:01:10 UTC: slow down", f.Message)
		time.Sleep(f.Wait)
		require.NoError(t, once())
	})
}

// TestLimitsThatBecomeKnownHoldForSlotsThatAreThere: a reader may hold one for
// minutes.
func TestLimitsThatBecomeKnownHoldForSlotsThatAreThere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := governor.NewMemory()
		g := worker(store, "w1")
		free := governor.API{Name: "was/search/finding"}
		held, release, err := g.Hold(t.Context(), free)
		require.NoError(t, err)
		defer release()
		once := func() error {
			slot, err := g.Enter(held, free)
			require.NoError(t, err)
			defer slot.Leave()
			if err := slot.Call(t.Context()); err != nil {
				return err
			}
			slot.Answered(governor.Answer{Calls: 3, Window: time.Hour, Remaining: -1})
			return nil
		}
		for range 3 {
			require.NoError(t, once())
		}
		require.Equal(t, time.Hour, throttled(t, once()).Wait.Round(time.Minute))
		require.Len(t, status(t, store, 0).Running, 1)
	})
}

func TestAWrongConcurrencyIsFoundOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := &vendor{concurrent: 3, silent: true}
		store := governor.NewMemory()
		_, err := crowd(v, store, governor.API{Name: "x"}, pacing{1e6, 1e8, 1e8}, 2, 3, 4*time.Minute, 0)
		require.NoError(t, err)
		require.Less(t, v.tooMany, 20, "of %d", v.accepted)
		require.Greater(t, v.accepted, 1200)
	})
}

func TestStatusesSayWhatIsKnown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := governor.NewMemory()
		g := worker(store, "w1")
		slot := enter(t, g, "run 1")
		call(t, slot, governor.Answer{Calls: 300, Window: time.Hour, Remaining: 249, Concurrent: 4})
		second := enter(t, g, "run 1")
		call(t, second, governor.Answer{TooMany: true, Concurrent: 4, Wait: time.Minute, Remaining: -1, Said: "4 of them run"})
		second.Leave()
		s := status(t, store, 50)
		require.Equal(t, 300, s.Calls)
		require.Equal(t, 150, s.MayCall)
		require.Equal(t, time.Hour, s.Window)
		require.Equal(t, 4, s.Concurrent)
		require.Equal(t, 1, s.MayRun)
		require.True(t, s.Lowered.Equal(time.Now()))
		require.Equal(t, 2, s.Used)
		require.Equal(t, 50, s.Others)
		require.True(t, s.Told.Equal(time.Now()))
		require.True(t, s.Blocked.Equal(time.Now().Add(time.Minute)))
		require.Equal(t, s.Blocked, s.Next)
		require.Equal(t, "4 of them run", s.Why)
		require.Len(t, s.Running, 1)
		text, err := json.Marshal(s)
		require.NoError(t, err)
		require.Contains(t, string(text), `"waiting":[]`)

		none, err := governor.Statuses(t.Context(), store, "nobody", 0)
		require.NoError(t, err)
		require.Empty(t, none)
	})
}

// TestTwoWorkersAndThreeProfilesShareASubscription: streams that hold a slot for
// each range they read, and connectors that make a call now and then.
func TestTwoWorkersAndThreeProfilesShareASubscription(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := &vendor{calls: 300, window: 20 * time.Second, concurrent: 2}
		p := pacing{2 * time.Millisecond, 30 * time.Millisecond, 60 * time.Millisecond}
		store := &remote{Store: governor.NewMemory(), delay: time.Millisecond}
		const windows = 6
		ctx, cancel := context.WithTimeout(t.Context(), windows*v.window)
		defer cancel()
		sets := []*governor.Set{governor.NewSet(store, "w1", 0), governor.NewSet(store, "w2", 0)}
		done := make([]atomic.Int64, 6)
		finished := make(chan error)
		for i := range done {
			g := sets[i%2].Governor("acme", 0)
			on := governor.OnBehalf(ctx, fmt.Sprintf("run %d", i/2))
			go func() { finished <- v.readRanges(on, g, p, &done[i]) }()
		}
		for range done {
			require.NoError(t, <-finished)
		}
		require.Zero(t, v.tooMany)
		require.Zero(t, v.tooOften)
		require.Greater(t, v.accepted*100, 95*300*windows)
		for i := range done {
			require.Greater(t, done[i].Load(), int64(300*windows/6/3), "reader %d", i)
		}
	})
}
