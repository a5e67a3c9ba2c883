package qualys

import (
	"context"
	"fmt"
	"sync"
	"time"

	"sluice/internal/fault"
)

// What the readings of the vendor's lists have in common, whatever API they
// are of.

// CodeUnreadable is the code of errors of answers that cannot be read.
const CodeUnreadable = "unreadable-answer"

// After is the value of a lower bound such as vm_processed_after, or of a
// criterion GREATER, for records of a time and later; empty for the zero time.
// Both APIs take dates in UTC and seconds (documented), and their bounds are
// taken for open ones (inferred): one second less closes them.
func After(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Truncate(time.Second).Add(-time.Second).Format("2006-01-02T15:04:05Z")
}

// Pause waits before the same is tried again: backoff after the first try, and
// four times as long after each further one. Its error is that of Stopped.
func Pause(ctx context.Context, backoff time.Duration, try int) error {
	wait := time.NewTimer(backoff << (2 * (try - 1)))
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case <-ctx.Done():
		return Stopped(ctx)
	}
}

// Stopped is the error of a reading whose context has ended.
func Stopped(ctx context.Context) error {
	return fmt.Errorf("reading from Qualys was stopped: %w", context.Cause(ctx))
}

// A Vain remembers for a while that the search for a single bad record, in
// what could not be delivered, did not find one good record: it is the vendor,
// and no record, that is in the way. Then one try has to do. A search takes some
// thirty calls, the caller tries again for an hour, and of 300 calls an hour,
// the vendor's standard limit, some have to be left to others. The zero Vain is
// ready for use, by many at the same time.
type Vain struct {
	until sync.Map // time.Time by the path of a call
}

const vainFor = 20 * time.Minute

// Searched notes that nothing could be had by calls of a path.
func (v *Vain) Searched(path string) { v.until.Store(path, time.Now().Add(vainFor)) }

// Answered notes that something could.
func (v *Vain) Answered(path string) { v.until.Delete(path) }

// Is says whether to search is in vain.
func (v *Vain) Is(path string) bool {
	until, noted := v.until.Load(path)
	return noted && time.Now().Before(until.(time.Time))
}

// Short bounds a vendor's text inside of a message of ours.
func Short(text string) string {
	const limit = 300
	text = fault.Head([]byte(text))
	if r := []rune(text); len(r) > limit {
		return string(r[:limit]) + "…"
	}
	return text
}
