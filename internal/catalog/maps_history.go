package catalog

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// MapListing is a map in the list of all: its latest version, and its use.
type MapListing struct {
	MapVersion
	Profiles []string `json:"profiles"` // that use it
	MapRuns
}

// MapRuns are the runs that went by a map, or by one of its versions.
type MapRuns struct {
	Runs    int64      `json:"runs"`
	LastRun *int64     `json:"lastRun"`
	LastAt  *time.Time `json:"lastRunAt"`
}

// MapHistory is a version in the history of a map.
type MapHistory struct {
	MapVersion
	MapRuns
}

// mapRuns has a row for each run and the version of a map that it went by.
const mapRuns = `
	SELECT DISTINCT r.id, r.started_at, (stream->>'mapId')::integer AS map_id
	  FROM runs r, jsonb_array_elements(CASE jsonb_typeof(r.plan->'streams') WHEN 'array' THEN r.plan->'streams' END) stream`

// MapListings lists all maps by name.
func (s *Store) MapListings(ctx context.Context) ([]MapListing, error) {
	rows, err := s.pool.Query(ctx, `
		WITH latest AS (
		     SELECT DISTINCT ON (name) * FROM transform_maps WHERE deleted_at IS NULL ORDER BY name, version DESC),
		went AS (
		     SELECT m.name, count(DISTINCT u.id) AS runs, max(u.id) AS last_run, max(u.started_at) AS last_at
		       FROM (`+mapRuns+`) u JOIN transform_maps m ON m.id = u.map_id GROUP BY m.name),
		used AS (
		     SELECT value AS name, array_agg(DISTINCT p.name ORDER BY p.name) AS profiles
		       FROM profiles p, jsonb_each_text(p.maps) GROUP BY value)
		SELECT `+mapColumns+`, coalesce(used.profiles, '{}'), coalesce(went.runs, 0), went.last_run, went.last_at
		  FROM latest LEFT JOIN went USING (name) LEFT JOIN used USING (name)
		 ORDER BY name`)
	if err != nil {
		return nil, fmt.Errorf("list transform maps: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (l MapListing, err error) {
		m := &l.MapVersion
		err = row.Scan(&m.ID, &m.Name, &m.Version, &m.Builtin, &m.SourceModel, &m.TargetModel, &m.Digest, &m.Body, &m.Origin, &m.CreatedAt, &m.DeletedAt,
			&l.Profiles, &l.Runs, &l.LastRun, &l.LastAt)
		return l, err
	})
}

// HistoryOfMap lists all versions that a name ever had, the newest first.
func (s *Store) HistoryOfMap(ctx context.Context, name string) ([]MapHistory, error) {
	rows, err := s.pool.Query(ctx, `
		WITH went AS (
		     SELECT u.map_id, count(*) AS runs, max(u.id) AS last_run, max(u.started_at) AS last_at FROM (`+mapRuns+`) u GROUP BY u.map_id)
		SELECT `+mapColumns+`, coalesce(went.runs, 0), went.last_run, went.last_at
		  FROM transform_maps m LEFT JOIN went ON went.map_id = m.id
		 WHERE m.name = $1 ORDER BY m.version DESC`, name)
	if err != nil {
		return nil, fmt.Errorf("read history of map %s: %w", name, err)
	}
	history, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (h MapHistory, err error) {
		m := &h.MapVersion
		err = row.Scan(&m.ID, &m.Name, &m.Version, &m.Builtin, &m.SourceModel, &m.TargetModel, &m.Digest, &m.Body, &m.Origin, &m.CreatedAt, &m.DeletedAt,
			&h.Runs, &h.LastRun, &h.LastAt)
		return h, err
	})
	if err == nil && len(history) == 0 {
		err = s.unknownMap(ctx, name)
	}
	return history, err
}
