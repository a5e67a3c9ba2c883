package fo

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"sluice/internal/simulator/faults"
	"sluice/internal/simulator/limit"
	"sluice/internal/simulator/wire"
)

// limits are those of each API. Every answer says both (documented).
func (s Settings) limits() limit.Settings {
	return limit.Settings{
		Requests: max(0, s.Requests), WindowSeconds: s.WindowSeconds, Concurrent: max(0, s.Concurrent),
		Headers: limit.SayWait, ConcurrencyHeader: true,
	}
}

// limit lets a call in, or refuses it. The function it returns ends the call.
func (s *Service) limit(name faults.Endpoint, x *wire.Exchange) (leave func(), admitted bool) {
	v, l := s.Settings(), s.limiters[name]
	at := l.Enter(x.Now(), v.limits())
	h := x.W.Header()
	if v.Concurrent > 0 {
		// Recorded: the call itself is not counted, though the documentation says so.
		h.Set("X-Concurrency-Limit-Limit", strconv.Itoa(v.Concurrent))
		h.Set("X-Concurrency-Limit-Running", strconv.Itoa(at.Running))
	}
	if v.Requests > 0 && at.Refused != limit.TooMany { // then they are absent (observed by other clients)
		h.Set("X-RateLimit-Limit", strconv.Itoa(v.Requests))
		h.Set("X-RateLimit-Window-Sec", strconv.Itoa(v.WindowSeconds))
		h.Set("X-RateLimit-Remaining", strconv.Itoa(at.Remaining))
		if !v.LateToWait || at.Refusals != 1 {
			h.Set("X-RateLimit-ToWait-Sec", strconv.Itoa(limit.Seconds(at.Wait)))
		}
	}
	if at.Refused == "" {
		return func() { l.Leave(at) }, true
	}
	defer l.Leave(at)
	if at.Refused == limit.TooMany {
		tooMany(x, v, at.Running-v.Concurrent+1)
	} else {
		tooOften(x, v, limit.Seconds(at.Wait))
	}
	return nil, false
}

func tooMany(x *wire.Exchange, v Settings, calls int) {
	simpleReturn(x, v, http.StatusConflict, 1960,
		fmt.Sprintf("This API cannot be run again until %d currently running API instance has finished.", calls),
		"CALLS_TO_FINISH", strconv.Itoa(calls))
}

// tooOften refuses a call; with no seconds it does not say how long to wait.
func tooOften(x *wire.Exchange, v Settings, wait int) {
	var items []string
	if wait > 0 {
		items = []string{"SECONDS_TO_WAIT", strconv.Itoa(wait)}
	}
	simpleReturn(x, v, http.StatusConflict, 1965, "This API cannot be run again for another "+duration(wait)+".", items...)
}

// duration words seconds as the vendor does: "23 hours, 57 minutes and 54 seconds".
func duration(n int) string {
	var parts []string
	if n >= 3600 {
		parts = append(parts, strconv.Itoa(n/3600)+" hours")
	}
	if n >= 60 {
		parts = append(parts, strconv.Itoa(n/60%60)+" minutes")
	}
	return strings.TrimPrefix(strings.Join(parts, ", ")+" and "+strconv.Itoa(n%60)+" seconds", " and ")
}
