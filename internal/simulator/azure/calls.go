package azure

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"sluice/internal/simulator/faults"
	"sluice/internal/simulator/wire"
)

// Call names a call of the simulated service, in counts and for faults.
type Call string

// The calls.
const (
	Token          Call = "token" // both versions of the endpoint
	Subscriptions  Call = "subscriptions"
	ResourceGroups Call = "resource-groups"
	Resources      Call = "resources" // /resources with a filter
	Services       Call = "services"  // lists of services
	OneService     Call = "service"
	Workspaces     Call = "workspaces"
	VersionSets    Call = "version-sets"
	APIs           Call = "apis" // lists of APIs, and of APIs by tags
	OneAPI         Call = "api"  // GET and HEAD
	Export         Call = "export"
	Revisions      Call = "revisions"
	Operations     Call = "operations"
	Schemas        Call = "schemas"
	Tags           Call = "tags"
	Blob           Call = "blob"
	Unknown        Call = "unknown" // paths that there are not
)

// Calls lists all calls.
func Calls() []Call {
	return []Call{
		Token, Subscriptions, ResourceGroups, Resources, Services, OneService, Workspaces, VersionSets, APIs, OneAPI,
		Export, Revisions, Operations, Schemas, Tags, Blob, Unknown,
	}
}

// Fault is one thing that goes wrong, and when: see faults.Fault, whose Endpoint
// stays empty. A fault that names no call is one of each call, counted for each
// apart. Kinds that mean something of their own here:
//
//   - faults.ErrorBody: the error of Code with the status that goes with it, such
//     as PreconditionFailed (412), PessimisticConcurrencyConflict (409),
//     ManagementApiRequestFailed (422), AuthorizationFailed (403)
//   - faults.Throttle: 429 SubscriptionRequestsThrottled, or Status 409
//   - faults.EmptyForever, RepeatPage, Duplicate, OmitRecord, ShiftCount and
//     WithoutMarker spoil pages; WithoutMarker leaves nextLink out
//   - faults.RevokeTokens: the call is answered 401 ExpiredAuthenticationToken
type Fault struct {
	faults.Fault
	Of Call
}

// calls counts the calls and decides which go wrong. Each has a server of its
// own, since the shared packages name the calls of another vendor: its only
// endpoint is slot.
type calls struct {
	servers map[Call]*wire.Server // fixed after newCalls
}

// slot is the name of the only endpoint of a call's server.
const slot = faults.Token

func newCalls(seed uint64, now func() time.Time, revoke func()) *calls {
	c := &calls{servers: map[Call]*wire.Server{}}
	for i, name := range Calls() {
		c.servers[name] = &wire.Server{Plan: faults.NewPlan(seed + uint64(i)<<16), Now: now, Counters: wire.NewCounters(), Revoke: revoke}
	}
	return c
}

// serve serves one request under a call's name.
func (c *calls) serve(name Call, words wire.Words, w http.ResponseWriter, r *http.Request, answer func(*wire.Exchange)) {
	c.servers[name].Endpoint(slot, words, answer).ServeHTTP(w, r)
}

// SetFaults replaces the faults of calls; none ends all. When one is not valid,
// nothing changes.
func (s *Simulator) SetFaults(list ...Fault) error {
	byCall := map[Call][]faults.Fault{}
	for _, f := range list {
		if f.Of != "" && !slices.Contains(Calls(), f.Of) {
			return fmt.Errorf("simulator: unknown call %q; known are %v", f.Of, Calls())
		}
		if f.Endpoint != "" {
			return fmt.Errorf("simulator: fault %q names the endpoint %q of another vendor; use Of", f.Kind, f.Endpoint)
		}
		if err := faults.NewPlan(0).Set(f.Fault); err != nil {
			return err
		}
		for _, name := range Calls() {
			if f.Of == "" || f.Of == name {
				byCall[name] = append(byCall[name], f.Fault)
			}
		}
	}
	for name, server := range s.calls.servers {
		if err := server.Plan.Set(byCall[name]...); err != nil {
			return err
		}
	}
	return nil
}

// Counts is what a simulator has done so far.
type Counts struct {
	Calls         map[Call]int64      `json:"calls"`
	MaxConcurrent map[Call]int64      `json:"maxConcurrent"` // most calls of a name at the same time
	TokensMinted  int64               `json:"tokensMinted"`
	TokensRefused int64               `json:"tokensRefused"`
	Unauthorized  int64               `json:"unauthorized"` // 401 of ARM
	Throttled     int64               `json:"throttled"`    // 429 by the token bucket
	LinksRefused  int64               `json:"linksRefused"` // 403 of the blob host
	WrongBlobs    int64               `json:"wrongBlobs"`   // downloads that got another export's document
	Faults        map[faults.Kind]int `json:"faults"`
}

// Counts returns what has been served so far.
func (s *Simulator) Counts() Counts {
	out := Counts{
		Calls: map[Call]int64{}, MaxConcurrent: map[Call]int64{}, Faults: map[faults.Kind]int{},
		TokensMinted: s.tokens.minted.Load(), TokensRefused: s.tokens.refused.Load(),
		Unauthorized: s.tokens.unauthorized.Load(), Throttled: s.buckets.throttled.Load(),
		LinksRefused: s.blobs.refused.Load(), WrongBlobs: s.blobs.wrong.Load(),
	}
	for name, server := range s.calls.servers {
		counts := server.Counters.Counts()
		out.Calls[name], out.MaxConcurrent[name] = counts.Calls[slot], counts.MaxConcurrent[slot]
		for kind, n := range server.Plan.Counts() {
			out.Faults[kind] += n
		}
	}
	return out
}
