package inventory

import (
	"github.com/jackc/pgx/v5"

	"sluice/internal/transform"
)

// entries are entries of the knowledge base, encoded for COPY.
type entries struct {
	list    []entry
	content []byte
	byQID   map[int32]int
}

type entry struct {
	qid     int32
	digest  digest
	content span
}

// The columns that add writes, in its order.
const (
	entryContent  = "title, severity, modified_at, attributes"
	entryContentN = 4
)

func (e *entries) add(v *transform.Vulnerability) {
	from := len(e.content)
	c := appendText(e.content, v.Title)
	c = appendSmallint(c, v.Severity)
	c = appendTime(c, v.ModifiedAt)
	c = appendJSON(c, v.Attributes)
	e.content = c
	row := entry{qid: v.QID, digest: digestOf(c[from:]), content: span{from, len(c)}}
	if e.byQID == nil {
		e.byQID = make(map[int32]int)
	}
	if at, again := e.byQID[v.QID]; again {
		e.list[at] = row
		return
	}
	e.byQID[v.QID] = len(e.list)
	e.list = append(e.list, row)
}

const stageEntries = `
	CREATE TEMP TABLE IF NOT EXISTS stage_entries (
		qid integer, digest uuid, title text, severity smallint, modified_at timestamptz, attributes jsonb
	) ON COMMIT DELETE ROWS`

// writeKnowledge writes the entries that are new or differ from what is stored.
func (w *writer) writeKnowledge(e *entries) error {
	differ, err := w.compareEntries(e)
	if err != nil || len(differ) == 0 {
		return err
	}
	if _, err := w.tx.Exec(w.ctx, stageEntries); err != nil {
		return err
	}
	buf := []byte(copyHeader)
	for _, i := range differ {
		row := &e.list[i]
		buf = appendRow(buf, 2+entryContentN)
		buf = appendInt(buf, row.qid)
		buf = appendDigest(buf, row.digest)
		buf = append(buf, e.content[row.content.from:row.content.to]...)
	}
	if err := w.copy(buf, "COPY stage_entries (qid, digest, "+entryContent+") FROM STDIN BINARY", len(differ)); err != nil {
		return err
	}
	if _, err := w.tx.Exec(w.ctx, `
		INSERT INTO knowledge_base (connector_id, qid, first_run_id, run_id, map_id, digest, `+entryContent+`)
		SELECT $1, qid, $2, $2, $3, digest, `+entryContent+` FROM stage_entries
		ON CONFLICT (connector_id, qid) DO UPDATE SET (run_id, map_id, digest, `+entryContent+`) =
		       (excluded.run_id, excluded.map_id, excluded.digest, excluded.title, excluded.severity, excluded.modified_at, excluded.attributes)`,
		w.scope.ConnectorID, w.scope.RunID, w.scope.MapID); err != nil {
		return err
	}
	_, err = w.tx.Exec(w.ctx, "TRUNCATE stage_entries")
	return err
}

// compareEntries returns the entries that are not stored as they are.
func (w *writer) compareEntries(e *entries) (differ []int, err error) {
	qids := make([]int32, len(e.list))
	for i := range e.list {
		qids[i] = e.list[i].qid
	}
	rows, err := w.tx.Query(w.ctx, "SELECT qid, digest FROM knowledge_base WHERE connector_id = $1 AND qid = ANY($2)", w.scope.ConnectorID, qids)
	if err != nil {
		return nil, err
	}
	stored := make(map[int32]digest)
	var qid int32
	var d [16]byte
	if _, err := pgx.ForEachRow(rows, []any{&qid, &d}, func() error { stored[qid] = d; return nil }); err != nil {
		return nil, err
	}
	newer, err := w.newerEntries(qids)
	if err != nil {
		return nil, err
	}
	for i := range e.list {
		switch d, ok := stored[e.list[i].qid]; {
		case newer[e.list[i].qid]:
			continue
		case !ok:
			w.counts.Assets.Created++
		case d != e.list[i].digest:
			w.counts.Assets.Updated++
		default:
			w.counts.Assets.Unchanged++
			continue
		}
		differ = append(differ, i)
	}
	return differ, nil
}
