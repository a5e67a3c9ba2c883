package governor

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time { return noon.Add(time.Duration(seconds * float64(time.Second))) }

// begin has a call begin, in a slot of its own.
func (s *State) begin(t require.TestingT, now time.Time, id string) exchange {
	v := s.ask(now, request{id: id, who: id, worker: "w", assumed: 100, call: true})
	require.True(t, v.granted, v.message)
	return exchange{id: id, begun: now}
}

// refuse has a call begin and refused at once.
func (s *State) refuse(t require.TestingT, now time.Time, a Answer) {
	x := s.begin(t, now, "x")
	x.answered = now
	s.told(now, x, a)
	s.leave("x")
}

// TestACallIsCountedForItsWindowAndHardlyLonger compares the tally with each
// call's own time.
func TestACallIsCountedForItsWindowAndHardlyLonger(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		window := time.Duration(rapid.Int64Range(int64(time.Millisecond), int64(2*time.Hour)).Draw(t, "window"))
		var tally Tally
		var calls []time.Time
		now := noon
		for range rapid.IntRange(1, 300).Draw(t, "calls") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(window)/20).Draw(t, "pause")))
			tally.add(now, 1, window)
			calls = append(calls, now)
			tally.age(now, window)
			least, most := 0, 0
			for _, call := range calls {
				if call.Add(window).After(now) {
					least++
				}
				if call.Add(window + width(window) + time.Millisecond).After(now) {
					most++
				}
			}
			require.GreaterOrEqual(t, tally.sum(), least)
			require.LessOrEqual(t, tally.sum(), most)
			require.LessOrEqual(t, len(tally), maxBuckets)
		}
		text, err := json.Marshal(tally)
		require.NoError(t, err)
		var read Tally
		require.NoError(t, json.Unmarshal(text, &read))
		require.Equal(t, tally, read)
	})
}

func TestATallyStaysBoundedWhateverWindowsTheVendorTells(t *testing.T) {
	t.Parallel()
	var tally Tally
	for i := range 5000 {
		tally.add(noon.Add(time.Duration(i)*time.Second), 1, 24*time.Hour+time.Duration(i%977)*time.Minute)
		require.LessOrEqual(t, len(tally), maxBuckets)
	}
	require.Equal(t, 5000, tally.sum(), "none is lost")
	text, err := json.Marshal(tally)
	require.NoError(t, err)
	require.Less(t, len(text), 4000)
	for _, broken := range []string{`"x"`, `"1:"`, `"1:2:3"`, `"1"`} {
		require.Error(t, json.Unmarshal([]byte(broken), &tally), broken)
	}
}

func TestAReserveStaysUnused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ limit, reserve, share int }{
		{300, 10, 270}, {300, 0, 300}, {300, 90, 30}, {2, 10, 2}, {10, 10, 9}, {2, 50, 1}, {1, 90, 1}, {3, 90, 1},
	} {
		require.Equal(t, c.share, share(c.limit, c.reserve), "%+v", c)
	}
}

func TestAWaitBlocksUntilItIsOver(t *testing.T) {
	t.Parallel()
	var s State
	s.refuse(t, at(0), Answer{Wait: 90 * time.Second, Remaining: -1, TooOften: true, Said: "not again for 90 seconds"})
	v := s.ask(at(10), request{id: "y", who: "y"})
	require.False(t, v.granted)
	require.Equal(t, 80*time.Second, v.wait)
	require.Equal(t, CodeWait, v.code)
	require.Equal(t, "the vendor asks for no call until 12:01:30 UTC: not again for 90 seconds", v.message)
	s.begin(t, at(90), "y")
}

func TestOneRefusedAgainRightAwayWaitsLonger(t *testing.T) {
	t.Parallel()
	var s State
	now := noon
	for _, want := range []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second, 40 * time.Second} {
		s.refuse(t, now, Answer{TooOften: true, Remaining: -1})
		require.Equal(t, want, s.Blocked.Sub(now))
		now = s.Blocked
	}
	x := s.begin(t, now, "x")
	x.answered = now
	s.told(now, x, Answer{Remaining: -1})
	s.leave("x")
	s.refuse(t, now.Add(time.Second), Answer{TooOften: true, Remaining: -1})
	require.Equal(t, 5*time.Second, s.Blocked.Sub(now.Add(time.Second)), "one that was accepted ends it")
	for range 30 {
		s.refuse(t, s.Blocked, Answer{TooOften: true, Remaining: -1})
	}
	require.Equal(t, longestBlock, s.Blocked.Sub(s.Refused))
}

func TestCallsUnderWayWhenOneIsRefusedDoNotMakeTheWaitLonger(t *testing.T) {
	t.Parallel()
	var s State
	one, two := s.begin(t, at(0), "one"), s.begin(t, at(0), "two")
	one.answered, two.answered = at(1), at(2)
	s.told(at(1), one, Answer{TooOften: true, Remaining: -1})
	s.told(at(2), two, Answer{TooOften: true, Remaining: -1})
	require.Equal(t, at(7), s.Blocked)
}

func TestTooManyLowersTheCallsAtTheSameTimeForAWhile(t *testing.T) {
	t.Parallel()
	var s State
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		s.begin(t, at(0), id)
	}
	for _, id := range []string{"e", "d", "c"} { // two went well
		s.told(at(1), exchange{id: id, begun: at(0), answered: at(1)}, Answer{TooMany: true, Remaining: -1})
		s.leave(id)
	}
	for after, want := range map[time.Duration]int{0: 2, time.Minute: 2, 2 * time.Minute: 3, 3 * time.Minute: 4, time.Hour: 100} {
		require.Equal(t, want, s.concurrency(at(1).Add(after), 0), "%s after", after)
	}
	require.True(t, s.Blocked.IsZero(), "it is enough that one of ours ends")
	v := s.ask(at(2), request{id: "f", who: "f"})
	require.False(t, v.granted)
	require.Equal(t, "all 2 calls that may run at the same time are in use (fewer than usual, since the vendor refused one more at 12:00:01 UTC), "+
		"by a since 12:00:00 UTC, b since 12:00:00 UTC", v.message)

	s.leave("a")
	s.leave("b")
	for range 3 { // now others have all of them
		s.refuse(t, at(600), Answer{TooMany: true, Remaining: -1})
		require.Equal(t, 1, s.concurrency(at(600), 0), "never below one")
		require.True(t, s.Blocked.After(at(600)))
		s.Blocked = time.Time{}
	}
}

func TestARefusalThatANewLimitExplainsLowersNothing(t *testing.T) {
	t.Parallel()
	var s State
	for _, id := range []string{"a", "b", "c"} { // the limit was not known yet
		s.begin(t, at(0), id)
	}
	s.told(at(1), exchange{id: "c", begun: at(0), answered: at(1)}, Answer{TooMany: true, Concurrent: 2, Remaining: -1})
	require.Equal(t, 2, s.concurrency(at(1), 0))
	require.Zero(t, s.cap(at(1)))
}

func TestRatesInARefusalOfTooManyMeanNothing(t *testing.T) {
	t.Parallel()
	var s State
	s.refuse(t, at(0), Answer{TooMany: true, Calls: 300, Window: time.Hour, Remaining: 0, Concurrent: 2})
	require.Zero(t, s.Calls)
	require.Empty(t, s.Others)
}

// limited is a state of 10 calls in 100 seconds, of which some are used.
func limited(t *testing.T, used int) *State {
	s := &State{Calls: 10, Window: 100 * time.Second}
	for i := range used {
		x := s.begin(t, at(float64(i)), "x")
		x.answered = x.begun
		s.settle(x)
		s.leave("x")
	}
	return s
}

func TestCallsOfOtherToolsAreCountedUntilTheyAgeOut(t *testing.T) {
	t.Parallel()
	s := limited(t, 3)
	x := s.begin(t, at(10), "x")
	x.answered = at(10)
	s.told(at(10), x, Answer{Calls: 10, Window: 100 * time.Second, Remaining: 1})
	s.leave("x")
	require.Equal(t, 5, s.Others.sum(), "9 less our 4")
	s.begin(t, at(11), "y")
	v := s.ask(at(12), request{id: "z", who: "z"})
	require.Equal(t, 88*time.Second, v.wait, "our first is out of the window at 100")
	require.Equal(t, "the subscription's 10 calls in 1m40s are used up (5 used by other tools) until 12:01:40 UTC", v.message)
	s.tidy(at(110))
	require.Zero(t, s.Others.sum())
}

func TestThereAreAsManyCallsOfOthersAsTheVendorSays(t *testing.T) {
	t.Parallel()
	s := limited(t, 3)
	s.Others.add(at(5), 6, s.Window)
	x := s.begin(t, at(50), "x")
	x.answered = at(50)
	s.told(at(50), x, Answer{Calls: 10, Window: 100 * time.Second, Remaining: 4}) // they had been made long before
	require.Equal(t, 2, s.Others.sum())
}

func TestACallThatTheVendorMayHaveForgottenIsNotHeldAgainstOthers(t *testing.T) {
	t.Parallel()
	s := limited(t, 0)
	slow := s.begin(t, at(0), "slow")
	slow.answered = at(60) // the vendor counted it any time before
	s.settle(slow)
	s.Others.add(at(90), 6, s.Window)
	x := s.begin(t, at(105), "x")
	x.answered = at(105)
	s.told(at(105), x, Answer{Calls: 10, Window: 100 * time.Second, Remaining: 5})
	require.Equal(t, 4, s.Others.sum())
}

func TestAfterARefusalBecauseOfOthersTheVendorsWaitHolds(t *testing.T) {
	t.Parallel()
	s := limited(t, 0)
	refused := Answer{TooOften: true, Calls: 10, Window: 100 * time.Second, Remaining: 0, Wait: 20 * time.Second}
	s.refuse(t, at(0), refused)
	require.Equal(t, at(20), s.nextCall(at(1), 0), "not after a whole window")
	x := s.begin(t, at(20), "x")
	require.False(t, s.ask(at(20), request{id: "y", who: "y", assumed: 2}).granted, "how many are left says the answer to the first")
	x.answered = at(21)
	s.told(at(21), x, Answer{Calls: 10, Window: 100 * time.Second, Remaining: 8})
	require.Equal(t, at(22), s.nextCall(at(22), 0))
}

func TestACallIsMadeNowAndThenToHearHowManyOfTheOthersStillCount(t *testing.T) {
	t.Parallel()
	const reserve = 20
	refused := Answer{TooOften: true, Calls: 100, Window: 100 * time.Second, Remaining: 0, Wait: 3 * time.Second}

	begin := func(s *State, now time.Time) exchange {
		require.True(t, s.ask(now, request{id: "x", who: "x", assumed: 100, reserve: reserve, call: true}).granted)
		return exchange{id: "x", begun: now, answered: now.Add(time.Second)}
	}

	s := &State{}
	s.refuse(t, at(0), refused)
	require.Equal(t, at(3), s.nextCall(at(1), reserve), "the vendor lets one in, although by our count the others have used what is left to them, too")
	x := begin(s, at(3))
	require.True(t, s.nextCall(at(4), reserve).After(at(50)), "the answer of the first says more")
	s.told(at(4), x, Answer{Calls: 100, Window: 100 * time.Second, Remaining: 0, Wait: time.Second})
	require.Equal(t, at(5), s.nextCall(at(5), reserve), "the others have used more than what is left to them")
	x = begin(s, at(5))
	s.told(at(6), x, Answer{Calls: 100, Window: 100 * time.Second, Remaining: 1})
	require.Equal(t, at(56), s.nextCall(at(7), reserve), "now and then, where the vendor does not say when")
	x = begin(s, at(56))
	s.told(at(57), x, Answer{Calls: 100, Window: 100 * time.Second, Remaining: 90})
	require.Equal(t, at(58), s.nextCall(at(58), reserve))

	s = &State{}
	s.refuse(t, at(0), refused)
	x = begin(s, at(3))
	s.told(at(4), x, Answer{Remaining: -1})
	require.Equal(t, at(5), s.nextCall(at(5), reserve), "a vendor that says it with refusals only will not say when they are over")
}

func TestTheVendorsRoundedWaitGivesWayToOurOwnCount(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		wait time.Duration
		next time.Time
	}{
		{91 * time.Second, at(100)}, // it is 90.5
		{99 * time.Second, at(108.5)},
	} {
		s := limited(t, 9)
		x := s.begin(t, at(9.5), "x")
		x.answered = at(9.5)
		s.told(at(9.5), x, Answer{Calls: 10, Window: 100 * time.Second, Remaining: 0, Wait: c.wait})
		require.Equal(t, c.next, s.nextCall(at(10), 0), c.wait)
	}
	var s State
	x := s.begin(t, at(0), "x")
	s.told(at(0), x, Answer{Wait: 400 * time.Millisecond, Remaining: -1})
	require.Equal(t, at(.4), s.nextCall(at(0), 0), "of a vendor that has no window")
}

func TestACallIsCountedFromItsGrantUntilAWindowAfterItsAnswer(t *testing.T) {
	t.Parallel()
	s := limited(t, 9)
	x := s.begin(t, at(10), "x")
	require.Equal(t, at(100), s.nextCall(at(20), 0))
	x.answered = at(60)
	s.settle(x)
	for i := range 9 {
		s.begin(t, at(108), string(rune('a'+i)))
	}
	require.Equal(t, at(160), s.nextCall(at(109), 0))
}

func TestWhatAVendorTellsIsBounded(t *testing.T) {
	t.Parallel()
	a := Answer{
		Calls: 1 << 40, Window: 1 << 62, Remaining: 1 << 50, Concurrent: 1 << 40, Wait: 1 << 62, TooOften: true,
		Said: strings.Repeat("\x1b\xff€", 1000),
	}.bounded()
	var s State
	s.refuse(t, at(0), a)
	require.Equal(t, maxCalls, s.Calls)
	require.Equal(t, maxConcurrent, s.Concurrent)
	require.Equal(t, maxWindow, s.Window)
	require.Equal(t, at(0).Add(maxWait), s.Blocked)
	require.LessOrEqual(t, len(s.Why), maxSaid)
	require.NotContains(t, s.Why, "\x1b")
	require.Empty(t, s.Others)
	require.Equal(t, Answer{}, Answer{Calls: -1, Window: -1, Concurrent: -1, Wait: -1}.bounded())
}
