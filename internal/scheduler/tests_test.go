package scheduler_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"sluice/internal/schedule"
	"sluice/internal/scheduler"
	"sluice/internal/testenv"
)

const sixHours = schedule.Duration(6 * time.Hour)

// testSchedule is the schedule of a connector's tests, as the Temporal UI has it.
func (b *bench) testSchedule(t *testing.T, id string) client.ScheduleHandle {
	return b.client.ScheduleClient().GetHandle(t.Context(), "connector/"+b.profile+"/"+id)
}

func TestAConnectorIsTestedAsOftenAsItSays(t *testing.T) {
	b := shared(t, "quickRun")
	ensure := func(name string, every schedule.Duration, active bool, want scheduler.Change) {
		t.Helper()
		got, err := b.scheduler.EnsureTest(t.Context(), 12, name, every, active)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	ensure("acme", 0, true, scheduler.Unchanged)
	ensure("acme", sixHours, true, scheduler.Created)
	ensure("acme", sixHours, true, scheduler.Unchanged)
	d, err := b.testSchedule(t, "12").Describe(t.Context())
	require.NoError(t, err)
	require.Equal(t, 6*time.Hour, d.Schedule.Spec.Intervals[0].Every)
	require.Equal(t, 5*time.Minute, d.Schedule.Spec.Jitter, "tests of several connectors do not begin together")
	require.Equal(t, enums.SCHEDULE_OVERLAP_POLICY_SKIP, d.Schedule.Policy.Overlap)

	ensure("acme eu", sixHours, true, scheduler.Updated)
	require.NoError(t, b.testSchedule(t, "12").Trigger(t.Context(), client.ScheduleTriggerOptions{}))
	require.Eventually(t, func() bool {
		d, err = b.testSchedule(t, "12").Describe(t.Context())
		return err == nil && len(d.Info.RecentActions) == 1
	}, within, every)
	started := d.Info.RecentActions[0].StartWorkflowResult
	require.Regexp(t, "^test/acme eu-", started.WorkflowID, "renamed, it goes by its new name")

	ensure("acme eu", sixHours, false, scheduler.Removed)
	ensure("acme eu", sixHours, true, scheduler.Created)
	removed, err := b.scheduler.RemoveTest(t.Context(), 12)
	require.NoError(t, err)
	require.True(t, removed)
	removed, err = b.scheduler.RemoveTest(t.Context(), 12)
	require.NoError(t, err)
	require.False(t, removed)
}

func TestDriftOfTheTestsOfAConnectorIsNamed(t *testing.T) {
	b := shared(t, "quickRun")
	drift := func(every schedule.Duration, active bool) []string {
		t.Helper()
		drift, _, err := b.scheduler.TestDrift(t.Context(), 12, "acme", every, active)
		require.NoError(t, err)
		return drift
	}
	require.Empty(t, drift(0, true))
	require.Equal(t, []string{"Temporal has no schedule of its tests"}, drift(sixHours, true))
	_, err := b.scheduler.EnsureTest(t.Context(), 12, "acme", sixHours, true)
	require.NoError(t, err)
	none, next, err := b.scheduler.TestDrift(t.Context(), 12, "acme", sixHours, true)
	require.NoError(t, err)
	require.Empty(t, none)
	require.WithinDuration(t, time.Now(), next, 6*time.Hour+5*time.Minute)
	require.Equal(t, []string{"Temporal has a schedule of its tests, the connector has none"}, drift(0, true))
	require.Equal(t, []string{"Temporal has a schedule of its tests, but the connector is inactive"}, drift(sixHours, false))

	require.NoError(t, b.testSchedule(t, "12").Update(t.Context(), client.ScheduleUpdateOptions{
		DoUpdate: func(is client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
			is.Description.Schedule.Spec.Intervals[0].Every = time.Hour
			return &client.ScheduleUpdate{Schedule: &is.Description.Schedule}, nil
		}}))
	require.Equal(t, []string{"it runs at other times: every 1h, not every 6h"}, drift(sixHours, true))
	require.NoError(t, b.testSchedule(t, "12").Pause(t.Context(), client.SchedulePauseOptions{Note: "holidays"}))
	change, err := b.scheduler.EnsureTest(t.Context(), 12, "acme", sixHours, true)
	require.NoError(t, err)
	require.Equal(t, scheduler.Updated, change)
	require.Empty(t, drift(sixHours, true))
	d, err := b.testSchedule(t, "12").Describe(t.Context())
	require.NoError(t, err)
	require.True(t, d.Schedule.State.Paused, "whoever paused it wants that")

	change, err = b.scheduler.EnsureTest(t.Context(), 12, "acme", sixHours, false)
	require.NoError(t, err)
	require.Equal(t, scheduler.Unchanged, change)
	require.Empty(t, drift(sixHours, false), "it starts nothing")
	change, err = b.scheduler.EnsureTest(t.Context(), 12, "acme", sixHours, true)
	require.NoError(t, err)
	require.Equal(t, scheduler.Unchanged, change, "it is still paused")
}

func TestSchedulesOfTestsOfNoConnectorAreFound(t *testing.T) {
	b, other := shared(t, "quickRun"), newBench(t, testenv.Temporal(t), "quickRun")
	for _, id := range []int64{3, 12} {
		_, err := b.scheduler.EnsureTest(t.Context(), id, "acme", sixHours, true)
		require.NoError(t, err)
	}
	_, err := other.scheduler.EnsureTest(t.Context(), 4, "acme", sixHours, true)
	require.NoError(t, err)
	require.Eventually(t, func() bool { // Temporal lists a new schedule a moment later
		orphans, err := b.scheduler.OrphanTests(t.Context(), []int64{3})
		return err == nil && len(orphans) == 1 && orphans[0] == 12
	}, within, every, "and none of another installation's")
	orphans, err := b.scheduler.OrphanTests(t.Context(), []int64{3, 12})
	require.NoError(t, err)
	require.Empty(t, orphans)
}
