package catalog_test

import (
	"bytes"
	"encoding/base64"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"sluice/internal/catalog"
	"sluice/internal/secret"
)

// keys is a master key of several, each of one repeated byte.
func keys(t *testing.T, seeds ...byte) secret.Key {
	t.Helper()
	var text string
	for _, seed := range seeds {
		text += base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{seed}, secret.KeySize)) + "\n"
	}
	key, err := secret.ParseKey(text)
	require.NoError(t, err)
	return key
}

// sealedBy makes a connector with a sealed secret, a reference and a sealed
// token.
func sealedBy(t *testing.T, store *catalog.Store, key secret.Key, name string) catalog.Connector {
	t.Helper()
	c, err := store.CreateConnector(t.Context(), catalog.Connector{Name: name, Provider: "qualys", Settings: map[string]string{}},
		func(id int64) (map[string]string, error) {
			return map[string]string{"clientSecret": key.Seal(secret.Place{ConnectorID: id, Field: "clientSecret"}, "secret of "+name), "password": "env:PASSWORD"}, nil
		})
	require.NoError(t, err)
	_, err = store.Pool().Exec(t.Context(), "INSERT INTO credentials (connector_id, name, version, token, accepted) VALUES ($1, 'client', $2, $3, true)",
		c.ID, c.Version, key.Seal(secret.TokenPlace(c.ID, "client"), "token of "+name))
	require.NoError(t, err)
	return c
}

// opened are all secrets and tokens that are sealed, opened.
func opened(t *testing.T, store *catalog.Store, key secret.Key) map[string]string {
	t.Helper()
	stored, err := store.StoredSecrets(t.Context())
	require.NoError(t, err)
	plain := make(map[string]string)
	for _, s := range stored {
		if secret.IsReference(s.Stored) {
			require.Equal(t, "env:PASSWORD", s.Stored)
			continue
		}
		plain[s.Connector+" "+s.At.Field], err = key.Open(s.At, s.Stored)
		require.NoError(t, err)
	}
	return plain
}

func TestEverythingIsSealedWithTheFirstKeyInOneGo(t *testing.T) {
	store := open(t)
	older, newer := keys(t, 1), keys(t, 2)
	a := sealedBy(t, store, older, "a")
	sealedBy(t, store, newer, "b")
	// A text of the form of before says nothing of its key.
	_, err := store.Pool().Exec(t.Context(), "UPDATE connectors SET secrets = jsonb_set(secrets, '{clientSecret}', to_jsonb(regexp_replace(secrets->>'clientSecret', 'v2:........:', 'v1:'))) WHERE id = $1", a.ID)
	require.NoError(t, err)
	both := keys(t, 2, 1)
	want := map[string]string{"a clientSecret": "secret of a", "a token/client": "token of a", "b clientSecret": "secret of b", "b token/client": "token of b"}

	done, err := store.Reseal(t.Context(), both, true)
	require.NoError(t, err)
	require.Equal(t, catalog.Resealed{Secrets: 1, Tokens: 1, Kept: 2}, done)
	same, err := store.Connector(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, a.Version, same.Version, "a dry run changes nothing")

	done, err = store.Reseal(t.Context(), both, false)
	require.NoError(t, err)
	require.Equal(t, catalog.Resealed{Secrets: 1, Tokens: 1, Kept: 2}, done)
	require.Equal(t, want, opened(t, store, newer), "the older key is not needed any more")
	var shared int
	require.NoError(t, store.Pool().QueryRow(t.Context(), "SELECT count(*) FROM credentials t JOIN connectors c ON c.id = t.connector_id AND c.version = t.version WHERE t.accepted").Scan(&shared))
	require.Equal(t, 2, shared, "what workers know of the credentials they go on to know")

	a.Description = "from before"
	require.ErrorContains(t, store.UpdateConnector(t.Context(), a), "meanwhile", "who has read the old texts cannot write them back")

	done, err = store.Reseal(t.Context(), both, false)
	require.NoError(t, err)
	require.Equal(t, catalog.Resealed{Kept: 4}, done)
}

func TestNothingIsSealedAgainWhereSomethingDoesNotOpen(t *testing.T) {
	store := open(t)
	older, foreign := keys(t, 1), keys(t, 3)
	sealedBy(t, store, older, "a")
	b := sealedBy(t, store, foreign, "b")
	_, err := store.Reseal(t.Context(), keys(t, 2, 1), false)
	require.ErrorContains(t, err, "connector b: clientSecret")
	require.ErrorContains(t, err, foreign.IDs()[0])
	stored, err := store.StoredSecrets(t.Context())
	require.NoError(t, err)
	require.Equal(t, older.IDs()[0], secret.SealedWith(stored[0].Stored))

	// A token can be had again: one that does not open is dropped.
	_, err = store.Pool().Exec(t.Context(), "UPDATE connectors SET secrets = '{}' WHERE id = $1", b.ID)
	require.NoError(t, err)
	done, err := store.Reseal(t.Context(), keys(t, 2, 1), false)
	require.NoError(t, err)
	require.Equal(t, catalog.Resealed{Secrets: 1, Tokens: 1, Dropped: 1}, done)
	require.Equal(t, map[string]string{"a clientSecret": "secret of a", "a token/client": "token of a"}, opened(t, store, keys(t, 2)))
}

func TestAConnectorThatIsBeingCreatedIsWaitedFor(t *testing.T) {
	store := open(t)
	older := keys(t, 1)
	resealed := make(chan error, 1)
	_, err := store.CreateConnector(t.Context(), catalog.Connector{Name: "late", Provider: "qualys", Settings: map[string]string{}},
		func(id int64) (map[string]string, error) {
			go func() {
				_, err := store.Reseal(t.Context(), keys(t, 2, 1), false)
				resealed <- err
			}()
			waits := func() bool {
				var waits bool
				err := store.Pool().QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'connectors'::regclass)").Scan(&waits)
				return err == nil && waits
			}
			require.Eventually(t, waits, 10*time.Second, 5*time.Millisecond)
			return map[string]string{"clientSecret": older.Seal(secret.Place{ConnectorID: id, Field: "clientSecret"}, "late")}, nil
		})
	require.NoError(t, err)
	require.NoError(t, <-resealed)
	require.Equal(t, map[string]string{"late clientSecret": "late"}, opened(t, store, keys(t, 2)))
}

// A worker's login can do all of that; a reader's cannot even see it.
func TestSecretsAreSealedAgainByAWorkersLogin(t *testing.T) {
	t.Parallel()
	database := migrated.Database(t)
	worker, err := catalog.Open(t.Context(), as(t, database, login(t, database, "", catalog.WorkerRole)))
	require.NoError(t, err)
	t.Cleanup(worker.Close)
	require.NoError(t, worker.CheckSchema(t.Context()))
	sealedBy(t, worker, keys(t, 1), "a")
	done, err := worker.Reseal(t.Context(), keys(t, 2, 1), false)
	require.NoError(t, err)
	require.Equal(t, 1, done.Secrets)

	reader, err := catalog.Open(t.Context(), as(t, database, login(t, database, "", catalog.ReaderRole)))
	require.NoError(t, err)
	t.Cleanup(reader.Close)
	require.NoError(t, reader.CheckSchema(t.Context()))
	_, err = reader.StoredSecrets(t.Context())
	require.True(t, catalog.Denied(err), "%v", err)
	_, err = reader.Reseal(t.Context(), keys(t, 2, 1), true)
	require.True(t, catalog.Denied(err), "%v", err)
	var name string
	require.NoError(t, reader.Pool().QueryRow(t.Context(), "SELECT name FROM connectors").Scan(&name))
	require.Equal(t, "a", name)
	require.ErrorIs(t, reader.Pool().QueryRow(t.Context(), "SELECT name FROM profiles").Scan(&name), pgx.ErrNoRows)
}

func TestASecretIsSealedWhileNobodyChangesTheKey(t *testing.T) {
	store := open(t)
	key := keys(t, 1)
	c := connector(t, store, "acme")
	var rival *pgconn.PgError
	sealed := func(id int64) (map[string]string, error) {
		// What Reseal does first.
		_, err := store.Pool().Exec(t.Context(), "BEGIN; LOCK TABLE connectors IN SHARE ROW EXCLUSIVE MODE NOWAIT; COMMIT")
		require.ErrorAs(t, err, &rival)
		require.Equal(t, "55P03", rival.Code, "lock_not_available")
		return map[string]string{"password": key.Seal(secret.Place{ConnectorID: id, Field: "password"}, "new")}, nil
	}
	after, err := store.UpdateSealed(t.Context(), c, sealed)
	require.NoError(t, err)
	require.Equal(t, c.Version+1, after.Version)
	require.True(t, after.ChangedAt.After(c.ChangedAt))
	plain, err := key.Open(secret.Place{ConnectorID: c.ID, Field: "password"}, after.Secrets["password"])
	require.NoError(t, err)
	require.Equal(t, "new", plain)
	_, err = store.UpdateSealed(t.Context(), c, func(int64) (map[string]string, error) { return nil, nil })
	require.ErrorContains(t, err, "meanwhile")
	_, err = store.CreateConnector(t.Context(), catalog.Connector{Name: "other", Provider: "qualys", Settings: map[string]string{}}, sealed)
	require.NoError(t, err)
}

func TestAConnectorsSecretIsNoneOfSluicesOwn(t *testing.T) {
	store := open(t)
	refers := func(int64) (map[string]string, error) {
		return map[string]string{"password": "env:SLUICE_DATABASE_URL"}, nil
	}
	_, err := store.CreateConnector(t.Context(), catalog.Connector{Name: "other", Provider: "qualys", Settings: map[string]string{}}, refers)
	require.ErrorContains(t, err, "password: env:SLUICE_DATABASE_URL cannot be a connector's secret")
	c := connector(t, store, "acme")
	_, err = store.UpdateSealed(t.Context(), c, refers)
	require.ErrorContains(t, err, "one of Sluice's own")
	c.Secrets = map[string]string{"password": "env:SLUICE_MASTER_KEY"}
	require.ErrorContains(t, store.UpdateConnector(t.Context(), c), "one of Sluice's own")
}
