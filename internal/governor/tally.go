package governor

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Calls are counted by the bucket of time in which they were made, a hundredth
// of the window wide, and as if at its end. A call is so held against the
// subscription for up to one percent longer than the vendor does, and never
// shorter.
const (
	bucketsPerWindow = 100
	maxBuckets       = 2 * bucketsPerWindow
)

// A Tally counts calls by time, oldest first.
type Tally []Bucket

// A Bucket is some calls, counted as made at a time.
type Bucket struct {
	At time.Time
	N  int
}

// width of a bucket of a window.
func width(window time.Duration) time.Duration {
	return max(window/bucketsPerWindow, time.Millisecond)
}

// roundUp is the end of the bucket that a time is in. Times are whole
// milliseconds, as they are stored.
func roundUp(at time.Time, w time.Duration) time.Time {
	ms := int64(w / time.Millisecond)
	t := at.Add(time.Millisecond - time.Nanosecond).UnixMilli()
	return time.UnixMilli((t + ms - 1) / ms * ms).UTC()
}

// add counts n calls made at a time.
func (t *Tally) add(at time.Time, n int, window time.Duration) {
	if n <= 0 {
		return
	}
	t.put(Bucket{roundUp(at, width(window)), n})
	if len(*t) > maxBuckets { // of windows of other lengths
		old := *t
		*t = nil
		for _, b := range old {
			t.put(Bucket{roundUp(b.At, width(window)), b.N})
		}
	}
}

func (t *Tally) put(b Bucket) {
	i, found := slices.BinarySearchFunc(*t, b.At, func(b Bucket, at time.Time) int { return b.At.Compare(at) })
	if found {
		(*t)[i].N += b.N
		return
	}
	*t = slices.Insert(*t, i, b)
}

// age drops what is not in the window any more.
func (t *Tally) age(now time.Time, window time.Duration) {
	old := 0
	for old < len(*t) && !(*t)[old].At.Add(window).After(now) {
		old++
	}
	*t = (*t)[old:]
}

func (t Tally) sum() (n int) {
	for _, b := range t {
		n += b.N
	}
	return n
}

// shrink drops the oldest until no more than n are left.
func (t *Tally) shrink(n int) {
	for over := t.sum() - n; over > 0; {
		if first := &(*t)[0]; first.N > over {
			first.N -= over
			return
		}
		over -= (*t)[0].N
		*t = (*t)[1:]
	}
}

// between counts the calls that were certainly made after one time and before
// another.
func (t Tally) between(after, before time.Time, window time.Duration) (n int) {
	w := width(window)
	for _, b := range t {
		if !b.At.Add(-w).Before(after) && b.At.Before(before) {
			n += b.N
		}
	}
	return n
}

// nth is when the nth oldest of two tallies was made; false: there are fewer.
func nth(a, b Tally, n int) (time.Time, bool) {
	for n > 0 && len(a)+len(b) > 0 {
		next := &a
		if len(a) == 0 || len(b) > 0 && b[0].At.Before(a[0].At) {
			next = &b
		}
		first := (*next)[0]
		if n -= first.N; n <= 0 {
			return first.At, true
		}
		*next = (*next)[1:]
	}
	return time.Time{}, false
}

// MarshalText writes the time of each bucket, in milliseconds after the one
// before it, and its number: "1700000000000:3 36000:1".
func (t Tally) MarshalText() ([]byte, error) {
	var text []byte
	var before int64
	for i, b := range t {
		if i > 0 {
			text = append(text, ' ')
		}
		at := b.At.UnixMilli()
		text = fmt.Appendf(text, "%d:%d", at-before, b.N)
		before = at
	}
	return text, nil
}

// UnmarshalText reads what MarshalText writes.
func (t *Tally) UnmarshalText(text []byte) error {
	*t = nil
	var at int64
	for field := range strings.FieldsSeq(string(text)) {
		after, number, _ := strings.Cut(field, ":")
		step, err := strconv.ParseInt(after, 10, 64)
		if err != nil {
			return fmt.Errorf("tally of calls: %w", err)
		}
		n, err := strconv.Atoi(number)
		if err != nil {
			return fmt.Errorf("tally of calls: %w", err)
		}
		at += step
		*t = append(*t, Bucket{time.UnixMilli(at).UTC(), n})
	}
	return nil
}
