package catalog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"

	"sluice/internal/transform"
	"sluice/schema"
)

// MapVersion is one version of a transform map; it never changes.
type MapVersion struct {
	ID          int32
	Name        string
	Version     int32
	Builtin     bool
	SourceModel string
	TargetModel string
	Digest      string
	Body        string // YAML
}

const mapColumns = "id, name, version, builtin, source_model, target_model, digest, body"

// SyncDefaultMaps stores the default transform maps that Sluice ships with,
// as a new version where one has changed.
func (s *Store) SyncDefaultMaps(ctx context.Context) error {
	models, err := transform.LoadModels(schema.Models())
	if err != nil {
		return err
	}
	maps, err := transform.LoadMaps(schema.Maps())
	if err != nil {
		return err
	}
	for _, m := range maps {
		program, err := transform.Compile(m, models)
		if err != nil {
			return err
		}
		body, err := fs.ReadFile(schema.Maps(), m.File)
		if err != nil {
			return err
		}
		if err := s.addMapVersion(ctx, MapVersion{
			Name: m.Name, Builtin: true, SourceModel: m.Source, TargetModel: m.Target,
			Digest: fmt.Sprintf("%x", program.Digest()), Body: string(body),
		}); err != nil {
			return fmt.Errorf("store default map %s: %w", m.Name, err)
		}
	}
	return nil
}

// addMapVersion stores the map as the next version of its name, unless the
// latest one is the same.
func (s *Store) addMapVersion(ctx context.Context, m MapVersion) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := lockMap(ctx, tx, m.Name); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `
			WITH latest AS (SELECT version, digest FROM transform_maps WHERE name = $1 ORDER BY version DESC LIMIT 1)
			INSERT INTO transform_maps (name, version, builtin, source_model, target_model, digest, body)
			SELECT $1, coalesce((SELECT version FROM latest), 0) + 1, $2, $3, $4, $5, $6
			 WHERE $5 IS DISTINCT FROM (SELECT digest FROM latest)`,
			m.Name, m.Builtin, m.SourceModel, m.TargetModel, m.Digest, m.Body)
		return err
	})
}

// lockMap lets those who add versions of a map go one after the other.
func lockMap(ctx context.Context, tx pgx.Tx, name string) error {
	_, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtext('transform_maps'), hashtext($1))", name)
	return err
}

// LatestMap returns the newest version of the map of that name.
func (s *Store) LatestMap(ctx context.Context, name string) (MapVersion, error) {
	return s.mapVersion(ctx, name, "name = $1 ORDER BY version DESC LIMIT 1", name)
}

// MapByID returns a version by its id.
func (s *Store) MapByID(ctx context.Context, id int32) (MapVersion, error) {
	return s.mapVersion(ctx, fmt.Sprint(id), "id = $1", id)
}

func (s *Store) mapVersion(ctx context.Context, name, where string, arg any) (MapVersion, error) {
	rows, err := s.pool.Query(ctx, "SELECT "+mapColumns+" FROM transform_maps WHERE "+where, arg)
	if err != nil {
		return MapVersion{}, fmt.Errorf("read transform map %s: %w", name, err)
	}
	m, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[MapVersion])
	if errors.Is(err, pgx.ErrNoRows) {
		return m, missing("transform map", name, s.names(ctx, "transform_maps"))
	}
	if err != nil {
		return m, fmt.Errorf("read transform map %s: %w", name, err)
	}
	return m, nil
}
