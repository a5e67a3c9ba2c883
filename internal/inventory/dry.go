package inventory

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"sluice/internal/source"
)

// drySeen is what writing a batch dry has seen of what is stored.
type drySeen struct {
	assets, vanished []int64
	findings         []assetFindings
}

// assetFindings are the findings that were seen of an asset.
type assetFindings struct {
	asset    int64
	findings []int64
}

// WriteDry says what Write would do. It writes nothing but what the run has
// seen, which ReconcileDry goes by. A batch does not see what the batches before
// it would have created: a finding whose asset is new creates that again.
func WriteDry(ctx context.Context, tx pgx.Tx, scope Scope, batch *Batch) (Counts, error) {
	var counts Counts
	seen := &drySeen{}
	err := rolledBack(ctx, tx, func(dry pgx.Tx) (err error) {
		counts, err = write(&writer{ctx: ctx, tx: dry, scope: scope, dry: seen}, batch)
		return err
	})
	if err != nil {
		return counts, err
	}
	w := &writer{ctx: ctx, tx: tx, scope: scope}
	if err := w.keepDry(seen); err != nil {
		return counts, fmt.Errorf("keep what was seen: %w", err)
	}
	if err := w.keepDryRejected(batch.seen); err != nil {
		return counts, fmt.Errorf("keep what was seen of rejected records: %w", err)
	}
	counts.Conflicting, err = w.conflicts(batch)
	return counts, err
}

// ReconcileDry says what Reconcile would do, by what WriteDry has seen.
func ReconcileDry(ctx context.Context, tx pgx.Tx, scope Scope, policy Policy) (done Reconciled, err error) {
	err = rolledBack(ctx, tx, func(dry pgx.Tx) error {
		for _, step := range []struct {
			what string
			args []any
		}{
			// Findings that come apart are judged of assets that another stream saw.
			{`INSERT INTO profile_assets (profile_id, asset_id, seen_run)
			  SELECT DISTINCT $1::bigint, d.id, $2::bigint FROM dry_seen d JOIN assets a ON a.id = d.id WHERE d.run_id = $2 AND d.what = 'asset'
			  ON CONFLICT (profile_id, asset_id) DO UPDATE SET seen_run = excluded.seen_run, missed = 0`, []any{scope.ProfileID, scope.RunID}},
			{`INSERT INTO vanished_findings (run_id, stream, finding_id)
			  SELECT run_id, stream, id FROM dry_seen WHERE run_id = $1 AND stream = $2 AND what = 'vanished'
			  ON CONFLICT DO NOTHING`, []any{scope.RunID, scope.Stream}},
			{`INSERT INTO seen_findings (run_id, stream, asset_id, finding_ids)
			  SELECT run_id, stream, id, finding_ids FROM dry_seen WHERE run_id = $1 AND stream = $2 AND what = 'findings'`, []any{scope.RunID, scope.Stream}},
		} {
			if _, err := dry.Exec(ctx, step.what, step.args...); err != nil {
				return fmt.Errorf("take up what was seen: %w", err)
			}
		}
		done, err = Reconcile(ctx, dry, scope, policy)
		return err
	})
	return done, err
}

// rolledBack runs f in a part of the transaction that is rolled back.
func rolledBack(ctx context.Context, tx pgx.Tx, f func(pgx.Tx) error) error {
	part, err := tx.Begin(ctx)
	if err != nil {
		return err
	}
	if err := f(part); err != nil {
		return err // which rolls all of the transaction back
	}
	return part.Rollback(ctx)
}

func (w *writer) keepDry(seen *drySeen) error {
	rows := make([][]any, 0, len(seen.assets)+len(seen.vanished)+len(seen.findings))
	for _, id := range seen.assets {
		rows = append(rows, []any{w.scope.RunID, w.scope.Stream, "asset", id, nil})
	}
	for _, id := range seen.vanished {
		rows = append(rows, []any{w.scope.RunID, w.scope.Stream, "vanished", id, nil})
	}
	for _, f := range seen.findings {
		rows = append(rows, []any{w.scope.RunID, w.scope.Stream, "findings", f.asset, f.findings})
	}
	_, err := w.tx.CopyFrom(w.ctx, pgx.Identifier{"dry_seen"}, []string{"run_id", "stream", "what", "id", "finding_ids"}, pgx.CopyFromRows(rows))
	return err
}

// keepDryRejected is seeRejected of a dry run.
func (w *writer) keepDryRejected(seen []seenThing) error {
	if len(seen) == 0 {
		return nil
	}
	assets, findings := namesOf(seen)
	_, err := w.tx.Exec(w.ctx, `
		INSERT INTO dry_seen (run_id, stream, what, id)
		SELECT DISTINCT $1::bigint, $2, 'asset', a.id FROM unnest($6::text[]) wanted
		  JOIN assets a ON a.connector_id = $3 AND a.kind = $4 AND a.class = $5 AND a.external_id = wanted`,
		w.scope.RunID, w.scope.Stream, w.scope.ConnectorID, w.scope.Kind, w.scope.Class, assets)
	if err != nil || w.scope.Role != source.Findings || !w.scope.Full {
		return err
	}
	_, err = w.tx.Exec(w.ctx, "INSERT INTO dry_seen (run_id, stream, id, finding_ids, what) SELECT seen.*, 'findings' FROM ("+rejectedFindings+") seen",
		w.scope.RunID, w.scope.Stream, w.scope.ConnectorID, w.scope.Kind, w.scope.Class, assets, findings)
	return err
}
