package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/source"
)

// ConnectorCheck is one stored step of a test of a connector against one of its
// vendor's applications.
type ConnectorCheck struct {
	At          time.Time `json:"at"`
	Application string    `json:"application"` // source.Application.Name
	source.Check
}

// worstFirst orders what a test can find: what a person has to mend comes
// before what may pass, and what is not known before what is well.
var worstFirst = []source.Health{
	source.Misconfigured, source.Unauthorised, source.NotLicensed, source.Unreachable, source.Throttled, source.Unknown, source.Healthy,
}

// Worst is the worst of some steps or applications; Unknown when there is none,
// or none of them was asked.
func Worst(of ...source.Health) source.Health {
	for _, h := range worstFirst {
		if slices.Contains(of, h) {
			return h
		}
	}
	return source.Unknown
}

// Tested returns those of a connector's checks that were made of it as it is
// now: since its settings and secrets last changed.
func (c Connector) Tested(checks []ConnectorCheck) []ConnectorCheck {
	return slices.DeleteFunc(slices.Clone(checks), func(check ConnectorCheck) bool { return check.At.Before(c.ChangedAt) })
}

// Health sums up the last tests of a connector, as LatestChecks returns them,
// for the applications that its profiles use: an account need not have all of a
// vendor's modules. It is that of the worst of them; without profiles, that of
// the best application tested; and unknown where the test is from before the
// connector's settings or secrets changed.
func (c Connector) Health(checks []ConnectorCheck, used []string) source.Health {
	tested := c.Tested(checks)
	var all []source.Health
	if len(used) > 0 {
		for _, application := range used {
			all = append(all, HealthOf(tested, application))
		}
		return Worst(all...)
	}
	for _, check := range tested {
		all = append(all, HealthOf(tested, check.Application))
	}
	for _, h := range slices.Backward(worstFirst) {
		if h != source.Unknown && slices.Contains(all, h) {
			return h
		}
	}
	return source.Unknown
}

// HealthOf is the health of one application: that of its worst step.
func HealthOf(checks []ConnectorCheck, application string) source.Health {
	var steps []source.Health
	for _, check := range checks {
		if check.Application == application {
			steps = append(steps, check.Health)
		}
	}
	return Worst(steps...)
}

// SaveChecks stores the results of a test of an application, all with one time.
// The connector is as it was tested: if its settings or secrets have changed
// meanwhile, the results say nothing of it any more, and are dropped.
func (s *Store) SaveChecks(ctx context.Context, tested Connector, application string, checks []source.Check) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var changed time.Time
		err := tx.QueryRow(ctx, "SELECT changed_at FROM connectors WHERE id = $1 FOR SHARE", tested.ID).Scan(&changed)
		switch {
		case errors.Is(err, pgx.ErrNoRows), err == nil && !changed.Equal(tested.ChangedAt):
			return nil
		case err != nil:
			return fmt.Errorf("save connection test: %w", err)
		}
		for _, c := range checks {
			var seen *int64
			if c.Seen >= 0 {
				seen = &c.Seen
			}
			if _, err := tx.Exec(ctx, `
				INSERT INTO connector_checks (connector_id, application, step, health, message, advice, latency_ms, seen)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
				tested.ID, application, c.Step, string(c.Health), c.Message, c.Advice, c.Latency.Milliseconds(), seen); err != nil {
				return fmt.Errorf("save connection test: %w", err)
			}
		}
		return nil
	})
}

const checkColumns = "at, application, step, health, message, advice, latency_ms, coalesce(seen, -1)"

// LastSeen returns of each step of an application's tests the last one that
// counted what the account sees.
func (s *Store) LastSeen(ctx context.Context, connectorID int64, application string) ([]ConnectorCheck, error) {
	return s.checks(ctx, "SELECT DISTINCT ON (step) "+checkColumns+`
		  FROM connector_checks WHERE connector_id = $1 AND application = $2 AND seen IS NOT NULL ORDER BY step, at DESC`, connectorID, application)
}

// LatestChecks returns the steps of the last test of each application.
func (s *Store) LatestChecks(ctx context.Context, connectorID int64) ([]ConnectorCheck, error) {
	return s.checks(ctx, "SELECT "+checkColumns+`
		  FROM connector_checks c
		 WHERE connector_id = $1
		   AND at = (SELECT max(at) FROM connector_checks l WHERE l.connector_id = $1 AND l.application = c.application)
		 ORDER BY application, id`, connectorID)
}

// A CheckFilter chooses past checks; zero fields choose all.
type CheckFilter struct {
	Application string
	Since       time.Time
	Limit       int // the newest so many; required
}

// Checks returns the steps of past tests, newest first.
func (s *Store) Checks(ctx context.Context, connectorID int64, f CheckFilter) ([]ConnectorCheck, error) {
	return s.checks(ctx, "SELECT "+checkColumns+`
		  FROM connector_checks
		 WHERE connector_id = $1 AND ($2 = '' OR application = $2) AND at >= $3
		 ORDER BY at DESC, id DESC LIMIT $4`, connectorID, f.Application, f.Since, f.Limit)
}

func (s *Store) checks(ctx context.Context, query string, args ...any) ([]ConnectorCheck, error) {
	rows, err := s.pool.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read connection tests: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (ConnectorCheck, error) {
		var c ConnectorCheck
		var ms int64
		err := row.Scan(&c.At, &c.Application, &c.Step, &c.Health, &c.Message, &c.Advice, &ms, &c.Seen)
		c.Latency = time.Duration(ms) * time.Millisecond
		return c, err
	})
}
