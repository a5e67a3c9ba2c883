package vm

import (
	"time"

	"sluice/internal/simulator/random"
)

// history is what scans have seen of one detection so far. Times are Unix
// seconds; zero means never.
type history struct {
	status                        string
	first, last, tested, updated  int64
	fixed, reopened, lastReopened int64
	changed, processed            int64
	times, timesReopened          int
}

// begin is the scan that finds the detection.
func (h *history) begin(e *event) {
	*h = history{
		status: StatusNew, first: e.scan, last: e.scan, tested: e.scan, updated: e.scan, processed: e.at, times: 1,
	}
}

// past is what happened before the simulation began.
func (h *history) past(r *Record, hash uint64) {
	span := uint64(r.before - r.Created)
	first := r.Created + int64(random.Mix(hash+1)%span)
	last := r.before
	h.first, h.last, h.tested, h.updated = first, last, last, last
	h.processed = last + int64(r.hash%3600)
	h.times = int(2 + random.Mix(hash+2)%900)
	within := func(n uint64) int64 { return first + int64(random.Mix(hash+n)%uint64(last-first+1)) }
	switch bits := hash >> 3 % 16; {
	case bits == 0:
		h.status, h.first, h.times = StatusNew, last, 1
	case bits < 10:
		h.status = StatusActive
		h.changed = within(3)
	case bits < 14:
		h.status = StatusFixed
		h.fixed = within(4)
		h.last = first + (h.fixed-first)/2
		h.updated, h.changed = h.fixed, h.fixed
	default:
		h.status = StatusReopened
		h.fixed = within(5)
		h.lastReopened = h.fixed + (last-h.fixed)/2
		h.reopened, h.changed, h.timesReopened = h.lastReopened, h.lastReopened, int(1+hash>>60)
	}
	if hash>>17%64 == 0 {
		h.first = h.last + 3600 // a date that cannot be, as vendors have them
	}
}

// scan is one more scan of the host. What is only information is not fixed.
func (h *history) scan(e *event, bits uint64, info bool) {
	h.tested, h.processed = e.scan, e.at
	switch {
	case h.status == StatusFixed:
		if e.change.Reopened == 0 || !random.Below(random.Mix(bits+2), e.change.Reopened) {
			return
		}
		h.status, h.lastReopened, h.changed = StatusReopened, e.scan, e.scan
		h.timesReopened++
		if h.reopened == 0 {
			h.reopened = e.scan
		}
	case !info && e.change.Fixed > 0 && random.Below(random.Mix(bits+3), e.change.Fixed):
		h.status, h.fixed, h.changed, h.updated = StatusFixed, e.scan, e.scan, e.scan
		return
	case h.status != StatusActive:
		h.status, h.changed = StatusActive, e.scan
	}
	h.last, h.updated = e.scan, e.scan
	h.times++
}

func (h *history) tell(d *Detection) {
	when := func(seconds int64) time.Time {
		if seconds == 0 {
			return time.Time{}
		}
		return at(seconds)
	}
	d.Status = h.status
	d.FirstFound, d.LastFound, d.LastTest, d.LastUpdate = when(h.first), when(h.last), when(h.tested), when(h.updated)
	d.LastFixed, d.FirstReopened, d.LastReopened = when(h.fixed), when(h.reopened), when(h.lastReopened)
	d.TimesFound, d.TimesReopened = h.times, h.timesReopened
	d.LastProcessed, d.changed = when(h.processed), when(h.changed)
}
