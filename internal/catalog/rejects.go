package catalog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Reject is a record, or a finding of one, that did not get into the
// inventory, with the reason.
type Reject struct {
	Stream    string `json:"stream"`
	Batch     int    `json:"batch"`
	Stage     string `json:"stage"`   // "fetch": it could not be read; "transform": the map could not be applied
	Ordinal   int64  `json:"ordinal"` // the record's place in its batch
	Finding   int    `json:"finding"` // the finding's place in its record; -1: the whole record
	AssetID   string `json:"assetId"`
	FindingID string `json:"findingId"`
	MapRow    string `json:"mapRow"`
	Value     string `json:"value"`
	Reason    string `json:"reason"`
}

func insertRejects(ctx context.Context, tx pgx.Tx, ref BatchRef, stage string, rejects []Reject) error {
	if len(rejects) == 0 {
		return nil
	}
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"rejects"},
		[]string{"run_id", "stream", "batch", "stage", "ordinal", "finding", "asset_id", "finding_id", "map_row", "value", "reason"},
		pgx.CopyFromSlice(len(rejects), func(i int) ([]any, error) {
			r := rejects[i]
			return []any{ref.RunID, ref.Stream, ref.Batch, stage, r.Ordinal, r.Finding, r.AssetID, r.FindingID, r.MapRow, r.Value, r.Reason}, nil
		}))
	return err
}

// Rejects lists a run's rejects in the order of its records, a page at a time.
func (s *Store) Rejects(ctx context.Context, runID int64, limit, offset int) ([]Reject, error) {
	rows, err := s.pool.Query(ctx, `
		SELECT stream, batch, stage, ordinal, finding, asset_id, finding_id, map_row, value, reason
		  FROM rejects WHERE run_id = $1 ORDER BY stream, batch, stage, ordinal, finding LIMIT $2 OFFSET $3`, runID, limit, offset)
	if err != nil {
		return nil, fmt.Errorf("list rejects: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Reject])
}

// SetAsideIDs returns the external ids of a stream's records that could not be
// read: they are there all the same.
func (s *Store) SetAsideIDs(ctx context.Context, runID int64, stream string) ([]string, error) {
	rows, err := s.pool.Query(ctx, "SELECT asset_id FROM rejects WHERE run_id = $1 AND stream = $2 AND stage = 'fetch' AND asset_id <> ''", runID, stream)
	if err != nil {
		return nil, fmt.Errorf("list records of %s that were set aside: %w", stream, err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// RejectedWithoutID counts a stream's rejected records whose asset is not
// even known: it may be any of those that were not seen. A replay has set none
// aside: the run that fetched them has. What that set aside and is kept no more is
// not known either.
func (s *Store) RejectedWithoutID(ctx context.Context, runID, fetchedBy int64, stream string) (int64, error) {
	var n int64
	err := s.pool.QueryRow(ctx, `
		SELECT count(*) FILTER (WHERE asset_id = '') + greatest(0, (SELECT set_aside FROM fetch_checkpoints WHERE run_id = $2 AND stream = $3)
		       - count(*) FILTER (WHERE stage = 'fetch'))
		  FROM rejects
		 WHERE stream = $3 AND (run_id = $1 AND stage = 'transform' OR run_id = $2 AND stage = 'fetch')`,
		runID, fetchedBy, stream).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count rejects of %s: %w", stream, err)
	}
	return n, nil
}
