package catalog

import (
	"context"
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

// OwnModels lists the source models that people have made, by name.
func (s *Store) OwnModels(ctx context.Context) ([]*transform.Model, error) {
	return ownModels(ctx, s.pool)
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
// may get more fields, and no other ones, and require less. The error of a model that is wrong is
// of type transform.Problems.
func (s *Store) SaveModel(ctx context.Context, m *transform.Model) (saved bool, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		saved, err = saveModel(ctx, tx, m)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("save data model %s: %w", m.Name, err)
	}
	return saved, nil
}

func saveModel(ctx context.Context, tx pgx.Tx, m *transform.Model) (saved bool, err error) {
	body, err := transform.WriteModel(m)
	if err != nil {
		return false, err
	}
	if _, err := transform.ParseModel("data model "+m.Name, body); err != nil {
		return false, err
	}
	if _, err := tx.Exec(ctx, "LOCK TABLE data_models IN SHARE ROW EXCLUSIVE MODE"); err != nil {
		return false, err
	}
	remade, err := replaced(ctx, tx, m)
	if err != nil {
		return false, err
	}
	tag, err := tx.Exec(ctx, `
		INSERT INTO data_models (name, body) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET body = excluded.body, updated_at = now() WHERE data_models.body <> excluded.body`, m.Name, string(body))
	if err != nil {
		return false, err
	}
	for _, version := range remade {
		version.Origin = "as data model " + m.Name + " asks for less"
		if _, err := insertVersion(ctx, tx, version.Version+1, version); err != nil {
			return false, fmt.Errorf("map %s: %w", version.Name, err)
		}
	}
	return tag.RowsAffected() > 0, nil
}

// keepModels keeps the models as they are until the transaction ends, for maps
// of them to be stored or deleted.
func keepModels(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, "LOCK TABLE data_models IN SHARE MODE")
	return err
}

// CheckModel says why a source model cannot take the place of the one of its
// name: maps rely on what it was.
func (s *Store) CheckModel(ctx context.Context, m *transform.Model) error {
	_, err := replaced(ctx, s.pool, m)
	return err
}

// replaced refuses to take from a model what maps rely on. A field may be no
// longer required: maps that read it then take records that they rejected, so
// that they do otherwise, and get a version that says so.
func replaced(ctx context.Context, q querier, after *transform.Model) (remade []MapVersion, err error) {
	models, err := allModels(ctx, q)
	if err != nil {
		return nil, err
	}
	before := models.Get(after.Name)
	if before == nil {
		return nil, nil
	}
	versions, err := versionsReading(ctx, q, after.Name)
	if err != nil || len(versions) == 0 {
		return nil, err
	}
	if err := checkFields(before, after, versions[0].Name); err != nil {
		return nil, err
	}
	now := models.Replacing(after)
	// More fields can still change what there was: expressions see what is inside
	// of an object by them. So can more values, of which a table may lack some.
	strict := models.Replacing(after.Requiring(before))
	for _, version := range versions {
		m, err := transform.ParseMap(version.Ref(), []byte(version.Body))
		if err != nil {
			return nil, err
		}
		was, err := transform.Compile(m, models)
		if err != nil {
			continue // an older Sluice's, which is being mended
		}
		same, err := transform.Compile(m, strict)
		if err != nil {
			return nil, fmt.Errorf("%s could not be used any more; save it by another name, or mend the map first: %w", version.Ref(), err)
		}
		if was.Digest() != same.Digest() {
			return nil, fmt.Errorf("%s would not do the same any more, as its new fields are of what it reads: save it by another name", version.Ref())
		}
		is, err := transform.Compile(m, now)
		if err != nil {
			return nil, err
		}
		newest, _, err := newestVersion(ctx, q, version.Name)
		if err != nil {
			return nil, err
		}
		if was.Digest() != is.Digest() && newest.ID == version.ID && newest.DeletedAt == nil {
			version.Digest = fmt.Sprintf("%x", is.Digest())
			remade = append(remade, version)
		}
	}
	return remade, nil
}

// checkFields refuses to change the fields of a model that a map reads.
func checkFields(before, after *transform.Model, reader string) error {
	const advice = "map %s reads it, and runs went by what it was: save this one by another name"
	if before.Records != after.Records {
		return fmt.Errorf("a record would not be the same any more, an asset or a finding; "+advice, reader)
	}
	for _, f := range before.Fields {
		i := slices.IndexFunc(after.Fields, func(now transform.Field) bool { return now.Path == f.Path })
		if i < 0 {
			return fmt.Errorf("it would have no field %s any more; "+advice, f.Path, reader)
		}
		if now := after.Fields[i]; now.Type != f.Type || now.Required && !f.Required {
			return fmt.Errorf("its field %s would have another type, or be required, which it was not; "+advice, f.Path, reader)
		}
	}
	return nil
}

// versionsReading lists the versions of maps that read a source model, those of
// maps that were deleted last.
func versionsReading(ctx context.Context, q querier, model string) ([]MapVersion, error) {
	rows, err := q.Query(ctx, "SELECT "+mapColumns+" FROM transform_maps WHERE source_model = $1 ORDER BY deleted_at IS NOT NULL, name, version", model)
	if err != nil {
		return nil, fmt.Errorf("look for maps that read data model %s: %w", model, err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[MapVersion])
}
