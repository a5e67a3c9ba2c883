package main

import (
	"bytes"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"sluice/internal/transform"
	"sluice/schema"
)

func newModelsImport(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "import FILE|-",
		Short: "Store a source model of files, and its map, as 'sluice models infer' prints them",
		Long: `Store a source model of files from YAML, as 'sluice models infer' prints it, in
place of the one of its name; a map that follows below a line --- is stored, too,
unless there is one of its name.

A model that maps read may get more fields; what they rely on stays as it is.`,
		Example: "  sluice models infer scans.csv > scans.yaml\n  sluice models import scans.yaml",
		Args:    oneArgument("file, or - for standard input,"),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, data, err := a.readMapFile(args[0])
			if err != nil {
				return err
			}
			text, rest, _ := bytes.Cut(data, []byte("\n---\n"))
			model, err := transform.ParseModel(name, text)
			if err != nil {
				return err
			}
			var m *transform.Map
			if len(bytes.TrimSpace(rest)) > 0 {
				m, err = transform.ParseMap(name+", below ---", rest)
				if err != nil {
					return err
				}
				if m.Source != model.Name {
					return fmt.Errorf("%s: the map reads %s, and the model is %s", name, m.Source, model.Name)
				}
			}
			return a.saveProposed(cmd, model, m, "FILE")
		},
	}
}

// models are all data models: with those that people have made, where it is
// known where the database is.
func (a *app) models(ctx context.Context) (*transform.Models, error) {
	cfg, _, err := a.located()
	if err != nil {
		return nil, err
	}
	if cfg.DatabaseURL == "" {
		return transform.LoadModels(schema.Models())
	}
	store, err := a.catalog(ctx)
	if err != nil {
		return nil, err
	}
	return store.Models(ctx)
}
