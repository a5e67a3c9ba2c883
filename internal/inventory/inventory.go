// Package inventory writes assets and findings into PostgreSQL, reconciles
// what is no longer there, and answers questions about them. It knows no
// vendor: it takes records of the target model.
//
// Writing is set-based and sends only what changed. A batch probes the stored
// digests of its assets' findings by asset, one index descent an asset; rows
// that are new are copied straight into the table, rows that changed go
// through a temporary table and one UPDATE, and rows that are equal are not
// sent at all, so that an unchanged record causes no row version.
package inventory

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/jackc/pgx/v5"

	"sluice/internal/lifecycle"
)

// Scope says whose records a batch holds and what writes them.
type Scope struct {
	ConnectorID int64
	ProfileID   int64
	Kind        string
	Class       string
	RunID       int64
	Stream      string
	MapID       int32
	// Nested: the records carry all findings of their assets, so that one
	// that is missing has vanished.
	Nested bool
}

// Counts is what writing a batch did.
type Counts struct {
	Assets, Findings lifecycle.Counts
}

// Write writes a batch in the transaction and returns what it did. Writing a
// batch again changes nothing.
//
// One transaction at a time writes a connector's assets of a class (an
// advisory lock, held until the transaction ends). So two runs that bring the
// same new asset cannot meet on its key, and no write has to be done twice.
func Write(ctx context.Context, tx pgx.Tx, scope Scope, batch *Batch) (Counts, error) {
	w := writer{ctx: ctx, tx: tx, scope: scope}
	if err := w.begin(); err != nil {
		return Counts{}, err
	}
	// Every statement here looks up some assets or findings by an index. Of a
	// table that has just been filled PostgreSQL has no statistics, takes a
	// few hundred assets for most of it, and would read all of it each time.
	// (Planning each statement anew would not help, and would do the same to
	// the checks of foreign keys, at the price of half a COPY.)
	if _, err := tx.Exec(ctx, "SET LOCAL enable_seqscan = off"); err != nil {
		return Counts{}, err
	}
	for _, part := range batch.parts {
		if err := w.write(part); err != nil {
			return Counts{}, err
		}
	}
	return w.counts, w.finish(batch)
}

type writer struct {
	ctx    context.Context
	tx     pgx.Tx
	scope  Scope
	counts Counts
}

func (w *writer) begin() error {
	// Compiling queries costs more than running them here.
	if _, err := w.tx.Exec(w.ctx, "SET LOCAL jit = off"); err != nil {
		return err
	}
	_, err := w.tx.Exec(w.ctx, "SELECT pg_advisory_xact_lock(hashtext('inventory'), hashtext($1))",
		fmt.Sprintf("%d/%s/%s", w.scope.ConnectorID, w.scope.Kind, w.scope.Class))
	if err != nil {
		return fmt.Errorf("lock inventory: %w", err)
	}
	return nil
}

func (w *writer) write(p *part) error {
	ids, stored, err := w.writeAssets(p)
	if err != nil {
		return fmt.Errorf("write assets: %w", err)
	}
	if err := w.writeFindings(p, ids, stored); err != nil {
		return fmt.Errorf("write findings: %w", err)
	}
	if err := w.see(ids); err != nil {
		return fmt.Errorf("mark assets seen: %w", err)
	}
	return nil
}

// see records that the profile saw the assets in this run.
func (w *writer) see(assetIDs []int64) error {
	_, err := w.tx.Exec(w.ctx, `
		INSERT INTO profile_assets (profile_id, asset_id, seen_run)
		SELECT $1, id, $2 FROM unnest($3::bigint[]) id ORDER BY id
		ON CONFLICT (profile_id, asset_id) DO UPDATE SET seen_run = excluded.seen_run, missed = 0`,
		w.scope.ProfileID, w.scope.RunID, assetIDs)
	return err
}

// finish deals with what was rejected: it was seen, though not written.
func (w *writer) finish(batch *Batch) error {
	w.counts.Assets.Rejected = batch.RejectedAssets
	w.counts.Findings.Rejected = batch.RejectedFindings
	if len(batch.seen) == 0 {
		return nil
	}
	_, err := w.tx.Exec(w.ctx, `
		INSERT INTO profile_assets (profile_id, asset_id, seen_run)
		SELECT $1, a.id, $2 FROM assets a
		 WHERE a.connector_id = $3 AND a.kind = $4 AND a.class = $5 AND a.external_id = ANY($6) ORDER BY a.id
		ON CONFLICT (profile_id, asset_id) DO UPDATE SET seen_run = excluded.seen_run, missed = 0`,
		w.scope.ProfileID, w.scope.RunID, w.scope.ConnectorID, w.scope.Kind, w.scope.Class, batch.seen)
	if err != nil {
		return fmt.Errorf("mark rejected assets seen: %w", err)
	}
	return nil
}

// digestOf shortens a SHA-256 to the 16 bytes that are stored. Findings come
// from scanned hosts, so the digest must be one that nobody can steer.
type digest [16]byte

func (d digest) String() string { return hex.EncodeToString(d[:]) }
