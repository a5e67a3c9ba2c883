package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/lifecycle"
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
