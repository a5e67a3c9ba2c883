package catalog

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/lifecycle"
	"sluice/internal/source"
)

// Phase is how a stream of a run went, in figures.
type Phase struct {
	Stream string `json:"stream"`
	// Role is empty in the history of versions that knew assets only.
	Role     source.Role `json:"role,omitempty"`
	Batches  int64       `json:"batches"`
	Pages    int64       `json:"pages"`
	Records  int64       `json:"records"`
	Repeated int64       `json:"repeated"` // delivered more than once, or of an asset of another record that says otherwise
	SetAside int64       `json:"setAside"`
	Findings int64       `json:"findings"`
	// Assets is what became of its assets or, of a stream of what findings refer
	// to, of its entries.
	Assets  lifecycle.Counts `json:"assets"`
	Ended   bool             `json:"ended"` // the vendor marked the end
	Begun   *time.Time       `json:"begun"` // its first batch was written
	Written *time.Time       `json:"written"`
}

// Phases returns how the streams of a run went, in the order of the plan.
func (s *Store) Phases(ctx context.Context, runID int64) ([]Phase, error) {
	plan, err := s.PlanOf(ctx, runID)
	if err != nil {
		return nil, err
	}
	order := make([]string, len(plan.Streams))
	roles := make(map[string]source.Role)
	for i, stream := range plan.Streams {
		order[i], roles[stream.Name] = stream.Name, stream.Role
	}
	rows, err := s.pool.Query(ctx, `
		SELECT f.stream, count(b.batch), f.pages, f.records, f.repeated + coalesce(sum(b.conflicting), 0)::bigint, f.set_aside,
		       coalesce(sum(b.findings_created + b.findings_updated + b.findings_unchanged + b.findings_returned + b.findings_rejected + b.findings_left_out), 0)::bigint,
		       coalesce(sum(b.assets_created), 0)::bigint, coalesce(sum(b.assets_updated), 0)::bigint, coalesce(sum(b.assets_unchanged), 0)::bigint,
		       coalesce(sum(b.assets_returned), 0)::bigint, coalesce(sum(b.assets_rejected), 0)::bigint, coalesce(sum(b.assets_left_out), 0)::bigint,
		       f.ended, min(b.written_at), max(b.written_at)
		  FROM fetch_checkpoints f LEFT JOIN batches b ON b.run_id = f.run_id AND b.stream = f.stream
		 WHERE f.run_id = $1 GROUP BY f.run_id, f.stream ORDER BY array_position($2, f.stream)`, runID, order)
	if err != nil {
		return nil, fmt.Errorf("read phases of run %d: %w", runID, err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Phase, error) {
		var p Phase
		a := &p.Assets
		err := row.Scan(&p.Stream, &p.Batches, &p.Pages, &p.Records, &p.Repeated, &p.SetAside, &p.Findings,
			&a.Created, &a.Updated, &a.Unchanged, &a.Returned, &a.Rejected, &a.LeftOut, &p.Ended, &p.Begun, &p.Written)
		p.Role = roles[p.Stream]
		return p, err
	})
}
