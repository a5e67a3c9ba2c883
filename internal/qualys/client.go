package qualys

import (
	"context"
	"net/http"
	"regexp"
	"time"

	"sluice/internal/fault"
	"sluice/internal/source"
	"sluice/internal/transport"
)

// Client calls the gateway of one connector with tokens of its client id and
// secret. It is safe for concurrent use; all who share it share its token.
type Client struct {
	Endpoint Endpoint

	http   *transport.Client
	tokens *tokenSource
	bearer *transport.Bearer
}

// NewClient prepares a client for a connector; it makes no call. limits gives
// timeouts and bounds; what depends on the vendor is filled in here.
func NewClient(c source.Connection, limits transport.Options) (*Client, error) {
	endpoint, err := ResolveEndpoint(c)
	if err != nil {
		return nil, err
	}
	if err := checkCredential(c); err != nil {
		return nil, err
	}
	limits.BaseURL = endpoint.Gateway
	limits.Vendor = "Qualys"
	limits.Message = Message
	limits.SecretHeaders = []string{"clientSecret"}
	client, err := transport.New(limits)
	if err != nil {
		return nil, err
	}
	tokens := &tokenSource{
		client: client, endpoint: endpoint,
		id: c.Settings[FieldClientID], secret: c.Secrets[FieldClientSecret],
	}
	return &Client{Endpoint: endpoint, http: client, tokens: tokens, bearer: transport.NewBearer(tokens)}, nil
}

// Post sends a JSON body to a path of the gateway and expects JSON. It asks
// for X-Requested-With as all known clients of Qualys do.
func (c *Client) Post(ctx context.Context, path string, body []byte) (*transport.Response, error) {
	return c.bearer.Do(ctx, c.http, transport.Request{
		Method: http.MethodPost,
		Path:   path,
		Header: http.Header{
			"Content-Type":     {"application/json"},
			"Accept":           {"application/json"},
			"X-Requested-With": {"sluice"},
		},
		Body: body,
		JSON: true,
	})
}

// CheckToken is the first step of a connection test: it gets a new token, since
// one that is at hand says nothing about the credentials now. When
// that is refused it finds out, with one more call, whether the client is a
// subscription-level one, which these kinds cannot use.
func (c *Client) CheckToken(ctx context.Context) source.Check {
	begin := time.Now()
	err := c.bearer.Renew(ctx)
	check := CheckFrom("token", err, time.Since(begin))
	if err == nil {
		check.Message = "token received from " + c.Endpoint.where()
		if c.Endpoint.Note != "" {
			check.Message += "; " + c.Endpoint.Note
		}
		return check
	}
	if f := fault.As(err); f != nil && f.Code == "token-refused" {
		ctx, cancel := context.WithTimeout(ctx, tokenDeadline)
		defer cancel()
		if _, err := c.tokens.mint(ctx, pathSubscriptionLevel); err == nil {
			check.Message = "this is a subscription-level client: Qualys accepts it at " + pathSubscriptionLevel + " and not at " + pathUserLevel
			check.Advice = "TotalAppSec takes only user-level clients: create one under " + createClientAt
		}
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
	case f.Class == fault.Auth:
		check.Health = source.Unauthorised
	case f.Code == transport.CodeForbidden:
		check.Health = source.Unauthorised
		if notLicensed.MatchString(f.Message) {
			check.Health = source.NotLicensed
		}
	case f.Code == transport.CodeUnreachable, f.Code == transport.CodeTimeout, f.Code == transport.CodeUnavailable:
		check.Health = source.Unreachable
		if check.Advice == "" {
			check.Advice = "it may pass: test again in some minutes; if it stays, ask the vendor"
		}
	case f.Class == fault.Refused, f.Code == transport.CodeMarkup, f.Code == "token-answer":
		check.Health = source.Misconfigured
	}
	return check
}
