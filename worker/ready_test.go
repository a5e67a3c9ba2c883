package main

import (
	"bytes"
	"fmt"
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"sluice/internal/catalog"
	"sluice/internal/secret"
	"sluice/internal/testenv"
)

// keyOf makes a master key of a byte.
func keyOf(t *testing.T, of byte) secret.Key {
	t.Helper()
	key, err := secret.NewKey(bytes.Repeat([]byte{of}, secret.KeySize))
	require.NoError(t, err)
	return key
}

// migrated is a database of a test's own.
func migrated(t *testing.T) (store *catalog.Store, databaseURL string) {
	t.Helper()
	databaseURL = testenv.Postgres(t)
	_, err := catalog.Migrate(t.Context(), databaseURL)
	require.NoError(t, err)
	return opened(t, databaseURL), databaseURL
}

func opened(t *testing.T, databaseURL string) *catalog.Store {
	t.Helper()
	store, err := catalog.Open(t.Context(), databaseURL)
	require.NoError(t, err)
	t.Cleanup(store.Close)
	return store
}

// addSealed stores a connector with a secret that a key seals.
func addSealed(t *testing.T, store *catalog.Store, name string, key secret.Key) {
	t.Helper()
	_, err := store.CreateConnector(t.Context(), catalog.Connector{Name: name, Provider: "qualys", Settings: map[string]string{}},
		func(id int64) (map[string]string, error) {
			return map[string]string{"clientSecret": key.Seal(secret.Place{ConnectorID: id, Field: "clientSecret"}, "s3cret")}, nil
		})
	require.NoError(t, err)
}

func TestAWorkerThatOpensNoSecretDoesNotServe(t *testing.T) {
	t.Parallel()
	store, _ := migrated(t)
	right, wrong := keyOf(t, 1), keyOf(t, 2)
	core, lines := observer.New(zapcore.InfoLevel)
	start := func(key secret.Key, newKey bool) error { return ready(t.Context(), store, key, newKey, zap.New(core)) }
	require.NoError(t, start(wrong, false), "nothing is sealed yet")
	addSealed(t, store, "acme", right)
	require.NoError(t, start(right, false))
	require.Empty(t, lines.All())

	err := start(wrong, false)
	require.ErrorContains(t, err, "the master key of here (key "+wrong.IDs()[0]+") opens no secret of any connector (acme): they are sealed with master key "+right.IDs()[0])
	require.ErrorContains(t, err, "give this worker the master key that the others have")
	require.NoError(t, start(wrong, true), "the right one is lost")

	addSealed(t, store, "other", wrong)
	lines.TakeAll()
	require.NoError(t, start(right, false), "one connector does not stop the others")
	require.Equal(t, 1, lines.Len())
	require.Equal(t, "other", lines.All()[0].ContextMap()["connector"])
}

func TestAWorkerWithoutTheRightsDoesNotServe(t *testing.T) {
	t.Parallel()
	_, owner := migrated(t)
	conn, err := pgx.Connect(t.Context(), owner)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	for role, refusal := range map[string]string{
		catalog.ReaderRole: `may not do in the database what a worker does`,
		catalog.WorkerRole: "",
	} {
		name := role + "_that_starts"
		_, err = conn.Exec(t.Context(), fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD 'test' IN ROLE %s", name, role))
		require.NoError(t, err)
		u, err := url.Parse(owner)
		require.NoError(t, err)
		u.User = url.UserPassword(name, "test")
		err = ready(t.Context(), opened(t, u.String()), secret.Key{}, false, zap.NewNop())
		if refusal == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, "login "+name+" "+refusal)
		require.ErrorContains(t, err, `by GRANT `+catalog.WorkerRole+` TO "`+name+`";`)
	}
}
