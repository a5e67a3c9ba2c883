package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"sluice/internal/catalog"
	"sluice/internal/source/kinds"
	"sluice/internal/suggest"
	"sluice/internal/transform"
)

func newMapsCreate(a *app) *cobra.Command {
	var n newMap
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a transform map, in your editor or from a file",
		Long: `Make a transform map. Without --file it is begun with what has to be filled, and
opened in your editor ($VISUAL or $EDITOR); what is wrong with it then is said, and
you can edit it again. A file, YAML or CSV, names its models itself. To begin with a map that is there, use 'sluice maps clone'.`,
		Example: `  sluice maps create acme-apps --source qualys-tas.application --target inventory
  sluice maps create acme-apps --file acme-apps.yaml`,
		Args: oneArgument("map name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			n.name = args[0]
			if err := catalog.CheckMapName(n.name); err != nil {
				return err
			}
			if n.file != "" {
				return a.createFromFile(cmd, n)
			}
			if err := n.complete(cmd, a); err != nil {
				return err
			}
			return a.createInEditor(cmd, n)
		},
	}
	n.add(cmd)
	return cmd
}

// newMap is what is said of a map that is to be made.
type newMap struct {
	name, source, target, class, file string
}

func (n *newMap) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&n.source, "source", "", "source model: 'sluice models list --role source' shows them")
	flags.StringVar(&n.target, "target", "", "target model: 'sluice models list --role target' shows them")
	flags.StringVar(&n.class, "asset-class", "", "class of the assets (default: that of the records of the source model)")
	flags.StringVar(&n.file, "file", "", "read it from this file, YAML or CSV; - is standard input")
}

// complete checks the models of a map that is begun anew.
func (n *newMap) complete(cmd *cobra.Command, a *app) error {
	for _, model := range []struct{ flag, name, role string }{{"source", n.source, transform.SourceRole}, {"target", n.target, transform.TargetRole}} {
		if model.name == "" {
			return wrongUsage(cmd, "--%s is missing: the %s model ('sluice models list --role %s' shows them)", model.flag, model.role, model.role)
		}
		m, err := a.findModel(cmd.Context(), model.name)
		if err != nil {
			return err
		}
		if m.Role != model.role {
			return wrongUsage(cmd, "--%s %s is a %s model: give a %s model", model.flag, model.name, m.Role, model.role)
		}
	}
	target, err := a.findModel(cmd.Context(), n.target)
	if err != nil {
		return err
	}
	if n.class == "" && len(target.Classes) > 0 {
		n.class = classOf(n.source)
	}
	if n.class != "" && !slices.Contains(target.Classes, n.class) {
		return wrongUsage(cmd, "unknown asset class %q of model %s%s", n.class, target.Name, suggest.Ending(n.class, target.Classes))
	}
	return nil
}

// classOf is the class of the assets that records of a source model bring.
func classOf(model string) string {
	for _, k := range kinds.All() {
		for _, t := range k.AssetTypes() {
			if t.Model == model {
				return t.Class
			}
		}
	}
	return ""
}

// skeleton is a map that fills nothing but what has to be filled.
func (n *newMap) skeleton(target *transform.Model) string {
	text := fmt.Sprintf("name: %s\ndescription: \"\"\nsource: %s\ntarget: %s\n", n.name, n.source, n.target)
	if n.class != "" {
		text += "assetClass: " + n.class + "\n"
	}
	text += "rows:\n"
	for _, f := range target.Fields {
		if f.Required {
			text += fmt.Sprintf("  - from: \"\"\n    to: %s\n", f.Path)
		}
	}
	return text
}

func (a *app) createInEditor(cmd *cobra.Command, n newMap) error {
	ctx := cmd.Context()
	store, err := a.catalog(ctx)
	if err != nil {
		return err
	}
	if there, err := latestOrNone(ctx, store, n.name); err != nil {
		return err
	} else if there.ID != 0 {
		return fmt.Errorf("there is a map %q already: choose another name", n.name)
	}
	source, err := a.findModel(ctx, n.source)
	if err != nil {
		return err
	}
	target, err := a.findModel(ctx, n.target)
	if err != nil {
		return err
	}
	var made catalog.MapVersion
	edited, err := a.inEditor(ctx, edit{
		name: n.name, text: n.skeleton(target), help: mapHelp(source, target, n.class),
		save: func(text []byte, file string) error {
			var err error
			made, _, err = store.SaveMap(ctx, catalog.MapEdit{Body: text, File: file, Name: n.name})
			return err
		},
		advise: func(file string) string {
			return fmt.Sprintf("'%s' saves it, when it is right", a.command("maps create "+n.name+" --file "+shellWord(file)))
		},
	})
	if err != nil {
		return err
	}
	if !edited {
		a.note("nothing was written: no map was created")
		return nil
	}
	return a.sayMap(ctx, store, "created map "+made.Ref(), made)
}

func (a *app) createFromFile(cmd *cobra.Command, n newMap) error {
	file, data, err := a.readMapFile(n.file)
	if err != nil {
		return err
	}
	body, err := a.mapFromFile(cmd.Context(), file, data, n)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	store, err := a.catalog(ctx)
	if err != nil {
		return err
	}
	made, _, err := store.SaveMap(ctx, catalog.MapEdit{Body: body, File: file, Name: n.name})
	if err != nil {
		return err
	}
	return a.sayMap(ctx, store, "created map "+made.Ref(), made)
}

func newMapsClone(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "clone NAME NEW",
		Short: "Copy a transform map, or a version of it, to a new name",
		Example: `  sluice maps clone qualys-tas-application acme-apps
  sluice maps clone acme-apps@2 acme-apps-old`,
		Args: twoArguments("two names: of the map to copy, and of the copy"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			store, err := a.catalog(ctx)
			if err != nil {
				return err
			}
			from, err := findMap(ctx, cmd, store, args[0])
			if err != nil {
				return err
			}
			made, err := store.CloneMap(ctx, from, args[1])
			if err != nil {
				return err
			}
			return a.sayMap(ctx, store, fmt.Sprintf("cloned %s to map %s", from.Ref(), made.Name), made)
		},
	}
}
