package applications_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/qualys"
	"sluice/internal/qualys/applications"
	"sluice/internal/simulator"
	"sluice/internal/simulator/account"
	"sluice/internal/simulator/faults"
	"sluice/internal/source"
	"sluice/internal/source/qualystas"
	"sluice/internal/source/qualysvm"
	"sluice/internal/source/qualyswas"
)

// tested are all applications, with the call that is theirs alone.
var tested = map[string]struct {
	app      account.App
	endpoint faults.Endpoint
	open     func(source.Connection) (source.Prober, error)
}{
	"VMDR": {account.VM, faults.VMHosts, session(qualysvm.New(qualysvm.Options{}))},
	"WAS":  {account.WAS, faults.WASCount, session(qualyswas.New(qualyswas.Options{}))},
	"TAS":  {account.TAS, faults.Applications, session(qualystas.New(qualystas.Options{}))},
	"FIM":  {account.FIM, faults.FIMEvents, application("FIM")},
	"PM":   {account.PM, faults.PMDetails, application("PM")},
	"ETM":  {account.ETM, faults.ETMReports, application("ETM")},
}

func session(k source.Kind) func(source.Connection) (source.Prober, error) {
	return func(c source.Connection) (source.Prober, error) { return k.Open(c) }
}

func application(name string) func(source.Connection) (source.Prober, error) {
	for _, a := range applications.Provider().Applications {
		if a.Name == name {
			return a.Open
		}
	}
	panic(name)
}

// worst is the worst step of a test.
func worst(checks []source.Check) source.Check {
	for _, c := range checks {
		if c.Health != source.Healthy {
			return c
		}
	}
	return checks[0]
}

// TestTheHealthOfEachApplicationIsItsOwn: with one of them broken, in each way,
// its health says how, and all others are healthy.
func TestTheHealthOfEachApplicationIsItsOwn(t *testing.T) {
	t.Parallel()
	type break_ struct {
		users func(*simulator.User, account.App)
		fault func(faults.Endpoint) simulator.Fault
	}
	fault := func(f simulator.Fault) break_ {
		return break_{fault: func(e faults.Endpoint) simulator.Fault { f.Endpoint = e; return f }}
	}
	for name, c := range map[string]struct {
		break_ break_
		health source.Health
	}{
		"no permission": {break_{users: func(u *simulator.User, a account.App) { u.NotPermitted = append(u.NotPermitted, a) }}, source.Unauthorised},
		"not licensed":  {break_{users: func(u *simulator.User, a account.App) { u.NotLicensed = append(u.NotLicensed, a) }}, source.NotLicensed},
		"throttled":     {fault(simulator.Fault{Kind: faults.Throttle, RetryAfter: 60}), source.Throttled},
		"unavailable":   {fault(simulator.Fault{Kind: faults.HTTPError, Status: 503}), source.Unreachable},
		"hangs up":      {fault(simulator.Fault{Kind: faults.HangUp}), source.Unreachable},
		"login page":    {fault(simulator.Fault{Kind: faults.LoginPage}), source.Misconfigured},
		"broken":        {fault(simulator.Fault{Kind: faults.HTTPError, Status: 500}), source.Unknown},
	} {
		for broken := range tested {
			t.Run(broken+", "+name, func(t *testing.T) {
				t.Parallel()
				cfg := simulator.Config{
					Seed: 1, Applications: 3, APICollections: 2, WebApps: 3, WebFindings: 5, Hosts: 3, DetectionsPerHost: 2,
					Start: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC),
					Users: account.Defaults("id", "secret"),
				}
				cfg.Credentials.ClientID, cfg.Credentials.ClientSecret = "id", "secret"
				if c.break_.users != nil {
					c.break_.users(&cfg.Users[0], tested[broken].app)
				}
				sim, err := simulator.New(cfg)
				require.NoError(t, err)
				if c.break_.fault != nil {
					require.NoError(t, sim.SetFaults(c.break_.fault(tested[broken].endpoint)))
				}
				server := httptest.NewServer(sim.Handler())
				t.Cleanup(server.Close)
				connection := clientAt(server.URL)
				connection.Settings[qualys.FieldUsername], connection.Secrets[qualys.FieldPassword] = account.DefaultName, account.DefaultPassword
				for name, a := range tested {
					prober, err := a.open(connection)
					require.NoError(t, err)
					check := worst(prober.Probe(t.Context()))
					if name != broken {
						require.Equal(t, source.Healthy, check.Health, "%s: %+v", name, check)
						continue
					}
					require.Equal(t, c.health, check.Health, "%s: %+v", name, check)
					require.NotEmpty(t, check.Message)
				}
			})
		}
	}
}
