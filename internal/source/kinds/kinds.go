// Package kinds is the registry: every kind and provider that Sluice ships.
package kinds

import (
	"fmt"

	"sluice/internal/source"
	"sluice/internal/source/azureapim"
	"sluice/internal/source/qualystas"
	"sluice/internal/source/qualysvm"
	"sluice/internal/source/qualyswas"
	"sluice/internal/suggest"
)

// All lists the kinds. Adding one is a line here.
func All() []source.Kind {
	return []source.Kind{
		qualystas.New(qualystas.Options{}),
		qualyswas.New(qualyswas.Options{}),
		qualysvm.New(qualysvm.Options{}),
		azureapim.New(azureapim.Options{}),
	}
}

// Find returns the kind of that name; an unknown one is an error that names
// the nearest.
func Find(name string) (source.Kind, error) {
	var known []string
	for _, k := range All() {
		if k.Name() == name {
			return k, nil
		}
		known = append(known, k.Name())
	}
	return nil, fmt.Errorf("unknown kind %q%s", name, suggest.Ending(name, known))
}

// AssetType returns a kind's asset type of that name.
func AssetType(kind source.Kind, name string) (source.AssetType, error) {
	var known []string
	for _, t := range kind.AssetTypes() {
		if t.Name == name {
			return t, nil
		}
		known = append(known, t.Name)
	}
	return source.AssetType{}, fmt.Errorf("unknown asset type %q of kind %s%s", name, kind.Name(), suggest.Ending(name, known))
}
