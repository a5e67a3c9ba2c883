package qualys

import (
	"crypto/subtle"
	"encoding/json"
	"net/http"

	"sluice/internal/simulator/account"
	"sluice/internal/simulator/wire"
)

const maxFormBytes = 64 << 10

// token serves one of the token endpoints. Documented: clientId and clientSecret
// are headers of the request, user-level clients use /auth/oidc and
// subscription-level ones /auth/oauth. Inferred from the vendor's /auth: the
// answer is 201 with the bare token as text, and 401 for a wrong pair.
func (s *Service) token(level account.Level) func(*exchange) {
	return func(x *exchange) {
		id, secret := x.R.Header.Get("clientId"), x.R.Header.Get("clientSecret")
		standard := false
		if id == "" && secret == "" && x.Settings().AcceptForm {
			id, secret, standard = x.formCredentials()
		}
		switch {
		case id == "" || secret == "":
			x.Counters.TokensRefused.Add(1)
			gatewayError(x.Exchange, http.StatusBadRequest, "Required request headers 'clientId' and 'clientSecret' are not present")
		case !s.knowsClient(level, id, secret):
			x.Counters.TokensRefused.Add(1)
			x.Send(http.StatusUnauthorized, wire.JSON, []byte(
				`{"authentication_exceptions":[["Authentication Failure: 1 errors, 0 successes:authenticationFailure.InvalidCredentialsException"]]}`))
		case standard:
			answer, err := json.Marshal(map[string]any{
				"access_token": x.mint(level, id), "token_type": "Bearer", "expires_in": int(x.Settings().TokenTTL.Seconds()),
			})
			if err != nil {
				panic(err) // strings and a number
			}
			x.Send(http.StatusOK, wire.JSON, answer)
		default:
			x.Send(http.StatusCreated, "text/plain;charset=UTF-8", []byte(x.mint(level, id)))
		}
	}
}

// formCredentials reads credentials from the body; standard tells whether the
// request is that of RFC 6749, which is answered in kind.
func (x *exchange) formCredentials() (id, secret string, standard bool) {
	x.R.Body = http.MaxBytesReader(x.W, x.R.Body, maxFormBytes)
	if x.R.ParseForm() != nil {
		return "", "", false
	}
	form := x.R.PostForm
	if form.Get("grant_type") != "client_credentials" {
		return form.Get("clientId"), form.Get("clientSecret"), false
	}
	if id, secret, ok := x.R.BasicAuth(); ok {
		return id, secret, true
	}
	return form.Get("client_id"), form.Get("client_secret"), true
}

// knowsClient tells whether there is a client of the level with the pair; each
// user can have one of their own.
func (s *Service) knowsClient(level account.Level, id, secret string) bool {
	if level == account.UserLevel {
		_, known := s.directory.ByClient(id, secret)
		return known
	}
	c := &s.credentials
	return equal(id, c.SubscriptionClientID) && equal(secret, c.SubscriptionClientSecret)
}

func (s *Service) mint(level account.Level, client string) string {
	return s.tokens.Mint(level, client, s.Settings().TokenTTL)
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
