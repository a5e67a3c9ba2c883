package workflows_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/catalog"
	"sluice/internal/simulator"
	"sluice/internal/simulator/account"
	"sluice/internal/simulator/faults"
	"sluice/internal/source"
	"sluice/workflows"
)

// everyApplication is an estate of which every application has something.
var everyApplication = simulator.Config{
	Seed: 2, Applications: 20, APICollections: 10, FindingsPerAsset: 2, WebApps: 10, WebFindings: 40, Hosts: 10, DetectionsPerHost: 4,
	VMSettings: simulator.VMSettings{Concurrent: -1}, // applications are tested beside each other
}

// credentialsOf are those that all of Qualys's applications can be used with.
func credentialsOf(u simulator.User) (settings, secrets map[string]string) {
	return map[string]string{"clientId": u.ClientID, "username": u.Name}, map[string]string{"clientSecret": u.ClientSecret, "password": u.Password}
}

// newTested sets up a stage whose connector has all that Qualys takes, with some
// of it replaced.
func newTested(t *testing.T, estate simulator.Config, otherSettings, otherSecrets map[string]string) *stage {
	probe, err := simulator.New(estate)
	require.NoError(t, err)
	settings, secrets := credentialsOf(probe.DefaultUser())
	maps.Copy(settings, otherSettings)
	maps.Copy(secrets, otherSecrets)
	return newStage(t, setup{estate: estate, settings: settings, secrets: secrets})
}

// healthOf is the worst that a test found of each application.
func healthOf(result workflows.TestResult) map[string]source.Health {
	health := make(map[string]source.Health)
	for application, checks := range result.Checks {
		health[application] = source.Healthy
		for _, c := range checks {
			if c.Health != source.Healthy {
				health[application] = c.Health
			}
		}
	}
	return health
}

func TestTheHealthTableIsRightWithEachApplicationBrokenInEachWay(t *testing.T) {
	t.Parallel()
	applications := []struct {
		name string
		app  account.App
		of   []faults.Endpoint // endpoints that it alone uses
	}{
		{"VMDR", account.VM, []faults.Endpoint{faults.VMHosts, faults.VMDetections}},
		{"WAS", account.WAS, []faults.Endpoint{faults.WASWebApps, faults.WASFindings, faults.WASCount}},
		{"TAS", account.TAS, []faults.Endpoint{faults.Applications, faults.APICollections}},
		{"FIM", account.FIM, []faults.Endpoint{faults.FIMEvents}},
		{"PM", account.PM, []faults.Endpoint{faults.PMDetails}},
		{"ETM", account.ETM, []faults.Endpoint{faults.ETMReports}},
	}
	fault := func(kind simulator.Fault) func(*stage, account.App, []faults.Endpoint) {
		return func(s *stage, _ account.App, of []faults.Endpoint) {
			var list []simulator.Fault
			for _, endpoint := range of {
				kind.Endpoint = endpoint
				list = append(list, kind)
			}
			require.NoError(s.t, s.sim.SetFaults(list...))
		}
	}
	user := func(change func(*simulator.User, account.App)) func(*stage, account.App, []faults.Endpoint) {
		return func(s *stage, app account.App, _ []faults.Endpoint) {
			require.NoError(s.t, s.sim.ChangeUser(s.sim.DefaultUser().Name, func(u *simulator.User) { change(u, app) }))
		}
	}
	for _, way := range []struct {
		health source.Health
		broken func(s *stage, app account.App, of []faults.Endpoint)
	}{
		{source.Unauthorised, user(func(u *simulator.User, app account.App) { u.NotPermitted = []account.App{app} })},
		{source.NotLicensed, user(func(u *simulator.User, app account.App) { u.NotLicensed = []account.App{app} })},
		{source.Throttled, fault(simulator.Fault{Kind: "throttle", RetryAfter: 600})},
		{source.Unreachable, fault(simulator.Fault{Kind: "hang-up"})},
		{source.Misconfigured, fault(simulator.Fault{Kind: "login-page"})},
		{source.Unknown, fault(simulator.Fault{Kind: "deep-nesting"})},
		{source.Healthy, func(*stage, account.App, []faults.Endpoint) {}},
	} {
		for _, broken := range applications {
			t.Run(fmt.Sprintf("%s %s", broken.name, way.health), func(t *testing.T) {
				t.Parallel()
				s := newTested(t, everyApplication, nil, nil)
				way.broken(s, broken.app, broken.of)
				result, run, err := s.test(workflows.TestInput{Connector: "tas", All: true})
				require.NoError(t, err)
				want := make(map[string]source.Health)
				for _, application := range applications {
					want[application.name] = source.Healthy
				}
				want[broken.name] = way.health
				healthy := 5
				if way.health == source.Healthy {
					healthy = 6
				}
				require.Equal(t, want, healthOf(result), "%+v", result.Checks[broken.name])
				for _, c := range result.Checks[broken.name] {
					require.True(t, c.Health == source.Healthy || c.Advice != "", "%s says what to do: %+v", broken.name, c)
				}
				details := s.currentDetails(run)
				require.Contains(t, details, fmt.Sprintf("| %s | %s |", broken.name, way.health))
				require.Contains(t, details, fmt.Sprintf("**%d of 6 applications healthy", healthy))
				c, err := s.store.Connector(t.Context(), "tas")
				require.NoError(t, err)
				stored, err := s.store.LatestChecks(t.Context(), c.ID)
				require.NoError(t, err)
				for application := range want {
					require.True(t, slices.ContainsFunc(stored, func(check catalog.ConnectorCheck) bool { return check.Application == application }), "%s is kept", application)
				}
			})
		}
	}
}

// TestOneMissingPermissionConcernsOneApplication also of a connector that has
// one name and password for all: VM tells an account without access to its API
// that the password is wrong.
func TestOneMissingPermissionConcernsOneApplication(t *testing.T) {
	t.Parallel()
	for _, authentication := range []string{"basic", "jwt"} {
		for name, app := range map[string]account.App{"VMDR": account.VM, "WAS": account.WAS, "FIM": account.FIM, "PM": account.PM, "ETM": account.ETM} {
			for health, change := range map[source.Health]func(*simulator.User){
				source.Unauthorised: func(u *simulator.User) { u.NotPermitted = []account.App{app} },
				source.NotLicensed:  func(u *simulator.User) { u.NotLicensed = []account.App{app} },
			} {
				t.Run(fmt.Sprintf("%s %s %s", authentication, name, health), func(t *testing.T) {
					t.Parallel()
					s := newTested(t, everyApplication, map[string]string{"clientId": "", "authentication": authentication}, map[string]string{"clientSecret": ""})
					require.NoError(t, s.sim.ChangeUser(s.sim.DefaultUser().Name, change))
					want := map[string]source.Health{
						"VMDR": source.Healthy, "WAS": source.Healthy, "FIM": source.Healthy, "PM": source.Healthy, "ETM": source.Healthy,
						"TAS": source.Misconfigured, // it takes clients only
					}
					want[name] = health
					for range 2 {
						result, _, err := s.test(workflows.TestInput{Connector: "tas", All: true})
						require.NoError(t, err)
						require.Equal(t, want, healthOf(result), "%+v", result.Checks)
					}
				})
			}
		}
	}
}
