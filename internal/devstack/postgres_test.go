//go:build unix

package devstack

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

func startPostgres(t *testing.T, dir string) *Postgres {
	t.Helper()
	pg, err := StartPostgres(bounded(t), PostgresOptions{Dir: dir, Durable: true})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, pg.Stop())
		require.NoError(t, pg.Remove())
	})
	return pg
}

func execute(t *testing.T, databaseURL, statement string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), databaseURL)
	require.NoError(t, err)
	defer conn.Close(context.Background())
	_, err = conn.Exec(t.Context(), statement)
	require.NoError(t, err)
}

func TestPostgresKeepsItsDataAndPortWhenStoppedOrKilled(t *testing.T) {
	t.Parallel()
	pg := startPostgres(t, filepath.Join(scratchDir(t), "pg"))
	before, pid := pg.URL(), pg.PID()
	execute(t, pg.URL(), "CREATE TABLE kept AS SELECT 7 AS n")

	pg.Kill()
	gone(t, pid)
	require.NoError(t, pg.Start(bounded(t)))
	require.Equal(t, before, pg.URL())
	require.NotEqual(t, pid, pg.PID())
	require.Equal(t, 7, query[int](t, pg.URL(), "SELECT n FROM kept"))

	require.NoError(t, pg.Stop())
	require.NoError(t, pg.Start(bounded(t)))
	require.Equal(t, 7, query[int](t, pg.URL(), "SELECT n FROM kept"))

	// A new object on the same directory, as after a restart of the whole program.
	require.NoError(t, pg.Stop())
	again := startPostgres(t, pg.opts.Dir)
	require.Equal(t, 7, query[int](t, again.URL(), "SELECT n FROM kept"))
}

func TestPostgresStartsAgainAlthoughABackendWasBusyWhenItsServerWasKilled(t *testing.T) {
	t.Parallel()
	pg := startPostgres(t, filepath.Join(scratchDir(t), "pg"))
	busy := make(chan error, 1)
	conn, err := pgx.Connect(t.Context(), pg.URL())
	require.NoError(t, err)
	go func() {
		_, err := conn.Exec(context.Background(), "SELECT count(*) FROM generate_series(1, 1000000000000)")
		busy <- err
	}()
	require.Eventually(t, func() bool {
		return query[int](t, pg.URL(), "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT count(*) FROM generate%'") == 1
	}, 10*time.Second, 10*time.Millisecond)

	// Only the postmaster dies, as when the kernel or a person kills it.
	killGroup(pg.PID())
	<-pg.Process().Done()
	require.NoError(t, pg.Start(bounded(t)))
	require.Error(t, <-busy)
	require.Equal(t, 1, query[int](t, pg.URL(), "SELECT 1"))
}

func TestPostgresIsClosedToOthersOnTheMachine(t *testing.T) {
	t.Parallel()
	pg := startPostgres(t, filepath.Join(scratchDir(t), "pg"))

	require.Equal(t, "127.0.0.1", query[string](t, pg.URL(), "SHOW listen_addresses"))
	require.Empty(t, query[string](t, pg.URL(), "SHOW unix_socket_directories"))

	guess, err := url.Parse(pg.URL())
	require.NoError(t, err)
	guess.User = url.UserPassword(postgresUser, "guess")
	_, err = pgx.Connect(t.Context(), guess.String())
	require.ErrorContains(t, err, "password authentication failed")

	password, err := os.Stat(filepath.Join(pg.Dir(), "password"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), password.Mode().Perm())
	dir, err := os.Stat(pg.Dir())
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), dir.Mode().Perm())
}

func TestPostgresDataWithoutTheirPasswordAreNotThrownAway(t *testing.T) {
	t.Parallel()
	pg := startPostgres(t, filepath.Join(scratchDir(t), "pg"))
	require.NoError(t, pg.Stop())
	require.NoError(t, os.Remove(filepath.Join(pg.Dir(), "password")))
	_, err := StartPostgres(bounded(t), PostgresOptions{Dir: pg.opts.Dir})
	require.ErrorContains(t, err, "the password of the PostgreSQL data")
	require.DirExists(t, pg.DataDir())
}

func TestPostgresSaysWhoseServerAnswersOnItsPort(t *testing.T) {
	t.Parallel()
	other := startPostgres(t, filepath.Join(scratchDir(t), "other"))
	_, err := StartPostgres(bounded(t), PostgresOptions{Dir: filepath.Join(scratchDir(t), "pg"), Port: other.port})
	require.Error(t, err)
	require.NotContains(t, err.Error(), other.password)
}

func TestRootPutsTheDataWhereTheServersUserCanReachThem(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root lowers the server's rights")
	}
	closed := filepath.Join(scratchDir(t), "closed")
	require.NoError(t, os.Mkdir(closed, 0o700))
	pg := startPostgres(t, filepath.Join(closed, "pg"))
	standIn := filepath.Dir(pg.Dir())
	t.Cleanup(func() { os.Remove(standIn) })

	require.Equal(t, relocated, filepath.Dir(standIn))
	require.NoError(t, pg.Stop())
	again := startPostgres(t, filepath.Join(closed, "pg"))
	require.Equal(t, pg.Dir(), again.Dir())
}

func TestRootDoesNotUseADirectoryOfSomebodyElse(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root lowers the server's rights")
	}
	squatted := filepath.Join(scratchDir(t), "squatted")
	require.NoError(t, os.Mkdir(squatted, 0o755))
	require.NoError(t, os.Chown(squatted, 12345, 12345))
	require.ErrorContains(t, checkStandIn(squatted), "not a directory of root's alone")

	link := filepath.Join(scratchDir(t), "link")
	require.NoError(t, os.Symlink("/etc", link))
	require.ErrorContains(t, checkStandIn(link), "not a directory of root's alone")
}
