package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/governor"
)

// Governor keeps the states of governors in PostgreSQL, a row for each API of a
// subscription. Its time is that of PostgreSQL.
func (s *Store) Governor() governor.Store { return limits{s.pool} }

type limits struct {
	pool *pgxpool.Pool
}

// lockState waits for the row. The time is read after that: all who change the
// row do so in the order of their times.
const lockState = `
	WITH kept AS MATERIALIZED (SELECT state FROM governor WHERE subscription = $1 AND api = $2 FOR UPDATE)
	SELECT state, clock_timestamp() FROM kept`

// Change implements governor.Store, by a transaction of two round trips. It is
// not waited for until it is on disk: what a crash of the server loses expires,
// or is told again by the vendor.
func (l limits) Change(ctx context.Context, key governor.Key, f func(now time.Time, s *governor.State) bool) error {
	if err := l.change(ctx, key, f); err != nil {
		return fmt.Errorf("limits of %s: %w", key.API, err)
	}
	return nil
}

func (l limits) change(ctx context.Context, key governor.Key, f func(now time.Time, s *governor.State) bool) error {
	conn, err := l.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release() // which closes it where a transaction is still open
	state, now, err := lockLimits(ctx, conn, key)
	if err != nil {
		return err
	}
	changed := f(now, &state)
	end := &pgx.Batch{}
	if changed {
		text, err := json.Marshal(state)
		if err != nil {
			return err
		}
		end.Queue("UPDATE governor SET state = $3 WHERE subscription = $1 AND api = $2", key.Subscription, key.API, text)
	}
	end.Queue("COMMIT")
	return conn.SendBatch(ctx, end).Close()
}

// lockLimits begins a transaction and locks the row, which is made when it is not
// there yet.
func lockLimits(ctx context.Context, conn *pgxpool.Conn, key governor.Key) (state governor.State, now time.Time, err error) {
	begin := &pgx.Batch{}
	begin.Queue("BEGIN")
	begin.Queue("SET LOCAL synchronous_commit = off")
	// Much shorter than leases live: one who hangs here keeps others from
	// renewing theirs.
	begin.Queue("SET LOCAL idle_in_transaction_session_timeout = '3s'")
	begin.Queue(lockState, key.Subscription, key.API).QueryRow(func(row pgx.Row) error {
		return row.Scan(&state, &now)
	})
	err = conn.SendBatch(ctx, begin).Close()
	if !errors.Is(err, pgx.ErrNoRows) {
		return state, now.UTC(), err
	}
	if _, err = conn.Exec(ctx, "INSERT INTO governor (subscription, api, state) VALUES ($1, $2, '{}') ON CONFLICT DO NOTHING", key.Subscription, key.API); err != nil {
		return state, now, err
	}
	err = conn.QueryRow(ctx, lockState, key.Subscription, key.API).Scan(&state, &now)
	return state, now.UTC(), err
}

// Read implements governor.Store.
func (l limits) Read(ctx context.Context, key governor.Key) (state governor.State, now time.Time, err error) {
	err = l.pool.QueryRow(ctx, `
		SELECT coalesce((SELECT state FROM governor WHERE subscription = $1 AND api = $2), '{}'), clock_timestamp()`,
		key.Subscription, key.API).Scan(&state, &now)
	if err != nil {
		return state, now, fmt.Errorf("limits of %s: %w", key.API, err)
	}
	return state, now.UTC(), nil
}

// List implements governor.Store.
func (l limits) List(ctx context.Context, subscription string) (map[string]governor.State, time.Time, error) {
	var now time.Time
	if err := l.pool.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&now); err != nil {
		return nil, now, err
	}
	rows, err := l.pool.Query(ctx, "SELECT api, state FROM governor WHERE subscription = $1", subscription)
	if err != nil {
		return nil, now, err
	}
	states := map[string]governor.State{}
	var api string
	var state governor.State
	_, err = pgx.ForEachRow(rows, []any{&api, &state}, func() error {
		states[api] = state
		state = governor.State{}
		return nil
	})
	return states, now.UTC(), err
}
