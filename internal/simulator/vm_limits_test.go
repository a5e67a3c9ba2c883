package simulator_test

import (
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator"
	"sluice/internal/simulator/account"
	"sluice/internal/simulator/faults"
)

var limitHeaders = []string{
	"X-RateLimit-Limit", "X-RateLimit-Window-Sec", "X-RateLimit-Remaining", "X-RateLimit-ToWait-Sec",
	"X-Concurrency-Limit-Limit", "X-Concurrency-Limit-Running",
}

func TestAnAccountThatWillNotDoIsToldSoWithoutHeadersOfLimits(t *testing.T) {
	t.Parallel()
	cfg := vmConfig()
	cfg.VMSettings = simulator.VMSettings{}
	cfg.Users = append(account.Defaults("id", "secret"),
		simulator.User{Name: "no_vm", Password: "p", NotPermitted: []account.App{account.VM}},
		simulator.User{Name: "no_licence", Password: "p", NotLicensed: []account.App{account.VM}, NotPermitted: []account.App{account.VM}},
		simulator.User{Name: "inactive", Password: "p", Inactive: true}, simulator.User{Name: "locked", Password: "p", Locked: true},
		simulator.User{Name: "token", Password: "p", SecureID: true})
	f := startVM(t, cfg)
	for _, c := range []struct {
		user         simulator.User
		status, code int
	}{
		{simulator.User{Name: account.DefaultName, Password: "wrong"}, 401, 2000},
		{simulator.User{Name: account.ExpiredName, Password: account.ExpiredPassword}, 200, 2001},
		{simulator.User{Name: account.NewName, Password: account.NewPassword}, 409, 2003},
		{simulator.User{Name: "no_vm", Password: "p"}, 401, 2000},
		{simulator.User{Name: "no_licence", Password: "p"}, 403, 2012},
		{simulator.User{Name: "inactive", Password: "p"}, 401, 2002},
		{simulator.User{Name: "locked", Password: "p"}, 401, 2002},
		{simulator.User{Name: "token", Password: "p"}, 409, 2011},
	} {
		for _, path := range []string{hostsPath, detectionsPath, knowledgePath} {
			a := (&fo{f.vendor, c.user}).call(path)
			require.Equal(t, c.code, f.refusal(c.status, a).Code)
			for _, name := range limitHeaders {
				require.Empty(t, a.header.Values(name))
			}
		}
	}
	require.Equal(t, int64(3), f.sim.Counts().Unauthorized)
}

func TestBearerTokensAreTakenAndAskedForTheHeader(t *testing.T) {
	t.Parallel()
	f := startVM(t, vmConfig())
	token := "Bearer " + f.mint()
	a, err := f.do(http.MethodGet, hostsPath+"?action=list", "", "Authorization", token, "X-Requested-With", "test")
	require.NoError(t, err)
	require.Len(t, f.decode(a.body).Hosts, 120)

	a, err = f.do(http.MethodGet, hostsPath+"?action=list", "", "Authorization", token)
	require.NoError(t, err)
	require.Contains(t, f.refusal(http.StatusBadRequest, a).Text, "X-Requested-With")

	setFaults(t, f.vendor, simulator.Fault{Kind: faults.RevokeTokens})
	a, err = f.do(http.MethodGet, hostsPath+"?action=list", "", "Authorization", token, "X-Requested-With", "test")
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, a.status)
}

func TestTheAboutPageTakesANameAndPasswordOnly(t *testing.T) {
	t.Parallel()
	f := startVM(t, vmConfig())
	a, err := f.do(http.MethodGet, "/msp/about.php", "", "Authorization", basic(f.user.Name, f.user.Password))
	require.NoError(t, err)
	require.Contains(t, string(a.body), "<WEB-VERSION>")
	for _, authorization := range []string{"", "Bearer " + f.mint(), basic(f.user.Name, "wrong")} {
		a, err = f.do(http.MethodGet, "/msp/about.php", "", "Authorization", authorization)
		require.NoError(t, err)
		require.Equal(t, http.StatusUnauthorized, a.status)
	}
}

func TestTheRateIsLimitedByAWindowThatSlides(t *testing.T) {
	t.Parallel()
	cfg := vmConfig()
	cfg.VMSettings = simulator.VMSettings{Requests: 3, WindowSeconds: 60}
	f := startVM(t, cfg)
	for n := range 3 {
		a := f.call(hostsPath)
		require.Equal(t, http.StatusOK, a.status)
		require.Equal(t, "3", a.header.Get("X-RateLimit-Limit"))
		require.Equal(t, "60", a.header.Get("X-RateLimit-Window-Sec"))
		require.Equal(t, strconv.Itoa(2-n), a.header.Get("X-RateLimit-Remaining"))
		require.Equal(t, []string{"0", "0", "40"}[n], a.header.Get("X-RateLimit-ToWait-Sec"))
		require.Equal(t, "2", a.header.Get("X-Concurrency-Limit-Limit"))
		require.Equal(t, "0", a.header.Get("X-Concurrency-Limit-Running"))
		f.sim.Pass(10 * time.Second)
	}
	a := f.call(hostsPath)
	r := f.refusal(http.StatusConflict, a)
	require.Equal(t, 1965, r.Code)
	require.Equal(t, "This API cannot be run again for another 30 seconds.", r.Text)
	require.Equal(t, []foKeyPair{{"SECONDS_TO_WAIT", "30"}}, r.Items)
	require.Equal(t, "30", a.header.Get("X-RateLimit-ToWait-Sec"))
	require.Equal(t, http.StatusOK, f.call(knowledgePath).status, "each API has its own")

	f.sim.Pass(29 * time.Second)
	require.Equal(t, http.StatusConflict, f.call(hostsPath).status)
	f.sim.Pass(time.Second)
	require.Equal(t, http.StatusOK, f.call(hostsPath).status)
	require.Equal(t, http.StatusConflict, f.call(hostsPath).status, "the second is still in the window")
	limits := f.sim.Limits()[faults.VMHosts]
	require.Equal(t, 4, limits.Answered)
	require.Equal(t, 3, limits.TooOften)
	require.Equal(t, 3, limits.Avoidable, "each time it had been said how long to wait")
}

func TestHowLongToWaitCanBeToldLate(t *testing.T) {
	t.Parallel()
	cfg := vmConfig()
	cfg.VMSettings = simulator.VMSettings{Requests: 1, LateToWait: true}
	f := startVM(t, cfg)
	f.call(hostsPath)
	require.Empty(t, f.call(hostsPath).header.Values("X-RateLimit-ToWait-Sec"))
	require.Equal(t, "3600", f.call(hostsPath).header.Get("X-RateLimit-ToWait-Sec"))
	require.Contains(t, f.refusal(http.StatusConflict, f.call(hostsPath)).Text, "1 hours, 0 minutes and 0 seconds")
}

func TestCallsAtTheSameTimeAreLimitedFirst(t *testing.T) {
	t.Parallel()
	cfg := vmConfig()
	cfg.VMSettings = simulator.VMSettings{Requests: 3}
	f := startVM(t, cfg)
	f.call(detectionsPath)
	setFaults(t, f.vendor, simulator.Fault{Kind: faults.Slow, Delay: time.Hour})
	var slow sync.WaitGroup
	stop := make(chan struct{})
	for range 2 { // fills both limits
		slow.Go(func() {
			r, err := http.NewRequest(http.MethodGet, f.baseURL+detectionsPath+"?action=list", nil)
			if err != nil {
				return
			}
			r.Header.Set("Authorization", basic(f.user.Name, f.user.Password))
			r.Header.Set("X-Requested-With", "test")
			client := http.Client{Transport: &http.Transport{}}
			go func() { <-stop; client.CloseIdleConnections() }()
			ctx, cancel := contextUntil(stop)
			defer cancel()
			if response, err := client.Do(r.WithContext(ctx)); err == nil {
				_ = response.Body.Close()
			}
		})
	}
	require.Eventually(t, func() bool { return f.sim.Limits()[faults.VMDetections].MaxConcurrent == 2 }, 10*time.Second, time.Millisecond)
	a := f.call(detectionsPath)
	r := f.refusal(http.StatusConflict, a)
	require.Equal(t, 1960, r.Code)
	require.Equal(t, []foKeyPair{{"CALLS_TO_FINISH", "1"}}, r.Items)
	require.Empty(t, a.header.Values("X-RateLimit-Limit"), "missing then")
	require.Equal(t, "2", a.header.Get("X-Concurrency-Limit-Running"))
	limits := f.sim.Limits()[faults.VMDetections]
	require.Equal(t, []int{3, 3, 1, 1}, []int{limits.Answered, limits.MaxConcurrent, limits.TooMany, limits.Avoidable})
	close(stop)
	slow.Wait()
	setFaults(t, f.vendor)
	require.Eventually(t, func() bool { return f.call(detectionsPath).header.Get("X-RateLimit-Limit") != "" }, 10*time.Second, time.Millisecond,
		"calls that were given up are over")
}
