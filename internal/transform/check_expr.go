package transform

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// hasExpressions says whether anything of the map needs them.
func hasExpressions(m *Map) bool {
	if m.When != "" || m.WhenFindings != "" {
		return true
	}
	for i := range m.Rows {
		if m.Rows[i].Expr != "" {
			return true
		}
	}
	return false
}

// conditions compiles the map's conditions, and prepares its rows' expressions.
func (c *checker) conditions() {
	if !hasExpressions(c.m) {
		return
	}
	var err error
	if c.expressions, err = newExpressions(c.source, c.listOfFindings()); err != nil {
		c.addf(-1, "", "the map's expressions cannot be checked: %v", err)
		return
	}
	c.when = c.condition("when", c.m.When, false)
	switch {
	case c.m.WhenFindings == "":
	case c.source.Records == RecordsAreFindings:
		c.add(-1, "whenFindings", "when", "a record of %s is one finding; use when", c.source.Name)
	case c.expressions.findings == "":
		c.addf(-1, "whenFindings", "no row takes a field of a list of findings, so there are none to leave out")
	default:
		c.whenFindings = c.condition("whenFindings", c.m.WhenFindings, true)
	}
}

// listOfFindings is the path of the elements that the map's rows take findings
// from; "" when there is none.
func (c *checker) listOfFindings() string {
	for i := range c.m.Rows {
		p, err := ParsePath(c.m.Rows[i].From)
		if err == nil && p.depth() == 1 && c.source.Field(p) != nil && !strings.HasSuffix(p.text, "[]") {
			return p.list()
		}
	}
	return ""
}

func (c *checker) condition(key, text string, ofFinding bool) *expression {
	if text == "" {
		return nil
	}
	x := c.compile(-1, key, text, ofFinding)
	switch {
	case x == nil:
	case typeOf(x.result) != Bool:
		c.addf(-1, key, "%s is of type %s; a condition is true or false", key, x.result)
	case len(x.reads) == 0:
		c.addf(-1, key, "%s names no field, so it is the same for every record", key)
	}
	return x
}

// expression compiles a row's expression.
func (c *checker) expression(i int) {
	b := &c.bindings[i]
	if b.row.From != "" {
		c.addf(i, "expr", "a row has either %s or expr; an expression names the fields that it takes", c.m.words.of("from"))
	}
	to, err := ParsePath(b.row.To)
	if c.expressions == nil || err != nil {
		return // reported
	}
	ofFinding := to.depth() > 0 && c.source.Records != RecordsAreFindings
	if ofFinding && c.expressions.findings == "" {
		c.addf(i, "expr", "no row says which list the findings come from; give one of those that fill a finding a %s", c.m.words.of("from"))
		return
	}
	x := c.compile(i, "expr", b.row.Expr, ofFinding)
	if x == nil {
		return
	}
	if typeOf(x.result) == "" {
		c.addf(i, "expr", "the expression gives a %s, which no field takes", x.result)
		return
	}
	if wrong := c.constant(x, to, ofFinding); wrong != "" {
		c.addf(i, "expr", "the expression %s", wrong)
		return
	}
	b.expr = x
}

// constant says what is wrong with an expression that is the same for every
// record; "" when nothing is.
func (c *checker) constant(x *expression, to Path, ofFinding bool) string {
	own := recordVariable
	if ofFinding {
		own = findingVariable
	}
	reads := func(r read) bool { return r.variable == own }
	switch s, ok := slots[to.text]; {
	case ok && s.isID() && !slices.ContainsFunc(x.reads, reads):
		return fmt.Sprintf("fills an id, and names no field of the %s: all would become the same one", own)
	case len(x.reads) > 0:
		return ""
	}
	result, _, reason := x.evaluate(context.Background(), &variables{}, 0, nil)
	switch {
	case reason != "":
		return "names no field, and fails for every record: " + strings.TrimPrefix(reason, "cannot be evaluated: ")
	case string(result) == "null":
		return "names no field, and never gives a value"
	}
	return ""
}

func (c *checker) compile(row int, key, text string, ofFinding bool) *expression {
	x, wrong := c.expressions.compile(text, ofFinding)
	if wrong == nil {
		return x
	}
	if wrong.character > 0 {
		c.add(row, key, wrong.suggestion, "the expression, at character %d, %s", wrong.character, wrong.message)
	} else {
		c.add(row, key, wrong.suggestion, "the expression %s", wrong.message)
	}
	return nil
}
