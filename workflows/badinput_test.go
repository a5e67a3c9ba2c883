package workflows_test

import (
	"encoding/pem"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator"
	"sluice/internal/simulator/account"
	"sluice/internal/simulator/faults"
	"sluice/internal/source"
	"sluice/internal/testenv/middle"
	"sluice/workflows"
)

// TestWhatIsWrongWithAConnectorIsSaid tests a connector that is wrong in one
// way, again and for everything, with two workers.
func TestWhatIsWrongWithAConnectorIsSaid(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	said := make(map[string]string) // message: what was wrong
	for name, c := range map[string]struct {
		basic             bool // user name and password alone; else the client's tokens, too
		settings, secrets map[string]string
		user              func(*simulator.User)
		fault             simulator.Fault
		// of says which application is asked; default: VMDR.
		of      string
		health  source.Health
		message string
	}{
		"wrong password":               {basic: true, secrets: map[string]string{"password": "not-the-password"}, health: source.Unauthorised, message: "password"},
		"wrong client secret":          {secrets: map[string]string{"clientSecret": "not-the-secret"}, of: "TAS", health: source.Unauthorised, message: "client id and secret"},
		"client of the other level":    {settings: map[string]string{"clientLevel": "subscription"}, of: "FIM", health: source.Unauthorised, message: "leave clientlevel out"},
		"account expired":              {basic: true, user: func(u *simulator.User) { u.Expired = true }, health: source.Unauthorised, message: "expired"},
		"account locked":               {basic: true, user: func(u *simulator.User) { u.Locked = true }, health: source.Unauthorised, message: "locked"},
		"account inactive":             {basic: true, user: func(u *simulator.User) { u.Inactive = true }, health: source.Unauthorised, message: "not active"},
		"client of a locked account":   {user: func(u *simulator.User) { u.Locked = true }, health: source.Unauthorised, message: "lock"},
		"terms not accepted":           {basic: true, user: func(u *simulator.User) { u.TermsNotAccepted = true }, health: source.Unauthorised, message: "terms"},
		"licence without the module":   {user: func(u *simulator.User) { u.NotLicensed = []account.App{account.WAS} }, of: "WAS", health: source.NotLicensed, message: "not enabled for the subscription"},
		"unknown host":                 {settings: map[string]string{"baseURL": "https://qualysapi.nowhere.invalid"}, health: source.Unreachable, message: "nowhere.invalid cannot be resolved"},
		"nobody listens":               {settings: map[string]string{"baseURL": "http://" + middle.Nobody(t)}, health: source.Unreachable, message: "refused"},
		"self-signed certificate":      {settings: map[string]string{"baseURL": selfSigned(t).URL}, health: source.Misconfigured, message: "certificate"},
		"wrong password for the proxy": {settings: proxySettings(middle.HTTP(t, proxyLogin)), secrets: map[string]string{"proxyPassword": "wrong"}, health: source.Misconfigured, message: "proxy"},
		"proxy that is not there":      {settings: map[string]string{"proxyURL": "http://" + middle.Nobody(t)}, health: source.Unreachable, message: "proxy"},
		"web page instead of an API":   {fault: simulator.Fault{Kind: faults.LoginPage}, health: source.Misconfigured, message: "login page"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings, secrets := map[string]string{}, map[string]string{}
			if c.basic {
				settings["clientId"], secrets["clientSecret"] = "", ""
			}
			maps.Copy(settings, c.settings)
			maps.Copy(secrets, c.secrets)
			s := newTested(t, everyApplication, settings, secrets)
			s.addWorker()
			if c.user != nil {
				require.NoError(t, s.sim.ChangeUser(s.sim.DefaultUser().Name, c.user))
			}
			if c.fault.Kind != "" {
				require.NoError(t, s.sim.SetFaults(c.fault))
			}
			if c.of == "" {
				c.of = "VMDR"
			}
			// What the vendor says of an account differs from application to
			// application: what is remembered is what the first one was told.
			for _, in := range []workflows.TestInput{{Applications: []string{c.of}}, {All: true}, {All: true}} {
				in.Connector = "tas"
				result, _, err := s.test(in)
				require.NoError(t, err)
				broken := firstUnhealthy(result.Checks[c.of])
				require.Equal(t, c.health, broken.Health, "%+v", broken)
				require.Contains(t, strings.ToLower(broken.Message+"; "+broken.Advice), c.message)
				require.NotEmpty(t, broken.Advice)
				mu.Lock()
				if other := said[broken.Message]; other != "" && other != name {
					t.Errorf("%q is said of %q and of %q", broken.Message, name, other)
				}
				said[broken.Message] = name
				mu.Unlock()
			}
			for user, failed := range s.sim.FailedSignIns() {
				require.LessOrEqual(t, failed, 1, "accounts lock: %s", user)
			}
		})
	}
}

// firstUnhealthy is the first step of a test that is not healthy.
func firstUnhealthy(checks []source.Check) source.Check {
	for _, c := range checks {
		if c.Health != source.Healthy {
			return c
		}
	}
	return source.Check{Health: source.Healthy}
}

func TestACertificateOfOnesOwnIsTrustedWhenItsAuthorityIsGiven(t *testing.T) {
	t.Parallel()
	s := newTested(t, everyApplication, nil, nil)
	vendor := httptest.NewTLSServer(s.sim.Handler())
	t.Cleanup(vendor.Close)
	own := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: vendor.Certificate().Raw})
	s.set(map[string]string{"baseURL": vendor.URL, "caBundle": string(own)})
	result, _, err := s.test(workflows.TestInput{Connector: "tas", All: true})
	require.NoError(t, err)
	for application, health := range healthOf(result) {
		require.Equal(t, source.Healthy, health, "%s: %+v", application, result.Checks[application])
	}
}

// selfSigned is a server whose certificate no authority has signed.
func selfSigned(t *testing.T) *httptest.Server {
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

var proxyLogin = middle.Options{Username: "worker", Password: "proxy-password"}

// proxySettings are those of a connector that goes through a proxy.
func proxySettings(p *middle.Proxy) map[string]string {
	return map[string]string{"proxyURL": p.URL, "proxyUsername": proxyLogin.Username}
}
