package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAModelIsDeletedOnceNothingGoesByIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.ok("models", "infer", fileAt(t, "hosts.csv", hostsFile), "--save")
	says := func(args ...string) string {
		t.Helper()
		r := h.run(append([]string{"models", "delete"}, args...)...)
		require.Equal(t, exitFailure, r.code, r.err)
		return r.err
	}
	require.Equal(t, "sluice: data model file.hosts is read by map file-hosts: delete the map first ('sluice maps delete file-hosts')\n", says("file.hosts", "--yes"))
	require.Equal(t, "sluice: data model inventory is one of Sluice's own, which cannot be deleted\n", says("inventory", "--yes"))
	require.Contains(t, says("file.host", "--yes"), "did you mean file.hosts?")
	h.ok("maps", "delete", "file-hosts")
	require.Contains(t, says("file.hosts"), "this deletes data model file.hosts, and nobody can be asked: add --yes if that is meant")

	kept := h.ok("export", "--models")
	require.Equal(t, "Deleted maps that read it cannot be brought back without it: file-hosts.\ndeleted data model file.hosts\n", h.run("models", "delete", "file.hosts", "--yes").err)
	require.NotContains(t, h.ok("models", "list"), "file.hosts")
	require.Contains(t, h.applyOK(kept), "+ model file.hosts\n")
	require.Contains(t, h.ok("models", "list"), "file.hosts")
}

func TestAModelThatARunWentByIsNotDeleted(t *testing.T) {
	t.Parallel()
	h, profile := withFiles(t)
	h.ok("import", fileAt(t, "hosts.csv", hostsFile), "--profile", profile, "--wait")
	r := h.run("models", "delete", "file.hosts", "--yes")
	require.Equal(t, "sluice: run 1 went by map file-hosts@1, which reads data model file.hosts: the model stays, to say what that run's records were\n", r.err)
}

func TestModelsAreExportedAndAppliedElsewhere(t *testing.T) {
	t.Parallel()
	h, elsewhere := newHouse(t), newHouse(t)
	h.ok("models", "infer", fileAt(t, "hosts.csv", hostsFile), "--save")
	text := h.ok("export")
	require.True(t, strings.HasPrefix(text, "kind: model\nname: file.hosts\n"), text)
	require.Contains(t, text, "---\nkind: map\nname: file-hosts\n")
	require.NotContains(t, h.ok("export", "--maps"), "kind: model")

	require.Contains(t, elsewhere.applyOK(text, "--dry-run"), "+ model file.hosts\n    title: hosts\n")
	require.NotContains(t, elsewhere.ok("models", "list"), "file.hosts")
	require.Contains(t, elsewhere.applyOK(text), "created 2, updated 0, left 0 as they are\n")
	require.Equal(t, text, elsewhere.ok("export"))
	require.Equal(t, h.ok("models", "show", "file.hosts"), elsewhere.ok("models", "show", "file.hosts"))
	require.Equal(t, "= model file.hosts\n= map file-hosts\nnothing changed: 2 as declared\n", elsewhere.applyOK(text))

	wrong := func(old, now string) string {
		t.Helper()
		require.Contains(t, text, old)
		r := elsewhere.applyText(strings.Replace(text, old, now, 1))
		require.Equal(t, exitFailure, r.code)
		return r.err
	}
	require.Contains(t, wrong("type: string", "type: strin"), `standard input:7:5: field "Host_ID" has the unknown type "strin"; did you mean "string"?`)
	require.Contains(t, wrong("path: Name\n    type: string\n", "path: Name\n    type: string\n    required: true\n"),
		`standard input:7:3: model file.hosts: its field Name would have another type, or be required, which it was not; map file-hosts reads it`)
	relaxed := elsewhere.applyOK(strings.Replace(text, "    required: true\n", "", 1), "--dry-run")
	require.Contains(t, relaxed, "~ model file.hosts\n", "what was required need not be")
	more := elsewhere.applyOK(strings.Replace(text, "---\n", "  - {path: port, type: int, description: Port., evidence: inferred}\n---\n", 1))
	require.Contains(t, more, "~ model file.hosts\n    fields.port: none -> int, description \"Port.\", evidence \"inferred\"\n= map file-hosts\n")
}
