package catalog

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// lockMaps lets those who add versions of maps, delete them, or begin to use
// them go one after the other. It is taken after the rows of profiles and
// connectors.
func lockMaps(ctx context.Context, tx pgx.Tx, names []string) error {
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtext('transform_maps'), hashtext($1))", name); err != nil {
			return err
		}
	}
	return nil
}

// mapsOf names the maps that versions are of, and those that profiles use.
func mapsOf(versions []MapVersion, profiles []Profile) (names []string) {
	for _, m := range versions {
		names = append(names, m.Name)
	}
	for _, p := range profiles {
		names = append(names, usedMaps(p.Maps)...)
	}
	return names
}

// usedMaps names a profile's maps.
func usedMaps(byType map[string]string) (names []string) {
	for _, name := range byType {
		names = append(names, name)
	}
	return names
}

// checkMaps makes sure that the maps a profile is to use are there, and stay
// until it does.
func checkMaps(ctx context.Context, tx pgx.Tx, byType map[string]string) error {
	names := usedMaps(byType)
	if err := lockMaps(ctx, tx, names); err != nil {
		return err
	}
	for _, name := range names {
		newest, there, err := newestVersion(ctx, tx, name)
		if err != nil {
			return err
		}
		if !there || newest.DeletedAt != nil {
			return fmt.Errorf("there is no transform map %q: 'sluice maps list' shows them", name)
		}
	}
	return nil
}

// profilesUsing names the profiles that use a map.
func profilesUsing(ctx context.Context, q querier, name string) ([]string, error) {
	rows, err := q.Query(ctx, "SELECT name FROM profiles WHERE $1 IN (SELECT value FROM jsonb_each_text(maps)) ORDER BY name", name)
	if err != nil {
		return nil, fmt.Errorf("list the profiles that use map %s: %w", name, err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// ProfilesUsing names the profiles that use a map.
func (s *Store) ProfilesUsing(ctx context.Context, name string) ([]string, error) {
	return profilesUsing(ctx, s.pool, name)
}

// theProfiles is "profile a" or "profiles a, b".
func theProfiles(names []string) string {
	if len(names) == 1 {
		return "profile " + names[0]
	}
	return "profiles " + strings.Join(names, ", ")
}
