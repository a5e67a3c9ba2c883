package catalog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// KeptBatches lists the batches of a profile's stream whose records are still
// kept, of the last run that has any, in order.
func (s *Store) KeptBatches(ctx context.Context, profileID int64, stream string) ([]BatchRef, error) {
	rows, err := s.pool.Query(ctx, `
		SELECT DISTINCT run_id, stream, batch FROM chunks
		 WHERE stream = $2
		   AND run_id = (SELECT r.id FROM runs r
		                  WHERE r.profile_id = $1 AND EXISTS (SELECT FROM chunks c WHERE c.run_id = r.id AND c.stream = $2)
		                  ORDER BY r.id DESC LIMIT 1)
		 ORDER BY batch`, profileID, stream)
	if err != nil {
		return nil, fmt.Errorf("look for kept records of %s: %w", stream, err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[BatchRef])
}
