package main

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"sluice/internal/transform"
)

// withHostsMap makes a house with a map for files like hostsFile.
func withHostsMap(t *testing.T) *house {
	t.Helper()
	h := newHouse(t)
	h.ok("models", "infer", fileAt(t, "hosts.csv", hostsFile), "--save")
	return h
}

func TestAPreviewReadsAFileAsAnImportDoes(t *testing.T) {
	t.Parallel()
	h := withHostsMap(t)
	const records = `{"Host ID":"h1","Name":"Käse","IP":"192.0.2.1","OS":"Debian 12"},{"Host ID":"h2","Name":"b","IP":"192.0.2.2","OS":"Debian 11"}`
	windows, err := charmap.Windows1252.NewEncoder().String(hostsFile)
	require.NoError(t, err)
	for _, c := range []struct {
		file, content string
		more          []string
		from          []string // of the first two records
	}{
		{"hosts.csv", hostsFile, nil, []string{", row 2", ", row 3"}},
		{"windows.csv", windows, nil, []string{", row 2", ", row 3"}},
		{"bars.txt", strings.ReplaceAll(hostsFile, ";", "|"), []string{"--format", "csv", "--delimiter", "|"}, []string{", row 2", ", row 3"}},
		{"hosts.json", "[" + records + "]", nil, []string{", record 1", ", record 2"}},
		{"deep.json", `{"data":{"items":[` + records + `]},"errors":[{}]}`, []string{"--list", "data.items"}, []string{", record 1", ", record 2"}},
		{"hosts.ndjson", strings.Replace(records, "},{", "}\n\n{", 1), nil, []string{":1", ":3"}},
	} {
		path := fileAt(t, c.file, c.content)
		p, said := h.previewed(append([]string{"file-hosts", "--file", path, "--records", "2"}, c.more...)...)
		require.Equal(t, []string{"h1", "h2"}, ids(p), c.file)
		require.Equal(t, 2, p.Counts["records taken"], c.file)
		require.Equal(t, []string{path + c.from[0], path + c.from[1]}, []string{p.Records[0].From, p.Records[1].From})
		require.Contains(t, said, `"Host ID" is Host_ID in maps`)
		require.Contains(t, h.ok(append([]string{"maps", "diff", "file-hosts", "file-hosts", "--file", path}, c.more...)...), "makes the same of all of them", c.file)
	}
}

func TestAFileOfOtherThingsIsOneErrorAndNoPreview(t *testing.T) {
	t.Parallel()
	h := withHostsMap(t)
	for content, says := range map[string]string{
		"{\"Host ID\":\nnothing\n": ": none of 2 records can be read; is it read as what it is (ndjson in utf-8), or does --format say it?\n  line 1 is not valid JSON",
		"a;b\n1;2\n":               ", read as csv with ; in utf-8, has no field of file.hosts in its records, only a, b\n",
		"[{}]":                     ", read as json in utf-8, has no field of file.hosts in its records, only empty ones\n",
		"PK\x03\x04...":            ": it is a ZIP archive or an Excel workbook",
	} {
		for _, command := range [][]string{{"preview", "file-hosts"}, {"diff", "file-hosts", "file-hosts"}} {
			path := fileAt(t, "x", content)
			format := []string{}
			if strings.HasPrefix(content, "{") {
				format = []string{"--format", "ndjson"}
			}
			r := h.run(append(append([]string{"maps"}, command...), append(format, "--file", path)...)...)
			require.Equal(t, exitFailure, r.code, content)
			require.Empty(t, r.out)
			require.True(t, strings.HasPrefix(r.err, "sluice: "+path+says), r.err)
		}
	}
}

func TestARecordThatCannotBeReadIsSetAsideInAPreview(t *testing.T) {
	t.Parallel()
	h := withHostsMap(t)
	p, said := h.previewed("file-hosts", "--file", fileAt(t, "hosts.csv", hostsFile+"h4;d\n"))
	require.Equal(t, []string{"h1", "h2", "h3"}, ids(p))
	require.Contains(t, said, "1 of 4 cannot be read and are set aside:\n  row 5 (line 6) has 2 values, and the header 5\n")
}

func TestAPreviewOfAProfileWithoutAnImportSaysHowToImport(t *testing.T) {
	t.Parallel()
	h, profile := withFiles(t)
	r := h.run("maps", "preview", "file-hosts", "--profile", profile)
	require.Equal(t, exitFailure, r.code)
	require.Contains(t, r.err, "no records of profile "+profile+" are kept that map file-hosts reads: import a file ('SLUICE_HOME=")
	require.Contains(t, r.err, "sluice import FILE --profile "+profile+"'), or give some by --file\n")
	require.Contains(t, h.run("runs", "list").err, "no runs yet: import a file ('")
	require.Contains(t, h.run("runs", "list", "--profile", profile).err, "no runs yet: import a file ('")
}

func TestCellsOfSpreadsheetsAreTexts(t *testing.T) {
	t.Parallel()
	h := withHostsMap(t)
	cells := func(column string, args ...string) (list []string) {
		t.Helper()
		rows, err := csv.NewReader(strings.NewReader(h.ok(append(args, "--output", "csv")...))).ReadAll()
		require.NoError(t, err)
		for i, name := range rows[0] {
			for _, row := range rows[1:] {
				if name == column {
					list = append(list, row[i])
				}
			}
		}
		return list
	}
	file := fileAt(t, "hosts.csv", hostsFile)
	require.Contains(t, cells("value", "maps", "preview", "file-hosts", "--file", file), "Käse")
	require.Contains(t, cells("sourceValue", "maps", "preview", "file-hosts", "--file", file), "Käse")
	require.Contains(t, h.ok("maps", "preview", "file-hosts", "--file", file), `"Käse"`, "a table is of JSON")
	draft := written(t, "draft.yaml", strings.Replace(h.ok("maps", "export", "file-hosts"), "from: Name", "from: OS", 1))
	require.Contains(t, cells("before", "maps", "diff", "file-hosts", draft, "--file", file), "Käse")

	for text, want := range map[jsonText]string{
		`"a \"b\""`: `a "b"`, `"a…`: "a…", `"a\…`: `"a\…`, `{"a":1}`: `{"a":1}`, "5": "5", "": "", `"=1"`: "'=1", "plain": "plain",
	} {
		require.Equal(t, want, forSpreadsheet(text), string(text))
		require.Equal(t, string(text), forPeople(text))
	}
}

func TestADifferenceInFateIsALineAndTheTotalsStandAtTheEnd(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	records := written(t, "records.ndjson", `{"id":"1","name":"a","url":"http://a","findings":[{"id":"f1","severity":4},{"id":"f2","severity":3}]}
{"id":"2","name":"b","url":"http://b","findings":[{"id":"f3","severity":4,"name":"x"},{"id":"f4","severity":1,"name":"y"}]}
{"id":"3","name":"c","url":"http://c"}
`)
	other := written(t, "other.yaml", strings.NewReplacer(
		"rows:\n", "when: record.name != 'a'\nwhenFindings: finding.severity > 3\nrows:\n",
		"from: name\n", "from: url\n").Replace(h.ok("maps", "export", "qualys-tas-application")))
	diff := []string{"maps", "diff", "qualys-tas-application", other, "--file", records}
	require.Equal(t, []string{
		records + ":1,1,,(fate),taken,left out",
		records + ":2,2,,asset.assetDetail.name,b,http://b",
		records + ":2,2,f4,(fate),taken,left out",
		records + ":3,3,,asset.assetDetail.name,c,http://c",
	}, strings.Split(strings.TrimSpace(h.ok(append(diff, "--output", "csv")...)), "\n")[1:])

	c := okJSON[comparison](h, append(diff, "--show", "1")...)
	require.Equal(t, []total{
		{"(fate: taken, then left out)", 1, 1},
		{"asset.assetDetail.name", 2, 0},
	}, c.Totals, "of all that differ, shown or not")
	shown := h.ok(append(diff, "--show", "1")...)
	require.Contains(t, shown, "3 records compared: 3 differ; shown are the first 1. In all of them:\n")
	require.Regexp(t, `(?m)^asset\.assetDetail\.name +2 +0$`, shown)
}

func TestTotalsCountWhatWasNotLookedAt(t *testing.T) {
	t.Parallel()
	all := make(totals)
	taken, rejected := transform.Outcome{Fate: transform.Taken}, transform.Outcome{Fate: transform.Rejected, Reason: "a"}
	all.add(&transform.Difference{Before: taken, After: taken, MoreFindings: 7, Findings: []transform.ChangedFinding{
		{Before: rejected, After: transform.Outcome{Fate: transform.Rejected, Reason: "b"}}, {Before: taken},
	}})
	require.Equal(t, []total{
		{"(fate: rejected otherwise)", 0, 1},
		{"(fate: taken, then not there)", 0, 1},
		{"(not looked at: more than 100 findings of a record)", 0, 7},
	}, all.sorted())
}

func TestANameThatIsAMapAndAFileIsTheMap(t *testing.T) { // not in parallel: it changes into a folder of its own
	h := newHouse(t)
	t.Chdir(t.TempDir())
	h.ok("maps", "import", written(t, "ours.yaml", ownMap))
	require.NoError(t, os.WriteFile("ours", []byte(": ["), 0o600))
	r := h.run("maps", "validate", "ours")
	require.Zero(t, r.code, r.err)
	require.Equal(t, "ours is the map of that name here, and not the file: that is ./ours\n", r.err)
	require.Contains(t, h.run("maps", "validate", "./ours").err, "./ours:1:1: is not valid YAML")

	require.NoError(t, os.WriteFile("theirs", []byte(ownMap), 0o600))
	require.Contains(t, h.ok("maps", "validate", "theirs"), "map ours is right", "there is no map of that name")
	require.NoError(t, os.Mkdir("mine", 0o700))
	require.Contains(t, h.run("maps", "validate", "mine").err, `unknown transform map "mine"`)
	require.Equal(t, "sluice: ./mine is a folder: give a file\n", h.run("maps", "validate", "./mine").err)

	nowhere := environment{"SLUICE_DATABASE_URL": ""}
	require.Contains(t, h.runWith(t.Context(), nowhere, strings.NewReader(""), "maps", "validate", "theirs").out, "map ours is right")
}

func TestATableOfAMapIsReadInWhatSpreadsheetsWrite(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const rows = "sourceModel,qualys-tas.application\ntargetModel,inventory\nassetClass,application\ndescription,Käse\n\nsource,target\nid,asset.assetHeader.externalAssetId\n"
	utf16 := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	for what, encode := range map[string]func(string) (string, error){
		"utf-8":        func(s string) (string, error) { return "\ufeff" + s, nil },
		"windows-1252": charmap.Windows1252.NewEncoder().String,
		"utf-16":       utf16.NewEncoder().String,
	} {
		text, err := encode(strings.ReplaceAll(rows, "\n", "\r\n"))
		require.NoError(t, err)
		r := h.run("maps", "import", written(t, "rows.csv", text), "--name", what)
		require.Zero(t, r.code, r.err)
		require.Equal(t, "Käse", okJSON[mapView](h, "maps", "show", what).Description)
		r = h.runWith(t.Context(), nil, strings.NewReader(text), "maps", "import", "-", "--name", what)
		require.Contains(t, r.err, "nothing changed: map "+what+" stays at version 1", "from standard input, which has no name to know it by")

		text, err = encode(strings.Replace(ownMap, "# Ours.", "# Käse.", 1))
		require.NoError(t, err)
		h.ok("maps", "import", written(t, "x.yaml", text), "--name", what)
		require.Contains(t, h.latest(what).Body, "# Käse.")
		h.ok("maps", "clone", what, what+"-copy")
	}
	r := h.run("maps", "import", written(t, "rows.csv", rows))
	require.Contains(t, r.err, `rows.csv:1:1: the map has no "name"`)
	r = h.run("maps", "import", written(t, "rows.csv", rows[strings.Index(rows, "source,"):]), "--name", "bare")
	require.Contains(t, r.err, `rows.csv:1:1: the map has no "sourceModel"`)
}

func TestMapsAndModelsAreListedInAllForms(t *testing.T) {
	t.Parallel()
	h := withHostsMap(t)
	for _, command := range [][]string{
		{"maps", "list"}, {"maps", "show", "file-hosts"}, {"maps", "history", "file-hosts"}, {"maps", "validate", "file-hosts"},
		{"maps", "preview", "file-hosts", "--file", fileAt(t, "hosts.csv", hostsFile)},
		{"models", "list"}, {"models", "show", "file.hosts"}, {"models", "fields", "file.hosts"},
	} {
		for _, format := range []string{formatTable, formatJSON, formatNDJSON, formatCSV} {
			h.ok(append(command, "--output", format)...)
		}
	}
	require.Equal(t, 1, strings.Count(h.ok("maps", "show", "file-hosts", "-o", "ndjson"), "\n"))
	file := filepath.Join(t.TempDir(), "x.csv")
	h.ok("maps", "export", "file-hosts", "-o", "yaml", "--file", file)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, h.latest("file-hosts").Body, string(text))
	require.Equal(t, h.ok("maps", "show", "file-hosts", "-o", "csv"), h.ok("maps", "export", "file-hosts", "-o", "csv"))
	require.Contains(t, h.ok("maps", "delete", "file-hosts", "-o", "json"), `"name": "file-hosts"`)
}
