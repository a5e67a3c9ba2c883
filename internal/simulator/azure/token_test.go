package azure_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator/azure"
	"sluice/internal/simulator/faults"
)

const (
	v1 = "/oauth2/token"
	v2 = "/oauth2/v2.0/token"
)

func credentials(more ...string) []string {
	return append([]string{"grant_type", "client_credentials", "client_id", azure.DefaultClientID, "client_secret", azure.DefaultSecret}, more...)
}

func TestTheOldTokenEndpointWritesNumbersAsTexts(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 1})
	a := c.signInForm("/"+azure.DefaultTenantID+v1, credentials("resource", "https://management.azure.com/")...)
	require.Equal(t, http.StatusOK, a.status)
	body := a.tree(t)
	require.Equal(t, "3599", body["expires_in"])
	require.Equal(t, "3599", body["ext_expires_in"])
	require.Equal(t, "https://management.azure.com/", body["resource"])
	require.Equal(t, "1773484012", body["expires_on"], "start and 3599 s")
	require.Equal(t, "1773480113", body["not_before"], "300 s before the issue")
	require.Equal(t, "no-store, no-cache", a.header.Get("Cache-Control"))
	c.token = body["access_token"].(string)
	require.Len(t, c.list("/subscriptions?api-version="+managerVersion), 1)
}

func TestTheNewTokenEndpointWritesNumbers(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{})
	body := c.signInForm("/"+azure.DefaultTenantDomain+v2, credentials("scope", managerScope)...).tree(t)
	require.Equal(t, 3599.0, body["expires_in"])
	require.NotContains(t, body, "resource")
	require.NotContains(t, body, "expires_on")
	require.NotContains(t, body, "refresh_token")
}

func TestCredentialsCanBeInTheHeader(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.arm+"/"+azure.DefaultTenantID+v2,
		strings.NewReader("grant_type=client_credentials&scope="+managerScope))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(azure.DefaultClientID, azure.DefaultSecret)
	response, err := c.http.Do(r)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)
}

func TestWhyATokenIsRefused(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{})
	app := func(id, secret string) []string {
		return []string{"grant_type", "client_credentials", "client_id", id, "client_secret", secret, "scope", managerScope}
	}
	for _, test := range []struct {
		name, path string
		form       []string
		status     int
		error      string
		code       float64
	}{
		{"wrong secret", "/" + azure.DefaultTenantID + v2, app(azure.DefaultClientID, "guess"), 401, "invalid_client", 7000215},
		{"expired secret", "/" + azure.DefaultTenantID + v2, app(azure.ExpiredClientID, azure.ExpiredSecret), 401, "invalid_client", 7000222},
		{"no secret", "/" + azure.DefaultTenantID + v2, app(azure.DefaultClientID, ""), 401, "invalid_client", 7000218},
		{"unknown app", "/" + azure.DefaultTenantID + v2, app("11111111-1111-1111-1111-111111111111", "x"), 400, "unauthorized_client", 700016},
		{"app of another tenant", "/" + azure.OtherTenantID + v2, app(azure.DefaultClientID, azure.DefaultSecret), 400, "unauthorized_client", 700016},
		{"unknown tenant", "/22222222-2222-2222-2222-222222222222" + v2, app(azure.DefaultClientID, azure.DefaultSecret), 400, "invalid_request", 90002},
		{"no scope", "/" + azure.DefaultTenantID + v2, credentials(), 400, "invalid_request", 900144},
		{"no resource", "/" + azure.DefaultTenantID + v1, credentials("scope", managerScope), 400, "invalid_request", 900144},
		{"scope without .default", "/" + azure.DefaultTenantID + v2, credentials("scope", "https://management.azure.com/"), 400, "invalid_scope", 1002012},
		{"unknown resource", "/" + azure.DefaultTenantID + v1, credentials("resource", "https://example.com/"), 400, "invalid_resource", 500011},
		{"no grant type", "/" + azure.DefaultTenantID + v2, nil, 400, "invalid_request", 900144},
		{"another grant", "/" + azure.DefaultTenantID + v2, []string{"grant_type", "password", "client_id", azure.DefaultClientID}, 400, "unsupported_grant_type", 70003},
	} {
		a := c.signInForm(test.path, test.form...)
		body := a.tree(t)
		require.Equal(t, test.status, a.status, test.name)
		require.Equal(t, test.error, body["error"], test.name)
		require.Equal(t, []any{test.code}, body["error_codes"], test.name)
		require.Contains(t, body["error_description"], "Trace ID: ", test.name)
		require.Equal(t, "2026-03-14 09:26:53Z", body["timestamp"])
		require.NotContains(t, string(a.body), azure.DefaultSecret)
	}
	a, err := c.do(http.MethodGet, c.arm+"/"+azure.DefaultTenantID+v2, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusBadRequest, a.status)
	require.EqualValues(t, 13, c.sim.Counts().TokensRefused)
	require.EqualValues(t, 1, c.sim.Counts().TokensMinted)
}

func TestATokenEndsWithItsLifetime(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Settings: azure.Settings{TokenLifetime: 3 * time.Second}})
	require.Equal(t, 200, c.get("/subscriptions?api-version="+managerVersion).status)
	c.sim.Pass(3 * time.Second)
	a := c.get("/subscriptions?api-version=" + managerVersion)
	require.Equal(t, http.StatusUnauthorized, a.status)
	require.Equal(t, "ExpiredAuthenticationToken", a.code(t))
	require.EqualValues(t, 1, c.sim.Counts().Unauthorized)
}

func TestTokensEndInTheMiddleOfARun(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{})
	c.setFaults(fault(azure.Subscriptions, faults.Fault{Kind: faults.RevokeTokens, Call: 2}))
	require.Equal(t, 200, c.get("/subscriptions?api-version="+managerVersion).status)
	a := c.get("/subscriptions?api-version=" + managerVersion)
	require.Equal(t, 401, a.status)
	require.Equal(t, "ExpiredAuthenticationToken", a.code(t))
	c.token = c.signIn(azure.DefaultTenantID, azure.DefaultClientID, azure.DefaultSecret)
	require.Equal(t, 200, c.get("/subscriptions?api-version="+managerVersion).status)
}

func TestATokenThatWillNotDo(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 1})
	first := c.list("/subscriptions?api-version=" + managerVersion)[0]
	path := first["id"].(string) + "?api-version=" + managerVersion

	a, err := c.do(http.MethodGet, c.arm+path, nil)
	require.NoError(t, err)
	require.Equal(t, 401, a.status)
	require.Equal(t, "AuthenticationFailed", a.code(t))
	require.Contains(t, a.header.Get("WWW-Authenticate"), "authorization_uri=")

	good := c.token
	c.token = good + "x"
	require.Equal(t, "InvalidAuthenticationToken", c.get(path).code(t))
	c.token = "x"
	require.Equal(t, "InvalidAuthenticationToken", c.get(path).code(t))

	c.token = c.signInForm("/"+azure.DefaultTenantID+v2, credentials("scope", "https://graph.microsoft.com/.default")...).tree(t)["access_token"].(string)
	a = c.get(path)
	require.Equal(t, 401, a.status)
	require.Equal(t, "InvalidAuthenticationTokenAudience", a.code(t))

	c.token = c.signIn(azure.OtherTenantID, azure.OtherClientID, azure.OtherSecret)
	require.Empty(t, c.list("/subscriptions?api-version="+managerVersion))
	a = c.get(path)
	require.Equal(t, 401, a.status)
	require.Equal(t, "InvalidAuthenticationTokenTenant", a.code(t))
}

func TestASovereignCloudTakesItsOwnAudience(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Settings: azure.Settings{Cloud: azure.USGov}})
	a := c.get("/subscriptions?api-version=" + managerVersion)
	require.Equal(t, 401, a.status, "a token of the public cloud")
	require.Contains(t, string(a.body), "https://management.usgovcloudapi.net/")
	for _, audience := range []string{
		"https://management.usgovcloudapi.net", "https://management.usgovcloudapi.net/", "https://management.core.usgovcloudapi.net/",
	} {
		c.token = c.signInForm("/"+azure.DefaultTenantID+v1, credentials("resource", audience)...).tree(t)["access_token"].(string)
		require.Equal(t, 200, c.get("/subscriptions?api-version="+managerVersion).status, audience)
	}
}

func TestAnAppWithoutARoleSeesNoSubscription(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 3})
	seen := c.list("/subscriptions?api-version=" + managerVersion)
	require.Len(t, seen, 3)
	c.token = c.signIn(azure.DefaultTenantID, azure.WithoutRoleClientID, azure.WithoutRoleSecret)
	page := c.found("/subscriptions?api-version=" + managerVersion)
	require.Equal(t, []any{}, page["value"])
	a := c.get(seen[0]["id"].(string) + "/resourceGroups?api-version=2021-04-01")
	require.Equal(t, 403, a.status)
	require.Equal(t, "AuthorizationFailed", a.code(t))
}
