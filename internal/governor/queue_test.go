package governor

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestADeadWorkersCallIsCountedAsMadeWhenItsLeaseEnds(t *testing.T) {
	t.Parallel()
	s := limited(t, 0)
	s.begin(t, at(0), "x")
	s.tidy(at(29.9))
	require.Len(t, s.Leases, 1)
	s.tidy(at(30))
	require.Empty(t, s.Leases)
	require.Equal(t, Tally{{at(30), 1}}, s.Used)
}

// single is a state of one slot, taken by a at 0, for which b waits since 0.1,
// and c.
func single(t *testing.T) (s *State, ask func(seconds float64, who string, away time.Duration) verdict) {
	s = &State{Concurrent: 1}
	ask = func(seconds float64, who string, away time.Duration) verdict {
		return s.ask(at(seconds), request{id: who, who: who, away: away})
	}
	require.True(t, ask(0, "a", 0).granted)
	require.False(t, ask(0.1, "b", 0).granted)
	require.False(t, ask(0.2, "c", 0).granted)
	return s, ask
}

func TestTheFirstToComeHasATurnEveryTwoSeconds(t *testing.T) {
	t.Parallel()
	s, ask := single(t)
	s.leave("a")
	require.True(t, ask(0.3, "c", 0).granted, "it asks in the right moment")
	require.False(t, ask(1.5, "b", 0).granted)
	s.leave("c")
	v := ask(2.1, "c", 0)
	require.False(t, v.granted)
	require.Equal(t, "others have waited longer for a call", v.message)
	require.True(t, ask(2.2, "b", 0).granted)
}

func TestASlotIsKeptForNobodyWhoIsNotThere(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(ask func(float64, string, time.Duration) verdict){
		"gone":        func(func(float64, string, time.Duration) verdict) {},
		"comes later": func(ask func(float64, string, time.Duration) verdict) { ask(3.9, "b", comeBack) },
	} {
		t.Run(name, func(t *testing.T) {
			s, ask := single(t)
			leave(ask)
			s.leave("a")
			require.True(t, ask(4, "d", 0).granted)
		})
	}
}

func TestOneWhoIsToComeBackKeepsItsPlace(t *testing.T) {
	t.Parallel()
	s, ask := single(t)
	ask(10, "b", comeBack)
	require.Equal(t, at(0.1), s.Queue[0].Since)
	s.renew(at(20), Lease{ID: "a"})
	require.False(t, ask(39, "b", 0).granted, "some seconds late")
	require.Equal(t, "b", s.Queue[0].Who)
	require.Equal(t, at(0.1), s.Queue[0].Since)
	require.Len(t, s.Queue, 1, "c was not seen any more")
	s.tidy(at(55))
	require.Empty(t, s.Queue)
}

func TestAQueueIsBounded(t *testing.T) {
	t.Parallel()
	s, ask := single(t)
	for i := range 2 * maxQueue {
		ask(1, fmt.Sprint(i), 0)
	}
	require.Len(t, s.Queue, maxQueue)
}

// One who leaves half of the limit to others waits for the only slot of its
// share; the other slot is not kept for it.
func TestNobodyWaitsForOneWhoseReserveKeepsItOut(t *testing.T) {
	t.Parallel()
	s := &State{Concurrent: 2}
	require.True(t, s.ask(noon, request{id: "a", who: "long", call: true}).granted)
	for tenth := range 100 { // ten seconds
		now := at(float64(tenth) / 10)
		s.renew(now, *s.lease("a"))
		require.False(t, s.ask(now, request{id: "b", who: "reserved", reserve: 50, call: true}).granted)
		v := s.ask(now, request{id: "c", who: "other", call: true})
		require.True(t, v.granted, "at %v: %s", now, v.message)
		s.leave("c")
	}
	s.leave("a")
	require.True(t, s.ask(at(10), request{id: "b", who: "reserved", reserve: 50, call: true}).granted)
}
