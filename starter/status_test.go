package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/lifecycle"
	"sluice/internal/simulator"
	"sluice/internal/testenv"
)

func TestStatusIsWatchedAndSummedPerConnector(t *testing.T) {
	t.Parallel()
	h, _, connector, profile := withProfile(t, smallEstate)
	ctx, cancel := context.WithCancel(t.Context())
	done, out, _ := h.inBackground(ctx, "status", profile, "--watch", "--output", "ndjson")
	shows := func(state lifecycle.State) func() bool {
		return func() bool { return strings.Contains(out.String(), `"state":"`+string(state)+`"`) }
	}
	require.Eventually(t, shows(lifecycle.Registered), 20*time.Second, 20*time.Millisecond)
	sums := okJSON[[]connectorStatus](h, "status", "--connectors")
	require.Len(t, sums, 1)
	require.Equal(t, connector, sums[0].Connector)
	require.Equal(t, lifecycle.Registered, sums[0].State)

	require.Zero(t, h.run("run", profile, "--wait").code)
	require.Eventually(t, shows(lifecycle.Processed), 20*time.Second, 20*time.Millisecond)
	cancel()
	require.Zero(t, (<-done).code, "Ctrl-C is how watching ends")
	require.Equal(t, lifecycle.Processed, okJSON[[]connectorStatus](h, "status", "--connectors")[0].State)

	require.Contains(t, h.run("status", "--watch", "--output", "json").err, "ndjson")
	require.Contains(t, h.run("status", profile, "--connectors").err, "leave the profile out")
}

func TestAVendorThatIsAwayIsSeenInTheStatusAndInTheProgress(t *testing.T) {
	t.Parallel()
	h, sim, _, profile := withProfile(t, smallEstate)
	require.NoError(t, sim.SetFaults(simulator.Fault{Kind: "http-error", Status: 503}))
	done, _, said := h.inBackground(t.Context(), "run", profile, "--wait")
	var s profileStatus
	require.Eventually(t, func() bool {
		s = okJSON[profileStatus](h, "status", profile)
		return s.Running != nil && len(s.Running.Retries) > 0 && s.Running.Retries[0].Next != nil
	}, within, every)
	r := s.Running.Retries[0]
	require.Equal(t, "Fetch", r.Activity)
	require.Contains(t, []string{"APPLICATION", "APICOLLECTION"}, r.Stream)
	require.GreaterOrEqual(t, r.Attempt, int32(2))
	require.Contains(t, r.Failure, "503")
	require.Regexp(t, "Fetch of (APPLICATION|APICOLLECTION) failed: ", s.Note)
	require.Contains(t, h.ok("status"), "records, attempt ")
	require.Eventually(t, said.has(" failed: Qualys answered 503"), within, every)

	require.NoError(t, sim.SetFaults())
	require.Zero(t, (<-done).code)
	require.Empty(t, okJSON[profileStatus](h, "status", profile).Note)
}

func TestWhatTemporalHasForgottenTheCatalogStillKnows(t *testing.T) {
	t.Parallel()
	h, _, _, profile := withProfile(t, smallEstate)
	require.Zero(t, h.run("run", profile, "--wait").code)
	// A server that never knew the run is as one that has forgotten it, when
	// history is past its retention.
	h.env["TEMPORAL_ADDRESS"] = testenv.StartTemporal(t).Address()
	s := okJSON[profileStatus](h, "status", profile)
	require.Equal(t, lifecycle.Processed, s.State)
	require.Equal(t, lifecycle.Succeeded, s.Last.Outcome)
	require.Contains(t, h.ok("runs", "show", "1"), "succeeded")
}
