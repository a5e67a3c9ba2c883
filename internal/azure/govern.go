package azure

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"sluice/internal/fault"
	"sluice/internal/governor"
)

// ARM keeps a bucket of reads for each subscription and principal: 250, filled
// again by 25 a second; another for calls without a subscription (Azure
// documentation: "Understand how Azure Resource Manager throttles requests").
// Answers tell what is left in it. Who calls before a Retry-After is over
// starts the wait anew.
//
// For the governor that is a window in which a whole bucket is filled: so many
// calls in any such time never empty it. Others may take from it too, so that
// calls wait for the refill when little is left.
const (
	bucketReads  = 250
	refillEvery  = time.Second / 25
	bucketWindow = bucketReads * refillEvery
	// low is what is left when calls wait, and ample until when.
	low   = 25
	ample = 50
)

// remainingHeaders are those that tell what is left, of which the least holds.
var remainingHeaders = []string{
	"X-Ms-Ratelimit-Remaining-Subscription-Reads",
	"X-Ms-Ratelimit-Remaining-Subscription-Global-Reads",
	"X-Ms-Ratelimit-Remaining-Tenant-Reads",
}

// apiOf is the bucket that a path counts in: its subscription's, or that of the
// tenant.
func apiOf(path string) governor.API {
	rest, found := strings.CutPrefix(strings.ToLower(path), "/subscriptions/")
	if !found {
		return governor.API{Name: "arm/tenant"}
	}
	id, _, _ := strings.Cut(rest, "/")
	id, _, _ = strings.Cut(id, "?")
	return governor.API{Name: "arm/" + id}
}

// limitsIn is what the headers of an answer say of its bucket. One that has
// more left than the bucket holds counts in another way, as clouds did that
// counted by the hour: what that allows in ten seconds is not known.
func limitsIn(h http.Header) governor.Answer {
	a := governor.Answer{Remaining: -1} // it may be filled again by the next call
	least := -1
	for _, name := range remainingHeaders {
		if left, err := strconv.Atoi(h.Get(name)); err == nil && (least < 0 || left < least) {
			least = max(left, 0)
		}
	}
	if least < 0 {
		return a
	}
	if least <= bucketReads {
		a.Calls, a.Window = bucketReads, bucketWindow
	}
	if least < low {
		a.Wait = time.Duration(ample-least) * refillEvery
		a.Said = fmt.Sprintf("Azure has %d reads left for the application, and refills them by %d a second", least, time.Second/refillEvery)
	}
	return a
}

// refusalOf is what an error of class Throttled says of its bucket.
func refusalOf(f *fault.Error) governor.Answer {
	return governor.Answer{Remaining: -1, Wait: f.Wait, TooOften: true, Said: Said(f)}
}
