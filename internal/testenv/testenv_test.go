package testenv_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"sluice/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

var migrations atomic.Int64

var template = testenv.NewTemplate(func(ctx context.Context, databaseURL string) error {
	migrations.Add(1)
	conn, err := pgx.Connect(ctx, databaseURL)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, "CREATE TABLE apples (n int)")
	return err
})

func connect(t *testing.T, databaseURL string) *pgx.Conn {
	conn, err := pgx.Connect(t.Context(), databaseURL)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func TestEachTestHasAnEmptyDatabaseOfItsOwn(t *testing.T) {
	t.Parallel()
	one, two := connect(t, testenv.Postgres(t)), connect(t, testenv.Postgres(t))
	_, err := one.Exec(t.Context(), "CREATE TABLE pears (n int)")
	require.NoError(t, err)
	var found bool
	require.NoError(t, two.QueryRow(t.Context(), "SELECT to_regclass('pears') IS NOT NULL").Scan(&found))
	require.False(t, found, "a table of one database is in the other")
}

func TestATemplateIsMigratedOnceAndCopiedForEachTest(t *testing.T) {
	t.Parallel()
	for range 3 {
		t.Run("copy", func(t *testing.T) {
			t.Parallel()
			conn := connect(t, template.Database(t))
			var rows int
			require.NoError(t, conn.QueryRow(t.Context(), "SELECT count(*) FROM apples").Scan(&rows))
			require.Zero(t, rows, "another test's row is in this copy")
			_, err := conn.Exec(t.Context(), "INSERT INTO apples VALUES (1)")
			require.NoError(t, err)
			require.EqualValues(t, 1, migrations.Load())
		})
	}
}

func TestTemporalServesTheDefaultNamespace(t *testing.T) {
	t.Parallel()
	c, err := client.DialContext(t.Context(), client.Options{HostPort: testenv.Temporal(t)})
	require.NoError(t, err)
	defer c.Close()
	_, err = c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: t.Name(), TaskQueue: t.Name()}, "Any")
	require.NoError(t, err)
	require.Equal(t, testenv.Temporal(t), testenv.Temporal(t), "one server a process")
}
