// Package catalog keeps what Sluice is configured to do and what its runs
// did, in PostgreSQL: connectors, profiles, transform maps, runs, leases,
// checkpoints, chunks, rejects and the log. The inventory itself is package
// inventory's.
package catalog

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/suggest"
)

// Store is the catalog in one database. It is safe for concurrent use.
type Store struct {
	pool *pgxpool.Pool
}

// Open connects to the database. The error of an unreachable one is a single
// line with the address tried and what to set; it never holds the password.
func Open(ctx context.Context, databaseURL string) (*Store, error) {
	cfg, err := pgxpool.ParseConfig(databaseURL)
	if err != nil {
		return nil, errors.New("the database URL cannot be read: it should look like postgres://user:password@host:5432/database (set SLUICE_DATABASE_URL)")
	}
	params := cfg.ConnConfig.RuntimeParams
	params["application_name"] = "sluice"
	// A worker that hangs inside a transaction must not hold its locks for
	// ever: the next attempt is waiting for them.
	params["idle_in_transaction_session_timeout"] = "60000"
	// The server takes note within a minute or so that a host has vanished, and
	// ends the locks it held.
	params["tcp_keepalives_idle"] = "30"
	params["tcp_keepalives_interval"] = "10"
	params["tcp_keepalives_count"] = "3"
	params["timezone"] = "UTC"
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	reach, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := pool.Ping(reach); err != nil {
		pool.Close()
		return nil, unreachable(cfg.ConnConfig.Host, cfg.ConnConfig.Port, cfg.ConnConfig.Database, err)
	}
	return &Store{pool: pool}, nil
}

func unreachable(host string, port uint16, database string, err error) error {
	why := err.Error()
	var pg *pgconn.PgError
	var dial *net.OpError
	switch {
	case errors.As(err, &pg):
		why = pg.Message
	case errors.As(err, &dial):
		why = dial.Err.Error()
	case errors.Is(err, context.DeadlineExceeded):
		why = "no answer within 10 s"
	}
	where := (&url.URL{Scheme: "postgres", Host: net.JoinHostPort(host, fmt.Sprint(port)), Path: "/" + database}).String()
	return fmt.Errorf("PostgreSQL at %s cannot be used: %s. Check that it runs, and SLUICE_DATABASE_URL if you set it; 'sluice dev' starts one", where, why)
}

// Close releases the connections.
func (s *Store) Close() { s.pool.Close() }

// Pool gives the inventory the same connections.
func (s *Store) Pool() *pgxpool.Pool { return s.pool }

// ErrNotFound says that nothing of that name is in the catalog. Errors that
// wrap it name what is known.
var ErrNotFound = errors.New("not found")

// missing is the error for an unknown name; known are the names there are.
func missing(what, name string, known []string) error {
	return &UnknownError{What: what, Name: name, Known: known}
}

// UnknownError is an ErrNotFound that knows the names there are.
type UnknownError struct {
	What  string // "profile"
	Name  string
	Known []string
}

func (e *UnknownError) Error() string {
	if len(e.Known) == 0 {
		return fmt.Sprintf("unknown %s %q: there is none yet", e.What, e.Name)
	}
	return fmt.Sprintf("unknown %s %q%s", e.What, e.Name, suggest.Ending(e.Name, e.Known))
}

// Is makes an UnknownError an ErrNotFound.
func (e *UnknownError) Is(target error) bool { return target == ErrNotFound }

// goneError is an ErrNotFound that says itself what is not there, or not any
// more.
type goneError string

func (e goneError) Error() string { return string(e) }

// Is makes a goneError an ErrNotFound.
func (e goneError) Is(target error) bool { return target == ErrNotFound }

// names lists a table's names for suggestions, the first hundred.
func (s *Store) names(ctx context.Context, table string) []string {
	rows, err := s.pool.Query(ctx, "SELECT name FROM "+pgx.Identifier{table}.Sanitize()+" ORDER BY name LIMIT 100")
	if err != nil {
		return nil
	}
	known, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil
	}
	return known
}

// violates reports whether err is a violation of the named constraint.
func violates(err error, constraint string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && strings.HasPrefix(pg.Code, "23") && pg.ConstraintName == constraint
}
