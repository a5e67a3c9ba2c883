package declare

import (
	"fmt"
	"slices"

	"sluice/internal/catalog"
	"sluice/internal/source"
	"sluice/internal/source/kinds"
	"sluice/internal/suggest"
	"sluice/internal/transform"
)

// checkTogether checks what only all of it together can show: maps that do not
// fit the profiles that use them, and profiles that undo each other's work.
func (p *planner) checkTogether(documents []Document) {
	checked := make(map[string]bool) // profiles
	for _, d := range documents {
		if d.Kind() == KindProfile {
			p.checkMaps(d, *d.Profile, "")
			p.checkRivals(d, checked)
			checked[d.Name()] = true
		}
	}
	for _, d := range documents {
		if d.Kind() != KindMap {
			continue
		}
		for _, name := range sorted(p.profiles) {
			if !checked[name] {
				p.checkMaps(d, p.profiles[name], d.Map.Name)
			}
		}
	}
}

// checkMaps makes sure that a profile's maps, or only the named one, are there
// and read what its asset types bring. The problem is the document's.
func (p *planner) checkMaps(d Document, profile catalog.Profile, only string) {
	kind, err := kinds.Find(profile.Kind)
	if err != nil {
		return // said before, or a newer Sluice's
	}
	for _, t := range kind.AssetTypes() {
		name := profile.Maps[t.Name]
		if name == "" || only != "" && name != only {
			continue
		}
		m, ok := p.maps[name]
		key, user := "maps", t.Name
		if only != "" {
			key, user = "source", fmt.Sprintf("%s of profile %s", t.Name, profile.Name)
		}
		if !ok {
			p.refuse(d, key, "unknown map %q%s", name, suggest.Ending(name, sorted(p.maps)))
			continue
		}
		if err := CheckMap(m, t, user); err != nil {
			p.refuse(d, key, "%v", err)
		}
	}
}

// CheckMap says why a map cannot be used for an asset type; user is what uses
// it so.
func CheckMap(m *transform.Map, t source.AssetType, user string) error {
	switch {
	case t.Model != "" && m.Source != t.Model:
		return fmt.Errorf("map %s reads %s, but %s brings %s", m.Name, m.Source, user, t.Model)
	case m.Target != target(t.Role):
		return fmt.Errorf("map %s fills %s, but %s needs one to %s", m.Name, m.Target, user, target(t.Role))
	case m.AssetClass != "" && m.AssetClass != t.Class:
		return fmt.Errorf("map %s makes assets of class %s, but %s brings %s", m.Name, m.AssetClass, user, t.Class)
	}
	return nil
}

// target is the target model of a role's records.
func target(role source.Role) string {
	if role == source.Reference {
		return "knowledge"
	}
	return "inventory"
}

// checkRivals finds active profiles, but for those checked before, that write
// the same by another map.
func (p *planner) checkRivals(d Document, checked map[string]bool) {
	ours := d.Profile
	if !ours.Active {
		return
	}
	for _, name := range sorted(p.profiles) {
		theirs := p.profiles[name]
		if name == ours.Name || checked[name] || !theirs.Active || theirs.Connector != ours.Connector {
			continue
		}
		for _, t := range ours.AssetTypes {
			if slices.Contains(theirs.AssetTypes, t) && theirs.Maps[t] != ours.Maps[t] && shared(ours.Kind, theirs.Kind, t) {
				p.refuse(d, "maps", "profile %s is active and writes %s of the same connector by map %s, this one by %s: use the same map, leave %s out, or make one of them inactive",
					name, t, theirs.Maps[t], ours.Maps[t], t)
			}
		}
	}
}

// shared says whether two kinds write an asset type of that name to the same
// place: a kind's own, or what findings of several kinds refer to.
func shared(kind, other, assetType string) bool {
	if kind == other {
		return true
	}
	for _, name := range []string{kind, other} {
		k, err := kinds.Find(name)
		if err != nil {
			return false // said before, or a newer Sluice's
		}
		if t, err := kinds.AssetType(k, assetType); err != nil || t.Role != source.Reference {
			return false
		}
	}
	return true
}
