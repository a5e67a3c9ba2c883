package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"sluice/internal/source/file"
	"sluice/internal/transform"
	"sluice/schema"
)

const mapsPage = "../docs/maps.md"

// page reads a page of the documentation.
func page(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

// blocks are the fenced texts of a page in one language, such as yaml; "" are
// those that name none.
func blocks(page, language string) (texts []string) {
	for _, found := range regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$").FindAllStringSubmatch(page, -1) {
		if found[1] == language {
			texts = append(texts, found[2])
		}
	}
	return texts
}

// codeCell is code in a cell of a Markdown table.
func codeCell(text string) string {
	fence := "`"
	if strings.Contains(text, fence) {
		fence = "``"
	}
	return fence + strings.ReplaceAll(text, "|", `\|`) + fence
}

// referenceTables are the tables of the page on maps, as the code has them.
func referenceTables() (tables []string) {
	table := func(heads ...string) func(cells ...string) {
		line := func(cells []string) { tables[len(tables)-1] += "| " + strings.Join(cells, " | ") + " |\n" }
		tables = append(tables, "")
		line(heads)
		line(slices.Repeat([]string{"---"}, len(heads)))
		return func(cells ...string) { line(cells) }
	}
	keys := func(of []transform.KeyReference) {
		row := table("in YAML", "in CSV", "is")
		for _, k := range of {
			row(codeCell(k.Key), codeCell(k.Column), k.Says)
		}
	}
	keys(transform.MapKeys())
	keys(transform.RowKeys())
	row := table("convert", "takes, for example", "rejects, for example")
	for _, c := range transform.Conversions() {
		row(codeCell(c.Name), codeCell(strings.Join(c.Takes, ", ")), codeCell(strings.Join(c.Rejects, ", ")))
	}
	row = table("there is", "for example", "gives")
	for _, f := range transform.Functions() {
		row(codeCell(strings.Join(f.Names, " ")), codeCell(f.Example), codeCell(f.Gives))
	}
	row = table("of", "at most")
	for _, l := range transform.MapLimits() {
		row(l.Of, l.Is)
	}
	return tables
}

func TestThePageOnMapsSaysWhatTheCodeTakes(t *testing.T) {
	t.Parallel()
	text := page(t, mapsPage)
	for _, table := range referenceTables() {
		require.True(t, strings.Contains(text, "\n\n"+table+"\n"), "%s: put this table in the place of the old one:\n%s", mapsPage, table)
	}
	require.Equal(t, []string{transform.ExampleRecord + "\n"}, blocks(text, "json"))
	help := mappingHelp()
	for _, f := range transform.Functions() {
		require.Contains(t, help, f.Example)
	}
}

// inferred proposes a model and a map of records, one JSON object a line.
func inferred(t *testing.T, models *transform.Models, name string, records io.Reader) *transform.Inference {
	t.Helper()
	found, err := transform.Infer(name, records, models, transform.Shape{})
	require.NoError(t, err)
	return found
}

func TestTheMapsOfThePageAreRight(t *testing.T) {
	t.Parallel()
	text := page(t, mapsPage)
	tables := blocks(text, "csv")
	require.Len(t, tables, 2, "a map, and a file of records")
	models, err := transform.LoadModels(schema.Models())
	require.NoError(t, err)
	example := inferred(t, models, "file.example", strings.NewReader(strings.ReplaceAll(transform.ExampleRecord, "\n", "")))
	records, options, err := file.Detect("scans.csv", strings.NewReader(tables[1]), file.Options{})
	require.NoError(t, err)
	s, err := file.Scan(func(int64) io.Reader { return records }, options, file.Position{})
	require.NoError(t, err)
	scans := inferred(t, models, "file.scans", file.Lines(s))
	models, err = models.With(example.Model, scans.Model)
	require.NoError(t, err)
	check := func(name, text string) *transform.Map {
		t.Helper()
		m, err := transform.ParseMap(name, []byte(text))
		require.NoError(t, err, text)
		require.Empty(t, transform.Check(m, models), text)
		return m
	}
	whole, parts := []string{}, []string{}
	for _, block := range blocks(text, "yaml") {
		if strings.HasPrefix(block, "name: ") {
			whole = append(whole, block)
		} else {
			parts = append(parts, block)
		}
	}
	require.Len(t, whole, 1)
	m := check("map", whole[0])
	table, err := transform.ParseCSV("map", []byte(tables[0]))
	require.NoError(t, err)
	require.Equal(t, string(transform.WriteCSV(m)), string(transform.WriteCSV(table)), "the map is the same in both forms")
	require.Equal(t, string(transform.WriteCSV(m)), tables[0], "and written as Sluice writes it")

	require.NotEmpty(t, parts)
	for _, rows := range parts {
		check("rows", "name: rows\nsource: file.example\ntarget: inventory\nrows:\n"+
			"  - from: id\n    to: asset.assetHeader.externalAssetId\n"+rows)
	}
	require.Equal(t, transform.RecordsAreFindings, scans.Model.Records)
	require.Equal(t, "host", scans.Map.AssetClass)
	require.Empty(t, transform.Check(scans.Map, models))

	_, begun, ok := strings.Cut(mappingIntroduction, "inventory:\n")
	require.True(t, ok)
	begun, _, _ = strings.Cut(begun, "\n\n'sluice")
	check("help", strings.ReplaceAll(begun, "\n  ", "\n"))
}

// commandsOf are the commands in a page: its lines of code that begin with
// sluice, and what stands in backticks and does.
func commandsOf(page string) (commands []string) {
	for _, block := range blocks(page, "") {
		for line := range strings.Lines(strings.ReplaceAll(block, "\\\n", " ")) {
			if strings.HasPrefix(strings.TrimSpace(line), "sluice ") {
				commands = append(commands, line)
			}
		}
	}
	page = regexp.MustCompile("(?ms)^```.*?^```$").ReplaceAllString(page, "")
	for _, found := range regexp.MustCompile("`(sluice [^`]+)`").FindAllStringSubmatch(page, -1) {
		commands = append(commands, found[1])
	}
	return commands
}

// word is one of a command line, with what is in its quotes.
var word = regexp.MustCompile(`(?:[^\s"']|"[^"]*"|'[^']*')+`)

// words are those of a command line, up to a gap, a comment, a pipe or a
// redirection.
func words(line string) []string {
	line, _, _ = strings.Cut(strings.TrimSpace(line), "  ")
	all := word.FindAllString(line, -1)[1:]
	if end := slices.IndexFunc(all, func(w string) bool { return strings.ContainsAny(w[:1], "#|<>") }); end >= 0 {
		all = all[:end]
	}
	return all
}

// checkCommand checks that a command is there, with the flags that it is given
// and as many arguments; one that is only named has none.
func checkCommand(t *testing.T, where, line string) {
	t.Helper()
	root := newRoot(&app{process: process{env: environment{}}})
	args := words(line)
	if args[0] == "help" {
		cmd, rest, err := root.Find(args[1:])
		require.NoError(t, err, "%s: %s", where, line)
		require.Empty(t, rest, "%s: %s", where, line)
		require.NotEqual(t, root, cmd, "%s: %s", where, line)
		return
	}
	cmd, rest, err := root.Find(args)
	require.NoError(t, err, "%s: %s", where, line)
	if err := cmd.ParseFlags(rest); !errors.Is(err, pflag.ErrHelp) {
		require.NoError(t, err, "%s: %s", where, line)
	}
	switch {
	case len(cmd.Commands()) > 0:
		require.Empty(t, cmd.Flags().Args(), "%s: %s", where, line)
	case len(rest) > 0 && cmd.Args != nil:
		require.NoError(t, cmd.ValidateArgs(cmd.Flags().Args()), "%s: %s", where, line)
	}
}

func TestTheCommandsOfThePagesAreThereWithTheirFlags(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../docs/*.md")
	require.NoError(t, err)
	for _, path := range append(pages, "../README.md") {
		for _, line := range commandsOf(page(t, path)) {
			checkCommand(t, path, line)
		}
	}
}

func TestTheCommandsOfTheHelpAreThereWithTheirFlags(t *testing.T) {
	t.Parallel()
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		for line := range strings.Lines(c.Long + "\n" + c.Example) {
			if line = strings.TrimSpace(line); strings.HasPrefix(line, "sluice ") {
				checkCommand(t, c.CommandPath(), line)
			}
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(newRoot(&app{process: process{env: environment{}}}))
}

// TestTheRecipesOfThePagesBringAFileIn runs them as they stand there.
func TestTheRecipesOfThePagesBringAFileIn(t *testing.T) {
	t.Parallel()
	maps, readme := page(t, mapsPage), page(t, "../README.md")
	for _, c := range []struct{ name, page, scans, findings string }{
		{"maps", maps, blocks(maps, "csv")[1], "Default password"},
		{"readme", readme, hostsFile, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			at := slices.IndexFunc(blocks(c.page, ""), func(b string) bool { return strings.Contains(b, "--provider file") })
			require.GreaterOrEqual(t, at, 0)
			h := newHouse(t)
			h.startWorker()
			h.env["EDITOR"] = "true"
			path := fileAt(t, "scans.csv", c.scans)
			profile := h.name + "-scans" // names of profiles are those of workflows, on one server
			for line := range strings.Lines(blocks(c.page, "")[at]) {
				args := words(line)
				for i, arg := range args {
					switch {
					case arg == "scans.csv":
						args[i] = path
					case arg == "scans" && args[i-1] != "--name":
						args[i] = profile
					}
				}
				h.ok(args...)
			}
			require.Contains(t, h.ok("runs", "list"), "succeeded")
			require.Contains(t, h.ok("findings", "list"), c.findings)
			require.Contains(t, h.ok("assets", "list", "--class", "host"), "192.0.2.2")
		})
	}
}
