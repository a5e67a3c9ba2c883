package catalog_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"sluice/internal/catalog"
	"sluice/internal/governor"
)

var detections = governor.Key{Subscription: "qualysapi.acme.example", API: "fo/asset/host/vm/detection"}

// processes opens a database as several processes do.
func processes(t testing.TB, n int) []*catalog.Store {
	url := migrated.Database(t)
	stores := make([]*catalog.Store, n)
	for i := range stores {
		store, err := catalog.Open(t.Context(), url)
		require.NoError(t, err)
		t.Cleanup(store.Close)
		stores[i] = store
	}
	return stores
}

func TestAStateIsMadeOnceAndChangedByOneAtATime(t *testing.T) {
	t.Parallel()
	stores := processes(t, 3)
	var group errgroup.Group
	for i := range 60 {
		group.Go(func() error {
			return stores[i%len(stores)].Governor().Change(t.Context(), detections, func(now time.Time, s *governor.State) bool {
				if s.Told.After(now) {
					t.Errorf("%s after %s", now, s.Told)
				}
				s.Calls++
				s.Told = now
				return true
			})
		})
	}
	require.NoError(t, group.Wait())
	state, now, err := stores[0].Governor().Read(t.Context(), detections)
	require.NoError(t, err)
	require.Equal(t, 60, state.Calls)
	require.WithinRange(t, state.Told, now.Add(-time.Minute), now)
}

func TestAStateIsLeftAsItIsUnlessItWasChanged(t *testing.T) {
	t.Parallel()
	limits := processes(t, 1)[0].Governor()
	require.NoError(t, limits.Change(t.Context(), detections, func(_ time.Time, s *governor.State) bool { s.Calls = 300; return true }))
	require.NoError(t, limits.Change(t.Context(), detections, func(_ time.Time, s *governor.State) bool { s.Calls = 7; return false }))
	other := governor.Key{Subscription: "another", API: detections.API}
	require.NoError(t, limits.Change(t.Context(), other, func(_ time.Time, s *governor.State) bool { s.Calls = 1; return true }))

	states, _, err := limits.List(t.Context(), detections.Subscription)
	require.NoError(t, err)
	require.Len(t, states, 1)
	require.Equal(t, 300, states[detections.API].Calls)
	nobody, _, err := limits.Read(t.Context(), governor.Key{Subscription: "nobody"})
	require.NoError(t, err)
	require.Equal(t, governor.State{}, nobody)
}

func TestAChangeThatIsGivenUpHoldsUpNobody(t *testing.T) {
	t.Parallel()
	stores := processes(t, 2)
	ctx, cancel := context.WithCancel(t.Context())
	require.Error(t, stores[0].Governor().Change(ctx, detections, func(_ time.Time, s *governor.State) bool {
		s.Calls = 1
		cancel()
		return true
	}))
	require.NoError(t, stores[1].Governor().Change(t.Context(), detections, func(_ time.Time, s *governor.State) bool {
		require.Zero(t, s.Calls)
		return false
	}))
}

// counter is a vendor with a limit of each sort.
type counter struct {
	calls, concurrent int
	window            time.Duration
	// jitter is how much later than it was allowed to a call may come without
	// being counted in the next window, as on a busy machine.
	jitter time.Duration

	mu               sync.Mutex
	begun            []time.Time
	running, refused int
}

func (c *counter) call() governor.Answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	for len(c.begun) > 0 && now.Sub(c.begun[0]) >= c.window-c.jitter {
		c.begun = c.begun[1:]
	}
	c.begun = append(c.begun, now)
	c.running++
	if c.running > c.concurrent || len(c.begun) > c.calls {
		c.refused++
	}
	return governor.Answer{Calls: c.calls, Window: c.window, Concurrent: c.concurrent, Remaining: c.calls - len(c.begun)}
}

func (c *counter) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running--
}

func TestWorkersTogetherKeepWithinTheLimits(t *testing.T) {
	t.Parallel()
	vendor := &counter{calls: 60, concurrent: 3, window: 2 * time.Second, jitter: 500 * time.Millisecond}
	var group errgroup.Group
	const calls = 130
	var mu sync.Mutex
	left := calls
	more := func() bool {
		mu.Lock()
		defer mu.Unlock()
		left--
		return left >= 0
	}
	for i, store := range processes(t, 3) {
		set := governor.NewSet(store.Governor(), fmt.Sprint("worker ", i), 0)
		for j := range 4 {
			on := governor.OnBehalf(t.Context(), fmt.Sprintf("run %d of profile %d", i, j))
			api := governor.API{Name: detections.API, Concurrent: 2}
			group.Go(func() error {
				for more() {
					slot, err := set.Governor(detections.Subscription, 0).Enter(on, api)
					if err != nil {
						return err
					}
					if err := slot.Call(on); err != nil {
						return err
					}
					slot.Answered(vendor.call())
					<-time.After(5 * time.Millisecond) // it takes its time to deliver
					vendor.end()
					slot.Leave()
				}
				return nil
			})
		}
	}
	begun := time.Now()
	require.NoError(t, group.Wait())
	require.Zero(t, vendor.refused)
	require.Less(t, time.Since(begun), 20*time.Second, "it takes two windows")
}

func BenchmarkOneCall(b *testing.B) {
	keeper := governor.New(processes(b, 1)[0].Governor(), governor.Options{Subscription: detections.Subscription, Worker: "worker"})
	for _, told := range []governor.Answer{
		{Concurrent: 2, Calls: 10_000_000, Window: time.Hour, Remaining: 9_000_000},
		{},
	} {
		api := governor.API{Name: fmt.Sprint("tells ", told.Calls), Concurrent: told.Concurrent}
		b.Run(api.Name, func(b *testing.B) {
			for b.Loop() {
				slot, err := keeper.Enter(b.Context(), api)
				require.NoError(b, err)
				require.NoError(b, slot.Call(b.Context()))
				slot.Answered(told)
				slot.Leave()
			}
		})
	}
}

// A worker that is frozen while it has the row does not keep the others' leases
// from being renewed: they live for 30 seconds.
func TestAWorkerThatIsFrozenHoldsUpTheOthersForSeconds(t *testing.T) {
	t.Parallel()
	stores := processes(t, 2)
	frozen, thaw, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- stores[0].Governor().Change(t.Context(), detections, func(_ time.Time, s *governor.State) bool {
			close(frozen)
			<-thaw
			s.Calls = 1
			return true
		})
	}()
	<-frozen
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	err := stores[1].Governor().Change(ctx, detections, func(_ time.Time, s *governor.State) bool { s.Concurrent = 2; return true })
	close(thaw)
	require.NoError(t, err)
	require.Error(t, <-ended, "what it decided by is over")
	state, _, err := stores[1].Governor().Read(t.Context(), detections)
	require.NoError(t, err)
	require.Equal(t, governor.State{Concurrent: 2}, state)
}
