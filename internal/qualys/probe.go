package qualys

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"sluice/internal/fault"
	"sluice/internal/source"
	"sluice/internal/transport"
)

// CheckToken is the first step of a connection test of the gateway: it gets a
// new token, since one that is at hand says nothing about the credentials now.
// When that is refused it finds out, with one more call, whether the client is
// a subscription-level one, which these kinds cannot use.
func (c *Client) CheckToken(ctx context.Context) source.Check {
	begin := time.Now()
	if err := c.NeedGateway(); err != nil {
		return CheckFrom("token", err, 0)
	}
	err := c.bearer.Renew(ctx)
	check := CheckFrom("token", err, time.Since(begin))
	if err == nil {
		check.Message = c.withNote("token received from " + c.Endpoint.where())
		return check
	}
	if f := fault.As(err); f != nil && f.Code == "token-refused" {
		ctx, cancel := context.WithTimeout(ctx, tokenDeadline)
		defer cancel()
		if _, err := c.tokens.mint(ctx, pathSubscriptionLevel); err == nil {
			check.Message = "this is a subscription-level client: Qualys accepts it at " + pathSubscriptionLevel + " and not at " + pathUserLevel
			check.Advice = "TotalAppSec and WAS take only user-level clients: create one under " + createClientAt
		}
	}
	return check
}

// CheckCredentials is the first step of a connection test of the API server:
// it finds out whether the vendor accepts who the connector says it is. With a
// client id and secret that is a token.
func (c *Client) CheckCredentials(ctx context.Context) source.Check {
	if !c.credentials.basic {
		return c.CheckToken(ctx)
	}
	begin := time.Now()
	_, err := c.askQPS(ctx, qpsRequest(http.MethodGet, pathVersion, XML, nil))
	check := CheckFrom("credentials", err, time.Since(begin))
	if err == nil {
		check.Message = c.withNote("user " + c.credentials.username + " accepted by " + c.Endpoint.whereAPI())
	}
	return check
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
	// pathCountTags is documented (Qualys Asset Management and Tagging API).
	pathCountTags = "/qps/rest/2.0/count/am/tag"
	maxSmallBody  = 256 << 10
)

// CountTags asks how many tags the account sees.
func (c *Client) CountTags(ctx context.Context) (int64, error) {
	r, err := c.askQPS(ctx, qpsRequest(http.MethodPost, pathCountTags, XML, []byte("<ServiceRequest/>")))
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

// askQPS makes a QPS call with a small answer, and returns it if it is one of
// success.
func (c *Client) askQPS(ctx context.Context, req transport.Request) (response, error) {
	answer, err := c.callAPI(ctx, c.qps, req)
	if err != nil {
		return response{}, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxSmallBody))
	if err != nil {
		return response{}, err
	}
	body = answer.Redact(body)
	r, ok := parseResponse(body)
	if ok && r.code == success {
		return r, nil
	}
	f := &fault.Error{
		Class: fault.Contract, Code: transport.CodeMarkup,
		Message: "Qualys answered " + req.Path + " with something else than a ServiceResponse",
		Advice:  "check the base URL, platform or " + FieldAPIServer + ": this is usually a login page, or a proxy's notice",
		Detail:  fault.Head(body),
	}
	if code, text, wait, simple := ParseReturn(body); simple {
		f = Returned(code, text, wait)
	} else if ok {
		f = Responded(r.code, r.said)
	}
	f.Message = string(answer.Redact([]byte(f.Message)))
	c.Rejected(f)
	return r, f
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

// CheckFrom turns the outcome of a step of a connection test into a check.
func CheckFrom(step string, err error, latency time.Duration) source.Check {
	check := source.Check{Step: step, Health: source.Healthy, Latency: latency, Seen: -1}
	if err == nil {
		return check
	}
	check.Health, check.Message = source.Unknown, err.Error()
	f := fault.As(err)
	if f == nil {
		return check
	}
	check.Advice = f.Advice
	bare := *f
	bare.Advice = ""
	check.Message = bare.Error()
	switch {
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
	case f.Code == transport.CodeUnreachable, f.Code == transport.CodeTimeout, f.Code == transport.CodeUnavailable, f.Code == CodeMaintenance:
		check.Health = source.Unreachable
		if check.Advice == "" {
			check.Advice = "it may pass: test again in some minutes; if it stays, ask the vendor"
		}
	case f.Class == fault.Refused, f.Code == transport.CodeMarkup, f.Code == "token-answer":
		check.Health = source.Misconfigured
	}
	return check
}
