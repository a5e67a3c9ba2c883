// Package wire is what all simulated APIs have in common on the wire: calls are
// counted, dated by the simulator's clock, and met by the faults that are set.
// How an API words an error is its own business: Words.
package wire

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"time"

	"sluice/internal/simulator/faults"
)

// Content types of answers.
const (
	JSON = "application/json;charset=UTF-8"
	HTML = "text/html;charset=UTF-8"
)

// Words are how an API says that something went wrong. Each method but Opening
// answers the call.
type Words interface {
	// Throttled refuses a call by faults.Throttle.
	Throttled(x *Exchange, f *faults.Fault)
	// Failed answers with a status of 500 to 599.
	Failed(x *Exchange, status int)
	// ErrorBody answers HTTP 200 with an error in the body.
	ErrorBody(x *Exchange, code string)
	// Opening is how a good answer begins: where a text would follow (when kind
	// is faults.EndlessBody), a value in which others can be nested, or white
	// space. filler is what can be repeated there.
	Opening(x *Exchange, kind faults.Kind) (contentType, beginning, filler string)
}

// Gate is what Words can be besides: it decides about a call before any fault
// meets it, as a limit of concurrent calls must, since slow calls are running.
type Gate interface {
	// Admit lets a call pass until leave, or answers it.
	Admit(x *Exchange) (leave func(), admitted bool)
}

// Server is what the services of one simulator share.
type Server struct {
	Plan     *faults.Plan
	Now      func() time.Time
	Counters *Counters
	Revoke   func() // ends every token given out so far
}

// Exchange is one call: request, answer, and the faults that meet it.
type Exchange struct {
	*Server
	W http.ResponseWriter
	R *http.Request

	words  Words
	faults []faults.Fault
}

// Endpoint serves a call under its name: in the counts, and where faults are
// limited to it.
func (s *Server) Endpoint(name faults.Endpoint, words Words, serve func(*Exchange)) http.Handler {
	counts := s.Counters.endpoints[name]
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer counts.begin()()
		x := s.Exchange(w, r)
		x.words = words
		if gate, ok := words.(Gate); ok {
			leave, admitted := gate.Admit(x)
			if !admitted {
				return
			}
			defer leave()
		}
		x.faults = s.Plan.Next(name, s.Now())
		if !x.interfere() {
			serve(x)
		}
	})
}

// Exchange begins a call that no fault meets. The Date header follows the
// simulator's clock.
func (s *Server) Exchange(w http.ResponseWriter, r *http.Request) *Exchange {
	w.Header().Set("Date", s.Now().UTC().Format(http.TimeFormat))
	return &Exchange{Server: s, W: w, R: r}
}

// Fault returns the fault of a kind that meets this call, or nil.
func (x *Exchange) Fault(kind faults.Kind) *faults.Fault {
	for i := range x.faults {
		if x.faults[i].Kind == kind {
			return &x.faults[i]
		}
	}
	return nil
}

// Meets tells whether a fault of a kind meets this call, and counts it as
// served.
func (x *Exchange) Meets(kind faults.Kind) bool {
	if x.Fault(kind) == nil {
		return false
	}
	x.Plan.Served(kind)
	return true
}

// Shift is by how much a count is wrong, by a fault of the kind: mostly 0.
func (x *Exchange) Shift(kind faults.Kind) int {
	f := x.Fault(kind)
	if f == nil {
		return 0
	}
	x.Plan.Served(kind)
	if f.Shift == 0 {
		return 1
	}
	return f.Shift
}

// Broken tells whether the answer is to break off, and where a page has
// records, in the middle of one; BreakOff then ends it.
func (x *Exchange) Broken() bool {
	return x.Fault(faults.Cut) != nil || x.Fault(faults.Truncate) != nil
}

// BreakOff ends an answer that is not complete: the connection closes, or the
// body ends as if that were all.
func (x *Exchange) BreakOff() {
	if x.Fault(faults.Cut) == nil {
		x.Plan.Served(faults.Truncate)
		return
	}
	x.Plan.Served(faults.Cut)
	_ = http.NewResponseController(x.W).Flush()
	panic(http.ErrAbortHandler)
}

// Send writes a small answer; one that breaks off stops half way.
func (x *Exchange) Send(status int, contentType string, body []byte) {
	x.W.Header().Set("Content-Type", contentType)
	x.W.WriteHeader(status)
	if !x.Broken() {
		// A caller that has gone away is no concern of ours, here and below.
		_, _ = x.Body().Write(body)
		return
	}
	_, _ = x.Body().Write(body[:len(body)/2])
	x.BreakOff()
}

// Body is where the answer goes, slowly when a fault says so.
func (x *Exchange) Body() io.Writer {
	f := x.Fault(faults.Trickle)
	if f == nil {
		return x.W
	}
	size := int(f.Bytes)
	if size == 0 {
		size = 64
	}
	return &trickle{ctx: x.R.Context(), w: x.W, size: size, delay: f.Delay}
}

// RateHeaders sets the headers that go with a refused call (documented for the
// gateway: 429 with X-RateLimit headers; some modules send none).
func (x *Exchange) RateHeaders(seconds int) {
	if seconds <= 0 {
		return
	}
	h, wait := x.W.Header(), strconv.Itoa(seconds)
	h.Set("Retry-After", wait)
	h.Set("X-RateLimit-Limit", "300")
	h.Set("X-RateLimit-Window-Sec", "3600")
	h.Set("X-RateLimit-Remaining", "0")
	h.Set("X-RateLimit-ToWait-Sec", wait)
}

// trickle passes on a few bytes at a time.
type trickle struct {
	ctx   context.Context
	w     http.ResponseWriter
	size  int
	delay time.Duration
}

func (t *trickle) Write(b []byte) (int, error) {
	written := 0
	for len(b) > 0 {
		n, err := t.w.Write(b[:min(t.size, len(b))])
		written += n
		if err != nil {
			return written, err
		}
		b = b[n:]
		_ = http.NewResponseController(t.w).Flush()
		if !pause(t.ctx, t.delay) {
			return written, t.ctx.Err()
		}
	}
	return written, nil
}

// pause waits, and tells whether it was left to.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
