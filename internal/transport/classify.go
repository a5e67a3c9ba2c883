package transport

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"sluice/internal/fault"
)

// Codes of the errors made here, for those who have to tell them apart; those
// of errors on the way to the vendor are beside NotReached.
const (
	CodeCut          = "answer-cut"       // the body ended or stalled early
	CodeTooLarge     = "answer-too-large" // the body is above its bound
	CodeUnauthorised = "unauthorised"     // 401
	CodeForbidden    = "forbidden"        // 403
	CodeNotFound     = "not-found"        // 404, 410
	CodeRedirected   = "redirected"       // 3xx
	CodeBadRequest   = "bad-request"      // other 4xx
	CodeThrottled    = "throttled"        // 429, 409 and 503 with a wait
	CodeServerError  = "server-error"     // 500 and other 5xx
	CodeUnavailable  = "unavailable"      // 408, 425, 502, 503, 504
	CodeMarkup       = "markup"           // HTML or XML where JSON was expected

	CodeTokenNotAccepted = "token-not-accepted" // refused even with a fresh token
	CodeTokenRefused     = "token-refused"      // no token is given for the credentials
	CodeLoginRefused     = "login-refused"      // 401 to a user name and password
)

// maxHead bounds how much of the body of an answer that is no success is
// looked at, in bytes.
const maxHead = 16 << 10

// A Failure is an answer that is no success, as the vendor's package sees it.
type Failure struct {
	Status int
	Header http.Header
	Head   []byte // the beginning of the body, without the request's secrets
	// Wait is how long the headers ask to wait; 0 when they do not.
	Wait time.Duration
}

func refused(code, message string, err error) *fault.Error {
	return &fault.Error{Class: fault.Refused, Code: code, Message: message, Err: err}
}

// cut classifies a body that broke off.
func (c call) cut(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	switch {
	case errors.Is(cause, errIdle):
		err = errIdle
	case cause != nil:
		return fmt.Errorf("%s: %w", c.target(), cause)
	}
	return &fault.Error{
		Class: fault.Transient, Code: CodeCut,
		Message: "the answer of " + c.vendor() + " to " + c.target() + " broke off", Err: err,
	}
}

// statusError classifies an answer by its status.
func (c call) statusError(r *Response) error {
	head, _ := io.ReadAll(io.LimitReader(r.Body, maxHead)) // what arrived is enough for a message
	head = c.redact(head)
	f := &fault.Error{
		Message: fmt.Sprintf("%s answered %d %s to %s", c.vendor(), r.Status, http.StatusText(r.Status), c.target()),
		Detail:  fault.Head(head),
	}
	if say := c.client.options.Message; say != nil {
		if said := say(head); said != "" {
			f.Message += ": " + string(c.redact([]byte(said))) // again: escapes are undone by now
		}
	}
	wait, asked := retryAfter(r)
	switch s := r.Status; {
	case s/100 == 3:
		f.Class, f.Code = fault.Refused, CodeRedirected
		f.Message += " (a redirect" + toHost(r.Header.Get("Location")) + ", which is not followed with credentials)"
		f.Advice = "check " + c.client.options.Endpoint + ": this is usually a login page or the wrong host"
	case s == http.StatusUnauthorized:
		f.Class, f.Code = fault.Auth, CodeUnauthorised
	case s == http.StatusForbidden:
		f.Class, f.Code = fault.Refused, CodeForbidden
		f.Advice = "check the permissions of the account, and that the subscription includes this module"
	case s == http.StatusNotFound, s == http.StatusGone:
		f.Class, f.Code = fault.Refused, CodeNotFound
		f.Advice = "check " + c.client.options.Endpoint + ": this endpoint does not exist there"
	case s == http.StatusTooManyRequests, asked && (s == http.StatusConflict || s == http.StatusServiceUnavailable):
		f.Class, f.Code, f.Wait = fault.Throttled, CodeThrottled, wait
	case s == http.StatusRequestTimeout, s == http.StatusTooEarly,
		s == http.StatusBadGateway, s == http.StatusServiceUnavailable, s == http.StatusGatewayTimeout:
		f.Class, f.Code = fault.Transient, CodeUnavailable
	case s/100 == 5:
		f.Class, f.Code = fault.Transient, CodeServerError
	default:
		f.Class, f.Code = fault.Refused, CodeBadRequest
	}
	if !asked {
		wait = 0
	}
	if r.Status/100 != 3 {
		c.refine(f, r, head, wait)
	}
	return f
}

// refine lets the vendor's package say what an answer means.
func (c call) refine(f *fault.Error, r *Response, head []byte, wait time.Duration) {
	if refine := c.client.options.Refine; refine != nil {
		refine(f, Failure{Status: r.Status, Header: r.Header, Head: head, Wait: wait})
		f.Message = string(c.redact([]byte(f.Message)))
	}
}

// toHost names the host of a redirect; the rest of it may hold a token.
func toHost(location string) string {
	u, err := url.Parse(location)
	if err != nil || u.Host == "" {
		return ""
	}
	return " to " + fault.Head([]byte(u.Host))
}

// refuseMarkup looks at the first bytes of an answer that has to be JSON.
func (c call) refuseMarkup(r *Response) error {
	buffered := bufio.NewReaderSize(r.Body, 4<<10)
	first, err := buffered.Peek(1)
	for err == nil && (first[0] == ' ' || first[0] == '\t' || first[0] == '\r' || first[0] == '\n') {
		if _, err = buffered.Discard(1); err == nil {
			first, err = buffered.Peek(1)
		}
	}
	r.Body = struct {
		io.Reader
		io.Closer
	}{buffered, r.Body}
	if err != nil || first[0] != '<' {
		return nil // an empty or broken answer is for the decoder to judge
	}
	head, _ := io.ReadAll(io.LimitReader(r.Body, maxHead))
	head = c.redact(bytes.TrimSpace(head))
	f := &fault.Error{
		Class: fault.Contract, Code: CodeMarkup,
		Message: c.vendor() + " answered " + c.target() + " with a web page instead of JSON",
		Advice:  "check " + c.client.options.Endpoint + ": this is usually a login page, or a proxy's notice",
		Detail:  fault.Head(head),
	}
	c.refine(f, r, head, 0)
	return f
}
