// Package transport is the one HTTP client for all vendors. It bounds what an
// answer may cost (time, bytes, redirects), and turns everything that goes
// wrong on the way into a classified *fault.Error, so that no kind has rules
// of its own about networks and status codes.
package transport

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/oauth2"

	"sluice/internal/fault"
)

// Options configure a Client. Only BaseURL is required; zero values take the
// defaults named at each field.
type Options struct {
	// BaseURL is where all requests go; see CheckBaseURL.
	BaseURL string
	// Vendor names the other side in messages: "Qualys".
	Vendor string
	// Endpoint is what to check when the endpoint is the wrong one, in advice:
	// "the base URL or platform" (default).
	Endpoint string
	// UserAgent is sent with every request; default "sluice".
	UserAgent string
	// Network is how the endpoint is reached; the zero value: directly.
	Network Network

	ConnectTimeout time.Duration // TCP connect; default 15 s
	TLSTimeout     time.Duration // TLS handshake; default 15 s
	// HeaderTimeout bounds the wait for an answer to begin; default 3 min,
	// since a search may take a vendor long to prepare.
	HeaderTimeout time.Duration
	// IdleTimeout bounds the wait for the next bytes of a body; default
	// 1 min. A body as a whole has no time limit: answers may be long.
	IdleTimeout time.Duration
	// MaxBody bounds a body in bytes, after decompression; default 256 MiB.
	MaxBody int64

	// Message takes what the vendor says out of an error body; what it
	// returns becomes part of the error. Nil says nothing.
	Message func(body []byte) string
	// Refine changes the error of an answer that is no success (4xx, 5xx, or
	// markup where JSON was expected) where the vendor's own codes say more
	// than the status. Nil leaves it.
	Refine func(f *fault.Error, answer Failure)
	// Refusal says whether an answer of success is one in which the vendor
	// refuses who asks: an error of class Auth. It may look at the beginning of
	// the body, and use up nothing of it. Nil: none is.
	Refusal func(*Response) *fault.Error
	// SecretHeaders name the request headers whose values never appear in
	// an error, even when an answer echoes them. Authorization is always
	// one, with the password in it.
	SecretHeaders []string
}

// Client talks to one vendor endpoint. It is safe for concurrent use.
//
// Proxies of the environment (HTTPS_PROXY and the like) are not used: whom
// credentials pass on their way has to be visible at the connector, and must
// not differ from worker to worker.
type Client struct {
	options Options
	http    *http.Client
}

// New checks the options and returns a client. It makes no connection.
func New(o Options) (*Client, error) {
	base, err := CheckBaseURL(o.BaseURL)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	if n := o.Network; u.Scheme == "http" && n.proxy != nil && !Loopback(n.proxy.Hostname()) {
		return nil, refused("base-url", "the base URL is plain http, which would send the credentials in clear to the proxy "+n.proxyAddress(), nil)
	}
	o.BaseURL = base
	o.Vendor = orDefault(o.Vendor, "the vendor")
	o.Endpoint = orDefault(o.Endpoint, "the base URL or platform")
	o.UserAgent = orDefault(o.UserAgent, "sluice")
	o.ConnectTimeout = orDefault(o.ConnectTimeout, 15*time.Second)
	o.TLSTimeout = orDefault(o.TLSTimeout, 15*time.Second)
	o.HeaderTimeout = orDefault(o.HeaderTimeout, 3*time.Minute)
	o.IdleTimeout = orDefault(o.IdleTimeout, time.Minute)
	o.MaxBody = orDefault(o.MaxBody, 256<<20)
	o.SecretHeaders = append([]string{"Authorization"}, o.SecretHeaders...)

	return &Client{
		options: o,
		http: &http.Client{
			Transport: newTransport(o, u.Hostname()),
			// A redirect is an answer to classify, never one to follow: the
			// credentials are meant for this endpoint alone.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

func orDefault[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// BaseURL is the endpoint, without a trailing slash.
func (c *Client) BaseURL() string { return c.options.BaseURL }

// Request is one call. It can be sent again, since its body is at hand.
type Request struct {
	Method string
	Path   string // begins with a slash; appended to the base URL
	Header http.Header
	Body   []byte
	// JSON says that a successful answer has to be JSON: an HTML page (a
	// login form, a proxy's notice) is then a contract error.
	JSON bool
	// Secrets are those in the body: like those in headers, they never appear
	// in an error, even when an answer echoes them.
	Secrets []string
	// Permit, if any, is asked each time before the request is sent; its error
	// is that of the call.
	Permit func(context.Context) error
	// Answered, if any, gets the status and the headers of each answer.
	Answered func(status int, header http.Header)
}

// authorised is the request with an Authorization header.
func (r Request) authorised(value string) Request {
	header := r.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	header.Set("Authorization", value)
	r.Header = header
	return r
}

// Response is a successful (2xx) answer. Close Body when done.
type Response struct {
	Status int
	Header http.Header
	// Clock is the vendor's time of the answer, from its Date header; zero
	// when there was none.
	Clock time.Time
	// Body is bounded in bytes and in idle time; its read errors other than
	// io.EOF are classified.
	Body io.ReadCloser

	redact func([]byte) []byte
	token  *oauth2.Token // that a Bearer sent; nil: none
}

// Redact returns b without the secrets of the request this answers.
func (r *Response) Redact(b []byte) []byte { return r.redact(b) }

// Do sends the request. Every error is a *fault.Error, except that a done
// context gives the context's error. Answers other than 2xx are errors.
func (c *Client) Do(ctx context.Context, req Request) (*Response, error) {
	target, err := url.Parse(c.options.BaseURL + req.Path)
	if err != nil {
		return nil, refused("bad-request", "the request path "+req.Path+" is not valid", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	h, err := http.NewRequestWithContext(ctx, req.Method, target.String(), bytes.NewReader(req.Body))
	if err != nil {
		cancel(nil)
		return nil, refused("bad-request", "the request could not be built", err)
	}
	for name, values := range req.Header {
		h.Header[name] = values // as spelled: some vendors document camel case
	}
	h.Header.Set("User-Agent", c.options.UserAgent)

	call := call{client: c, method: req.Method, url: target.Redacted(), redact: c.redactor(req)}
	if req.Permit != nil {
		if err := req.Permit(ctx); err != nil {
			cancel(nil)
			return nil, err
		}
	}
	answer, err := c.send(ctx, h, call)
	if err != nil {
		cancel(nil)
		return nil, err
	}
	if req.Answered != nil {
		req.Answered(answer.StatusCode, answer.Header)
	}
	resp := &Response{
		Status: answer.StatusCode,
		Header: answer.Header,
		Clock:  date(answer.Header),
		Body:   newBody(ctx, cancel, answer.Body, call, c.options),
		redact: call.redact,
	}
	if answer.StatusCode/100 != 2 {
		defer resp.Body.Close()
		return nil, call.statusError(resp)
	}
	if req.JSON {
		if err := call.refuseMarkup(resp); err != nil {
			resp.Body.Close()
			return nil, err
		}
	}
	return resp, nil
}

// send sends the request and classifies what goes wrong on the way.
func (c *Client) send(ctx context.Context, h *http.Request, call call) (*http.Response, error) {
	n := c.options.Network
	passed, done, err := n.enterProxy(ctx)
	if err != nil {
		return nil, err
	}
	way := &way{passed: passed}
	answer, err := c.http.Do(h.WithContext(way.on(ctx)))
	switch {
	case err != nil:
		err = call.networkError(ctx, way, err)
	case answer.StatusCode == http.StatusProxyAuthRequired && n.proxy != nil && h.URL.Scheme == "http":
		answer.Body.Close()
		err = n.proxyStatusError(answer.StatusCode, answer.Header, c.options.BaseURL)
	default:
		passed()
	}
	done(err)
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// call is what messages about one request need to know of it.
type call struct {
	client *Client
	method string
	url    string
	redact func([]byte) []byte
}

func (c call) vendor() string { return c.client.options.Vendor }

// target names the request in a message: "POST https://host/path".
func (c call) target() string { return c.method + " " + c.url }

func date(h http.Header) time.Time {
	t, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}
