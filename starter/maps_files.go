package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/catalog"
	"sluice/internal/transform"
)

func newMapsImport(a *app) *cobra.Command {
	var name string
	var base int32
	cmd := &cobra.Command{
		Use:   "import FILE|-",
		Short: "Read a transform map from a file: a new one, or the next version of one",
		Long: `Read a transform map from a file, YAML or CSV, or from standard input (-). A map of
that name that is there gets the next version, if it is not the very same; what that
changed is said. With --base, only if nobody has changed the map since that version.`,
		Example: `  sluice maps import acme-apps.yaml
  sluice maps import acme-apps.yaml --base 2
  sluice maps import rows.csv --name acme-apps
  sluice maps export qualys-tas-application | sluice maps import - --name acme-apps`,
		Args: oneArgument("file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("base") && base < 1 {
				return wrongUsage(cmd, "--base %d is no version: versions are numbered from 1", base)
			}
			file, data, err := a.readMapFile(args[0])
			if err != nil {
				return err
			}
			m, body, err := a.parseMapFile(cmd.Context(), file, data, name)
			if err != nil {
				return err
			}
			ctx := cmd.Context()
			store, err := a.catalog(ctx)
			if err != nil {
				return err
			}
			before, err := latestOrNone(ctx, store, m.Name)
			if err != nil {
				return err
			}
			if base == 0 {
				base = before.Version
			}
			now, _, err := store.SaveMap(ctx, catalog.MapEdit{Body: body, File: file, Base: base})
			if err != nil && base != before.Version && before.ID != 0 {
				return a.withAdvice(ctx, store, err, m.Name, base, args[0])
			}
			if err != nil {
				return err
			}
			return a.sayVersion(ctx, store, before, now)
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "name of the map (default: the one in the file)")
	cmd.Flags().Int32Var(&base, "base", 0, "version that the file was made from; a later one is not replaced")
	return cmd
}

// withAdvice adds to the error for a map that was not imported, as it has later
// versions than its base, what to do.
func (a *app) withAdvice(ctx context.Context, store *catalog.Store, err error, name string, base int32, file string) error {
	from, missing := store.MapAt(ctx, name, base)
	if missing != nil {
		return missing
	}
	return fmt.Errorf("%w\nyour text is in %s: %s", err, file, a.adviseOn(ctx, store, from, file))
}

// latestOrNone is the latest version of a map; without an id when there is no
// map of that name.
func latestOrNone(ctx context.Context, store *catalog.Store, name string) (catalog.MapVersion, error) {
	listed, err := store.LatestMaps(ctx)
	if err != nil {
		return catalog.MapVersion{}, err
	}
	at := slices.IndexFunc(listed, func(m catalog.MapVersion) bool { return m.Name == name })
	if at < 0 {
		return catalog.MapVersion{Name: name}, nil
	}
	return listed[at], nil
}

func newMapsExport(a *app) *cobra.Command {
	var format, file string
	var force bool
	cmd := &cobra.Command{
		Use:   "export NAME",
		Short: "Write a transform map as a file, YAML or CSV, as 'sluice maps import' reads it",
		Example: `  sluice maps export acme-apps > acme-apps.yaml
  sluice maps export acme-apps --output csv
  sluice maps export acme-apps --file rows.csv
  sluice maps export acme-apps --version 2`,
		Args: oneArgument("map name"),
		// In place of the check of the formats that all others have.
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return checkOneOf(cmd, "output", format, formatYAML, formatCSV)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if format == "" && strings.EqualFold(filepath.Ext(file), ".csv") {
				format = formatCSV
			}
			if force && file == "" {
				return wrongUsage(cmd, "--force is about a file that is there: say which with --file")
			}
			stored, m, err := a.readMap(cmd.Context(), cmd, args[0])
			if err != nil {
				return err
			}
			text := mapText(stored, m, format)
			if file == "" {
				return a.printText(text)
			}
			if err := saveFile(file, text, force); err != nil {
				return err
			}
			a.note("wrote %s to %s", stored.Ref(), harmless(file))
			return nil
		},
	}
	mapVersionFlag(cmd)
	flags := cmd.Flags()
	flags.StringVarP(&format, "output", "o", "", "yaml or csv (default: as the file is called, else yaml)")
	flags.StringVar(&file, "file", "", "write it to this file, which must not be there yet")
	flags.BoolVar(&force, "force", false, "with --file: replace the file if it is there")
	return cmd
}

// validation is what 'maps validate' found.
type validation struct {
	Map      string             `json:"map"` // empty when it cannot be read
	Rows     int                `json:"rows"`
	Source   string             `json:"source"`
	Target   string             `json:"target"`
	Problems transform.Problems `json:"problems"`
}

var problemColumns = []column[transform.Problem]{
	{"file", func(p transform.Problem) any { return p.File }},
	{"line", func(p transform.Problem) any { return p.Line }},
	{"column", func(p transform.Problem) any { return p.Column }},
	{"row", func(p transform.Problem) any { return p.Row }},
	{"key", func(p transform.Problem) any { return p.Key }},
	{"message", func(p transform.Problem) any { return p.Message }},
	{"suggestion", func(p transform.Problem) any { return p.Suggestion }},
}

func newMapsValidate(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "validate FILE|NAME",
		Short: "Check a transform map, in a file or in the catalog, and store nothing",
		Long: `Check a transform map completely, and store nothing: in a file (- is standard input),
or the one of that name in the catalog, which a newer Sluice may see otherwise than
the one that stored it. The exit code is 1 when anything is wrong.`,
		Example: "  sluice maps validate acme-apps.yaml\n  sluice maps validate acme-apps@2\n  sluice maps validate rows.csv --output json",
		Args:    oneArgument("file or map name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, data, err := a.fileOrMap(cmd, args[0])
			if err != nil {
				return err
			}
			m, _, err := a.parseMapFile(cmd.Context(), file, data, "")
			v := validation{Problems: transform.Problems{}}
			if m != nil {
				v.Map, v.Rows, v.Source, v.Target = m.Name, len(m.Rows), m.Source, m.Target
			}
			switch errors.As(err, &v.Problems); {
			case err != nil && (a.forTables() || len(v.Problems) == 0):
				return err
			case a.forTables():
				a.say("map %s is right: %s from %s to %s", v.Map, counted(v.Rows, "rows"), v.Source, v.Target)
				return nil
			case a.output == formatJSON:
				err = printJSON(a.out, v, "  ")
			default:
				err = printList(a, v.Problems, problemColumns)
			}
			if err == nil && len(v.Problems) > 0 {
				return exitError(exitFailure)
			}
			return err
		},
	}
}
