package main

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/transform"
	"sluice/schema"
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
	found := regexp.MustCompile(`your text is in (\S+): `).FindStringSubmatch(said)
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
	require.Contains(t, r.err, "saved map ours@2: + asset.assetDetail.name\n")
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
	other := written(t, "other.yaml", strings.Replace(ownMap, "from: id", "from: uuid", 1))
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
	require.Contains(t, second.err, "what ours@2 has otherwise than ours@1: ~ asset.assetHeader.externalAssetId\n")
	require.Contains(t, keptIn(t, second.err), "asset.assetDetail.name")

	// What they are told to do shows the difference, and overwrites no more than that.
	advised := regexp.MustCompile(`'SLUICE_HOME=\S+ sluice (maps [^']+)'`).FindAllStringSubmatch(second.err, -1)
	require.Len(t, advised, 2, second.err)
	look, save := strings.Fields(advised[0][1]), strings.Fields(advised[1][1])
	require.Equal(t, []string{"diff", "ours"}, look[1:3])
	shown := h.ok("maps", "diff", look[2], look[3], "--file", written(t, "records.ndjson", `{"id":"7","uuid":"u7","name":"a"}`))
	require.Regexp(t, `u7|asset.assetDetail.name`, shown)
	h.ok("maps", "import", written(t, "third.yaml", ownMap+"# a third one's\n"))
	refused := h.run(save...)
	require.Equal(t, exitFailure, refused.code)
	require.Contains(t, refused.err, "its latest version is 3, and yours was made from 2; nothing was saved")
	require.Contains(t, refused.err, "what ours@3 has otherwise than ours@2: ~ asset.assetHeader.externalAssetId\n")
	save[len(save)-1] = "3"
	r := h.run(save...)
	require.Zero(t, r.code, r.err)
	require.Contains(t, r.err, "saved map ours@4: + asset.assetDetail.name")
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

func TestWhatIsWrittenBelowTheHelpIsReadToo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.ok("maps", "import", written(t, "ours.yaml", ownMap))
	r := h.edit(`printf '  - from: name\n    to: asset.assetDetail.name\n# why\n' >> "$1"`, "maps", "edit", "ours")
	require.Zero(t, r.code, r.err)
	require.Equal(t, ownMap+"  - from: name\n    to: asset.assetDetail.name\n# why\n", h.latest("ours").Body)

	r = h.edit(`printf '  - from: nmae\n    to: asset.assetDetail.attributes.x\n' >> "$1"`, "maps", "edit", "ours")
	require.Equal(t, exitFailure, r.code)
	require.Contains(t, r.err, ":12:11: row 3: ", "the place in the text that is kept")
	require.Equal(t, "  - from: nmae", strings.Split(keptIn(t, r.err), "\n")[11])
}

func TestOfTheHelpNothingIsKept(t *testing.T) {
	t.Parallel()
	const help = helpBelow + "\n#\n# a\n#\n# b  c\n"
	for what, c := range map[string]struct{ text, want string }{
		"as it was":            {"rows:\n\n" + help, "rows:\n"},
		"other ends of lines":  {"rows:\r\n\r\n" + strings.ReplaceAll(help, "\n", " \r\n"), "rows:\n"},
		"a part of it":         {"rows:\n" + helpBelow + "\n# b  c\n", "rows:\n"},
		"the same line twice":  {"rows:\n" + help + "# a\n", "rows:\n# a\n"},
		"lines in between":     {"rows:\n" + helpBelow + "\n#\n- x: |\n    1\n\n    2\n# a\n# mine\n\n", "rows:\n- x: |\n    1\n\n    2\n# mine\n"},
		"before the last line": {"rows:\n" + strings.TrimSuffix(help, "\n") + "\n- y", "rows:\n- y\n"},
		"no help":              {"rows:\n# a\n", "rows:\n# a\n"},
	} {
		require.Equal(t, c.want, string(withoutHelp([]byte(c.text), help)), what)
	}
}

func TestTheHelpSaysHowExpressionsReadFields(t *testing.T) {
	t.Parallel()
	models, err := transform.LoadModels(schema.Models())
	require.NoError(t, err)
	help := mapHelp(models.Get("qualys-tas.application"), models.Get("inventory"), "application")
	require.Contains(t, help, `expr: "record.name + '!'"`)
	require.Contains(t, help, "findings[].severity is finding.severity there")
	require.Contains(t, help, `# qualys-tas.application (what a row's "from" names), * every record has it:`)
	require.NotRegexp(t, `(?m) $`, help, "an editor may take blanks at the end away")
	require.NotContains(t, mapHelp(models.Get("qualys-was.finding"), models.Get("inventory"), "application"), "finding.FIELD")
}

func TestOnlyTheLatestVersionIsEdited(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.ok("maps", "import", written(t, "ours.yaml", ownMap))
	r := h.edit(addName, "maps", "edit", "ours@1")
	require.Zero(t, r.code, r.err)
	r = h.edit(addName, "maps", "edit", "ours@1")
	require.Equal(t, exitFailure, r.code)
	require.Equal(t, "sluice: ours@1 cannot be edited, only the latest version, ours@2: 'sluice maps rollback ours --to 1' makes it the latest again\n", r.err)
}
