// Package limit limits the calls of each API for the whole subscription, as the
// vendor does, and remembers how well callers kept to it.
package limit

import (
	"sync"
	"time"
)

// Seen is what the limits of one API have seen.
type Seen struct {
	Answered      int `json:"answered"`      // calls let in
	Elsewhere     int `json:"elsewhere"`     // calls that another tool made
	MaxConcurrent int `json:"maxConcurrent"` // most calls at the same time, refused ones included
	TooMany       int `json:"tooMany"`       // refused: too many at the same time
	TooOften      int `json:"tooOften"`      // refused: too many in the window
	// Avoidable refusals: an answer that was complete had told the limit, or
	// until when to wait.
	Avoidable int  `json:"avoidable"`
	Rate      Rate `json:"rate"`
}

// Rate is how much of a rate limit was used, by calls let in. Windows are those
// that follow each other without a gap from the first call on and had ended by
// the last one.
type Rate struct {
	First   time.Time `json:"first,omitzero"`
	Last    time.Time `json:"last,omitzero"`
	Busiest int       `json:"busiest"` // most calls within any window, those of other tools included
	Windows int       `json:"windows"`
	Calls   int       `json:"calls"` // within these windows
}

// Share is how much of the calls that a limit allows in the full windows was
// used, 0 to 1; 0 before a window has ended.
func (r Rate) Share(requests int) float64 {
	if r.Windows == 0 || requests <= 0 {
		return 0
	}
	return float64(r.Calls) / float64(r.Windows*requests)
}

// Limiter keeps one API's limits (documented: a sliding window, and the number
// of calls at the same time, which is looked at first). Safe for concurrent use.
type Limiter struct {
	mu      sync.Mutex
	window  []letIn // the calls within it, ascending
	running int
	present int // running ones and those being refused

	refusals  int       // for the rate, in a row
	told      tells     // by complete answers
	toldUntil time.Time // until when complete answers said to wait

	seen    Seen
	current int // calls since the last full window ended
}

type letIn struct {
	at        time.Time
	elsewhere bool
}

// tells is what answers say of the limits.
type tells struct{ concurrency, window, wait bool }

// Refusal is why a call is not let in.
type Refusal string

// Why calls are refused.
const (
	TooMany  Refusal = "too many at the same time"
	TooOften Refusal = "too many within the window"
)

// Standing is what an answer can say about the limits.
type Standing struct {
	Refused            Refusal // empty: the call is let in
	Remaining, Running int     // without the call itself: Running; with it: Remaining
	Wait               time.Duration
	Refusals           int // for the rate, in a row, this one included

	tells tells
	until time.Time
}

// Seen returns what the limits have seen so far.
func (l *Limiter) Seen() Seen {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seen
}

// Enter counts a call and says whether it is let in. Leave ends it, in either
// case.
func (l *Limiter) Enter(now time.Time, s Settings) Standing {
	l.mu.Lock()
	defer l.mu.Unlock()
	window := s.window()
	at := Standing{Running: l.running, tells: s.tells()}
	l.present++
	l.seen.MaxConcurrent = max(l.seen.MaxConcurrent, l.present)
	if s.Concurrent > 0 && l.running >= s.Concurrent {
		l.seen.TooMany++
		if l.told.concurrency {
			l.seen.Avoidable++
		}
		at.Refused = TooMany
		return at
	}
	l.forget(now.Add(-window))
	if s.Requests > 0 && len(l.window) >= s.Requests {
		l.seen.TooOften++
		if now.Before(l.toldUntil) || l.told.window && l.own() >= s.Requests {
			l.seen.Avoidable++
		}
		l.refusals++
		at.Refused, at.Refusals = TooOften, l.refusals
		at.tells.wait = at.tells.wait || s.RetryAfter
		at.until = l.window[0].at.Add(window)
		at.Wait = at.until.Sub(now)
		return at
	}
	if s.Requests > 0 {
		l.letIn(now, window)
		at.Remaining = s.Requests - len(l.window)
		if at.Remaining == 0 {
			at.until = l.window[0].at.Add(window)
			at.Wait = at.until.Sub(now)
		}
	}
	l.refusals = 0
	l.running++
	l.seen.Answered++
	return at
}

// Leave ends a call, whose answer has been sent.
func (l *Limiter) Leave(at Standing) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.present--
	if at.Refused == "" {
		l.running--
	}
	l.told.concurrency = l.told.concurrency || at.tells.concurrency
	l.told.window = l.told.window || at.tells.window
	if at.tells.wait && at.until.After(l.toldUntil) {
		l.toldUntil = at.until
	}
}

// UseElsewhere makes calls by another tool of the subscription, as many as the
// limit lets in, and returns their number.
func (l *Limiter) UseElsewhere(calls int, now time.Time, s Settings) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget(now.Add(-s.window()))
	calls = max(0, min(calls, s.Requests-len(l.window)))
	for range calls {
		l.window = append(l.window, letIn{now, true})
	}
	l.seen.Elsewhere += calls
	l.seen.Rate.Busiest = max(l.seen.Rate.Busiest, len(l.window))
	return calls
}

// forget drops the calls that the window has left behind.
func (l *Limiter) forget(until time.Time) {
	old := 0
	for old < len(l.window) && !l.window[old].at.After(until) {
		old++
	}
	l.window = append(l.window[:0], l.window[old:]...)
}

// own is the number of calls in the window that no other tool made.
func (l *Limiter) own() int {
	n := 0
	for _, c := range l.window {
		if !c.elsewhere {
			n++
		}
	}
	return n
}

func (l *Limiter) letIn(now time.Time, window time.Duration) {
	l.window = append(l.window, letIn{at: now})
	r := &l.seen.Rate
	if r.First.IsZero() {
		r.First = now
	}
	r.Last = now
	r.Busiest = max(r.Busiest, len(l.window))
	if ended := int(now.Sub(r.First) / window); ended > r.Windows {
		r.Windows, r.Calls, l.current = ended, r.Calls+l.current, 0
	}
	l.current++
}
