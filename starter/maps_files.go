package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/catalog"
	"sluice/internal/transform"
)

func newMapsImport(a *app) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "import FILE|-",
		Short: "Read a transform map from a file: a new one, or the next version of one",
		Long: `Read a transform map from a file, YAML or CSV, or from standard input (-). A map of
that name that is there gets the next version, if it is not the very same.`,
		Example: `  sluice maps import acme-apps.yaml
  sluice maps import rows.csv --name acme-apps
  sluice maps export qualys-tas-application | sluice maps import - --name acme-apps`,
		Args: oneArgument("file"),
		RunE: func(cmd *cobra.Command, args []string) error {
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
			now, _, err := store.SaveMap(ctx, catalog.MapEdit{Body: body, File: file, Base: before.Version})
			if err != nil {
				return err
			}
			return a.sayVersion(ctx, store, before, now)
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "name of the map (default: the one in the file)")
	return cmd
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
  sluice maps export acme-apps --format csv --file rows.csv
  sluice maps export acme-apps --version 2`,
		Args: oneArgument("map name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if format == "" && strings.EqualFold(filepath.Ext(file), ".csv") {
				format = formatCSV
			}
			if err := checkOneOf(cmd, "format", format, formatYAML, formatCSV); err != nil {
				return err
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
	flags.StringVar(&format, "format", "", "yaml or csv (default: as the file is called, else yaml)")
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
				a.say("map %s is right: %d rows from %s to %s", v.Map, v.Rows, v.Source, v.Target)
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

// fileOrMap reads the file of that name or, where there is none, the map.
func (a *app) fileOrMap(cmd *cobra.Command, name string) (file string, data []byte, err error) {
	_, statErr := os.Stat(name)
	if name == "-" || statErr == nil {
		return a.readMapFile(name)
	}
	base, _, _ := strings.Cut(name, "@")
	if catalog.CheckMapName(base) != nil || isMapFile(name) {
		if errors.Is(statErr, fs.ErrNotExist) {
			return "", nil, fmt.Errorf("there is no file %s", name)
		}
		return "", nil, statErr
	}
	stored, m, err := a.readMap(cmd.Context(), cmd, name)
	if err != nil {
		return "", nil, err
	}
	return "map " + m.Name, []byte(stored.Body), nil
}

// isMapFile says whether a name is plainly that of a file.
func isMapFile(name string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json", ".csv"}, strings.ToLower(filepath.Ext(name)))
}

// parseMapFile reads a map from a file, YAML or CSV, and checks all of it; its
// problems name the places in the file. body is the map as it is stored, under
// the name that is given, if one is.
func (a *app) parseMapFile(ctx context.Context, file string, data []byte, name string) (m *transform.Map, body []byte, err error) {
	models, err := a.models(ctx)
	if err != nil {
		return nil, nil, err
	}
	m, body, err = readMapForm(file, data, name)
	if err != nil {
		return nil, nil, err
	}
	problems := transform.Check(m, models)
	if err := catalog.CheckMapName(m.Name); err != nil && m.Name != "" {
		problems = append(problems, transform.Problem{File: file, Key: "name", Message: err.Error()})
	}
	if len(problems) > 0 {
		return m, nil, problems
	}
	return m, body, nil
}

// table begins a map as CSV: with one of its words and a separator.
var table = regexp.MustCompile(`^(\x{FEFF})?\s*"?(name|description|sourceModel|targetModel|assetClass|source|target)"?[,;\t]`)

// readMapForm reads a map in the form that its file's name says, or else its
// text; body is the map in YAML.
func readMapForm(file string, data []byte, name string) (m *transform.Map, body []byte, err error) {
	if !strings.EqualFold(filepath.Ext(file), ".csv") && (isMapFile(file) || !table.Match(data)) {
		if name != "" {
			if data, err = catalog.RenameMap(data, name); err != nil {
				return nil, nil, err
			}
		}
		m, err = transform.ParseMap(file, data)
		return m, data, err
	}
	if m, err = transform.ParseCSV(file, data); err != nil {
		return nil, nil, err
	}
	if name != "" {
		m.Name = name
	}
	body, err = transform.WriteYAML(m)
	return m, body, err
}

// mapFromFile reads the map to create from a file. What is said of it beside
// the file has to be what the file says.
func (a *app) mapFromFile(ctx context.Context, file string, data []byte, n newMap) ([]byte, error) {
	m, body, err := a.parseMapFile(ctx, file, data, n.name)
	if err != nil {
		return nil, err
	}
	for _, said := range []struct{ flag, here, there string }{{"source", n.source, m.Source}, {"target", n.target, m.Target}, {"asset-class", n.class, m.AssetClass}} {
		if said.here != "" && said.here != said.there {
			return nil, fmt.Errorf("%s says %s %q, and --%s %q: leave the flag out, or change the file", file, said.flag, said.there, said.flag, said.here)
		}
	}
	return body, nil
}
