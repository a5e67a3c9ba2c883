package catalog_test

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"sluice/internal/catalog"
	"sluice/internal/testenv"
)

// as is a database's URL for another login.
func as(t *testing.T, databaseURL, login string) string {
	u, err := url.Parse(databaseURL)
	require.NoError(t, err)
	u.User = url.UserPassword(login, "test")
	return u.String()
}

// admin runs statements as the superuser.
func admin(t *testing.T, databaseURL string, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), databaseURL)
	require.NoError(t, err)
	defer conn.Close(context.WithoutCancel(t.Context()))
	for _, statement := range statements {
		_, err := conn.Exec(t.Context(), statement)
		require.NoError(t, err, statement)
	}
}

var logins atomic.Int64

// login makes a login of the test's own, with some attributes and roles. It
// ends with the server.
func login(t *testing.T, databaseURL, attributes string, roles ...string) (name string) {
	t.Helper()
	name = fmt.Sprintf("login_%d", logins.Add(1))
	admin(t, databaseURL, fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD 'test' %s", name, attributes))
	for _, role := range roles {
		admin(t, databaseURL, fmt.Sprintf("GRANT %s TO %s", role, name))
	}
	return name
}

// connect is a connection of a login.
func connect(t *testing.T, databaseURL, login string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), as(t, databaseURL, login))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// ours are all tables, views and sequences of a database.
const ours = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'p', 'm')"

func names(t *testing.T, conn *pgx.Conn, query string, args ...any) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), query, args...)
	require.NoError(t, err)
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	slices.Sort(list)
	return list
}

// Whoever adds a table has to say who may read it.
func TestTheOwnerOwnsAllAndTheWorkerWritesAll(t *testing.T) {
	t.Parallel()
	database := migrated.Database(t)
	conn, err := pgx.Connect(t.Context(), database)
	require.NoError(t, err)
	defer conn.Close(context.WithoutCancel(t.Context()))
	require.Empty(t, names(t, conn, ours+" AND relowner <> 'sluice_owner'::regrole"), "tables that package catalog does not list")
	require.Empty(t, names(t, conn, ours+" AND NOT has_table_privilege('sluice_worker', oid, 'SELECT')"))
	require.Equal(t, []string{"goose_db_version"}, names(t, conn, ours+` AND relkind = 'r' AND NOT (has_table_privilege('sluice_worker', oid, 'INSERT')
		AND has_table_privilege('sluice_worker', oid, 'UPDATE') AND has_table_privilege('sluice_worker', oid, 'DELETE'))`))
	require.Empty(t, names(t, conn, ours+` AND (has_table_privilege('sluice_worker', oid, 'TRUNCATE') OR has_table_privilege('sluice_worker', oid, 'TRIGGER')
		OR has_table_privilege('sluice_reader', oid, 'INSERT, UPDATE, DELETE, TRUNCATE'))`))
	require.Equal(t, []string{"chunks", "connectors", "credentials", "documents", "dry_seen", "governor", "memory", "recorded_assets", "rejects", "remembered", "samples", "seen_findings", "upload_parts", "vanished_findings"},
		names(t, conn, ours+" AND NOT has_table_privilege('sluice_reader', oid, 'SELECT')"))
	require.Equal(t, []string{"connectors.secrets", "documents.data", "rejects.value"}, names(t, conn, `
		SELECT c.relname || '.' || a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
		 WHERE c.oid IN ('connectors'::regclass, 'documents'::regclass, 'rejects'::regclass) AND a.attnum > 0 AND NOT a.attisdropped
		   AND NOT has_column_privilege('sluice_reader', c.oid, a.attname, 'SELECT')`), "columns that package catalog does not list")
}

func TestAReaderReadsWhatIsNoSecretAndWritesNothing(t *testing.T) {
	t.Parallel()
	database := migrated.Database(t)
	reader := connect(t, database, login(t, database, "", catalog.ReaderRole))
	for _, allowed := range []string{"SELECT name, settings FROM connectors", "SELECT * FROM asset_list", "SELECT * FROM finding_list", "SELECT * FROM api_list",
		"SELECT * FROM knowledge_list", "SELECT stream, reason FROM rejects", "SELECT * FROM runs", "SELECT * FROM log", "SELECT * FROM profiles", "SELECT * FROM changes"} {
		_, err := reader.Exec(t.Context(), allowed)
		require.NoError(t, err, allowed)
	}
	for _, refused := range []string{"SELECT secrets FROM connectors", "SELECT * FROM connectors", "SELECT connectors FROM connectors", "SELECT * FROM credentials",
		"SELECT data FROM chunks", "SELECT value FROM rejects", "SELECT data FROM documents", "SELECT * FROM governor", "DELETE FROM log", "UPDATE connectors SET name = 'x'",
		"INSERT INTO transform_maps DEFAULT VALUES", "TRUNCATE log", "DROP TABLE log", "DROP VIEW asset_list", "CREATE TABLE mine (x int)",
		"SET ROLE sluice_owner", "SET ROLE sluice_worker"} {
		_, err := reader.Exec(t.Context(), refused)
		require.True(t, catalog.Denied(err), "%s: %v", refused, err)
	}
}

func TestAWorkerWritesAndChangesNoTable(t *testing.T) {
	t.Parallel()
	database := migrated.Database(t)
	// A hardened server: nobody may do anything in a database without being told.
	admin(t, database, "REVOKE ALL ON SCHEMA public FROM PUBLIC", "DO $$ BEGIN EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database()); END $$")
	_, err := catalog.Migrate(t.Context(), database)
	require.NoError(t, err)
	name := login(t, database, "", catalog.WorkerRole)
	worker := connect(t, database, name)
	for _, allowed := range []string{"CREATE TEMP TABLE stage (x int)", "TRUNCATE stage", "LOCK TABLE connectors IN SHARE ROW EXCLUSIVE MODE",
		"INSERT INTO log (level, message) VALUES ('info', 'x')", "DELETE FROM log", "SELECT nextval(pg_get_serial_sequence('assets', 'id'))"} {
		_, err := worker.Exec(t.Context(), "BEGIN; "+allowed+"; COMMIT")
		require.NoError(t, err, allowed)
	}
	for _, refused := range []string{"DROP TABLE log", "TRUNCATE log", "ALTER TABLE log ADD COLUMN x int", "CREATE TABLE mine (x int)", "CREATE INDEX ON log (level)",
		"DROP VIEW asset_list", "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, true)", "SET ROLE sluice_owner", "CREATE ROLE other"} {
		_, err := worker.Exec(t.Context(), refused)
		require.True(t, catalog.Denied(err), "%s: %v", refused, err)
	}
	done, err := catalog.Migrate(t.Context(), as(t, database, name))
	require.NoError(t, err, "who starts a worker may ask for migrations when there is none to make")
	require.Zero(t, done)
}

// A login that may make roles is what managed servers give.
func TestALoginThatMayMakeRolesOwnsThroughTheOwner(t *testing.T) {
	t.Parallel()
	server := testenv.StartPostgres(t) // roles are the server's: here there are none yet
	database := server.URL()
	name := login(t, database, "CREATEROLE")
	admin(t, database, "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I OWNER TO "+name+"', current_database()); END $$")
	for range 2 {
		done, err := catalog.Migrate(t.Context(), as(t, database, name))
		require.NoError(t, err)
		require.Empty(t, done.ByHand)
	}
	conn := connect(t, database, name)
	require.Empty(t, names(t, conn, ours+" AND relowner <> 'sluice_owner'::regrole"))
	_, err := conn.Exec(t.Context(), "ALTER TABLE log ADD COLUMN later int; CREATE TABLE later (x int)")
	require.NoError(t, err, "later migrations by the same login")

	other := login(t, database, "", catalog.OwnerRole)
	_, err = connect(t, database, other).Exec(t.Context(), "ALTER TABLE log DROP COLUMN later; DROP TABLE chunks")
	require.NoError(t, err, "and by another one that is a member")
}

func TestALoginThatMayNotMakeRolesIsToldWhoCan(t *testing.T) {
	t.Parallel()
	server := testenv.StartPostgres(t)
	database := server.URL()
	name := login(t, database, "")
	admin(t, database, "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I OWNER TO "+name+"', current_database()); END $$")
	done, err := catalog.Migrate(t.Context(), as(t, database, name))
	require.NoError(t, err)
	require.Positive(t, done.Applied)
	require.NotContains(t, done.ByHand, "\n")

	// What it says is what has to be run.
	_, sql, ok := strings.Cut(done.ByHand, " by ")
	require.True(t, ok, done.ByHand)
	sql, _, ok = strings.Cut(sql, " and then")
	require.True(t, ok)
	admin(t, database, sql)
	done, err = catalog.Migrate(t.Context(), as(t, database, name))
	require.NoError(t, err)
	require.Empty(t, done.ByHand)
	conn := connect(t, database, name)
	require.Empty(t, names(t, conn, ours+" AND relowner <> 'sluice_owner'::regrole"))
	require.Equal(t, []string{"sluice_owner", "sluice_reader", "sluice_worker"},
		names(t, conn, "SELECT rolname FROM pg_roles WHERE rolname LIKE 'sluice%' AND NOT rolcanlogin"))
}

// Many databases of one server are migrated at the same time, all by logins
// that may make roles.
func TestMigrationsOfSeveralDatabasesDoNotRace(t *testing.T) {
	t.Parallel()
	server := testenv.StartPostgres(t)
	var group errgroup.Group
	for i := range 6 {
		name := login(t, server.URL(), "CREATEROLE")
		database := fmt.Sprintf("race_%d", i)
		admin(t, server.URL(), fmt.Sprintf("CREATE DATABASE %s OWNER %s", database, name))
		u, err := url.Parse(as(t, server.URL(), name))
		require.NoError(t, err)
		u.Path = "/" + database
		for range 2 {
			group.Go(func() error {
				_, err := catalog.Migrate(t.Context(), u.String())
				return err
			})
		}
	}
	require.NoError(t, group.Wait())
}

func TestRightsThatAReaderHadEarlierAreTakenBack(t *testing.T) {
	t.Parallel()
	database := migrated.Database(t)
	admin(t, database, "GRANT SELECT ON rejects, connectors TO sluice_reader")
	_, err := catalog.Migrate(t.Context(), database)
	require.NoError(t, err)
	reader := connect(t, database, login(t, database, "", catalog.ReaderRole))
	for _, refused := range []string{"SELECT value FROM rejects", "SELECT secrets FROM connectors"} {
		_, err := reader.Exec(t.Context(), refused)
		require.True(t, catalog.Denied(err), "%s: %v", refused, err)
	}
	for _, allowed := range []string{"SELECT reason FROM rejects", "SELECT name FROM connectors"} {
		_, err := reader.Exec(t.Context(), allowed)
		require.NoError(t, err, allowed)
	}
}
