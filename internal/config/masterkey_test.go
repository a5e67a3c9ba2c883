package config

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/secret"
)

// variables is an environment.
type variables map[string]string

func (v variables) LookupEnv(name string) (string, bool) {
	value, ok := v[name]
	return value, ok
}

func (v variables) Environ() []string {
	all := []string{"PATH=" + os.Getenv("PATH")}
	for name, value := range v {
		all = append(all, name+"="+value)
	}
	return all
}

func keyText(letter string) string {
	return base64.StdEncoding.EncodeToString([]byte(strings.Repeat(letter, secret.KeySize)))
}

func configured(t *testing.T, env variables) Config {
	t.Helper()
	c, err := From(env)
	require.NoError(t, err)
	return c
}

func TestTheMasterKeyComesFromOneOfThreePlaces(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "key")
	require.NoError(t, os.WriteFile(file, []byte("# ours\n"+keyText("a")+"\n"), 0o600))
	want, err := secret.ParseKey(keyText("a"))
	require.NoError(t, err)
	for name, env := range map[string]variables{
		"environment":      {"SLUICE_MASTER_KEY": keyText("a")},
		"file":             {"SLUICE_MASTER_KEY_FILE": file},
		"command":          {"SLUICE_MASTER_KEY_COMMAND": "cat '" + file + "'"},
		"command of shell": {"SLUICE_MASTER_KEY_COMMAND": `sh -c 'cat "$KEY" | cat'`, "KEY": file},
	} {
		key, err := configured(t, env).MasterKey()
		require.NoError(t, err, name)
		require.Equal(t, want.IDs(), key.IDs(), name)
	}
	for _, env := range []variables{
		{"SLUICE_MASTER_KEY": keyText("a"), "SLUICE_MASTER_KEY_FILE": file},
		{"SLUICE_MASTER_KEY": keyText("a"), "SLUICE_MASTER_KEY_COMMAND": "cat " + file},
		{"SLUICE_MASTER_KEY_COMMAND": "cat " + file, "SLUICE_MASTER_KEY_FILE": file},
	} {
		_, err := configured(t, env).MasterKey()
		require.ErrorContains(t, err, "both set")
		for name := range env {
			require.ErrorContains(t, err, name)
		}
		require.NotContains(t, err.Error(), keyText("a"))
		require.False(t, configured(t, env).MakesKey())
	}
	_, err = configured(t, variables{"SLUICE_HOME": dir}).MasterKey()
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "openssl rand")
}

func TestACommandThatGivesNoKeySaysSoWithoutWhatItPrinted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ command, says string }{
		"it fails":            {"sh -c 'echo s3cret; echo s3cret >&2; exit 3'", "sh ended with exit status 3"},
		"it prints no key":    {"echo s3cret", "32 random bytes"},
		"it prints nothing":   {"true", "no key"},
		"it prints for ever":  {"yes s3cret", "more than 65536 bytes"},
		"it is not there":     {"/nowhere/s3 --token s3cret", "/nowhere/s3 cannot be run"},
		"it is no program":    {"nowhere-to-be-found s3cret", "cannot be run"},
		"it needs a shell":    {"cat key | head -1 # s3cret", "no shell"},
		"it is not ended":     {"cat 's3cret", "inside quotes"},
		"it names no program": {"  ", "names no program"},
	} {
		_, err := configured(t, variables{"SLUICE_MASTER_KEY_COMMAND": c.command}).MasterKey()
		require.ErrorContains(t, err, c.says, name)
		require.ErrorContains(t, err, "SLUICE_MASTER_KEY_COMMAND", name)
		require.NotContains(t, err.Error(), "s3cret", name)
		require.NotErrorIs(t, err, os.ErrNotExist, "%s: no new key is made instead", name)
	}
}

func TestACommandIsSplitAsByAShell(t *testing.T) {
	t.Parallel()
	for line, words := range map[string][]string{
		"pass show sluice":               {"pass", "show", "sluice"},
		" vault  kv\tget -field=key s/x": {"vault", "kv", "get", "-field=key", "s/x"},
		`a 'b c' "d e" f\ g`:             {"a", "b c", "d e", "f g"},
		`a '$x|y' "\$x" "\n" \"`:         {"a", "$x|y", "$x", `\n`, `"`},
		`a '' "" b''c`:                   {"a", "", "", "bc"},
		`C:\\tools\\key.exe`:             {`C:\tools\key.exe`},
	} {
		got, err := splitCommand(line)
		require.NoError(t, err, line)
		require.Equal(t, words, got, line)
	}
	for _, line := range []string{"a $HOME", `a "$HOME"`, "a `b`", "a; b", "a && b", "a > b", "a <b", "(a)", `a "b`, `a \`, `"" a`} {
		_, err := splitCommand(line)
		require.Error(t, err, line)
	}
}

func TestANewerKeyOfTheCommandIsFoundWhenItIsNeeded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, calls := filepath.Join(dir, "key"), filepath.Join(dir, "calls")
	require.NoError(t, os.WriteFile(file, []byte(keyText("a")), 0o600))
	key, err := configured(t, variables{"SLUICE_MASTER_KEY_COMMAND": fmt.Sprintf("sh -c 'echo >> %s; cat %s'", calls, file)}).MasterKey()
	require.NoError(t, err)
	newer, err := secret.ParseKey(keyText("b"))
	require.NoError(t, err)
	at := secret.Place{ConnectorID: 1, Field: "clientSecret"}
	sealed := newer.Seal(at, "plain")

	require.NoError(t, os.WriteFile(file, []byte(keyText("b")+"\n"+keyText("a")), 0o600))
	plain, err := key.Open(at, sealed)
	require.NoError(t, err)
	require.Equal(t, "plain", plain)

	foreign, err := secret.ParseKey(keyText("c"))
	require.NoError(t, err)
	for range 5 {
		_, err = key.Open(at, foreign.Seal(at, "plain"))
		require.ErrorContains(t, err, foreign.IDs()[0])
		require.ErrorContains(t, err, newer.IDs()[0])
	}
	text, err := os.ReadFile(calls)
	require.NoError(t, err)
	require.Len(t, text, 3, "at the start, for the newer key, and once for the one that it does not have")
}

func TestAKeyInTheWrongVariableIsNotPrinted(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"SLUICE_MASTER_KEY_COMMAND", "SLUICE_MASTER_KEY_FILE"} {
		for _, value := range []string{keyText("a"), keyText("a") + "\n" + keyText("b"), keyText("a") + " # ours"} {
			c := configured(t, variables{name: value})
			_, err := c.MasterKey()
			require.ErrorContains(t, err, name+" holds a master key, not where one is: set SLUICE_MASTER_KEY to it")
			require.NotContains(t, err.Error(), keyText("a"))
			require.Empty(t, c.KeyWarning())
			require.False(t, c.MakesKey())
		}
	}
}

func TestTheFileWithTheMasterKeyIsNoConnectorsSecret(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, link, other := filepath.Join(dir, "key"), filepath.Join(dir, "link"), filepath.Join(dir, "other")
	require.NoError(t, os.WriteFile(file, []byte(keyText("a")), 0o600))
	require.NoError(t, os.WriteFile(other, []byte("secret"), 0o600))
	require.NoError(t, os.Symlink(file, link))
	c := configured(t, variables{"SLUICE_MASTER_KEY_FILE": file})
	for _, path := range []string{file, link, dir + "/./key"} {
		require.ErrorContains(t, c.CheckReference("file:"+path), "holds the master key")
	}
	require.ErrorContains(t, c.CheckReference("env:SLUICE_MASTER_KEY"), "one of Sluice's own")
	require.NoError(t, c.CheckReference("file:"+other))
	require.NoError(t, c.CheckReference("file:"+dir+"/not-here"), "it may be where the workers are")

	key, err := c.MasterKey()
	require.NoError(t, err)
	for _, keys := range []secret.Key{key, key.Fixed()} {
		plain, err := keys.Open(secret.Place{ConnectorID: 1, Field: "password"}, "file:"+link)
		require.ErrorContains(t, err, "password: file:"+link+" cannot be a connector's secret")
		require.Empty(t, plain)
	}
}
