package main

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sluice/internal/catalog"
	"sluice/internal/transform"
)

// saveProposed stores a model and then, if there is one, a map of it; a map that
// is there stays. It says how to go on with the file at path.
func (a *app) saveProposed(cmd *cobra.Command, model *transform.Model, m *transform.Map, path string) error {
	ctx := cmd.Context()
	store, err := a.catalog(ctx)
	if err != nil {
		return err
	}
	saved, err := store.SaveModel(ctx, model)
	if err != nil {
		return err
	}
	if saved {
		a.note("saved data model %s: %d fields", model.Name, len(model.Fields))
	} else {
		a.note("data model %s is there already, as it is here", model.Name)
	}
	if m == nil {
		return nil
	}
	before, err := latestOrNone(ctx, store, m.Name)
	if err != nil {
		return err
	}
	if before.ID != 0 {
		a.note("map %s is there already and was left as it is: '%s' changes it", m.Name, a.command("maps edit "+m.Name))
		return nil
	}
	body, err := transform.WriteYAML(m)
	if err != nil {
		return err
	}
	if _, _, err := store.SaveMap(ctx, catalog.MapEdit{Body: body, File: "map " + m.Name, Origin: "proposed by a file"}); err != nil {
		return err
	}
	a.note("saved map %s: look it through ('%s')", m.Name, a.command("maps edit "+m.Name))
	steps, err := nextSteps(ctx, store, model, m)
	if err != nil || steps == nil {
		return err
	}
	a.note("Then bring the file in:")
	for _, step := range append(steps, importLine(cmd, path, profileFor(model))) {
		a.note("  %s", a.command(step))
	}
	return nil
}

// profileFor is what a profile for a model, and a connector, may be called.
func profileFor(model *transform.Model) string {
	return strings.ToLower(strings.TrimPrefix(model.Name, transform.UserModelPrefix))
}

// nextSteps are the commands that make a profile for a model and a map of it: on
// a connector of files where no other profile writes the same by another map or,
// where there is none, on a new one.
func nextSteps(ctx context.Context, store *catalog.Store, model *transform.Model, m *transform.Map) (steps []string, err error) {
	assetType := typeOf(model, m)
	if assetType == "" {
		return nil, nil
	}
	connectors, err := store.Connectors(ctx)
	if err != nil {
		return nil, err
	}
	profiles, err := store.Profiles(ctx)
	if err != nil {
		return nil, err
	}
	kind, name := fileKind(), profileFor(model)
	at := slices.IndexFunc(connectors, func(c catalog.Connector) bool {
		return c.Provider == kind.Provider() && c.Active && !slices.ContainsFunc(profiles, func(p catalog.Profile) bool {
			return p.ConnectorID == c.ID && p.Active && p.Kind == kind.Name() && slices.Contains(p.AssetTypes, assetType)
		})
	})
	connector := name
	if at < 0 {
		steps = append(steps, "connectors create "+name+" --provider "+kind.Provider())
	} else {
		connector = connectors[at].Name
	}
	return append(steps, "profiles create "+name+" --connector "+connector+" --kind "+kind.Name()+" --map "+assetType+"="+m.Name), nil
}

// importLine is the command that imports the file, read as it was here.
func importLine(cmd *cobra.Command, path, profile string) string {
	line := "import " + shellWord(path) + " --profile " + profile
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if slices.Contains([]string{"format", "delimiter", "encoding", "records"}, f.Name) {
			value := f.Value.String()
			if value == "\t" {
				value = "tab"
			}
			line += " --" + f.Name + " " + shellWord(value)
		}
	})
	return line + " --wait"
}
