package inventory

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"sluice/internal/source"
)

// Policy is what Reconcile may do.
type Policy struct {
	// Full: the stream brought everything, so that what was not seen is gone.
	Full bool
	// ShrinkPercent is the share of the profile's known assets that may go
	// stale at once, or of the known open findings, of source.Findings those of
	// the assets it saw, that may be fixed at once.
	ShrinkPercent int32
	// AcceptShrink lifts that limit.
	AcceptShrink bool
	// Nothing: the stream has no records at all, so that not even a few findings
	// are taken for fixed by it unasked.
	Nothing bool
	// AcceptBy is the command by which a person lifts it, for messages.
	AcceptBy string
	// RetireAfter is how many further complete full runs a stale asset is
	// given before it is retired.
	RetireAfter int32
	// SetAside are external ids of assets whose records could not be read: they
	// are there.
	SetAside []string
	// Unread are parts of the source that could not be read: assets whose
	// external ids begin with one of these and a slash are not gone.
	Unread []string
	// FixAbsent: a finding that its asset no longer has is fixed; otherwise
	// it keeps its status.
	FixAbsent bool
	// AllAssets, of source.Findings: no stream says which assets are there, so
	// that one that was not seen has no findings any more.
	AllAssets bool
}

// Reconciled is what Reconcile found to be gone.
type Reconciled struct {
	Stale   int64 `json:"stale"`
	Retired int64 `json:"retired"`
	Fixed   int64 `json:"fixed"`
	// Guarded says why nothing was marked: more assets, or findings, would
	// have gone than the profile allows at once.
	Guarded string `json:"guarded,omitempty"`
}

// Reconcile applies what a complete stream proved to be gone. An asset is
// stale when no profile of its connector sees it any more. A finding that came
// inside its asset's record is fixed when a record of the asset lacks it; one of
// source.Findings when a full run saw its asset, but not it (or, with
// Policy.AllAssets, neither). Doing it again for the same run changes nothing.
func Reconcile(ctx context.Context, tx pgx.Tx, scope Scope, policy Policy) (Reconciled, error) {
	w := writer{ctx: ctx, tx: tx, scope: scope}
	if err := w.begin(); err != nil {
		return Reconciled{}, err
	}
	// Plans made for an empty table are ruinous for a full one.
	if _, err := tx.Exec(ctx, "SET LOCAL plan_cache_mode = force_custom_plan"); err != nil {
		return Reconciled{}, err
	}
	switch scope.Role {
	case source.Reference:
		return Reconciled{}, nil
	case source.Findings:
		return w.reconcileFindings(policy)
	}
	return w.reconcileAssets(policy)
}

func (w *writer) reconcileAssets(policy Policy) (done Reconciled, err error) {
	if policy.FixAbsent {
		missing, known, err := w.countVanished()
		if err != nil {
			return done, fmt.Errorf("count findings that are gone: %w", err)
		}
		if done.Guarded = policy.guardFindings(missing, known); done.Guarded != "" {
			return done, w.forgetVanished()
		}
		if done.Fixed, err = w.fixVanished(); err != nil {
			return done, fmt.Errorf("mark findings fixed: %w", err)
		}
	}
	if !policy.Full {
		return done, nil
	}
	aside := make([]seenThing, len(policy.SetAside))
	for i, id := range policy.SetAside {
		aside[i].asset = id
	}
	if err := w.seeRejected(aside); err != nil {
		return done, fmt.Errorf("mark assets seen that were set aside: %w", err)
	}
	if err := w.spareUnread(policy.Unread); err != nil {
		return done, fmt.Errorf("spare assets that could not be read: %w", err)
	}
	var missing, known int64
	if err := w.tx.QueryRow(w.ctx, `
		SELECT count(*) FILTER (WHERE p.seen_run <> $2 AND p.missed = 0 AND p.missed_run IS DISTINCT FROM $2), count(*) FILTER (WHERE p.missed = 0 AND (p.seen_run <> $2 OR a.first_run_id <> $2))
		  FROM profile_assets p JOIN assets a ON a.id = p.asset_id
		 WHERE p.profile_id = $1 AND a.kind = $3 AND a.class = $4`,
		w.scope.ProfileID, w.scope.RunID, w.scope.Kind, w.scope.Class).Scan(&missing, &known); err != nil {
		return done, fmt.Errorf("count missing assets: %w", err)
	}
	if missing*100 > known*int64(policy.ShrinkPercent) && !policy.AcceptShrink {
		done.Guarded = fmt.Sprintf("%d of %d known assets were not delivered any more, above the limit of %d %%, so none was marked stale; "+
			"this usually means that the account's scope, tags or licence were narrowed, the profile's filters, that a file has only a part of what there is, or that a map makes other ids than before: "+
			"check them, or accept it with '%s'", missing, known, policy.ShrinkPercent, policy.AcceptBy)
		return done, nil
	}
	if done.Stale, done.Retired, err = w.markMissing(policy.RetireAfter); err != nil {
		return done, fmt.Errorf("mark assets stale: %w", err)
	}
	return done, nil
}

// fewFindings may be fixed at once whatever share of all they are: an estate
// of a handful of findings is not guarded against its last one.
const fewFindings = 10

// guardFindings says why that many findings are not fixed at once, of those that
// were known; empty when they are.
func (p Policy) guardFindings(missing, known int64) string {
	few := missing <= fewFindings && !p.Nothing
	if missing == 0 || few || missing*100 <= known*int64(p.ShrinkPercent) || p.AcceptShrink {
		return ""
	}
	return fmt.Sprintf("%d of %d known open findings were not delivered any more, above the limit of %d %%, so none was marked fixed; "+
		"this usually means that the account's permissions, or what the profile reads, were narrowed, that a file has only a part of what there is, or that a map makes other ids than before: "+
		"check them, or accept it with '%s'", missing, known, p.ShrinkPercent, p.AcceptBy)
}

// countVanished counts the open findings that their assets' records lack and,
// where these are more than a few, all open ones of the profile's assets that were
// known before.
func (w *writer) countVanished() (missing, known int64, err error) {
	err = w.tx.QueryRow(w.ctx, `
		SELECT count(*) FROM vanished_findings v JOIN findings f ON f.id = v.finding_id
		 WHERE v.run_id = $1 AND v.stream = $2 AND f.absent_since IS NULL AND f.status IS DISTINCT FROM 'FIXED'`, w.scope.RunID, w.scope.Stream).Scan(&missing)
	if err != nil || missing <= fewFindings {
		return missing, missing, err
	}
	err = w.tx.QueryRow(w.ctx, `
		SELECT count(*) FROM profile_assets p JOIN assets a ON a.id = p.asset_id JOIN findings f ON f.asset_id = a.id
		 WHERE p.profile_id = $1 AND p.missed = 0 AND a.kind = $3 AND a.class = $4 AND f.first_run_id <> $2
		   AND f.absent_since IS NULL AND f.status IS DISTINCT FROM 'FIXED'`,
		w.scope.ProfileID, w.scope.RunID, w.scope.Kind, w.scope.Class).Scan(&known)
	return missing, known, err
}

func (w *writer) forgetVanished() error {
	_, err := w.tx.Exec(w.ctx, "DELETE FROM vanished_findings WHERE run_id = $1 AND stream = $2", w.scope.RunID, w.scope.Stream)
	if err != nil {
		return fmt.Errorf("forget findings that were not seen: %w", err)
	}
	return nil
}

// reconcileFindings fixes the findings that were not seen of the assets that
// are judged.
func (w *writer) reconcileFindings(policy Policy) (done Reconciled, err error) {
	if !policy.Full || !policy.FixAbsent {
		return done, nil
	}
	missing, known, err := w.noteUnseen(policy.AllAssets)
	if err != nil {
		return done, fmt.Errorf("look for findings that were not seen: %w", err)
	}
	if done.Guarded = policy.guardFindings(missing, known); done.Guarded != "" {
		return done, w.forgetVanished()
	}
	if done.Fixed, err = w.fixVanished(); err != nil {
		return done, fmt.Errorf("mark findings fixed: %w", err)
	}
	return done, nil
}

// noteUnseen records as vanished the open findings of the assets that the
// profile saw in this run, where the findings themselves were not seen. It
// counts them, and the open findings of these assets that were known before. With
// allAssets it is also those that the profile saw in earlier runs, unless another
// profile sees them: then it is for that one to say.
// What a run of another profile has written meanwhile may be newer than what
// this one read, and is left alone.
// (EXCEPT sorts, on disk if need be; an anti-join may be planned as a nested
// loop, which for hundreds of thousands of findings would not end. To hash,
// EXCEPT keeps all of them in memory, and what a full run brings is more than
// PostgreSQL expects of it.)
func (w *writer) noteUnseen(allAssets bool) (missing, known int64, err error) {
	if _, err := w.tx.Exec(w.ctx, "SET LOCAL enable_hashagg = off"); err != nil {
		return 0, 0, err
	}
	err = w.tx.QueryRow(w.ctx, `
		WITH judged AS (
			SELECT p.asset_id FROM profile_assets p JOIN assets a ON a.id = p.asset_id
			 WHERE p.profile_id = $1 AND a.kind = $3 AND a.class = $4
			   AND (p.seen_run = $2 OR $6 AND NOT EXISTS (
			       SELECT FROM profile_assets other WHERE other.asset_id = p.asset_id AND other.profile_id <> $1 AND other.missed = 0))
			EXCEPT
			SELECT asset_id FROM seen_findings WHERE run_id = $2 AND stream = $5 AND finding_ids IS NULL
		), open AS MATERIALIZED (
			SELECT f.id, f.first_run_id FROM judged JOIN findings f USING (asset_id)
			 WHERE f.absent_since IS NULL AND f.status IS DISTINCT FROM 'FIXED'
			   AND f.run_id NOT IN (
			       SELECT other.id FROM runs this JOIN runs other ON other.connector_id = this.connector_id AND other.id <> this.id
			        WHERE this.id = $2 AND (other.finished_at IS NULL OR other.finished_at >= this.started_at))
		), unseen AS (
			SELECT id FROM open EXCEPT SELECT unnest(finding_ids) FROM seen_findings WHERE run_id = $2 AND stream = $5
		), noted AS (
			INSERT INTO vanished_findings (run_id, stream, finding_id) SELECT $2, $5, id FROM unseen
			ON CONFLICT DO NOTHING RETURNING 1)
		SELECT (SELECT count(*) FROM noted), (SELECT count(*) FROM open WHERE first_run_id <> $2)`,
		w.scope.ProfileID, w.scope.RunID, w.scope.Kind, w.scope.Class, w.scope.Stream, allAssets).Scan(&missing, &known)
	return missing, known, err
}

func (w *writer) fixVanished() (int64, error) {
	args, unlessSeen := []any{w.scope.RunID, w.scope.Stream}, ""
	if w.scope.overtaken() { // after its batch was written, or the finding were none of them
		args, unlessSeen = append(args, w.scope.Replays.RunID, w.scope.Replays.Ended), "AND NOT "+seenAfter("f.asset_id", "$3", "$4")
	}
	tag, err := w.tx.Exec(w.ctx, `
		WITH fixed AS (
			UPDATE findings f SET absent_since = now()
			  FROM vanished_findings v
			 WHERE v.run_id = $1 AND v.stream = $2 AND f.id = v.finding_id
			   AND f.absent_since IS NULL AND f.status IS DISTINCT FROM 'FIXED' `+unlessSeen+`
			RETURNING f.id, f.asset_id)
		INSERT INTO change_log (run_id, asset_id, finding_id, change) SELECT $1, asset_id, id, 'fixed' FROM fixed`, args...)
	return tag.RowsAffected(), err
}

// markMissing counts a missed run for every asset that the profile did not
// see, and marks those that no profile sees. missed_run keeps doing it again
// from counting a run twice, and what could not be read from being counted. A
// replay misses what the replayed run did: that counts once.
func (w *writer) markMissing(retireAfter int32) (stale, retired int64, err error) {
	if _, err = w.tx.Exec(w.ctx, `
		UPDATE profile_assets p SET missed = CASE WHEN $5 THEN greatest(p.missed, 1) ELSE p.missed + 1 END, missed_run = $2
		  FROM assets a
		 WHERE p.profile_id = $1 AND a.id = p.asset_id AND a.kind = $3 AND a.class = $4
		   AND p.seen_run <> $2 AND p.missed_run IS DISTINCT FROM $2`,
		w.scope.ProfileID, w.scope.RunID, w.scope.Kind, w.scope.Class, w.scope.Replays != nil); err != nil {
		return 0, 0, err
	}
	const unseen = `
		SELECT p.asset_id, min(p.missed) AS missed FROM profile_assets p
		 WHERE p.asset_id IN (SELECT asset_id FROM profile_assets WHERE profile_id = $1 AND missed_run = $2)
		 GROUP BY p.asset_id HAVING min(p.missed) > 0`
	tag, err := w.tx.Exec(w.ctx, `
		WITH unseen AS (`+unseen+`), gone AS (
			UPDATE assets a SET stale_since = now() FROM unseen u WHERE a.id = u.asset_id AND a.stale_since IS NULL RETURNING a.id)
		INSERT INTO change_log (run_id, asset_id, change) SELECT $2, id, 'stale' FROM gone`, w.scope.ProfileID, w.scope.RunID)
	if err != nil {
		return 0, 0, err
	}
	stale = tag.RowsAffected()
	tag, err = w.tx.Exec(w.ctx, `
		WITH unseen AS (`+unseen+`), gone AS (
			UPDATE assets a SET retired_at = now() FROM unseen u
			 WHERE a.id = u.asset_id AND a.retired_at IS NULL AND u.missed > $3 RETURNING a.id)
		INSERT INTO change_log (run_id, asset_id, change) SELECT $2, id, 'retired' FROM gone`, w.scope.ProfileID, w.scope.RunID, retireAfter)
	return stale, tag.RowsAffected(), err
}
