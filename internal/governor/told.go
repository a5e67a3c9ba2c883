package governor

import (
	"time"
	"unicode/utf8"

	"sluice/internal/fault"
)

// Bounds of what a vendor is believed.
const (
	maxCalls      = 10_000_000
	maxWindow     = 31 * 24 * time.Hour
	maxConcurrent = 10_000
	maxWait       = 48 * time.Hour
	maxSaid       = 300 // bytes
)

// Rules of refusals.
const (
	// shortestBlock is after a refusal that does not say how long to wait. It
	// doubles with each further one in a row.
	shortestBlock = 5 * time.Second
	longestBlock  = 10 * time.Minute
	// A lowered number of calls at the same time holds for a while, then grows
	// by one at a time. Where there is no limit it was lowered from, it is over
	// at last.
	capHolds = 2 * time.Minute
	capGrows = time.Minute
	capEnds  = 30 * time.Minute
	// grain is what vendors round a wait up to.
	grain = time.Second
)

func (a Answer) bounded() Answer {
	a.Calls = min(max(a.Calls, 0), maxCalls)
	a.Window = min(max(a.Window, 0), maxWindow)
	a.Concurrent = min(max(a.Concurrent, 0), maxConcurrent)
	a.Wait = min(max(a.Wait, 0), maxWait)
	a.Said = bounded(a.Said)
	return a
}

func bounded(text string) string {
	text = fault.Head([]byte(text))
	if len(text) > maxSaid {
		text = text[:maxSaid]
		for len(text) > 0 && !utf8.ValidString(text) {
			text = text[:len(text)-1]
		}
	}
	return text
}

// rates says that the answer tells how many calls may begin. When too many ran
// at the same time, vendors leave that out or say nought (documented by clients
// of Qualys).
func (a Answer) rates() bool { return a.Calls > 0 && !a.TooMany }

// An exchange is a call of a lease, by the store's time.
type exchange struct {
	id       string
	free     bool // it has no lease
	begun    time.Time
	answered time.Time
	// beside counts others that run and have no lease.
	beside int
}

// settle counts the call of a lease as answered.
func (s *State) settle(x exchange) {
	l := s.lease(x.id)
	if x.free {
		l = &Lease{Open: x.begun}
	}
	if l == nil || l.Open.IsZero() {
		return
	}
	if s.rated() {
		s.Used.add(x.answered, 1, s.Window)
		s.Slowest = max(s.Slowest-s.Slowest/200, x.answered.Sub(l.Open))
	}
	l.Open = time.Time{}
}

// told takes note of an answer.
func (s *State) told(now time.Time, x exchange, a Answer) {
	s.tidy(now)
	if a.Concurrent > 0 {
		s.Concurrent, s.Told = a.Concurrent, now
	}
	if a.rates() {
		s.Calls, s.Told = a.Calls, now
		if a.Window > 0 {
			s.Window = a.Window
		}
	}
	s.settle(x)
	if a.rates() && a.Remaining >= 0 && s.rated() {
		s.countOthers(now, x, a)
	}
	switch {
	case a.TooMany:
		s.tooMany(now, x, a)
	case a.TooOften:
		s.block(now.Add(s.refusedFor(now, x, a)), a.Said)
	default:
		if x.begun.After(s.Refused) {
			s.Refusals = 0
		}
		if !a.rates() { // it let the call in, and will not say how many others there are
			s.Others = nil
		}
		// The vendor says in whole seconds what its window makes us wait; where
		// our own count says as much, it is the more exact.
		until := now.Add(a.Wait)
		ours := s.rated() && a.rates() && a.Remaining == 0 && !s.nextInWindow(now, 0).Before(until.Add(-grain))
		if a.Wait > 0 && !ours {
			s.block(until, a.Said)
		}
	}
}

// countOthers holds what the vendor has counted against what we did. What is
// left over are calls of other tools. When they were made is not known, so that
// it is asked again after a while, or as soon as the vendor lets a call in.
func (s *State) countOthers(now time.Time, x exchange, a Answer) {
	s.Listen = now.Add(s.listenEvery())
	if a.Wait > 0 && a.Remaining == 0 {
		s.Listen = now.Add(a.Wait)
	}
	used := a.Calls - min(a.Remaining, a.Calls)
	if more := used - s.spent() - x.beside; more > 0 {
		s.Others.add(now, more, s.Window)
	} else {
		// Ours that the vendor certainly counted when it answered: those that
		// were answered before this one began, and cannot be out of its window.
		ours := s.Used.between(now.Add(2*s.Slowest-s.Window), x.begun, s.Window)
		if !a.TooOften {
			ours++
		}
		s.Others.shrink(max(0, used-ours))
	}
	if a.Wait > 0 && a.Remaining == 0 && s.Others.sum() > 0 {
		// One of them is out of the window by then. How many more are, the
		// answer to the next call says.
		s.Others.shrink(s.Others.sum() - 1)
		s.Others.add(now.Add(min(0, a.Wait-s.Window)), 1, s.Window)
	}
}

// tooMany lowers the calls at the same time to what evidently works, unless the
// limit that the vendor has told explains the refusal.
func (s *State) tooMany(now time.Time, x exchange, a Answer) {
	if l := s.lease(x.id); l != nil {
		l.Calling = false
	}
	running := x.beside
	for _, l := range s.Leases {
		if l.Calling {
			running++
		}
	}
	if a.Concurrent == 0 || running < a.Concurrent {
		lowered := max(1, running)
		if before := s.cap(now); before > 0 {
			lowered = min(lowered, before)
		}
		s.Cap, s.CapSince = lowered, now
	}
	if a.Wait > 0 || running == 0 { // else one of ours has to end first
		s.block(now.Add(s.refusedFor(now, x, a)), a.Said)
	}
}

// refusedFor is how long to wait after a refusal. Calls that were under way
// when another was refused do not make it longer.
func (s *State) refusedFor(now time.Time, x exchange, a Answer) time.Duration {
	if !x.begun.Before(s.Refused) {
		s.Refusals++
		s.Refused = now
	}
	wait := a.Wait
	if wait == 0 || s.Refusals > 1 {
		wait = max(wait, min(shortestBlock<<min(max(s.Refusals-1, 0), 10), longestBlock))
	}
	return wait
}

func (s *State) block(until time.Time, why string) {
	if until.After(s.Blocked) {
		s.Blocked, s.Why = until, why
	}
}

// cap is the number of calls at the same time that refusals have lowered it to;
// 0: they have not.
func (s *State) cap(now time.Time) int {
	since := now.Sub(s.CapSince)
	if s.Cap == 0 || since >= capEnds {
		return 0
	}
	if since < capHolds {
		return s.Cap
	}
	return s.Cap + 1 + int((since-capHolds)/capGrows)
}
