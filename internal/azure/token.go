package azure

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"sluice/internal/fault"
	"sluice/internal/transport"
)

const (
	tokenDeadline = time.Minute
	maxTokenBody  = 256 << 10
	// A token is not used in the last minutes of its life, and one that does
	// not say how long it lives for half the least that Entra gives by default
	// (Microsoft documentation: "Configurable token lifetimes").
	longestMargin   = 5 * time.Minute
	undatedLifetime = 30 * time.Minute
)

// codeTokenRefused is the code of a refusal of who we say that we are.
const codeTokenRefused = "token-refused"

// tokenSource gets a token from Entra with each call of Token.
type tokenSource struct {
	settings Settings
	client   *transport.Client // of the authority
}

func newTokenSource(s Settings, limits transport.Options) (*tokenSource, error) {
	limits.BaseURL, limits.Vendor, limits.MaxBody = s.Cloud.Authority, "Microsoft Entra ID", maxTokenBody
	limits.Endpoint = FieldCloud + ", or " + FieldAuthorityURL + " of a private cloud"
	limits.Message = func(body []byte) string { return readEntraError(body).said }
	limits.Refine = refineToken
	client, err := transport.New(limits)
	if err != nil {
		return nil, err
	}
	return &tokenSource{settings: s, client: client}, nil
}

// path of the token endpoint.
func (s *tokenSource) path() string {
	version := ""
	if s.settings.TokenVersion == TokenV2 {
		version = "/v2.0"
	}
	return "/" + url.PathEscape(s.settings.TenantID) + "/oauth2" + version + "/token"
}

// config is the request as RFC 6749 has it, and what Entra wants besides.
func (s *tokenSource) config() (clientcredentials.Config, error) {
	at := s.client.BaseURL() + s.path()
	c := clientcredentials.Config{
		ClientID: s.settings.ClientID, ClientSecret: s.settings.Secret, TokenURL: at,
		// Trying both styles would make two failed sign-ins of one wrong secret.
		AuthStyle:      oauth2.AuthStyleInParams,
		EndpointParams: url.Values{},
	}
	if s.settings.TokenVersion == TokenV2 {
		c.Scopes = []string{strings.TrimRight(s.settings.Cloud.Audience, "/") + "/.default"}
	} else {
		c.EndpointParams.Set("resource", s.settings.Cloud.Audience)
	}
	if s.settings.Certificate != nil {
		assertion, err := s.settings.Certificate.assertion(s.settings.ClientID, at, time.Now())
		if err != nil {
			return c, &fault.Error{Class: fault.Refused, Code: "certificate-signature", Message: "the token request could not be signed with " + FieldClientCertificate, Err: err}
		}
		c.EndpointParams.Set("client_assertion_type", assertionType)
		c.EndpointParams.Set("client_assertion", assertion)
	}
	return c, nil
}

// Token implements oauth2.TokenSource.
func (s *tokenSource) Token() (*oauth2.Token, error) {
	config, err := s.config()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), tokenDeadline)
	defer cancel()
	ctx = context.WithValue(ctx, oauth2.HTTPClient, &http.Client{Transport: carrier{
		client: s.client, secrets: []string{s.settings.Secret, config.EndpointParams.Get("client_assertion")},
	}})
	token, err := config.Token(ctx)
	switch f := fault.As(err); {
	case f != nil:
		return nil, f
	case ctx.Err() != nil:
		return nil, &fault.Error{
			Class: fault.Transient, Code: transport.CodeTimeout,
			Message: "Microsoft Entra ID did not give a token at " + config.TokenURL + " in time",
		}
	case err != nil || !strings.EqualFold(token.Type(), "Bearer") || !visibleToken(token.AccessToken):
		return nil, &fault.Error{
			Class: fault.Contract, Code: "token-answer",
			Message: "the token request at " + config.TokenURL + " was answered with something that is not a token",
			Advice:  "check " + FieldCloud + " and " + FieldAuthorityURL + ": a login page or a proxy may have answered",
		} // without the cause: it quotes the answer, which may be a token all the same
	}
	now := time.Now()
	lifetime := undatedLifetime
	if !token.Expiry.IsZero() {
		lifetime = token.Expiry.Sub(now)
	}
	token.Expiry = now.Add(lifetime - min(longestMargin, lifetime/10))
	return token, nil
}

func visibleToken(token string) bool {
	return token != "" && !strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

// carrier lets an http.Client send through a transport.Client, whose bounds
// and errors then hold for it.
type carrier struct {
	client  *transport.Client
	secrets []string // in the body
}

// RoundTrip implements http.RoundTripper.
func (c carrier) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	path := strings.TrimPrefix(r.URL.String(), c.client.BaseURL())
	resp, err := c.client.Do(r.Context(), transport.Request{
		Method: r.Method, Path: path, Header: r.Header, Body: body, JSON: true, Secrets: c.secrets,
	})
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: resp.Status, Header: resp.Header, Body: resp.Body, Request: r}, nil
}

// entraError is the error body of the token endpoint.
type entraError struct {
	code  string // "invalid_client"
	aadst int    // number of the first AADSTS code; 0 when there is none
	said  string // description, without the ids for Microsoft's support
}

// aadstsCode begins descriptions.
var aadstsCode = regexp.MustCompile(`^AADSTS(\d{4,9})`)

// traces are for Microsoft's support; older answers have a line for each.
var traces = regexp.MustCompile(`(?s)\s*(?:Trace ID|Correlation ID|Timestamp):.*$`)

func readEntraError(body []byte) entraError {
	var b struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(bytes.TrimSpace(body), &b) != nil {
		return entraError{}
	}
	e := entraError{code: b.Error, said: short(traces.ReplaceAllString(b.Description, ""))}
	if m := aadstsCode.FindStringSubmatch(b.Description); m != nil {
		e.aadst, _ = strconv.Atoi(m[1])
	}
	return e
}

// tokenAdvice says what the codes mean (Microsoft documentation: "Microsoft
// Entra authentication and authorization error codes"). They choose the words
// only: Microsoft may change them.
var tokenAdvice = map[int]string{
	7000215: FieldClientSecret + " is wrong: give the secret's value, not its id, as shown once when it was made",
	7000222: "the client secret has expired: make a new one under Certificates & secrets of the app registration",
	700016:  FieldClientID + " is not known in this tenant: check it, and " + FieldTenantID,
	90002:   FieldTenantID + " is not known in this cloud: check it, and " + FieldCloud,
	900023:  FieldTenantID + " is neither an id nor a domain of a tenant",
	900144:  "a parameter is missing in the request: try the other " + FieldTokenVersion,
	500011:  "the tenant does not know the management API: check " + FieldCloud,
	700027:  "the certificate is not one of the app registration: upload it under Certificates & secrets",
	70021:   "no federated credential of the app registration fits",
	7000112: "the application is disabled in this tenant",
	53003:   "a Conditional Access policy of the tenant blocks the application",
}

// refineToken makes a refusal of the token endpoint one of who we are.
func refineToken(f *fault.Error, answer transport.Failure) {
	e := readEntraError(answer.Head)
	switch answer.Status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
		if e.code == "" {
			break // not Entra that speaks
		}
		f.Class, f.Code = fault.Auth, codeTokenRefused
		f.Advice = tokenAdvice[e.aadst]
		if f.Advice == "" {
			f.Advice = "check " + FieldTenantID + ", " + FieldClientID + " and the secret or certificate"
		}
	case http.StatusNotFound:
		f.Advice = "check " + FieldTenantID + ", " + FieldCloud + " and " + FieldAuthorityURL + ": there is no token endpoint at this address"
	}
}
