package governor_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/fault"
	"sluice/internal/governor"
)

var detections = governor.API{Name: "fo/asset/host/vm/detection", Concurrent: 2}

// worker is a process at a store.
func worker(store governor.Store, name string) *governor.Governor {
	return governor.New(store, governor.Options{Subscription: "acme", Worker: name})
}

func enter(t *testing.T, g *governor.Governor, who string) *governor.Slot {
	t.Helper()
	slot, err := g.Enter(governor.OnBehalf(t.Context(), who), detections)
	require.NoError(t, err)
	t.Cleanup(slot.Leave) // or its lease would be renewed for ever
	return slot
}

// call makes a call in a slot that is answered at once.
func call(t *testing.T, slot *governor.Slot, a governor.Answer) {
	t.Helper()
	require.NoError(t, slot.Call(t.Context()))
	slot.Answered(a)
}

func throttled(t *testing.T, err error) *fault.Error {
	t.Helper()
	var f *fault.Error
	require.ErrorAs(t, err, &f)
	require.Equal(t, fault.Throttled, f.Class)
	return f
}

func status(t *testing.T, store governor.Store, reserve int) governor.Status {
	t.Helper()
	list, err := governor.Statuses(t.Context(), store, "acme", reserve)
	require.NoError(t, err)
	require.Len(t, list, 1)
	return list[0]
}

func TestNoGovernorLetsAllThrough(t *testing.T) {
	t.Parallel()
	var none *governor.Governor
	held, release, err := none.Hold(t.Context(), detections)
	require.NoError(t, err)
	slot, err := none.Enter(held, detections)
	require.NoError(t, err)
	call(t, slot, governor.Answer{TooOften: true})
	slot.Leave()
	release()
}

func TestWhenASlotIsGivenBackTheNextOneEntersAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := worker(governor.NewMemory(), "w1")
		first := enter(t, g, "run 1")
		enter(t, g, "run 2")
		time.AfterFunc(3*time.Second, first.Leave)
		begun := time.Now()
		third := enter(t, g, "run 3")
		require.Equal(t, 3*time.Second, time.Since(begun))
		third.Leave()
		third.Leave() // again is no harm
	})
}

func TestOneWhoWaitsForASlotForTooLongIsToldWhoHasThem(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := governor.NewMemory()
		g := worker(store, "w1")
		enter(t, g, "run 12 of shop, DETECTION")
		enter(t, g, "run 13 of hosts, DETECTION")
		begun := time.Now()
		_, err := worker(store, "w2").Enter(governor.OnBehalf(t.Context(), "run 14"), detections)
		require.Equal(t, 10*time.Second, time.Since(begun))
		f := throttled(t, err)
		require.Equal(t, governor.CodeInUse, f.Code)
		require.Equal(t, 15*time.Second, f.Wait)
		require.Equal(t, "fo/asset/host/vm/detection: all 2 calls that may run at the same time are in use, "+
			"by run 12 of shop, DETECTION since 00:00:00 UTC, run 13 of hosts, DETECTION since 00:00:00 UTC", f.Message)

		s := status(t, store, 0)
		require.Equal(t, []governor.Running{
			{Who: "run 12 of shop, DETECTION", Worker: "w1", Since: begun.UTC()}, {Who: "run 13 of hosts, DETECTION", Worker: "w1", Since: begun.UTC()},
		}, inUTC(s.Running))
		require.Len(t, s.Waiting, 1)
		require.Equal(t, "run 14", s.Waiting[0].Who)
		require.Equal(t, "w2", s.Waiting[0].Worker)
		require.True(t, s.Waiting[0].Back.Equal(begun.Add(25*time.Second)))
	})
}

func inUTC(running []governor.Running) []governor.Running {
	for i := range running {
		running[i].Since = running[i].Since.UTC()
	}
	return running
}

func TestWaitingEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := worker(governor.NewMemory(), "w1")
		enter(t, g, "a")
		enter(t, g, "b")
		reason := errors.New("worker stops")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(reason) })
		_, err := g.Enter(ctx, detections)
		require.ErrorIs(t, err, reason)
	})
}

func TestASlotLastsAsLongAsItsWorkerLives(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := governor.NewMemory()
		dying := &remote{Store: store}
		live, dead := worker(store, "live"), worker(dying, "dead")
		long := enter(t, live, "long")
		lost := enter(t, dead, "lost")
		require.NoError(t, lost.Call(t.Context()))
		dying.away.Store(true)

		time.Sleep(29 * time.Second)
		require.Len(t, status(t, store, 0).Running, 2)
		time.Sleep(2 * time.Second)
		running := status(t, store, 0).Running
		require.Len(t, running, 1)
		require.Equal(t, "long", running[0].Who)
		time.Sleep(10 * time.Minute)
		require.Len(t, status(t, store, 0).Running, 1)
		long.Leave()
		require.Empty(t, status(t, store, 0).Running)
	})
}

func TestASlotIsThereAgainWhenTheStoreIs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &remote{Store: governor.NewMemory()}
		g := worker(store, "w1")
		slot := enter(t, g, "run 1")
		require.NoError(t, slot.Call(t.Context()))
		store.away.Store(true)
		time.Sleep(time.Minute)
		require.Empty(t, status(t, store.Store, 0).Running)
		store.away.Store(false)
		time.Sleep(5 * time.Second)
		require.Len(t, status(t, store, 0).Running, 1, "its call is running")
		slot.Leave()
		require.Empty(t, status(t, store, 0).Running)
	})
}

func TestWithoutItsStoreAGovernorFailsButHoldsUpNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &remote{Store: governor.NewMemory()}
		g := worker(store, "w1")
		slot := enter(t, g, "run 1")
		require.NoError(t, slot.Call(t.Context()))
		store.away.Store(true)
		begun := time.Now()
		slot.Answered(governor.Answer{TooOften: true})
		require.ErrorIs(t, slot.Call(t.Context()), errAway)
		slot.Leave()
		_, err := g.Enter(t.Context(), detections)
		require.ErrorIs(t, err, errAway)
		_, err = g.Enter(t.Context(), governor.API{Name: "without limits"})
		require.ErrorIs(t, err, errAway)
		_, _, err = g.Hold(t.Context(), detections)
		require.ErrorIs(t, err, errAway)
		require.Zero(t, time.Since(begun))
	})
}

func TestCallsOfWhatIsHeldUseOneSlot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := governor.NewMemory()
		g := worker(store, "w1")
		held, release, err := g.Hold(t.Context(), detections)
		require.NoError(t, err)
		for range 3 {
			slot, err := g.Enter(held, detections)
			require.NoError(t, err)
			call(t, slot, governor.Answer{Calls: 300, Window: time.Hour, Remaining: -1})
			slot.Leave()
			require.Len(t, status(t, store, 0).Running, 1)
		}
		other, err := g.Enter(held, governor.API{Name: "fo/asset/host", Concurrent: 1})
		require.NoError(t, err, "another API has slots of its own")
		other.Leave()
		_, releaseSecond, err := g.Hold(t.Context(), detections)
		require.NoError(t, err)
		_, _, err = g.Hold(t.Context(), detections)
		throttled(t, err)
		release()
		releaseSecond()
		own, err := g.Enter(held, detections)
		require.NoError(t, err)
		own.Leave()
		list, err := governor.Statuses(t.Context(), store, "acme", 0)
		require.NoError(t, err)
		require.Equal(t, "fo/asset/host/vm/detection", list[1].API)
		require.Equal(t, 3, list[1].Used, "each call counts")
		require.Empty(t, list[1].Running)
	})
}

func TestOneWhoSaysUntilWhenWaitsUntilThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := worker(governor.NewMemory(), "w")
		one := governor.API{Name: "a", Concurrent: 1}
		slot, err := g.Enter(t.Context(), one)
		require.NoError(t, err)
		begun := time.Now()
		_, err = g.Enter(governor.WaitUntil(t.Context(), begun.Add(45*time.Second)), one)
		require.Equal(t, governor.CodeInUse, throttled(t, err).Code)
		require.InDelta(t, 45, time.Since(begun).Seconds(), 1)

		begun = time.Now()
		time.AfterFunc(40*time.Second, slot.Leave)
		slot, err = g.Enter(governor.WaitUntil(t.Context(), begun.Add(45*time.Second)), one)
		require.NoError(t, err)
		defer slot.Leave()

		begun = time.Now()
		_, err = g.Enter(governor.WaitUntil(t.Context(), begun), one)
		require.Equal(t, governor.CodeInUse, throttled(t, err).Code)
		require.Less(t, time.Since(begun), time.Second)
	})
}
