package transport

import (
	"fmt"
	"sync"
	"time"

	"sluice/internal/fault"
)

// refusalMemory is how long a refused credential is not offered again.
// Vendors lock accounts after a few wrong attempts.
const refusalMemory = 5 * time.Minute

// refusals remember for a while that a credential was refused.
type refusals struct {
	now func() time.Time

	mu    sync.Mutex
	last  *fault.Error
	until time.Time
}

// remembered returns the refusal of a credential that is not to be offered
// now, or nil.
func (r *refusals) remembered() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last == nil || !r.now().Before(r.until) {
		return nil
	}
	again := *r.last
	again.Message += fmt.Sprintf(" (remembered; not tried again before %s, since accounts lock)", r.until.UTC().Format("15:04:05 MST"))
	return &again
}

// note remembers an error of class Auth; others say nothing of the credential.
func (r *refusals) note(err error) {
	f := fault.As(err)
	if f == nil || f.Class != fault.Auth {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	refusal := *f
	r.last, r.until = &refusal, r.now().Add(refusalMemory)
}
