package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/declare"
)

// maxFiles bounds the files of a folder that are applied.
const maxFiles = 1000

func newApply(a *app) *cobra.Command {
	var from []string
	var how applyFlags
	cmd := &cobra.Command{
		Use:   "apply -f FILE|DIR|-",
		Short: "Make connectors, profiles, maps and models what files say",
		Long: `Make connectors, profiles, transform maps and the data models of your own what
files in YAML say, as 'sluice export' writes them. A file may hold several, with a
line --- between. Of a folder, all its *.yaml, *.yml and *.json are taken; - is
standard input.

Everything is checked before anything is changed, and the connectors, models, maps
and profiles are changed together or not at all; then the schedules are brought in
step. Applying again changes nothing. What is not in the files is left alone:
nothing is ever deleted. What a document leaves out gets its default, but a
connector's secret that is left out stays what it is; null takes it away.

Secrets are never in the files: a reference says where workers find them, or
they are sealed texts, which open only in the connector they were exported from.
A changed map becomes a new version; when it does something else than before, the
next run of its profiles is full. Of a model that maps read, all that they rely on
has to stay.

A profile becomes active only on a connector that was tested as it is then. With
--test, new and changed connectors are tested before anything else is changed; if
one of them does not connect, all is as before.

  kind: connector                      kind: profile
  name: acme                           name: acme-apps
  provider: qualys                     connector: acme
  settings:                            product: qualys-was
    platform: EU2                      filters:
    clientId: 4e1c0f                     severities: [4, 5]
  secrets:                             schedule:
    clientSecret:                        when: mon-fri at 06:00
      secretRef: env:QUALYS_SECRET       timeZone: Europe/Berlin
  retest: 6h

A map is what 'sluice maps export' writes, with "kind: map"; a model what 'sluice
models infer' writes, with "kind: model".

The exit code is 1 when anything is wrong; then nothing was changed.`,
		Example: `  sluice apply -f acme.yaml --dry-run
  sluice apply -f acme.yaml --test
  sluice apply -f config/
  sluice export | sluice apply -f -`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(from) == 0 {
				return wrongUsage(cmd, "-f is missing: the file or folder to apply, or - for standard input")
			}
			files, err := a.readFiles(from)
			if err != nil {
				return err
			}
			models, err := a.models(cmd.Context())
			if err != nil {
				return err
			}
			documents, err := declare.ParseWith(models, files...)
			if err != nil {
				return err
			}
			return a.apply(cmd.Context(), documents, how)
		},
	}
	cmd.Flags().StringArrayVarP(&from, "file", "f", nil, "file or folder to apply, or - for standard input; may be given several times")
	cmd.Flags().BoolVar(&how.dryRun, "dry-run", false, "show what would change, and change nothing")
	cmd.Flags().BoolVar(&how.test, "test", false, "test new and changed connectors, and change nothing unless they connect")
	cmd.Flags().BoolVar(&how.force, "force", false, "make profiles active although their connectors were never tested")
	return cmd
}

// applyFlags say how files are applied.
type applyFlags struct{ dryRun, test, force bool }

// readFiles reads files, the files of folders, and standard input.
func (a *app) readFiles(from []string) ([]declare.File, error) {
	var files []declare.File
	for _, path := range from {
		if path == "-" {
			data, err := io.ReadAll(io.LimitReader(a.in, declare.MaxFile+1))
			if err != nil {
				return nil, fmt.Errorf("read standard input: %w", err)
			}
			files = append(files, declare.File{Name: "standard input", Data: data})
			continue
		}
		paths, err := filesAt(path)
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			data, err := readBounded(path)
			if err != nil {
				return nil, err
			}
			files = append(files, declare.File{Name: path, Data: data})
		}
	}
	return files, nil
}

// filesAt is a file itself, or the files of a folder that can be applied.
func filesAt(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read what to apply: %w", err)
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path) // sorted
	if err != nil {
		return nil, fmt.Errorf("read what to apply: %w", err)
	}
	var paths []string
	for _, entry := range entries {
		if known := []string{".yaml", ".yml", ".json"}; !entry.IsDir() && slices.Contains(known, filepath.Ext(entry.Name())) {
			paths = append(paths, filepath.Join(path, entry.Name()))
		}
	}
	switch {
	case len(paths) == 0:
		return nil, fmt.Errorf("folder %s has no *.yaml, *.yml or *.json: there is nothing to apply", path)
	case len(paths) > maxFiles:
		return nil, fmt.Errorf("folder %s has %d files: at most %d are applied at once", path, len(paths), maxFiles)
	}
	return paths, nil
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read what to apply: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, declare.MaxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read what to apply: %w", err)
	}
	return data, nil
}

// appliedColumns are those of a change in CSV.
var appliedColumns = []column[declare.Change]{
	{"action", func(c declare.Change) any { return string(c.Action) }},
	{"kind", func(c declare.Change) any { return c.Kind }},
	{"name", func(c declare.Change) any { return c.Name }},
	{"fields", func(c declare.Change) any {
		var parts []string
		for _, f := range c.Fields {
			parts = append(parts, fieldText(c.Action, f))
		}
		return strings.Join(parts, "; ")
	}},
}

// sayChanges shows what becomes of everything that is declared.
func (a *app) sayChanges(changes []declare.Change) {
	marks := map[declare.Action]string{declare.Create: "+", declare.Update: "~", declare.Unchanged: "="}
	for _, c := range changes {
		a.say("%s %s %s", marks[c.Action], c.Kind, harmless(c.Name))
		for _, f := range c.Fields {
			a.say("    %s", harmless(fieldText(c.Action, f)))
		}
	}
}

// fieldText is "shrinkPercent: 20 -> 30".
func fieldText(action declare.Action, f declare.FieldChange) string {
	if action == declare.Create {
		return f.Field + ": " + f.New
	}
	absent := func(value string) string {
		if value == "" {
			return none
		}
		return value
	}
	return f.Field + ": " + absent(f.Old) + " -> " + absent(f.New)
}

// summary counts the changes.
func summary(changes []declare.Change, dryRun bool) string {
	count := make(map[declare.Action]int)
	for _, c := range changes {
		count[c.Action]++
	}
	switch {
	case len(changes) == 0:
		return "nothing is declared: nothing changed"
	case count[declare.Unchanged] == len(changes):
		return fmt.Sprintf("nothing changed: %d as declared", len(changes))
	case dryRun:
		return fmt.Sprintf("would create %d, update %d, leave %d as they are; nothing was changed (--dry-run)", count[declare.Create], count[declare.Update], count[declare.Unchanged])
	}
	return fmt.Sprintf("created %d, updated %d, left %d as they are", count[declare.Create], count[declare.Update], count[declare.Unchanged])
}
