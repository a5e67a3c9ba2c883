// Package faults decides which calls to the simulated vendor go wrong, and how.
// What a fault does on the wire is the business of the package that serves it.
package faults

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"
)

// Kind is what goes wrong.
type Kind string

// Faults of a call. Where a kind reads parameters of Fault, they are named.
const (
	RevokeTokens  Kind = "revoke-tokens"  // every token given out so far ends; this call answers 401
	Throttle      Kind = "throttle"       // 429 (or Status 409; FO: 409 unless Status is 429), with Retry-After and X-RateLimit headers: RetryAfter
	HTTPError     Kind = "http-error"     // Status (default 500), as JSON or, with HTML, as a web page
	ErrorBody     Kind = "error-body"     // HTTP 200 whose body says Code (default OTHER_ERROR; FO: the status that goes with it, default 999)
	LoginPage     Kind = "login-page"     // HTTP 200 with an HTML login form
	Redirect      Kind = "redirect"       // 307 to Location (default: another host)
	HangUp        Kind = "hang-up"        // the connection closes without an answer
	Slow          Kind = "slow"           // the answer begins after Delay
	Trickle       Kind = "trickle"        // the body comes Bytes (default 64) at a time, Delay apart
	Cut           Kind = "cut"            // the connection closes in the middle of a record
	Truncate      Kind = "truncate"       // the body ends, as if complete, in the middle of a record
	EndlessBody   Kind = "endless-body"   // a record whose name does not end, or ends after Bytes
	GzipBomb      Kind = "gzip-bomb"      // Bytes (default 1 GiB) of blanks that are small on the wire
	DeepNesting   Kind = "deep-nesting"   // JSON arrays inside each other, Bytes (default 1,000,000) deep
	RepeatPage    Kind = "repeat-page"    // the page of the previous search once more
	Duplicate     Kind = "duplicate"      // the page begins with the last record of the page before
	OmitRecord    Kind = "omit-record"    // one record of the page is missing without a sign
	EmptyForever  Kind = "empty-forever"  // an empty page that says there is more
	ShiftCount    Kind = "shift-count"    // the page's count is wrong by Shift (default 1)
	ShiftTotal    Kind = "shift-total"    // the total count is wrong by Shift (default 1)
	WithoutMarker Kind = "without-marker" // the page does not say whether there is more
	Comments      Kind = "comments"       // XML comments before, inside and after the root element
	PaddedCDATA   Kind = "padded-cdata"   // white space around the texts of XML, inside and outside of CDATA
)

// Kinds lists all kinds.
func Kinds() []Kind {
	return []Kind{
		RevokeTokens, Throttle, HTTPError, ErrorBody, LoginPage, Redirect, HangUp, Slow, Trickle, Cut, Truncate,
		EndlessBody, GzipBomb, DeepNesting, RepeatPage, Duplicate, OmitRecord, EmptyForever, ShiftCount, ShiftTotal,
		WithoutMarker, Comments, PaddedCDATA,
	}
}

// ReplacesAnswer tells whether the caller gets something else instead of the
// answer; other kinds delay or spoil the answer itself.
func (k Kind) ReplacesAnswer() bool {
	switch k {
	case Throttle, HTTPError, ErrorBody, LoginPage, Redirect, HangUp, EndlessBody, GzipBomb, DeepNesting:
		return true
	}
	return false
}

// Endpoint names a call of the vendor's API.
type Endpoint string

// The endpoints a fault can be limited to.
const (
	Token             Endpoint = "token"              // POST /auth/oidc
	SubscriptionToken Endpoint = "subscription-token" // POST /auth/oauth
	SignIn            Endpoint = "sign-in"            // POST /auth
	Applications      Endpoint = "applications"       // POST /tas/rest/webapp/4.0/search
	APICollections    Endpoint = "api-collections"    // POST /tas/rest/api/1.0/search
	WASWebApps        Endpoint = "was-webapps"        // POST /qps/rest/3.0/search/was/webapp
	WASFindings       Endpoint = "was-findings"       // POST /qps/rest/3.0/search/was/finding
	WASCount          Endpoint = "was-count"          // /qps/rest/3.0/count/was/webapp and .../finding
	WASGet            Endpoint = "was-get"            // GET /qps/rest/3.0/get/was/webapp/{id} and .../finding/{id}
	TagCount          Endpoint = "tag-count"          // /qps/rest/2.0/count/am/tag
	PortalVersion     Endpoint = "portal-version"     // GET /qps/rest/portal/version
	VMHosts           Endpoint = "vm-hosts"           // /api/3.0/fo/asset/host/
	VMDetections      Endpoint = "vm-detections"      // /api/5.0/fo/asset/host/vm/detection/
	KnowledgeBase     Endpoint = "knowledge-base"     // /api/3.0/fo/knowledge_base/vuln/
	About             Endpoint = "about"              // GET /msp/about.php
	FIMEvents         Endpoint = "fim-events"         // POST /fim/v2/events/count
	PMDetails         Endpoint = "pm-details"         // GET /pm/v1/details
	ETMReports        Endpoint = "etm-reports"        // POST /etm/api/rest/v1/reports/list
)

// Endpoints lists all endpoints.
func Endpoints() []Endpoint {
	return []Endpoint{
		Token, SubscriptionToken, SignIn, Applications, APICollections,
		WASWebApps, WASFindings, WASCount, WASGet, TagCount, PortalVersion,
		VMHosts, VMDetections, KnowledgeBase, About, FIMEvents, PMDetails, ETMReports,
	}
}

// Fault is one thing that goes wrong, and when. The conditions that are set must
// all hold; without any, it happens on every call. Calls are counted per fault,
// from when it was set, over the endpoints it concerns.
type Fault struct {
	Kind     Kind     `json:"kind"`
	Endpoint Endpoint `json:"endpoint,omitempty"` // all when empty

	Call  int       `json:"call,omitempty"`  // only the n-th call, from 1
	Every int       `json:"every,omitempty"` // only every n-th call
	Share float64   `json:"share,omitempty"` // this share of the calls, drawn by the seed
	From  time.Time `json:"from,omitzero"`   // not before, on the simulator's clock
	Until time.Time `json:"until,omitzero"`  // before, on the simulator's clock
	Times int       `json:"times,omitempty"` // at most so often

	Status     int           `json:"status,omitempty"`     // HTTPError: 500 to 599; Throttle: 409 or 429
	HTML       bool          `json:"html,omitempty"`       // HTTPError
	Code       string        `json:"code,omitempty"`       // ErrorBody: OTHER_ERROR, INVALID_CREDENTIALS, ...
	Location   string        `json:"location,omitempty"`   // Redirect
	RetryAfter int           `json:"retryAfter,omitempty"` // Throttle: seconds
	Delay      time.Duration `json:"-"`                    // Slow, Trickle; in JSON "delay": "250ms"
	Bytes      int64         `json:"bytes,omitempty"`      // Trickle, EndlessBody, GzipBomb, DeepNesting
	Shift      int           `json:"shift,omitempty"`      // ShiftCount, ShiftTotal
}

type plainFault Fault

type jsonFault struct {
	plainFault
	Delay string `json:"delay,omitempty"`
}

// MarshalJSON writes Delay as text such as "250ms".
func (f Fault) MarshalJSON() ([]byte, error) {
	out := jsonFault{plainFault: plainFault(f)}
	if f.Delay != 0 {
		out.Delay = f.Delay.String()
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (f *Fault) UnmarshalJSON(data []byte) error {
	var in jsonFault
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*f = Fault(in.plainFault)
	if in.Delay != "" {
		delay, err := time.ParseDuration(in.Delay)
		if err != nil {
			return fmt.Errorf("delay %q is no duration; write for example 250ms or 2s", in.Delay)
		}
		f.Delay = delay
	}
	return nil
}

func (f *Fault) validate() error {
	switch {
	case !slices.Contains(Kinds(), f.Kind):
		return fmt.Errorf("simulator: unknown fault %q; known are %v", f.Kind, Kinds())
	case f.Endpoint != "" && !slices.Contains(Endpoints(), f.Endpoint):
		return fmt.Errorf("simulator: unknown endpoint %q; known are %v", f.Endpoint, Endpoints())
	case f.Call < 0 || f.Every < 0 || f.Times < 0 || f.RetryAfter < 0 || f.Delay < 0 || f.Bytes < 0:
		return fmt.Errorf("simulator: fault %q has a number below zero", f.Kind)
	case math.IsNaN(f.Share) || f.Share < 0 || f.Share > 1:
		return fmt.Errorf("simulator: the share of fault %q is %v; allowed are 0 to 1", f.Kind, f.Share)
	case f.Kind == Throttle && f.Status != 0 && f.Status != 409 && f.Status != 429:
		return fmt.Errorf("simulator: the status of fault %q is %d; allowed are 409 and 429", f.Kind, f.Status)
	case f.Kind != Throttle && f.Status != 0 && (f.Status < 500 || f.Status > 599):
		return fmt.Errorf("simulator: the status of fault %q is %d; allowed are 500 to 599", f.Kind, f.Status)
	case (f.Kind == Slow || f.Kind == Trickle) && f.Delay == 0:
		return fmt.Errorf("simulator: fault %q needs a delay", f.Kind)
	}
	return nil
}

// Plan holds the faults that are set. Safe for concurrent use.
type Plan struct {
	mu     sync.Mutex
	seed   uint64
	rules  []rule
	served map[Kind]int
}

type rule struct {
	Fault
	calls, times int
}

// NewPlan makes an empty plan; the seed decides the draws of Fault.Share.
func NewPlan(seed uint64) *Plan {
	return &Plan{seed: seed, served: map[Kind]int{}}
}

// Set replaces all faults; none means that nothing goes wrong. When one is not
// valid, nothing changes.
func (p *Plan) Set(faults ...Fault) error {
	rules := make([]rule, len(faults))
	for i, f := range faults {
		if err := f.validate(); err != nil {
			return err
		}
		rules[i] = rule{Fault: f}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = rules
	return nil
}

// Faults returns what is set.
func (p *Plan) Faults() []Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]Fault, len(p.rules))
	for i, r := range p.rules {
		out[i] = r.Fault
	}
	return out
}

// Next counts a call and returns the faults that meet it, in the order they
// were set.
func (p *Plan) Next(e Endpoint, now time.Time) []Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	var due []Fault
	for i := range p.rules {
		if r := &p.rules[i]; r.meets(e, now, p.seed+uint64(i)) {
			due = append(due, r.Fault)
		}
	}
	return due
}

func (r *rule) meets(e Endpoint, now time.Time, seed uint64) bool {
	if r.Endpoint != "" && r.Endpoint != e {
		return false
	}
	r.calls++
	switch {
	case r.Call > 0 && r.calls != r.Call,
		r.Every > 0 && r.calls%r.Every != 0,
		r.Times > 0 && r.times >= r.Times,
		!r.From.IsZero() && now.Before(r.From),
		!r.Until.IsZero() && !now.Before(r.Until),
		r.Share > 0 && draw(seed, uint64(r.calls)) >= r.Share:
		return false
	}
	r.times++
	return true
}

// draw is a number in [0, 1) that depends on seed and call alone.
func draw(seed, call uint64) float64 {
	x := seed*0x9e3779b97f4a7c15 + call*0xd1342543de82ef95
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	x ^= x >> 31
	return float64(x>>11) / (1 << 53)
}

// Served counts a fault that really reached the caller; a duplicate on the first
// page, for example, does not.
func (p *Plan) Served(k Kind) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.served[k]++
}

// Counts returns how often each kind reached a caller.
func (p *Plan) Counts() map[Kind]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make(map[Kind]int, len(p.served))
	for k, n := range p.served {
		out[k] = n
	}
	return out
}
