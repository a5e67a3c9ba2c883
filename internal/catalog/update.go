package catalog

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/transform"
)

// Changes are what Apply writes. What has an id is changed, as it was when it
// was read; what has none is created.
type Changes struct {
	Connectors []Connector
	// Models are source models of files, in place of those of their names.
	Models []*transform.Model
	// Maps are transform maps in YAML, each to become its name's next version. They
	// may read the models of the same Changes.
	Maps [][]byte
	// Profiles name their connectors, which may be created by the same Changes.
	Profiles []Profile
}

// Apply writes all changes in one transaction: connectors, models, maps, profiles. It
// refuses all of them when one cannot be, or was changed since it was read.
// Profiles are held against their rivals as they all are afterwards. What
// CreateProfile and UpdateProfile keep is kept: a profile's name, connector
// and kind stay.
func (s *Store) Apply(ctx context.Context, c Changes) error {
	models, err := s.Models(ctx)
	if err != nil {
		return err
	}
	versions := make([]MapVersion, len(c.Maps))
	for i, body := range c.Maps {
		if versions[i], err = compileMap(models.Replacing(c.Models...), "map", body); err != nil {
			return err
		}
	}
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := lockForChanges(ctx, tx, c); err != nil {
			return fmt.Errorf("apply: %w", err)
		}
		if err := lockMaps(ctx, tx, mapsOf(versions, c.Profiles)); err != nil {
			return fmt.Errorf("apply: %w", err)
		}
		for _, m := range c.Models {
			if _, err := saveModel(ctx, tx, m); err != nil {
				return fmt.Errorf("data model %s: %w", m.Name, err)
			}
		}
		for i, body := range c.Maps {
			if versions[i], err = compileKept(ctx, tx, "map", body); err != nil {
				return err
			}
		}
		for _, connector := range c.Connectors {
			if err := saveConnector(ctx, tx, connector); err != nil {
				return fmt.Errorf("connector %s: %w", connector.Name, err)
			}
		}
		for _, m := range versions {
			if _, err := addMapVersion(ctx, tx, m); err != nil {
				return fmt.Errorf("map %s: %w", m.Name, err)
			}
		}
		return saveProfiles(ctx, tx, c.Profiles)
	})
}

// UpdateConnector changes a connector that was read before: its description,
// whether it is active, how often it is tested, its settings and its secrets.
// Its version grows, so that workers open a new session with it.
func (s *Store) UpdateConnector(ctx context.Context, c Connector) error {
	return s.Apply(ctx, Changes{Connectors: []Connector{c}})
}

// UpdateSealed is UpdateConnector, with secrets that seal makes while nobody can
// seal everything with another key: what it seals opens afterwards. It returns
// the connector as it is then.
func (s *Store) UpdateSealed(ctx context.Context, c Connector, seal func(id int64) (map[string]string, error)) (Connector, error) {
	c.Secrets = maps.Clone(c.Secrets)
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "LOCK TABLE connectors IN ROW EXCLUSIVE MODE"); err != nil { // against Reseal
			return err
		}
		secrets, err := seal(c.ID)
		if err != nil {
			return err
		}
		if c.Secrets == nil {
			c.Secrets = make(map[string]string)
		}
		maps.Copy(c.Secrets, secrets)
		return saveConnector(ctx, tx, c)
	})
	if err != nil {
		return c, fmt.Errorf("connector %s: %w", c.Name, err)
	}
	return s.ConnectorByID(ctx, c.ID)
}

// RevertConnector puts a connector back as it was before an update that is not
// kept, and forgets the tests made since. It refuses when somebody else has
// changed it meanwhile.
func (s *Store) RevertConnector(ctx context.Context, before Connector) error {
	before.Version++ // by the update
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var updated time.Time
		err := tx.QueryRow(ctx, "SELECT updated_at FROM connectors WHERE id = $1 FOR NO KEY UPDATE", before.ID).Scan(&updated)
		if err == nil {
			err = saveConnector(ctx, tx, before)
		}
		if errors.Is(err, pgx.ErrNoRows) {
			err = errChanged
		}
		if err == nil {
			_, err = tx.Exec(ctx, "UPDATE connectors SET changed_at = $2 WHERE id = $1", before.ID, before.ChangedAt)
		}
		if err == nil {
			_, err = tx.Exec(ctx, "DELETE FROM connector_checks WHERE connector_id = $1 AND at >= $2", before.ID, updated)
		}
		if err != nil {
			return fmt.Errorf("put connector %s back as it was: %w", before.Name, err)
		}
		return nil
	})
}

// errChanged says that something is not as it was when it was read.
var errChanged = errors.New("it was created, changed or deleted by somebody else meanwhile: nothing was changed; try again")

// lockForChanges takes the rows to change in the order in which all who change
// profiles do: profiles first, then connectors.
func lockForChanges(ctx context.Context, tx pgx.Tx, c Changes) error {
	var profiles []int64
	var connectors []string
	for _, p := range c.Profiles {
		profiles, connectors = append(profiles, p.ID), append(connectors, p.Connector)
	}
	for _, c := range c.Connectors {
		connectors = append(connectors, c.Name)
	}
	if _, err := tx.Exec(ctx, "SELECT FROM profiles WHERE id = ANY($1) ORDER BY id FOR UPDATE", profiles); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, "SELECT FROM connectors WHERE name = ANY($1) ORDER BY id FOR NO KEY UPDATE", connectors)
	return err
}

func saveConnector(ctx context.Context, tx pgx.Tx, c Connector) error {
	if err := c.checkReferences(); err != nil {
		return err
	}
	if c.ID == 0 {
		if err := CheckConnectorName(c.Name); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `
			INSERT INTO connectors (name, description, provider, active, settings, secrets, test_every) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			c.Name, c.Description, c.Provider, c.Active, c.Settings, c.Secrets, c.testEvery())
		if violates(err, "connectors_name_key") {
			return errChanged
		}
		return err
	}
	tag, err := tx.Exec(ctx, `
		UPDATE connectors
		   SET description = $3, active = $4, settings = $5, secrets = $6, test_every = $7, version = version + 1, updated_at = now(),
		       changed_at = CASE WHEN settings = $5 AND secrets = $6 THEN changed_at ELSE now() END
		 WHERE id = $1 AND version = $2`,
		c.ID, c.Version, c.Description, c.Active, c.Settings, c.Secrets, c.testEvery())
	if err == nil && tag.RowsAffected() == 0 {
		return errChanged
	}
	return err
}

func saveProfiles(ctx context.Context, tx pgx.Tx, profiles []Profile) error {
	for i := range profiles {
		if err := saveProfile(ctx, tx, &profiles[i]); err != nil {
			return fmt.Errorf("profile %s: %w", profiles[i].Name, err)
		}
	}
	for _, p := range profiles {
		if err := checkRival(ctx, tx, p); err != nil {
			return fmt.Errorf("profile %s: %w", p.Name, err)
		}
		if err := checkMaps(ctx, tx, p.Maps); err != nil {
			return fmt.Errorf("profile %s: %w", p.Name, err)
		}
	}
	return nil
}

// saveProfile creates or changes a profile and fills in its connector's id.
func saveProfile(ctx context.Context, tx pgx.Tx, p *Profile) error {
	if p.ID == 0 {
		if err := CheckProfileName(p.Name); err != nil {
			return err
		}
		err := tx.QueryRow(ctx, `
			INSERT INTO profiles (name, description, connector_id, kind, asset_types, maps, filters, active, schedule,
			                      full_every_hours, retire_after, shrink_percent, reject_percent, absent_findings)
			SELECT $1, $2, c.id, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14 FROM connectors c WHERE c.name = $3
			RETURNING connector_id`,
			p.Name, p.Description, p.Connector, p.Kind, p.AssetTypes, p.Maps, p.filters(), p.Active, p.Schedule,
			p.FullEveryHours, p.RetireAfter, p.ShrinkPercent, p.RejectPercent, p.AbsentFindings).Scan(&p.ConnectorID)
		if errors.Is(err, pgx.ErrNoRows) || violates(err, "profiles_name_key") {
			return errChanged
		}
		return err
	}
	var updated time.Time
	err := tx.QueryRow(ctx, `
		UPDATE profiles
		   SET description = $3, asset_types = $4, maps = $5, filters = $6, active = $7, schedule = $8, full_every_hours = $9,
		       retire_after = $10, shrink_percent = $11, reject_percent = $12, absent_findings = $13, updated_at = now()
		 WHERE id = $1 AND updated_at = $2 RETURNING connector_id, updated_at`,
		p.ID, p.UpdatedAt, p.Description, p.AssetTypes, p.Maps, p.filters(), p.Active, p.Schedule, p.FullEveryHours,
		p.RetireAfter, p.ShrinkPercent, p.RejectPercent, p.AbsentFindings).Scan(&p.ConnectorID, &updated)
	if errors.Is(err, pgx.ErrNoRows) {
		return errChanged
	}
	return err
}
