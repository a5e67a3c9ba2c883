package qualys

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"time"

	"sluice/internal/fault"
	"sluice/internal/source"
	"sluice/internal/transport"
)

// Client calls the servers of one connector: the gateway with tokens of its
// client id and secret, the API server with such tokens or with its user name
// and password. It is safe for concurrent use; all who share it share its
// token, and its memory of what was refused.
type Client struct {
	Endpoint Endpoint

	credentials credentials
	gateway     *transport.Client
	qps, fo     *transport.Client // nil when the API server is not known
	tokens      *tokenSource      // nil without a client id, like bearer
	bearer      *transport.Bearer
	apiLogin    login // how the API server is called
}

// login sends requests with a credential.
type login interface {
	Do(context.Context, *transport.Client, transport.Request) (*transport.Response, error)
	// Reject says that the body of an answer refused the credential.
	Reject(refusal *fault.Error)
}

// Bounds of answers of the FO API where the caller sets none: they take the
// vendor minutes to begin (five is a common time-out of its own clients), and
// are streamed at any size.
const (
	foHeaderTimeout = 6 * time.Minute
	foIdleTimeout   = 6 * time.Minute // it begins an answer before it has what is to be in it
	foMaxBody       = 16 << 30
)

// NewClient prepares a client for a connector; it makes no call. limits gives
// timeouts and bounds; what depends on the vendor is filled in here. Whether
// the connector has what the caller needs say NeedGateway and NeedAPIServer.
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
	limits.Vendor = "Qualys"
	limits.Message = Message
	limits.Refine = refine
	limits.SecretHeaders = []string{"clientSecret"}
	client := &Client{Endpoint: endpoint, credentials: credentials}
	limits.BaseURL = endpoint.Gateway
	if client.gateway, err = transport.New(limits); err != nil {
		return nil, err
	}
	if credentials.hasClient() {
		client.tokens = &tokenSource{
			client: client.gateway, endpoint: endpoint,
			id: credentials.clientID, secret: credentials.clientSecret,
		}
		client.bearer = transport.NewBearer(client.tokens)
		client.apiLogin = client.bearer
	}
	if credentials.basic {
		client.apiLogin = transport.NewBasic(credentials.username, credentials.password)
	}
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

// NeedGateway returns an error when the connector cannot call the gateway,
// which takes tokens only.
func (c *Client) NeedGateway() error {
	if c.bearer == nil {
		return setting(FieldClientID, "and "+FieldClientSecret+" are missing: TotalAppSec takes no user name and password", adviceCreateClient)
	}
	return nil
}

// NeedAPIServer returns an error when it is not known where the API server is.
func (c *Client) NeedAPIServer() error {
	if c.Endpoint.API == "" {
		return setting(FieldAPIServer, "is missing: the API server of "+c.Endpoint.where()+" is not known, and WAS and VM need it",
			"give the API URL of the subscription; Qualys shows it under Help > About")
	}
	return nil
}

// Post sends a JSON body to a path of the gateway and expects JSON. It sends
// X-Requested-With as all known clients of Qualys do.
func (c *Client) Post(ctx context.Context, path string, body []byte) (*transport.Response, error) {
	if err := c.NeedGateway(); err != nil {
		return nil, err
	}
	return c.withToken(ctx, c.gateway, qpsRequest(http.MethodPost, path, JSON, body))
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

// qpsRequest has the headers that Qualys documents: for JSON both
// Content-Type and Accept, for XML the former alone.
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
	if err := c.NeedAPIServer(); err != nil {
		return nil, err
	}
	send := c.withToken
	if c.credentials.basic {
		send = c.apiLogin.Do
	}
	resp, err := send(ctx, server, req)
	c.advise(err)
	return resp, err
}

// advise adds what to do when the API server does not accept who we are.
func (c *Client) advise(err error) {
	f := fault.As(err)
	if f == nil || f.Class != fault.Auth || f.Code != transport.CodeLoginRefused && f.Code != transport.CodeTokenNotAccepted {
		return
	}
	if c.credentials.basic {
		f.Code = transport.CodeLoginRefused
		f.Advice = "check " + FieldUsername + " and " + FieldPassword + ", and that the account is on " + c.Endpoint.whereAPI()
		return
	}
	f.Code = transport.CodeTokenNotAccepted
	f.Advice = "the token was fresh: check that the client's user is active and that the client's permissions include this module; " +
		"where a subscription takes no tokens here, give " + FieldUsername + " and " + FieldPassword + ", and " + FieldAuthentication + " " + AuthenticationBasic
}

// Rejected tells the client that a body under HTTP 200 said that the
// credentials are wrong: an error of class Auth, others are ignored. A
// password is not offered again for some minutes, since accounts lock; a
// token is replaced. The error is completed by what to do.
func (c *Client) Rejected(err error) {
	if f := fault.As(err); f != nil && f.Class == fault.Auth {
		c.advise(f)
		c.apiLogin.Reject(f)
	}
}
