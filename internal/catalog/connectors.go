package catalog

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"sluice/internal/schedule"
	"sluice/internal/secret"
)

// Connector is a configured connection to a provider. Secrets holds, by
// field, sealed texts or references; only package secret can open them.
type Connector struct {
	ID          int64             `json:"-"`
	Name        string            `json:"name"`
	Description string            `json:"description"`
	Provider    string            `json:"provider"`
	Active      bool              `json:"active"`
	Settings    map[string]string `json:"settings"`
	Secrets     map[string]string `json:"-"`
	// TestEvery is how often it is tested by itself; 0: never.
	TestEvery schedule.Duration `json:"testEvery,omitzero"`
	Version   int32             `json:"version"`
	CreatedAt time.Time         `json:"createdAt"`
	UpdatedAt time.Time         `json:"updatedAt"`
	// ChangedAt is when its settings or secrets were last changed: tests from
	// before say nothing of it as it is.
	ChangedAt time.Time `json:"changedAt"`
}

const connectorColumns = "id, name, description, provider, active, settings, secrets, test_every, version, created_at, updated_at, changed_at"

func scanConnector(row pgx.CollectableRow) (c Connector, err error) {
	var testEvery string
	err = row.Scan(&c.ID, &c.Name, &c.Description, &c.Provider, &c.Active, &c.Settings, &c.Secrets, &testEvery, &c.Version, &c.CreatedAt, &c.UpdatedAt, &c.ChangedAt)
	if err == nil && testEvery != "" {
		err = c.TestEvery.Set(testEvery)
	}
	return c, err
}

// testEvery is how TestEvery is stored.
func (c Connector) testEvery() string {
	if c.TestEvery.IsZero() {
		return ""
	}
	return c.TestEvery.String()
}

// The bounds of Connector.TestEvery: a test asks the vendor, and counts against
// its limits.
const (
	minTestEvery = schedule.Duration(5 * time.Minute)
	maxTestEvery = schedule.Duration(30 * 24 * time.Hour)
)

// ParseTestEvery reads how often a connector is to be tested; empty is never.
func ParseTestEvery(text string) (every schedule.Duration, err error) {
	if text == "" {
		return 0, nil
	}
	if err := every.Set(text); err != nil || every < minTestEvery || every > maxTestEvery {
		return 0, fmt.Errorf("%q is no time between tests: give %s to %s, such as 6h; empty ends them", text, minTestEvery, maxTestEvery)
	}
	return every, nil
}

// CheckConnectorName says whether a connector can have that name. It is shown
// in tables, logs and workflow ids, so it is short and plain to see.
func CheckConnectorName(name string) error {
	shown := func(r rune) bool { return unicode.IsGraphic(r) && (r == ' ' || !unicode.IsSpace(r)) }
	hidden := strings.IndexFunc(name, func(r rune) bool { return !shown(r) }) >= 0
	if name == "" || len(name) > 100 || name != strings.TrimSpace(name) || hidden || !utf8.ValidString(name) {
		return fmt.Errorf("connector name %q cannot be used: at most 100 bytes of visible characters, without blanks around it", name)
	}
	return nil
}

// CreateConnector stores a connector. Sealing binds a secret to the
// connector's id, so seal is called with it and returns the secrets to store.
func (s *Store) CreateConnector(ctx context.Context, c Connector, seal func(id int64) (map[string]string, error)) (Connector, error) {
	if err := CheckConnectorName(c.Name); err != nil {
		return c, err
	}
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `
			INSERT INTO connectors (name, description, provider, active, settings, test_every)
			VALUES ($1, $2, $3, $4, $5, $6) RETURNING id, version, created_at, updated_at, changed_at`,
			c.Name, c.Description, c.Provider, c.Active, c.Settings, c.testEvery()).Scan(&c.ID, &c.Version, &c.CreatedAt, &c.UpdatedAt, &c.ChangedAt)
		if err != nil {
			return err
		}
		if c.Secrets, err = seal(c.ID); err != nil {
			return err
		}
		if err := c.checkReferences(); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "UPDATE connectors SET secrets = $2 WHERE id = $1", c.ID, c.Secrets)
		return err
	})
	if violates(err, "connectors_name_key") {
		return c, taken(c.Name)
	}
	if err != nil {
		return c, fmt.Errorf("create connector %s: %w", c.Name, err)
	}
	return c, nil
}

// checkReferences refuses secrets that refer to what is not a vendor's to know.
func (c Connector) checkReferences() error {
	for _, field := range slices.Sorted(maps.Keys(c.Secrets)) {
		if err := secret.CheckReference(c.Secrets[field]); err != nil {
			return fmt.Errorf("%s: %w", field, err)
		}
	}
	return nil
}

func taken(name string) error {
	return fmt.Errorf("there is a connector %q already: choose another name, or delete it first", name)
}

// RenameConnector gives a connector another name and returns it as it is then.
// Its secrets, profiles, runs and assets refer to it by its id, and stay.
func (s *Store) RenameConnector(ctx context.Context, old, name string) (Connector, error) {
	c, err := s.Connector(ctx, old)
	if err != nil {
		return c, err
	}
	if err := CheckConnectorName(name); err != nil {
		return c, err
	}
	if name == old {
		return c, fmt.Errorf("connector %s has that name already", old)
	}
	// A new version, so that workers know it by its new name.
	tag, err := s.pool.Exec(ctx, "UPDATE connectors SET name = $3, version = version + 1, updated_at = now() WHERE id = $1 AND version = $2", c.ID, c.Version, name)
	switch {
	case violates(err, "connectors_name_key"):
		return c, taken(name)
	case err != nil:
		return c, fmt.Errorf("rename connector %s: %w", old, err)
	case tag.RowsAffected() == 0:
		return c, fmt.Errorf("rename connector %s: %w", old, errChanged)
	}
	return s.ConnectorByID(ctx, c.ID)
}

// Connectors lists all connectors by name.
func (s *Store) Connectors(ctx context.Context) ([]Connector, error) {
	rows, err := s.pool.Query(ctx, "SELECT "+connectorColumns+" FROM connectors ORDER BY name")
	if err != nil {
		return nil, fmt.Errorf("list connectors: %w", err)
	}
	return pgx.CollectRows(rows, scanConnector)
}

// Connector returns the connector of that name.
func (s *Store) Connector(ctx context.Context, name string) (Connector, error) {
	return s.connector(ctx, name, "name = $1", name)
}

// ConnectorByID returns the connector with that id.
func (s *Store) ConnectorByID(ctx context.Context, id int64) (Connector, error) {
	return s.connector(ctx, fmt.Sprint(id), "id = $1", id)
}

func (s *Store) connector(ctx context.Context, name, where string, arg any) (Connector, error) {
	rows, err := s.pool.Query(ctx, "SELECT "+connectorColumns+" FROM connectors WHERE "+where, arg)
	if err != nil {
		return Connector{}, fmt.Errorf("read connector %s: %w", name, err)
	}
	c, err := pgx.CollectExactlyOneRow(rows, scanConnector)
	if errors.Is(err, pgx.ErrNoRows) {
		return c, missing("connector", name, s.names(ctx, "connectors"))
	}
	if err != nil {
		return c, fmt.Errorf("read connector %s: %w", name, err)
	}
	return c, nil
}

// DeleteConnector removes a connector with everything the inventory has from
// it. It refuses while profiles use it, naming them.
func (s *Store) DeleteConnector(ctx context.Context, name string) error {
	c, err := s.Connector(ctx, name)
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, "SELECT name FROM profiles WHERE connector_id = $1 ORDER BY name", c.ID)
		if err != nil {
			return fmt.Errorf("delete connector %s: %w", name, err)
		}
		profiles, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return fmt.Errorf("delete connector %s: %w", name, err)
		}
		if len(profiles) > 0 {
			return fmt.Errorf("connector %s is used by %v: delete these profiles first", name, profiles)
		}
		for _, statement := range []string{
			"DELETE FROM change_log WHERE asset_id IN (SELECT id FROM assets WHERE connector_id = $1)",
			"DELETE FROM finding_sightings WHERE finding_id IN (SELECT f.id FROM assets a JOIN findings f ON f.asset_id = a.id WHERE a.connector_id = $1)",
			"DELETE FROM findings WHERE asset_id IN (SELECT id FROM assets WHERE connector_id = $1)",
			"DELETE FROM assets WHERE connector_id = $1",
			"DELETE FROM connectors WHERE id = $1",
		} {
			if _, err := tx.Exec(ctx, statement, c.ID); err != nil {
				return fmt.Errorf("delete connector %s: %w", name, err)
			}
		}
		return nil
	})
}
