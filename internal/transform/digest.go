package transform

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strings"
)

// Digest returns a SHA-256 that is equal for maps that make the same of every
// record: of what a map says, and of what the models say of the fields it goes by.
// Its name, description and comments are left out, and so is the order of its
// rows, which only decides which of several faults a reject names.
func (p *Program) Digest() [sha256.Size]byte { return p.digest }

// canonicalRow is a row, and what the models say of its fields.
type canonicalRow struct {
	From     string            `json:"from,omitempty"`
	Expr     string            `json:"expr,omitempty"`
	To       string            `json:"to"`
	Convert  string            `json:"convert,omitempty"`
	Default  string            `json:"default,omitempty"`
	Values   map[string]string `json:"values,omitzero"`
	Required bool              `json:"required,omitempty"`
	Type     Type              `json:"type"`
	MaxBytes int               `json:"maxBytes,omitempty"`
	Choices  []string          `json:"choices,omitempty"`
}

// canonical is what Program.Digest is of, for bindings without problems and their
// rules.
func (c *checker) canonical(rules []rule) []byte {
	rows := make([]canonicalRow, len(c.bindings))
	reads := make(map[string]Type)
	for i := range c.bindings {
		b := &c.bindings[i]
		rows[i] = canonicalRow{b.row.From, b.row.Expr, b.row.To, b.row.Convert, b.row.Default, b.row.Values,
			rules[i].required, b.target.Type, b.target.MaxBytes, b.target.Values}
		c.readBy(b.expr, reads)
	}
	slices.SortFunc(rows, func(a, b canonicalRow) int { return cmp.Compare(a.To, b.To) })
	c.readBy(c.when, reads)
	c.readBy(c.whenFindings, reads)
	text, err := json.Marshal(struct {
		Source       string          `json:"source"`
		Records      string          `json:"records,omitempty"`
		Target       string          `json:"target"`
		AssetClass   string          `json:"assetClass,omitempty"`
		When         string          `json:"when,omitempty"`
		WhenFindings string          `json:"whenFindings,omitempty"`
		Rows         []canonicalRow  `json:"rows"`
		Reads        map[string]Type `json:"reads,omitempty"` // by expressions
	}{c.m.Source, c.source.Records, c.m.Target, c.m.AssetClass, c.m.When, c.m.WhenFindings, rows, reads})
	if err != nil {
		panic(err) // texts, numbers and maps of texts always have a JSON form
	}
	return text
}

// readBy adds the fields that an expression reads, with all that is inside of
// them: their types decide how it sees them.
func (c *checker) readBy(x *expression, reads map[string]Type) {
	if x == nil {
		return
	}
	for _, r := range x.reads {
		for i := range c.source.Fields {
			f := &c.source.Fields[i]
			rest, under := strings.CutPrefix(f.Path, r.path.text)
			if under && (rest == "" || rest[0] == '.' || rest[0] == '[') {
				reads[f.Path] = f.Type
			}
		}
	}
}
