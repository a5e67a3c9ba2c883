package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.uber.org/zap"

	"sluice/activities"
	"sluice/internal/catalog"
	"sluice/internal/config"
	"sluice/internal/secret"
	"sluice/internal/testenv"
	"sluice/workflows"
)

func TestMain(m *testing.M) { testenv.Main(m) }

func TestMaintenanceIsScheduledOnceAndCleansUp(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t)
	_, err := catalog.Migrate(t.Context(), url)
	require.NoError(t, err)
	store, err := catalog.Open(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(store.Close)
	c, err := client.Dial(client.Options{HostPort: testenv.Temporal(t)})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	connector, err := store.CreateConnector(t.Context(), catalog.Connector{Name: "tas", Provider: "qualys", Settings: map[string]string{}},
		func(int64) (map[string]string, error) { return map[string]string{}, nil })
	require.NoError(t, err)
	require.NoError(t, store.Log(t.Context(), connector.ID, 0, "info", "old", nil))

	const queue = "maintenance"
	require.NoError(t, scheduleMaintenance(t.Context(), c, queue))
	require.NoError(t, scheduleMaintenance(t.Context(), c, queue), "every worker that starts asks for it")
	limits := config.DefaultLimits
	limits.LogRetention = time.Nanosecond
	w := worker.New(c, queue, worker.Options{})
	workflows.Register(w, activities.New(store, secret.Key{}, limits, zap.NewNop(), nil))
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)

	schedule := c.ScheduleClient().GetHandle(t.Context(), workflows.MaintenanceID)
	d, err := schedule.Describe(t.Context())
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), d.Info.NextActionTimes[0], 25*time.Hour, "daily")
	require.NoError(t, schedule.Trigger(t.Context(), client.ScheduleTriggerOptions{}))
	require.Eventually(t, func() bool {
		left, err := store.ConnectorLog(t.Context(), connector.ID, catalog.LogFilter{Limit: 10})
		return err == nil && len(left) == 0
	}, 30*time.Second, 50*time.Millisecond)
}
