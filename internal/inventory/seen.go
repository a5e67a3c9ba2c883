package inventory

import "sluice/internal/source"

// see records that the profile saw the assets in this run or, of a replay that is
// overtaken, in the replayed one, unless a later one has seen or missed them.
func (w *writer) see(assetIDs []int64) error {
	_, err := w.tx.Exec(w.ctx, `
		INSERT INTO profile_assets (profile_id, asset_id, seen_run)
		SELECT $1, id, $2 FROM unnest($3::bigint[]) id
		 WHERE coalesce((SELECT greatest(seen_run, missed_run) FROM profile_assets WHERE profile_id = $1 AND asset_id = id), 0) < $2
		 ORDER BY id
		ON CONFLICT (profile_id, asset_id) DO UPDATE SET seen_run = excluded.seen_run, missed = 0`,
		w.scope.ProfileID, w.scope.seenIn(), assetIDs)
	return err
}

// seeFindings keeps which findings the run saw, a row an asset.
func (w *writer) seeFindings(p *part, assetIDs, findingIDs []int64) error {
	ids := make([][]int64, len(p.assets))
	for i := range p.assets {
		ids[i] = make([]int64, 0, p.assets[i].findings)
	}
	for i, id := range findingIDs {
		place := p.findings[i].asset
		ids[place] = append(ids[place], id)
	}
	if w.dry != nil {
		for i, list := range ids {
			if len(list) > 0 {
				w.dry.findings = append(w.dry.findings, assetFindings{assetIDs[i], list})
			}
		}
		return nil
	}
	buf, rows := []byte(copyHeader), 0
	for i, list := range ids {
		if len(list) == 0 {
			continue
		}
		rows++
		buf = appendRow(buf, 4)
		buf = appendBigint(buf, w.scope.RunID)
		buf = appendText(buf, w.scope.Stream)
		buf = appendBigint(buf, assetIDs[i])
		buf = appendBigints(buf, list)
	}
	return w.copy(buf, "COPY seen_findings (run_id, stream, asset_id, finding_ids) FROM STDIN BINARY", rows)
}

// seeRejected marks what is there though its record was rejected.
func (w *writer) seeRejected(seen []seenThing) error {
	if len(seen) == 0 {
		return nil
	}
	assets, findings := namesOf(seen)
	_, err := w.tx.Exec(w.ctx, `
		INSERT INTO profile_assets (profile_id, asset_id, seen_run)
		SELECT DISTINCT $1::bigint, a.id, $2::bigint FROM unnest($6::text[]) wanted
		  JOIN assets a ON a.connector_id = $3 AND a.kind = $4 AND a.class = $5 AND a.external_id = wanted ORDER BY a.id
		ON CONFLICT (profile_id, asset_id) DO UPDATE SET seen_run = excluded.seen_run, missed = 0`,
		w.scope.ProfileID, w.scope.RunID, w.scope.ConnectorID, w.scope.Kind, w.scope.Class, assets)
	if err != nil || w.scope.Role != source.Findings || !w.scope.Full {
		return err
	}
	_, err = w.tx.Exec(w.ctx, "INSERT INTO seen_findings (run_id, stream, asset_id, finding_ids)"+rejectedFindings,
		w.scope.RunID, w.scope.Stream, w.scope.ConnectorID, w.scope.Kind, w.scope.Class, assets, findings)
	return err
}

// rejectedFindings are the findings of rejected records, by asset. One without
// an id may be any: then the row has none, which is all.
const rejectedFindings = `
	SELECT $1::bigint, $2::text, a.id, CASE WHEN bool_and(wanted.finding <> '') THEN coalesce(array_agg(f.id) FILTER (WHERE f.id IS NOT NULL), '{}') END
	  FROM unnest($6::text[], $7::text[]) AS wanted (asset, finding)
	  JOIN assets a ON a.connector_id = $3 AND a.kind = $4 AND a.class = $5 AND a.external_id = wanted.asset
	  LEFT JOIN findings f ON f.asset_id = a.id AND f.external_id = wanted.finding
	 GROUP BY a.id`

// namesOf are the external ids of assets, and of findings of theirs.
func namesOf(seen []seenThing) (assets, findings []string) {
	assets, findings = make([]string, len(seen)), make([]string, len(seen))
	for i, s := range seen {
		assets[i], findings[i] = s.asset, s.finding
	}
	return assets, findings
}

// spareUnread keeps assets from being counted as missed that are in parts of
// the source that could not be read this time. They were not seen either: when
// they were last stays as it is.
func (w *writer) spareUnread(scopes []string) error {
	if len(scopes) == 0 {
		return nil
	}
	_, err := w.tx.Exec(w.ctx, `
		UPDATE profile_assets p SET missed_run = $2
		  FROM assets a
		 WHERE p.profile_id = $1 AND a.id = p.asset_id AND p.seen_run <> $2 AND p.missed_run IS DISTINCT FROM $2 AND a.kind = $3 AND a.class = $4
		   AND EXISTS (SELECT FROM unnest($5::text[]) scope WHERE starts_with(a.external_id, scope || '/'))`,
		w.scope.ProfileID, w.scope.RunID, w.scope.Kind, w.scope.Class, scopes)
	return err
}
