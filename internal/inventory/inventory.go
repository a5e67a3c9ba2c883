// Package inventory writes assets, findings and the knowledge base that they
// refer to into PostgreSQL, reconciles what is no longer there, and answers
// questions about them. It knows no vendor: it takes records of the target
// models.
//
// Writing is set-based and sends only what changed. A batch probes the stored
// digests of its assets' findings by asset, one index descent an asset; rows
// that are new are copied straight into the table, rows that changed go
// through a temporary table and one UPDATE, and rows that are equal are not
// sent at all, so that an unchanged record causes no row version. What moves at
// every scan is kept in a narrow table beside the findings (finding_sightings)
// and is no part of what is compared.
package inventory

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"sluice/internal/lifecycle"
	"sluice/internal/source"
)

// Scope says whose records a batch holds and what writes them.
type Scope struct {
	ConnectorID int64
	ProfileID   int64
	Kind        string
	Class       string // of the assets; empty for source.Reference
	RunID       int64
	Stream      string
	MapID       int32
	// Role is what the records are; empty is source.Assets.
	Role source.Role
	// Nested, of source.Assets: the records carry all findings of their assets,
	// so that one that is missing has vanished.
	Nested bool
	// Full, of source.Findings: the stream brings all findings, so that what is
	// seen is kept until Reconcile finds what was not.
	Full bool
	// Once: an asset, or a finding of source.Findings, is to come in one record
	// only, as there is nobody who moves it from page to page; those that contradict
	// each other are counted.
	Once bool
	// Replays is the run whose records are written, where RunID is a replay of
	// it; nil: they are RunID's own.
	Replays *Replayed
}

// Counts is what writing a batch did. Of source.Findings, Assets counts only those
// that were created or came back; of source.Reference it counts entries.
type Counts struct {
	Assets, Findings lifecycle.Counts
	// LeftAlone is how many assets, findings and entries newer runs have
	// brought than the one that is replayed.
	LeftAlone int64
	// Conflicting is how many records are of assets, or findings, that other
	// records are of, too, and say otherwise; see Scope.Once. Of findings only those
	// are told that are written together.
	Conflicting int64
}

// Write writes a batch in the transaction and returns what it did. Writing a
// batch again changes nothing. The batch has to be one of the scope's role.
//
// One transaction at a time writes a connector's assets of a class (an
// advisory lock, held until the transaction ends). So two runs that bring the
// same new asset cannot meet on its key, and no write has to be done twice.
func Write(ctx context.Context, tx pgx.Tx, scope Scope, batch *Batch) (Counts, error) {
	w := &writer{ctx: ctx, tx: tx, scope: scope}
	counts, err := write(w, batch)
	if err != nil {
		return Counts{}, err
	}
	counts.Conflicting, err = w.conflicts(batch)
	return counts, err
}

func write(w *writer, batch *Batch) (Counts, error) {
	if err := w.begin(); err != nil {
		return Counts{}, err
	}
	// Every statement here looks up some rows by an index. Of a table that has
	// just been filled PostgreSQL has no statistics, takes a few hundred assets
	// for most of it, and would read all of it each time. (Planning each
	// statement anew would not help, and would do the same to the checks of
	// foreign keys, at the price of half a COPY.)
	if _, err := w.tx.Exec(w.ctx, "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"); err != nil {
		return Counts{}, err
	}
	if w.scope.Role == source.Reference {
		w.counts.Assets.Rejected, w.counts.Assets.LeftOut = batch.RejectedAssets, batch.LeftOutAssets
		if err := w.writeKnowledge(&batch.entries); err != nil {
			return Counts{}, fmt.Errorf("write knowledge base: %w", err)
		}
		return w.counts, nil
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
	dry    *drySeen // of WriteDry
}

func (w *writer) begin() error {
	// Compiling queries costs more than running them here.
	if _, err := w.tx.Exec(w.ctx, "SET LOCAL jit = off"); err != nil {
		return err
	}
	return Lock(w.ctx, w.tx, w.scope)
}

// Lock lets nobody else write what the scope is of until the transaction ends.
// Write and Reconcile take it, too: who takes it before can look at what they are
// to go by.
func Lock(ctx context.Context, tx pgx.Tx, scope Scope) error {
	what := scope.Kind + "/" + scope.Class
	if scope.Role == source.Reference {
		what = "knowledge" // kinds share it
	}
	_, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtext('inventory'), hashtext($1))", fmt.Sprintf("%d/%s", scope.ConnectorID, what))
	if err != nil {
		return fmt.Errorf("lock inventory: %w", err)
	}
	return nil
}

func (w *writer) write(p *part) error {
	if w.scope.overtaken() {
		var err error
		if p, err = w.withoutNewer(p); err != nil {
			return fmt.Errorf("look for what newer runs have brought: %w", err)
		}
	}
	ids, stored, err := w.writeAssets(p)
	if err != nil {
		return fmt.Errorf("write assets: %w", err)
	}
	findingIDs, err := w.writeFindings(p, ids, stored)
	if err != nil {
		return fmt.Errorf("write findings: %w", err)
	}
	if w.dry != nil {
		for i, id := range ids {
			if stored[i] {
				w.dry.assets = append(w.dry.assets, id)
			}
		}
	}
	if err := w.see(ids); err != nil {
		return fmt.Errorf("mark assets seen: %w", err)
	}
	if w.scope.Role == source.Findings && w.scope.Full {
		if err := w.seeFindings(p, ids, findingIDs); err != nil {
			return fmt.Errorf("mark findings seen: %w", err)
		}
	}
	return nil
}

// finish deals with what was rejected or left out: it was seen, though not
// written.
func (w *writer) finish(batch *Batch) error {
	w.counts.Assets.Rejected, w.counts.Assets.LeftOut = batch.RejectedAssets, batch.LeftOutAssets
	w.counts.Findings.Rejected, w.counts.Findings.LeftOut = batch.RejectedFindings, batch.LeftOutFindings
	if len(batch.seen) == 0 || w.scope.overtaken() { // which has seen nothing new
		return nil
	}
	if err := w.seeRejected(batch.seen); err != nil {
		return fmt.Errorf("mark rejected records seen: %w", err)
	}
	return nil
}

// newIDs takes n ids from the sequence of a table.
func (w *writer) newIDs(table string, n int) (ids []int64, err error) {
	if n == 0 {
		return nil, nil
	}
	err = w.tx.QueryRow(w.ctx, `
		SELECT array_agg(nextval(sequence)) FROM generate_series(1, $2), (SELECT pg_get_serial_sequence($1, 'id')::regclass AS sequence OFFSET 0) once`,
		table, n).Scan(&ids)
	return ids, err
}
