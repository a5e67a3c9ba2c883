package limit

import (
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"sluice/internal/simulator/faults"
	"sluice/internal/simulator/wire"
)

// Group keeps the limits of APIs that are limited alike, each by itself. Safe for
// concurrent use.
type Group struct {
	headers  Headers
	settings atomic.Pointer[Settings]
	limiters map[faults.Endpoint]*Limiter // fixed after NewGroup
}

// NewGroup makes a group; headers are what answers say of limits when the
// settings do not tell.
func NewGroup(settings Settings, headers Headers, apis ...faults.Endpoint) (*Group, error) {
	g := &Group{headers: headers, limiters: map[faults.Endpoint]*Limiter{}}
	for _, api := range apis {
		g.limiters[api] = new(Limiter)
	}
	return g, g.Configure(settings)
}

// Settings returns the present limits.
func (g *Group) Settings() Settings { return *g.settings.Load() }

// Configure replaces the limits.
func (g *Group) Configure(settings Settings) error {
	if err := settings.fill(g.headers); err != nil {
		return err
	}
	g.settings.Store(&settings)
	return nil
}

// Seen returns what the limits of each API have seen so far.
func (g *Group) Seen() map[faults.Endpoint]Seen {
	out := map[faults.Endpoint]Seen{}
	for api, l := range g.limiters {
		out[api] = l.Seen()
	}
	return out
}

// UseElsewhere makes calls by another tool of the subscription, as many as the
// limit lets in; known tells whether the API is one of the group's.
func (g *Group) UseElsewhere(api faults.Endpoint, calls int, now time.Time) (made int, known bool) {
	l := g.limiters[api]
	if l == nil {
		return 0, false
	}
	return l.UseElsewhere(calls, now, g.Settings()), true
}

// Admit lets a call in until leave, with the headers of its answer set, or has
// it refused. The settings are those of the group, as far as they hold for the
// API.
func (g *Group) Admit(x *wire.Exchange, api faults.Endpoint, settings Settings, refuse func(Refusal)) (leave func(), admitted bool) {
	l := g.limiters[api]
	if l == nil {
		panic(fmt.Sprintf("limit: %s is not in the group", api))
	}
	at := l.Enter(x.Now(), settings)
	settings.say(x, at)
	if at.Refused == "" {
		return func() { l.Leave(at) }, true
	}
	defer l.Leave(at)
	refuse(at.Refused)
	return nil, false
}

// say sets the headers of an answer. One to a call that was refused before the
// rate was looked at says nothing of it.
func (s *Settings) say(x *wire.Exchange, at Standing) {
	h, wait := x.W.Header(), strconv.Itoa(Seconds(at.Wait))
	if s.Requests > 0 && at.Refused != TooMany {
		switch s.Headers {
		case SayWait:
			h.Set("X-RateLimit-Window-Sec", strconv.Itoa(s.WindowSeconds))
			h.Set("X-RateLimit-ToWait-Sec", wait)
			fallthrough
		case SayRate:
			h.Set("X-RateLimit-Limit", strconv.Itoa(s.Requests))
			h.Set("X-RateLimit-Remaining", strconv.Itoa(at.Remaining))
		}
	}
	if s.RetryAfter && at.Refused == TooOften {
		h.Set("Retry-After", wait)
	}
	if s.Concurrent > 0 && s.ConcurrencyHeader {
		h.Set("X-ConcurrencyLimit-Limit", strconv.Itoa(s.Concurrent))
	}
}

// Seconds are whole ones, rounded up.
func Seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }
