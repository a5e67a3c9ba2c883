package secret

import (
	"bytes"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// text is a key as it is written.
func text(seed byte) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{seed}, KeySize))
}

var place = Place{ConnectorID: 7, Field: "clientSecret"}

func TestTheFirstOfSeveralKeysSealsAndAllOpen(t *testing.T) {
	both, err := ParseKey("# the one of 2027\n" + text(2) + " # first\n\n" + text(1) + "\t" + text(3) + "\n# end")
	require.NoError(t, err)
	older, newer := testKey(t, 1), testKey(t, 2)
	require.Equal(t, []string{newer.IDs()[0], older.IDs()[0], testKey(t, 3).IDs()[0]}, both.IDs())

	plain, err := both.Open(place, older.Seal(place, "old"))
	require.NoError(t, err)
	require.Equal(t, "old", plain)
	sealed := both.Seal(place, "new")
	require.Equal(t, newer.IDs()[0], SealedWith(sealed))
	plain, err = newer.Open(place, sealed)
	require.NoError(t, err)
	require.Equal(t, "new", plain)

	for _, bad := range []string{"", "# nothing\n", text(1) + " short", text(1)[:40], text(1) + text(1)} {
		_, err := ParseKey(bad)
		require.ErrorContains(t, err, "openssl rand", "%q", bad)
		require.NotContains(t, err.Error(), text(1)[:40], "a key is not quoted")
	}
}

// Texts of the first form do not say with which key they were sealed.
func TestTextsOfTheFirstFormOpen(t *testing.T) {
	older := testKey(t, 1)
	first := sealedV1 + older.Seal(place, "old")[len(sealedV2)+len("12345678:"):]
	require.True(t, IsSealed(first))
	require.Empty(t, SealedWith(first))
	both, err := ParseKey(text(2) + "\n" + text(1))
	require.NoError(t, err)
	plain, err := both.Open(place, first)
	require.NoError(t, err)
	require.Equal(t, "old", plain)
	_, err = testKey(t, 2).Open(place, first)
	require.ErrorContains(t, err, "another master key")
}

func TestWhatWasSealedOpensAndNothingElseDoes(t *testing.T) {
	key := testKey(t, 1)
	rapid.Check(t, func(rt *rapid.T) {
		at := Place{rapid.Int64().Draw(rt, "connector"), rapid.String().Draw(rt, "field")}
		plain := rapid.String().Draw(rt, "plain")
		sealed := key.Seal(at, plain)
		opened, err := key.Open(at, sealed)
		require.NoError(rt, err)
		require.Equal(rt, plain, opened)

		changed := []byte(sealed)
		changed[rapid.IntRange(0, len(changed)-1).Draw(rt, "at")] = rapid.Byte().Draw(rt, "to")
		if opened, err := key.Open(at, string(changed)); string(changed) != sealed && !IsReference(string(changed)) && err == nil {
			// Base64 has bits at its end that mean nothing.
			require.Equal(rt, plain, opened)
		}
	})
}

func TestAKeyFollowsItsFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	require.NoError(t, os.WriteFile(path, []byte(text(1)), 0o600))
	key, err := LoadKeyFile(path)
	require.NoError(t, err)
	before := key.Seal(place, "plain")
	fixed := key.Fixed()

	id, err := PutNewKey(path)
	require.NoError(t, err)
	require.Equal(t, id, SealedWith(key.Seal(place, "plain")), "it seals with the first key that there is now")
	require.Equal(t, SealedWith(before), SealedWith(fixed.Seal(place, "plain")))
	newer, err := LoadKeyFile(path)
	require.NoError(t, err)
	plain, err := fixed.Open(place, newer.Seal(place, "plain"))
	require.Error(t, err, plain)

	require.NoError(t, os.Remove(path))
	for _, sealed := range []string{before, key.Seal(place, "plain")} {
		_, err := key.Open(place, sealed)
		require.NoError(t, err, "what is known stays known when the file is away")
	}
}

func TestAKeyIsLookedForOnceMoreBeforeATextIsRefused(t *testing.T) {
	texts := []string{text(1), text(2) + " " + text(1)}
	var read int
	key, err := LoadKey(func() (string, error) {
		read++
		if read > len(texts) {
			return "", errors.New("away")
		}
		return texts[read-1], nil
	})
	require.NoError(t, err)
	_, err = key.Open(place, testKey(t, 2).Seal(place, "plain"))
	require.NoError(t, err)
	_, err = key.Open(Place{8, "other"}, testKey(t, 2).Seal(place, "plain"))
	require.Error(t, err)
	require.Equal(t, 2, read, "it was sealed with a key that is here: to read the keys again is of no use")
	for range 3 {
		_, err = key.Open(place, testKey(t, 3).Seal(place, "plain"))
		require.Error(t, err)
	}
	require.Equal(t, 3, read)
	require.Len(t, key.IDs(), 2)
}

func TestAKeyFileIsReplacedAsAWhole(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "master.key"), filepath.Join(dir, "link")
	require.NoError(t, os.WriteFile(path, []byte("# kept\n"+text(1)+" # of 2026"), 0o640))
	require.NoError(t, os.Chmod(path, 0o640))
	require.NoError(t, os.Symlink(path, link))
	require.NoError(t, os.WriteFile(path+".new", []byte("half of a k"), 0o644)) // of a crash

	id, err := PutNewKey(link)
	require.NoError(t, err)
	info, err := os.Lstat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o640), info.Mode(), "who could read it still can, and nobody else")
	target, err := os.Readlink(link)
	require.NoError(t, err)
	require.Equal(t, path, target)
	written, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(written), "# key "+id+", made ")
	require.True(t, strings.HasSuffix(string(written), "# kept\n"+text(1)+" # of 2026"))

	require.NoError(t, RemoveKeys(path, testKey(t, 1).IDs()))
	key, err := LoadKeyFile(path)
	require.NoError(t, err)
	require.Equal(t, []string{id}, key.IDs())
	written, err = os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(written), "# kept\n")
	require.NotContains(t, string(written), "2026\n")
	require.Error(t, RemoveKeys(path, []string{id}), "the last key stays")
	require.NoFileExists(t, path+".new")
	key, err = LoadKeyFile(path)
	require.NoError(t, err)
	require.Equal(t, []string{id}, key.IDs())
}

func TestAKeyFileThatIsNoneIsNotChanged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	_, err := PutNewKey(path)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.WriteFile(path, []byte("notes"), 0o600))
	_, err = PutNewKey(path)
	require.ErrorContains(t, err, "base64")
	written, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "notes", string(written))
}
