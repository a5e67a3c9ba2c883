package qualys

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"sluice/internal/fault"
	"sluice/internal/transport"
)

// Where tokens are given out (Qualys documentation: "Generate Authentication
// Token", and the authentication of the gateway's APIs). For clients, id and
// secret are request headers; for users, name and password are a form. A token
// lives four hours. These calls do not count against any limit.
const (
	pathUserLevel         = "/auth/oidc"
	pathSubscriptionLevel = "/auth/oauth"
	pathUser              = "/auth"
	documentedLifetime    = 4 * time.Hour
)

const (
	maxTokenBody   = 64 << 10
	tokenDeadline  = time.Minute
	longestMargin  = 5 * time.Minute
	longestBelief  = 24 * time.Hour // no token is used longer, whatever it says
	createClientAt = "My Profile > Auth ID Client Management > User Level"
)

// CodeTokenRefused is the code of errors of credentials for which the vendor
// gives no token.
const CodeTokenRefused = transport.CodeTokenRefused

// tokenSource mints a token with each call of Token. It is an
// oauth2.TokenSource of its own because the vendor's calls are not RFC 6749
// token requests.
type tokenSource struct {
	client      *transport.Client
	endpoint    Endpoint
	credentials credentials
	login       Login // UserClient, SubscriptionClient or JWT
}

func (s *tokenSource) Token() (*oauth2.Token, error) {
	ctx, cancel := context.WithTimeout(context.Background(), tokenDeadline)
	defer cancel()
	token, err := s.mint(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, &fault.Error{
			Class: fault.Transient, Code: transport.CodeTimeout,
			Message: "Qualys did not give a token at " + s.endpoint.Gateway + tokenPath(s.login) + " in time",
		}
	}
	if f := fault.As(err); f != nil {
		return nil, s.explain(f)
	}
	return token, err
}

func tokenPath(login Login) string {
	switch login {
	case SubscriptionClient:
		return pathSubscriptionLevel
	case JWT:
		return pathUser
	}
	return pathUserLevel
}

// mint makes the token call.
func (s *tokenSource) mint(ctx context.Context) (*oauth2.Token, error) {
	req := transport.Request{
		Method: http.MethodPost, Path: tokenPath(s.login),
		Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
	}
	if s.login == JWT {
		form := url.Values{"username": {s.credentials.username}, "password": {s.credentials.password}, "token": {"true"}}
		req.Body, req.Secrets = []byte(form.Encode()), []string{s.credentials.password}
	} else {
		req.Header["clientId"], req.Header["clientSecret"] = []string{s.credentials.clientID}, []string{s.credentials.clientSecret}
	}
	resp, err := s.client.Do(ctx, req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxTokenBody))
	if err != nil {
		return nil, err
	}
	token, lifetime, ok := readToken(body, resp.Clock)
	if !ok {
		return nil, &fault.Error{
			Class: fault.Contract, Code: "token-answer",
			Message: "Qualys answered the token request at " + s.endpoint.Gateway + req.Path + " with something that is not a token",
			Advice:  "check the base URL or platform: a login page or a proxy may have answered",
		} // without Detail: it may be a token all the same
	}
	margin := min(longestMargin, lifetime/10)
	return &oauth2.Token{AccessToken: token, Expiry: time.Now().Add(lifetime - margin)}, nil
}

// explain says what a failed token call means to the person who set it up.
func (s *tokenSource) explain(f *fault.Error) error {
	switch f.Code {
	case transport.CodeUnauthorised, transport.CodeForbidden, transport.CodeBadRequest:
		said := Message([]byte(f.Detail))
		f.Class, f.Code = fault.Auth, CodeTokenRefused
		if s.login == JWT {
			f.Message = "Qualys refused the user name and password: " + f.Message
			f.Advice = adviceLogin(s.endpoint.where())
			if state, found := stateIn(said); found {
				state.apply(f, "", 0)
			}
			return f
		}
		f.Message = "Qualys refused the client id and secret: " + f.Message
		f.Advice = "check that clientId and clientSecret belong to " + string(s.login) + " (" + createdAt[s.login] +
			"; the secret is shown once, create a new client if it is lost), and that the subscription is on " + s.endpoint.where() +
			"; " + otherLevel[s.login]
	case transport.CodeNotFound:
		f.Message = "there is no Qualys token endpoint at this address: " + f.Message
	}
	return f
}

// createdAt is where clients are created (Qualys documentation).
var createdAt = map[Login]string{
	UserClient:         createClientAt,
	SubscriptionClient: "My Profile > Auth ID Client Management > Subscription Level, which Managers have",
}

// otherLevel is what to do when the client may be of the other level. That is
// not tried: a wrong secret would be offered twice.
var otherLevel = map[Login]string{
	UserClient: "for a subscription-level client, give " + FieldClientLevel + " " + ClientLevelSubscription +
		" (TotalAppSec and WAS take only user-level clients)",
	SubscriptionClient: "for a user-level client, leave " + FieldClientLevel + " out, or give " + ClientLevelUser,
}

var bareJWT = regexp.MustCompile(`^[A-Za-z0-9_=-]+\.[A-Za-z0-9_=-]+\.[A-Za-z0-9_=-]+$`)

// readToken takes the token out of an answer: a bare JWT, possibly quoted
// (documented for /auth), or a JSON object (seen at customers' own identity
// providers). Its lifetime is reckoned by the vendor's clock alone, so that a
// worker whose clock is wrong neither drops good tokens nor uses ended ones.
func readToken(body []byte, clock time.Time) (token string, lifetime time.Duration, ok bool) {
	text := strings.TrimSpace(string(body))
	lifetime = documentedLifetime
	if strings.HasPrefix(text, "{") {
		var object struct {
			AccessToken string  `json:"access_token"`
			Token       string  `json:"token"`
			IDToken     string  `json:"id_token"`
			ExpiresIn   float64 `json:"expires_in"`
		}
		if json.Unmarshal([]byte(text), &object) != nil {
			return "", 0, false
		}
		token = orElse(object.AccessToken, object.Token, object.IDToken)
		if object.ExpiresIn > 0 {
			lifetime = seconds(object.ExpiresIn)
		}
	} else {
		token = strings.Trim(text, "\" \t\r\n")
		if !bareJWT.MatchString(token) {
			return "", 0, false
		}
	}
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return "", 0, false
	}
	if claimed, found := jwtLifetime(token, clock); found {
		lifetime = claimed
	}
	return token, min(lifetime, longestBelief), lifetime > 0
}

// jwtLifetime reads exp and iat of a JWT. The token is not verified: it is
// the vendor's own, and only the vendor decides whether it is good.
func jwtLifetime(token string, clock time.Time) (time.Duration, bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return 0, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return 0, false
	}
	var claims struct {
		Expires float64 `json:"exp"`
		Issued  float64 `json:"iat"`
	}
	if json.Unmarshal(payload, &claims) != nil || claims.Expires <= 0 {
		return 0, false
	}
	switch {
	case claims.Issued > 0:
		return seconds(claims.Expires - claims.Issued), true
	case !clock.IsZero():
		return seconds(claims.Expires - float64(clock.Unix())), true
	}
	return seconds(claims.Expires - float64(time.Now().Unix())), true
}

// seconds is bounded, so that an absurd claim does not overflow.
func seconds(s float64) time.Duration {
	return time.Duration(max(min(s, longestBelief.Seconds()), -1) * float64(time.Second))
}

func orElse(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
