package workflows_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"sluice/internal/catalog"
	"sluice/internal/config"
	"sluice/internal/lifecycle"
	"sluice/internal/simulator"
	"sluice/internal/simulator/faults"
	"sluice/workflows"
)

// limited is how the vendor limits each of its APIs in these tests: the limits
// of a subscription, with a window of some seconds instead of an hour.
var limited = simulator.VMSettings{Concurrent: 2, Requests: 300, WindowSeconds: 10}

// TestWorkersShareTheLimitsOfASubscription reads one simulated subscription by
// three profiles of two connectors with different users, on two workers. The
// long course is in governor_long_test.go.
func TestWorkersShareTheLimitsOfASubscription(t *testing.T) {
	t.Parallel()
	t.Run("all of them", func(t *testing.T) {
		t.Parallel()
		requireLimitsKept(t, "0", 300, 480)
	})
	t.Run("but for a reserve", func(t *testing.T) {
		t.Parallel()
		requireLimitsKept(t, "20", 240, 480)
	})
}

// requireLimitsKept reads an estate of so many hosts, two a call, of which the
// reserve, in percent, leaves so many calls a window. A busy machine makes fewer
// calls than it might: only where it does so each time, the workers do.
func requireLimitsKept(t *testing.T, reserve string, allowed, hosts int) {
	const times = 3
	var shares []float64
	for range times {
		shares = append(shares, limitedShare(t, reserve, allowed, hosts))
		if shares[len(shares)-1] >= 0.95 {
			return
		}
	}
	require.Fail(t, "the workers use too little of what they may", "shares of the allowed rate: %v", shares)
}

// limitedShare reads the estate once, requires that the limits are kept, and
// returns how much of the allowed rate was used, of the API that was used less.
func limitedShare(t *testing.T, reserve string, allowed, hosts int) float64 {
	users := []simulator.User{
		{Name: "anna", Password: "anna's password"},
		{Name: "bert", Password: "bert's password"},
	}
	connector := func(u simulator.User) (settings, secrets map[string]string) {
		return map[string]string{"clientId": "", "username": u.Name, "pageSize": "2", "reservePercent": reserve},
			map[string]string{"clientSecret": "", "password": u.Password}
	}
	settings, secrets := connector(users[0])
	s := newStage(t, setup{
		kind:     "qualys-vm",
		filters:  map[string][]string{"information": {"true"}},
		estate:   simulator.Config{Seed: 3, Hosts: hosts, DetectionsPerHost: 2, KnowledgeEntries: 50, Users: users, VMSettings: limited},
		limits:   config.Limits{BatchPages: 100, BatchBytes: 32 << 20, BatchTime: 10 * time.Second, ShortWait: 10 * time.Second, Stall: time.Minute, RawRetention: time.Hour},
		settings: settings, secrets: secrets,
	})
	s.addWorker()
	first, err := s.store.Connector(t.Context(), "tas")
	require.NoError(t, err)
	settings, secrets = connector(users[1])
	settings["baseURL"] = first.Settings["baseURL"]
	second := s.createConnector(catalog.Connector{Name: "bert", Provider: "qualys", Active: true, Settings: settings}, secrets)
	profiles := []string{s.profile, s.profile + "-again", s.profile + "-bert"}
	s.createProfile(profiles[1], first.ID, "qualys-vm")
	s.createProfile(profiles[2], second, "qualys-vm")

	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	var runs []client.WorkflowRun
	for _, profile := range profiles {
		s.profile = profile
		runs = append(runs, s.start(workflows.Input{Profile: profile}))
	}
	for i, run := range runs {
		var result workflows.Result
		require.NoError(t, run.Get(ctx, &result))
		require.Equal(t, lifecycle.Succeeded, result.Outcome, "%s: %s", profiles[i], result.Reason)
	}
	share := 1.0
	for _, api := range []faults.Endpoint{faults.VMHosts, faults.VMDetections} {
		seen := s.sim.Limits()[api]
		what := fmt.Sprintf("%s: %+v", api, seen)
		t.Log(what, "share "+strconv.FormatFloat(seen.Rate.Share(allowed), 'f', 3, 64))
		require.Zero(t, seen.Avoidable, what)
		require.LessOrEqual(t, seen.Rate.Busiest, allowed, what)
		require.GreaterOrEqual(t, seen.Rate.Windows, 2, what)
		share = min(share, seen.Rate.Share(allowed))
	}
	for _, s.of = range []int64{first.ID, second} {
		s.requireHostTruth()
	}
	return share
}
