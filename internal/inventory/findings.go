package inventory

import (
	"slices"

	"github.com/jackc/pgx/v5"

	"sluice/internal/source"
)

// writeFindings writes the part's findings and returns their ids, in its
// order.
func (w *writer) writeFindings(p *part, assetIDs []int64, assetStored []bool) (ids []int64, err error) {
	c := comparison{w: w, p: p, assetIDs: assetIDs, ids: make([]int64, len(p.findings))}
	if err := c.compare(assetStored); err != nil {
		return nil, err
	}
	if err := w.insertFindings(p, &c); err != nil {
		return nil, err
	}
	w.counts.Findings.Updated += int64(len(c.changed))
	w.counts.Findings.Returned += int64(len(c.back))
	if err := w.updateFindings(p, c.ids, slices.Concat(c.changed, c.back)); err != nil {
		return nil, err
	}
	if err := w.writeSightings(p, c.ids, c.fresh); err != nil {
		return nil, err
	}
	return c.ids, w.noteVanished(c.vanished)
}

// insertFindings copies the findings that are not stored into the table and
// fills in their ids.
func (w *writer) insertFindings(p *part, c *comparison) error {
	for i := range p.findings {
		if c.ids[i] == 0 && p.findings[i].asset >= 0 {
			c.fresh = append(c.fresh, i)
		}
	}
	if len(c.fresh) == 0 {
		return nil
	}
	given, err := w.newIDs("findings", len(c.fresh))
	if err != nil {
		return err
	}
	buf := append(make([]byte, 0, len(p.content)+len(p.findings)*112), copyHeader...)
	for n, i := range c.fresh {
		f := &p.findings[i]
		c.ids[i] = given[n]
		buf = appendRow(buf, 7+findingContentN)
		buf = appendBigint(buf, given[n])
		buf = appendBigint(buf, c.assetIDs[f.asset])
		buf = appendText(buf, f.externalID)
		buf = appendBigint(buf, w.scope.RunID)
		buf = appendBigint(buf, w.scope.RunID)
		buf = appendInt(buf, w.scope.MapID)
		buf = appendDigest(buf, f.digest)
		buf = append(buf, p.content[f.content.from:f.content.to]...)
	}
	w.counts.Findings.Created += int64(len(c.fresh))
	return w.copy(buf, "COPY findings (id, asset_id, external_id, first_run_id, run_id, map_id, digest, "+findingContent+") FROM STDIN BINARY", len(c.fresh))
}

const stageFindings = `
	CREATE TEMP TABLE IF NOT EXISTS stage_findings (
		id bigint, digest uuid, severity smallint, name text, attributes jsonb, status text, qid integer, first_found_at timestamptz
	) ON COMMIT DELETE ROWS`

// updateFindings writes the findings whose content differs from what is
// stored, or that were marked absent, and says in the log what it means.
func (w *writer) updateFindings(p *part, ids []int64, changed []int) error {
	if len(changed) == 0 {
		return nil
	}
	if _, err := w.tx.Exec(w.ctx, stageFindings); err != nil {
		return err
	}
	buf := []byte(copyHeader)
	for _, i := range changed {
		f := &p.findings[i]
		buf = appendRow(buf, 2+findingContentN)
		buf = appendBigint(buf, ids[i])
		buf = appendDigest(buf, f.digest)
		buf = append(buf, p.content[f.content.from:f.content.to]...)
	}
	if err := w.copy(buf, "COPY stage_findings (id, digest, "+findingContent+") FROM STDIN BINARY", len(changed)); err != nil {
		return err
	}
	_, err := w.tx.Exec(w.ctx, `
		WITH was AS (
			SELECT f.*, s.digest AS digest_now, f.absent_since IS NOT NULL OR f.status IS NOT DISTINCT FROM 'FIXED' AS fixed,
			       s.status IS NOT DISTINCT FROM 'FIXED' AS fixed_now
			  FROM stage_findings s JOIN findings f USING (id) WHERE f.digest <> s.digest OR f.absent_since IS NOT NULL
		), logged AS (
			INSERT INTO change_log (run_id, asset_id, finding_id, change, before)
			SELECT $1, asset_id, id, CASE WHEN fixed AND NOT fixed_now THEN 'reopened' WHEN fixed_now AND NOT fixed THEN 'fixed' ELSE 'updated' END,
			       CASE WHEN digest <> digest_now THEN jsonb_strip_nulls(jsonb_build_object(
			       'name', name, 'severity', severity, 'status', status, 'qid', qid, 'firstFoundAt', first_found_at, 'attributes', attributes)) END
			  FROM was)
		UPDATE findings f SET (run_id, map_id, absent_since, digest, `+findingContent+`) =
		       ($1, $2, NULL, s.digest, s.severity, s.name, s.attributes, s.status, s.qid, s.first_found_at)
		  FROM stage_findings s WHERE f.id = s.id AND (f.digest <> s.digest OR f.absent_since IS NOT NULL)`, w.scope.RunID, w.scope.MapID)
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
	if w.dry != nil {
		w.dry.vanished = append(w.dry.vanished, ids...)
		return nil
	}
	_, err := w.tx.Exec(w.ctx, `
		INSERT INTO vanished_findings (run_id, stream, finding_id) SELECT $1, $2, id FROM unnest($3::bigint[]) id
		ON CONFLICT DO NOTHING`, w.scope.RunID, w.scope.Stream, ids)
	return err
}

// comparison is how a part's findings differ from what is stored; the lists
// are places in the part, but for vanished.
type comparison struct {
	w        *writer
	p        *part
	assetIDs []int64
	place    map[int64]int      // asset id -> place in the part
	index    map[findingKey]int // of findings whose asset is stored
	ids      []int64            // by finding of the part; 0: not stored

	fresh, changed, back []int
	vanished             []int64 // ids
}

// compare looks up the stored findings of the part's assets. An asset that
// was not stored before has none.
func (c *comparison) compare(assetStored []bool) error {
	var known []int64
	c.place = make(map[int64]int)
	for i, id := range c.assetIDs {
		if assetStored[i] {
			known = append(known, id)
			c.place[id] = i
		}
	}
	if known == nil {
		return nil
	}
	if c.w.scope.Role == source.Findings {
		c.index = c.p.byKey
		return c.compareSome(known)
	}
	c.index = make(map[findingKey]int)
	for i := range c.p.findings {
		if f := &c.p.findings[i]; f.asset >= 0 && assetStored[f.asset] {
			c.index[findingKey{f.asset, f.externalID}] = i
		}
	}
	return c.take(`
		SELECT id, asset_id, external_id, digest, absent_since IS NOT NULL, coalesce(status = 'FIXED', false)
		  FROM findings WHERE asset_id = ANY($1)`, known)
}

// compareSome looks up the findings of a batch that has some of its assets'
// findings: by asset while that reads little more than these, one by one for
// those of assets that have many more.
func (c *comparison) compareSome(known []int64) error {
	limits := make([]int64, len(known))
	for n, id := range known {
		limits[n] = int64(64 + 2*c.p.assets[c.place[id]].findings)
	}
	read := make(map[int]int64) // by asset's place
	err := c.takeEach(func(asset int) { read[asset]++ }, `
		SELECT f.* FROM unnest($1::bigint[], $2::bigint[]) AS wanted (asset, most), LATERAL (
		       SELECT id, asset_id, external_id, digest, absent_since IS NOT NULL, coalesce(status = 'FIXED', false)
		         FROM findings WHERE asset_id = wanted.asset LIMIT wanted.most) f`, known, limits)
	if err != nil {
		return err
	}
	var assets []int64
	var names []string
	cut := make(map[int]bool)
	for n, id := range known {
		cut[c.place[id]] = read[c.place[id]] == limits[n]
	}
	for i := range c.p.findings {
		if f := &c.p.findings[i]; c.ids[i] == 0 && cut[f.asset] {
			assets, names = append(assets, c.assetIDs[f.asset]), append(names, f.externalID)
		}
	}
	if assets == nil {
		return nil
	}
	return c.take(`
		SELECT f.id, f.asset_id, f.external_id, f.digest, f.absent_since IS NOT NULL, coalesce(f.status = 'FIXED', false)
		  FROM unnest($1::bigint[], $2::text[]) AS wanted (asset, finding), LATERAL (
		       SELECT * FROM findings WHERE asset_id = wanted.asset AND external_id = wanted.finding LIMIT 1) f`, assets, names)
}

func (c *comparison) take(query string, args ...any) error {
	return c.takeEach(func(int) {}, query, args...)
}

// takeEach compares the stored findings that a query returns, telling of each
// whose it is.
func (c *comparison) takeEach(of func(asset int), query string, args ...any) error {
	rows, err := c.w.tx.Query(c.w.ctx, query, args...)
	if err != nil {
		return err
	}
	var id, assetID int64
	var name string
	var d [16]byte
	var absent, fixed bool
	_, err = pgx.ForEachRow(rows, []any{&id, &assetID, &name, &d, &absent, &fixed}, func() error {
		asset := c.place[assetID]
		of(asset)
		i, ok := c.index[findingKey{asset, name}]
		if !ok {
			if !absent && !fixed && c.w.gone(&c.p.assets[asset], name) {
				c.vanished = append(c.vanished, id)
			}
			return nil
		}
		c.ids[i] = id
		f := &c.p.findings[i]
		switch {
		case (absent || fixed) && !f.fixed:
			c.back = append(c.back, i)
		case absent || d != f.digest:
			c.changed = append(c.changed, i)
		default:
			c.w.counts.Findings.Unchanged++
		}
		return nil
	})
	return err
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
