package inventory

import (
	"bytes"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// writeAssets writes the part's assets. It returns their ids, in its order,
// and which of them were stored before.
func (w *writer) writeAssets(p *part) (ids []int64, stored []bool, err error) {
	ids, stored = make([]int64, len(p.assets)), make([]bool, len(p.assets))
	names := make([]string, len(p.assets))
	for i := range p.assets {
		names[i] = p.assets[i].externalID
	}
	var changed, returned []int
	// With external_id = ANY(names) PostgreSQL may read all assets of the
	// class and filter them.
	rows, err := w.tx.Query(w.ctx, `
		SELECT a.id, a.external_id, a.digest, a.stale_since IS NOT NULL
		  FROM unnest($4::text[]) wanted, LATERAL (
		       SELECT * FROM assets
		        WHERE connector_id = $1 AND kind = $2 AND class = $3 AND external_id = wanted LIMIT 1) a`,
		w.scope.ConnectorID, w.scope.Kind, w.scope.Class, names)
	if err != nil {
		return nil, nil, err
	}
	var id int64
	var name string
	var d [16]byte
	var stale bool
	_, err = pgx.ForEachRow(rows, []any{&id, &name, &d, &stale}, func() error {
		i := p.index[name]
		ids[i], stored[i] = id, true
		switch {
		case stale:
			returned = append(returned, i)
		case d != p.assets[i].digest:
			changed = append(changed, i)
		default:
			w.counts.Assets.Unchanged++
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	if err := w.insertAssets(p, ids, stored); err != nil {
		return nil, nil, err
	}
	w.counts.Assets.Updated += int64(len(changed))
	w.counts.Assets.Returned += int64(len(returned))
	if err := w.returnAssets(ids, returned); err != nil {
		return nil, nil, err
	}
	return ids, stored, w.updateAssets(p, ids, append(changed, returned...))
}

// insertAssets copies the assets that are not stored and fills in their ids.
func (w *writer) insertAssets(p *part, ids []int64, stored []bool) error {
	var fresh []int
	for i := range stored {
		if !stored[i] {
			fresh = append(fresh, i)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	rows, err := w.tx.Query(w.ctx, `
		SELECT nextval(sequence) FROM generate_series(1, $1), (SELECT pg_get_serial_sequence('assets', 'id')::regclass AS sequence OFFSET 0) once`,
		len(fresh))
	if err != nil {
		return err
	}
	given, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return err
	}
	buf := []byte(copyHeader)
	for n, i := range fresh {
		a := &p.assets[i]
		ids[i] = given[n]
		buf = appendRow(buf, 9+assetContentN)
		buf = appendBigint(buf, ids[i])
		buf = appendBigint(buf, w.scope.ConnectorID)
		buf = appendText(buf, w.scope.Kind)
		buf = appendText(buf, w.scope.Class)
		buf = appendText(buf, a.externalID)
		buf = appendBigint(buf, w.scope.RunID)
		buf = appendBigint(buf, w.scope.RunID)
		buf = appendInt(buf, w.scope.MapID)
		buf = appendDigest(buf, a.digest)
		buf = append(buf, p.content[a.content.from:a.content.to]...)
	}
	w.counts.Assets.Created += int64(len(fresh))
	return w.copy(buf, "COPY assets (id, connector_id, kind, class, external_id, first_run_id, run_id, map_id, digest, "+assetContent+") FROM STDIN BINARY", len(fresh))
}

// returnAssets takes the marks of absence from assets that are back.
func (w *writer) returnAssets(ids []int64, returned []int) error {
	if len(returned) == 0 {
		return nil
	}
	back := make([]int64, len(returned))
	for n, i := range returned {
		back[n] = ids[i]
	}
	_, err := w.tx.Exec(w.ctx, `
		WITH back AS (UPDATE assets SET stale_since = NULL, retired_at = NULL WHERE id = ANY($1) RETURNING id)
		INSERT INTO change_log (run_id, asset_id, change) SELECT $2, id, 'returned' FROM back`, back, w.scope.RunID)
	return err
}

const stageAssets = `
	CREATE TEMP TABLE IF NOT EXISTS stage_assets (
		id bigint, digest uuid, source_created_at timestamptz, source_updated_at timestamptz,
		name text, base_url text, specification_url text, attributes jsonb
	) ON COMMIT DELETE ROWS`

// updateAssets writes the assets whose content differs from what is stored.
func (w *writer) updateAssets(p *part, ids []int64, changed []int) error {
	if len(changed) == 0 {
		return nil
	}
	if _, err := w.tx.Exec(w.ctx, stageAssets); err != nil {
		return err
	}
	buf := []byte(copyHeader)
	for _, i := range changed {
		a := &p.assets[i]
		buf = appendRow(buf, 2+assetContentN)
		buf = appendBigint(buf, ids[i])
		buf = appendDigest(buf, a.digest)
		buf = append(buf, p.content[a.content.from:a.content.to]...)
	}
	if err := w.copy(buf, "COPY stage_assets (id, digest, "+assetContent+") FROM STDIN BINARY", len(changed)); err != nil {
		return err
	}
	_, err := w.tx.Exec(w.ctx, `
		WITH was AS (
			INSERT INTO change_log (run_id, asset_id, change, before)
			SELECT $1, a.id, 'updated', jsonb_strip_nulls(jsonb_build_object(
			       'name', a.name, 'baseUrl', a.base_url, 'specificationUrl', a.specification_url,
			       'sourceUpdatedAt', a.source_updated_at, 'attributes', a.attributes))
			  FROM stage_assets s JOIN assets a USING (id) WHERE a.digest <> s.digest)
		UPDATE assets a SET (run_id, map_id, digest, `+assetContent+`) =
		       ($1, $2, s.digest, s.source_created_at, s.source_updated_at, s.name, s.base_url, s.specification_url, s.attributes)
		  FROM stage_assets s WHERE a.id = s.id AND a.digest <> s.digest`, w.scope.RunID, w.scope.MapID)
	if err != nil {
		return err
	}
	_, err = w.tx.Exec(w.ctx, "TRUNCATE stage_assets")
	return err
}

// findingKey finds a finding of a part: the place of its asset, and its id.
type findingKey struct {
	asset      int
	externalID string
}

func (w *writer) writeFindings(p *part, assetIDs []int64, assetStored []bool) error {
	found, err := w.compareFindings(p, assetIDs, assetStored)
	if err != nil {
		return err
	}
	if err := w.insertFindings(p, assetIDs, found.stored); err != nil {
		return err
	}
	w.counts.Findings.Updated += int64(len(found.changed))
	w.counts.Findings.Returned += int64(len(found.reopened))
	if err := w.reopenFindings(found.reopened); err != nil {
		return err
	}
	if err := w.updateFindings(p, append(found.changed, found.reopened...)); err != nil {
		return err
	}
	return w.noteVanished(found.vanished)
}

// comparison is how a part's findings differ from what is stored.
type comparison struct {
	stored            []bool // by finding of the part
	changed, reopened []change
	vanished          []int64
}

// compareFindings looks up the stored findings of the part's assets. An asset
// that was not stored before has none.
func (w *writer) compareFindings(p *part, assetIDs []int64, assetStored []bool) (comparison, error) {
	c := comparison{stored: make([]bool, len(p.findings))}
	var known []int64
	place := make(map[int64]int) // asset id -> place in the part
	index := make(map[findingKey]int)
	for i, id := range assetIDs {
		if !assetStored[i] {
			continue
		}
		known = append(known, id)
		place[id] = i
		for f := p.assets[i].first; f < p.assets[i].last; f++ {
			index[findingKey{i, p.findings[f].externalID}] = f
		}
	}
	if known == nil {
		return c, nil
	}
	rows, err := w.tx.Query(w.ctx, "SELECT id, asset_id, external_id, digest, absent_since IS NOT NULL FROM findings WHERE asset_id = ANY($1)", known)
	if err != nil {
		return c, err
	}
	var id, assetID int64
	var name string
	var d [16]byte
	var absent bool
	_, err = pgx.ForEachRow(rows, []any{&id, &assetID, &name, &d, &absent}, func() error {
		a := place[assetID]
		f, ok := index[findingKey{a, name}]
		switch {
		case !ok:
			if !absent && w.gone(&p.assets[a], name) {
				c.vanished = append(c.vanished, id)
			}
			return nil
		case absent:
			c.reopened = append(c.reopened, change{id, f})
		case d != p.findings[f].digest:
			c.changed = append(c.changed, change{id, f})
		default:
			w.counts.Findings.Unchanged++
		}
		c.stored[f] = true
		return nil
	})
	return c, err
}

// change is a stored finding and its new content in the part.
type change struct {
	id      int64
	finding int
}

// gone reports whether a stored finding that is not among the asset's
// findings has vanished.
func (w *writer) gone(a *asset, externalID string) bool {
	if !w.scope.Nested || !a.listed {
		return false
	}
	for _, kept := range a.keepFindings {
		if kept == externalID || kept == "" {
			return false
		}
	}
	return true
}

// insertFindings copies the findings that are not stored into the table.
func (w *writer) insertFindings(p *part, assetIDs []int64, stored []bool) error {
	var buf []byte // in most runs there are few new findings, or none
	fresh := 0
	for i := range p.assets {
		a := &p.assets[i]
		for n := a.first; n < a.last; n++ {
			if stored[n] {
				continue
			}
			if fresh == 0 {
				buf = append(make([]byte, 0, len(p.content)+len(p.findings)*100), copyHeader...)
			}
			f := &p.findings[n]
			fresh++
			buf = appendRow(buf, 6+findingContentN)
			buf = appendBigint(buf, assetIDs[i])
			buf = appendText(buf, f.externalID)
			buf = appendBigint(buf, w.scope.RunID)
			buf = appendBigint(buf, w.scope.RunID)
			buf = appendInt(buf, w.scope.MapID)
			buf = appendDigest(buf, f.digest)
			buf = append(buf, p.content[f.content.from:f.content.to]...)
		}
	}
	w.counts.Findings.Created += int64(fresh)
	return w.copy(buf, "COPY findings (asset_id, external_id, first_run_id, run_id, map_id, digest, "+findingContent+") FROM STDIN BINARY", fresh)
}

// reopenFindings takes the mark of absence from findings that are back.
func (w *writer) reopenFindings(reopened []change) error {
	if len(reopened) == 0 {
		return nil
	}
	back := make([]int64, len(reopened))
	for n, c := range reopened {
		back[n] = c.id
	}
	_, err := w.tx.Exec(w.ctx, `
		WITH back AS (UPDATE findings SET absent_since = NULL WHERE id = ANY($1) RETURNING id, asset_id)
		INSERT INTO change_log (run_id, asset_id, finding_id, change) SELECT $2, asset_id, id, 'reopened' FROM back`, back, w.scope.RunID)
	return err
}

const stageFindings = `
	CREATE TEMP TABLE IF NOT EXISTS stage_findings (
		id bigint, digest uuid, severity smallint, name text, attributes jsonb
	) ON COMMIT DELETE ROWS`

// updateFindings writes the findings whose content differs from what is
// stored.
func (w *writer) updateFindings(p *part, changed []change) error {
	if len(changed) == 0 {
		return nil
	}
	if _, err := w.tx.Exec(w.ctx, stageFindings); err != nil {
		return err
	}
	buf := []byte(copyHeader)
	for _, c := range changed {
		f := &p.findings[c.finding]
		buf = appendRow(buf, 2+findingContentN)
		buf = appendBigint(buf, c.id)
		buf = appendDigest(buf, f.digest)
		buf = append(buf, p.content[f.content.from:f.content.to]...)
	}
	if err := w.copy(buf, "COPY stage_findings (id, digest, "+findingContent+") FROM STDIN BINARY", len(changed)); err != nil {
		return err
	}
	_, err := w.tx.Exec(w.ctx, `
		WITH was AS (
			INSERT INTO change_log (run_id, asset_id, finding_id, change, before)
			SELECT $1, f.asset_id, f.id, 'updated', jsonb_strip_nulls(jsonb_build_object(
			       'name', f.name, 'severity', f.severity, 'attributes', f.attributes))
			  FROM stage_findings s JOIN findings f USING (id) WHERE f.digest <> s.digest)
		UPDATE findings f SET (run_id, map_id, digest, `+findingContent+`) = ($1, $2, s.digest, s.severity, s.name, s.attributes)
		  FROM stage_findings s WHERE f.id = s.id AND f.digest <> s.digest`, w.scope.RunID, w.scope.MapID)
	if err != nil {
		return err
	}
	_, err = w.tx.Exec(w.ctx, "TRUNCATE stage_findings")
	return err
}

// noteVanished records candidates; Reconcile applies them if the stream turns
// out to be complete.
func (w *writer) noteVanished(ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := w.tx.Exec(w.ctx, `
		INSERT INTO vanished_findings (run_id, stream, finding_id) SELECT $1, $2, id FROM unnest($3::bigint[]) id
		ON CONFLICT DO NOTHING`, w.scope.RunID, w.scope.Stream, ids)
	return err
}

// copy sends rows in PostgreSQL's binary COPY format; buf lacks the trailer.
func (w *writer) copy(buf []byte, statement string, rows int) error {
	if rows == 0 {
		return nil
	}
	buf = append(buf, copyTrailer...)
	tag, err := w.tx.Conn().PgConn().CopyFrom(w.ctx, bytes.NewReader(buf), statement)
	if err != nil {
		return err
	}
	if tag.RowsAffected() != int64(rows) {
		return fmt.Errorf("%d of %d rows were copied", tag.RowsAffected(), rows)
	}
	return nil
}
