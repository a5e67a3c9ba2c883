package catalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"sluice/internal/transform"
)

// CheckMapName says whether a transform map can have that name.
func CheckMapName(name string) error {
	if profileName.MatchString(name) {
		return nil
	}
	return fmt.Errorf("map name %q cannot be used: at most 63 small letters, digits, '.', '_' and '-', beginning with a letter or digit", name)
}

// A MapEdit is a transform map as somebody wants to have it.
type MapEdit struct {
	Body []byte // YAML
	File string // what messages call it
	Name string // of the map to save; empty: the one in Body, which has no other
	// Base is the latest version, that this one was made from; 0: there is no map of the name.
	Base   int32
	Origin string // MapVersion.Origin
}

// SaveMap checks a map and stores it as the next version of its name, unless
// it is the very same as the latest one; saved says which. It refuses to change
// the maps that Sluice ships with, and one that somebody else has changed,
// created or deleted since it was read. What profiles rely on stays: source
// model, target model and asset class of a map that one of them uses. What is
// wrong with the map itself is an error of type transform.Problems.
func (s *Store) SaveMap(ctx context.Context, e MapEdit) (m MapVersion, saved bool, err error) {
	models, err := s.Models(ctx)
	if err != nil {
		return m, false, err
	}
	if m, err = compileMap(models, e.File, e.Body); err != nil {
		return m, false, err // without keeping anybody waiting
	}
	if e.Name != "" && e.Name != m.Name {
		return m, false, transform.Problems{{File: e.File, Key: "name", Message: fmt.Sprintf("the name is %q, and this is map %q: a map keeps its name ('sluice maps clone' makes one of another name)", m.Name, e.Name)}}
	}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := lockMaps(ctx, tx, []string{m.Name}); err != nil {
			return err
		}
		if m, err = compileKept(ctx, tx, e.File, e.Body); err != nil {
			return err
		}
		m.Origin = e.Origin
		newest, _, err := newestVersion(ctx, tx, m.Name)
		if err != nil {
			return err
		}
		live := newest.ID != 0 && newest.DeletedAt == nil
		switch {
		case live && newest.Builtin:
			return newest.Changeable()
		case live && e.Base == 0:
			return fmt.Errorf("there is a map %q already: choose another name, or change that one by 'sluice maps edit %s'", m.Name, m.Name)
		case !live && e.Base != 0:
			return fmt.Errorf("map %s was deleted by somebody else meanwhile: nothing was saved", m.Name)
		case live && e.Base != newest.Version:
			return fmt.Errorf("map %s was changed by somebody else meanwhile: its latest version is %d, and yours was made from %d; nothing was saved", m.Name, newest.Version, e.Base)
		case live && newest.Body == m.Body:
			m = newest
			return nil
		}
		if live {
			if err := checkRelied(ctx, tx, newest, m); err != nil {
				return err
			}
		}
		m, err = insertVersion(ctx, tx, newest.Version+1, m)
		saved = err == nil
		return err
	})
	return m, saved, err
}

// Changeable says why a map cannot be changed; nil when it can.
func (m MapVersion) Changeable() error {
	if m.Builtin {
		return fmt.Errorf("map %s is one of Sluice's own, which cannot be changed: clone it first ('sluice maps clone %s NAME')", m.Name, m.Name)
	}
	return nil
}

// checkRelied refuses to make another map of one that profiles use.
func checkRelied(ctx context.Context, tx pgx.Tx, before, after MapVersion) error {
	shape := func(m MapVersion) (string, error) {
		parsed, err := transform.ParseMap(m.Ref(), []byte(m.Body))
		if err != nil {
			return "", err
		}
		text := fmt.Sprintf("from %s to %s", parsed.Source, parsed.Target)
		if parsed.AssetClass != "" {
			text += " of class " + parsed.AssetClass
		}
		return text, nil
	}
	was, err := shape(before)
	if err != nil {
		return nil // an older Sluice's, which is being mended
	}
	is, err := shape(after)
	if err != nil || is == was {
		return err
	}
	users, err := profilesUsing(ctx, tx, after.Name)
	if err != nil || len(users) == 0 {
		return err
	}
	return fmt.Errorf("map %s goes %s, as %s needs it: this one goes %s; give it another name", after.Name, was, theProfiles(users), is)
}

// CloneMap stores a copy of a version as the first one of another name.
func (s *Store) CloneMap(ctx context.Context, from MapVersion, name string) (MapVersion, error) {
	if err := CheckMapName(name); err != nil {
		return MapVersion{}, err
	}
	body, err := RenameMap([]byte(from.Body), name)
	if err != nil {
		return MapVersion{}, fmt.Errorf("clone map %s: %w", from.Ref(), err)
	}
	m, _, err := s.SaveMap(ctx, MapEdit{Body: body, File: from.Ref(), Origin: "copy of " + from.Ref()})
	return m, err
}

// RollBackMap makes an earlier version the latest one again, as a version of
// its own, so that history stays true. A map that was deleted is there again.
// When the latest one is the very same, saved is false.
func (s *Store) RollBackMap(ctx context.Context, name string, to int32) (m MapVersion, saved bool, err error) {
	earlier, err := s.MapAt(ctx, name, to)
	if err != nil {
		return m, false, err
	}
	newest, _, err := newestVersion(ctx, s.pool, name)
	if err != nil {
		return m, false, err
	}
	base := newest.Version
	if newest.DeletedAt != nil {
		base = 0
	}
	return s.SaveMap(ctx, MapEdit{Body: []byte(earlier.Body), File: earlier.Ref(), Base: base, Origin: fmt.Sprintf("version %d again", to)})
}

// DeleteMap deletes a map that no profile uses. Its versions stay, marked, for
// the runs and the rows of the inventory that were made by them.
func (s *Store) DeleteMap(ctx context.Context, name string) (MapVersion, error) {
	var latest MapVersion
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := lockMaps(ctx, tx, []string{name}); err != nil {
			return err
		}
		if err := keepModels(ctx, tx); err != nil {
			return err
		}
		var err error
		latest, _, err = newestVersion(ctx, tx, name)
		switch {
		case err != nil:
			return err
		case latest.ID == 0 || latest.DeletedAt != nil:
			return s.unknownMap(ctx, name)
		case latest.Builtin:
			return fmt.Errorf("map %s is one of Sluice's own, which cannot be deleted", name)
		}
		users, err := profilesUsing(ctx, tx, name)
		if err != nil {
			return err
		}
		if len(users) > 0 {
			return fmt.Errorf("map %s is used by %s: give them another map first ('sluice profiles update %s --map TYPE=NAME')", name, theProfiles(users), users[0])
		}
		_, err = tx.Exec(ctx, "UPDATE transform_maps SET deleted_at = now() WHERE name = $1 AND deleted_at IS NULL", name)
		return err
	})
	return latest, err
}

// AddMap checks a transform map in YAML and stores it as the next version of
// its name, whatever that is. The maps that Sluice ships with cannot be changed.
func (s *Store) AddMap(ctx context.Context, body []byte) error {
	return s.Apply(ctx, Changes{Maps: [][]byte{body}})
}

// addMapVersion stores the next version of a map, unless the latest one is the
// very same.
func addMapVersion(ctx context.Context, tx pgx.Tx, m MapVersion) (MapVersion, error) {
	newest, _, err := newestVersion(ctx, tx, m.Name)
	switch {
	case err != nil:
		return m, err
	case newest.Builtin:
		return m, errors.New("it is one of Sluice's own, which cannot be changed: give yours another name")
	case m.same(newest):
		return newest, nil
	}
	return insertVersion(ctx, tx, newest.Version+1, m)
}

func insertVersion(ctx context.Context, tx pgx.Tx, version int32, m MapVersion) (MapVersion, error) {
	m.Version, m.DeletedAt = version, nil
	err := tx.QueryRow(ctx, `
		INSERT INTO transform_maps (name, version, builtin, source_model, target_model, digest, body, origin)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id, created_at`,
		m.Name, m.Version, m.Builtin, m.SourceModel, m.TargetModel, m.Digest, m.Body, m.Origin).Scan(&m.ID, &m.CreatedAt)
	return m, err
}

// compileKept is compileMap by the models as they stay until the transaction
// ends.
func compileKept(ctx context.Context, tx pgx.Tx, file string, body []byte) (MapVersion, error) {
	if err := keepModels(ctx, tx); err != nil {
		return MapVersion{}, err
	}
	models, err := allModels(ctx, tx)
	if err != nil {
		return MapVersion{}, err
	}
	return compileMap(models, file, body)
}

// compileMap checks a map in YAML and makes it a version to store. The file is
// only named in messages.
func compileMap(models *transform.Models, file string, body []byte) (MapVersion, error) {
	m, err := transform.ParseMap(file, body)
	if m == nil {
		return MapVersion{}, err
	}
	if wrong := CheckMapName(m.Name); wrong != nil && err == nil {
		return MapVersion{}, transform.Problems{{File: file, Key: "name", Message: wrong.Error()}}
	}
	program, err := transform.Compile(m, models)
	if err != nil {
		return MapVersion{}, err
	}
	return MapVersion{Name: m.Name, SourceModel: m.Source, TargetModel: m.Target, Digest: fmt.Sprintf("%x", program.Digest()), Body: string(body)}, nil
}
