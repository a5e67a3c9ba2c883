package azure

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"sluice/internal/fault"
	"sluice/internal/transport"
)

// ARM keeps a bucket of reads for each subscription and principal: 250, filled
// again by 25 a second; another for calls without a subscription (Azure
// documentation: "Understand how Azure Resource Manager throttles requests").
// Answers tell what is left in it. Who calls before a Retry-After is over
// starts the wait anew.
const (
	refillEvery = time.Second / 25
	// low is what is left when calls begin to wait for the refill.
	low = 25
)

// remainingHeaders are those that tell what is left, of which the least holds.
var remainingHeaders = []string{
	"X-Ms-Ratelimit-Remaining-Subscription-Reads",
	"X-Ms-Ratelimit-Remaining-Subscription-Global-Reads",
	"X-Ms-Ratelimit-Remaining-Tenant-Reads",
}

// pace keeps calls below the limits, bucket by bucket.
type pace struct {
	patience time.Duration // waits up to this are slept through

	mu    sync.Mutex
	until map[string]time.Time // by bucket: no call before
	why   map[string]*fault.Error
}

func newPace(patience time.Duration) *pace {
	return &pace{patience: patience, until: map[string]time.Time{}, why: map[string]*fault.Error{}}
}

// bucket of a path: its subscription, or "" for those of the tenant.
func bucket(path string) string {
	rest, found := strings.CutPrefix(strings.ToLower(path), "/subscriptions/")
	if !found {
		return ""
	}
	id, _, _ := strings.Cut(rest, "/")
	id, _, _ = strings.Cut(id, "?")
	return id
}

// wait returns when a call may be made. A wait that is too long to sit through
// is an error of class Throttled with what is left of it.
func (p *pace) wait(ctx context.Context, bucket string) error {
	for {
		p.mu.Lock()
		left, why := time.Until(p.until[bucket]), p.why[bucket]
		p.mu.Unlock()
		switch {
		case left <= 0:
			return nil
		case left > p.patience && why != nil:
			again := *why
			again.Wait = left
			return &again
		}
		if err := sleep(ctx, left); err != nil {
			return err
		}
	}
}

// answered notes what an answer said is left.
func (p *pace) answered(bucket string, h http.Header) {
	for _, name := range remainingHeaders {
		if left, err := strconv.Atoi(h.Get(name)); err == nil && left < low {
			p.hold(bucket, time.Duration(low-max(left, 0))*refillEvery, nil)
		}
	}
}

// failed notes that a call was throttled, and says whether to try it again
// here.
func (p *pace) failed(bucket string, err error) bool {
	f := fault.As(err)
	if f == nil || f.Class != fault.Throttled {
		return false
	}
	p.hold(bucket, f.Wait, f)
	return f.Wait <= p.patience
}

func (p *pace) hold(bucket string, wait time.Duration, why *fault.Error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := time.Now().Add(wait); until.After(p.until[bucket]) {
		p.until[bucket], p.why[bucket] = until, why
	}
}

// sleep waits, unless the context ends before.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// worthAnotherTry says whether a call that failed may succeed in a moment.
func worthAnotherTry(err error) bool {
	f := fault.As(err)
	return f != nil && f.Class == fault.Transient && f.Code != transport.CodeCertificate
}
