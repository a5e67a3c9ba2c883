package inventory

import "sluice/internal/source"

// recorded is what a record says of an asset, as far as another record of the
// same asset may contradict it. The zero value is that of a rejected record,
// which is not known to say anything.
type recorded struct {
	content digest
	taken   bool
	lists   bool // findings
}

func (a asset) recorded() recorded { return recorded{a.digest, true, a.listed} }

// conflicts says whether something is lost where only one of two records of an
// asset counts: one lists findings, or they differ.
func (r recorded) conflicts(o recorded) bool {
	return r.lists || o.lists || r.taken && o.taken && r.content != o.content
}

// conflicts counts the batch's records that contradict another one of the same
// asset, in this or an earlier batch of the stream, and keeps what its records say.
func (w *writer) conflicts(b *Batch) (int64, error) {
	if !w.scope.Once {
		return 0, nil
	}
	n := b.conflicting
	if w.scope.Role == source.Findings {
		return n, nil // of further parts it is not known
	}
	first := make(map[string]recorded)
	note := func(id string, r recorded) {
		before, again := first[id]
		if again && before.conflicts(r) {
			n++
		}
		if !before.taken {
			first[id] = r
		}
	}
	for _, p := range b.parts {
		for _, a := range p.assets {
			note(a.externalID, a.recorded())
		}
	}
	for _, id := range b.rejected {
		note(id, recorded{})
	}
	ids, contents, lists := make([]string, 0, len(first)), make([]*[16]byte, 0, len(first)), make([]bool, 0, len(first))
	for id, r := range first {
		var content *[16]byte
		if r.taken {
			content = (*[16]byte)(&r.content)
		}
		ids, contents, lists = append(ids, id), append(contents, content), append(lists, r.lists)
	}
	var earlier int64
	err := w.tx.QueryRow(w.ctx, `
		WITH given AS (
			SELECT hashtextextended(id, 0) AS asset, content, lists FROM unnest($3::text[], $4::uuid[], $5::boolean[]) AS given (id, content, lists)
		), kept AS (
			INSERT INTO recorded_assets AS r (run_id, stream, asset, content, lists) SELECT $1, $2, * FROM given
			ON CONFLICT (run_id, stream, asset) DO UPDATE SET content = excluded.content, lists = excluded.lists WHERE r.content IS NULL)
		SELECT count(*) FROM given g JOIN recorded_assets r ON r.run_id = $1 AND r.stream = $2 AND r.asset = g.asset
		 WHERE g.lists OR r.lists OR g.content <> r.content`,
		w.scope.RunID, w.scope.Stream, ids, contents, lists).Scan(&earlier)
	return n + earlier, err
}
