package inventory

import (
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// sighting is what moves at every scan of a finding. A value that is 0 is not
// known; writing it leaves the one that is stored.
type sighting struct {
	lastFound, lastTested int64 // microseconds since 1970
	times                 int32
}

// over returns the stored sighting as it is when s has been written.
func (s sighting) over(stored sighting) sighting {
	if s.lastFound == 0 {
		s.lastFound = stored.lastFound
	}
	if s.lastTested == 0 {
		s.lastTested = stored.lastTested
	}
	if s.times == 0 {
		s.times = stored.times
	}
	return s
}

// notBefore returns s with nothing earlier or fewer than is stored.
func (s sighting) notBefore(stored sighting) sighting {
	return sighting{max(s.lastFound, stored.lastFound), max(s.lastTested, stored.lastTested), max(s.times, stored.times)}
}

// writeSightings writes the sightings that are not stored, and those that
// differ from what is. ids are the findings' own, fresh the new ones of them.
func (w *writer) writeSightings(p *part, ids []int64, fresh []int) error {
	if !p.sightings {
		return nil
	}
	first, moved, err := w.compareSightings(p, ids, fresh)
	if err != nil {
		return err
	}
	buf, rows := p.encodeSightings(ids, first)
	if err := w.copy(buf, "COPY finding_sightings (finding_id, last_found_at, last_tested_at, times_found) FROM STDIN BINARY", rows); err != nil {
		return err
	}
	return w.moveSightings(p, ids, moved)
}

// compareSightings returns the findings of which no sighting is stored, and
// those of which another one is. New findings have none.
func (w *writer) compareSightings(p *part, ids []int64, fresh []int) (first, moved []int, err error) {
	isNew := make([]bool, len(ids))
	for _, i := range fresh {
		isNew[i] = true
	}
	first = fresh
	place := make(map[int64]int)
	var known []int64
	for i, id := range ids {
		if f := &p.findings[i]; f.asset >= 0 && !isNew[i] && f.sighting != (sighting{}) {
			known = append(known, id)
			place[id] = i
		}
	}
	if known == nil {
		return first, nil, nil
	}
	rows, err := w.tx.Query(w.ctx, "SELECT finding_id, last_found_at, last_tested_at, coalesce(times_found, 0) FROM finding_sightings WHERE finding_id = ANY($1)", known)
	if err != nil {
		return nil, nil, err
	}
	var id int64
	var found, tested pgtype.Timestamptz
	var stored sighting
	_, err = pgx.ForEachRow(rows, []any{&id, &found, &tested, &stored.times}, func() error {
		stored.lastFound, stored.lastTested = micros(found.Time), micros(tested.Time)
		i := place[id]
		delete(place, id)
		if w.scope.overtaken() {
			p.findings[i].sighting = p.findings[i].sighting.notBefore(stored)
		}
		if p.findings[i].sighting.over(stored) != stored {
			moved = append(moved, i)
		}
		return nil
	})
	return slices.AppendSeq(first, maps.Values(place)), moved, err
}

const stageSightings = `
	CREATE TEMP TABLE IF NOT EXISTS stage_sightings (
		finding_id bigint, last_found_at timestamptz, last_tested_at timestamptz, times_found integer
	) ON COMMIT DELETE ROWS`

func (w *writer) moveSightings(p *part, ids []int64, moved []int) error {
	if len(moved) == 0 {
		return nil
	}
	if _, err := w.tx.Exec(w.ctx, stageSightings); err != nil {
		return err
	}
	buf, rows := p.encodeSightings(ids, moved)
	if err := w.copy(buf, "COPY stage_sightings (finding_id, last_found_at, last_tested_at, times_found) FROM STDIN BINARY", rows); err != nil {
		return err
	}
	if _, err := w.tx.Exec(w.ctx, `
		UPDATE finding_sightings stored
		   SET last_found_at = coalesce(s.last_found_at, stored.last_found_at),
		       last_tested_at = coalesce(s.last_tested_at, stored.last_tested_at),
		       times_found = coalesce(s.times_found, stored.times_found)
		  FROM stage_sightings s WHERE stored.finding_id = s.finding_id`); err != nil {
		return err
	}
	_, err := w.tx.Exec(w.ctx, "TRUNCATE stage_sightings")
	return err
}

// encodeSightings encodes those of the findings that have one.
func (p *part) encodeSightings(ids []int64, findings []int) (buf []byte, rows int) {
	const rowBytes = 2 + 3*(4+lengthOfBigint) + 4 + lengthOfInt
	buf = append(make([]byte, 0, len(copyHeader)+len(findings)*rowBytes+len(copyTrailer)), copyHeader...)
	for _, i := range findings {
		s := p.findings[i].sighting
		if s == (sighting{}) {
			continue
		}
		rows++
		buf = appendRow(buf, 4)
		buf = appendBigint(buf, ids[i])
		buf = appendMicros(buf, s.lastFound)
		buf = appendMicros(buf, s.lastTested)
		buf = appendPositive(buf, s.times)
	}
	return buf, rows
}
