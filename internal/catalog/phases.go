package catalog

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Phase is how a stream of a run went, in figures.
type Phase struct {
	Stream   string     `json:"stream"`
	Batches  int64      `json:"batches"`
	Pages    int64      `json:"pages"`
	Records  int64      `json:"records"`
	Repeated int64      `json:"repeated"` // delivered more than once
	SetAside int64      `json:"setAside"`
	Findings int64      `json:"findings"`
	Ended    bool       `json:"ended"` // the vendor marked the end
	Begun    *time.Time `json:"begun"` // its first batch was written
	Written  *time.Time `json:"written"`
}

// Phases returns how the streams of a run went, in the order of the plan.
func (s *Store) Phases(ctx context.Context, runID int64) ([]Phase, error) {
	plan, err := s.PlanOf(ctx, runID)
	if err != nil {
		return nil, err
	}
	order := make([]string, len(plan.Streams))
	for i, stream := range plan.Streams {
		order[i] = stream.Name
	}
	rows, err := s.pool.Query(ctx, `
		SELECT f.stream, count(b.batch), f.pages, f.records, f.repeated, f.set_aside,
		       coalesce(sum(b.findings_created + b.findings_updated + b.findings_unchanged + b.findings_returned + b.findings_rejected), 0)::bigint,
		       f.ended, min(b.written_at), max(b.written_at)
		  FROM fetch_checkpoints f LEFT JOIN batches b ON b.run_id = f.run_id AND b.stream = f.stream
		 WHERE f.run_id = $1 GROUP BY f.run_id, f.stream ORDER BY array_position($2, f.stream)`, runID, order)
	if err != nil {
		return nil, fmt.Errorf("read phases of run %d: %w", runID, err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Phase])
}
