package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"sluice/internal/secret"
	"sluice/internal/testenv"
)

// newHouseWithKeyFile is a house whose master key is in a file, with two
// connectors that have secrets and one that has a reference.
func newHouseWithKeyFile(t *testing.T) (h *house, path string) {
	t.Helper()
	h = newHouse(t)
	path = filepath.Join(t.TempDir(), "master.key")
	key, err := secret.LoadOrCreateKeyFile(path)
	require.NoError(t, err)
	h.key = key
	delete(h.env, "SLUICE_MASTER_KEY")
	h.env["SLUICE_MASTER_KEY_FILE"] = path
	h.withSecrets()
	return h, path
}

func (h *house) withSecrets() {
	h.t.Helper()
	for _, name := range []string{"one", "two"} {
		r := h.runWith(h.t.Context(), environment{"SLUICE_CLIENT_SECRET": "pl4nted-" + name}, nil, "connectors", "create", name, "--platform", "US1", "--client-id", "c")
		require.Zero(h.t, r.code, r.err)
	}
	h.ok("connectors", "create", "three", "--platform", "US1", "--client-id", "c", "--client-secret-ref", "env:QUALYS")
}

// opens says that all sealed secrets open with the key that a command or a
// worker that starts now has, and with that of one which runs since long.
func (h *house) opens() {
	h.t.Helper()
	now, err := secret.LoadKeyFile(h.env["SLUICE_MASTER_KEY_FILE"])
	require.NoError(h.t, err)
	stored, err := h.open().StoredSecrets(h.t.Context())
	require.NoError(h.t, err)
	sealed := 0
	for _, s := range stored {
		if secret.IsReference(s.Stored) {
			continue
		}
		sealed++
		for _, key := range []secret.Key{now, h.key} {
			plain, err := key.Open(s.At, s.Stored)
			require.NoError(h.t, err)
			require.Equal(h.t, "pl4nted-"+s.Connector, plain)
		}
	}
	require.Equal(h.t, 2, sealed)
}

func TestSecretsAreListedWithoutTheirValues(t *testing.T) {
	t.Parallel()
	h, _ := newHouseWithKeyFile(t)
	id := h.key.IDs()[0]
	yes := true
	require.ElementsMatch(t, []secretView{
		{Connector: "one", Field: "clientSecret", Form: "sealed", Key: id, Opens: &yes},
		{Connector: "two", Field: "clientSecret", Form: "sealed", Key: id, Opens: &yes},
		{Connector: "three", Field: "clientSecret", Form: "reference", Reference: "env:QUALYS"},
	}, okJSON[[]secretView](h, "secrets", "list"))
	for _, format := range []string{"table", "json", "csv", "ndjson"} {
		out := h.ok("secrets", "list", "--output", format)
		require.Contains(t, out, id)
		require.NotContains(t, out, "pl4nted")
		require.NotContains(t, out, "sealed:")
	}
	r := h.runWith(t.Context(), environment{"SLUICE_MASTER_KEY_FILE": filepath.Join(t.TempDir(), "none")}, nil, "secrets", "list")
	require.Zero(t, r.code)
	require.Contains(t, r.out, id, "with which key, it says also where that is not")
	require.Contains(t, r.err, "whether they open cannot be told")
}

func TestANewKeyTakesTheOldOnesPlace(t *testing.T) {
	t.Parallel()
	h, path := newHouseWithKeyFile(t)
	old := h.key.IDs()[0]
	before, err := os.ReadFile(path)
	require.NoError(t, err)

	trial := okJSON[rotated](h, "secrets", "rotate-key", "--new", "--dry-run")
	require.Equal(t, 2, trial.Secrets)
	now, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, before, now)

	done := okJSON[rotated](h, "secrets", "rotate-key", "--new")
	require.Equal(t, 2, done.Secrets)
	require.Equal(t, []string{old}, done.Removed)
	require.NotEqual(t, old, done.Key)
	h.opens()
	key, err := secret.LoadKeyFile(path)
	require.NoError(t, err)
	require.Equal(t, []string{done.Key}, key.IDs())
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	again := okJSON[rotated](h, "secrets", "rotate-key")
	require.Zero(t, again.Secrets)
	require.Equal(t, 2, again.Kept)

	require.Contains(t, h.ok("secrets", "rotate-key", "--new", "--keep-old"), "can be removed")
	key, err = secret.LoadKeyFile(path)
	require.NoError(t, err)
	require.Len(t, key.IDs(), 2)
	h.opens()
}

// Whatever step it was interrupted after, everything opens with the file as it
// is, and the next one ends what it began.
func TestARotationMayBeInterruptedAfterAnyStep(t *testing.T) {
	t.Parallel()
	for _, step := range []string{stepPut, stepSealed, stepRemoved} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			h, path := newHouseWithKeyFile(t)
			crash := errors.New("crash")
			a := &app{process: process{program: "sluice", out: &bytes.Buffer{}, err: &bytes.Buffer{}, env: h.env}}
			defer a.close()
			_, err := rotation{app: a, makeNew: true, reached: func(reached string) error {
				if reached == step {
					return crash
				}
				return nil
			}}.run(t.Context())
			require.ErrorIs(t, err, crash)
			h.opens()
			done := okJSON[rotated](h, "secrets", "rotate-key", "--new")
			h.opens()
			key, err := secret.LoadKeyFile(path)
			require.NoError(t, err)
			require.Equal(t, []string{done.Key}, key.IDs())
		})
	}
}

func TestARotationThatIsKilledLosesNothing(t *testing.T) {
	t.Parallel()
	h, path := newHouseWithKeyFile(t)
	binary := testenv.Command(t, "sluice/starter")
	hold, err := pgx.Connect(t.Context(), h.env["SLUICE_DATABASE_URL"])
	require.NoError(t, err)
	defer hold.Close(t.Context())
	tx, err := hold.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "UPDATE connectors SET description = description")
	require.NoError(t, err)

	cmd := exec.Command(binary, "secrets", "rotate-key", "--new")
	cmd.Env = h.env.Environ()
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	require.NoError(t, cmd.Start())
	store := h.open()
	waits := func() bool {
		text, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(text), "# key ") {
			return false
		}
		var waits bool
		err = store.Pool().QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'connectors'::regclass)").Scan(&waits)
		return err == nil && waits
	}
	require.Eventually(t, waits, within, every, "the new key is in the file, and nothing is sealed with it yet")
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	require.NoError(t, tx.Rollback(t.Context()))

	h.opens()
	done := okJSON[rotated](h, "secrets", "rotate-key", "--new")
	require.Equal(t, 2, done.Secrets)
	h.opens()
}

func TestAKeyFromElsewhereIsPutFirstByHand(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.withSecrets()
	old := h.env["SLUICE_MASTER_KEY"]
	r := h.run("secrets", "rotate-key", "--new")
	require.Equal(t, exitFailure, r.code)
	require.Contains(t, r.err, "put a new key before the old one there")

	path := filepath.Join(t.TempDir(), "master.key")
	_, err := secret.LoadOrCreateKeyFile(path)
	require.NoError(t, err)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	fresh := strings.TrimSpace(string(text))

	h.env["SLUICE_MASTER_KEY"] = fresh
	r = h.run("secrets", "rotate-key")
	require.Contains(t, r.err, "it was sealed with master key "+h.key.IDs()[0])
	require.Contains(t, r.err, "nothing was changed")
	require.Contains(t, h.run("doctor", "--output", "json").out, "was sealed with master key")

	h.env["SLUICE_MASTER_KEY"] = fresh + " " + old
	require.Contains(t, h.ok("secrets", "rotate-key"), "sealed 2 secrets and 0 tokens with key ")
	h.env["SLUICE_MASTER_KEY"] = fresh
	for _, s := range okJSON[[]secretView](h, "secrets", "list") {
		require.True(t, s.Form == "reference" || *s.Opens, "%v", s)
	}

	delete(h.env, "SLUICE_MASTER_KEY")
	h.env["SLUICE_MASTER_KEY_COMMAND"] = fmt.Sprintf("cat %s", path)
	require.Zero(t, okJSON[rotated](h, "secrets", "rotate-key").Secrets)
	h.env["SLUICE_MASTER_KEY_FILE"] = path
	require.Contains(t, h.run("secrets", "rotate-key").err, "SLUICE_MASTER_KEY_FILE and SLUICE_MASTER_KEY_COMMAND are both set")
	require.NotContains(t, h.run("secrets", "rotate-key").err, fresh)
}
