package governor

import (
	"math"
	"slices"
	"time"
)

// How leases and queues are kept.
const (
	leaseLife  = 30 * time.Second // of a worker that does not renew it
	renewEvery = 10 * time.Second
	// presence is how long after it last asked one who waits is taken to be
	// there. A slot is kept for nobody who is not.
	presence = time.Second
	// absence is how much longer than announced one may stay away.
	absence = 15 * time.Second
	// everyTurn is how often the first of the queue has its turn for certain.
	// In between, who asks in the very moment that a slot is free overtakes it:
	// a slot that waits until another worker asks again is a slot unused.
	everyTurn = 2 * time.Second
	maxQueue  = 200
	// listenPercent bounds the calls that are made to hear of others where the
	// vendor does not say when it lets one in, in percent of the limit.
	listenPercent = 2
	// deaf is how long the answer of such a call is waited for.
	deaf = 5 * time.Second
)

// A State is what is known of an API of a subscription.
type State struct {
	// What the vendor has told; zero: not yet.
	Calls      int           `json:"calls,omitempty"`
	Window     time.Duration `json:"window,omitempty"` // nanoseconds
	Concurrent int           `json:"concurrent,omitempty"`
	Told       time.Time     `json:"told,omitzero"`
	// Assumed is the Concurrent that holds until the vendor says.
	Assumed int `json:"assumed,omitempty"`

	// Used are the calls in the window that were answered, counted at their
	// answer, since the vendor counted them no later. Those that are not yet are
	// in Leases. Others are calls of other tools, of which only the number is
	// known, counted at the latest time possible.
	Used   Tally `json:"used,omitempty"`
	Others Tally `json:"others,omitempty"`
	// Listen is when a call may be made although the others' calls leave no room
	// by our count, to hear how many of them the vendor still counts.
	Listen time.Time `json:"listen,omitzero"`
	// Slowest is about the longest time between a call and its answer of late.
	Slowest time.Duration `json:"slowest,omitempty"`

	Leases []Lease  `json:"leases,omitempty"`
	Queue  []Ticket `json:"queue,omitempty"` // in the order they came
	// Turn is when one was let in before whom nobody was.
	Turn time.Time `json:"turn,omitzero"`

	Blocked time.Time `json:"blocked,omitzero"` // no call may begin before
	Why     string    `json:"why,omitempty"`    // in the vendor's words
	// Refusals in a row, the last of which came at Refused.
	Refusals int       `json:"refusals,omitempty"`
	Refused  time.Time `json:"refused,omitzero"`
	// Cap is how many calls at the same time have evidently worked, at CapSince.
	Cap      int       `json:"cap,omitempty"`
	CapSince time.Time `json:"capSince,omitzero"`
}

// A Lease is a slot in use.
type Lease struct {
	ID      string    `json:"id"`
	Who     string    `json:"who"`
	Worker  string    `json:"worker"`
	Since   time.Time `json:"since"`
	Expires time.Time `json:"expires"`
	// Calling says that a call of it may be running.
	Calling bool `json:"calling,omitempty"`
	// Open is when its call began that is not answered yet.
	Open time.Time `json:"open,omitzero"`
}

// A Ticket is the place of one who waits. One who waits for several slots has
// one, so that all take turns.
type Ticket struct {
	Who    string    `json:"who"`
	Worker string    `json:"worker"`
	Since  time.Time `json:"since"`
	Seen   time.Time `json:"seen"`
	Back   time.Time `json:"back"` // when it will ask again
	// Reserve is the percentage of the limits that it leaves unused.
	Reserve int `json:"reserve,omitempty"`
}

// present says that who has the ticket asks again and again.
func (t Ticket) present(now time.Time) bool {
	return !t.Back.After(t.Seen) && now.Sub(t.Seen) <= presence
}

// A request asks for a slot, if the lease has none, and for a call in it.
type request struct {
	id, who, worker  string
	assumed, reserve int
	call             bool
	// away is how long the one who asks will not ask again, if not granted.
	away time.Duration
}

// A verdict on a request: granted, or what it waits for.
type verdict struct {
	granted bool
	// wait is until it can be granted at the earliest; 0 when that is not known.
	wait time.Duration
	// first says that nobody else is to come before.
	first   bool
	code    string
	message string
	changed bool // the state
}

// ask decides on a request.
func (s *State) ask(now time.Time, q request) verdict {
	s.tidy(now)
	s.Assumed = q.assumed
	lease := s.lease(q.id)
	limit := s.concurrency(now, q.reserve)
	at := s.nextCall(now, q.reserve)
	v := verdict{first: s.first(now, q.who)}
	switch {
	case at.After(now):
		v.wait = at.Sub(now)
		v.code, v.message = s.wordsOfWait(now, at, q.reserve)
	case lease == nil && limit > 0 && len(s.Leases) >= limit:
		v.code, v.message = CodeInUse, s.wordsOfUse(now, limit)
	case lease == nil && !v.first && now.Sub(s.Turn) >= everyTurn && s.room(limit, q.reserve) <= 1:
		v.code, v.message = CodeInUse, s.wordsOfTurn()
	default:
		s.grant(now, lease, q)
		return verdict{granted: true, changed: true}
	}
	if lease == nil { // who has a slot is not in the way of anybody
		v.changed = s.enqueue(now, q)
	}
	return v
}

func (s *State) grant(now time.Time, lease *Lease, q request) {
	if lease == nil {
		if s.first(now, q.who) {
			s.Turn = now
		}
		s.Queue = slices.DeleteFunc(s.Queue, func(t Ticket) bool { return t.Who == q.who })
		s.Leases = append(s.Leases, Lease{ID: q.id, Who: q.who, Worker: q.worker, Since: now})
		lease = &s.Leases[len(s.Leases)-1]
	}
	lease.Expires = now.Add(leaseLife)
	if !q.call {
		return
	}
	if s.rated() && s.spent() >= share(s.Calls, q.reserve) {
		s.Listen = now.Add(deaf) // its answer moves this
	}
	lease.Calling, lease.Open = true, now
}

// tidy drops what is over.
func (s *State) tidy(now time.Time) {
	for _, l := range s.Leases {
		if !now.Before(l.Expires) && !l.Open.IsZero() && s.rated() {
			s.Used.add(l.Expires, 1, s.Window) // at the latest
		}
	}
	s.Leases = slices.DeleteFunc(s.Leases, func(l Lease) bool { return !now.Before(l.Expires) })
	s.Queue = slices.DeleteFunc(s.Queue, func(t Ticket) bool { return now.After(t.Back.Add(absence)) })
	s.Used.age(now, s.Window)
	s.Others.age(now, s.Window)
}

func (s *State) lease(id string) *Lease {
	i := slices.IndexFunc(s.Leases, func(l Lease) bool { return l.ID == id })
	if i < 0 {
		return nil
	}
	return &s.Leases[i]
}

// renew keeps a lease for its worker. One that had ended, because the worker
// could not renew it in time, is there again: its call is running.
func (s *State) renew(now time.Time, l Lease) {
	kept := s.lease(l.ID)
	if kept == nil {
		l.Since = now
		s.Leases = append(s.Leases, l)
		kept = &s.Leases[len(s.Leases)-1]
	}
	kept.Expires = now.Add(leaseLife)
}

// leave ends a lease.
func (s *State) leave(id string) {
	s.Leases = slices.DeleteFunc(s.Leases, func(l Lease) bool { return l.ID == id })
}

// rated says that the number of calls in a window is limited.
func (s *State) rated() bool { return s.Calls > 0 && s.Window > 0 }

// limited says that the state limits anything.
func (s *State) limited(now time.Time) bool {
	return s.rated() || s.Blocked.After(now) || s.Concurrent > 0 || s.cap(now) > 0
}

// share of a limit that may be used: at least one.
func share(limit, reserve int) int { return max(1, limit-limit*reserve/100) }

// concurrency is how many calls may run at the same time; 0: any number.
func (s *State) concurrency(now time.Time, reserve int) int {
	limit := s.Concurrent
	if limit == 0 {
		limit = s.Assumed
	}
	if limit > 0 {
		limit = share(limit, reserve)
	}
	if lowered := s.cap(now); lowered > 0 && (limit == 0 || lowered < limit) {
		return lowered
	}
	return limit
}

// open counts the calls that are not answered yet.
func (s *State) open() (n int) {
	for _, l := range s.Leases {
		if !l.Open.IsZero() {
			n++
		}
	}
	return n
}

// spent counts the calls that are held against the limit.
func (s *State) spent() int { return s.Used.sum() + s.Others.sum() + s.open() }

// nextCall is when the next call may begin.
func (s *State) nextCall(now time.Time, reserve int) time.Time {
	at := now
	if s.Blocked.After(now) {
		at = s.Blocked
	}
	if next := s.nextInWindow(now, reserve); next.After(at) {
		at = next
	}
	return at
}

// nextInWindow is when the window has room for a call.
func (s *State) nextInWindow(now time.Time, reserve int) time.Time {
	if !s.rated() {
		return now
	}
	over := s.spent() - share(s.Calls, reserve) + 1
	if over <= 0 {
		return now
	}
	at, ok := nth(s.Used, s.Others, over)
	if !ok { // it is a call that is not answered yet
		at = now
	}
	at = at.Add(s.Window)
	if s.open() == 0 && s.Used.sum() < share(s.Calls, reserve) && s.Listen.Before(at) {
		at = s.Listen
	}
	return at
}

// listenEvery is the time between two calls that are made to hear of others.
func (s *State) listenEvery() time.Duration {
	return s.Window / time.Duration(max(1, s.Calls*listenPercent/100))
}

// room is how many more may enter.
func (s *State) room(limit, reserve int) int {
	room := math.MaxInt
	if limit > 0 {
		room = limit - len(s.Leases)
	}
	if s.rated() {
		room = min(room, share(s.Calls, reserve)-s.spent())
	}
	return room
}

// first says that nobody who is there, and could go now, has waited for longer.
func (s *State) first(now time.Time, who string) bool {
	for _, t := range s.Queue {
		if t.Who == who {
			return true
		}
		if t.present(now) && !s.excludes(now, t.Reserve) {
			return false
		}
	}
	return true
}

// excludes says that who leaves so much unused cannot be let in now, though
// others, who leave less, may be: a slot is kept for nobody who cannot take it.
func (s *State) excludes(now time.Time, reserve int) bool {
	limit := s.concurrency(now, reserve)
	return limit > 0 && len(s.Leases) >= limit || s.nextCall(now, reserve).After(now)
}

// enqueue notes that one waits, and says whether that is news.
func (s *State) enqueue(now time.Time, q request) bool {
	i := slices.IndexFunc(s.Queue, func(t Ticket) bool { return t.Who == q.who })
	if i < 0 {
		if len(s.Queue) >= maxQueue {
			return false
		}
		i = len(s.Queue)
		s.Queue = append(s.Queue, Ticket{Who: q.who, Since: now})
	}
	t := &s.Queue[i]
	if q.away == 0 && t.present(now.Add(presence/2)) {
		return false // it was just said
	}
	t.Worker, t.Reserve, t.Seen, t.Back = q.worker, q.reserve, now, now.Add(q.away)
	return true
}
