package secret

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func testKey(t *testing.T, seed byte) Key {
	key, err := NewKey(bytes.Repeat([]byte{seed}, KeySize))
	require.NoError(t, err)
	return key
}

func TestASealedSecretOpensOnlyAtItsPlaceAndWithItsKey(t *testing.T) {
	key := testKey(t, 1)
	at := Place{ConnectorID: 7, Field: "clientSecret"}
	sealed := key.Seal(at, "s3cret")
	require.NotContains(t, sealed, "s3cret")
	require.NotEqual(t, sealed, key.Seal(at, "s3cret"), "a nonce is used once")

	plain, err := key.Open(at, sealed)
	require.NoError(t, err)
	require.Equal(t, "s3cret", plain)

	_, err = key.Open(Place{8, "clientSecret"}, sealed)
	require.ErrorContains(t, err, "belongs to another connector or field")
	_, err = key.Open(Place{7, "password"}, sealed)
	require.Error(t, err)
	other := testKey(t, 2)
	_, err = other.Open(at, sealed)
	require.ErrorContains(t, err, "sealed with master key "+key.IDs()[0]+", and here is key "+other.IDs()[0])
	_, err = key.Open(at, sealed[:len(sealed)-8])
	require.Error(t, err)
	_, err = key.Open(at, "s3cret")
	require.ErrorContains(t, err, "unknown form")
	_, err = Key{}.Open(at, sealed)
	require.ErrorContains(t, err, "SLUICE_MASTER_KEY")
}

func TestReferencesAreResolvedWhereTheyAreOpened(t *testing.T) {
	at := Place{1, "clientSecret"}
	t.Setenv("SLUICE_TEST_SECRET", "from-env")
	plain, err := Key{}.Open(at, "env:SLUICE_TEST_SECRET")
	require.NoError(t, err)
	require.Equal(t, "from-env", plain)
	_, err = Key{}.Open(at, "env:SLUICE_TEST_UNSET")
	require.ErrorContains(t, err, "clientSecret is to be read from env:SLUICE_TEST_UNSET")

	path := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(path, []byte("from-file\n"), 0o600))
	plain, err = Key{}.Open(at, "file:"+path)
	require.NoError(t, err)
	require.Equal(t, "from-file", plain)
	require.NoError(t, os.WriteFile(path, bytes.Repeat([]byte("x"), maxSecret+1), 0o600))
	_, err = Key{}.Open(at, "file:"+path)
	require.ErrorContains(t, err, "clientSecret is to be read from file:"+path)
	_, err = Key{}.Open(at, "file:"+filepath.Dir(path))
	require.ErrorContains(t, err, "is a folder")
}

func TestTheMasterKeyIsMadeOnceAndOnlyForItsOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	first, err := LoadOrCreateKeyFile(path)
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	again, err := LoadOrCreateKeyFile(path)
	require.NoError(t, err)
	at := Place{1, "x"}
	plain, err := again.Open(at, first.Seal(at, "kept"))
	require.NoError(t, err)
	require.Equal(t, "kept", plain)
	require.NotContains(t, fmt.Sprintf("%v %+v %#v", first, first, first), "0x")

	require.NoError(t, os.WriteFile(path, []byte("too short"), 0o600))
	_, err = LoadOrCreateKeyFile(path)
	require.ErrorContains(t, err, "base64")
	require.False(t, strings.Contains(err.Error(), "too short"))
}

func TestReferencesToSluicesOwnSecretsAreNotResolved(t *testing.T) {
	t.Setenv("SLUICE_MASTER_KEY", "own")
	t.Setenv("SLUICE_DATABASE_URL", "own")
	t.Setenv("TEMPORAL_API_KEY", "own")
	t.Setenv("SLUICE_PASSWORD", "a connector's")
	at := Place{ConnectorID: 1, Field: "password"}
	for _, reference := range []string{"env:SLUICE_MASTER_KEY", "env:SLUICE_MASTER_KEY_FILE", "env:SLUICE_MASTER_KEY_COMMAND",
		"env:SLUICE_DATABASE_URL", "env:TEMPORAL_API_KEY", "file:/proc/self/environ", "file:/proc/../proc/self/environ"} {
		require.Error(t, CheckReference(reference), reference)
		plain, err := Key{}.Open(at, reference)
		require.ErrorContains(t, err, "cannot be a connector's secret", reference)
		require.Empty(t, plain)
	}
	plain, err := Key{}.Open(at, "env:SLUICE_PASSWORD")
	require.NoError(t, err)
	require.Equal(t, "a connector's", plain)
}
