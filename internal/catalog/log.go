package catalog

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// LogEntry is one line of a run's or connector's log.
type LogEntry struct {
	ID      int64          `json:"id"`
	At      time.Time      `json:"at"`
	RunID   int64          `json:"runId,omitempty"`
	Level   string         `json:"level"` // info, warn or error
	Message string         `json:"message"`
	Fields  map[string]any `json:"fields,omitempty"`
}

// Log appends a line to the log of a connector and, unless runID is zero, of
// a run. It never takes a secret: callers pass names, counts and reasons.
func (s *Store) Log(ctx context.Context, connectorID, runID int64, level, message string, fields map[string]any) error {
	if fields == nil {
		fields = map[string]any{}
	}
	_, err := s.pool.Exec(ctx, `
		INSERT INTO log (connector_id, run_id, level, message, fields) VALUES ($1, nullif($2, 0), $3, $4, $5)`,
		connectorID, runID, level, message, fields)
	if err != nil {
		return fmt.Errorf("write log: %w", err)
	}
	return nil
}

// LogFilter narrows a log.
type LogFilter struct {
	Levels []string // empty: all
	After  int64    // entries after this id
	Limit  int      // the newest so many
}

// Levels are the levels of a log, from the least.
var Levels = []string{"info", "warn", "error"}

// RunLog returns the newest lines of a run's log, oldest first.
func (s *Store) RunLog(ctx context.Context, runID int64, f LogFilter) ([]LogEntry, error) {
	return s.logEntries(ctx, "run_id = $1", runID, f)
}

// ConnectorLog returns the newest lines of a connector's tests, runs and
// schedule events, oldest first.
func (s *Store) ConnectorLog(ctx context.Context, connectorID int64, f LogFilter) ([]LogEntry, error) {
	return s.logEntries(ctx, "connector_id = $1", connectorID, f)
}

func (s *Store) logEntries(ctx context.Context, where string, id int64, f LogFilter) ([]LogEntry, error) {
	if len(f.Levels) == 0 {
		f.Levels = Levels
	}
	rows, err := s.pool.Query(ctx, `
		SELECT * FROM (SELECT id, at, coalesce(run_id, 0), level, message, fields FROM log
		 WHERE `+where+` AND id > $2 AND level = ANY($3) ORDER BY id DESC LIMIT $4) newest
		 ORDER BY id`, id, f.After, f.Levels, f.Limit)
	if err != nil {
		return nil, fmt.Errorf("read log: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[LogEntry])
}
