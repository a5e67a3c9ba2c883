package catalog

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"sluice/internal/transform"
)

// CheckModelDeletion says why a source model cannot be deleted: Sluice ships with
// it, maps read it, or runs went by it, and it says what their records were.
func (s *Store) CheckModelDeletion(ctx context.Context, name string) error {
	models, err := s.Models(ctx)
	if err != nil {
		return err
	}
	if models.Get(name) == nil {
		return missing("data model", name, models.Names())
	}
	if !strings.HasPrefix(name, transform.UserModelPrefix) {
		return fmt.Errorf("data model %s is one of Sluice's own, which cannot be deleted", name)
	}
	return checkUnread(ctx, s.pool, name)
}

// DeleteModel deletes a source model that somebody has made, unless
// CheckModelDeletion has something against it.
func (s *Store) DeleteModel(ctx context.Context, name string) error {
	if err := s.CheckModelDeletion(ctx, name); err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		// First of all, so that nobody stores a map of it meanwhile; see keepModels.
		tag, err := tx.Exec(ctx, "DELETE FROM data_models WHERE name = $1", name)
		if err != nil {
			return fmt.Errorf("delete data model %s: %w", name, err)
		}
		if tag.RowsAffected() == 0 {
			return goneError(fmt.Sprintf("data model %s is not there any more: somebody else has just deleted it", name))
		}
		return checkUnread(ctx, tx, name)
	})
}

// DeletedMapsReading names the deleted maps that read a source model: without it
// they cannot be brought back.
func (s *Store) DeletedMapsReading(ctx context.Context, model string) ([]string, error) {
	names, err := lines(ctx, s.pool, "SELECT DISTINCT name FROM transform_maps WHERE source_model = $1 AND deleted_at IS NOT NULL ORDER BY name", model)
	if err != nil {
		return nil, fmt.Errorf("look for deleted maps that read data model %s: %w", model, err)
	}
	return names, nil
}

// checkUnread refuses to delete a model that maps read, or runs went by.
func checkUnread(ctx context.Context, q querier, model string) error {
	versions, err := versionsReading(ctx, q, model)
	if err != nil {
		return err
	}
	var readers, ids = []string{}, []int32{}
	refs := make(map[int32]string)
	for _, m := range versions {
		if newest, _, err := newestVersion(ctx, q, m.Name); err != nil {
			return err
		} else if newest.ID == m.ID && m.DeletedAt == nil {
			readers = append(readers, m.Name)
		}
		ids, refs[m.ID] = append(ids, m.ID), m.Ref()
	}
	var run int64
	var by int32
	rows, err := q.Query(ctx, "SELECT u.id, u.map_id FROM ("+mapRuns+") u WHERE u.map_id = ANY($1) ORDER BY u.id DESC LIMIT 1", ids)
	if err == nil {
		_, err = pgx.ForEachRow(rows, []any{&run, &by}, func() error { return nil })
	}
	switch {
	case err != nil:
		return fmt.Errorf("look for runs that went by data model %s: %w", model, err)
	case run != 0:
		return fmt.Errorf("run %d went by map %s, which reads data model %s: the model stays, to say what that run's records were", run, refs[by], model)
	case len(readers) == 1:
		return fmt.Errorf("data model %s is read by map %s: delete the map first ('sluice maps delete %s')", model, readers[0], readers[0])
	case len(readers) > 1:
		return fmt.Errorf("data model %s is read by maps %s: delete the maps first ('sluice maps delete %s', and so on)", model, strings.Join(readers, ", "), readers[0])
	}
	return nil
}
