package simulator_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator"
	"sluice/internal/simulator/account"
	"sluice/internal/simulator/faults"
)

const (
	fimPath = "/fim/v2/events/count"
	pmPath  = "/pm/v1/details"
	etmPath = "/etm/api/rest/v1/reports/list"
)

// appCalls are the calls that a connection test makes, by application.
var appCalls = map[account.App]struct{ method, path, body string }{
	account.FIM: {http.MethodPost, fimPath, `{"filter":"processedTime: ['2026-01-01'..'2026-01-31']"}`},
	account.PM:  {http.MethodGet, pmPath, ""},
	account.ETM: {http.MethodPost, etmPath, `{"pageSize":1}`},
	account.TAS: {http.MethodPost, applicationsPath, ""},
	account.WAS: {http.MethodGet, "/qps/rest/3.0/count/was/webapp", ""},
	account.VM:  {http.MethodGet, hostsPath + "?action=list&truncation_limit=1", ""},
}

// ask calls an application with an Authorization header.
func (v *vendor) ask(app account.App, authorization string) answer {
	c := appCalls[app]
	a, err := v.do(c.method, c.path, c.body, "Authorization", authorization, "X-Requested-With", "test", "Content-Type", "application/json")
	require.NoError(v.t, err)
	return a
}

// signIn asks the gateway for a token for a name and a password.
func (v *vendor) signIn(name, password string) answer {
	form := url.Values{"username": {name}, "password": {password}, "token": {"true"}}
	return v.post("/auth", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
}

func (v *vendor) subscriptionToken() string {
	a := v.post("/auth/oauth", "", "clientId", simulator.DefaultSubscriptionClientID, "clientSecret", simulator.DefaultSubscriptionClientSecret)
	require.Equal(v.t, http.StatusCreated, a.status)
	return string(a.body)
}

func TestApplicationsOfTheGatewayAnswerAConnectionTest(t *testing.T) {
	t.Parallel()
	v := startVendor(t, simulator.Config{AppSettings: simulator.AppSettings{FIMEvents: 7}})
	a := v.ask(account.FIM, "Bearer "+v.token)
	require.Equal(t, []any{200, `{"count":7}`, "application/vnd.qualys.fim.api.v2.0+json"}, []any{a.status, string(a.body), a.header.Get("Content-Type")})
	a = v.ask(account.PM, "Bearer "+v.token)
	require.Equal(t, 200, a.status)
	require.Contains(t, string(a.body), `"appVersion":"`)
	a = v.ask(account.ETM, "Bearer "+v.token)
	require.Equal(t, 200, a.status)
	require.Contains(t, string(a.body), `"reportFormat":"JSON"`)

	for path, body := range map[string]string{fimPath: `{"filter":`, etmPath: `{"pageSize":0}`} {
		a = v.post(path, body, "Authorization", "Bearer "+v.token)
		require.Equal(t, http.StatusBadRequest, a.status, path)
	}
	v.control("settings", `{"apps":{"etmNotDeployed":true}}`)
	require.Equal(t, http.StatusNotFound, v.ask(account.ETM, "Bearer "+v.token).status)
	require.Equal(t, simulator.AppSettings{FIMEvents: 7, ETMNotDeployed: true}, v.sim.AppSettings())
}

func TestWhichCredentialsEachApplicationTakes(t *testing.T) {
	t.Parallel()
	v := startVendor(t, simulator.Config{})
	user := v.sim.DefaultUser()
	password, client := basic(user.Name, user.Password), "Bearer "+v.token
	signedIn, subscription := "Bearer "+string(v.signIn(user.Name, user.Password).body), "Bearer "+v.subscriptionToken()
	for app, want := range map[account.App][4]int{ // password, user-level client, token of a password, subscription-level client
		account.VM:  {200, 200, 200, 200},
		account.WAS: {200, 200, 200, 401},
		account.TAS: {401, 200, 200, 403},
		account.FIM: {401, 200, 200, 200},
		account.PM:  {401, 200, 200, 200},
		account.ETM: {401, 200, 200, 200},
	} {
		got := [4]int{}
		for i, authorization := range []string{password, client, signedIn, subscription} {
			got[i] = v.ask(app, authorization).status
		}
		require.Equal(t, want, got, app)
	}
	a, err := v.do(http.MethodGet, "/msp/about.php", "", "Authorization", subscription)
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, a.status)

	v.control("settings", `{"clientsOnly":true}`)
	require.Equal(t, http.StatusForbidden, v.ask(account.TAS, signedIn).status)
	require.Equal(t, http.StatusOK, v.ask(account.TAS, client).status)
	require.Empty(t, v.sim.FailedSignIns())
}

func TestAnApplicationThatIsNotPermittedOrNotLicensedSaysSoInItsOwnWay(t *testing.T) {
	t.Parallel()
	v := startVendor(t, simulator.Config{})
	user := v.sim.DefaultUser().Name
	for app, want := range map[account.App]struct {
		denied  int
		denial  string
		missing int
		absence string
	}{
		account.VM:  {401, "<CODE>2000</CODE>", 403, "<CODE>2012</CODE>"},
		account.WAS: {200, "is not authorized to access this API", 200, "is not enabled for the subscription"},
		account.TAS: {403, "does not have the TAS.API.ACCESS permission", 403, "is not enabled for the subscription"},
		account.FIM: {403, "does not have the FIM.API.ACCESS permission", 403, "is not enabled for the subscription"},
		account.PM:  {403, "does not have the PM.API.ACCESS permission", 403, "is not enabled for the subscription"},
		account.ETM: {403, "does not have the ETM.API.ACCESS permission", 401, "is not enabled for the subscription"},
	} {
		apps := func(change func(*simulator.User)) (status int, body string) {
			require.NoError(t, v.sim.ChangeUser(user, func(u *simulator.User) { u.NotPermitted, u.NotLicensed = nil, nil; change(u) }))
			for other := range appCalls {
				if other != app {
					require.Equal(t, 200, v.ask(other, "Bearer "+v.token).status, "%s without %s", other, app)
				}
			}
			a := v.ask(app, "Bearer "+v.token)
			return a.status, string(a.body)
		}
		status, body := apps(func(u *simulator.User) { u.NotPermitted = []account.App{app} })
		require.Equal(t, want.denied, status, app)
		require.Contains(t, body, want.denial)
		status, body = apps(func(u *simulator.User) { u.NotLicensed = []account.App{app} })
		require.Equal(t, want.missing, status, app)
		require.Contains(t, body, want.absence)
	}
}

func TestEveryEndpointCanAnswerWithALoginPageOrAnythingElse(t *testing.T) {
	t.Parallel()
	v := startVendor(t, simulator.Config{WebApps: 1, WebFindings: 1, Hosts: 1, DetectionsPerHost: 1, VMSettings: simulator.VMSettings{Requests: -1}})
	user := v.sim.DefaultUser()
	password, token := basic(user.Name, user.Password), "Bearer "+v.token
	for endpoint, c := range map[faults.Endpoint]struct{ method, path, authorization string }{
		faults.Token:             {"POST", "/auth/oidc", ""},
		faults.SubscriptionToken: {"POST", "/auth/oauth", ""},
		faults.SignIn:            {"POST", "/auth", ""},
		faults.Applications:      {"POST", applicationsPath, token},
		faults.APICollections:    {"POST", apiCollectionsPath, token},
		faults.WASWebApps:        {"POST", webAppsPath, password},
		faults.WASFindings:       {"POST", findingsPath, password},
		faults.WASCount:          {"GET", "/qps/rest/3.0/count/was/webapp", password},
		faults.WASGet:            {"GET", "/qps/rest/3.0/get/was/webapp/1", password},
		faults.TagCount:          {"GET", "/qps/rest/2.0/count/am/tag", password},
		faults.PortalVersion:     {"GET", "/qps/rest/portal/version", password},
		faults.VMHosts:           {"GET", hostsPath, password},
		faults.VMDetections:      {"GET", detectionsPath, password},
		faults.KnowledgeBase:     {"GET", knowledgePath, password},
		faults.About:             {"GET", "/msp/about.php", password},
		faults.FIMEvents:         {"POST", fimPath, token},
		faults.PMDetails:         {"GET", pmPath, token},
		faults.ETMReports:        {"POST", etmPath, token},
	} {
		met := func(f simulator.Fault) answer {
			f.Endpoint = endpoint
			setFaults(t, v, f)
			a, err := v.do(c.method, c.path, "", "Authorization", c.authorization, "X-Requested-With", "test")
			require.NoError(t, err)
			return a
		}
		a := met(simulator.Fault{Kind: faults.LoginPage})
		require.Equal(t, 200, a.status, endpoint)
		require.Contains(t, a.header.Get("Content-Type"), "text/html")
		require.Contains(t, string(a.body), "<form")
		require.Equal(t, 503, met(simulator.Fault{Kind: faults.HTTPError, Status: 503}).status, endpoint)
		require.Equal(t, 429, met(simulator.Fault{Kind: faults.Throttle, Status: 429}).status, endpoint)
		require.Equal(t, 307, met(simulator.Fault{Kind: faults.Redirect}).status, endpoint)
		require.Len(t, string(met(simulator.Fault{Kind: faults.EndlessBody, Bytes: 5000}).body)[:5000], 5000, endpoint)
		require.Greater(t, strings.Count(string(met(simulator.Fault{Kind: faults.DeepNesting, Bytes: 3000}).body), ""), 3000, endpoint)
		require.NotEmpty(t, met(simulator.Fault{Kind: faults.ErrorBody}).body, endpoint)
	}
}
