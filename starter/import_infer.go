package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/declare"
	"sluice/internal/source"
	"sluice/internal/source/file"
	"sluice/internal/source/kinds"
	"sluice/internal/transform"
)

func newModelsInfer(a *app) *cobra.Command {
	var name, assetType string
	var save bool
	var output string
	var reading readingFlags
	cmd := &cobra.Command{
		Use:   "infer FILE|-",
		Short: "Propose a source model and a first map of a file of records",
		Long: `Propose a source model of a file of records, CSV, JSON or NDJSON, and a first map
of it to the inventory, by what its first records look like. Both are printed as
YAML, with a line --- between; nothing is stored. What is guessed is said, and why:
above all whether a record is an asset or a finding, and of which class its asset
is. --type says it, as the asset type that the profile is to have: HOST or
HOST_FINDING, APPLICATION or APPLICATION_FINDING, and so on.

How the file is read is detected, or said by flags, as 'sluice import' does.

With --save, both are stored: the model, and the map under the name that it has,
unless there is a map of that name, which is left as it is. Look the map through
before it is used ('sluice maps edit'), and try it ('sluice maps preview'); the
commands that bring the file in then are printed.

What was printed can be changed and stored by 'sluice models import'.`,
		Example: `  sluice models infer scans.csv
  sluice models infer scans.csv --name scans --save
  sluice models infer findings.csv --type APPLICATION_FINDING
  sluice models infer export.json --records data.items > scans.yaml`,
		Args: oneArgument("file, or - for standard input,"),
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			a.output = output
			return checkOneOf(cmd, "output", a.output, formatYAML, formatJSON)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := reading.check(cmd); err != nil {
				return err
			}
			var shape transform.Shape
			if assetType != "" {
				t, err := kinds.AssetType(fileKind(), strings.ToUpper(assetType))
				if err != nil {
					return wrongUsage(cmd, "--type: %w", err)
				}
				shape = transform.Shape{Class: t.Class, Findings: t.Role == source.Findings}
			}
			in, called, err := a.openRecords(args[0])
			if err != nil {
				return err
			}
			defer in.Close()
			name, err := modelName(cmd, name, args[0])
			if err != nil {
				return err
			}
			found, err := a.infer(cmd.Context(), in, called, name, reading.Options, shape)
			if err != nil {
				return err
			}
			if save {
				return a.saveProposed(cmd, found.Model, found.Map, args[0])
			}
			return a.printProposed(found)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&name, "name", "", "name of the model, which begins with "+transform.UserModelPrefix+" (default: as the file is called)")
	flags.StringVar(&assetType, "type", "", "what a record is, as an asset type of kind file: "+inWords(fileTypes())+" (default: as the records look)")
	flags.BoolVar(&save, "save", false, "store the model and the map")
	reading.add(cmd)
	flags.StringVarP(&output, "output", "o", formatYAML, "yaml or json")
	return cmd
}

// outsideOfNames is what a model's name does not have.
var outsideOfNames = regexp.MustCompile(`[^A-Za-z0-9_-]+`)

// modelName is the name that is given or, where none is, one made of the file's.
func modelName(cmd *cobra.Command, given, path string) (string, error) {
	if given == "" {
		if path == "-" {
			return "", wrongUsage(cmd, "--name is missing: standard input has none of its own")
		}
		base := filepath.Base(path)
		given = strings.Trim(outsideOfNames.ReplaceAllString(strings.TrimSuffix(base, filepath.Ext(base)), "-"), "-_")
		if given == "" {
			return "", wrongUsage(cmd, "--name is missing: %s has no letters or digits to make one of", base)
		}
	}
	name := transform.UserModelPrefix + strings.TrimPrefix(given, transform.UserModelPrefix)
	if err := transform.CheckModelName(name); err != nil {
		return "", wrongUsage(cmd, "--name: %w", err)
	}
	return name, nil
}

// infer proposes a model and a map by the records of a file, and says what it
// guesses.
func (a *app) infer(ctx context.Context, in *progressReader, called, name string, given file.Options, shape transform.Shape) (*transform.Inference, error) {
	models, err := a.models(ctx)
	if err != nil {
		return nil, err
	}
	found, err := func() (*transform.Inference, error) {
		text, options, err := file.Detect(called, in, given)
		if err != nil {
			return nil, err
		}
		s, err := file.Scan(func(int64) io.Reader { return text }, options, file.Position{})
		if err != nil {
			return nil, err
		}
		found, err := transform.Infer(name, file.Lines(s), models, shape)
		in.done()
		if err != nil {
			return nil, err
		}
		a.note("# looked at %d records, read as %s", found.Records, how(options))
		for _, note := range renamedNotes(s.Renamed()) {
			a.note("# %s", note)
		}
		return found, nil
	}()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", called, err)
	}
	if t := typeOf(found.Model, found.Map); shape == (transform.Shape{}) {
		a.note("# they are taken for %s, since %s; --type says otherwise", t, harmless(found.Because))
	}
	for _, note := range found.Notes {
		a.note("# %s", harmless(note))
	}
	return found, nil
}

// fileKind is the kind whose records are in files.
func fileKind() source.Kind { return file.New(file.Limits{}) }

func fileTypes() (names []string) {
	for _, t := range fileKind().AssetTypes() {
		names = append(names, t.Name)
	}
	return names
}

// typeOf is the asset type whose records a map makes of those of a model; empty
// where there is none.
func typeOf(model *transform.Model, m *transform.Map) string {
	for _, t := range fileKind().AssetTypes() {
		if declare.CheckMap(m, t, t.Name) == nil && kinds.CheckModel(t, model) == nil {
			return t.Name
		}
	}
	return ""
}

// proposed is a model and a map as they are printed.
type proposed struct {
	Type    string           `json:"type"` // of assets
	Because string           `json:"because"`
	Records int              `json:"records"` // looked at
	Notes   []string         `json:"notes"`
	Model   declare.Document `json:"model"`
	Map     declare.Document `json:"map"`
}

func (a *app) printProposed(found *transform.Inference) error {
	if a.output == formatJSON {
		return printJSON(a.out, proposed{typeOf(found.Model, found.Map), found.Because, found.Records, append([]string{}, found.Notes...),
			declare.OfModel(found.Model), declare.Document{Map: found.Map}}, "  ")
	}
	model, err := transform.WriteModel(found.Model)
	if err != nil {
		return err
	}
	m, err := transform.WriteYAML(found.Map)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.out, "%s---\n%s", escapeControls(string(model)), escapeControls(string(m)))
	return err
}
