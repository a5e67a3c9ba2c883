package workflows_test

import (
	"net/url"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/lifecycle"
	"sluice/internal/source"
	"sluice/internal/testenv"
	"sluice/internal/testenv/middle"
	"sluice/internal/testenv/netns"
	"sluice/workflows"
)

// These tests put the vendor in a network of its own, which the machine of the
// other workers does not reach.

// inside starts a worker of a pool in a closed network, which has from outside
// PostgreSQL and Temporal alone.
func (s *stage) inside(n *netns.Network, pool string) {
	database, err := url.Parse(s.with.database)
	require.NoError(s.t, err)
	database.Host = n.Forward(database.Host)
	s.startProcess(func(binary string) *exec.Cmd { return n.Command(binary, "--pool", pool) },
		"SLUICE_DATABASE_URL="+database.String(), "TEMPORAL_ADDRESS="+n.Forward(s.with.temporal))
}

// requireHealth tests the connector, which has one application.
func (s *stage) requireHealth(health source.Health, said string) {
	s.t.Helper()
	result, _, err := s.test(workflows.TestInput{Connector: "tas"})
	require.NoError(s.t, err)
	check := firstUnhealthy(result.Checks["TAS"])
	require.Equal(s.t, health, check.Health, "%+v", check)
	require.Contains(s.t, check.Message, said)
}

// requireRead runs the profile and holds the inventory against the truth.
func (s *stage) requireRead() {
	s.t.Helper()
	result, err := s.run(workflows.Input{Profile: s.profile})
	require.NoError(s.t, err)
	require.Equal(s.t, lifecycle.Succeeded, result.Outcome, result.Reason)
	s.requireTruth()
}

func TestAVendorInAClosedNetworkIsReadByTheWorkersOfItsPool(t *testing.T) {
	t.Parallel()
	n := netns.Start(t)
	s := newStage(t, setup{estate: estate, serve: n.Serve})
	s.requireHealth(source.Unreachable, "refuses the connection")
	s.set(map[string]string{"pool": "emea"})
	s.requireHealth(source.Unknown, "no worker serves pool emea")
	s.inside(n, "emea")
	s.requireHealth(source.Healthy, "")
	s.requireRead()
}

func TestAVendorThatOnlyAProxyReachesIsReadThroughIt(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(testing.TB, middle.Options) *middle.Proxy{"HTTP": middle.HTTP, "SOCKS5": middle.SOCKS5} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := netns.Start(t)
			proxy := start(t, middle.Options{Username: "worker", Password: "proxy-password", Dial: n.Dial})
			s := newStage(t, setup{estate: estate, serve: n.Serve})
			s.requireHealth(source.Unreachable, "refuses the connection")

			s.set(map[string]string{"proxyURL": proxy.URL, "proxyUsername": "worker"})
			s.setSecrets(map[string]string{"proxyPassword": "not-the-password"})
			s.requireHealth(source.Misconfigured, "refused the user name and password")
			require.Equal(t, 1, proxy.Counts().Offered, "accounts lock, those of proxies too")
			require.Empty(t, proxy.Counts().Opened)

			s.setSecrets(map[string]string{"proxyPassword": "proxy-password"})
			s.requireHealth(source.Healthy, "")
			s.requireRead()
			require.NotEmpty(t, proxy.Counts().Opened)
		})
	}
}

func TestAWorkerOfAPoolThatCannotBeIsRefused(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), testenv.Command(t, "sluice/worker"), "--pool", "EMEA!").CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), `pool "EMEA!" is no name of a worker pool`)
}
