package main

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// editing is an environment in which the editor is a script; the file's name
// is its first argument.
func editing(t *testing.T, script string) environment {
	t.Helper()
	return environment{"EDITOR": "sh " + written(t, "editor.sh", script)}
}

// keptIn is the file in which a text was kept.
func keptIn(t *testing.T, said string) string {
	t.Helper()
	found := regexp.MustCompile(`your text is in (\S+): '`).FindStringSubmatch(said)
	require.NotNil(t, found, said)
	t.Cleanup(func() { _ = os.Remove(found[1]) })
	info, err := os.Stat(found[1])
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	text, err := os.ReadFile(found[1])
	require.NoError(t, err)
	return string(text)
}

const addName = `sed -i '/^rows:/a\  - from: name\n    to: asset.assetDetail.name' "$1"`

func (h *house) edit(script string, args ...string) result {
	h.t.Helper()
	return h.runWith(h.t.Context(), editing(h.t, script), strings.NewReader(""), args...)
}

func TestAnEditedMapIsTheNextVersion(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.ok("maps", "import", written(t, "ours.yaml", ownMap))
	r := h.edit(`grep -q "findings\[\].cvss .*CVSS score" "$1" && `+addName, "maps", "edit", "ours")
	require.Zero(t, r.code, r.err)
	require.Contains(t, r.err, "saved map ours@2")
	require.Equal(t, strings.Replace(ownMap, "rows:\n", "rows:\n  - from: name\n    to: asset.assetDetail.name\n", 1), h.latest("ours").Body, "without the help")

	r = h.edit("true", "maps", "edit", "ours")
	require.Zero(t, r.code, r.err)
	require.Contains(t, r.err, "nothing changed: map ours stays at version 2")
	file := regexp.MustCompile(`editing map ours in (\S+)`).FindStringSubmatch(r.err)[1]
	require.NoFileExists(t, file)

	r = h.edit("exit 3", "maps", "edit", "ours")
	require.Equal(t, exitFailure, r.code)
	require.Contains(t, r.err, "ended with an error: exit status 3")
	require.Equal(t, int32(2), h.latest("ours").Version)
}

func TestAMapIsMadeInTheEditor(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	create := []string{"maps", "create", "mine", "--source", "qualys-tas.application", "--target", "inventory"}
	r := h.edit("true", create...)
	require.Contains(t, r.err, "nothing was written: no map was created")
	r = h.edit(`sed -i -e '0,/from: ""/s//from: id/' -e '0,/from: ""/s//from: findings[].id/' "$1"`, create...)
	require.Zero(t, r.code, r.err)
	m := okJSON[mapView](h, "maps", "show", "mine")
	require.Equal(t, "application", m.AssetClass, "as the source model's records have it")
	require.Equal(t, []rowView{
		{Row: 1, From: "id", To: "asset.assetHeader.externalAssetId"},
		{Row: 2, From: "findings[].id", To: "findingGroup.findings[].externalFindingId"},
	}, m.Rows)
	require.Contains(t, h.edit("true", create...).err, `there is a map "mine" already`)
}

func TestATextThatCannotBeSavedIsNeverLost(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.ok("maps", "import", written(t, "ours.yaml", ownMap))
	for _, trouble := range []struct {
		what, script, says string
	}{
		{"a field that does not exist", `sed -i 's/from: id/from: idd/' "$1"`, `.yaml:7:11: row 1: `},
		{"no YAML", `echo ": [" > "$1"`, `is not valid YAML`},
		{"another name", `sed -i 's/name: ours/name: theirs/' "$1"`, `a map keeps its name`},
		{"an editor that fails after saving", addName + "\nexit 1", "ended with an error: exit status 1"},
	} {
		t.Run(trouble.what, func(t *testing.T) {
			r := h.edit(trouble.script, "maps", "edit", "ours")
			require.Equal(t, exitFailure, r.code)
			require.Contains(t, r.err, trouble.says)
			text := keptIn(t, r.err)
			require.NotContains(t, text, helpBelow)
			require.NotEqual(t, ownMap, text)
		})
	}
	require.Equal(t, int32(1), h.latest("ours").Version)
}

func TestTheSecondOfTwoEditorsKeepsTheirTextAndIsTold(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.ok("maps", "import", written(t, "ours.yaml", ownMap))
	other := written(t, "other.yaml", ownMap+"# theirs\n")
	// The editor waits, by a named pipe, until the other one has saved.
	pipe := written(t, "pipe", "")
	require.NoError(t, os.Remove(pipe))
	result := make(chan result, 1)
	go func() {
		result <- h.runWith(t.Context(), editing(t, addName+"\nmkfifo '"+pipe+"' && cat '"+pipe+"'"), strings.NewReader(""), "maps", "edit", "ours")
	}()
	require.Eventually(t, func() bool { _, err := os.Stat(pipe); return err == nil }, within, every)
	h.ok("maps", "import", other)
	require.NoError(t, os.WriteFile(pipe, []byte("go on\n"), 0o600))
	second := <-result
	require.Equal(t, exitFailure, second.code)
	require.Contains(t, second.err, "map ours was changed by somebody else meanwhile: its latest version is 2, and yours was made from 1; nothing was saved")
	require.Contains(t, keptIn(t, second.err), "asset.assetDetail.name")
}

func TestCtrlCWhileAnEditorIsOpenKeepsTheText(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.ok("maps", "import", written(t, "ours.yaml", ownMap))
	ctx, interrupt := context.WithCancel(t.Context())
	pipe := written(t, "pipe", "")
	require.NoError(t, os.Remove(pipe))
	result := make(chan result, 1)
	go func() {
		result <- h.runWith(ctx, editing(t, addName+"\nmkfifo '"+pipe+"' && cat '"+pipe+"'"), strings.NewReader(""), "maps", "edit", "ours")
	}()
	require.Eventually(t, func() bool { _, err := os.Stat(pipe); return err == nil }, within, every)
	interrupt()
	require.NoError(t, os.WriteFile(pipe, []byte("go on\n"), 0o600))
	r := <-result
	require.Equal(t, exitInterrupted, r.code)
	require.Contains(t, keptIn(t, r.err), "asset.assetDetail.name")
}

func TestADatabaseThatIsAwayLosesNoText(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.ok("maps", "import", written(t, "ours.yaml", ownMap))
	// The database refuses versions by the time that the editor is closed.
	_, err := h.open().Pool().Exec(t.Context(), "ALTER TABLE transform_maps ADD CHECK (version < 2)")
	require.NoError(t, err)
	r := h.edit(addName, "maps", "edit", "ours")
	require.Equal(t, exitFailure, r.code)
	require.Contains(t, keptIn(t, r.err), "asset.assetDetail.name")
}
