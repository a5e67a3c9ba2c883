package catalog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/lifecycle"
	"sluice/internal/source"
)

// Plan is what a run goes by, as it was when the run began.
type Plan struct {
	ProfileID   int64  `json:"profileId"`
	Profile     string `json:"profile"`
	ConnectorID int64  `json:"connectorId"`
	Connector   string `json:"connector"`
	Kind        string `json:"kind"`
	// Filters narrow what is read.
	Filters map[string][]string `json:"filters,omitempty"`
	Policy
	// AcceptShrink lets this one run mark any share of the assets stale.
	AcceptShrink bool `json:"acceptShrink,omitempty"`
	// Again: it reads again from a date that was asked for. As that need not
	// join what was read before, no watermark moves.
	Again bool `json:"again,omitempty"`
	// Replay makes it a run over what another one fetched.
	Replay *Replay `json:"replay,omitempty"`
	// Dry: what it writes into the inventory is rolled back.
	Dry bool `json:"dry,omitempty"`
	// Upload is what a run of a kind that reads files reads; 0: none.
	Upload     int64           `json:"upload,omitempty"`
	Mode       lifecycle.Mode  `json:"mode"` // full, delta or replay
	ModeReason string          `json:"modeReason"`
	StartedBy  string          `json:"startedBy"` // cli, schedule or ui
	Streams    []PlannedStream `json:"streams"`
}

// PlannedStream is one stream of a plan.
type PlannedStream struct {
	Name  string `json:"name"` // the asset type
	Class string `json:"class"`
	// Role is empty in the plans of versions that knew assets only.
	Role  source.Role `json:"role,omitempty"`
	MapID int32       `json:"mapId"`
	// Nested: an asset's findings arrive complete inside its record.
	Nested bool `json:"nested"`
	// Since is the lower bound of what is read; zero: everything.
	Since time.Time `json:"since,omitzero"`
	// FullAt is when everything was read for the last time, where Since is that
	// of a watermark. Zero in the plans of versions that had no reference data.
	FullAt time.Time `json:"fullAt,omitzero"`
}

// Full says whether the stream reads everything, within the plan's filters.
func (s PlannedStream) Full() bool { return s.Since.IsZero() }

func (p Plan) filters() map[string][]string { return Profile{Filters: p.Filters}.filters() }

// ofAssets names the streams that bring assets in.
func (p Plan) ofAssets() []string {
	var names []string
	for _, s := range p.Streams {
		if s.Role == source.Assets || s.Role == "" {
			names = append(names, s.Name)
		}
	}
	return names
}

// Stream returns the plan's stream of that name.
func (p Plan) Stream(name string) (PlannedStream, error) {
	for _, s := range p.Streams {
		if s.Name == name {
			return s, nil
		}
	}
	return PlannedStream{}, fmt.Errorf("run of %s has no stream %s", p.Profile, name)
}

// Execution is the Temporal execution chain that a run is.
type Execution struct {
	WorkflowID string
	FirstRunID string // stays when a run continues as new
}

// Holder is the run that holds a profile's lease.
type Holder struct {
	RunID int64
	Execution
}

// BeginRun takes the profile's lease and writes the run's row. When another
// run holds the lease it returns that holder and no run. Called again by the
// same execution it returns the run that the first call began, with its plan.
func (s *Store) BeginRun(ctx context.Context, by Execution, plan Plan) (runID int64, begun Plan, holder *Holder, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		// The profile's row serialises the contenders; a lease row may not be there to lock.
		var name string
		if err := tx.QueryRow(ctx, "SELECT name FROM profiles WHERE id = $1 FOR UPDATE", plan.ProfileID).Scan(&name); err != nil {
			return fmt.Errorf("lock profile %s: %w", plan.Profile, err)
		}
		err := tx.QueryRow(ctx, "SELECT id, plan FROM runs WHERE first_run_id = $1", by.FirstRunID).Scan(&runID, &begun)
		if !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		var h Holder
		err = tx.QueryRow(ctx, `
			SELECT r.id, r.workflow_id, r.first_run_id FROM leases l JOIN runs r ON r.id = l.run_id WHERE l.profile_id = $1`,
			plan.ProfileID).Scan(&h.RunID, &h.WorkflowID, &h.FirstRunID)
		if err == nil {
			holder = &h
			return nil
		}
		if !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		if plan.Replay != nil { // what it replays is kept, from here on
			if err := keepOutCleanUp(ctx, tx); err != nil {
				return err
			}
		}
		begun = plan
		if err := tx.QueryRow(ctx, `
			INSERT INTO runs (profile_id, profile, connector_id, workflow_id, first_run_id, mode, mode_reason, started_by, plan)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id`,
			plan.ProfileID, plan.Profile, plan.ConnectorID, by.WorkflowID, by.FirstRunID, string(plan.Mode), plan.ModeReason, plan.StartedBy, plan).Scan(&runID); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "INSERT INTO leases (profile_id, run_id) VALUES ($1, $2)", plan.ProfileID, runID); err != nil {
			return err
		}
		for _, stream := range plan.Streams {
			if _, err := tx.Exec(ctx, "INSERT INTO fetch_checkpoints (run_id, stream) VALUES ($1, $2)", runID, stream.Name); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, "INSERT INTO write_checkpoints (run_id, stream) VALUES ($1, $2)", runID, stream.Name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, Plan{}, nil, fmt.Errorf("begin run of %s: %w", plan.Profile, err)
	}
	return runID, begun, holder, nil
}

// PlanOf returns the plan that a run goes by.
func (s *Store) PlanOf(ctx context.Context, runID int64) (Plan, error) {
	var p Plan
	if err := s.pool.QueryRow(ctx, "SELECT plan FROM runs WHERE id = $1", runID).Scan(&p); err != nil {
		return p, fmt.Errorf("read plan of run %d: %w", runID, err)
	}
	return p, nil
}

// BreakLease takes the lease from a run that Temporal no longer runs, and
// closes that run's row.
func (s *Store) BreakLease(ctx context.Context, runID int64, outcome lifecycle.Outcome, reason string) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "DELETE FROM leases WHERE run_id = $1", runID); err != nil {
			return fmt.Errorf("break lease of run %d: %w", runID, err)
		}
		return closeRun(ctx, tx, runID, outcome, reason)
	})
}

func closeRun(ctx context.Context, tx pgx.Tx, runID int64, outcome lifecycle.Outcome, reason string) error {
	if _, err := tx.Exec(ctx, "UPDATE runs SET finished_at = now(), outcome = $2, reason = $3 WHERE id = $1 AND finished_at IS NULL",
		runID, string(outcome), reason); err != nil {
		return fmt.Errorf("close run %d: %w", runID, err)
	}
	// What the run kept for its end.
	if _, err := tx.Exec(ctx, "DELETE FROM seen_findings WHERE run_id = $1", runID); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "DELETE FROM vanished_findings WHERE run_id = $1", runID); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "DELETE FROM dry_seen WHERE run_id = $1", runID); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "DELETE FROM recorded_assets WHERE run_id = $1", runID); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, "DELETE FROM remembered WHERE run_id = $1", runID)
	return err
}

// ErrSuperseded says that the run, or this attempt at a piece of it, is no
// longer the one that may write. It has changed nothing.
var ErrSuperseded = errors.New("superseded: another run or attempt has taken over")

// UnderLease runs f in a transaction during which the run keeps its
// profile's lease; without the lease it is ErrSuperseded.
func (s *Store) UnderLease(ctx context.Context, runID int64, f func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, "SELECT FROM leases WHERE run_id = $1 FOR SHARE", runID).Scan()
		if errors.Is(err, pgx.ErrNoRows) {
			return fmt.Errorf("run %d: %w", runID, ErrSuperseded)
		}
		if err != nil {
			return err
		}
		return f(tx)
	})
}

// Ending is how a run ended.
type Ending struct {
	Outcome lifecycle.Outcome
	Reason  string
	// AssetsIn: every stream brought its assets in, whatever else happened.
	AssetsIn bool
	// Complete names the streams whose watermark may move.
	Complete []string
}

// FinishRun closes a run, moves the watermarks of its complete streams, unless
// it reads again or is dry, and releases the lease. A replay moves them to where
// the replayed run stood, unless that is overtaken. Called again it does nothing.
func (s *Store) FinishRun(ctx context.Context, runID int64, end Ending) error {
	plan, err := s.PlanOf(ctx, runID)
	if err != nil {
		return err
	}
	var finished bool
	if err := s.pool.QueryRow(ctx, "SELECT finished_at IS NOT NULL FROM runs WHERE id = $1", runID).Scan(&finished); err != nil {
		return fmt.Errorf("finish run %d: %w", runID, err)
	}
	if finished {
		return nil
	}
	return s.UnderLease(ctx, runID, func(tx pgx.Tx) error {
		complete, fetchedBy := end.Complete, runID
		if plan.Again || plan.Dry {
			complete = nil
		}
		if plan.Replay != nil {
			fetchedBy = plan.Replay.Run
			since, err := SinceRun(ctx, tx, runID, fetchedBy, "")
			if err != nil {
				return err
			}
			if since.Overtaken || plan.Replay.RejectsOnly {
				complete = nil
			}
		}
		for _, name := range complete {
			stream, err := plan.Stream(name)
			if err != nil {
				return err
			}
			var fullAt *time.Time
			if !stream.FullAt.IsZero() {
				fullAt = &stream.FullAt
			}
			if plan.Replay != nil && stream.Full() {
				// What a run learns it learns when it is complete, as the replayed one
				// need not have been: what was known before it may be there no more.
				if _, err := tx.Exec(ctx, `
					DELETE FROM memory m WHERE m.profile_id = $1 AND m.stream = $2 AND NOT EXISTS (
					       SELECT FROM watermarks w JOIN runs f ON f.id = w.full_run
					        WHERE w.profile_id = $1 AND w.stream = $2 AND $3 IN (f.id, (f.plan->'replay'->>'run')::bigint))`,
					plan.ProfileID, name, fetchedBy); err != nil {
					return fmt.Errorf("forget what %s does not have any more: %w", name, err)
				}
			}
			if _, err := tx.Exec(ctx, `
				INSERT INTO watermarks (profile_id, stream, clock, full_at, map_id, filters, full_run)
				SELECT $2, $3, coalesce(f.clock, r.started_at), coalesce($5, f.clock, r.started_at), $4, $6, $1
				  FROM fetch_checkpoints f JOIN runs r ON r.id = f.run_id
				 WHERE f.run_id = $8 AND f.stream = $3
				ON CONFLICT (profile_id, stream) DO UPDATE
				   SET clock = excluded.clock,
				       full_at = CASE WHEN $7 THEN excluded.full_at ELSE watermarks.full_at END,
				       map_id = CASE WHEN $7 THEN excluded.map_id ELSE watermarks.map_id END,
				       filters = CASE WHEN $7 THEN excluded.filters ELSE watermarks.filters END,
				       full_run = CASE WHEN $7 THEN excluded.full_run ELSE watermarks.full_run END`,
				runID, plan.ProfileID, name, stream.MapID, fullAt, plan.filters(), stream.Full() || stream.Role == source.Reference && plan.Replay == nil, fetchedBy); err != nil {
				return fmt.Errorf("move watermark of %s: %w", name, err)
			}
			if plan.Replay != nil {
				continue
			}
			if err := learn(ctx, tx, runID, plan.ProfileID, stream); err != nil {
				return err
			}
		}
		if end.AssetsIn && plan.Replay == nil && !plan.Dry {
			if _, err := tx.Exec(ctx, `
				UPDATE runs SET assets_in_at = coalesce((
				       SELECT max(b.written_at) FROM batches b WHERE b.run_id = $1 AND b.stream = ANY($2)), now())
				 WHERE id = $1`, runID, plan.ofAssets()); err != nil {
				return err
			}
		}
		if err := closeRun(ctx, tx, runID, end.Outcome, end.Reason); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "DELETE FROM leases WHERE run_id = $1", runID)
		return err
	})
}

// Watermark is where a profile's next delta run of a stream reads from.
type Watermark struct {
	Stream string
	Clock  time.Time
	// FullAt is when everything was read for the last time, by the map and the
	// filters below: a delta run by others, which a person can ask for, leaves
	// unread what these kept out.
	FullAt time.Time
	// MapDigest is of what that map does (MapVersion.Digest); empty when a later
	// run has written some of it by a map that does something else.
	MapDigest string
	Filters   map[string][]string
	// Missed says that a later full run was not complete: what it could not say
	// is still to be said.
	Missed bool
}

// Watermarks returns a profile's watermarks by stream.
func (s *Store) Watermarks(ctx context.Context, profileID int64) (map[string]Watermark, error) {
	rows, err := s.pool.Query(ctx, `
		SELECT w.stream, w.clock, w.full_at,
		       CASE WHEN EXISTS (
		            SELECT FROM runs r, jsonb_array_elements(CASE jsonb_typeof(r.plan->'streams') WHEN 'array' THEN r.plan->'streams' END) planned
		              JOIN transform_maps other ON other.id = (planned->>'mapId')::integer
		             WHERE r.profile_id = w.profile_id AND r.id > w.full_run AND NOT r.plan ? 'dry'
		               AND planned->>'name' = w.stream AND other.digest <> m.digest) THEN '' ELSE m.digest END,
		       w.filters,
		       coalesce((SELECT r.id > w.full_run FROM runs r JOIN fetch_checkpoints f ON f.run_id = r.id AND f.stream = w.stream
		                  WHERE r.profile_id = w.profile_id AND r.mode = 'full' AND NOT r.plan ? 'dry' AND r.finished_at IS NOT NULL ORDER BY r.id DESC LIMIT 1), false)
		  FROM watermarks w JOIN transform_maps m ON m.id = w.map_id WHERE w.profile_id = $1`, profileID)
	if err != nil {
		return nil, fmt.Errorf("read watermarks: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Watermark])
	if err != nil {
		return nil, fmt.Errorf("read watermarks: %w", err)
	}
	byStream := make(map[string]Watermark, len(list))
	for _, w := range list {
		byStream[w.Stream] = w
	}
	return byStream, nil
}

// ReferenceWatermark is where to read on with a reference stream, which all
// profiles of a connector share: the newest of their watermarks; nil when none
// of them has read it by a map that does this, or when a replay has since written
// some of it by another one.
func (s *Store) ReferenceWatermark(ctx context.Context, connectorID int64, stream, mapDigest string) (*Watermark, error) {
	rows, err := s.pool.Query(ctx, `
		SELECT w.stream, w.clock, max(w.full_at) OVER (), m.digest, w.filters, false
		  FROM watermarks w JOIN profiles p ON p.id = w.profile_id JOIN transform_maps m ON m.id = w.map_id
		 WHERE p.connector_id = $1 AND w.stream = $2 AND m.digest = $3
		   AND NOT EXISTS (
		       SELECT FROM runs r, jsonb_array_elements(r.plan->'streams') planned JOIN transform_maps other ON other.id = (planned->>'mapId')::integer
		        WHERE r.connector_id = $1 AND r.id > w.full_run AND r.plan ? 'replay' AND planned->>'name' = $2 AND other.digest <> $3)
		 ORDER BY w.clock DESC LIMIT 1`, connectorID, stream, mapDigest)
	if err != nil {
		return nil, fmt.Errorf("read watermark of %s: %w", stream, err)
	}
	w, err := pgx.CollectExactlyOneRow(rows, pgx.RowToAddrOfStructByPos[Watermark])
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return w, err
}
