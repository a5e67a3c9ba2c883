package transport

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	defaultWait = time.Minute
	maxWait     = 24 * time.Hour
)

// retryAfter says how long a vendor asks to wait: the longest of Retry-After
// (seconds or an HTTP date) and X-RateLimit-ToWait-Sec (Qualys documentation:
// API limits), at most a day. When it does not say, asked is false and the
// wait is the default.
func retryAfter(r *Response) (wait time.Duration, asked bool) {
	now := r.Clock
	if now.IsZero() {
		now = time.Now()
	}
	for _, name := range []string{"Retry-After", "X-RateLimit-ToWait-Sec"} {
		value := strings.TrimSpace(r.Header.Get(name))
		var this time.Duration
		if seconds, err := strconv.ParseFloat(value, 64); err == nil {
			if !(seconds > 0) {
				continue
			}
			this = time.Duration(min(seconds, maxWait.Seconds()) * float64(time.Second))
		} else if at, err := http.ParseTime(value); err == nil {
			this = at.Sub(now)
		}
		wait = max(wait, this)
	}
	if wait <= 0 {
		return defaultWait, false
	}
	return min(max(wait, time.Second), maxWait), true
}
