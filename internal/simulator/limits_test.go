package simulator_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator"
	"sluice/internal/simulator/faults"
	"sluice/internal/simulator/limit"
)

// limited serves applications on a clock that stands still.
func limited(t *testing.T, change func(*simulator.Config)) *vendor {
	cfg := estateConfig()
	cfg.Clock, cfg.WebApps, cfg.WebFindings = func() time.Time { return start }, 4, 8
	change(&cfg)
	return startVendor(t, cfg)
}

func TestTheGatewayLimitsEachAPI(t *testing.T) {
	t.Parallel()
	v := limited(t, func(c *simulator.Config) { c.GatewayLimits = simulator.CallLimits{Requests: 2, WindowSeconds: 10} })
	for remaining := range 2 {
		h := v.search(applicationsPath, "").header
		require.Equal(t, []string{"2", string(rune('1' - remaining))}, []string{h.Get("X-RateLimit-Limit"), h.Get("X-RateLimit-Remaining")})
		require.Empty(t, h.Values("X-RateLimit-ToWait-Sec"))
	}
	a := v.search(applicationsPath, "")
	require.Equal(t, http.StatusTooManyRequests, a.status)
	require.Contains(t, string(a.body), `"errorCode":"429 TOO_MANY_REQUESTS"`)
	require.Equal(t, "0", a.header.Get("X-RateLimit-Remaining"))
	require.Empty(t, a.header.Values("Retry-After"))
	require.Equal(t, http.StatusOK, v.search(apiCollectionsPath, "").status, "each API has its own")
	require.Equal(t, http.StatusCreated, v.post("/auth/oidc", "", "clientId", simulator.DefaultClientID, "clientSecret", simulator.DefaultClientSecret).status)

	v.sim.Pass(10 * time.Second)
	require.Equal(t, http.StatusOK, v.search(applicationsPath, "").status)
	require.Equal(t, http.StatusUnauthorized, v.post(applicationsPath, "").status, "whoever is not known uses nothing up")
	limits := v.sim.Limits()
	require.Equal(t, []int{3, 1}, []int{limits[faults.Applications].Answered, limits[faults.Applications].TooOften})
	require.Equal(t, 1, limits[faults.APICollections].Answered)
}

func TestWhatRefusalsSayCanBeSwitched(t *testing.T) {
	t.Parallel()
	v := limited(t, func(c *simulator.Config) {
		c.GatewayLimits = simulator.CallLimits{
			Requests: 1, WindowSeconds: 10, Concurrent: 5, Headers: limit.SayWait, RetryAfter: true, ConcurrencyHeader: true, Status: http.StatusConflict,
		}
	})
	v.search(applicationsPath, "")
	v.sim.Pass(2500 * time.Millisecond)
	a := v.search(applicationsPath, "")
	require.Equal(t, http.StatusConflict, a.status)
	for name, want := range map[string]string{
		"X-RateLimit-Window-Sec": "10", "X-RateLimit-ToWait-Sec": "8", "Retry-After": "8", "X-ConcurrencyLimit-Limit": "5",
	} {
		require.Equal(t, want, a.header.Get(name), name)
	}
	a, err := v.do(http.MethodGet, pmPath, "", "Authorization", "Bearer "+v.token)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, a.status)
	a, err = v.do(http.MethodGet, pmPath, "", "Authorization", "Bearer "+v.token)
	require.NoError(t, err)
	require.Equal(t, http.StatusConflict, a.status)
	for _, name := range []string{"X-RateLimit-Limit", "X-RateLimit-ToWait-Sec", "Retry-After", "X-ConcurrencyLimit-Limit"} {
		require.Empty(t, a.header.Values(name), "Patch Management says nothing")
	}
	require.NoError(t, v.sim.LimitGateway(simulator.CallLimits{}))
	require.Equal(t, http.StatusOK, v.search(applicationsPath, "").status)
	for _, wrong := range []simulator.CallLimits{{Requests: -1}, {Status: 500}, {Headers: "all"}, {WindowSeconds: -1}} {
		require.ErrorContains(t, v.sim.LimitGateway(wrong), "simulator: ")
	}
}

func TestAllUsersOfASubscriptionShareItsLimits(t *testing.T) {
	t.Parallel()
	v := limited(t, func(c *simulator.Config) {
		c.QPSLimits = simulator.CallLimits{Requests: 2, WindowSeconds: 10}
		c.VMSettings = simulator.VMSettings{Requests: 2, WindowSeconds: 10, Concurrent: -1}
	})
	q, f := v.qps(mediaXML), &fo{v, v.sim.DefaultUser()}
	q.ok("POST", webAppsPath, "")
	q.as("sluice_narrow").ok("POST", webAppsPath, "")
	a := q.call("POST", webAppsPath, "")
	require.Equal(t, http.StatusTooManyRequests, a.status)
	require.Equal(t, "LIMIT_EXCEEDED", q.read(a)["responseCode"])
	require.Empty(t, a.header.Values("X-RateLimit-Limit"), "none were recorded")

	f.read(hostsPath)
	f.as("sluice_narrow").read(hostsPath)
	require.Equal(t, 1965, f.refusal(http.StatusConflict, f.call(hostsPath)).Code)
	require.Equal(t, 1, v.sim.Limits()[faults.VMHosts].Avoidable)
}

func TestOtherToolsOfTheSubscriptionUseUpItsLimits(t *testing.T) {
	t.Parallel()
	v := limited(t, func(c *simulator.Config) {
		c.QPSLimits = simulator.CallLimits{Requests: 3, WindowSeconds: 10}
		c.GatewayLimits = simulator.CallLimits{Requests: 3, WindowSeconds: 10}
		c.VMSettings = simulator.VMSettings{Requests: 3, WindowSeconds: 10}
	})
	f := &fo{v, v.sim.DefaultUser()}
	require.Equal(t, "2", f.call(hostsPath).header.Get("X-RateLimit-Remaining"))
	require.JSONEq(t, `{"calls":1}`, v.control("elsewhere", `{"endpoint":"vm-hosts","calls":1}`))
	require.Equal(t, "0", f.call(hostsPath).header.Get("X-RateLimit-Remaining"))
	for _, endpoint := range []faults.Endpoint{faults.WASWebApps, faults.Applications} {
		made, err := v.sim.UseElsewhere(endpoint, 100)
		require.NoError(t, err)
		require.Equal(t, 3, made, "what the limit lets in")
	}
	require.Equal(t, http.StatusTooManyRequests, v.search(applicationsPath, "").status)
	require.Equal(t, http.StatusTooManyRequests, v.qps(mediaXML).call("POST", webAppsPath, "").status)
	require.Zero(t, v.sim.Limits()[faults.Applications].Avoidable, "nobody had been told")
	require.Equal(t, []int{2, 1, 3}, []int{
		v.state().Limits[faults.VMHosts].Answered, v.state().Limits[faults.VMHosts].Elsewhere, v.state().Limits[faults.Applications].Elsewhere,
	})
	_, err := v.sim.UseElsewhere(faults.Token, 1)
	require.ErrorContains(t, err, `no limits of "token"`)
}

func TestTheRateThatWasReachedIsKnown(t *testing.T) {
	t.Parallel()
	v := limited(t, func(c *simulator.Config) {
		c.VMSettings = simulator.VMSettings{Requests: 300, WindowSeconds: 10, Concurrent: 2}
	})
	f := &fo{v, v.sim.DefaultUser()}
	for range 60 { // a call every 500 ms is a fifteenth of what is allowed
		f.read(knowledgePath, "ids=1")
		v.sim.Pass(500 * time.Millisecond)
	}
	f.read(knowledgePath, "ids=1")
	rate := v.sim.Limits()[faults.KnowledgeBase].Rate
	require.Equal(t, limit.Rate{First: start, Last: start.Add(30 * time.Second), Busiest: 20, Windows: 3, Calls: 60}, rate)
	require.InDelta(t, 1.0/15, rate.Share(300), 1e-9)
}
