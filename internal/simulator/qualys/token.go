package qualys

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// clientLevel is whom a client belongs to.
type clientLevel string

const (
	userLevel         clientLevel = "user"
	subscriptionLevel clientLevel = "subscription"
)

const maxFormBytes = 64 << 10

// claims of the simulated JSON Web Tokens. Whatever is needed to check a token
// is in it, so that tokens cost the simulator no memory.
type claims struct {
	Issuer  string      `json:"iss"`
	Subject string      `json:"sub"`
	Level   clientLevel `json:"level"`
	Epoch   int64       `json:"epoch"`
	Issued  int64       `json:"iat"` // Unix seconds
	Expires int64       `json:"exp"` // Unix seconds
	ID      string      `json:"jti"`
}

var (
	tokenEncoding = base64.RawURLEncoding
	tokenHeader   = tokenEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`))
)

// signingKey depends on the credentials only, so that a token outlives a
// restart of the simulator as it would outlive one of the vendor's servers.
func signingKey(c Credentials) []byte {
	key := sha256.Sum256([]byte("simulated signing key\x00" + c.ClientSecret + "\x00" + c.SubscriptionClientSecret))
	return key[:]
}

func (s *Service) sign(text string) string {
	mac := hmac.New(sha256.New, s.signingKey)
	mac.Write([]byte(text))
	return tokenEncoding.EncodeToString(mac.Sum(nil))
}

func (s *Service) mint(level clientLevel, client string) string {
	now := s.now()
	payload, err := json.Marshal(claims{
		Issuer:  "simulator",
		Subject: client,
		Level:   level,
		Epoch:   s.tokenEpoch.Load(),
		Issued:  now.Unix(),
		Expires: now.Add(s.Settings().TokenTTL).Unix(),
		ID:      strconv.FormatInt(s.counts.tokensMinted.Add(1), 10),
	})
	if err != nil {
		panic(err) // claims are numbers and strings
	}
	text := tokenHeader + "." + tokenEncoding.EncodeToString(payload)
	return text + "." + s.sign(text)
}

// RevokeTokens ends every token given out so far.
func (s *Service) RevokeTokens() { s.tokenEpoch.Add(1) }

// bearerError is why a token will not do, in the vendor's words (documented).
type bearerError string

func (e bearerError) Error() string { return string(e) }

const (
	errNotAuthenticated bearerError = "Not authenticated"
	errExpired          bearerError = "JWT expired"
)

// bearer returns the claims of the call's token, or a bearerError.
func (x *exchange) bearer() (claims, error) {
	var c claims
	token, ok := strings.CutPrefix(x.r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return c, errNotAuthenticated
	}
	cut := strings.LastIndexByte(token, '.')
	if cut < 0 || subtle.ConstantTimeCompare([]byte(x.sign(token[:cut])), []byte(token[cut+1:])) != 1 {
		return c, errNotAuthenticated
	}
	_, encoded, _ := strings.Cut(token[:cut], ".")
	payload, err := tokenEncoding.DecodeString(encoded)
	if err != nil || json.Unmarshal(payload, &c) != nil {
		return c, errNotAuthenticated
	}
	switch {
	case c.Epoch < x.tokenEpoch.Load():
		return c, errNotAuthenticated
	case x.now().Unix() >= c.Expires:
		return c, errExpired
	}
	return c, nil
}

// token serves one of the token endpoints. Documented: clientId and clientSecret
// are headers of the request, user-level clients use /auth/oidc and
// subscription-level ones /auth/oauth. Inferred from the vendor's /auth: the
// answer is 201 with the bare token as text, and 401 for a wrong pair.
func (s *Service) token(level clientLevel) func(*exchange) {
	wantID, wantSecret := s.credentials.ClientID, s.credentials.ClientSecret
	if level == subscriptionLevel {
		wantID, wantSecret = s.credentials.SubscriptionClientID, s.credentials.SubscriptionClientSecret
	}
	return func(x *exchange) {
		id, secret := x.r.Header.Get("clientId"), x.r.Header.Get("clientSecret")
		standard := false
		if id == "" && secret == "" && x.Settings().AcceptForm {
			id, secret, standard = x.formCredentials()
		}
		switch {
		case id == "" || secret == "":
			x.counts.tokensRefused.Add(1)
			x.gatewayError(http.StatusBadRequest, "Required request headers 'clientId' and 'clientSecret' are not present")
		case !equal(id, wantID) || !equal(secret, wantSecret):
			x.counts.tokensRefused.Add(1)
			x.send(http.StatusUnauthorized, contentJSON, []byte(
				`{"authentication_exceptions":[["Authentication Failure: 1 errors, 0 successes:authenticationFailure.InvalidCredentialsException"]]}`))
		case standard:
			answer, err := json.Marshal(map[string]any{
				"access_token": x.mint(level, id), "token_type": "Bearer", "expires_in": int(x.Settings().TokenTTL.Seconds()),
			})
			if err != nil {
				panic(err) // strings and a number
			}
			x.send(http.StatusOK, contentJSON, answer)
		default:
			x.send(http.StatusCreated, "text/plain;charset=UTF-8", []byte(x.mint(level, id)))
		}
	}
}

// formCredentials reads credentials from the body; standard tells whether the
// request is that of RFC 6749, which is answered in kind.
func (x *exchange) formCredentials() (id, secret string, standard bool) {
	x.r.Body = http.MaxBytesReader(x.w, x.r.Body, maxFormBytes)
	if x.r.ParseForm() != nil {
		return "", "", false
	}
	form := x.r.PostForm
	if form.Get("grant_type") != "client_credentials" {
		return form.Get("clientId"), form.Get("clientSecret"), false
	}
	if id, secret, ok := x.r.BasicAuth(); ok {
		return id, secret, true
	}
	return form.Get("client_id"), form.Get("client_secret"), true
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
