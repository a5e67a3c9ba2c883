package transform

import (
	"bytes"
	"slices"
)

// trace notes what becomes of each row while a record is applied.
type trace struct {
	program  *Program
	asset    []traced // by row: of the asset or entry, since it began
	finding  []traced // of the finding that is being read
	findings []tracedFinding
	keep     func(position int) bool // whose rows are wanted: a record may have very many findings
}

// traced is what became of a row.
type traced struct {
	source   []byte // JSON; nil when absent
	value    []byte // JSON; nil for none
	fellBack bool
	reason   string // for which the value was not taken
}

type tracedFinding struct {
	id   string
	fate Fate
	why  failure
	sum  uint64   // of what the rows fill
	rows []traced // of a finding that is kept
}

// applyTraced applies a program to a record and notes what becomes of it, and of
// the rows of the findings to keep.
func applyTraced(p *Program, record []byte, keep func(position int) bool) (*trace, *Reject, *Applier) {
	t := &trace{program: p, keep: keep, asset: make([]traced, len(p.rules)), finding: make([]traced, len(p.rules))}
	a := p.NewApplier()
	a.trace = t
	reject := a.walk(record)
	if p.single {
		t.endFinding(a, &a.findingScope)
	}
	t.settle(a, reject)
	return t, reject, a
}

// settle gives findings the fate that they have for reasons beside their own:
// none is taken of a record that is not, and of those with one id the last.
func (t *trace) settle(a *Applier, reject *Reject) {
	if reject == nil && !a.assetScope.leftOut {
		found := slices.Clone(a.positions)
		a.dropRepeats()
		for i, position := range found {
			if a.positions[i] < 0 {
				t.findings[position].fate = Repeated
			}
		}
		for _, r := range a.rejects {
			if f := &t.findings[r.Finding]; f.fate == Repeated {
				f.fate, f.why = Rejected, failure{row: r.Row, reason: r.Reason}
			}
		}
		return
	}
	for i := range t.findings {
		switch f := &t.findings[i]; {
		case reject == nil:
			f.fate, f.why = Omitted, failure{}
		case f.fate != Rejected:
			f.fate, f.why = Rejected, failure{reason: "its record is rejected"}
		}
	}
}

func (t *trace) row(index int) *traced {
	if t.program.rules[index].finding {
		return &t.finding[index]
	}
	return &t.asset[index]
}

// source notes what a row reads; of an expression, not its value but the
// fields that it is made of.
func (t *trace) source(r *rule, json []byte) {
	if row := t.row(r.index); row.source == nil {
		row.source = bytes.Clone(json)
	}
}

func (t *trace) value(r *rule, v value) {
	row := t.row(r.index)
	row.value = bytes.Clone(v.json)
	if !r.slot.isAttribute() {
		row.value = appendJSON(nil, r.of, v)
	}
}

func (t *trace) fellBack(r *rule) { t.row(r.index).fellBack = true }

// failed notes why a row is not taken; the conditions have no row.
func (t *trace) failed(index int, json []byte, reason string) {
	if index < 0 {
		return
	}
	row := t.row(index)
	row.reason, row.value = reason, nil
	if row.source == nil {
		row.source = bytes.Clone(json)
	}
}

// endFinding keeps what was noted of a finding.
func (t *trace) endFinding(a *Applier, s *scope) {
	f := tracedFinding{id: a.finding.ExternalID, fate: Taken, sum: t.program.sum(&t.program.finding, t.finding)}
	switch {
	case s.failed:
		f.fate, f.why = Rejected, s.failure
	case s.leftOut:
		f.fate = Omitted
	}
	if t.keep(len(t.findings)) {
		f.rows, t.finding = t.finding, make([]traced, len(t.finding))
	}
	t.findings = append(t.findings, f)
	clear(t.finding)
}
