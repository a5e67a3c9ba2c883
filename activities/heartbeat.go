package activities

import (
	"context"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/activity"
)

// heartbeatEvery is well below the heartbeat timeout of the table of options.
const heartbeatEvery = 2 * time.Second

// Beat is what a heartbeat tells people: the Temporal UI shows it under
// pending activities. Nothing is resumed from it; the catalog knows better,
// and heartbeats are throttled and overwritten.
type Beat struct {
	Stream  string `json:"stream"`
	Batch   int    `json:"batch"`
	Doing   string `json:"doing"`
	Pages   int64  `json:"pages,omitempty"`
	Records int64  `json:"records,omitempty"`
	// Expected is how many records the vendor says there are; 0: it does not.
	Expected int64 `json:"expected,omitempty"`
}

// withHeartbeat beats until stop is called, and returns a context that also
// ends, with errDraining, when the worker stops: whatever hangs on a vendor
// or a database is let go, and the next attempt goes on from what is stored.
func withHeartbeat(ctx context.Context, first Beat) (beating context.Context, say func(Beat), stop func()) {
	var last atomic.Pointer[Beat]
	last.Store(&first)
	activity.RecordHeartbeat(ctx, first)
	beating, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(heartbeatEvery)
		defer ticker.Stop()
		for {
			select {
			case <-beating.Done():
				return
			case <-activity.GetWorkerStopChannel(ctx):
				cancel(errDraining)
				return
			case <-ticker.C:
				activity.RecordHeartbeat(ctx, *last.Load())
			}
		}
	}()
	say = func(b Beat) { last.Store(&b) }
	stop = func() { cancel(nil); <-done }
	return beating, say, stop
}
