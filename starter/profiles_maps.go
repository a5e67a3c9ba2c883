package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/catalog"
	"sluice/internal/declare"
	"sluice/internal/source"
	"sluice/internal/source/kinds"
	"sluice/internal/transform"
)

// mapFlags are the flags that say by which transform maps a profile's records
// are mapped.
type mapFlags struct {
	given []string
	found map[string]*transform.Map // by name
	// models are what they may read; nil when none is named.
	models *transform.Models
}

// types are the asset types that the flags name.
func (f *mapFlags) types() (names []string) {
	for _, given := range f.given {
		name, _, _ := strings.Cut(given, "=")
		names = append(names, name)
	}
	return names
}

func (f *mapFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.given, "map", nil, "map records of an asset type by this transform map: TYPE=NAME; TYPE= takes the default one")
}

// find reads the maps that the flags name.
func (f *mapFlags) find(cmd *cobra.Command, a *app) error {
	f.found = make(map[string]*transform.Map)
	for _, given := range f.given {
		_, name, ok := strings.Cut(given, "=")
		if !ok {
			return wrongUsage(cmd, "--map %q has no asset type: give TYPE=NAME", given)
		}
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		if name, number, numbered := strings.Cut(name, "@"); numbered {
			return wrongUsage(cmd, "--map %s: a profile goes by the latest version of its map: give %s alone; '%s' makes that version the latest",
				given, name, a.command("maps rollback "+shellWord(name)+" --to "+shellWord(number)))
		}
		store, err := a.catalog(cmd.Context())
		if err != nil {
			return err
		}
		if f.models, err = store.Models(cmd.Context()); err != nil {
			return err
		}
		version, err := store.LatestMap(cmd.Context(), name)
		if err != nil {
			return err
		}
		if f.found[name], err = transform.ParseMap(version.Ref(), []byte(version.Body)); err != nil {
			return err
		}
	}
	return nil
}

// over returns a profile's maps, by asset type, with what the flags say of them.
func (f *mapFlags) over(cmd *cobra.Command, k source.Kind, now map[string]string) (map[string]string, error) {
	byType := maps.Clone(now)
	for _, given := range f.given {
		typeName, name, _ := strings.Cut(given, "=")
		name = strings.TrimSpace(name)
		t, err := kinds.AssetType(k, strings.TrimSpace(typeName))
		if err != nil {
			return nil, wrongUsage(cmd, "--map %s: %w", given, err)
		}
		if _, ok := now[t.Name]; !ok {
			return nil, wrongUsage(cmd, "--map %s: the profile brings in %s only", given, strings.Join(slices.Sorted(maps.Keys(now)), ", "))
		}
		if name == "" {
			byType[t.Name] = t.Map
			continue
		}
		if err := declare.CheckMap(f.found[name], t, t.Name); err != nil {
			return nil, wrongUsage(cmd, "--map %s: %w", given, err)
		}
		if model := f.models.Get(f.found[name].Source); model != nil {
			if err := kinds.CheckModel(t, model); err != nil {
				return nil, wrongUsage(cmd, "--map %s: %w", given, err)
			}
		}
		byType[t.Name] = name
	}
	if len(byType) == 0 {
		return nil, wrongUsage(cmd, "--map is missing: kind %s has no maps of its own; say by which one its records are mapped, such as --map HOST=NAME", k.Name())
	}
	for _, name := range slices.Sorted(maps.Keys(byType)) {
		if byType[name] == "" {
			return nil, wrongUsage(cmd, "--map %s=NAME is missing: kind %s has no map of its own for it", name, k.Name())
		}
	}
	return byType, nil
}

// adviseRivals adds to the error for two profiles of files that would write the
// same what helps where their files are of different sources.
func (a *app) adviseRivals(err error) error {
	var rival *catalog.RivalError
	if !errors.As(err, &rival) {
		return err
	}
	kind, findErr := kinds.Find(rival.Kind)
	if findErr != nil || !source.ReadsUploads(kind) {
		return err
	}
	return fmt.Errorf("%w; files of another source are for a connector of their own: '%s' makes one", err, a.command("connectors create NAME --provider "+kind.Provider()))
}
