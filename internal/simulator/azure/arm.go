package azure

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/url"
	"strings"
	"time"

	"sluice/internal/simulator/azure/estate"
	"sluice/internal/simulator/azure/tree"
	"sluice/internal/simulator/wire"
)

// request is a call of ARM by an app with a token.
type request struct {
	*Simulator
	*wire.Exchange
	settings Settings
	world    *estate.World // as it was when the call began
	app      App
	query    url.Values
	version  string // api-version
	route    route
	target   target
}

// serveARM finds out which call it is, so that faults meet it, and who calls.
func (s *Simulator) serveARM(w http.ResponseWriter, r *http.Request) {
	to := parseRoute(r.URL)
	s.calls.serve(to.call, armWords{s, to.subscription}, w, r, func(x *wire.Exchange) {
		q := &request{Simulator: s, Exchange: x, settings: s.Settings(), world: s.estate.World(), route: to}
		q.headers()
		var err error
		if q.query, err = url.ParseQuery(r.URL.RawQuery); err != nil {
			q.refuse(http.StatusBadRequest, "InvalidRequestUri", "The request URI is not valid: "+err.Error())
			return
		}
		q.version = q.query.Get("api-version")
		q.serve()
	})
}

// serve passes the call through what every call of ARM meets. The order of the
// checks is inferred.
func (q *request) serve() {
	if !q.authenticated() {
		return
	}
	if q.R.Method != http.MethodGet && (q.R.Method != http.MethodHead || q.route.call != OneAPI) {
		q.refuse(http.StatusMethodNotAllowed, "MethodNotAllowed", "The http method '"+q.R.Method+"' is not supported for this resource.")
		return
	}
	if !q.takesVersion() {
		return
	}
	left, wait := q.buckets.take(q.route.subscription+"\x00"+q.app.ClientID, q.settings.ReadBucket, q.settings.ReadRefill)
	if wait > 0 {
		q.throttled(wait)
		return
	}
	if q.settings.ReadBucket > 0 {
		q.remaining(left)
	}
	if q.route.serve == nil {
		q.refuse(http.StatusNotFound, "InvalidResourceType", "The resource type could not be found for api version '"+q.version+"'.")
		return
	}
	if q.found() {
		q.route.serve(q)
	}
}

// headers of every answer (recorded).
func (q *request) headers() {
	h := q.W.Header()
	id := q.requestID()
	h.Set("Cache-Control", "no-cache")
	h.Set("Pragma", "no-cache")
	h.Set("Expires", "-1")
	h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Cache", "CONFIG_NOCACHE")
	h.Set("x-ms-request-id", id)
	h.Set("x-ms-correlation-request-id", id)
	h.Set("x-ms-routing-request-id", "SIMULATED:"+q.Now().Format("20060102T150405Z")+":"+id)
}

// Now is the simulator's time: both of what a request is made of have it.
func (q *request) Now() time.Time { return q.Simulator.Now() }

// authenticated checks the token, and answers the call when it will not do.
func (q *request) authenticated() bool {
	token, ok := strings.CutPrefix(q.R.Header.Get("Authorization"), "Bearer ")
	if !ok {
		q.W.Header().Set("WWW-Authenticate", `Bearer authorization_uri="https://login.windows.net/`+q.apps[0].TenantID+
			`", error="invalid_token", error_description="The authentication failed because of missing 'Authorization' header."`) // inferred
		q.unauthorized("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
		return false
	}
	c, ended, ours := q.tokens.check(token)
	switch {
	case !ours:
		q.unauthorized("InvalidAuthenticationToken", "The access token is invalid.")
		return false
	case ended:
		const form = "1/2/2006 3:04:05 PM"
		q.unauthorized("ExpiredAuthenticationToken", "The access token expiry UTC time '"+time.Unix(c.Expires, 0).UTC().Format(form)+
			"' is earlier than current UTC time '"+q.Now().Format(form)+"'.")
		return false
	case !q.audienceFits(c.Audience):
		var allowed []string
		for _, one := range audiences[q.settings.Cloud] {
			allowed = append(allowed, "'"+one+"/'", "'"+one+"'")
		}
		q.unauthorized("InvalidAuthenticationTokenAudience", "The access token has been obtained for wrong audience or resource '"+c.Audience+
			"'. It should exactly match with one of the allowed audiences "+strings.Join(allowed, ",")+".")
		return false
	}
	for _, app := range q.apps {
		if app.ClientID == c.AppID && app.TenantID == c.TenantID {
			q.app = app
		}
	}
	if q.route.subscription != "" && q.world.FindSubscription(q.route.subscription) != nil && q.app.TenantID != q.apps[0].TenantID {
		q.unauthorized("InvalidAuthenticationTokenTenant", "The access token is from the wrong issuer 'https://sts.windows.net/"+c.TenantID+
			"/'. It must match the tenant 'https://sts.windows.net/"+q.apps[0].TenantID+"/' associated with this subscription. "+
			"Please use the authority (URL) 'https://login.windows.net/"+q.apps[0].TenantID+"' to get the token.")
		return false
	}
	return true
}

func (q *request) audienceFits(audience string) bool {
	for _, one := range audiences[q.settings.Cloud] {
		if strings.EqualFold(strings.TrimSuffix(audience, "/"), one) {
			return true
		}
	}
	return false
}

// The api-versions that are taken. Of the resource manager, documented by the
// answer to a wrong one; of API Management, by its specifications.
var (
	managerVersions = strings.Fields("2025-04-01 2025-03-01 2024-11-01 2024-08-01 2024-07-01 2024-03-01 2023-07-01 2022-12-01 2022-09-01 " +
		"2022-06-01 2022-05-01 2022-01-01 2021-04-01 2021-01-01 2020-10-01 2020-06-01 2020-01-01 2019-11-01")
	serviceVersions = strings.Fields("2025-09-01-preview 2024-05-01 2023-09-01-preview 2022-09-01-preview 2022-08-01 2021-08-01 2020-12-01 2019-12-01")
)

// previewVersion is the only one that lists APIs of type mcp (documented).
const previewVersion = "2025-09-01-preview"

// takesVersion checks the api-version, and answers the call when it will not do.
func (q *request) takesVersion() bool {
	supported := managerVersions
	if q.route.ofService {
		supported = serviceVersions
	}
	if q.version == "" {
		q.refuse(http.StatusBadRequest, "MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required for all requests.")
		return false
	}
	for _, v := range supported {
		if v == q.version {
			return true
		}
	}
	q.refuse(http.StatusBadRequest, "InvalidApiVersionParameter", "The api-version '"+q.version+"' is invalid. The supported versions are '"+strings.Join(supported, ",")+"'.")
	return false
}

// reply answers with what is compact on the wire; pretty with what API
// Management itself writes, over several lines that end as on Windows (recorded).
func (q *request) reply(value any)  { q.send(http.StatusOK, tree.Compact(value)) }
func (q *request) pretty(value any) { q.send(http.StatusOK, tree.PrettyCRLF(value)) }

// send answers, packed when the caller takes that (documented).
func (q *request) send(status int, body []byte) {
	if strings.Contains(q.R.Header.Get("Accept-Encoding"), "gzip") {
		q.W.Header().Set("Content-Encoding", "gzip")
		q.W.Header().Set("Vary", "Accept-Encoding")
		var out bytes.Buffer
		packed := gzip.NewWriter(&out)
		_, _ = packed.Write(body) // a Buffer takes everything
		_ = packed.Close()
		body = out.Bytes()
	}
	q.Send(status, contentType, body)
}
