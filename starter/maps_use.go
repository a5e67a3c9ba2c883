package main

import (
	"context"
	"strings"

	"sluice/internal/catalog"
	"sluice/internal/source"
	"sluice/internal/source/kinds"
)

// mapUse says which profiles use a map.
func mapUse(ctx context.Context, store *catalog.Store, m catalog.MapVersion) ([]string, error) {
	users, err := store.ProfilesUsing(ctx, m.Name)
	if users == nil {
		users = []string{}
	}
	return users, err
}

// again is what a profile's next run of mode auto reads again on account of its
// maps.
type again struct {
	full      bool     // all but reference data
	reference []string // asset types of reference data, which go by themselves
}

func (r again) String() string {
	switch {
	case r.full:
		return "its next run of mode auto will be full"
	case len(r.reference) > 0:
		return "its next run of mode auto reads all of " + strings.Join(r.reference, ", ") + " again"
	}
	return "what was read is mapped the same, so nothing of it is read again"
}

// readAgain says what of some of a profile's asset types is read again: what was
// read by maps that do something else than their maps do now, or never.
func readAgain(ctx context.Context, store *catalog.Store, p catalog.Profile, types []string) (r again, err error) {
	kind, err := kinds.Find(p.Kind)
	if err != nil {
		return r, err
	}
	marks, err := store.Watermarks(ctx, p.ID)
	if err != nil {
		return r, err
	}
	for _, name := range types {
		t, err := kinds.AssetType(kind, name)
		if err != nil {
			return r, err
		}
		m, err := store.LatestMap(ctx, p.Maps[name])
		if err != nil {
			return r, err
		}
		if t.Role != source.Reference {
			r.full = r.full || marks[name].MapDigest != m.Digest
			continue
		}
		shared, err := store.ReferenceWatermark(ctx, p.ConnectorID, name, m.Digest)
		if err != nil {
			return r, err
		}
		if shared == nil {
			r.reference = append(r.reference, name)
		}
	}
	return r, nil
}

// noteUsers says what a new version of a map means for the profiles that use it.
func (a *app) noteUsers(ctx context.Context, store *catalog.Store, m catalog.MapVersion) error {
	users, err := mapUse(ctx, store, m)
	if err != nil {
		return err
	}
	if len(users) == 0 {
		a.note("No profile uses it yet: '%s' lets one", a.command("profiles update PROFILE --map TYPE="+m.Name))
	}
	for _, name := range users {
		p, err := store.Profile(ctx, name)
		if err != nil {
			return err
		}
		var types []string
		for _, t := range p.AssetTypes {
			if p.Maps[t] == m.Name {
				types = append(types, t)
			}
		}
		reads, err := readAgain(ctx, store, p, types)
		if err != nil {
			return err
		}
		a.note("Profile %s uses it: %s.", name, reads)
	}
	return nil
}

// noteMaps says what other maps for some of its asset types mean for a profile.
func (a *app) noteMaps(ctx context.Context, p catalog.Profile, types []string) error {
	store, err := a.catalog(ctx)
	if err != nil {
		return err
	}
	reads, err := readAgain(ctx, store, p, types)
	if err != nil {
		return err
	}
	text := reads.String()
	a.note("%s.", strings.ToUpper(text[:1])+text[1:])
	return nil
}

// sayMap tells of a version that was stored, or prints it.
func (a *app) sayMap(ctx context.Context, store *catalog.Store, deed string, m catalog.MapVersion) error {
	if !a.forTables() {
		return printOne(a, m, mapVersionColumns)
	}
	a.note("%s", deed)
	return a.noteUsers(ctx, store, m)
}
