// Package kinds is the registry: every kind and provider that Sluice ships.
package kinds

import (
	"fmt"
	"strings"

	"sluice/internal/source"
	"sluice/internal/source/azureapim"
	"sluice/internal/source/file"
	"sluice/internal/source/qualystas"
	"sluice/internal/source/qualysvm"
	"sluice/internal/source/qualyswas"
	"sluice/internal/suggest"
	"sluice/internal/transform"
)

// All lists the kinds. Adding one is a line here.
func All() []source.Kind {
	return []source.Kind{
		qualystas.New(qualystas.Options{}),
		qualyswas.New(qualyswas.Options{}),
		qualysvm.New(qualysvm.Options{}),
		azureapim.New(azureapim.Options{}),
		file.New(file.Limits{}),
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

// CheckModel says why records of a source model cannot be an asset type's.
func CheckModel(t source.AssetType, m *transform.Model) error {
	findings := m.Records == transform.RecordsAreFindings
	switch {
	case t.Model != "" && t.Model != m.Name:
		return fmt.Errorf("%s brings records of %s, not of %s", t.Name, t.Model, m.Name)
	case t.Model == "" && findings && t.Role != source.Findings:
		return fmt.Errorf("a record of %s is a finding, and one of %s an asset: %s_FINDING takes findings", m.Name, t.Name, t.Name)
	case t.Model == "" && !findings && t.Role == source.Findings:
		return fmt.Errorf("a record of %s is an asset, and one of %s a finding: %s takes assets", m.Name, t.Name, strings.TrimSuffix(t.Name, "_FINDING"))
	}
	return nil
}
