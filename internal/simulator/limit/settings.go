package limit

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Headers is what the answers of an API say of its limits.
type Headers string

// What answers can say.
const (
	// SayNothing is what was recorded of QPS APIs.
	SayNothing Headers = "none"
	// SayRate is the limit and what remains of it, as documented for the gateway.
	SayRate Headers = "rate"
	// SayWait is the window and how long to wait besides, as documented for some
	// of the gateway's modules.
	SayWait Headers = "rate-and-wait"
)

// Settings are the limits of each API, for the whole subscription, and what
// refusals are like. The zero value limits nothing.
type Settings struct {
	Requests      int `json:"requests"`      // within the window; 0 for any number
	WindowSeconds int `json:"windowSeconds"` // sliding; default 3600
	Concurrent    int `json:"concurrent"`    // at the same time; 0 for any number

	Status  int     `json:"status"`  // of refusals: 429 (the default) or 409
	Headers Headers `json:"headers"` // default: as documented or recorded of the API
	// RetryAfter makes refusals for the rate say when to try again, by
	// Retry-After.
	RetryAfter bool `json:"retryAfter"`
	// ConcurrencyHeader makes answers say the number of calls at the same time,
	// by a header in one guide's odd spelling, X-ConcurrencyLimit-Limit.
	ConcurrencyHeader bool `json:"concurrencyHeader"`
}

// defaultWindow is the window of the recorded answers, in seconds.
const defaultWindow = 3600

func (s *Settings) fill(headers Headers) error {
	if s.WindowSeconds == 0 {
		s.WindowSeconds = defaultWindow
	}
	if s.Status == 0 {
		s.Status = http.StatusTooManyRequests
	}
	if s.Headers == "" {
		s.Headers = headers
	}
	known := []Headers{SayNothing, SayRate, SayWait}
	switch {
	case s.Requests < 0 || s.WindowSeconds < 0 || s.Concurrent < 0:
		return fmt.Errorf("simulator: a limit is below 0: %d requests in %d s, %d at the same time", s.Requests, s.WindowSeconds, s.Concurrent)
	case s.Status != http.StatusTooManyRequests && s.Status != http.StatusConflict:
		return fmt.Errorf("simulator: the status of refusals is %d; allowed are 409 and 429", s.Status)
	case !slices.Contains(known, s.Headers):
		return fmt.Errorf("simulator: headers %q are not known; known are %q", s.Headers, known)
	}
	return nil
}

func (s *Settings) window() time.Duration { return time.Duration(s.WindowSeconds) * time.Second }

// tells is what every answer says by these settings.
func (s *Settings) tells() tells {
	return tells{concurrency: s.ConcurrencyHeader, window: s.Headers == SayWait, wait: s.Headers == SayWait}
}
