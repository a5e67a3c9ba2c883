package catalog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/transform"
	"sluice/schema"
)

// MapVersion is one version of a transform map; it never changes.
type MapVersion struct {
	ID          int32  `json:"-"`
	Name        string `json:"name"`
	Version     int32  `json:"version"`
	Builtin     bool   `json:"builtin"` // Sluice ships with it
	SourceModel string `json:"source"`
	TargetModel string `json:"target"`
	Digest      string `json:"digest"` // of what it does
	Body        string `json:"-"`      // YAML
	// Origin is what it was made from other than by hand: "copy of other@2".
	Origin    string     `json:"origin"`
	CreatedAt time.Time  `json:"createdAt"`
	DeletedAt *time.Time `json:"deletedAt"`
}

// Ref names the version: "acme@3".
func (m MapVersion) Ref() string { return fmt.Sprintf("%s@%d", m.Name, m.Version) }

// same says whether it is the other version, but for its number.
func (m MapVersion) same(other MapVersion) bool {
	return m.Body == other.Body && m.DeletedAt == nil && other.DeletedAt == nil
}

const mapColumns = "id, name, version, builtin, source_model, target_model, digest, body, origin, created_at, deleted_at"

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
		if err := s.syncDefaultMap(ctx, MapVersion{
			Name: m.Name, Builtin: true, SourceModel: m.Source, TargetModel: m.Target,
			Digest: fmt.Sprintf("%x", program.Digest()), Body: string(body),
		}); err != nil {
			return fmt.Errorf("store default map %s: %w", m.Name, err)
		}
	}
	return nil
}

// syncDefaultMap stores a default map as the next version of its name, unless
// the latest one does the same.
func (s *Store) syncDefaultMap(ctx context.Context, m MapVersion) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := lockMaps(ctx, tx, []string{m.Name}); err != nil {
			return err
		}
		latest, there, err := newestVersion(ctx, tx, m.Name)
		switch {
		case err != nil:
			return err
		case there && latest.DeletedAt == nil && !latest.Builtin:
			return fmt.Errorf("there is a map of yours by that name: 'sluice maps clone %s NAME' copies it to another name; let its profiles use the copy, delete it by 'sluice maps delete %s', and migrate again", m.Name, m.Name)
		case there && latest.Builtin && latest.Digest == m.Digest:
			return nil
		}
		_, err = insertVersion(ctx, tx, latest.Version+1, m)
		return err
	})
}

// LatestMap returns the newest version of the map of that name.
func (s *Store) LatestMap(ctx context.Context, name string) (MapVersion, error) {
	m, err := s.mapVersion(ctx, name, "name = $1 AND deleted_at IS NULL ORDER BY version DESC LIMIT 1", name)
	if errors.Is(err, pgx.ErrNoRows) {
		return m, s.unknownMap(ctx, name)
	}
	return m, err
}

// MapAt returns a version of a map. Those of a map that was deleted are there.
func (s *Store) MapAt(ctx context.Context, name string, version int32) (MapVersion, error) {
	m, err := s.mapVersion(ctx, name, "name = $1 AND version = $2", name, version)
	if !errors.Is(err, pgx.ErrNoRows) {
		return m, err
	}
	newest, there, err := newestVersion(ctx, s.pool, name)
	switch {
	case err != nil:
		return m, err
	case !there:
		return m, s.unknownMap(ctx, name)
	}
	return m, goneError(fmt.Sprintf("map %s has no version %d: it has 1 to %d", name, version, newest.Version))
}

// MapByID returns a version by its id. Those of a map that was deleted are there.
func (s *Store) MapByID(ctx context.Context, id int32) (MapVersion, error) {
	m, err := s.mapVersion(ctx, fmt.Sprint(id), "id = $1", id)
	if errors.Is(err, pgx.ErrNoRows) {
		return m, missing("transform map", fmt.Sprint(id), nil)
	}
	return m, err
}

// LatestMaps lists the newest version of every transform map, by name.
func (s *Store) LatestMaps(ctx context.Context) ([]MapVersion, error) {
	rows, err := s.pool.Query(ctx, "SELECT DISTINCT ON (name) "+mapColumns+" FROM transform_maps WHERE deleted_at IS NULL ORDER BY name, version DESC")
	if err != nil {
		return nil, fmt.Errorf("list transform maps: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[MapVersion])
}

// mapVersion returns the one version that a condition says, or pgx.ErrNoRows.
func (s *Store) mapVersion(ctx context.Context, name, where string, args ...any) (MapVersion, error) {
	rows, err := s.pool.Query(ctx, "SELECT "+mapColumns+" FROM transform_maps WHERE "+where, args...)
	if err != nil {
		return MapVersion{}, fmt.Errorf("read transform map %s: %w", name, err)
	}
	m, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[MapVersion])
	if err != nil {
		return m, fmt.Errorf("read transform map %s: %w", name, err)
	}
	return m, nil
}

// unknownMap is the error for a map that is not there, or not any more.
func (s *Store) unknownMap(ctx context.Context, name string) error {
	if newest, there, err := newestVersion(ctx, s.pool, name); err != nil {
		return err
	} else if there {
		return goneError(fmt.Sprintf("transform map %s was deleted: 'sluice maps rollback %s --to %d' brings it back", name, name, newest.Version))
	}
	rows, err := s.pool.Query(ctx, "SELECT DISTINCT name FROM transform_maps WHERE deleted_at IS NULL ORDER BY name LIMIT 100")
	if err != nil {
		return fmt.Errorf("read transform map %s: %w", name, err)
	}
	known, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("read transform map %s: %w", name, err)
	}
	return missing("transform map", name, known)
}

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// newestVersion is the newest version that a name ever had, deleted or not.
func newestVersion(ctx context.Context, q querier, name string) (m MapVersion, there bool, err error) {
	rows, err := q.Query(ctx, "SELECT "+mapColumns+" FROM transform_maps WHERE name = $1 ORDER BY version DESC LIMIT 1", name)
	if err != nil {
		return m, false, fmt.Errorf("read transform map %s: %w", name, err)
	}
	m, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[MapVersion])
	if errors.Is(err, pgx.ErrNoRows) {
		return m, false, nil
	}
	if err != nil {
		return m, false, fmt.Errorf("read transform map %s: %w", name, err)
	}
	return m, true, nil
}
