package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

// examplesOf are the command lines of a command's help, without what a shell
// would do with their output.
func examplesOf(t *testing.T, path ...string) (lines [][]string) {
	t.Helper()
	cmd, _, err := newRoot(&app{}).Find(path)
	require.NoError(t, err)
	require.Equal(t, "sluice "+strings.Join(path, " "), cmd.CommandPath())
	for line := range strings.Lines(cmd.Example) {
		line, _, _ = strings.Cut(line, " > ")
		if strings.Contains(line, "|") {
			continue
		}
		words := strings.Fields(strings.ReplaceAll(line, "'", ""))
		require.Equal(t, "sluice", words[0])
		lines = append(lines, words[1:])
	}
	require.NotEmpty(t, lines)
	return lines
}

func TestTheExamplesOfTheHelpOfMapsWork(t *testing.T) {
	t.Parallel()
	h, _, _, profile := withProfile(t, smallEstate)
	h.ok("run", profile, "--wait")
	h.ok("maps", "clone", "qualys-tas-application", "acme-apps")
	r := h.edit(`sed -i 's/to: asset.assetDetail.name/to: asset.assetDetail.attributes.title/' "$1"`, "maps", "edit", "acme-apps")
	require.Zero(t, r.code, r.err)
	scans := fileAt(t, "scans.csv", hostsFile)
	h.ok("models", "infer", scans, "--name", "scans", "--save")
	place := strings.NewReplacer(
		"acme-apps.yaml", written(t, "acme-apps.yaml", h.ok("maps", "export", "acme-apps")),
		"rows.csv", written(t, "rows.csv", h.ok("maps", "export", "acme-apps", "-o", "csv")),
		"records.ndjson", written(t, "records.ndjson", `{"id":"7","name":"a","url":"http://a"}`),
		"scans.csv", scans,
		"scans.yaml", written(t, "scans.yaml", strings.Replace(h.ok("maps", "export", "file-scans"), "from: Name", "from: OS", 1)),
		"export.json", written(t, "export.json", `{"data":{"items":[{"Host ID":"h1","Name":"a","IP":"192.0.2.1"}]},"errors":[{}]}`),
	)
	for _, path := range [][]string{
		{"maps", "list"}, {"maps", "show"}, {"maps", "preview"}, {"maps", "diff"}, {"maps", "import"}, {"maps", "validate"},
		{"maps", "export"}, {"maps", "history"}, {"maps", "rollback"},
		{"models", "list"}, {"models", "fields"}, {"models", "show"},
	} {
		for _, words := range examplesOf(t, path...) {
			line := strings.Join(words, " ")
			for i, word := range words {
				switch words[i] = place.Replace(word); {
				case i > 0 && words[i-1] == "--profile":
					words[i] = profile
				case i > 0 && words[i-1] == "--file" && path[1] == "export":
					words[i] = t.TempDir() + "/" + word
				}
			}
			r := h.run(words...)
			require.Zero(t, r.code, "sluice %s: %s", line, r.err)
		}
	}
}

// Every command's examples begin with a command that there is.
func TestTheExamplesOfTheHelpNameCommands(t *testing.T) {
	t.Parallel()
	var check func(cmd *cobra.Command)
	check = func(cmd *cobra.Command) {
		for line := range strings.Lines(cmd.Example) {
			words := strings.Fields(line)
			if len(words) < 2 || words[0] != "sluice" {
				continue
			}
			found, _, err := cmd.Root().Find(words[1:])
			require.NoError(t, err, line)
			require.NotEqual(t, cmd.Root(), found, line)
		}
		for _, c := range cmd.Commands() {
			check(c)
		}
	}
	check(newRoot(&app{}))
}
