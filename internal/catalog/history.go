package catalog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/lifecycle"
)

// Run is a run's history, with its counts summed from its batches.
type Run struct {
	ID         int64             `json:"id"`
	Profile    string            `json:"profile"`
	Connector  string            `json:"connector"`
	WorkflowID string            `json:"workflowId"`
	FirstRunID string            `json:"firstRunId"`
	Mode       lifecycle.Mode    `json:"mode"`
	ModeReason string            `json:"modeReason"`
	StartedBy  string            `json:"startedBy"` // cli, schedule or ui
	StartedAt  time.Time         `json:"startedAt"`
	AssetsInAt *time.Time        `json:"assetsInAt"`
	FinishedAt *time.Time        `json:"finishedAt"`
	Outcome    lifecycle.Outcome `json:"outcome"` // empty while it runs
	Reason     string            `json:"reason"`
	Assets     lifecycle.Counts  `json:"assets"`
	Findings   lifecycle.Counts  `json:"findings"`
	SetAside   int64             `json:"setAside"`
	// Stale and Retired are assets, and Fixed findings, that it found to be gone;
	// counted when it is over. What a dry run found is rolled back with the rest.
	Stale   int64 `json:"stale"`
	Retired int64 `json:"retired"`
	Fixed   int64 `json:"fixed"`
	// LeftAlone are assets and findings that newer runs wrote than the one that
	// this one replays.
	LeftAlone int64 `json:"leftAlone,omitempty"`
	// Dry: what it wrote into the inventory was rolled back.
	Dry bool `json:"dry,omitempty"`
}

const runQuery = `
	SELECT r.id, r.profile, coalesce(c.name, ''), r.workflow_id, r.first_run_id, r.mode, r.mode_reason, r.started_by, r.started_at, r.assets_in_at, r.finished_at,
	       coalesce(r.outcome, ''), r.reason,
	       coalesce(sum(b.assets_created), 0)::bigint, coalesce(sum(b.assets_updated), 0)::bigint, coalesce(sum(b.assets_unchanged), 0)::bigint,
	       coalesce(sum(b.assets_returned), 0)::bigint, coalesce(sum(b.assets_rejected), 0)::bigint, coalesce(sum(b.assets_left_out), 0)::bigint,
	       coalesce(sum(b.findings_created), 0)::bigint, coalesce(sum(b.findings_updated), 0)::bigint, coalesce(sum(b.findings_unchanged), 0)::bigint,
	       coalesce(sum(b.findings_returned), 0)::bigint, coalesce(sum(b.findings_rejected), 0)::bigint, coalesce(sum(b.findings_left_out), 0)::bigint,
	       (SELECT coalesce(sum(set_aside), 0)::bigint FROM fetch_checkpoints f WHERE f.run_id = r.id),
	       coalesce(sum(b.left_alone), 0)::bigint, r.plan ? 'dry'
	  FROM runs r LEFT JOIN connectors c ON c.id = r.connector_id LEFT JOIN batches b ON b.run_id = r.id AND NOT EXISTS (
	       SELECT FROM jsonb_array_elements(r.plan->'streams') s WHERE s->>'name' = b.stream AND s->>'role' = 'reference')
	 WHERE %s
	 GROUP BY r.id, c.name ORDER BY r.id DESC LIMIT $1`

// Runs lists runs, newest first: all of them, or those of one profile.
func (s *Store) Runs(ctx context.Context, profile string, limit int) ([]Run, error) {
	if profile == "" {
		return s.runs(ctx, "true", limit)
	}
	return s.runs(ctx, "r.profile = $2", limit, profile)
}

// Run returns a run by its number.
func (s *Store) Run(ctx context.Context, id int64) (Run, error) {
	list, err := s.runs(ctx, "r.id = $2", 1, id)
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("run %d: %w: 'sluice runs list' shows the runs", id, ErrNotFound)
	}
	if err != nil {
		return Run{}, err
	}
	return list[0], nil
}

func (s *Store) runs(ctx context.Context, where string, limit int, args ...any) ([]Run, error) {
	rows, err := s.pool.Query(ctx, fmt.Sprintf(runQuery, where), append([]any{limit}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("list runs: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Run, error) {
		var r Run
		a, f := &r.Assets, &r.Findings
		err := row.Scan(&r.ID, &r.Profile, &r.Connector, &r.WorkflowID, &r.FirstRunID, &r.Mode, &r.ModeReason, &r.StartedBy, &r.StartedAt, &r.AssetsInAt, &r.FinishedAt,
			&r.Outcome, &r.Reason, &a.Created, &a.Updated, &a.Unchanged, &a.Returned, &a.Rejected, &a.LeftOut,
			&f.Created, &f.Updated, &f.Unchanged, &f.Returned, &f.Rejected, &f.LeftOut, &r.SetAside, &r.LeftAlone, &r.Dry)
		return r, err
	})
	if err != nil {
		return nil, fmt.Errorf("list runs: %w", err)
	}
	return list, s.countGone(ctx, list)
}

// countGone fills in what runs that are over found to be gone. Findings that the
// vendor says to be fixed are not gone: the change log has what they were before.
func (s *Store) countGone(ctx context.Context, list []Run) error {
	var over []int64
	at := make(map[int64]*Run)
	for i := range list {
		if r := &list[i]; r.FinishedAt != nil {
			over, at[r.ID] = append(over, r.ID), r
		}
	}
	if len(over) == 0 {
		return nil
	}
	rows, err := s.pool.Query(ctx, `
		SELECT run_id, count(*) FILTER (WHERE change = 'stale'), count(*) FILTER (WHERE change = 'retired'), count(*) FILTER (WHERE change = 'fixed')
		  FROM change_log WHERE run_id = ANY($1) AND before IS NULL AND change IN ('stale', 'retired', 'fixed') GROUP BY run_id`, over)
	var id, stale, retired, fixed int64
	if err == nil {
		_, err = pgx.ForEachRow(rows, []any{&id, &stale, &retired, &fixed}, func() error {
			at[id].Stale, at[id].Retired, at[id].Fixed = stale, retired, fixed
			return nil
		})
	}
	if err != nil {
		return fmt.Errorf("count what runs found to be gone: %w", err)
	}
	return nil
}

// RunByExecution returns the run that an execution chain is, or ErrNotFound
// when it has not been planned yet.
func (s *Store) RunByExecution(ctx context.Context, firstRunID string) (Run, error) {
	list, err := s.runs(ctx, "r.first_run_id = $2", 1, firstRunID)
	if err == nil && len(list) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Run{}, err
	}
	return list[0], nil
}

// Standing is what the catalog knows of where a profile stands.
type Standing struct {
	AssetsIn bool    // some run has completed its assets since the profile was created
	Holder   *Holder // the run that holds its lease
	Last     *Run    // its last finished run that was not dry
}

// StandingOf reads where a profile stands.
func (s *Store) StandingOf(ctx context.Context, p Profile) (Standing, error) {
	var st Standing
	if err := s.pool.QueryRow(ctx, "SELECT EXISTS (SELECT FROM runs WHERE profile_id = $1 AND assets_in_at IS NOT NULL)", p.ID).Scan(&st.AssetsIn); err != nil {
		return st, fmt.Errorf("read standing of %s: %w", p.Name, err)
	}
	var h Holder
	err := s.pool.QueryRow(ctx, "SELECT r.id, r.workflow_id, r.first_run_id FROM leases l JOIN runs r ON r.id = l.run_id WHERE l.profile_id = $1", p.ID).
		Scan(&h.RunID, &h.WorkflowID, &h.FirstRunID)
	if err == nil {
		st.Holder = &h
	} else if !errors.Is(err, pgx.ErrNoRows) {
		return st, fmt.Errorf("read standing of %s: %w", p.Name, err)
	}
	last, err := s.runs(ctx, "r.profile_id = $2 AND r.finished_at IS NOT NULL AND NOT r.plan ? 'dry'", 1, p.ID)
	if err != nil {
		return st, err
	}
	if len(last) > 0 {
		st.Last = &last[0]
	}
	return st, nil
}
