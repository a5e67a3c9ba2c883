package catalog

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Retention is how long what is not kept for ever is kept.
type Retention struct {
	Raw time.Duration // what vendors sent, after the end of its run
	Log time.Duration // logs, rejects and connection tests
}

// Cleaned counts what a clean-up deleted.
type Cleaned struct {
	Chunks  int64 `json:"chunks"`
	Log     int64 `json:"log"`
	Rejects int64 `json:"rejects"`
	Checks  int64 `json:"checks"`
	Uploads int64 `json:"uploads"`
	Samples int64 `json:"samples"` // that nobody has taken
}

// cleanAtOnce bounds a statement of a clean-up, so that it holds no lock for
// long and can be stopped in between.
const cleanAtOnce = 2000

// notReplayed says that no replay of the run r is under way, which would miss
// what is deleted.
const notReplayed = "NOT EXISTS (SELECT FROM leases l JOIN runs again ON again.id = l.run_id WHERE (again.plan->'replay'->>'run')::bigint = r.id)"

// keepOutCleanUp lets no clean-up delete anything until the transaction ends:
// who takes a lease to keep something does so before or after a deletion, never
// during one, which would not see the lease.
func keepOutCleanUp(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtext('clean-up'), 0)")
	return err
}

// CleanUp deletes what is past its retention. The history of runs, their
// counts and the changes of the inventory are kept. The last test of each of a
// connector's applications is kept, however old.
func (s *Store) CleanUp(ctx context.Context, r Retention, now time.Time) (Cleaned, error) {
	var done Cleaned
	for _, step := range []struct {
		count  *int64
		before time.Time
		query  string
	}{
		{&done.Chunks, now.Add(-r.Raw), `
			DELETE FROM chunks WHERE (run_id, stream, batch, chunk) IN (
			SELECT c.run_id, c.stream, c.batch, c.chunk FROM chunks c JOIN runs r ON r.id = c.run_id
			 WHERE r.finished_at < $1 AND ` + notReplayed + ` LIMIT $2)`},
		{&done.Uploads, now.Add(-r.Raw), `
			DELETE FROM uploads WHERE id IN (
			SELECT u.id FROM uploads u WHERE coalesce(u.ended_at, u.created_at) < $1
			   AND NOT EXISTS (SELECT FROM runs r WHERE r.profile_id = u.profile_id AND (r.plan->>'upload')::bigint = u.id
			                      AND (r.finished_at IS NULL OR r.finished_at >= $1)) LIMIT $2)`},
		{&done.Samples, now.Add(-sampleKept), "DELETE FROM samples WHERE id IN (SELECT id FROM samples WHERE created_at < $1 LIMIT $2)"},
		{&done.Rejects, now.Add(-r.Log), `
			DELETE FROM rejects WHERE ctid IN (
			SELECT j.ctid FROM rejects j JOIN runs r ON r.id = j.run_id
			 WHERE r.finished_at < $1 AND ` + notReplayed + ` LIMIT $2)`},
		{&done.Log, now.Add(-r.Log), "DELETE FROM log WHERE id IN (SELECT id FROM log WHERE at < $1 LIMIT $2)"},
		{&done.Checks, now.Add(-r.Log), `
			DELETE FROM connector_checks WHERE id IN (
			SELECT id FROM connector_checks c WHERE at < $1
			   AND EXISTS (SELECT FROM connector_checks l WHERE l.connector_id = c.connector_id AND l.application = c.application AND l.at > c.at) LIMIT $2)`},
	} {
		for {
			var tag pgconn.CommandTag
			err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) (err error) {
				if err = keepOutCleanUp(ctx, tx); err == nil {
					tag, err = tx.Exec(ctx, step.query, step.before, cleanAtOnce)
				}
				return err
			})
			if err != nil {
				return done, fmt.Errorf("clean up: %w", err)
			}
			*step.count += tag.RowsAffected()
			if tag.RowsAffected() < cleanAtOnce {
				break
			}
		}
	}
	return done, nil
}
