package azure

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// buckets are the token buckets by which ARM limits reads, one for each
// subscription and app. Safe for concurrent use.
type buckets struct {
	now       func() time.Time
	throttled atomic.Int64

	mu  sync.Mutex
	all map[string]*bucket
}

type bucket struct {
	left    float64
	at      time.Time // when left was counted
	blocked time.Time // calls before it are refused
}

func newBuckets(now func() time.Time) *buckets {
	return &buckets{now: now, all: map[string]*bucket{}}
}

// take takes one read from a bucket. It returns how many are left, or how many
// seconds to wait. A caller that comes back before that waits from then on anew
// (documented).
func (b *buckets) take(key string, size int, perSecond float64) (left, wait int) {
	if size < 0 {
		return 0, 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	one := b.all[key]
	if one == nil {
		one = &bucket{left: float64(size), at: now}
		b.all[key] = one
	}
	one.left = min(float64(size), one.left+perSecond*now.Sub(one.at).Seconds())
	one.at = now
	if one.left < 1 || now.Before(one.blocked) {
		b.throttled.Add(1)
		wait = max(1, int(math.Ceil((1-one.left)/perSecond)))
		one.blocked = now.Add(time.Duration(wait) * time.Second)
		return 0, wait
	}
	one.left--
	return int(one.left), 0
}
