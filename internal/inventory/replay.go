package inventory

import (
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/source"
)

// Replayed is the run whose records a batch holds, where that is not the run
// that writes them. What runs after it have brought is newer, and is left as it
// is:
//
//   - an asset, with its findings, that such a run has written or, where records
//     carry all findings of their assets, has seen; that has been stale since;
//   - a finding that such a run has written, or that has been fixed since;
//   - an entry of the knowledge base that such a run has written;
//   - when something was last scanned, found or tested, where that is later.
//
// A replay of such a run counts as that run.
type Replayed struct {
	RunID int64
	Began time.Time
	// Overtaken says that there was another run of the connector since.
	Overtaken bool
}

// sourceRun is the run whose records a row was written from, by the run that
// wrote it.
func sourceRun(column string) string {
	return "coalesce((SELECT (w.plan->'replay'->>'run')::bigint FROM runs w WHERE w.id = " + column + "), " + column + ")"
}

// seenIn is the run in which the vendor delivered what is written.
func (s Scope) seenIn() int64 {
	if s.Replays != nil {
		return s.Replays.RunID
	}
	return s.RunID
}

// forwardOnly says that moving values may not move back.
func (s Scope) forwardOnly() bool { return s.Replays != nil && s.Replays.Overtaken }

// withoutNewer returns the part without what runs after the replayed one have
// brought.
func (w *writer) withoutNewer(p *part) (*part, error) {
	assets, err := w.newerAssets(p)
	if err != nil {
		return nil, err
	}
	var findings map[findingKey]bool
	if w.scope.Role == source.Findings || !w.scope.Nested {
		if findings, err = w.newerFindings(p); err != nil {
			return nil, err
		}
	}
	if len(assets)+len(findings) == 0 {
		return p, nil
	}
	left := p.without(assets, findings)
	w.counts.LeftAlone += int64(len(p.assets) - len(left.assets) + len(p.findings) - len(left.findings))
	return left, nil
}

// newerAssets returns the places of the part's assets that are left alone.
func (w *writer) newerAssets(p *part) (map[int]bool, error) {
	names := make([]string, len(p.assets))
	for i := range p.assets {
		names[i] = p.assets[i].externalID
	}
	rows, err := w.tx.Query(w.ctx, `
		SELECT a.external_id
		  FROM unnest($4::text[]) wanted, LATERAL (
		       SELECT * FROM assets WHERE connector_id = $1 AND kind = $2 AND class = $3 AND external_id = wanted LIMIT 1) a
		 WHERE a.stale_since >= $6
		    OR $7 AND `+sourceRun("a.run_id")+` > $5
		    OR $8 AND EXISTS (SELECT FROM profile_assets s WHERE s.asset_id = a.id AND s.seen_run > $5)`,
		w.scope.ConnectorID, w.scope.Kind, w.scope.Class, names, w.scope.Replays.RunID, w.scope.Replays.Began,
		w.scope.Role != source.Findings, w.scope.Nested)
	if err != nil {
		return nil, err
	}
	newer := make(map[int]bool)
	var name string
	_, err = pgx.ForEachRow(rows, []any{&name}, func() error { newer[p.index[name]] = true; return nil })
	return newer, err
}

// newerFindings returns the part's findings that are left alone.
func (w *writer) newerFindings(p *part) (map[findingKey]bool, error) {
	var assets, names []string
	for i := range p.findings {
		if f := &p.findings[i]; f.asset >= 0 {
			assets, names = append(assets, p.assets[f.asset].externalID), append(names, f.externalID)
		}
	}
	rows, err := w.tx.Query(w.ctx, `
		SELECT wanted.asset, wanted.finding
		  FROM unnest($4::text[], $5::text[]) AS wanted (asset, finding), LATERAL (
		       SELECT id FROM assets WHERE connector_id = $1 AND kind = $2 AND class = $3 AND external_id = wanted.asset LIMIT 1) a, LATERAL (
		       SELECT run_id, absent_since FROM findings WHERE asset_id = a.id AND external_id = wanted.finding LIMIT 1) f
		 WHERE f.absent_since >= $7 OR `+sourceRun("f.run_id")+` > $6`,
		w.scope.ConnectorID, w.scope.Kind, w.scope.Class, assets, names, w.scope.Replays.RunID, w.scope.Replays.Began)
	if err != nil {
		return nil, err
	}
	newer := make(map[findingKey]bool)
	var asset, finding string
	_, err = pgx.ForEachRow(rows, []any{&asset, &finding}, func() error {
		newer[findingKey{p.index[asset], finding}] = true
		return nil
	})
	return newer, err
}

// without returns the part without some assets, and their findings, and without
// some findings. It shares the content.
func (p *part) without(assets map[int]bool, findings map[findingKey]bool) *part {
	left := &part{content: p.content, index: make(map[string]int), sightings: p.sightings}
	if p.byKey != nil {
		left.byKey = make(map[findingKey]int)
	}
	place := make([]int, len(p.assets))
	for i, a := range p.assets {
		if assets[i] {
			place[i] = -1
			continue
		}
		a.findings = 0
		place[i] = len(left.assets)
		left.index[a.externalID] = place[i]
		left.assets = append(left.assets, a)
	}
	for _, f := range p.findings {
		if f.asset < 0 || place[f.asset] < 0 || findings[findingKey{f.asset, f.externalID}] {
			continue
		}
		f.asset = place[f.asset]
		left.assets[f.asset].findings++
		if left.byKey != nil {
			left.byKey[findingKey{f.asset, f.externalID}] = len(left.findings)
		}
		left.findings = append(left.findings, f)
	}
	return left
}

// newerEntries returns the QIDs of the knowledge base that are left alone.
func (w *writer) newerEntries(qids []int32) (map[int32]bool, error) {
	newer := make(map[int32]bool)
	if w.scope.Replays == nil {
		return newer, nil
	}
	rows, err := w.tx.Query(w.ctx, "SELECT k.qid FROM knowledge_base k WHERE k.connector_id = $1 AND k.qid = ANY($2) AND "+sourceRun("k.run_id")+" > $3",
		w.scope.ConnectorID, qids, w.scope.Replays.RunID)
	if err != nil {
		return nil, err
	}
	var qid int32
	_, err = pgx.ForEachRow(rows, []any{&qid}, func() error { newer[qid] = true; return nil })
	w.counts.LeftAlone += int64(len(newer))
	return newer, err
}
