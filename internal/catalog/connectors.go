package catalog

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"sluice/internal/source"
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
	Version     int32             `json:"version"`
	CreatedAt   time.Time         `json:"createdAt"`
	UpdatedAt   time.Time         `json:"updatedAt"`
}

const connectorColumns = "id, name, description, provider, active, settings, secrets, version, created_at, updated_at"

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
			INSERT INTO connectors (name, description, provider, active, settings)
			VALUES ($1, $2, $3, $4, $5) RETURNING id, version, created_at, updated_at`,
			c.Name, c.Description, c.Provider, c.Active, c.Settings).Scan(&c.ID, &c.Version, &c.CreatedAt, &c.UpdatedAt)
		if err != nil {
			return err
		}
		if c.Secrets, err = seal(c.ID); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "UPDATE connectors SET secrets = $2 WHERE id = $1", c.ID, c.Secrets)
		return err
	})
	if violates(err, "connectors_name_key") {
		return c, fmt.Errorf("there is a connector %q already: choose another name, or delete it first", c.Name)
	}
	if err != nil {
		return c, fmt.Errorf("create connector %s: %w", c.Name, err)
	}
	return c, nil
}

// Connectors lists all connectors by name.
func (s *Store) Connectors(ctx context.Context) ([]Connector, error) {
	rows, err := s.pool.Query(ctx, "SELECT "+connectorColumns+" FROM connectors ORDER BY name")
	if err != nil {
		return nil, fmt.Errorf("list connectors: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Connector])
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
	c, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Connector])
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

// ConnectorCheck is one stored step of a connection test.
type ConnectorCheck struct {
	At   time.Time `json:"at"`
	Kind string    `json:"kind"`
	source.Check
}

// SaveChecks stores the results of a connection test, all with one time.
func (s *Store) SaveChecks(ctx context.Context, connectorID int64, kind string, checks []source.Check) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		for _, c := range checks {
			var seen *int64
			if c.Seen >= 0 {
				seen = &c.Seen
			}
			if _, err := tx.Exec(ctx, `
				INSERT INTO connector_checks (connector_id, kind, step, health, message, advice, latency_ms, seen)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
				connectorID, kind, c.Step, string(c.Health), c.Message, c.Advice, c.Latency.Milliseconds(), seen); err != nil {
				return fmt.Errorf("save connection test: %w", err)
			}
		}
		return nil
	})
}

// ForgetChecks deletes the results of the tests since the connector was last
// changed: those of a change that is not kept.
func (s *Store) ForgetChecks(ctx context.Context, connectorID int64) error {
	_, err := s.pool.Exec(ctx, "DELETE FROM connector_checks t USING connectors c WHERE c.id = $1 AND t.connector_id = c.id AND t.at >= c.updated_at", connectorID)
	if err != nil {
		return fmt.Errorf("forget connection tests: %w", err)
	}
	return nil
}

// LastSeen returns of each step of a kind's tests the last one that counted
// what the account sees.
func (s *Store) LastSeen(ctx context.Context, connectorID int64, kind string) ([]ConnectorCheck, error) {
	return s.checks(ctx, `
		SELECT DISTINCT ON (step) at, kind, step, health, message, advice, latency_ms, coalesce(seen, -1)
		  FROM connector_checks WHERE connector_id = $1 AND kind = $2 AND seen IS NOT NULL ORDER BY step, at DESC`, connectorID, kind)
}

// LatestChecks returns the steps of the last test of each kind.
func (s *Store) LatestChecks(ctx context.Context, connectorID int64) ([]ConnectorCheck, error) {
	return s.checks(ctx, `
		SELECT at, kind, step, health, message, advice, latency_ms, coalesce(seen, -1)
		  FROM connector_checks c
		 WHERE connector_id = $1
		   AND at = (SELECT max(at) FROM connector_checks l WHERE l.connector_id = $1 AND l.kind = c.kind)
		 ORDER BY kind, id`, connectorID)
}

func (s *Store) checks(ctx context.Context, query string, args ...any) ([]ConnectorCheck, error) {
	rows, err := s.pool.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read connection tests: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (ConnectorCheck, error) {
		var c ConnectorCheck
		var ms int64
		err := row.Scan(&c.At, &c.Kind, &c.Step, &c.Health, &c.Message, &c.Advice, &ms, &c.Seen)
		c.Latency = time.Duration(ms) * time.Millisecond
		return c, err
	})
}
