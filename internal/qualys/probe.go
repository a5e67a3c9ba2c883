package qualys

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"sluice/internal/fault"
	"sluice/internal/governor"
	"sluice/internal/source"
	"sluice/internal/transport"
)

// CheckToken is the first step of a connection test of the gateway: it gets a
// new token, since one that is at hand says nothing about the credentials now.
func (c *Client) CheckToken(ctx context.Context) source.Check {
	return c.checkToken(ctx, c.gatewayTokens)
}

func (c *Client) checkToken(ctx context.Context, t *transport.Bearer) source.Check {
	begin := time.Now()
	err := t.Renew(ctx)
	check := CheckFrom("token", err, time.Since(begin))
	if err == nil {
		check.Message = c.withNote("token received from " + c.Endpoint.where())
	}
	return check
}

// CheckCredentials is the first step of a connection test of the API server:
// it finds out whether the vendor accepts who the connector says it is. With
// tokens, that is whether it gives one.
func (c *Client) CheckCredentials(ctx context.Context) source.Check {
	return c.checkLogin(ctx, func() error {
		_, err := c.askQPS(ctx, c.login(), qpsRequest(http.MethodGet, pathVersion, XML, nil))
		return err
	})
}

// CheckVMCredentials is CheckCredentials for VM, by an API of its own that
// takes no tokens.
func (c *Client) CheckVMCredentials(ctx context.Context) source.Check {
	return c.checkLogin(ctx, func() error { return c.askAbout(ctx) })
}

func (c *Client) checkLogin(ctx context.Context, ask func() error) source.Check {
	if c.basic == nil {
		return c.checkToken(ctx, c.apiTokens)
	}
	begin := time.Now()
	err := ask()
	check := CheckFrom("credentials", err, time.Since(begin))
	if err == nil {
		check.Message = c.withNote("user " + c.credentials.username + " accepted by " + c.Endpoint.whereAPI())
	}
	return check
}

// AcceptsToken asks the API server whether it accepts the tokens that the
// gateway gets. That it takes those of every login is inferred.
func (c *Client) AcceptsToken(ctx context.Context) error {
	if err := c.needAPIServer("this call"); err != nil {
		return err
	}
	_, err := c.askQPS(ctx, login{
		send: func(ctx context.Context, server *transport.Client, req transport.Request) (*transport.Response, error) {
			return c.govern(ctx, req, func(req transport.Request) (*transport.Response, error) {
				return withToken(ctx, c.gatewayTokens, server, req)
			})
		},
		rejected: func(*transport.Client, error) {},
	}, qpsRequest(http.MethodGet, pathVersion, XML, nil))
	return err
}

func (c *Client) withNote(message string) string {
	if c.Endpoint.Note != "" {
		message += "; " + c.Endpoint.Note
	}
	return message
}

const (
	// pathVersion lists the versions of a platform's modules, to anyone who
	// can log in (recorded).
	pathVersion = "/qps/rest/portal/version"
	// pathAbout tells VM's version, to anyone who can log in with user name
	// and password; tokens are refused (documented, and seen in the vendor's
	// own clients).
	pathAbout = "/msp/about.php"
	// pathCountTags is documented (Qualys Asset Management and Tagging API).
	pathCountTags = "/qps/rest/2.0/count/am/tag"
	maxSmallBody  = 256 << 10
)

// CountTags asks how many tags the account sees.
func (c *Client) CountTags(ctx context.Context) (int64, error) {
	r, err := c.askQPS(ctx, c.login(), qpsRequest(http.MethodPost, pathCountTags, XML, []byte("<ServiceRequest/>")))
	if err != nil {
		return 0, err
	}
	count, err := strconv.ParseInt(r.count, 10, 64)
	if err != nil || count < 0 {
		return 0, &fault.Error{
			Class: fault.Contract, Code: CodeUnreadable,
			Message: fmt.Sprintf("the answer of Qualys to %s has no count", pathCountTags),
		}
	}
	return count, nil
}

// login is how a small call is made, and what is told of an answer of success
// that is an error.
type login struct {
	send     func(context.Context, *transport.Client, transport.Request) (*transport.Response, error)
	rejected func(*transport.Client, error)
}

// login is that of the API server.
func (c *Client) login() login { return login{c.callAPI, c.rejected} }

// askQPS makes a QPS call with a small answer, and returns it if it is one of
// success.
func (c *Client) askQPS(ctx context.Context, by login, req transport.Request) (response, error) {
	body, redact, err := c.small(ctx, by, c.qps, req)
	if err != nil {
		return response{}, err
	}
	r, ok := parseResponse(body)
	if ok && r.code == success {
		return r, nil
	}
	f := c.strange(req, body, "a ServiceResponse")
	if ok {
		f = Responded(r.code, r.said)
		f.Message = string(redact([]byte(f.Message))) // again: escapes are undone by now
		by.rejected(c.qps, f)
	}
	return r, f
}

// askAbout asks VM for its version.
func (c *Client) askAbout(ctx context.Context) error {
	req := transport.Request{Method: http.MethodGet, Path: pathAbout, Header: http.Header{"X-Requested-With": {"sluice"}}}
	body, _, err := c.small(ctx, c.login(), c.fo, req)
	if err != nil {
		return err
	}
	for _, e := range elements(body) {
		if strings.HasSuffix(e.path, "/WEB-VERSION") {
			return nil
		}
	}
	return c.strange(req, body, "the version of VM")
}

// small makes a call with a small answer, and returns that, without the
// secrets of the request. A SIMPLE_RETURN in it is an error.
func (c *Client) small(ctx context.Context, by login, server *transport.Client, req transport.Request) (body []byte, redact func([]byte) []byte, err error) {
	answer, err := by.send(ctx, server, req)
	if err != nil {
		return nil, nil, err
	}
	defer answer.Body.Close()
	body, err = io.ReadAll(io.LimitReader(answer.Body, maxSmallBody))
	if err != nil {
		return nil, nil, err
	}
	body = answer.Redact(body)
	if code, text, wait, ok := ParseReturn(body); ok {
		f := Returned(code, text, wait)
		f.Message = string(answer.Redact([]byte(f.Message)))
		by.rejected(server, f)
		return nil, nil, f
	}
	return body, answer.Redact, nil
}

// strange is the error of an answer that is none of those expected.
func (c *Client) strange(req transport.Request, body []byte, expected string) *fault.Error {
	return &fault.Error{
		Class: fault.Contract, Code: transport.CodeMarkup,
		Message: "Qualys answered " + req.Path + " with something else than " + expected,
		Advice:  "check the base URL, platform or " + FieldAPIServer + ": this is usually a login page, or a proxy's notice",
		Detail:  fault.Head(body),
	}
}

// CheckCount is a step of a connection test that counts what the account sees:
// records of that name. A count below zero is one that the vendor does not give.
func CheckCount(step, records string, count func() (int64, error)) source.Check {
	begin := time.Now()
	seen, err := count()
	check := CheckFrom(step, err, time.Since(begin))
	if err != nil {
		return check
	}
	check.Seen = seen
	switch {
	case seen < 0:
		check.Message = "answered"
	case seen == 0:
		check.Message = "answered, and shows no " + records
		check.Advice = "if there should be some, check what the account may see: what is outside its scope is left out without a word"
	default:
		check.Message = fmt.Sprintf("answered, and shows %d %s", seen, records)
	}
	return check
}

// notLicensed tells a module that was not bought from a missing permission;
// only the vendor's wording does (inferred).
var notLicensed = regexp.MustCompile(`(?i)licen[sc]e|subscri|evaluation|not enabled`)

const adviceMayPass = "it may pass: test again in some minutes; if it stays, ask the vendor"

// CheckFrom turns the outcome of a step of a connection test into a check.
func CheckFrom(step string, err error, latency time.Duration) source.Check {
	check := source.Check{Step: step, Health: source.Healthy, Latency: latency, Seen: -1}
	if err == nil {
		return check
	}
	check.Health, check.Message = source.Unknown, err.Error()
	f := fault.As(err)
	if f == nil && errors.Is(err, context.DeadlineExceeded) {
		check.Health, check.Advice = source.Unreachable, adviceMayPass
	}
	if f == nil {
		return check
	}
	check.Advice = f.Advice
	bare := *f
	bare.Advice = ""
	check.Message = bare.Error()
	switch {
	case f.Code == governor.CodeInUse:
		check.Health, check.Message = source.NotAsked, "not asked: "+check.Message
	case f.Class == fault.Throttled:
		check.Health = source.Throttled
	case f.Class == fault.Auth, f.Code == CodeRegistration, f.Code == CodeSecondFactor:
		check.Health = source.Unauthorised
	case f.Code == CodeNotLicensed:
		check.Health = source.NotLicensed
	case f.Code == transport.CodeForbidden:
		check.Health = source.Unauthorised
		if notLicensed.MatchString(f.Message) {
			check.Health = source.NotLicensed
		}
	case f.Class == fault.Transient && transport.NotReached(f), f.Code == transport.CodeUnavailable, f.Code == CodeMaintenance:
		check.Health = source.Unreachable
		if check.Advice == "" {
			check.Advice = adviceMayPass
		}
	case f.Class == fault.Refused, f.Code == transport.CodeMarkup, f.Code == "token-answer":
		check.Health = source.Misconfigured
	}
	return check
}
