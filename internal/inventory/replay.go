package inventory

import (
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/source"
)

// Replayed is the run whose records a batch holds, where that is not the run
// that writes them. While no other run has come after it, what it fetched is the
// newest that is known, and the replay writes as that run did. Once it is
// overtaken, what runs after it have brought is newer, and is left as it is:
//
//   - an asset, with its findings, that such a run has written or, where records
//     carry all findings of their assets, has seen; that has been stale since;
//   - a finding that such a run has written, or that has been fixed since;
//   - what is not there although such a run has read all there was;
//   - when something was last scanned, found or tested, where that is later.
//
// An entry of the knowledge base is left as it is when a later run has written
// it: runs of other kinds do, too. A replay of a later run counts as that run.
type Replayed struct {
	RunID int64
	Ended time.Time
	// Overtaken says that there was another run of the connector and kind since.
	Overtaken bool
	// ReadAgain says that such a run has read all that the stream has.
	ReadAgain bool
}

// overtaken says that a batch holds what may be older than what is stored.
func (s Scope) overtaken() bool { return s.Replays != nil && s.Replays.Overtaken }

// after says that the run of a column went on when another one had ended, or is a
// replay of a later one: what it wrote is newer.
func after(column, run, ended string) string {
	return "EXISTS (SELECT FROM runs w WHERE w.id = " + column + " AND CASE WHEN w.plan ? 'replay' THEN (w.plan->'replay'->>'run')::bigint > " + run +
		" ELSE w.id > " + run + " OR w.id <> " + run + " AND coalesce(w.finished_at > " + ended + ", true) END)"
}

// seenIn is the run that the profile has seen what is written in. A replay that
// is not overtaken stands for itself, so that Reconcile can tell what it saw from
// what only the replayed run did.
func (s Scope) seenIn() int64 {
	if s.overtaken() {
		return s.Replays.RunID
	}
	return s.RunID
}

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
	w.counts.LeftAlone += int64(len(p.assets)-len(left.assets)) + p.current() - left.current()
	return left, nil
}

// newerAssets returns the places of the part's assets that are left alone: that
// newer runs have brought or, having read all, have not.
func (w *writer) newerAssets(p *part) (map[int]bool, error) {
	names := make([]string, len(p.assets))
	for i := range p.assets {
		names[i] = p.assets[i].externalID
	}
	rows, err := w.tx.Query(w.ctx, `
		SELECT a.external_id,
		       coalesce(a.stale_since > $6, false) OR $7 AND `+after("a.run_id", "$5", "$6")+` OR $8 AND `+seenAfter("a.id", "$5", "$6")+`
		  FROM unnest($4::text[]) wanted, LATERAL (
		       SELECT * FROM assets WHERE connector_id = $1 AND kind = $2 AND class = $3 AND external_id = wanted LIMIT 1) a`,
		w.scope.ConnectorID, w.scope.Kind, w.scope.Class, names, w.scope.Replays.RunID, w.scope.Replays.Ended,
		w.scope.Role != source.Findings, w.scope.Nested)
	if err != nil {
		return nil, err
	}
	newer, stored := make(map[int]bool), make(map[int]bool)
	var name string
	var later bool
	_, err = pgx.ForEachRow(rows, []any{&name, &later}, func() error {
		stored[p.index[name]] = true
		if later {
			newer[p.index[name]] = true
		}
		return nil
	})
	if !w.scope.Replays.ReadAgain {
		return newer, err
	}
	for i := range p.assets {
		if !stored[i] {
			newer[i] = true
		}
	}
	return newer, err
}

// seenAfter says that a run after another has seen an asset.
func seenAfter(asset, run, ended string) string {
	return "EXISTS (SELECT FROM profile_assets s WHERE s.asset_id = " + asset + " AND " + after("s.seen_run", run, ended) + ")"
}

// newerFindings returns the part's findings that are left alone: that newer runs
// have brought or, having read all, have not.
func (w *writer) newerFindings(p *part) (map[findingKey]bool, error) {
	var assets, names []string
	for i := range p.findings {
		if f := &p.findings[i]; f.asset >= 0 {
			assets, names = append(assets, p.assets[f.asset].externalID), append(names, f.externalID)
		}
	}
	rows, err := w.tx.Query(w.ctx, `
		SELECT wanted.asset, wanted.finding, coalesce(f.absent_since > $7, false) OR `+after("f.run_id", "$6", "$7")+`
		  FROM unnest($4::text[], $5::text[]) AS wanted (asset, finding), LATERAL (
		       SELECT id FROM assets WHERE connector_id = $1 AND kind = $2 AND class = $3 AND external_id = wanted.asset LIMIT 1) a, LATERAL (
		       SELECT run_id, absent_since FROM findings WHERE asset_id = a.id AND external_id = wanted.finding LIMIT 1) f`,
		w.scope.ConnectorID, w.scope.Kind, w.scope.Class, assets, names, w.scope.Replays.RunID, w.scope.Replays.Ended)
	if err != nil {
		return nil, err
	}
	newer, stored := make(map[findingKey]bool), make(map[findingKey]bool)
	var asset, finding string
	var later bool
	_, err = pgx.ForEachRow(rows, []any{&asset, &finding, &later}, func() error {
		key := findingKey{p.index[asset], finding}
		stored[key] = true
		if later {
			newer[key] = true
		}
		return nil
	})
	if !w.scope.Replays.ReadAgain {
		return newer, err
	}
	for i := range p.findings {
		if key := (findingKey{p.findings[i].asset, p.findings[i].externalID}); !stored[key] {
			newer[key] = true
		}
	}
	return newer, err
}

// current counts the findings of the part that no later record has replaced.
func (p *part) current() (n int64) {
	for i := range p.findings {
		if p.findings[i].asset >= 0 {
			n++
		}
	}
	return n
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
	rows, err := w.tx.Query(w.ctx, "SELECT k.qid FROM knowledge_base k WHERE k.connector_id = $1 AND k.qid = ANY($2) AND "+after("k.run_id", "$3", "$4"),
		w.scope.ConnectorID, qids, w.scope.Replays.RunID, w.scope.Replays.Ended)
	if err != nil {
		return nil, err
	}
	var qid int32
	_, err = pgx.ForEachRow(rows, []any{&qid}, func() error { newer[qid] = true; return nil })
	w.counts.LeftAlone += int64(len(newer))
	return newer, err
}
