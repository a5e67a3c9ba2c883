package governor

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

// A Status is what is known of an API of a subscription at a time, for people.
type Status struct {
	API string    `json:"api"`
	At  time.Time `json:"at"`
	// Calls may begin in Window, and Concurrent run at the same time, as the
	// vendor last told at Told; zero: it has not.
	Calls      int           `json:"calls,omitempty"`
	Window     time.Duration `json:"window,omitempty"` // nanoseconds
	Concurrent int           `json:"concurrent,omitempty"`
	Told       time.Time     `json:"told,omitzero"`
	// MayCall and MayRun are what may be used of them: less the reserve, and
	// lowered where the vendor refused more. Zero: any number.
	MayCall int `json:"mayCall,omitempty"`
	MayRun  int `json:"mayRun,omitempty"`
	// Lowered says that MayRun is, since the vendor refused one more then.
	Lowered time.Time `json:"lowered,omitzero"`

	Used   int `json:"used"`   // calls of ours in the window
	Others int `json:"others"` // calls of other tools, as far as noticed
	// Next is when the next call may begin; at or before At: now.
	Next    time.Time `json:"next"`
	Blocked time.Time `json:"blocked,omitzero"` // the vendor asks for no call before
	Why     string    `json:"why,omitempty"`    // in the vendor's words

	Running []Running `json:"running"`
	Waiting []Waiting `json:"waiting"`
}

// Running is a slot in use.
type Running struct {
	Who    string    `json:"who"`
	Worker string    `json:"worker"`
	Since  time.Time `json:"since"`
}

// Waiting is one who waits for a slot, or for when it may call.
type Waiting struct {
	Who    string    `json:"who"`
	Worker string    `json:"worker"`
	Since  time.Time `json:"since"`
	Back   time.Time `json:"back"` // when it asks again
}

// Statuses lists the APIs of a subscription by name, as one sees them who
// leaves a reserve, in percent, unused.
func Statuses(ctx context.Context, store Store, subscription string, reserve int) ([]Status, error) {
	states, now, err := store.List(ctx, subscription)
	if err != nil {
		return nil, fmt.Errorf("list limits of %s: %w", subscription, err)
	}
	var list []Status
	for _, api := range slices.Sorted(maps.Keys(states)) {
		s := states[api]
		list = append(list, s.status(now, api, min(max(reserve, 0), 90)))
	}
	return list, nil
}

func (s *State) status(now time.Time, api string, reserve int) Status {
	s.tidy(now)
	st := Status{
		API: api, At: now, Calls: s.Calls, Window: s.Window, Concurrent: s.Concurrent, Told: s.Told,
		MayRun: s.concurrency(now, reserve), Used: s.Used.sum() + s.open(), Others: s.Others.sum(), Next: s.nextCall(now, reserve),
		Running: []Running{}, Waiting: []Waiting{},
	}
	if s.Calls > 0 {
		st.MayCall = share(s.Calls, reserve)
	}
	if lowered := s.cap(now); lowered > 0 && lowered == st.MayRun {
		st.Lowered = s.CapSince
	}
	if s.Blocked.After(now) {
		st.Blocked, st.Why = s.Blocked, s.Why
	}
	for _, l := range s.Leases {
		st.Running = append(st.Running, Running{l.Who, l.Worker, l.Since})
	}
	for _, t := range s.Queue {
		st.Waiting = append(st.Waiting, Waiting{t.Who, t.Worker, t.Since, t.Back})
	}
	return st
}
