package main

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/catalog"
	"sluice/internal/transform"
)

func newMaps(a *app) *cobra.Command {
	return group("maps", "How records become assets and findings",
		`A transform map says which field of a vendor's records fills which field of the
inventory. Sluice has one for every asset type, which cannot be changed: clone it,
change the copy, and let profiles use that. Every change is a version of its own;
runs and the rows of the inventory name the version that they went by. NAME@2 is
version 2 of a map, wherever a version can be meant.

'sluice help mapping' says how a map is written.`,
		`  sluice maps clone qualys-tas-application acme-apps
  sluice maps edit acme-apps
  sluice maps preview acme-apps --profile acme
  sluice profiles update acme --map APPLICATION=acme-apps
  sluice maps rollback acme-apps --to 1`,
		newMapsList(a), newMapsShow(a), newMapsCreate(a), newMapsClone(a), newMapsEdit(a), newMapsImport(a), newMapsExport(a),
		newMapsValidate(a), newMapsPreview(a), newMapsDiff(a), newMapsHistory(a), newMapsRollback(a), newMapsDelete(a))
}

var listedMapColumns = []column[catalog.MapListing]{
	{"name", func(m catalog.MapListing) any { return m.Name }},
	{"version", func(m catalog.MapListing) any { return m.Version }},
	{"source", func(m catalog.MapListing) any { return m.SourceModel }},
	{"target", func(m catalog.MapListing) any { return m.TargetModel }},
	{"builtin", func(m catalog.MapListing) any { return m.Builtin }},
	{"profiles", func(m catalog.MapListing) any { return m.Profiles }},
	{"runs", func(m catalog.MapListing) any { return m.Runs }},
	{"lastRun", func(m catalog.MapListing) any { return m.LastRun }},
	{"changedAt", func(m catalog.MapListing) any { return m.CreatedAt }},
}

func newMapsList(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the transform maps with their latest version, and who uses them",
		Example: "  sluice maps list\n  sluice maps list --output csv",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			store, err := a.catalog(cmd.Context())
			if err != nil {
				return err
			}
			listed, err := store.MapListings(cmd.Context())
			if err != nil {
				return err
			}
			return printList(a, listed, listedMapColumns)
		},
	}
}

// mapVersionFlag is --version of commands that look at a map.
func mapVersionFlag(cmd *cobra.Command) {
	cmd.Flags().Int32("version", 0, "this version (default: the latest); NAME@2 says the same")
}

// findMap finds the version of a map that NAME, NAME@2, or NAME with --version
// means; deleted ones, when they are named with their number.
func findMap(ctx context.Context, cmd *cobra.Command, store *catalog.Store, ref string) (catalog.MapVersion, error) {
	name, number, numbered := strings.Cut(ref, "@")
	flag := cmd.Flags().Lookup("version")
	switch {
	case numbered && flag != nil && flag.Changed:
		return catalog.MapVersion{}, wrongUsage(cmd, "%s and --version both name a version: give only one of them", ref)
	case flag != nil && flag.Changed:
		number, numbered = flag.Value.String(), true
	}
	if !numbered {
		return store.LatestMap(ctx, name)
	}
	version, err := strconv.ParseInt(number, 10, 32)
	if err != nil || version < 1 {
		return catalog.MapVersion{}, wrongUsage(cmd, "%q is no version of a map: give a number from 1, such as %s@1", number, name)
	}
	return store.MapAt(ctx, name, int32(version))
}

// readMap finds a version of a map and reads it.
func (a *app) readMap(ctx context.Context, cmd *cobra.Command, ref string) (catalog.MapVersion, *transform.Map, error) {
	store, err := a.catalog(ctx)
	if err != nil {
		return catalog.MapVersion{}, nil, err
	}
	version, err := findMap(ctx, cmd, store, ref)
	if err != nil {
		return version, nil, err
	}
	m, err := transform.ParseMap(version.Ref(), []byte(version.Body))
	return version, m, err
}

var mapVersionColumns = []column[catalog.MapVersion]{
	{"name", func(m catalog.MapVersion) any { return m.Name }},
	{"version", func(m catalog.MapVersion) any { return m.Version }},
	{"source", func(m catalog.MapVersion) any { return m.SourceModel }},
	{"target", func(m catalog.MapVersion) any { return m.TargetModel }},
	{"builtin", func(m catalog.MapVersion) any { return m.Builtin }},
	{"origin", func(m catalog.MapVersion) any { return m.Origin }},
	{"createdAt", func(m catalog.MapVersion) any { return m.CreatedAt }},
	{"deletedAt", func(m catalog.MapVersion) any { return m.DeletedAt }},
	{"digest", func(m catalog.MapVersion) any { return m.Digest }},
}

// mapView is a map as it is shown.
type mapView struct {
	catalog.MapVersion
	Description  string    `json:"description"`
	AssetClass   string    `json:"assetClass"`
	When         string    `json:"when"`
	WhenFindings string    `json:"whenFindings"`
	Profiles     []string  `json:"profiles"`
	Rows         []rowView `json:"rows"`
}

// rowView is a row of a map as it is shown.
type rowView struct {
	Row     int               `json:"row"` // from 1
	From    string            `json:"from,omitempty"`
	Expr    string            `json:"expr,omitempty"`
	To      string            `json:"to"`
	Convert string            `json:"convert,omitempty"`
	Default string            `json:"default,omitempty"` // JSON
	Values  map[string]string `json:"values,omitempty"`  // to JSON
}

func viewRows(m *transform.Map) []rowView {
	rows := make([]rowView, len(m.Rows))
	for i, r := range m.Rows {
		rows[i] = rowView{i + 1, r.From, r.Expr, r.To, r.Convert, r.Default, r.Values}
	}
	return rows
}

var rowColumns = []column[rowView]{
	{"row", func(r rowView) any { return r.Row }},
	{"from", func(r rowView) any { return r.From }},
	{"to", func(r rowView) any { return r.To }},
	{"convert", func(r rowView) any { return r.Convert }},
	{"default", func(r rowView) any { return r.Default }},
	{"values", func(r rowView) any { return valuesText(r.Values) }},
	{"expr", func(r rowView) any { return r.Expr }},
}

// valuesText is a table of values as people read it: `5=5, high=4`.
func valuesText(values map[string]string) string {
	var parts []string
	for _, from := range slices.Sorted(maps.Keys(values)) {
		parts = append(parts, from+"="+values[from])
	}
	return strings.Join(parts, ", ")
}

var mapColumns = []column[mapView]{
	{"name", func(m mapView) any { return m.Name }},
	{"version", func(m mapView) any { return m.Version }},
	{"description", func(m mapView) any { return m.Description }},
	{"source", func(m mapView) any { return m.SourceModel }},
	{"target", func(m mapView) any { return m.TargetModel }},
	{"assetClass", func(m mapView) any { return m.AssetClass }},
	{"when", func(m mapView) any { return m.When }},
	{"whenFindings", func(m mapView) any { return m.WhenFindings }},
	{"builtin", func(m mapView) any { return m.Builtin }},
	{"origin", func(m mapView) any { return m.Origin }},
	{"createdAt", func(m mapView) any { return m.CreatedAt }},
	{"deletedAt", func(m mapView) any { return m.DeletedAt }},
	{"profiles", func(m mapView) any { return m.Profiles }},
}

func newMapsShow(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show NAME",
		Short: "Show a transform map: its rows as a table, or as a file",
		Long: `Show a transform map: its rows as a table. As YAML or CSV it is what 'sluice maps
import' reads. Versions of a map that was deleted can be shown, too.`,
		Example: `  sluice maps show qualys-tas-application
  sluice maps show acme-apps --version 2
  sluice maps show acme-apps --output yaml`,
		Args: oneArgument("map name"),
		// In place of the check of the formats that all others have.
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return checkOneOf(cmd, "output", a.output, formatTable, formatYAML, formatCSV, formatJSON, formatNDJSON)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			stored, m, err := a.readMap(ctx, cmd, args[0])
			if err != nil {
				return err
			}
			if a.output == formatYAML || a.output == formatCSV {
				return a.printText(mapText(stored, m, a.output))
			}
			users, err := mapUse(ctx, a.store, stored)
			if err != nil {
				return err
			}
			view := mapView{stored, m.Description, m.AssetClass, m.When, m.WhenFindings, users, viewRows(m)}
			if err := printOne(a, view, mapColumns); err != nil || !a.forTables() {
				return err
			}
			a.say("")
			return printList(a, view.Rows, withoutEmpty(a, view.Rows, rowColumns, "from", "convert", "default", "values", "expr"))
		},
	}
	mapVersionFlag(cmd)
	cmd.Flags().StringVarP(&a.output, "output", "o", formatTable, "table, yaml, csv, json or ndjson")
	return cmd
}

// printText prints a file's text: as it is, but on a terminal without anything
// that it would obey.
func (a *app) printText(text []byte) error {
	if _, ok := isTerminal(a.out); ok {
		text = []byte(escapeControls(string(text)))
	}
	_, err := a.out.Write(text)
	return err
}

// mapText is a map as a file: in YAML as it is kept, with its comments.
func mapText(stored catalog.MapVersion, m *transform.Map, format string) []byte {
	if format == formatCSV {
		return transform.WriteCSV(m)
	}
	return []byte(stored.Body)
}
