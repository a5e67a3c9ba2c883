package qualys

import (
	"encoding/json"
	"net/http"

	"sluice/internal/simulator/account"
	"sluice/internal/simulator/gateway"
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
		if id == "" || secret == "" {
			x.Counters.TokensRefused.Add(1)
			gateway.Error(x.Exchange, http.StatusBadRequest, "Required request headers 'clientId' and 'clientSecret' are not present")
			return
		}
		user, err := s.directory.Client(level, id, secret)
		switch {
		case x.refusedSignIn(user, err, false):
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

// signIn serves the token endpoint for a name and a password (documented: a form
// with token=true; 201 and the bare token, under the media type of JSON).
func (x *exchange) signIn() {
	x.R.Body = http.MaxBytesReader(x.W, x.R.Body, maxFormBytes)
	if x.R.ParseForm() != nil || x.R.PostForm.Get("token") != "true" { // inferred
		gateway.Error(x.Exchange, http.StatusBadRequest, "Required parameters 'username', 'password' and 'token' are not present")
		return
	}
	user, err := x.directory.SignIn(x.R.PostForm.Get("username"), x.R.PostForm.Get("password"))
	if x.refusedSignIn(user, err, true) {
		return
	}
	x.Send(http.StatusCreated, "application/json", []byte(x.mint(account.SignedIn, user.Name)))
}

// refusedSignIn tells whether an account gets no token; the call is answered
// then. That of a wrong pair is documented, the others are inferred from it.
func (x *exchange) refusedSignIn(user account.User, err error, byPassword bool) bool {
	var exception string
	switch {
	case err != nil:
		exception = "InvalidCredentialsException"
	case user.Locked:
		exception = "AccountLockedException"
	case user.Expired:
		exception = "AccountExpiredException"
	case user.Inactive:
		exception = "AccountDisabledException"
	case user.TermsNotAccepted:
		exception = "TermsNotAcceptedException"
	case user.SecureID && byPassword:
		exception = "SecondFactorRequiredException"
	default:
		return false
	}
	x.Counters.TokensRefused.Add(1)
	x.Send(http.StatusUnauthorized, wire.JSON, []byte(
		`{"authentication_exceptions":[["Authentication Failure: 1 errors, 0 successes:authenticationFailure.`+exception+`"]]}`))
	return true
}

func (s *Service) mint(level account.Level, subject string) string {
	return s.tokens.Mint(level, subject, s.Settings().TokenTTL)
}
