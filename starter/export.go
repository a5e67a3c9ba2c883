package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"sluice/internal/catalog"
	"sluice/internal/declare"
)

// formatYAML is the default of 'sluice export' alone.
const formatYAML = "yaml"

// exportFlags choose what is exported; none of them is all but the default maps.
type exportFlags struct {
	connectors, profiles, models, maps, defaultMaps bool
}

func newExport(a *app) *cobra.Command {
	var choose exportFlags
	var format string
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write connectors, profiles, maps and models as files",
		Long: `Write connectors, the data models of your own, transform maps and profiles as
'sluice apply' reads them. The maps that Sluice ships with are written only with
--default-maps: to make one of your own, write it to a file, give it another name,
and apply it.

Secrets are written as references, or as sealed texts, which open only with the
master key and in the connector that they are exported from: elsewhere, put a
reference in their place.`,
		Example: `  sluice export > sluice.yaml
  sluice export --profiles --output json
  sluice export --models --maps > maps.yaml
  sluice export --default-maps > defaults.yaml`,
		Args: noArguments,
		// In place of the check of the formats that all others have.
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return checkOneOf(cmd, "output", format, formatYAML, formatJSON)
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if choose == (exportFlags{}) {
				choose = exportFlags{connectors: true, profiles: true, models: true, maps: true}
			}
			store, err := a.catalog(cmd.Context())
			if err != nil {
				return err
			}
			documents, err := documentsOf(cmd.Context(), store, choose)
			if err != nil {
				return err
			}
			if format == formatJSON {
				return printJSON(a.out, documents, "  ")
			}
			text, err := declare.YAML(documents)
			if err != nil {
				return err
			}
			if len(documents) == 0 {
				a.note("there is nothing to export")
			}
			_, err = io.WriteString(a.out, escapeControls(string(text)))
			return err
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&choose.connectors, "connectors", false, "write connectors")
	flags.BoolVar(&choose.profiles, "profiles", false, "write profiles")
	flags.BoolVar(&choose.models, "models", false, "write the data models of your own")
	flags.BoolVar(&choose.maps, "maps", false, "write your transform maps")
	flags.BoolVar(&choose.defaultMaps, "default-maps", false, "write the maps that Sluice ships with")
	flags.StringVarP(&format, "output", "o", formatYAML, "yaml or json")
	return cmd
}

// documentsOf declares what there is.
func documentsOf(ctx context.Context, store *catalog.Store, choose exportFlags) ([]declare.Document, error) {
	documents := []declare.Document{}
	if choose.connectors {
		connectors, err := store.Connectors(ctx)
		if err != nil {
			return nil, err
		}
		for _, c := range connectors {
			documents = append(documents, declare.OfConnector(c))
		}
	}
	if choose.models {
		models, err := store.OwnModels(ctx)
		if err != nil {
			return nil, err
		}
		for _, m := range models {
			documents = append(documents, declare.OfModel(m))
		}
	}
	if choose.maps || choose.defaultMaps {
		maps, err := store.LatestMaps(ctx)
		if err != nil {
			return nil, err
		}
		for _, m := range maps {
			if m.Builtin && !choose.defaultMaps || !m.Builtin && !choose.maps {
				continue
			}
			d, err := declare.OfMap(m)
			if err != nil {
				return nil, err
			}
			documents = append(documents, d)
		}
	}
	if choose.profiles {
		profiles, err := store.Profiles(ctx)
		if err != nil {
			return nil, err
		}
		for _, p := range profiles {
			documents = append(documents, declare.OfProfile(p))
		}
	}
	return documents, nil
}
