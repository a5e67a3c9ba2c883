package inventory

import (
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"sluice/internal/source"
)

// assetComparison is how a part's assets differ from what is stored; the
// lists are places in the part.
type assetComparison struct {
	ids                         []int64
	stored                      []bool
	fresh, changed, back, moved []int
}

// writeAssets writes the part's assets. It returns their ids, in its order,
// and which of them were stored before.
func (w *writer) writeAssets(p *part) (ids []int64, stored []bool, err error) {
	c, err := w.compareAssets(p)
	if err != nil {
		return nil, nil, err
	}
	if err := w.insertAssets(p, c); err != nil {
		return nil, nil, err
	}
	w.counts.Assets.Returned += int64(len(c.back))
	if err := w.returnAssets(c); err != nil {
		return nil, nil, err
	}
	if w.scope.Role == source.Findings {
		return c.ids, c.stored, nil
	}
	w.counts.Assets.Updated += int64(len(c.changed))
	if err := w.updateAssets(p, c.ids, slices.Concat(c.changed, c.back)); err != nil {
		return nil, nil, err
	}
	return c.ids, c.stored, w.moveAssets(p, c)
}

func (w *writer) compareAssets(p *part) (*assetComparison, error) {
	c := &assetComparison{ids: make([]int64, len(p.assets)), stored: make([]bool, len(p.assets))}
	names := make([]string, len(p.assets))
	for i := range p.assets {
		names[i] = p.assets[i].externalID
	}
	// With external_id = ANY(names) PostgreSQL may read all assets of the
	// class and filter them.
	rows, err := w.tx.Query(w.ctx, `
		SELECT a.id, a.external_id, a.digest, a.stale_since IS NOT NULL, a.last_scanned_at
		  FROM unnest($4::text[]) wanted, LATERAL (
		       SELECT * FROM assets
		        WHERE connector_id = $1 AND kind = $2 AND class = $3 AND external_id = wanted LIMIT 1) a`,
		w.scope.ConnectorID, w.scope.Kind, w.scope.Class, names)
	if err != nil {
		return nil, err
	}
	var id int64
	var name string
	var d [16]byte
	var stale bool
	var scanned pgtype.Timestamptz
	_, err = pgx.ForEachRow(rows, []any{&id, &name, &d, &stale, &scanned}, func() error {
		i := p.index[name]
		a := &p.assets[i]
		c.ids[i], c.stored[i] = id, true
		if stale {
			c.back = append(c.back, i)
		}
		if w.scope.Role == source.Findings {
			return nil
		}
		if d != a.digest && !stale {
			c.changed = append(c.changed, i)
		} else if a.scanned != 0 && a.scanned != micros(scanned.Time) && !(w.scope.overtaken() && a.scanned < micros(scanned.Time)) {
			c.moved = append(c.moved, i)
		}
		if d == a.digest && !stale {
			w.counts.Assets.Unchanged++
		}
		return nil
	})
	for i := range c.stored {
		if !c.stored[i] {
			c.fresh = append(c.fresh, i)
		}
	}
	return c, err
}

// insertAssets copies the assets that are not stored and fills in their ids.
func (w *writer) insertAssets(p *part, c *assetComparison) error {
	given, err := w.newIDs("assets", len(c.fresh))
	if err != nil {
		return err
	}
	buf := []byte(copyHeader)
	for n, i := range c.fresh {
		a := &p.assets[i]
		c.ids[i] = given[n]
		buf = appendRow(buf, 9+assetContentN)
		buf = appendBigint(buf, given[n])
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
	w.counts.Assets.Created += int64(len(c.fresh))
	return w.copy(buf, "COPY assets (id, connector_id, kind, class, external_id, first_run_id, run_id, map_id, digest, "+assetContent+") FROM STDIN BINARY", len(c.fresh))
}

// returnAssets takes the marks of absence from assets that are back.
func (w *writer) returnAssets(c *assetComparison) error {
	if len(c.back) == 0 {
		return nil
	}
	back := make([]int64, len(c.back))
	for n, i := range c.back {
		back[n] = c.ids[i]
	}
	_, err := w.tx.Exec(w.ctx, `
		WITH back AS (UPDATE assets SET stale_since = NULL, retired_at = NULL WHERE id = ANY($1) RETURNING id)
		INSERT INTO change_log (run_id, asset_id, change) SELECT $2, id, 'returned' FROM back`, back, w.scope.RunID)
	return err
}

const stageAssets = `
	CREATE TEMP TABLE IF NOT EXISTS stage_assets (
		id bigint, digest uuid, source_created_at timestamptz, source_updated_at timestamptz,
		name text, base_url text, specification_url text, attributes jsonb,
		ip_address text, dns_name text, operating_system text, specification_hash text, last_scanned_at timestamptz
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
			       'specificationHash', a.specification_hash, 'ipAddress', a.ip_address, 'dnsName', a.dns_name, 'operatingSystem', a.operating_system,
			       'sourceUpdatedAt', a.source_updated_at, 'attributes', a.attributes))
			  FROM stage_assets s JOIN assets a USING (id) WHERE a.digest <> s.digest)
		UPDATE assets a SET (run_id, map_id, digest, `+assetContent+`) =
		       ($1, $2, s.digest, s.source_created_at, s.source_updated_at, s.name, s.base_url, s.specification_url, s.attributes,
		        s.ip_address, s.dns_name, s.operating_system, s.specification_hash,
		        CASE WHEN $3 THEN greatest(s.last_scanned_at, a.last_scanned_at) ELSE coalesce(s.last_scanned_at, a.last_scanned_at) END)
		  FROM stage_assets s WHERE a.id = s.id AND a.digest <> s.digest`, w.scope.RunID, w.scope.MapID, w.scope.overtaken())
	if err != nil {
		return err
	}
	_, err = w.tx.Exec(w.ctx, "TRUNCATE stage_assets")
	return err
}

// moveAssets notes when assets of which nothing else changed were scanned.
func (w *writer) moveAssets(p *part, c *assetComparison) error {
	if len(c.moved) == 0 {
		return nil
	}
	ids, times := make([]int64, len(c.moved)), make([]time.Time, len(c.moved))
	for n, i := range c.moved {
		ids[n], times[n] = c.ids[i], time.UnixMicro(p.assets[i].scanned)
	}
	_, err := w.tx.Exec(w.ctx, `
		UPDATE assets SET last_scanned_at = at
		  FROM unnest($1::bigint[], $2::timestamptz[]) AS scanned (asset, at)
		 WHERE id = asset AND last_scanned_at IS DISTINCT FROM at`, ids, times)
	return err
}
