package transform

import "strconv"

// A Fate is what becomes of a record, or of a finding of a record.
type Fate string

// The fates.
const (
	Taken    Fate = "taken"
	Omitted  Fate = "left out" // by one of the map's conditions
	Rejected Fate = "rejected"
	Repeated Fate = "repeated" // a finding: the record has it again, and the last one counts
)

// Bounds of what is explained of one record.
const maxExplained = 100 // findings

// An Explanation says what a map makes of one record, row by row.
type Explanation struct {
	Map      string             `json:"map"`
	ID       string             `json:"id,omitempty"` // of the asset; of an entry its QID
	Fate     Fate               `json:"fate"`
	Row      string             `json:"rejectedBy,omitempty"` // row that rejects the record, as in Reject
	Reason   string             `json:"reason,omitempty"`
	Rows     []ExplainedRow     `json:"rows"` // that fill the asset or entry
	Findings []ExplainedFinding `json:"findings,omitempty"`
	// MoreFindings are those beyond the first hundred.
	MoreFindings int `json:"moreFindings,omitempty"`
}

// An ExplainedFinding says what a map makes of one finding.
type ExplainedFinding struct {
	ID     string         `json:"id,omitempty"`
	Fate   Fate           `json:"fate"`
	Row    string         `json:"rejectedBy,omitempty"`
	Reason string         `json:"reason,omitempty"`
	Rows   []ExplainedRow `json:"rows"`
}

// An ExplainedRow says what a row made of its source. Source and Value are
// JSON, printable and cut where they are long.
type ExplainedRow struct {
	Row  int    `json:"row"` // of the map, from 1
	From string `json:"from,omitempty"`
	Expr string `json:"expr,omitempty"`
	To   string `json:"to"`
	// Source is the field's value as the vendor sent it, or an object of the
	// fields that the expression reads; empty where there is none.
	Source string `json:"source,omitempty"`
	// Conversion is what was done with it: "values" for the row's table, or the
	// type that it was read as; empty where it was taken as it is.
	Conversion string `json:"conversion,omitempty"`
	Value      string `json:"value,omitempty"`   // what the target gets; empty for nothing
	Default    bool   `json:"default,omitempty"` // Value is the row's default
	Reason     string `json:"reason,omitempty"`  // why there is no value, if it is wrong
}

// Explain applies the map to a record and says what each row made of it. It
// writes nothing, and is meant for people: see Applier for many records.
func (p *Program) Explain(record []byte) *Explanation {
	t, reject, a := applyTraced(p, record, func(position int) bool { return position < maxExplained })
	e := &Explanation{Map: p.name, ID: t.id(a), Fate: Taken, Rows: p.explained(&p.asset, t.asset)}
	switch {
	case reject != nil:
		e.Fate, e.Row, e.Reason = Rejected, reject.Row, reject.Reason
	case a.assetScope.leftOut:
		e.Fate = Omitted
	}
	for i, f := range t.findings {
		if i == maxExplained {
			e.MoreFindings = len(t.findings) - i
			break
		}
		e.Findings = append(e.Findings, ExplainedFinding{ID: f.id, Fate: f.fate, Row: f.why.row, Reason: f.why.reason, Rows: p.explained(&p.finding, f.rows)})
	}
	return e
}

func (t *trace) id(a *Applier) string {
	if a.entry.QID != 0 {
		return strconv.Itoa(int(a.entry.QID))
	}
	return a.asset.ExternalID
}

// explained puts what was noted of a level's rows in words.
func (p *Program) explained(l *level, rows []traced) []ExplainedRow {
	list := make([]ExplainedRow, 0, len(l.rules))
	for _, r := range l.rules {
		row, noted := p.rows[r.index], rows[r.index]
		e := ExplainedRow{Row: r.index + 1, From: row.From, Expr: row.Expr, To: row.To, Source: printable(noted.source),
			Value: printable(noted.value), Default: noted.fellBack, Reason: noted.reason}
		switch {
		case noted.value == nil || noted.fellBack:
		case row.Values != nil:
			e.Conversion = "values"
		case r.of != Any:
			e.Conversion = string(r.of)
		}
		list = append(list, e)
	}
	return list
}
