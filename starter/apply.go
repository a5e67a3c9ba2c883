package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/catalog"
	"sluice/internal/declare"
	"sluice/internal/secret"
)

// maxFiles bounds the files of a folder that are applied.
const maxFiles = 1000

func newApply(a *app) *cobra.Command {
	var from []string
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "apply -f FILE|DIR|-",
		Short: "Make connectors, profiles and maps what files say",
		Long: `Make connectors, profiles and transform maps what files in YAML say, as 'sluice
export' writes them. A file may hold several, with a line --- between. Of a
folder, all its *.yaml, *.yml and *.json are taken; - is standard input.

Everything is checked before anything is changed, and the connectors, maps and
profiles are changed together or not at all; then the schedules are brought in
step. Applying again changes nothing. What is not in the files is left alone:
nothing is ever deleted. What a document leaves out gets its default, but a
connector's secret that is left out stays what it is; null takes it away.

Secrets are never in the files: a reference says where workers find them, or
they are sealed texts, which open only in the connector they were exported from.
A changed map becomes a new version, and the next run of its profiles is full.

  kind: connector                      kind: profile
  name: acme                           name: acme-apps
  provider: qualys                     connector: acme
  settings:                            product: qualys-was
    platform: EU2                      filters:
    clientId: 4e1c0f                     severities: [4, 5]
  secrets:                             schedule:
    clientSecret:                        when: mon-fri at 06:00
      secretRef: env:QUALYS_SECRET       timeZone: Europe/Berlin

The exit code is 1 when anything is wrong; then nothing was changed.`,
		Example: `  sluice apply -f acme.yaml --dry-run
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
			documents, err := declare.Parse(files...)
			if err != nil {
				return err
			}
			return a.apply(cmd.Context(), documents, dryRun)
		},
	}
	cmd.Flags().StringArrayVarP(&from, "file", "f", nil, "file or folder to apply, or - for standard input; may be given several times")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "show what would change, and change nothing")
	return cmd
}

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

// apply brings the catalog, and then the schedules, to what is declared.
func (a *app) apply(ctx context.Context, documents []declare.Document, dryRun bool) error {
	store, err := a.catalog(ctx)
	if err != nil {
		return err
	}
	present, err := a.present(ctx, store)
	if err != nil {
		return err
	}
	plan, err := declare.NewPlan(present, documents)
	if err != nil {
		return err
	}
	for _, reference := range plan.Elsewhere {
		a.note("nothing can be read here at %s; the workers must find the secret there", harmless(reference))
	}
	if a.forTables() {
		a.sayChanges(plan.Changes)
	}
	if !dryRun {
		if err := a.write(ctx, store, plan); err != nil {
			return err
		}
	}
	if a.forTables() {
		a.say("%s", summary(plan.Changes, dryRun))
		return nil
	}
	return printList(a, plan.Changes, appliedColumns)
}

// present is what there is now.
func (a *app) present(ctx context.Context, store *catalog.Store) (declare.Present, error) {
	p := declare.Present{Now: time.Now(), Resolve: a.resolve, Open: func(at secret.Place, stored string) error {
		cfg, err := a.config()
		if err != nil {
			return err
		}
		key, err := cfg.MasterKey()
		if err != nil {
			return err
		}
		_, err = key.Open(at, stored)
		return err
	}}
	var err error
	if p.Connectors, err = store.Connectors(ctx); err != nil {
		return p, err
	}
	if p.Maps, err = store.LatestMaps(ctx); err != nil {
		return p, err
	}
	p.Profiles, err = store.Profiles(ctx)
	return p, err
}

// write writes what a plan says to the catalog, and brings the schedules of
// the profiles that were changed, or created with one, in step.
func (a *app) write(ctx context.Context, store *catalog.Store, plan declare.Plan) error {
	var scheduled []string
	for _, p := range plan.Writes.Profiles {
		if p.ID != 0 || p.Schedule != nil {
			scheduled = append(scheduled, p.Name)
		}
	}
	if len(scheduled) > 0 { // without Temporal nothing is begun
		if _, err := a.dial(ctx); err != nil {
			return err
		}
	}
	if err := store.Apply(ctx, plan.Writes); err != nil {
		return err
	}
	var failed []error
	for _, name := range scheduled {
		p, err := store.Profile(ctx, name)
		if err == nil {
			err = a.keepInStep(ctx, store, p)
		}
		if err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
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
