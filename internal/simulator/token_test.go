package simulator_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator"
)

const invalidCredentials = `{"authentication_exceptions":[["Authentication Failure: 1 errors, 0 successes:authenticationFailure.InvalidCredentialsException"]]}`

func TestAUserLevelClientGetsABareTokenForFourHours(t *testing.T) {
	t.Parallel()
	v := startVendor(t, estateConfig())
	a := v.post("/auth/oidc", "", "clientId", simulator.DefaultClientID, "clientSecret", simulator.DefaultClientSecret)
	require.Equal(t, http.StatusCreated, a.status)
	require.Contains(t, a.header.Get("Content-Type"), "text/plain")

	parts := strings.Split(string(a.body), ".")
	require.Len(t, parts, 3)
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	var claims struct{ Iat, Exp int64 }
	require.NoError(t, json.Unmarshal(payload, &claims))
	require.Equal(t, int64(4*3600), claims.Exp-claims.Iat)
	require.InDelta(t, start.Unix(), claims.Iat, 60, "the token is dated by the simulator's clock")
}

func TestCredentialsTheTokenEndpointsRefuse(t *testing.T) {
	t.Parallel()
	v := startVendor(t, estateConfig())
	form := "grant_type=client_credentials&client_id=" + simulator.DefaultClientID + "&client_secret=" + simulator.DefaultClientSecret
	const asForm = "application/x-www-form-urlencoded"
	for name, call := range map[string]struct {
		path   string
		body   string
		header []string
		status int
		want   string
	}{
		"wrong secret":            {"/auth/oidc", "", []string{"clientId", simulator.DefaultClientID, "clientSecret", "wrong"}, 401, invalidCredentials},
		"unknown client":          {"/auth/oidc", "", []string{"clientId", "nobody", "clientSecret", simulator.DefaultClientSecret}, 401, invalidCredentials},
		"nothing":                 {"/auth/oidc", "", nil, 400, "'clientId' and 'clientSecret' are not present"},
		"the standard form":       {"/auth/oidc", form, []string{"Content-Type", asForm}, 400, "'clientId' and 'clientSecret' are not present"},
		"subscription level here": {"/auth/oidc", "", []string{"clientId", simulator.DefaultSubscriptionClientID, "clientSecret", simulator.DefaultSubscriptionClientSecret}, 401, invalidCredentials},
		"user level there":        {"/auth/oauth", "", []string{"clientId", simulator.DefaultClientID, "clientSecret", simulator.DefaultClientSecret}, 401, invalidCredentials},
	} {
		a := v.post(call.path, call.body, call.header...)
		require.Equal(t, call.status, a.status, name)
		require.Contains(t, string(a.body), call.want, name)
		require.NotContains(t, string(a.body), simulator.DefaultClientSecret, name)
	}
	require.Equal(t, int64(6), v.sim.Counts().TokensRefused)
}

func TestFormsAreTakenUnderASwitch(t *testing.T) {
	t.Parallel()
	cfg := estateConfig()
	cfg.Settings.AcceptForm = true
	cfg.Credentials = simulator.Credentials{ClientID: "anna", ClientSecret: "s3cret"}
	v := startVendor(t, cfg)
	const asForm = "application/x-www-form-urlencoded"

	a := v.post("/auth/oidc", "clientId=anna&clientSecret=s3cret", "Content-Type", asForm)
	require.Equal(t, http.StatusCreated, a.status)
	v.token = string(a.body)
	require.Equal(t, http.StatusOK, v.search(applicationsPath, "").status)

	a = v.post("/auth/oidc", "grant_type=client_credentials&client_id=anna&client_secret=s3cret", "Content-Type", asForm)
	require.Equal(t, http.StatusOK, a.status)
	var standard struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
	}
	require.NoError(t, json.Unmarshal(a.body, &standard))
	require.Equal(t, 4*3600, standard.ExpiresIn)
	v.token = standard.AccessToken
	require.Equal(t, http.StatusOK, v.search(applicationsPath, "").status)
}

func TestSearchesTakeOnlyValidTokensOfUserLevelClients(t *testing.T) {
	t.Parallel()
	cfg := estateConfig()
	cfg.Settings.TokenTTL = time.Minute
	v := startVendor(t, cfg)
	good := v.token
	refused := func(token string, status int, message string) {
		t.Helper()
		v.token = token
		for _, assetType := range bothTypes {
			a := v.search(pathOf(assetType), "")
			require.Equal(t, status, a.status)
			require.Contains(t, string(a.body), message)
			require.True(t, json.Valid(a.body))
		}
	}
	const notAuthenticated = `{"status":401,"error":"Unauthorized","message":"Not authenticated"}`
	refused("", 401, notAuthenticated)
	refused("garbage", 401, notAuthenticated)
	refused(good[:len(good)-2], 401, notAuthenticated)

	subscription := v.post("/auth/oauth", "", "clientId", simulator.DefaultSubscriptionClientID, "clientSecret", simulator.DefaultSubscriptionClientSecret)
	require.Equal(t, http.StatusCreated, subscription.status)
	refused(string(subscription.body), 403, `"errorCode":"403 FORBIDDEN"`)

	v.token = good
	require.Equal(t, http.StatusOK, v.search(applicationsPath, "").status)
	v.sim.Pass(2 * time.Minute)
	refused(good, 401, `{"status":401,"error":"Unauthorized","message":"JWT expired"}`)

	fresh := v.mint()
	v.sim.RevokeTokens()
	refused(fresh, 401, notAuthenticated)
	v.token = v.mint()
	require.Equal(t, http.StatusOK, v.search(applicationsPath, "").status)
	require.Equal(t, int64(10), v.sim.Counts().Unauthorized)
	require.Equal(t, int64(4), v.sim.Counts().TokensMinted)
}

func TestTheDateHeaderFollowsTheSimulatorsClock(t *testing.T) {
	t.Parallel()
	v := startVendor(t, estateConfig())
	v.sim.SetNow(start.AddDate(1, 0, 0))
	date, err := http.ParseTime(v.search(applicationsPath, "").header.Get("Date"))
	require.NoError(t, err)
	require.WithinDuration(t, start.AddDate(1, 0, 0), date, time.Minute)
}
