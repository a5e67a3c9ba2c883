package main

import (
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/catalog"
	"sluice/internal/source/file"
	"sluice/internal/transform"
)

func newModelsInfer(a *app) *cobra.Command {
	var name string
	var save bool
	var output string
	var reading readingFlags
	cmd := &cobra.Command{
		Use:   "infer FILE|-",
		Short: "Propose a source model and a first map of a file of records",
		Long: `Propose a source model of a file of records, CSV, JSON or NDJSON, and a first map
of it to the inventory, by what its first records look like. Both are printed as
YAML, with a line --- between; nothing is stored. What is guessed is said.

With --save, both are stored: the model, and the map under the name that it has,
unless there is a map of that name, which is left as it is. Look the map through
before it is used ('sluice maps edit'), and try it ('sluice maps preview').

What was printed can be changed and stored by 'sluice models import'.`,
		Example: `  sluice models infer scans.csv
  sluice models infer scans.csv --name scans --save
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
			name, err := modelName(cmd, name, args[0])
			if err != nil {
				return err
			}
			found, err := a.infer(cmd, args[0], name, reading.Options)
			if err != nil {
				return err
			}
			if save {
				return a.saveProposed(cmd, []*transform.Model{found.Model}, []*transform.Map{found.Map})
			}
			return a.printProposed(found)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&name, "name", "", "name of the model, which begins with "+transform.UserModelPrefix+" (default: as the file is called)")
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
	}
	name := transform.UserModelPrefix + strings.TrimPrefix(given, transform.UserModelPrefix)
	if err := transform.CheckModelName(name); err != nil {
		return "", wrongUsage(cmd, "--name: %w", err)
	}
	return name, nil
}

// infer proposes a model and a map by the records of a file, and says what it
// guesses.
func (a *app) infer(cmd *cobra.Command, path, name string, given file.Options) (*transform.Inference, error) {
	in, called, err := a.openRecords(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	models, err := a.models(cmd.Context())
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
		found, err := transform.Infer(name, file.Lines(s), models)
		in.done()
		if err != nil {
			return nil, err
		}
		a.note("# looked at %d records, read as %s", found.Records, how(options))
		a.noteRenamed(s.Renamed())
		return found, nil
	}()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", called, err)
	}
	for _, note := range found.Notes {
		a.note("# %s", harmless(note))
	}
	return found, nil
}

// proposed is a model and a map as they are printed.
type proposed struct {
	Model   string   `json:"model"` // YAML
	Map     string   `json:"map"`   // YAML
	Records int      `json:"records"`
	Notes   []string `json:"notes"`
}

func (a *app) printProposed(found *transform.Inference) error {
	model, err := transform.WriteModel(found.Model)
	if err != nil {
		return err
	}
	m, err := transform.WriteYAML(found.Map)
	if err != nil {
		return err
	}
	if a.output == formatJSON {
		return printJSON(a.out, proposed{string(model), string(m), found.Records, append([]string{}, found.Notes...)}, "  ")
	}
	_, err = fmt.Fprintf(a.out, "%s---\n%s", escapeControls(string(model)), escapeControls(string(m)))
	return err
}

// saveProposed stores models and then maps of them. A map that is there stays.
func (a *app) saveProposed(cmd *cobra.Command, models []*transform.Model, proposals []*transform.Map) error {
	ctx := cmd.Context()
	store, err := a.catalog(ctx)
	if err != nil {
		return err
	}
	for _, m := range models {
		saved, err := store.SaveModel(ctx, m)
		if err != nil {
			return err
		}
		if saved {
			a.note("saved data model %s: %d fields", m.Name, len(m.Fields))
		} else {
			a.note("data model %s is there already, as it is here", m.Name)
		}
	}
	for _, m := range proposals {
		before, err := latestOrNone(ctx, store, m.Name)
		if err != nil {
			return err
		}
		if before.ID != 0 {
			a.note("map %s is there already and was left as it is: '%s' changes it", m.Name, a.command("maps edit "+m.Name))
			continue
		}
		body, err := transform.WriteYAML(m)
		if err != nil {
			return err
		}
		if _, _, err := store.SaveMap(ctx, catalog.MapEdit{Body: body, File: "map " + m.Name, Origin: "proposed by a file"}); err != nil {
			return err
		}
		a.note("saved map %s: look it through ('%s')", m.Name, a.command("maps edit "+m.Name))
	}
	return nil
}
