package qualys

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"time"

	"sluice/internal/fault"
	"sluice/internal/governor"
	"sluice/internal/source"
	"sluice/internal/transport"
)

// Client calls the servers of one connector, within the limits of its
// subscription: the gateway with tokens of its client or of its user, the API
// server with such tokens or with the user's name and password. It is safe for
// concurrent use; all who share it share its tokens, and its memory of what was
// refused.
type Client struct {
	Endpoint Endpoint

	credentials credentials
	gateway     *transport.Client
	qps, fo     *transport.Client // nil when the API server is not known

	gatewayTokens *transport.Bearer
	apiTokens     *transport.Bearer // nil when the API server gets user name and password
	// Where it gets user name and password; nil when it gets tokens.
	basic, basicQPS, basicFO *transport.Basic
	// userTokens are for user name and password where these are shared; else nil.
	userTokens *transport.Bearer

	governor   *governor.Governor
	concurrent int // calls of an API of the API server at the same time, until the vendor says
}

// What is shared of the connector's two pairs with other kinds and workers; see
// source.Connection. Whatever way a password takes, its refusal counts for all,
// unless another server has accepted it: then it is one of that server alone.
const (
	sharedClient  = "client"
	sharedUser    = "user"
	sharedGateway = "user/gateway"
	sharedQPS     = "user/QPS"
	sharedFO      = "user/FO"
)

// Bounds of answers of the FO API where the caller sets none: they take the
// vendor minutes to begin (five is a common time-out of its own clients), and
// are streamed at any size.
const (
	foHeaderTimeout = 6 * time.Minute
	foIdleTimeout   = 6 * time.Minute // it begins an answer before it has what is to be in it
	foMaxBody       = 16 << 30
)

// NewClient prepares a client for a connector; it makes no call. limits gives
// timeouts and bounds; what depends on the vendor and on the connector is
// filled in here. Whether the connector has what the caller needs says Need.
func NewClient(c source.Connection, limits transport.Options) (*Client, error) {
	endpoint, err := ResolveEndpoint(c)
	if err != nil {
		return nil, err
	}
	credentials, err := readCredentials(c)
	if err != nil {
		return nil, err
	}
	if err := checkDialect(c); err != nil {
		return nil, err
	}
	concurrency, err := Concurrency(c)
	if err != nil {
		return nil, err
	}
	if limits.Network, err = transport.ReadNetwork(c); err != nil {
		return nil, err
	}
	limits.Vendor = "Qualys"
	limits.Message = Message
	limits.Refine = refine
	limits.Refusal = refusalIn
	limits.SecretHeaders = []string{"clientSecret"}
	client := &Client{
		Endpoint: endpoint, credentials: credentials,
		governor: c.Governor, concurrent: cmp.Or(concurrency, DefaultConcurrency),
	}
	limits.BaseURL = endpoint.Gateway
	if client.gateway, err = transport.New(limits); err != nil {
		return nil, err
	}
	client.logIn(c)
	if endpoint.API == "" {
		return client, nil
	}
	limits.BaseURL = endpoint.API
	if client.qps, err = transport.New(limits); err != nil {
		return nil, err
	}
	limits.HeaderTimeout = cmp.Or(limits.HeaderTimeout, foHeaderTimeout)
	limits.IdleTimeout = cmp.Or(limits.IdleTimeout, foIdleTimeout)
	limits.MaxBody = cmp.Or(limits.MaxBody, foMaxBody)
	if client.fo, err = transport.New(limits); err != nil {
		return nil, err
	}
	return client, nil
}

// logIn prepares what the servers get.
func (c *Client) logIn(connection source.Connection) {
	from := func(login Login) *transport.Bearer {
		pair := sharedClient
		if login == JWT {
			pair = sharedUser
		}
		source := &tokenSource{client: c.gateway, endpoint: c.Endpoint, credentials: c.credentials, login: login}
		bearer := transport.NewBearer(source, connection.Shared(pair))
		if login == JWT {
			bearer = bearer.At(connection.Shared(sharedGateway))
		}
		return bearer
	}
	c.gatewayTokens = from(c.credentials.gateway())
	switch c.credentials.api {
	case Basic:
		c.basic = transport.NewBasic(c.credentials.username, c.credentials.password, connection.Shared(sharedUser))
		c.basicQPS, c.basicFO = c.basic.At(connection.Shared(sharedQPS)), c.basic.At(connection.Shared(sharedFO))
		if connection.Credential != nil {
			c.userTokens = from(JWT)
		}
	case c.credentials.gateway():
		c.apiTokens = c.gatewayTokens
	default:
		c.apiTokens = from(c.credentials.api)
	}
}

// Get asks for a path of the gateway and expects JSON.
func (c *Client) Get(ctx context.Context, path string) (*transport.Response, error) {
	return c.callGateway(ctx, qpsRequest(http.MethodGet, path, JSON, nil))
}

// Post sends a JSON body to a path of the gateway and expects JSON.
func (c *Client) Post(ctx context.Context, path string, body []byte) (*transport.Response, error) {
	return c.callGateway(ctx, qpsRequest(http.MethodPost, path, JSON, body))
}

func (c *Client) callGateway(ctx context.Context, req transport.Request) (*transport.Response, error) {
	return c.govern(ctx, req, func(req transport.Request) (*transport.Response, error) {
		return withToken(ctx, c.gatewayTokens, c.gateway, req)
	})
}

// A Format is how a QPS request and its answer are written.
type Format int

const (
	JSON Format = iota
	XML
)

// QPS posts a request of a QPS API (WAS, tagging) to the API server. Answers
// come in the format of the request; those under HTTP 200 may say in their
// responseCode that they are none. When that concerns who we are, see
// Rejected.
func (c *Client) QPS(ctx context.Context, path string, format Format, body []byte) (*transport.Response, error) {
	return c.callAPI(ctx, c.qps, qpsRequest(http.MethodPost, path, format, body))
}

// qpsRequest has the headers that Qualys documents: for JSON both Content-Type
// and Accept, for XML the former alone; and X-Requested-With, which all known
// clients of Qualys send.
func qpsRequest(method, path string, format Format, body []byte) transport.Request {
	req := transport.Request{
		Method: method, Path: path, Body: body, JSON: format == JSON,
		Header: http.Header{"X-Requested-With": {"sluice"}, "Content-Type": {"text/xml"}},
	}
	if format == JSON {
		req.Header["Content-Type"] = []string{"application/json"}
		req.Header["Accept"] = []string{"application/json"}
	}
	return req
}

// FO posts a form to a path of the API server (VM) and returns its answer in
// XML, as a stream. Answers under HTTP 200 may be a SIMPLE_RETURN with a code:
// see ParseReturn, Returned and Rejected.
func (c *Client) FO(ctx context.Context, path string, form url.Values) (*transport.Response, error) {
	return c.callAPI(ctx, c.fo, transport.Request{
		Method: http.MethodPost, Path: path, Body: []byte(form.Encode()),
		Header: http.Header{
			"X-Requested-With": {"sluice"}, // without it, the FO API refuses every call
			"Content-Type":     {"application/x-www-form-urlencoded"},
		},
	})
}

func (c *Client) callAPI(ctx context.Context, server *transport.Client, req transport.Request) (*transport.Response, error) {
	if err := c.needAPIServer("this call"); err != nil {
		return nil, err
	}
	if server == c.fo {
		c.proveUser(ctx)
	}
	resp, err := c.govern(ctx, req, func(req transport.Request) (*transport.Response, error) {
		if c.basic != nil {
			return c.basicAt(server).Do(ctx, server, req)
		}
		return withToken(ctx, c.apiTokens, server, req)
	})
	c.advise(err)
	return resp, err
}

// advise adds what to do when the API server does not accept who we are.
func (c *Client) advise(err error) {
	f := fault.As(err)
	if f == nil || f.Class != fault.Auth || f.Code != transport.CodeLoginRefused && f.Code != transport.CodeTokenNotAccepted {
		return
	}
	f.Code = transport.CodeTokenNotAccepted
	switch c.credentials.api {
	case Basic:
		f.Code = transport.CodeLoginRefused
		f.Advice = adviceLogin(c.Endpoint.whereAPI())
	case JWT:
		f.Advice = "the token was fresh: check that the account is active and may use this module; " + adviceBasic
	default:
		f.Advice = "the token was fresh: check that the client's user is active and that the client's permissions include this module; " +
			adviceBasic + ", with " + FieldUsername + " and " + FieldPassword
	}
}

const adviceBasic = "where a subscription takes no tokens here, give " + FieldAuthentication + " " + AuthenticationBasic

// adviceLogin is what to do when user name and password are refused somewhere.
func adviceLogin(where string) string {
	return "check " + FieldUsername + " and " + FieldPassword + ", and that the account is on " + where +
		" and may use this API: to one that may not, Qualys may say that the password is wrong"
}

// proveUser offers a password that nobody has accepted yet to the gateway before
// VM gets it, where others share what became of it. VM tells an account without
// access to its API that the password is wrong (Qualys documentation:
// Troubleshooting Qualys API), which would keep all from offering a right one.
// A refusal is remembered, and all other errors say nothing.
func (c *Client) proveUser(ctx context.Context) {
	if c.userTokens != nil && !c.basic.Accepted(ctx) {
		_ = c.userTokens.Renew(ctx)
	}
}

func (c *Client) basicAt(server *transport.Client) *transport.Basic {
	if server == c.fo {
		return c.basicFO
	}
	return c.basicQPS
}

// RejectedFO tells the client that a body of FO under HTTP 200 said that the
// credentials are wrong: an error of class Auth, others are ignored. A
// password is not offered again for some minutes, since accounts lock; a
// token is replaced. The error is completed by what to do.
func (c *Client) RejectedFO(err error) { c.rejected(c.fo, err) }

// RejectedQPS is as RejectedFO, of a body of QPS.
func (c *Client) RejectedQPS(err error) { c.rejected(c.qps, err) }

func (c *Client) rejected(server *transport.Client, err error) {
	f := fault.As(err)
	if f == nil || f.Class != fault.Auth {
		return
	}
	c.advise(f)
	if c.basic != nil {
		c.basicAt(server).Reject(f)
		return
	}
	c.apiTokens.Reject(f)
}
