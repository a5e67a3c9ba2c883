package transform

import (
	"bytes"
	"cmp"
	"fmt"
	"hash/maphash"
	"slices"
)

// A Difference is what two maps make differently of one record: of what the
// inventory would get from it.
type Difference struct {
	ID       string           `json:"id,omitempty"` // by the second map, else by the first
	Before   Outcome          `json:"before"`
	After    Outcome          `json:"after"`
	Targets  []ChangedTarget  `json:"targets,omitempty"`
	Findings []ChangedFinding `json:"findings,omitempty"`
	// MoreFindings are those that differ beyond the first hundred.
	MoreFindings int `json:"moreFindings,omitempty"`
}

// An Outcome is what becomes of a record, or of a finding.
type Outcome struct {
	Fate   Fate   `json:"fate,omitempty"`       // empty of a finding that is not there
	Row    string `json:"rejectedBy,omitempty"` // as in Reject
	Reason string `json:"reason,omitempty"`
}

// A ChangedTarget is a target field with its values: JSON, printable and cut
// where they are long; empty for none.
type ChangedTarget struct {
	Target string `json:"target"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// A ChangedFinding is a finding that differs, or that only one map has.
type ChangedFinding struct {
	ID      string          `json:"id,omitempty"`
	Before  Outcome         `json:"before"`
	After   Outcome         `json:"after"`
	Targets []ChangedTarget `json:"targets,omitempty"`
}

// Same says that nothing differs.
func (d *Difference) Same() bool {
	return d.Before == d.After && len(d.Targets) == 0 && len(d.Findings) == 0
}

// Diff applies two maps to a record and returns what differs. Findings are
// matched by their ids.
func Diff(before, after *Program, record []byte) *Difference {
	none := func(int) bool { return false }
	b, a := outcomeOf(before, record, none), outcomeOf(after, record, none)
	d := &Difference{ID: a.id, Before: b.Outcome, After: a.Outcome, Targets: changed(b.targets, a.targets)}
	if d.ID == "" {
		d.ID = b.id
	}
	var differ []string
	for _, key := range slices.Compact(slices.Sorted(slices.Values(append(b.keys, a.keys...)))) {
		x, y := b.findings[key], a.findings[key]
		switch {
		case x.Outcome == y.Outcome && x.sum == y.sum:
		case len(differ) == maxExplained:
			d.MoreFindings++
		default:
			differ = append(differ, key)
		}
	}
	if len(differ) == 0 {
		return d
	}
	b, a = outcomeOf(before, record, b.among(differ)), outcomeOf(after, record, a.among(differ))
	for _, key := range differ {
		x, y := b.findings[key], a.findings[key]
		d.Findings = append(d.Findings, ChangedFinding{ID: cmp.Or(x.id, y.id), Before: x.Outcome, After: y.Outcome, Targets: changed(x.targets, y.targets)})
	}
	return d
}

// result is what a map makes of a record or a finding.
type result struct {
	Outcome
	id       string
	targets  map[string][]byte // JSON by target, of what is taken
	position int               // of a finding
	sum      uint64            // of its targets
	findings map[string]result
	keys     []string // of findings
}

// among says whether a position is that of one of some findings.
func (r *result) among(keys []string) func(position int) bool {
	positions := map[int]bool{}
	for _, key := range keys {
		if f, ok := r.findings[key]; ok {
			positions[f.position] = true
		}
	}
	return func(position int) bool { return positions[position] }
}

func outcomeOf(p *Program, record []byte, keep func(position int) bool) result {
	t, reject, a := applyTraced(p, record, keep)
	r := result{id: t.id(a), findings: map[string]result{}, Outcome: Outcome{Fate: Taken}}
	switch {
	case reject != nil:
		r.Outcome = Outcome{Rejected, reject.Row, reject.Reason}
	case a.assetScope.leftOut:
		r.Fate = Omitted
	default:
		r.targets = p.targets(&p.asset, t.asset)
	}
	for i, f := range t.findings {
		one := result{id: f.id, position: i, Outcome: Outcome{f.fate, f.why.row, f.why.reason}}
		if f.fate == Taken {
			one.sum = f.sum
			if f.rows != nil {
				one.targets = p.targets(&p.finding, f.rows)
			}
		}
		key := "id " + f.id
		if f.id == "" {
			key = fmt.Sprintf("position %09d", i)
		}
		r.keys = append(r.keys, key)
		if r.Fate == Taken && (one.Fate == Taken || r.findings[key].Fate != Taken) { // of a record that is not taken no finding is
			r.findings[key] = one
		}
	}
	return r
}

// targets returns what a level's rows fill.
func (p *Program) targets(l *level, rows []traced) map[string][]byte {
	filled := map[string][]byte{}
	for _, r := range l.rules {
		if v := rows[r.index].value; v != nil {
			filled[p.rows[r.index].To] = v
		}
	}
	return filled
}

// sumSeed lets what two maps fill be compared.
var sumSeed = maphash.MakeSeed()

// sum is a number that is the same where a level's rows fill the same.
func (p *Program) sum(l *level, rows []traced) (sum uint64) {
	for _, r := range l.rules {
		if v := rows[r.index].value; v != nil {
			sum += maphash.Comparable(sumSeed, [2]string{p.rows[r.index].To, string(v)})
		}
	}
	return sum
}

func changed(before, after map[string][]byte) (list []ChangedTarget) {
	all := append(sortedKeys(before), sortedKeys(after)...)
	for _, target := range slices.Compact(slices.Sorted(slices.Values(all))) {
		if b, a := before[target], after[target]; !bytes.Equal(b, a) {
			list = append(list, ChangedTarget{Target: target, Before: printable(b), After: printable(a)})
		}
	}
	return list
}
