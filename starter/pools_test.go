package main

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/worker"
	"go.uber.org/zap"

	"sluice/activities"
	"sluice/internal/config"
	"sluice/internal/lifecycle"
	"sluice/workflows"
)

// startPoolWorker starts a worker of a pool until the test ends.
func (h *house) startPoolWorker(pool string) {
	h.t.Helper()
	w := worker.New(h.dial(), workflows.PoolQueue(h.env["SLUICE_TASK_QUEUE"], pool), worker.Options{DisableWorkflowWorker: true})
	acts := activities.New(h.open(), h.key, config.DefaultLimits, zap.NewNop(), nil)
	h.t.Cleanup(func() { activities.Close(acts) })
	w.RegisterActivity(acts)
	require.NoError(h.t, w.Start())
	h.t.Cleanup(w.Stop)
}

func TestARunWaitsForAWorkerOfItsPoolAndSaysSo(t *testing.T) {
	t.Parallel()
	h, _, connector, profile := withProfile(t, smallEstate)
	h.ok("connectors", "update", connector, "--pool", "emea")
	const said = "run 1 waits: no worker serves pool emea: start one with 'sluice-worker --pool emea'"

	ended, _, errs := h.inBackground(t.Context(), "run", profile, "--wait")
	require.Eventually(t, errs.has(said), within, every)
	status := okJSON[profileStatus](h, "status", profile)
	require.Equal(t, said, status.Note)
	require.Equal(t, lifecycle.Processing, status.State)
	require.Eventually(t, func() bool {
		stream := okJSON[profileStatus](h, "status", profile).Running.Progress.Streams[0]
		return stream.Phase == lifecycle.Waiting && stream.Waits == "no worker serves pool emea: start one with 'sluice-worker --pool emea'"
	}, within, every, "the workflow knows as well, for the Temporal UI")
	require.Contains(t, h.ok("status", profile), "waiting")

	h.startPoolWorker("emea")
	r := <-ended
	require.Zero(t, r.code, r.err)
	require.Contains(t, r.out, "succeeded")
}

func TestDoctorNamesAPoolThatNobodyServes(t *testing.T) {
	t.Parallel()
	h, _, connector, _ := withProfile(t, smallEstate)
	h.ok("connectors", "update", connector, "--pool", "emea")
	r := h.run("doctor")
	require.Equal(t, exitFailure, r.code)
	require.Contains(t, r.out, "no worker serves pool emea")
	h.startPoolWorker("emea")
	require.Eventually(t, func() bool { return h.run("doctor").code == exitOK }, within, every)
}

func TestDoctorMendsTheScheduleOfAConnectorsTests(t *testing.T) {
	t.Parallel()
	h, _, connector, _ := withProfile(t, smallEstate)
	h.ok("connectors", "update", connector, "--retest", "6h")
	c, err := h.open().Connector(t.Context(), connector)
	require.NoError(t, err)
	schedule := fmt.Sprintf("connector/%s/%d", h.env["SLUICE_TASK_QUEUE"], c.ID)
	require.NoError(t, h.dial().ScheduleClient().GetHandle(t.Context(), schedule).Delete(t.Context()), "as somebody in the Temporal UI")
	r := h.run("doctor")
	require.Equal(t, exitFailure, r.code)
	require.Contains(t, r.out, "schedule of tests: Temporal has no schedule of its tests")
	h.ok("doctor", "--fix")
	h.ok("doctor")
}
