package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"sluice/internal/transform"
	"sluice/schema"
)

// Models returns all data models: those that Sluice ships with, and the source
// models that people have made.
func (s *Store) Models(ctx context.Context) (*transform.Models, error) {
	return allModels(ctx, s.pool)
}

func allModels(ctx context.Context, q querier) (*transform.Models, error) {
	shipped, err := transform.LoadModels(schema.Models())
	if err != nil {
		return nil, err
	}
	own, err := ownModels(ctx, q)
	if err != nil {
		return nil, err
	}
	return shipped.With(own...)
}

// ownModels are the source models that people have made, by name.
func ownModels(ctx context.Context, q querier) ([]*transform.Model, error) {
	rows, err := q.Query(ctx, "SELECT name, body FROM data_models ORDER BY name")
	if err != nil {
		return nil, fmt.Errorf("read data models: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (*transform.Model, error) {
		var name, body string
		if err := row.Scan(&name, &body); err != nil {
			return nil, err
		}
		return transform.ParseModel("data model "+name, []byte(body))
	})
}

// SaveModel stores a source model of a file, in place of the one of its name.
// What maps rely on stays: a model that one of them reads, or a version of one,
// may get more fields, and no other ones. The error of a model that is wrong is
// of type transform.Problems.
func (s *Store) SaveModel(ctx context.Context, m *transform.Model) (saved bool, err error) {
	body, err := transform.WriteModel(m)
	if err != nil {
		return false, err
	}
	if _, err := transform.ParseModel("data model "+m.Name, body); err != nil {
		return false, err
	}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "LOCK TABLE data_models IN SHARE ROW EXCLUSIVE MODE"); err != nil {
			return err
		}
		own, err := ownModels(ctx, tx)
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(own, func(o *transform.Model) bool { return o.Name == m.Name }); i >= 0 {
			if err := checkReplaced(ctx, tx, own[i], m); err != nil {
				return err
			}
		}
		tag, err := tx.Exec(ctx, `
			INSERT INTO data_models (name, body) VALUES ($1, $2)
			ON CONFLICT (name) DO UPDATE SET body = excluded.body, updated_at = now() WHERE data_models.body <> excluded.body`, m.Name, string(body))
		saved = tag.RowsAffected() > 0
		return err
	})
	if err != nil {
		return false, fmt.Errorf("save data model %s: %w", m.Name, err)
	}
	return saved, nil
}

// checkReplaced refuses to take from a model what maps rely on.
func checkReplaced(ctx context.Context, tx pgx.Tx, before, after *transform.Model) error {
	var reader string
	err := tx.QueryRow(ctx, "SELECT name FROM transform_maps WHERE source_model = $1 ORDER BY deleted_at IS NOT NULL, name LIMIT 1", before.Name).Scan(&reader)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	const advice = "map %s reads it, and runs went by what it was: save this one by another name"
	if before.Records != after.Records {
		return fmt.Errorf("a record would not be the same any more, an asset or a finding; "+advice, reader)
	}
	for _, f := range before.Fields {
		i := slices.IndexFunc(after.Fields, func(now transform.Field) bool { return now.Path == f.Path })
		if i < 0 {
			return fmt.Errorf("it would have no field %s any more; "+advice, f.Path, reader)
		}
		now := after.Fields[i]
		if now.Type != f.Type || now.Required != f.Required || !slices.Equal(now.Values, f.Values) {
			return fmt.Errorf("its field %s would have another type, or other values, or be required otherwise than before; "+advice, f.Path, reader)
		}
	}
	return nil
}
