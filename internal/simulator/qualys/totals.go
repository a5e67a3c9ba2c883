package qualys

import (
	"fmt"
	"sync"

	"sluice/internal/simulator/estate"
)

const maxTotals = 64

// totals remembers how many records a search finds in all, so that it is
// counted once and not for every page. Bounded: it forgets everything when full.
type totals struct {
	mu     sync.Mutex
	counts map[string]int
}

func (c *totals) of(w *estate.World, t estate.AssetType, q *search) int {
	key := fmt.Sprint(w.Version(), t, q.before, q.conditions)
	c.mu.Lock()
	n, known := c.counts[key]
	c.mu.Unlock()
	if known {
		return n
	}
	n = q.count(w, t)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil || len(c.counts) >= maxTotals {
		c.counts = map[string]int{}
	}
	c.counts[key] = n
	return n
}
