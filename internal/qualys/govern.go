package qualys

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"sluice/internal/fault"
	"sluice/internal/governor"
	"sluice/internal/transport"
)

// Hold takes the right to make calls at a path one after the other with the
// context it returns, until release is called; see governor.Governor.Hold.
func (c *Client) Hold(ctx context.Context, path string) (held context.Context, release func(), err error) {
	return c.governor.Hold(ctx, c.api(path))
}

// govern makes a call within the limits of the subscription, and tells the
// governor what each of its answers says of them. send may send the request
// several times, one after the other.
func (c *Client) govern(ctx context.Context, req transport.Request, send func(transport.Request) (*transport.Response, error)) (*transport.Response, error) {
	slot, err := c.governor.Enter(ctx, c.api(req.Path))
	if err != nil {
		return nil, err
	}
	var refused http.Header // of the answer, where it was no success
	req.Permit = func(ctx context.Context) error {
		refused = nil
		return slot.Call(ctx)
	}
	req.Answered = func(status int, header http.Header) {
		if status/100 != 2 {
			refused = header // what it means stands in the body
			return
		}
		slot.Answered(limitsIn(header))
	}
	resp, err := send(req)
	if err != nil {
		if f := fault.As(err); refused != nil && f != nil {
			slot.Answered(refusalOf(f, refused))
		}
		slot.Leave()
		return nil, err
	}
	if f := refusalIn(resp); f != nil && f.Class == fault.Throttled {
		slot.Answered(refusalOf(f, resp.Header))
	}
	resp.Body = &governed{ReadCloser: resp.Body, leave: sync.OnceFunc(slot.Leave)}
	return resp, nil
}

// governed is the body of an answer whose slot is given back when it is closed.
type governed struct {
	io.ReadCloser
	leave func()
}

func (g *governed) Close() error {
	defer g.leave()
	return g.ReadCloser.Close()
}

// The headers by which Qualys tells its limits (Qualys documentation: API
// limits, and the VMDR Mobile guide of the gateway's, with its other spelling of
// the last but one). Each may be missing, also from answers that have others.
const (
	headerCalls        = "X-RateLimit-Limit"
	headerWindow       = "X-RateLimit-Window-Sec"
	headerRemaining    = "X-RateLimit-Remaining"
	headerWait         = "X-RateLimit-ToWait-Sec"
	headerConcurrent   = "X-Concurrency-Limit-Limit"
	headerConcurrentGW = "X-ConcurrencyLimit-Limit"
)

// limitsIn is what the headers of an answer say of the limits. A limit of zero
// calls is none: answers that were refused for another reason say so
// (recorded), and then their remaining calls mean nothing.
func limitsIn(h http.Header) governor.Answer {
	a := governor.Answer{
		Calls:      int(amountIn(h, headerCalls)),
		Window:     secondsIn(h, headerWindow),
		Remaining:  -1,
		Concurrent: int(max(amountIn(h, headerConcurrent), amountIn(h, headerConcurrentGW))),
		Wait:       secondsIn(h, headerWait),
	}
	if n := amountIn(h, headerRemaining); a.Calls > 0 && n >= 0 {
		a.Remaining = int(n)
	}
	a.Calls, a.Concurrent = max(a.Calls, 0), max(a.Concurrent, 0)
	return a
}

// refusalOf is what an answer that was no success says of the limits.
func refusalOf(f *fault.Error, h http.Header) governor.Answer {
	a := limitsIn(h)
	if f.Class != fault.Throttled {
		return a
	}
	a.Said = f.Message
	a.TooMany, a.TooOften = f.Code == CodeTooMany, f.Code != CodeTooMany
	if a.TooMany {
		// Concurrency is checked first: of the rate nothing is known.
		a.Calls, a.Window, a.Remaining = 0, 0, -1
	} else {
		a.Wait = max(a.Wait, f.Wait)
	}
	return a
}

// amountIn reads a number from a header; negative when there is none.
func amountIn(h http.Header, name string) int64 {
	const most = 1_000_000_000
	n, err := strconv.ParseInt(strings.TrimSpace(h.Get(name)), 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return min(n, most)
}

// longestWindow bounds what is believed of a period; documented ones are an
// hour and a day.
const longestWindow = 31 * 24 * time.Hour

func secondsIn(h http.Header, name string) time.Duration {
	return min(time.Duration(max(amountIn(h, name), 0))*time.Second, longestWindow)
}

// api is what the vendor limits by itself: each call, whatever its version
// (documented of the FO API).
func (c *Client) api(path string) governor.API {
	api := governor.API{Name: apiName(path)}
	if strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, "/msp/") || strings.HasPrefix(path, "/qps/") {
		api.Concurrent = c.concurrent
	}
	return api
}

var versionPart = regexp.MustCompile(`^v?\d+(\.\d+)?$`)

// apiName is a path without its version, and of the QPS APIs with the module in
// front: "fo/asset/host/vm/detection", "was/search/finding", "tas/webapp/search".
func apiName(path string) string {
	var parts []string
	for i, part := range strings.Split(strings.Trim(path, "/"), "/") {
		if versionPart.MatchString(part) || i == 0 && (part == "api" || part == "qps") || part == "rest" {
			continue
		}
		parts = append(parts, part)
	}
	if strings.HasPrefix(path, "/qps/") && len(parts) > 2 {
		parts[0], parts[1] = parts[1], parts[0]
	}
	return strings.Join(parts, "/")
}
