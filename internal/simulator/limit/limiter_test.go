package limit

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var start = time.Date(2026, 3, 14, 9, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time {
	return start.Add(time.Duration(seconds * float64(time.Second)))
}

// call makes a call that ends at once.
func call(l *Limiter, now time.Time, s Settings) Standing {
	standing := l.Enter(now, s)
	l.Leave(standing)
	return standing
}

func TestNoWindowHasMoreCallsThanTheLimit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := Settings{
			Requests:      rapid.IntRange(1, 8).Draw(t, "requests"),
			WindowSeconds: rapid.IntRange(1, 5).Draw(t, "window"),
			Headers:       SayWait,
		}
		var l Limiter
		var letIn []time.Time
		now, own, elsewhere, refused := start, 0, 0, 0
		for range rapid.IntRange(1, 60).Draw(t, "calls") {
			now = now.Add(time.Duration(rapid.IntRange(0, 3000).Draw(t, "ms")) * time.Millisecond)
			if rapid.IntRange(0, 4).Draw(t, "who") == 0 {
				made := l.UseElsewhere(rapid.IntRange(0, 9).Draw(t, "elsewhere"), now, s)
				elsewhere += made
				for range made {
					letIn = append(letIn, now)
				}
				continue
			}
			standing := call(&l, now, s)
			if standing.Refused == "" {
				own++
				letIn = append(letIn, now)
				continue
			}
			refused++
			require.Equal(t, TooOften, standing.Refused)
			require.Positive(t, standing.Wait)
			within := 0
			for _, earlier := range letIn {
				if earlier.After(now.Add(-s.window())) {
					within++
				}
			}
			require.Equal(t, s.Requests, within, "a call is refused only when the window is full")
		}
		busiest := 0
		for i := range letIn {
			n := 0
			for _, later := range letIn[i:] {
				if later.Before(letIn[i].Add(s.window())) {
					n++
				}
			}
			busiest = max(busiest, n)
		}
		seen := l.Seen()
		require.LessOrEqual(t, busiest, s.Requests)
		require.Equal(t, busiest, seen.Rate.Busiest)
		require.Equal(t, []int{own, elsewhere, refused}, []int{seen.Answered, seen.Elsewhere, seen.TooOften})
	})
}

func TestWhoWaitsAsToldIsNeverRefusedAvoidably(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := Settings{Requests: rapid.IntRange(1, 5).Draw(t, "requests"), WindowSeconds: 10, Headers: SayWait}
		var l Limiter
		now := start
		for range 30 {
			now = now.Add(time.Duration(rapid.IntRange(0, 4000).Draw(t, "ms")) * time.Millisecond)
			l.UseElsewhere(rapid.IntRange(0, 2).Draw(t, "elsewhere"), now, s)
			now = now.Add(call(&l, now, s).Wait)
		}
		require.Zero(t, l.Seen().Avoidable, "others used up the limit without a word")
	})
}

func TestARefusalIsAvoidableOnceACompleteAnswerHasToldTheLimit(t *testing.T) {
	t.Parallel()
	s := Settings{Requests: 2, WindowSeconds: 10, Headers: SayWait}
	var l Limiter
	first, second := l.Enter(at(0), s), l.Enter(at(0), s)
	call(&l, at(0), s)
	require.Zero(t, l.Seen().Avoidable, "no answer is there yet")
	l.Leave(first)
	l.Leave(second)
	call(&l, at(1), s)
	require.Equal(t, 1, l.Seen().Avoidable)

	silent := Settings{Requests: 2, WindowSeconds: 10, Headers: SayRate}
	var quiet Limiter
	for range 5 {
		call(&quiet, at(0), silent)
	}
	require.Equal(t, []int{3, 0}, []int{quiet.Seen().TooOften, quiet.Seen().Avoidable}, "neither window nor wait was told")
	silent.RetryAfter = true
	call(&quiet, at(1), silent)
	call(&quiet, at(2), silent)
	require.Equal(t, 1, quiet.Seen().Avoidable, "the second one")

	narrow := Settings{Concurrent: 1, ConcurrencyHeader: true}
	var one Limiter
	running := one.Enter(at(0), narrow)
	require.Equal(t, TooMany, call(&one, at(0), narrow).Refused)
	require.Equal(t, TooMany, call(&one, at(0), narrow).Refused)
	require.Equal(t, []int{2, 1, 2}, []int{one.Seen().TooMany, one.Seen().Avoidable, one.Seen().MaxConcurrent})
	one.Leave(running)
	require.Empty(t, call(&one, at(0), narrow).Refused)
}

func TestHowMuchOfTheRateWasUsedIsKnownOfFullWindows(t *testing.T) {
	t.Parallel()
	s := Settings{Requests: 4, WindowSeconds: 10}
	var l Limiter
	require.Zero(t, l.Seen().Rate.Share(4))
	for _, second := range []float64{0, 1, 2, 9.9, 10, 11.5, 12, 41} {
		require.Empty(t, call(&l, at(second), s).Refused)
	}
	rate := l.Seen().Rate
	require.Equal(t, Rate{First: at(0), Last: at(41), Busiest: 4, Windows: 4, Calls: 7}, rate,
		"four calls, three, none and none; the window of the last one has not ended")
	require.InDelta(t, 7.0/16, rate.Share(4), 1e-9)
}
