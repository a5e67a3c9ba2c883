package qualys

import (
	"sync/atomic"

	"sluice/internal/simulator/faults"
)

// Counts is what the service has done so far.
type Counts struct {
	Calls         map[faults.Endpoint]int64 `json:"calls"`
	MaxConcurrent map[faults.Endpoint]int64 `json:"maxConcurrent"` // most calls of an endpoint at the same time
	TokensMinted  int64                     `json:"tokensMinted"`
	TokensRefused int64                     `json:"tokensRefused"` // wrong or missing credentials
	Unauthorized  int64                     `json:"unauthorized"`  // calls without a valid token
	Pages         int64                     `json:"pages"`
	Records       int64                     `json:"records"`
	Findings      int64                     `json:"findings"`
	Bytes         int64                     `json:"bytes"` // of pages
	Faults        map[faults.Kind]int       `json:"faults"`
}

type counters struct {
	endpoints                                 map[faults.Endpoint]*endpointCounters // fixed after New
	tokensMinted, tokensRefused, unauthorized atomic.Int64
	pages, records, findings, bytes           atomic.Int64
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

// Counts returns what the service has done so far.
func (s *Service) Counts() Counts {
	c := Counts{
		Calls:         map[faults.Endpoint]int64{},
		MaxConcurrent: map[faults.Endpoint]int64{},
		TokensMinted:  s.counts.tokensMinted.Load(),
		TokensRefused: s.counts.tokensRefused.Load(),
		Unauthorized:  s.counts.unauthorized.Load(),
		Pages:         s.counts.pages.Load(),
		Records:       s.counts.records.Load(),
		Findings:      s.counts.findings.Load(),
		Bytes:         s.counts.bytes.Load(),
		Faults:        s.faults.Counts(),
	}
	for name, e := range s.counts.endpoints {
		c.Calls[name] = e.calls.Load()
		c.MaxConcurrent[name] = e.maxRunning.Load()
	}
	return c
}
