package catalog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/source"
)

// Replay says that a run transforms and writes again what another run fetched.
type Replay struct {
	Run int64 `json:"run"` // whose records they are
	// RejectsOnly: only the records that the other run rejected, or rejected
	// findings of.
	RejectsOnly bool `json:"rejectsOnly,omitempty"`
}

// NotReplayableError says why a run cannot be replayed.
type NotReplayableError struct{ reason string }

func (e *NotReplayableError) Error() string { return e.reason }

func notReplayable(format string, args ...any) error {
	return &NotReplayableError{fmt.Sprintf(format, args...)}
}

// Replayable returns what a run went by, when it can be replayed; else
// a *NotReplayableError says why it cannot.
func (s *Store) Replayable(ctx context.Context, runID int64) (Plan, error) {
	run, err := s.Run(ctx, runID)
	if err != nil {
		return Plan{}, err
	}
	plan, err := s.PlanOf(ctx, runID)
	if err != nil {
		return plan, err
	}
	if run.FinishedAt == nil {
		return plan, notReplayable("run %d is under way: it can be replayed when it is over", runID)
	}
	if plan.Replay != nil {
		return plan, notReplayable("run %d is a replay itself: replay run %d, whose records they are", runID, plan.Replay.Run)
	}
	profile, err := s.Profile(ctx, plan.Profile)
	if errors.Is(err, ErrNotFound) || err == nil && profile.ID != plan.ProfileID {
		return plan, notReplayable("run %d cannot be replayed: its profile %s was deleted", runID, plan.Profile)
	}
	if err != nil {
		return plan, err
	}
	var fetched, kept int64
	if err := s.pool.QueryRow(ctx, `
		SELECT (SELECT coalesce(sum(records), 0)::bigint FROM fetch_checkpoints WHERE run_id = $1),
		       (SELECT coalesce(sum(records), 0)::bigint FROM chunks WHERE run_id = $1)`, runID).Scan(&fetched, &kept); err != nil {
		return plan, fmt.Errorf("look for what run %d fetched: %w", runID, err)
	}
	switch {
	case fetched == 0:
		return plan, notReplayable("run %d fetched no records: there is nothing to replay", runID)
	case kept < fetched:
		return plan, notReplayable("run %d cannot be replayed: what it fetched is kept no more, since its retention is over; 'sluice run %s --mode full' fetches it anew", runID, plan.Profile)
	}
	return plan, nil
}

// RejectsReplayable says, as a *NotReplayableError, why what a run rejected cannot
// be replayed; nil: it can.
func (s *Store) RejectsReplayable(ctx context.Context, runID int64) error {
	var rejected, kept int64
	if err := s.pool.QueryRow(ctx, `
		SELECT (SELECT coalesce(sum(assets_rejected + findings_rejected), 0)::bigint FROM batches WHERE run_id = $1),
		       (SELECT count(*) FROM rejects WHERE run_id = $1 AND stage = 'transform')`, runID).Scan(&rejected, &kept); err != nil {
		return fmt.Errorf("look for what run %d rejected: %w", runID, err)
	}
	switch {
	case rejected == 0:
		return notReplayable("run %d rejected nothing: there is nothing to replay", runID)
	case kept < rejected:
		return notReplayable("which records run %d rejected is kept no more, since its retention is over; 'sluice runs replay %d' replays all of them", runID, runID)
	}
	return nil
}

// ReplayBatch is a batch of a replay: what it takes of the replayed run.
type ReplayBatch struct {
	Ref     BatchRef // of the replayed run
	Records int64    // that it takes
	// Before counts what the batches before it take, All what all do.
	Before, All int64
	Last        bool
}

// ReplayBatch returns the batch of a replay that has a number, from 1; nil
// when the stream has no such.
func (s *Store) ReplayBatch(ctx context.Context, replay Replay, stream string, number int) (*ReplayBatch, error) {
	taken := "SELECT batch, sum(records)::bigint AS records FROM chunks WHERE run_id = $1 AND stream = $2 GROUP BY batch"
	if replay.RejectsOnly {
		taken = `SELECT batch, count(DISTINCT ordinal) AS records FROM rejects
		          WHERE run_id = $1 AND stream = $2 AND stage = 'transform' GROUP BY batch`
	}
	b := ReplayBatch{Ref: BatchRef{RunID: replay.Run, Stream: stream}}
	err := s.pool.QueryRow(ctx, `
		SELECT batch, records, before::bigint, total::bigint, number = batches FROM (
		       SELECT batch, records, sum(records) OVER (ORDER BY batch) - records AS before, sum(records) OVER () AS total,
		              row_number() OVER (ORDER BY batch) AS number, count(*) OVER () AS batches
		         FROM (`+taken+`) taken) numbered
		 WHERE number = $3`, replay.Run, stream, number).Scan(&b.Ref.Batch, &b.Records, &b.Before, &b.All, &b.Last)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for batch %d of the replay of %s of run %d: %w", number, stream, replay.Run, err)
	}
	return &b, nil
}

// RejectedRecords returns the places of a batch's records that were rejected,
// or had rejected findings.
func (s *Store) RejectedRecords(ctx context.Context, ref BatchRef) (map[int64]bool, error) {
	rows, err := s.pool.Query(ctx, "SELECT DISTINCT ordinal FROM rejects WHERE run_id = $1 AND stream = $2 AND batch = $3 AND stage = 'transform'",
		ref.RunID, ref.Stream, ref.Batch)
	if err != nil {
		return nil, fmt.Errorf("list what was rejected of batch %d of %s: %w", ref.Batch, ref.Stream, err)
	}
	places := make(map[int64]bool)
	var place int64
	_, err = pgx.ForEachRow(rows, []any{&place}, func() error { places[place] = true; return nil })
	return places, err
}

// overtaken says that a run of the connector and kind of the run r, which the
// run this replays, brings something newer: one that went on when r had ended, or a
// replay of such. One that came to nothing before the replay began does not count;
// one that is under way may, whatever it comes to. So what overtakes once, does for
// all of the replay.
const overtaken = `EXISTS (SELECT FROM runs later
	WHERE later.connector_id = r.connector_id AND later.id NOT IN (r.id, this.id)
	  AND (later.id > r.id OR later.finished_at > r.finished_at OR later.finished_at IS NULL)
	  AND later.plan->>'kind' = r.plan->>'kind' AND NOT later.plan ? 'dry'
	  AND (NOT later.plan ? 'replay' OR (later.plan->'replay'->>'run')::bigint > r.id)
	  AND NOT (coalesce(later.finished_at < this.started_at, false) AND later.outcome IN ('failed', 'cancelled')
	           AND NOT EXISTS (SELECT FROM batches b WHERE b.run_id = later.id)))`

// Since says what came after a run that is replayed.
type Since struct {
	Ended time.Time // the run
	// Overtaken: another run of its connector and kind has brought, or may bring,
	// something newer.
	Overtaken bool
	// ReadAgain: another run of its profile that has read all of the stream.
	ReadAgain bool
}

// SinceRun says what came after a run that another one replays, as a transaction
// sees it.
func SinceRun(ctx context.Context, tx pgx.Tx, replay, runID int64, stream string) (since Since, err error) {
	err = tx.QueryRow(ctx, `
		SELECT r.finished_at, `+overtaken+`,
		       EXISTS (SELECT FROM watermarks w JOIN runs full_run ON full_run.id = w.full_run
		                WHERE w.profile_id = r.profile_id AND w.stream = $3 AND coalesce((full_run.plan->'replay'->>'run')::bigint, full_run.id) > r.id)
		  FROM runs r, runs this WHERE r.id = $2 AND this.id = $1`, replay, runID, stream).Scan(&since.Ended, &since.Overtaken, &since.ReadAgain)
	if err != nil {
		err = fmt.Errorf("look for runs after run %d: %w", runID, err)
	}
	return since, err
}

// HowFetched is how the fetching of a stream ended.
type HowFetched struct {
	Ended    bool   // the vendor marked the end
	Doubt    string // why that cannot be believed
	Records  int64
	SetAside int64
	Unread   []source.Scope
}

// HowFetched says how a run's fetching of a stream ended.
func (s *Store) HowFetched(ctx context.Context, runID int64, stream string) (how HowFetched, err error) {
	err = s.pool.QueryRow(ctx, "SELECT ended, doubt, records, set_aside, unread FROM fetch_checkpoints WHERE run_id = $1 AND stream = $2", runID, stream).
		Scan(&how.Ended, &how.Doubt, &how.Records, &how.SetAside, &how.Unread)
	if err != nil {
		err = fmt.Errorf("read how far run %d came with %s: %w", runID, stream, err)
	}
	return how, err
}

// NoteReread keeps how far a replay has come with a stream.
func (s *Store) NoteReread(ctx context.Context, ref BatchRef, b ReplayBatch) error {
	_, err := s.pool.Exec(ctx, `
		UPDATE fetch_checkpoints SET batch = $3, records = $4, expected = $5, ended = $6, progress_at = now()
		 WHERE run_id = $1 AND stream = $2 AND batch <= $3`, ref.RunID, ref.Stream, ref.Batch, b.Before+b.Records, b.All, b.Last)
	if err != nil {
		return fmt.Errorf("note how far the replay of %s is: %w", ref.Stream, err)
	}
	return nil
}

// KeptBatchesOf lists the batches of a run's stream whose records are still
// kept, in order.
func (s *Store) KeptBatchesOf(ctx context.Context, runID int64, stream string) ([]BatchRef, error) {
	rows, err := s.pool.Query(ctx, "SELECT DISTINCT run_id, stream, batch FROM chunks WHERE run_id = $1 AND stream = $2 ORDER BY batch", runID, stream)
	if err != nil {
		return nil, fmt.Errorf("look for kept records of %s of run %d: %w", stream, runID, err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[BatchRef])
}
