package wire

import (
	"sync/atomic"

	"sluice/internal/simulator/faults"
)

// Counts is what a simulator has done so far.
type Counts struct {
	Calls         map[faults.Endpoint]int64 `json:"calls"`
	MaxConcurrent map[faults.Endpoint]int64 `json:"maxConcurrent"` // most calls of an endpoint at the same time
	TokensMinted  int64                     `json:"tokensMinted"`
	TokensRefused int64                     `json:"tokensRefused"` // wrong or missing credentials
	Unauthorized  int64                     `json:"unauthorized"`  // calls without a valid token, or name and password
	Pages         int64                     `json:"pages"`
	Records       int64                     `json:"records"`
	Findings      int64                     `json:"findings"`
	Bytes         int64                     `json:"bytes"` // of pages
	Faults        map[faults.Kind]int       `json:"faults"`
}

// Counters count what the services of one simulator do. Safe for concurrent use.
type Counters struct {
	endpoints map[faults.Endpoint]*endpointCounters // fixed after NewCounters

	TokensRefused, Unauthorized     atomic.Int64
	Pages, Records, Findings, Bytes atomic.Int64
}

// NewCounters makes counters for all endpoints.
func NewCounters() *Counters {
	c := &Counters{endpoints: map[faults.Endpoint]*endpointCounters{}}
	for _, name := range faults.Endpoints() {
		c.endpoints[name] = new(endpointCounters)
	}
	return c
}

type endpointCounters struct {
	calls, running, maxRunning atomic.Int64
}

// begin counts a call; the function it returns ends it.
func (c *endpointCounters) begin() func() {
	c.calls.Add(1)
	running := c.running.Add(1)
	for {
		most := c.maxRunning.Load()
		if running <= most || c.maxRunning.CompareAndSwap(most, running) {
			break
		}
	}
	return func() { c.running.Add(-1) }
}

// Counts returns what has been done so far; tokens minted and faults served are
// counted elsewhere.
func (c *Counters) Counts() Counts {
	out := Counts{
		Calls:         map[faults.Endpoint]int64{},
		MaxConcurrent: map[faults.Endpoint]int64{},
		TokensRefused: c.TokensRefused.Load(),
		Unauthorized:  c.Unauthorized.Load(),
		Pages:         c.Pages.Load(),
		Records:       c.Records.Load(),
		Findings:      c.Findings.Load(),
		Bytes:         c.Bytes.Load(),
	}
	for name, e := range c.endpoints {
		out.Calls[name] = e.calls.Load()
		out.MaxConcurrent[name] = e.maxRunning.Load()
	}
	return out
}
