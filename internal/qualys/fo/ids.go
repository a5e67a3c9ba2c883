package fo

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"sluice/internal/fault"
	"sluice/internal/qualys"
	"sluice/internal/transport"
)

// maxSpans bounds a listing of ids, in numbers and ranges of them.
const maxSpans = 5_000_000

// An idSet is ids in ascending order, as ranges without gaps in them.
type idSet struct {
	spans []idSpan
	// before[i] is how many ids there are in front of spans[i].
	before []uint64
	count  uint64
}

// An idSpan is the ids from low to high, both in it.
type idSpan struct{ low, high uint64 }

// newIDSet puts ranges in order.
func newIDSet(spans []idSpan) *idSet {
	slices.SortFunc(spans, func(a, b idSpan) int { return cmp.Compare(a.low, b.low) })
	s := &idSet{}
	for _, next := range spans {
		if n := len(s.spans); n > 0 && next.low <= s.spans[n-1].high+1 {
			last := &s.spans[n-1]
			next = idSpan{last.high + 1, max(last.high, next.high)}
			last.high = next.high
		} else {
			s.spans, s.before = append(s.spans, next), append(s.before, s.count)
		}
		s.count += next.high - next.low + 1
	}
	return s
}

// below is how many ids are smaller than id.
func (s *idSet) below(id uint64) uint64 {
	i := sort.Search(len(s.spans), func(i int) bool { return s.spans[i].high >= id })
	switch {
	case i == len(s.spans):
		return s.count
	case id <= s.spans[i].low:
		return s.before[i]
	}
	return s.before[i] + id - s.spans[i].low
}

// at is the id with n ids below it; n is less than count.
func (s *idSet) at(n uint64) uint64 {
	i := sort.Search(len(s.before), func(i int) bool { return s.before[i] > n }) - 1
	return s.spans[i].low + n - s.before[i]
}

// has says whether an id is in the set.
func (s *idSet) has(id uint64) bool { return s.below(id+1) > s.below(id) }

// list asks for the ids from low to high that a list has now, by its answers
// with details None: ID and ID_RANGE. limit is how many at a time, 0 for all;
// with once, those of the first answer will do.
func (s *Session) list(ctx context.Context, call *Call, form url.Values, low, high uint64, limit int, once bool) (*idSet, time.Time, error) {
	var (
		ids   []idSpan
		clock time.Time
	)
	for low <= high {
		a, err := s.open(ctx, call, ranged(form, low, high, limit))
		if err != nil {
			return nil, clock, err
		}
		if clock.IsZero() {
			clock = a.clock
		}
		ids, err = a.ids(ids)
		a.close()
		switch {
		case err != nil:
			return nil, clock, err
		case a.next == 0 || once:
			return newIDSet(ids), clock, nil
		case a.next <= low:
			return nil, clock, backwards(call, a.next)
		}
		low = a.next
	}
	return newIDSet(ids), clock, nil
}

// listPatiently lists all ids from low on, and tries again what may pass.
func (s *Session) listPatiently(ctx context.Context, call *Call, form url.Values, low, high uint64) (*idSet, time.Time, error) {
	for try := 1; ; try++ {
		ids, clock, err := s.list(ctx, call, form, low, high, 0, false)
		if err == nil || ctx.Err() != nil {
			return ids, clock, err
		}
		t := diagnose(call, err)
		if !t.again || try == maxTries {
			return nil, clock, t.err
		}
		if err := qualys.Pause(ctx, s.limits.Backoff, try); err != nil {
			return nil, clock, err
		}
	}
}

// ids adds the ids of an answer, read to its end.
func (a *answer) ids(to []idSpan) ([]idSpan, error) {
	for {
		name, err := a.element()
		if err == io.EOF {
			return to, nil
		}
		if err != nil {
			return nil, err
		}
		text, err := a.text()
		if err != nil {
			return nil, a.broken(err)
		}
		low, high := text, text
		switch name {
		case "ID":
		case "ID_RANGE":
			low, high, _ = strings.Cut(text, "-")
		default:
			continue
		}
		span := idSpan{}
		if span.low, err = strconv.ParseUint(strings.TrimSpace(low), 10, idBits); err == nil {
			span.high, err = strconv.ParseUint(strings.TrimSpace(high), 10, idBits)
		}
		switch {
		case err != nil, span.low > span.high:
			return nil, &fault.Error{
				Class: fault.Contract, Code: qualys.CodeUnreadable,
				Message: fmt.Sprintf("the %s of Qualys has %q where an id or a range of ids is expected", a.call.Title, qualys.Short(text)),
			}
		case len(to) > 0 && to[len(to)-1].high+1 == span.low:
			to[len(to)-1].high = span.high
		case len(to) == maxSpans:
			return nil, &fault.Error{
				Class: fault.Contract, Code: transport.CodeTooLarge,
				Message: fmt.Sprintf("the %s of Qualys has more than %d ids and ranges of ids", a.call.Title, maxSpans),
			}
		default:
			to = append(to, span)
		}
	}
}

// idBits is how large an id may be: above it there is always another number.
const idBits = 63

// openEnd is the upper end of a range of ids that has none.
const openEnd = math.MaxUint64

// ranged is form for the ids from low to high, limit of them at a time.
func ranged(form url.Values, low, high uint64, limit int) url.Values {
	all := make(url.Values, len(form)+3)
	for name, values := range form {
		all[name] = slices.Clone(values)
	}
	if low > 1 {
		all.Set("id_min", strconv.FormatUint(low, 10))
	}
	if high != openEnd {
		all.Set("id_max", strconv.FormatUint(high, 10))
	}
	if limit >= 0 {
		all.Set("truncation_limit", strconv.Itoa(limit))
	}
	return all
}
