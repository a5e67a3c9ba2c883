package governor_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"sluice/internal/governor"
)

// inBubble runs f by a clock of its own, which is ahead at once where all wait.
func inBubble(t *testing.T, rt *rapid.T, f func() error) {
	var err error
	synctest.Test(t, func(*testing.T) { err = f() })
	if err != nil {
		rt.Fatal(err)
	}
}

// TestNoLimitIsEverExceededNorLeftUnused: several workers with always something
// to do, at a vendor of any limits.
func TestNoLimitIsEverExceededNorLeftUnused(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		concurrent := rapid.IntRange(1, 6).Draw(rt, "concurrent")
		v := &vendor{
			concurrent: concurrent,
			calls:      rapid.IntRange(30, 150).Draw(rt, "calls"),
			window:     time.Duration(rapid.IntRange(10, 20).Draw(rt, "window s")) * time.Second,
		}
		p := pacing{
			there:  time.Duration(rapid.IntRange(1, 20).Draw(rt, "there ms")) * time.Millisecond,
			answer: time.Duration(rapid.IntRange(5, 60).Draw(rt, "answer ms")) * time.Millisecond,
			body:   time.Duration(rapid.IntRange(50, 300).Draw(rt, "body ms")) * time.Millisecond,
		}
		api := governor.API{Name: "x", Concurrent: rapid.IntRange(1, concurrent).Draw(rt, "assumed")}
		workers := rapid.IntRange(1, 2).Draw(rt, "workers")
		streams := rapid.IntRange(concurrent, 6).Draw(rt, "streams")
		inBubble(t, rt, func() error {
			store := &remote{Store: governor.NewMemory(), delay: 500 * time.Microsecond}
			duration := 2*v.window + v.window/3
			if _, err := crowd(v, store, api, p, workers, streams, duration, 0); err != nil {
				return err
			}
			if v.tooMany+v.tooOften > 0 {
				return fmt.Errorf("%d calls too many at the same time, %d too many in the window", v.tooMany, v.tooOften)
			}
			if best := ideal(duration, v.calls, v.window, concurrent, p); v.accepted*100 < best*95 {
				return fmt.Errorf("%d calls of %d possible ones", v.accepted, best)
			}
			return nil
		})
	})
}

func TestNobodyStarves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := &vendor{concurrent: 2}
		store := &remote{Store: governor.NewMemory(), delay: 500 * time.Microsecond}
		p := pacing{1 * time.Millisecond, 10 * time.Millisecond, 40 * time.Millisecond}
		done, err := crowd(v, store, governor.API{Name: "x", Concurrent: 2}, p, 3, 4, time.Minute, 0)
		require.NoError(t, err)
		for i := range done {
			require.GreaterOrEqual(t, done[i].Load(), int64(2), "stream %d of %d in %d calls", i, len(done), v.accepted)
		}
	})
}

// crowd lets the streams of some workers call for a while, and counts the calls
// of each.
func crowd(v *vendor, store governor.Store, api governor.API, p pacing, workers, streams int, d time.Duration, reserve int) ([]atomic.Int64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	done := make([]atomic.Int64, workers*streams)
	group, ctx := errgroup.WithContext(ctx)
	for w := range workers {
		set := governor.NewSet(store, fmt.Sprint("worker ", w), 0)
		for s := range streams {
			group.Go(func() error {
				on := governor.OnBehalf(ctx, fmt.Sprint("run ", w, ", stream ", s))
				return v.work(on, set.Governor("acme", reserve), api, p, &done[w*streams+s])
			})
		}
	}
	return done, group.Wait()
}

// TestAReserveIsLeftToOtherTools: whatever they make of it, whenever, nobody is
// refused.
func TestAReserveIsLeftToOtherTools(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		v := &vendor{concurrent: 5, calls: rapid.IntRange(20, 100).Draw(rt, "calls"), window: 10 * time.Second}
		const reserve = 20
		pauses := rapid.SliceOfN(rapid.IntRange(0, 10_000), v.calls*reserve/100, v.calls*reserve/100).Draw(rt, "pauses ms")
		inBubble(t, rt, func() error {
			const windows = 3
			refused := 0
			other := make(chan struct{})
			go func() { // another tool, one call at a time
				defer close(other)
				for begun := time.Now(); time.Since(begun) < windows*v.window; {
					since := time.Now()
					for _, pause := range pauses {
						time.Sleep(time.Duration(pause) * time.Millisecond / time.Duration(len(pauses)))
						if _, ok := v.begin(); !ok {
							refused++
							continue
						}
						time.Sleep(20 * time.Millisecond)
						v.end()
					}
					time.Sleep(v.window - time.Since(since) + 20*time.Millisecond*time.Duration(len(pauses)))
				}
			}()
			store := &remote{Store: governor.NewMemory(), delay: 500 * time.Microsecond}
			p := pacing{5 * time.Millisecond, 20 * time.Millisecond, 60 * time.Millisecond}
			_, err := crowd(v, store, governor.API{Name: "x", Concurrent: 2}, p, 2, 3, windows*v.window, reserve)
			<-other
			if err == nil && (v.tooMany+v.tooOften > 0 || refused > 0) {
				return fmt.Errorf("%d calls too many at the same time, %d too many in the window, %d of them not ours", v.tooMany, v.tooOften, refused)
			}
			if ours := v.accepted - windows*len(pauses); err == nil && ours*100 < 60*(windows-1)*v.calls {
				return fmt.Errorf("only %d calls of ours in %d windows of %d", ours, windows, v.calls)
			}
			return err
		})
	})
}

// TestOthersThatTakeMoreThanTheReserveAreMadeRoomFor: their calls are noticed,
// and ours become fewer, with hardly a refusal but of the calls that are made
// to hear of them.
func TestOthersThatTakeMoreThanTheReserveAreMadeRoomFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := &vendor{concurrent: 5, calls: 100, window: 10 * time.Second}
		const windows = 10
		made, refused := 0, 0
		other := make(chan struct{})
		go func() { // 50 calls a window
			defer close(other)
			for begun := time.Now(); time.Since(begun) < windows*v.window; time.Sleep(200 * time.Millisecond) {
				if _, ok := v.begin(); !ok {
					refused++ // by what we had used before it came
					continue
				}
				made++
				v.end()
			}
		}()
		store := &remote{Store: governor.NewMemory(), delay: 500 * time.Microsecond}
		p := pacing{5 * time.Millisecond, 20 * time.Millisecond, 60 * time.Millisecond}
		_, err := crowd(v, store, governor.API{Name: "x", Concurrent: 2}, p, 2, 3, windows*v.window, 10)
		require.NoError(t, err)
		<-other
		ours := v.accepted - made
		require.Less(t, v.tooMany+v.tooOften-refused, 2*windows, "of %d calls of ours, besides %d of others", ours, made)
		require.Greater(t, made, 400)
		require.Greater(t, ours, 400)
	})
}
