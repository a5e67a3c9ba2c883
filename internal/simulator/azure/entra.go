package azure

import (
	"crypto/subtle"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"sluice/internal/simulator/azure/tree"
	"sluice/internal/simulator/faults"
	"sluice/internal/simulator/random"
	"sluice/internal/simulator/wire"
)

const contentType = "application/json; charset=utf-8"

// serveToken serves /{tenant}/oauth2/token and /{tenant}/oauth2/v2.0/token.
func (s *Simulator) serveToken(w http.ResponseWriter, r *http.Request) {
	s.calls.serve(Token, entraWords{s}, w, r, func(x *wire.Exchange) {
		tenant, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		// Documented, for recordings of the JavaScript SDK.
		h := w.Header()
		h.Set("Cache-Control", "no-store, no-cache")
		h.Set("Pragma", "no-cache")
		h.Set("Expires", "-1")
		h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("P3P", `CP="DSP CUR OTPi IND OTRi ONL FIN"`)
		h.Set("x-ms-ests-server", "2.1.22222.1 - SIM ProdSlices")
		h.Set("x-ms-request-id", s.requestID())
		h.Set("Set-Cookie", "fpc=simulated; path=/; secure; HttpOnly")
		if r.Method != http.MethodPost {
			s.refuseToken(x, http.StatusBadRequest, "invalid_request", 900561, "The endpoint only accepts POST requests. Received a "+r.Method+" request.")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		if r.ParseForm() != nil {
			s.refuseToken(x, http.StatusBadRequest, "invalid_request", 900144, "The request body could not be read.")
			return
		}
		s.token(x, tenant, strings.HasSuffix(r.URL.Path, "/v2.0/token"), r.PostForm)
	})
}

// token answers a request for a token. Which of several mistakes is named first
// is inferred.
func (s *Simulator) token(x *wire.Exchange, tenant string, v2 bool, form url.Values) {
	id, secret := form.Get("client_id"), form.Get("client_secret")
	if name, password, ok := x.R.BasicAuth(); ok { // standard OAuth; escaped as in a form
		id, _ = url.QueryUnescape(name)
		secret, _ = url.QueryUnescape(password)
	}
	for _, missing := range []struct{ name, value string }{{"grant_type", form.Get("grant_type")}, {"client_id", id}} {
		if missing.value == "" {
			s.refuseToken(x, http.StatusBadRequest, "invalid_request", 900144,
				fmt.Sprintf("The request body must contain the following parameter: '%s'.", missing.name))
			return
		}
	}
	if grant := form.Get("grant_type"); grant != "client_credentials" {
		s.refuseToken(x, http.StatusBadRequest, "unsupported_grant_type", 70003, "The app requested an unsupported grant type '"+grant+"'.")
		return
	}
	var app *App
	tenantKnown := false
	for i := range s.apps {
		if s.apps[i].inTenant(tenant) {
			tenantKnown = true
			tenant = s.apps[i].TenantID
			break
		}
	}
	for i := range s.apps {
		if s.apps[i].TenantID == tenant && strings.EqualFold(s.apps[i].ClientID, id) {
			app = &s.apps[i]
		}
	}
	switch {
	case !tenantKnown:
		s.refuseToken(x, http.StatusBadRequest, "invalid_request", 90002, "Tenant '"+tenant+
			"' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. "+
			"Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.")
	case app == nil:
		s.refuseToken(x, http.StatusBadRequest, "unauthorized_client", 700016, "Application with identifier '"+id+
			"' was not found in the directory '"+tenant+"'. This can happen if the application has not been installed by the administrator "+
			"of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.")
	case form.Get("client_assertion") != "":
		if code, message := s.checkAssertion(x.R, app, form); code != 0 {
			s.refuseToken(x, http.StatusUnauthorized, "invalid_client", code, message)
			return
		}
		s.grant(x, app, v2, form)
	case secret == "" || app.Secret == "":
		s.refuseToken(x, http.StatusUnauthorized, "invalid_client", 7000218, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.")
	case subtle.ConstantTimeCompare([]byte(secret), []byte(app.Secret)) != 1:
		s.refuseToken(x, http.StatusUnauthorized, "invalid_client", 7000215, "Invalid client secret provided. Ensure the secret being sent in the request "+
			"is the client secret value, not the client secret ID, for a secret added to app '"+app.ClientID+"'.")
	case app.SecretExpired:
		s.refuseToken(x, http.StatusUnauthorized, "invalid_client", 7000222, "The provided client secret keys for app '"+app.ClientID+
			"' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, "+
			"or consider using certificate credentials for added security: https://aka.ms/certCreds.")
	default:
		s.grant(x, app, v2, form)
	}
}

// grant gives out a token, when it is asked for in the version's way.
func (s *Simulator) grant(x *wire.Exchange, app *App, v2 bool, form url.Values) {
	parameter, audience := "resource", form.Get("resource")
	if v2 {
		parameter = "scope"
		scope := form.Get("scope")
		audience = strings.TrimSuffix(scope, "/.default")
		if scope != "" && audience == scope {
			s.refuseToken(x, http.StatusBadRequest, "invalid_scope", 1002012, "The provided value for scope "+scope+
				" is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).")
			return
		}
	}
	if audience == "" {
		s.refuseToken(x, http.StatusBadRequest, "invalid_request", 900144, "The request body must contain the following parameter: '"+parameter+"'.")
		return
	}
	if !knownResource(audience) {
		s.refuseToken(x, http.StatusBadRequest, "invalid_resource", 500011, "The resource principal named "+audience+
			" was not found in the tenant named "+app.TenantID+". This can happen if the application has not been installed by the administrator of the tenant.")
		return
	}
	lifetime := s.Settings().TokenLifetime
	seconds := int64(lifetime / time.Second)
	token := s.tokens.mint(app, audience, lifetime)
	now := x.Now()
	out := tree.Of("token_type", "Bearer", "expires_in", seconds, "ext_expires_in", seconds, "access_token", token)
	if !v2 { // numbers are texts (documented by captures)
		text := strconv.FormatInt(seconds, 10)
		out = tree.Of("token_type", "Bearer", "expires_in", text, "ext_expires_in", text,
			"expires_on", strconv.FormatInt(now.Add(lifetime).Unix(), 10),
			"not_before", strconv.FormatInt(now.Add(-clockSkew).Unix(), 10),
			"resource", audience, "access_token", token)
	}
	x.Send(http.StatusOK, contentType, tree.Compact(out))
}

// knownResource tells whether Entra has a resource: ARM of any cloud, or Graph,
// whose tokens ARM refuses.
func knownResource(audience string) bool {
	bare := strings.TrimSuffix(audience, "/")
	if bare == "https://graph.microsoft.com" {
		return true
	}
	for cloud := range audiences {
		for _, known := range audiences[cloud] {
			if strings.EqualFold(bare, known) {
				return true
			}
		}
	}
	return false
}

// refuseToken answers with an error in the wording that is usual since 2024.
func (s *Simulator) refuseToken(x *wire.Exchange, status int, name string, code int, message string) {
	s.tokens.refused.Add(1)
	trace, correlation := s.requestID(), s.requestID()
	at := x.Now().Format("2006-01-02 15:04:05Z")
	x.Send(status, contentType, tree.Compact(tree.Of(
		"error", name,
		"error_description", fmt.Sprintf("AADSTS%d: %s Trace ID: %s Correlation ID: %s Timestamp: %s", code, message, trace, correlation, at),
		"error_codes", []any{code},
		"timestamp", at,
		"trace_id", trace,
		"correlation_id", correlation,
		"error_uri", fmt.Sprintf("https://login.microsoftonline.com/error?code=%d", code),
	)))
}

// requestID is a UUID that is used once.
func (s *Simulator) requestID() string { return random.UUID(random.Mix(s.requests.Add(1))) }

// entraWords are how the token endpoints say that something went wrong.
type entraWords struct{ *Simulator }

func (e entraWords) Throttled(x *wire.Exchange, f *faults.Fault) {
	retryAfter(x, f)
	e.refuseToken(x, http.StatusTooManyRequests, "temporarily_unavailable", 90055, "The tenant has exceeded its allowed request rate.")
}

func (e entraWords) Failed(x *wire.Exchange, status int) {
	e.refuseToken(x, status, "temporarily_unavailable", 90033, "A transient error has occurred. Please try again.")
}

// ErrorBody answers HTTP 200 without a token, which the real endpoint is not
// known to do.
func (e entraWords) ErrorBody(x *wire.Exchange, code string) {
	x.Send(http.StatusOK, contentType, tree.Compact(tree.Of("error", code, "error_description", "AADSTS50000: There was an error issuing a token.")))
}

func (e entraWords) Opening(_ *wire.Exchange, kind faults.Kind) (string, string, string) {
	return opening(kind, `{"token_type":"Bearer","access_token":`)
}
