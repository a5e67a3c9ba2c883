package scheduler_test

import (
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"

	"github.com/stretchr/testify/require"

	"sluice/internal/scheduler"
	"sluice/internal/testenv"
)

func decode(payloads *commonpb.Payloads, into any) error {
	return converter.GetDefaultDataConverter().FromPayloads(payloads, into)
}

func TestAnOutageOfTemporalLosesNoOccurrenceInsideTheCatchUpWindow(t *testing.T) {
	t.Parallel()
	server := testenv.StartTemporal(t)
	once := newBench(t, server.Address(), "quickRun")
	recurring := newBench(t, server.Address(), "quickRun")
	missed := newBench(t, server.Address(), "quickRun")
	single, at := onceIn(t, 5*time.Second)
	once.ensure(t, single, scheduler.Created)
	short := single
	require.NoError(t, short.CatchUp.Set("10s"))
	missed.ensure(t, short, scheduler.Created)
	recurring.ensure(t, spec(t, "every 3s"), scheduler.Created)
	// Killed between two runs: one under way would have those that were
	// missed skipped, rightly.
	recurring.eventually(t, func(d scheduler.Description) bool { return len(d.Recent) > 0 && len(d.Running) == 0 })

	server.Kill()
	down := time.Now()
	// Longer than one window and shorter than the other.
	require.Eventually(t, func() bool { return time.Since(at) > 12*time.Second }, within, every)
	require.NoError(t, server.Start(t.Context()))
	up := time.Now()

	d := once.eventually(t, func(d scheduler.Description) bool { return len(d.Recent) == 1 })
	require.True(t, d.Recent[0].For.Equal(at), "the single occurrence ran, late")
	d = recurring.eventually(t, func(d scheduler.Description) bool { return d.Recent[len(d.Recent)-1].For.After(up) })
	caughtUp := 0
	for _, run := range d.Recent {
		if run.For.After(down) && run.For.Before(up) {
			caughtUp++
		}
	}
	require.Positive(t, caughtUp+d.Skipped, "so did what came during the outage, or it met a run that was late")
	require.Zero(t, d.Missed)
	d = missed.eventually(t, func(d scheduler.Description) bool { return d.Missed == 1 })
	require.Empty(t, d.Recent, "what is too late is not run")
	_, err := recurring.scheduler.Remove(t.Context(), recurring.profile)
	require.NoError(t, err)
}
