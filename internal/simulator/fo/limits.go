package fo

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"sluice/internal/simulator/faults"
	"sluice/internal/simulator/wire"
)

// Limits is what the limits of one API have seen.
type Limits struct {
	Answered      int `json:"answered"`      // calls let in
	MaxConcurrent int `json:"maxConcurrent"` // most calls at the same time, refused ones included
	TooMany       int `json:"tooMany"`       // refused: too many at the same time
	TooOften      int `json:"tooOften"`      // refused: too many in the window
	// Avoidable refusals: the caller had been told the limit, or until when to
	// wait, by an earlier answer.
	Avoidable int `json:"avoidable"`
}

// limiter keeps one API's limits for the whole subscription (documented: a
// sliding window, and the number of calls at the same time, which is looked at
// first). Safe for concurrent use.
type limiter struct {
	mu        sync.Mutex
	calls     []time.Time // let in within the window, ascending
	running   int
	present   int       // running ones and those being refused
	refusals  int       // in a row
	toldUntil time.Time // until when earlier answers said to wait
	Limits
}

func (l *limiter) seen() Limits {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Limits
}

// standing is what an answer says about the limits.
type standing struct {
	remaining, running int
	wait               time.Duration // until the next call is let in
	code               int           // 1960 or 1965 when this one is not; else 0
	showWait           bool
}

// enter counts a call and says whether it is let in; leave ends it.
func (l *limiter) enter(now time.Time, v Settings) standing {
	l.mu.Lock()
	defer l.mu.Unlock()
	window := time.Duration(v.WindowSeconds) * time.Second
	l.present++
	l.MaxConcurrent = max(l.MaxConcurrent, l.present)
	if v.Concurrent > 0 && l.running >= v.Concurrent {
		l.TooMany++
		if l.Answered > 0 {
			l.Avoidable++
		}
		return standing{code: 1960, running: l.running}
	}
	old := 0
	for old < len(l.calls) && !l.calls[old].After(now.Add(-window)) {
		old++
	}
	l.calls = append(l.calls[:0], l.calls[old:]...)
	if v.Requests > 0 && len(l.calls) >= v.Requests {
		l.TooOften++
		if now.Before(l.toldUntil) {
			l.Avoidable++
		}
		l.refusals++
		l.toldUntil = l.calls[0].Add(window)
		return standing{code: 1965, running: l.running, wait: l.toldUntil.Sub(now), showWait: !v.LateToWait || l.refusals > 1}
	}
	if v.Requests > 0 {
		l.calls = append(l.calls, now)
	}
	s := standing{running: l.running, remaining: v.Requests - len(l.calls), showWait: true}
	if v.Requests > 0 && s.remaining == 0 {
		l.toldUntil = l.calls[0].Add(window)
		s.wait = l.toldUntil.Sub(now)
	}
	l.refusals = 0
	l.running++
	l.Answered++
	return s
}

func (l *limiter) leave(wasLetIn bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.present--
	if wasLetIn {
		l.running--
	}
}

// limit lets a call in, or refuses it. The function it returns ends the call.
func (s *Service) limit(name faults.Endpoint, x *wire.Exchange) (leave func(), admitted bool) {
	v, l := s.Settings(), s.limiters[name]
	now := x.Now()
	at := l.enter(now, v)
	h := x.W.Header()
	if v.Concurrent > 0 {
		// Recorded: the call itself is not counted, though the documentation says so.
		h.Set("X-Concurrency-Limit-Limit", strconv.Itoa(v.Concurrent))
		h.Set("X-Concurrency-Limit-Running", strconv.Itoa(at.running))
	}
	if v.Requests > 0 && at.code != 1960 { // then they are absent (observed by other clients)
		h.Set("X-RateLimit-Limit", strconv.Itoa(v.Requests))
		h.Set("X-RateLimit-Window-Sec", strconv.Itoa(v.WindowSeconds))
		h.Set("X-RateLimit-Remaining", strconv.Itoa(at.remaining))
		if at.showWait {
			h.Set("X-RateLimit-ToWait-Sec", strconv.Itoa(seconds(at.wait)))
		}
	}
	if at.code == 0 {
		return func() { l.leave(true) }, true
	}
	defer l.leave(false)
	if at.code == 1960 {
		tooMany(x, v, at.running-v.Concurrent+1)
	} else {
		tooOften(x, v, seconds(at.wait))
	}
	return nil, false
}

func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

func tooMany(x *wire.Exchange, v Settings, calls int) {
	simpleReturn(x, v, http.StatusConflict, 1960,
		fmt.Sprintf("This API cannot be run again until %d currently running API instance has finished.", calls),
		"CALLS_TO_FINISH", strconv.Itoa(calls))
}

// tooOften refuses a call; with no seconds it does not say how long to wait.
func tooOften(x *wire.Exchange, v Settings, wait int) {
	var items []string
	if wait > 0 {
		items = []string{"SECONDS_TO_WAIT", strconv.Itoa(wait)}
	}
	simpleReturn(x, v, http.StatusConflict, 1965, "This API cannot be run again for another "+duration(wait)+".", items...)
}

// duration words seconds as the vendor does: "23 hours, 57 minutes and 54 seconds".
func duration(n int) string {
	var parts []string
	if n >= 3600 {
		parts = append(parts, strconv.Itoa(n/3600)+" hours")
	}
	if n >= 60 {
		parts = append(parts, strconv.Itoa(n/60%60)+" minutes")
	}
	return strings.TrimPrefix(strings.Join(parts, ", ")+" and "+strconv.Itoa(n%60)+" seconds", " and ")
}
