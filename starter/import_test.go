package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const hostsFile = `Host ID;Name;IP;OS;Owner
h1;Käse;192.0.2.1;Debian 12;"ops;
night"
h2;b;192.0.2.2;Debian 11;
h3;c;192.0.2.3;Debian 12;dev
`

// fileAt writes a file and returns its path.
func fileAt(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// withFiles makes a house with a worker and a profile that reads files like
// hostsFile, as a person would who begins with one.
func withFiles(t *testing.T) (h *house, profile string) {
	t.Helper()
	h = newHouse(t)
	h.startWorker()
	profile = h.name + "-scans"
	h.ok("connectors", "create", h.name+"-lab", "--provider", "file", "--description", "the lab's scanner")
	h.ok("models", "infer", fileAt(t, "hosts.csv", hostsFile), "--save")
	h.ok("profiles", "create", profile, "--connector", h.name+"-lab", "--kind", "file", "--map", "HOST=file-hosts")
	return h, profile
}

// TestASourceThatSluiceDoesNotShipIsBroughtInToday from its file alone.
func TestASourceThatSluiceDoesNotShipIsBroughtInToday(t *testing.T) {
	t.Parallel()
	h, profile := withFiles(t)
	r := h.run("import", fileAt(t, "hosts.csv", strings.Replace(hostsFile, "ä", "\xe4", 1)), "--profile", profile, "--wait")
	require.Zero(t, r.code, r.err)
	require.Contains(t, r.err, "sent hosts.csv: 3 records, read as csv with ; in windows-1252")
	require.Contains(t, r.err, `"Host ID" is Host_ID in maps`)
	require.Contains(t, r.out, "succeeded")
	assets := h.ok("assets", "list", "--class", "host", "--output", "csv")
	for _, want := range []string{"h1,Käse", "h2,b", "h3,c"} {
		require.Contains(t, assets, want)
	}

	again := h.runWith(t.Context(), nil, strings.NewReader(hostsFile), "import", "-", "--profile", profile, "--wait", "--output", "json")
	require.Zero(t, again.code, again.err)
	require.Contains(t, again.out, `"unchanged": 3`, "the same from another encoding")

	part := h.run("import", fileAt(t, "more.csv", "Host ID,Name,IP,OS\nh4,d,192.0.2.4,Debian\n"), "-p", profile, "--partial", "--wait")
	require.Zero(t, part.code, part.err)
	require.Contains(t, h.ok("assets", "list", "--class", "host", "--output", "csv"), "h3,c")
}

func TestAFileThatLacksTooMuchIsAcceptedByImportingItAgain(t *testing.T) {
	t.Parallel()
	h, profile := withFiles(t)
	h.ok("import", fileAt(t, "hosts.csv", hostsFile), "--profile", profile, "--wait")
	fewer := fileAt(t, "fewer.csv", "Host ID;Name;IP;OS;Owner\nh2;b;192.0.2.2;Debian 11;\n")
	r := h.run("import", fewer, "--profile", profile, "--wait")
	advice := "sluice import FILE --profile " + profile + " --accept-shrink"
	require.Contains(t, r.out+r.err, "accept it with '"+advice+"'")
	accepted := strings.Fields(strings.Replace(advice, "FILE", fewer, 1))[1:]
	require.Contains(t, h.ok(append(accepted, "--wait")...), "succeeded")
	require.Contains(t, h.ok("assets", "list", "--status", "stale"), "h3")
}

func TestAnImportThatCannotBeSaysWhyAndLeavesNothing(t *testing.T) {
	t.Parallel()
	h, profile := withFiles(t)
	for _, c := range []struct {
		name, content, says string
		more                []string
	}{
		{"a.csv", "", "a.csv: it is empty", nil},
		{"a.csv", "id,id\n1,2\n", "a.csv: columns 1 and 2 are both called id (give each its own name)", nil},
		{"a.csv", "id,name\n1,\"a\n", "a.csv: row 2, from line 2 on, has a quote that is not closed", nil},
		{"a.csv", "id,name\n1\n2\n3,c\n", "2 of 3 records cannot be read, above the profile's limit of 5 %: nothing was imported", nil},
		{"a.csv", "id\n" + strings.Repeat("x\n", 50_000) + "\xff", "it is not in utf-8: line 50002", nil},
		{"a.json", `{"a":[{"id":1}],"b":[{"id":2}]}`, "it has several lists of objects, a and b", nil},
		{"a.json", `[{"id":1}`, "it ends in the middle, behind record 1", nil},
		{"a.xlsx", "PK\x03\x04", "it is a ZIP archive or an Excel workbook", nil},
		{"a.csv", "id\n", "unknown format \"xml\"", []string{"--format", "xml"}},
		{"a.csv", "id\n", "is not one character", []string{"--delimiter", "ab"}},
	} {
		r := h.run(append([]string{"import", fileAt(t, c.name, c.content), "--profile", profile}, c.more...)...)
		require.NotZero(t, r.code, c.says)
		require.Contains(t, r.err, c.says)
		require.Equal(t, 1, strings.Count(r.err, "sluice: "), "one error: %s", r.err)
	}
	require.Contains(t, h.run("import", "no-such-file", "--profile", profile).err, "no such file")
	require.Contains(t, h.run("import", t.TempDir(), "--profile", profile).err, "is a folder")
	require.Contains(t, h.run("import", "-").err, "--profile is missing")
	require.Contains(t, h.run("run", profile).err, "reads files: 'SLUICE_HOME=")
	require.Contains(t, h.run("profiles", "update", profile, "--schedule", "daily at 02:00").err, "let a timer of your own call 'sluice import'")
	var left int
	require.NoError(t, h.open().Pool().QueryRow(t.Context(), "SELECT (SELECT count(*) FROM uploads) + (SELECT count(*) FROM runs)").Scan(&left))
	require.Zero(t, left)
}

func TestAProfileOfFilesNamesItsMaps(t *testing.T) {
	t.Parallel()
	h, _ := withFiles(t)
	create := func(more ...string) string {
		return h.run(append([]string{"profiles", "create", h.name + "-more", "--connector", h.name + "-lab", "--kind", "file"}, more...)...).err
	}
	require.Contains(t, create(), "--map is missing: kind file has no maps of its own")
	require.Contains(t, create("--asset-types", "HOST,API", "--map", "HOST=file-hosts"), "--map API=NAME is missing")
	require.Contains(t, create("--map", "API=file-hosts"), "makes assets of class host, but API brings api")
	require.Contains(t, create("--map", "HOST_FINDING=file-hosts"), "a record of file.hosts is an asset")
	require.Contains(t, create("--map", "HOST=qualys-tas-application"), "makes assets of class application")
	exported := h.ok("export")
	require.Contains(t, exported, "HOST: file-hosts")
	require.Contains(t, h.runWith(t.Context(), nil, strings.NewReader(exported), "apply", "-f", "-").out, "nothing")
}

func TestAProposedModelCanBeChangedAndStored(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	text := h.ok("models", "infer", fileAt(t, "My Hosts.csv", hostsFile))
	require.Contains(t, text, "name: file.My-Hosts\n")
	r := h.run("models", "infer", fileAt(t, "x", "[]"))
	require.Contains(t, r.err, "x: there is no record to look at")
	changed := strings.Replace(text, "title: My-Hosts", "title: Our hosts", 1)
	stored := h.runWith(t.Context(), nil, strings.NewReader(changed), "models", "import", "-")
	require.Zero(t, stored.code, stored.err)
	require.Contains(t, stored.err, "saved map file-my-hosts")
	require.Contains(t, h.ok("models", "list"), "Our hosts")
	require.Contains(t, h.ok("models", "show", "file.My-Hosts"), "Host_ID")
	again := h.run("models", "infer", fileAt(t, "My Hosts.csv", "Host ID;Name\n1;a\n"), "--save")
	require.Contains(t, again.err, "it would have no field IP any more; map file-my-hosts reads it")
}
