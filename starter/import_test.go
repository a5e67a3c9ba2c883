package main

import (
	"encoding/json"
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
	const header = "Host ID,Name,IP,OS\n"
	for _, c := range []struct {
		name, content, says string
		more                []string
	}{
		{"a.csv", "", "a.csv: it is empty", nil},
		{"a.csv", "id,id\n1,2\n", "a.csv: columns 1 and 2 are both called id (give each its own name)", nil},
		{"a.csv", header + "1,\"a\n", "a.csv: row 2, from line 2 on, has a quote that is not closed", nil},
		{"a.csv", header + "1\n2\n3,c,,\n", "2 of 3 records cannot be read, above the profile's limit of 5 %: nothing was imported", nil},
		{"a.csv", header + strings.Repeat("x\n", 50_000) + "\xff", "it is not in utf-8: line 50002", nil},
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
	require.Contains(t, h.run("import", "no-such-file", "--profile", profile).err, "there is no file no-such-file")
	require.Contains(t, h.run("import", t.TempDir(), "--profile", profile).err, "is a folder")
	require.Contains(t, h.run("import", "-").err, "--profile is missing")
	require.Contains(t, h.run("run", profile).err, "reads files: 'SLUICE_HOME=")
	require.Contains(t, h.run("run", profile, "--dry-run").err, "import FILE --profile "+profile+" --dry-run --wait' sends one")
	require.Contains(t, h.run("profiles", "update", profile, "--schedule", "daily at 02:00").err, "let a timer of your own call 'sluice import'")
	var left int
	require.NoError(t, h.open().Pool().QueryRow(t.Context(), "SELECT (SELECT count(*) FROM uploads) + (SELECT count(*) FROM runs)").Scan(&left))
	require.Zero(t, left)
}

// TestColumnsThatAreMissingOrNewAreToldOnce before a record of the file is
// rejected for it.
func TestColumnsThatAreMissingOrNewAreToldOnce(t *testing.T) {
	t.Parallel()
	h, profile := withFiles(t)
	for name, content := range map[string]string{
		"hosts.csv":    "HOST ID;Name;IP;OS;Owner\nh1;a;192.0.2.1;Debian;x\n",
		"hosts.json":   `[{"HOST ID":"h1","Name":"a","IP":"192.0.2.1","OS":"Debian"}]`,
		"hosts.ndjson": `{"HOST ID":"h1","Name":"a","IP":"192.0.2.1","OS":"Debian"}`,
	} {
		r := h.run("import", fileAt(t, name, content), "--profile", profile)
		require.Equal(t, exitFailure, r.code)
		require.Contains(t, r.err, name+": it has no ")
		require.Contains(t, r.err, " Host_ID (it has HOST_ID), which every record of file.hosts has to have: nothing was imported")
	}
	var left int
	require.NoError(t, h.open().Pool().QueryRow(t.Context(), "SELECT (SELECT count(*) FROM uploads) + (SELECT count(*) FROM runs)").Scan(&left))
	require.Zero(t, left)

	r := h.run("import", fileAt(t, "hosts.csv", "Host ID;Name;IP;OS;owner;Rack\nh1;a;192.0.2.1;Debian;x;7\n"), "--profile", profile, "--wait")
	require.Zero(t, r.code, r.err)
	require.Contains(t, r.err, "the file has no column Owner (it has owner), which data model file.hosts has\n")
	require.Contains(t, r.err, "columns that no map of the profile knows are left out: owner, Rack\n")
}

func TestADryRunOfAFileChangesNothing(t *testing.T) {
	t.Parallel()
	h, profile := withFiles(t)
	h.ok("import", fileAt(t, "hosts.csv", hostsFile), "--profile", profile, "--wait")
	hosts := func() string {
		return h.ok("assets", "list", "--class", "host", "--output", "json") + h.ok("assets", "list", "--status", "stale", "--output", "json")
	}
	before := hosts()
	changed := fileAt(t, "hosts.csv", strings.Replace(strings.Replace(hostsFile, "h3;c;", "h4;d;", 1), "h2;b;", "h2;bb;", 1))
	run := okJSON[struct {
		Outcome string
		Assets  struct{ Created, Updated, Unchanged int }
		Stale   int
	}](h, "import", changed, "--profile", profile, "--dry-run", "--accept-shrink", "--wait")
	require.Equal(t, "succeeded", run.Outcome)
	require.Equal(t, []int{1, 1, 1, 1}, []int{run.Assets.Created, run.Assets.Updated, run.Assets.Unchanged, run.Stale})
	require.Equal(t, before, hosts())
	require.Contains(t, h.ok("import", changed, "--profile", profile, "--accept-shrink", "--wait"), "succeeded", "the same file for good")
}

func TestARunShowsWhatItFoundToBeGone(t *testing.T) {
	t.Parallel()
	h, profile := withFiles(t)
	h.ok("import", fileAt(t, "hosts.csv", hostsFile), "--profile", profile, "--wait")
	h.ok("import", fileAt(t, "fewer.csv", strings.Replace(hostsFile, "h3;c;", "h4;d;", 1)), "--profile", profile, "--accept-shrink", "--wait")
	type gone struct{ Stale, Retired, Fixed *int64 }
	none, one := new(int64), new(int64(1))
	require.Equal(t, gone{one, none, none}, okJSON[gone](h, "runs", "show", "2", "--output", "json"))
	require.Equal(t, []gone{{one, none, none}, {none, none, none}}, okJSON[[]gone](h, "runs", "list", "--output", "json"))
	require.Regexp(t, `(?m),stale,retired,fixed$`, h.ok("runs", "list", "--output", "csv"))
	require.Regexp(t, `(?mi)^stale +1$`, h.ok("runs", "show", "2"))
	require.NotRegexp(t, `(?mi)^(stale|retired|fixed)\b`, h.ok("runs", "show", "1"))
}

// TestASecondFileOfAnAssetTypeHasAConnectorOfItsOwn, as the error says.
func TestASecondFileOfAnAssetTypeHasAConnectorOfItsOwn(t *testing.T) {
	t.Parallel()
	h, profile := withFiles(t)
	r := h.run("models", "infer", fileAt(t, "more.csv", "id|ip\n1|192.0.2.1\n"), "--save", "--delimiter", "|", "--name", h.name+"-More-hosts")
	require.Zero(t, r.code, r.err)
	own := h.name + "-more-hosts"
	var next []string
	for line := range strings.Lines(r.err[strings.Index(r.err, "Then bring the file in:"):]) {
		if _, command, ok := strings.Cut(strings.TrimSpace(line), " sluice "); ok {
			next = append(next, strings.ReplaceAll(command, "'", ""))
		}
	}
	require.Len(t, next, 3, r.err)
	require.Equal(t, "connectors create "+own+" --provider file", next[0])
	require.Equal(t, "profiles create "+own+" --connector "+own+" --kind file --map HOST=file-"+own, next[1])

	refused := h.run("profiles", "create", h.name+"-more", "--connector", h.name+"-lab", "--kind", "file", "--map", "HOST=file-"+own)
	require.Contains(t, refused.err, "profile "+profile+" is active and writes HOST of the same connector by map file-hosts")
	require.Contains(t, refused.err, "files of another source are for a connector of their own: '")
	require.Contains(t, refused.err, "connectors create NAME --provider file' makes one")
	h.ok("profiles", "create", h.name+"-later", "--connector", h.name+"-lab", "--kind", "file", "--map", "HOST=file-"+own, "--status", "inactive")
	require.Contains(t, h.run("profiles", "activate", h.name+"-later").err, "connectors create NAME --provider file' makes one")
	for _, command := range next {
		h.ok(strings.Fields(command)...)
	}
	require.Contains(t, h.ok("assets", "list", "--class", "host"), "192.0.2.1")
}

func TestWhatARecordIsTakenForIsSaidAndCanBeChosen(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	scans := fileAt(t, "scans.csv", "id,hostname,severity,title\nf1,db1,4,XSS\n")
	r := h.run("models", "infer", scans)
	require.Contains(t, r.err, "# they are taken for HOST_FINDING, since hostname tells of a host, and a record seems to be one finding: it has an id (id), a severity (severity) and names its asset (hostname); --type says otherwise\n")
	for line := range strings.Lines(r.err) {
		require.True(t, strings.HasPrefix(line, "# "), line)
	}
	h.ok("connectors", "create", h.name+"-lab", "--provider", "file")
	r = h.run("models", "infer", scans, "--type", "application_finding", "--name", "ours", "--save")
	require.Zero(t, r.code, r.err)
	require.NotContains(t, r.err, "connectors create")
	require.NotContains(t, r.err, "--type says otherwise")
	require.Contains(t, r.err, "profiles create ours --connector "+h.name+"-lab --kind file --map APPLICATION_FINDING=file-ours\n")
	require.Contains(t, h.run("models", "infer", scans, "--type", "HOSTS").err, "did you mean HOST?")

	var found struct {
		Type, Because string
		Model         struct{ Name, Records string }
		Map           struct {
			AssetClass string
			Rows       []struct{ From string }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(h.ok("models", "infer", scans, "--output", "json")), &found))
	require.Equal(t, []string{"HOST_FINDING", "file.scans", "findings", "host", "hostname"},
		[]string{found.Type, found.Model.Name, found.Model.Records, found.Map.AssetClass, found.Map.Rows[0].From})
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
	for path, says := range map[string]string{
		".":                        ". is a folder: give a file",
		"no-such.csv":              "there is no file no-such.csv",
		fileAt(t, "+.csv", "id\n"): "--name is missing: +.csv has no letters or digits to make one of",
	} {
		require.Contains(t, h.run("models", "infer", path).err, says)
	}
	changed := strings.Replace(text, "title: My-Hosts", "title: Our hosts", 1)
	stored := h.runWith(t.Context(), nil, strings.NewReader(changed), "models", "import", "-")
	require.Zero(t, stored.code, stored.err)
	require.Contains(t, stored.err, "saved map file-my-hosts")
	require.Contains(t, h.ok("models", "list"), "Our hosts")
	require.Contains(t, h.ok("models", "show", "file.My-Hosts"), "Host_ID")
	again := h.run("models", "infer", fileAt(t, "My Hosts.csv", "Host ID;Name\n1;a\n"), "--save")
	require.Contains(t, again.err, "it would have no field IP any more; map file-my-hosts reads it")
}
