package catalog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"sluice/internal/lifecycle"
	"sluice/internal/source"
)

// BatchRef names a batch: the unit that is fetched, transformed and written.
// Batches of a stream are numbered from 1.
type BatchRef struct {
	RunID  int64  `json:"runId"`
	Stream string `json:"stream"`
	Batch  int    `json:"batch"`
}

// FetchPoint is how far a stream has been fetched.
type FetchPoint struct {
	Token      int32
	Cursor     string
	Batch      int32 // the batch being filled
	Chunk      int32 // chunks in it so far
	Ended      bool
	Doubt      string
	Clock      *time.Time
	Expected   int64
	Pages      int64
	Records    int64
	Repeated   int64
	SetAside   int64
	ProgressAt time.Time
	Unread     []source.Scope
}

// ClaimFetch makes this attempt the one that may fetch the batch, and returns
// where to go on. What an earlier attempt stored stays.
func (s *Store) ClaimFetch(ctx context.Context, ref BatchRef) (FetchPoint, error) {
	var p FetchPoint
	err := s.UnderLease(ctx, ref.RunID, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			UPDATE fetch_checkpoints
			   SET token = token + 1, batch = $3, chunk = CASE WHEN batch = $3 THEN chunk ELSE 0 END,
			       progress_at = CASE WHEN batch = $3 THEN progress_at ELSE now() END
			 WHERE run_id = $1 AND stream = $2 AND batch IN ($3 - 1, $3)
			RETURNING token, cursor, batch, chunk, ended, doubt, clock, expected, pages, records, repeated, set_aside, progress_at, unread`,
			ref.RunID, ref.Stream, ref.Batch)
		if err != nil {
			return err
		}
		p, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[FetchPoint])
		if errors.Is(err, pgx.ErrNoRows) {
			return fmt.Errorf("batch %d of %s: %w", ref.Batch, ref.Stream, ErrSuperseded)
		}
		return err
	})
	if err != nil {
		return p, fmt.Errorf("claim batch %d of %s: %w", ref.Batch, ref.Stream, err)
	}
	return p, nil
}

// Chunk is some records as received, compressed, with what came along.
type Chunk struct {
	Records   int
	RawBytes  int
	Data      []byte
	Documents []source.Document
	Remember  map[string]string
}

// BatchSize is what a batch's chunks come to so far.
type BatchSize struct {
	Records, RawBytes int64
}

// BatchSize sums the chunks that a batch has so far.
func (s *Store) BatchSize(ctx context.Context, ref BatchRef) (BatchSize, error) {
	var size BatchSize
	err := s.pool.QueryRow(ctx, `
		SELECT coalesce(sum(records), 0)::bigint, coalesce(sum(raw_bytes), 0)::bigint
		  FROM chunks WHERE run_id = $1 AND stream = $2 AND batch = $3`, ref.RunID, ref.Stream, ref.Batch).Scan(&size.Records, &size.RawBytes)
	if err != nil {
		return size, fmt.Errorf("size of batch %d of %s: %w", ref.Batch, ref.Stream, err)
	}
	return size, nil
}

// SaveChunk stores a chunk of the batch together with the point after it, in
// one transaction. setAside are records that could not be read at all.
func (s *Store) SaveChunk(ctx context.Context, ref BatchRef, chunk Chunk, setAside []Reject, after FetchPoint) error {
	err := s.UnderLease(ctx, ref.RunID, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			UPDATE fetch_checkpoints
			   SET cursor = $4, chunk = $5, ended = $6, doubt = $7, clock = coalesce(clock, $8), expected = $9,
			       pages = $10, records = $11, repeated = $12, set_aside = $13, unread = $14, progress_at = now()
			 WHERE run_id = $1 AND stream = $2 AND token = $3`,
			ref.RunID, ref.Stream, after.Token, after.Cursor, after.Chunk, after.Ended, after.Doubt, after.Clock, after.Expected,
			after.Pages, after.Records, after.Repeated, after.SetAside, unread(after.Unread))
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return ErrSuperseded
		}
		if err := insertRejects(ctx, tx, ref, "fetch", setAside); err != nil {
			return err
		}
		if err := saveDocuments(ctx, tx, chunk.Documents); err != nil {
			return err
		}
		if err := remember(ctx, tx, ref, chunk.Remember); err != nil {
			return err
		}
		if chunk.Records == 0 {
			return nil
		}
		_, err = tx.Exec(ctx, "INSERT INTO chunks (run_id, stream, batch, chunk, records, raw_bytes, data) VALUES ($1, $2, $3, $4, $5, $6, $7)",
			ref.RunID, ref.Stream, ref.Batch, after.Chunk, chunk.Records, chunk.RawBytes, chunk.Data)
		return err
	})
	if err != nil {
		return fmt.Errorf("store chunk %d of batch %d of %s: %w", after.Chunk, ref.Batch, ref.Stream, err)
	}
	return nil
}

// unread is what is stored: a list even when it is empty.
func unread(scopes []source.Scope) []source.Scope {
	if scopes == nil {
		return []source.Scope{}
	}
	return scopes
}

// Chunks calls f for each chunk of a batch, in order.
func (s *Store) Chunks(ctx context.Context, ref BatchRef, f func(Chunk) error) error {
	rows, err := s.pool.Query(ctx, "SELECT records, raw_bytes, data FROM chunks WHERE run_id = $1 AND stream = $2 AND batch = $3 ORDER BY chunk",
		ref.RunID, ref.Stream, ref.Batch)
	if err != nil {
		return fmt.Errorf("read batch %d of %s: %w", ref.Batch, ref.Stream, err)
	}
	defer rows.Close()
	var c Chunk
	for rows.Next() {
		// DriverBytes lends the network buffer instead of copying megabytes.
		var data pgtype.DriverBytes
		if err := rows.Scan(&c.Records, &c.RawBytes, &data); err != nil {
			return fmt.Errorf("read batch %d of %s: %w", ref.Batch, ref.Stream, err)
		}
		c.Data = data
		if err := f(c); err != nil {
			return err
		}
	}
	return rows.Err()
}

// ClaimWrite makes this attempt the one that may write the batch. When the
// batch has been written already, written is true.
func (s *Store) ClaimWrite(ctx context.Context, ref BatchRef) (token int32, written bool, err error) {
	err = s.UnderLease(ctx, ref.RunID, func(tx pgx.Tx) error {
		var batch int
		if err := tx.QueryRow(ctx, `
			UPDATE write_checkpoints SET token = token + 1 WHERE run_id = $1 AND stream = $2 RETURNING token, batch`,
			ref.RunID, ref.Stream).Scan(&token, &batch); err != nil {
			return err
		}
		written = batch >= ref.Batch
		return nil
	})
	if err != nil {
		return 0, false, fmt.Errorf("claim writing batch %d of %s: %w", ref.Batch, ref.Stream, err)
	}
	return token, written, nil
}

// BatchCounts is what writing a batch did.
type BatchCounts struct {
	Assets   lifecycle.Counts `json:"assets"`
	Findings lifecycle.Counts `json:"findings"`
	// LeftAlone are what newer runs have written than the one that is replayed.
	LeftAlone int64 `json:"leftAlone,omitempty"`
	// Conflicting are records of assets of which other records say otherwise.
	Conflicting int64 `json:"conflicting,omitempty"`
}

// WriteBatch runs write, stores the batch's rejects and moves the stream's
// checkpoint to the batch, all in one transaction, so that a batch is in the
// inventory once or not at all.
func (s *Store) WriteBatch(ctx context.Context, ref BatchRef, token int32, rejects []Reject, write func(pgx.Tx) (BatchCounts, error)) (BatchCounts, error) {
	var counts BatchCounts
	err := s.asWriter(ctx, ref, token, func(tx pgx.Tx) error {
		var err error
		if counts, err = write(tx); err != nil {
			return err
		}
		if err := insertRejects(ctx, tx, ref, "transform", rejects); err != nil {
			return err
		}
		a, f := counts.Assets, counts.Findings
		if _, err := tx.Exec(ctx, `
			INSERT INTO batches (run_id, stream, batch,
			       assets_created, assets_updated, assets_unchanged, assets_returned, assets_rejected, assets_left_out,
			       findings_created, findings_updated, findings_unchanged, findings_returned, findings_rejected, findings_left_out,
			       left_alone, conflicting)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
			ref.RunID, ref.Stream, ref.Batch, a.Created, a.Updated, a.Unchanged, a.Returned, a.Rejected, a.LeftOut,
			f.Created, f.Updated, f.Unchanged, f.Returned, f.Rejected, f.LeftOut, counts.LeftAlone, counts.Conflicting); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "UPDATE write_checkpoints SET batch = $3 WHERE run_id = $1 AND stream = $2", ref.RunID, ref.Stream, ref.Batch)
		return err
	})
	if err != nil {
		return counts, fmt.Errorf("write batch %d of %s: %w", ref.Batch, ref.Stream, err)
	}
	return counts, nil
}

// asWriter runs f while this attempt holds the stream's write checkpoint.
func (s *Store) asWriter(ctx context.Context, ref BatchRef, token int32, f func(pgx.Tx) error) error {
	return s.UnderLease(ctx, ref.RunID, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, "SELECT FROM write_checkpoints WHERE run_id = $1 AND stream = $2 AND token = $3 AND batch = $4 - 1 FOR UPDATE",
			ref.RunID, ref.Stream, token, ref.Batch).Scan()
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrSuperseded
		}
		if err != nil {
			return err
		}
		return f(tx)
	})
}

// BatchCountsOf returns what writing a batch did, for an attempt that comes
// after the one that wrote it.
func (s *Store) BatchCountsOf(ctx context.Context, ref BatchRef) (BatchCounts, error) {
	var c BatchCounts
	a, f := &c.Assets, &c.Findings
	err := s.pool.QueryRow(ctx, `
		SELECT assets_created, assets_updated, assets_unchanged, assets_returned, assets_rejected, assets_left_out,
		       findings_created, findings_updated, findings_unchanged, findings_returned, findings_rejected, findings_left_out,
		       left_alone, conflicting
		  FROM batches WHERE run_id = $1 AND stream = $2 AND batch = $3`, ref.RunID, ref.Stream, ref.Batch).
		Scan(&a.Created, &a.Updated, &a.Unchanged, &a.Returned, &a.Rejected, &a.LeftOut,
			&f.Created, &f.Updated, &f.Unchanged, &f.Returned, &f.Rejected, &f.LeftOut, &c.LeftAlone, &c.Conflicting)
	if err != nil {
		return c, fmt.Errorf("counts of batch %d of %s: %w", ref.Batch, ref.Stream, err)
	}
	return c, nil
}

// Conflicting counts the records of a run's stream that contradict another one
// of the same asset.
func (s *Store) Conflicting(ctx context.Context, runID int64, stream string) (n int64, err error) {
	err = s.pool.QueryRow(ctx, "SELECT coalesce(sum(conflicting), 0)::bigint FROM batches WHERE run_id = $1 AND stream = $2", runID, stream).Scan(&n)
	if err != nil {
		err = fmt.Errorf("count records of %s that contradict each other: %w", stream, err)
	}
	return n, err
}
