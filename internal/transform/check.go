package transform

import (
	"fmt"
	"slices"
	"strings"
)

// Check returns everything that is wrong with a map, as far as it can be told
// without a record: its form, fields that do not exist, types that clash, targets that
// are missing or filled twice, lists that do not match, tables with gaps.
func Check(m *Map, models *Models) Problems {
	return bind(m, models).problems
}

// A binding is a row with what its paths name.
type binding struct {
	row    *Row
	from   Path
	expr   *expression // instead of from and source
	to     Path
	source *Field
	target *Field
	slot   slot
	read   Type // what the source's value is read as
	many   bool // the values of all elements of a list go to one attribute
	rule   rule
}

// checker collects the problems of a map.
type checker struct {
	m        *Map
	source   *Model
	target   *Model
	bindings []binding
	problems Problems

	expressions  *expressions // of a map that has some
	when         *expression
	whenFindings *expression
}

// bind resolves and checks all rows. What it made of them is of use only if
// there are no problems.
func bind(m *Map, models *Models) *checker {
	c := &checker{m: m, problems: slices.Clone(m.problems)}
	c.source = c.model(models, "source", m.Source, SourceRole)
	c.target = c.model(models, "target", m.Target, TargetRole)
	if m.Name == "" && c.wellFormed() {
		c.addf(-1, "", "the map has no name")
	}
	if len(m.Rows) == 0 && c.wellFormed() {
		c.addf(-1, "", "the map has no rows")
	}
	if c.source == nil || c.target == nil {
		return c
	}
	if m.AssetClass != "" && !slices.Contains(c.target.Classes, m.AssetClass) {
		c.add(-1, "assetClass", nearest(m.AssetClass, c.target.Classes), "unknown asset class %q%s", m.AssetClass, suggest(m.AssetClass, c.target.Classes))
	}
	c.conditions()
	c.bindings = make([]binding, len(m.Rows))
	for i := range m.Rows {
		c.row(i)
	}
	c.together()
	return c
}

// wellFormed says that what is not in the map was not meant to be.
func (c *checker) wellFormed() bool { return len(c.m.problems) == 0 }

// addf adds a problem with a row (from 0; -1 for the map), at one of its keys.
func (c *checker) addf(row int, key, format string, args ...any) {
	c.add(row, key, "", format, args...)
}

// add is addf with what to write instead; "" when that is not known.
func (c *checker) add(row int, key, suggestion, format string, args ...any) {
	problem := Problem{File: c.m.File, Row: row + 1, Key: c.m.words.of(key), Message: fmt.Sprintf(format, args...), Suggestion: suggestion}
	at := c.m.at[key]
	if row >= 0 {
		var ok bool
		if at, ok = c.m.Rows[row].at[key]; !ok {
			at = c.m.Rows[row].at[""]
		}
	}
	problem.Line, problem.Column = at.line, at.column
	c.problems = append(c.problems, problem)
}

func (c *checker) model(models *Models, key, name, role string) *Model {
	m := models.Get(name)
	if name == "" && !c.wellFormed() {
		return nil // reported
	}
	if m == nil || m.Role != role {
		c.add(-1, key, nearest(name, models.named(role)), "unknown %s model %q%s", key, name, suggest(name, models.named(role)))
		return nil
	}
	return m
}

// row binds one row and checks it by itself.
func (c *checker) row(i int) {
	b := &c.bindings[i]
	if b.row = &c.m.Rows[i]; b.row.broken {
		return // reported
	}
	if b.row.Expr == "" {
		b.from, b.source = c.field(i, "from", b.row.From, c.source)
	} else {
		c.expression(i)
	}
	b.to, b.target = c.field(i, "to", b.row.To, c.target)
	if b.row.Convert != "" {
		if !slices.Contains(converts, b.row.Convert) {
			c.add(i, "convert", nearest(b.row.Convert, converts), "unknown convert %q%s", b.row.Convert, suggest(b.row.Convert, converts))
			b.target = nil // what it would fit is anyone's guess
		}
		if b.row.Values != nil {
			c.addf(i, "convert", "a row has either convert or values; the table gives the values as they are to be")
		}
	}
	if b.source == nil && b.expr == nil || b.target == nil {
		return
	}
	if b.expr == nil {
		c.lists(i)
	}
	c.types(i)
	c.class(i)
	c.constants(i)
}

func (c *checker) field(i int, key, text string, model *Model) (Path, *Field) {
	p, err := ParsePath(text)
	if err != nil {
		c.addf(i, key, "the path %q %v", cut(text), err)
		return p, nil
	}
	f := model.Field(p)
	if f == nil && model.byPath[text] != nil {
		named := strings.TrimSuffix(text, "*") + "owner"
		c.add(i, key, named, "%s names no field: its * stands for a name of your own, as in %s", text, named)
	} else if f == nil {
		c.add(i, key, nearest(text, model.Paths()), "%s has no field %q%s", model.Name, text, suggest(text, model.Paths()))
	}
	return p, f
}

// lists checks that a value of a list's element goes to an element, or all of
// them to one attribute.
func (c *checker) lists(i int) {
	b := &c.bindings[i]
	if whole, ok := strings.CutSuffix(b.row.From, "[]"); ok {
		c.addf(i, "from", "%s are the elements of a list, of which a row takes fields; %s is the list as a whole", b.row.From, whole)
		return
	}
	from, to := b.from.depth(), b.to.depth()
	if c.source.Records == RecordsAreFindings {
		to = 0 // the record is the element
	}
	b.many = from > to && b.target.Type == Any
	if from == to || b.many {
		return
	}
	hint := ""
	switch {
	case c.source.Records == RecordsAreFindings:
		c.addf(i, "from", "%s is inside a list (\"[]\"), and a record of %s is one finding: only an attribute can take the values of many elements, as a list", b.row.From, c.source.Name)
		return
	case from > to:
		hint = fmt.Sprintf("; one %s cannot take the values of many elements, only an attribute can, as a list", b.row.To)
	case from < to:
		hint = fmt.Sprintf("; elements of %s are filled from the elements of a list", b.to.list())
	}
	lists := fmt.Sprintf("%d lists", from)
	if from == 1 {
		lists = "1 list"
	}
	c.addf(i, "from", "%s is inside %s (\"[]\") and %s inside %d%s", b.row.From, lists, b.row.To, to, hint)
}

// class checks that the target belongs to the map's class of assets.
func (c *checker) class(i int) {
	known := c.m.AssetClass == "" || slices.Contains(c.target.Classes, c.m.AssetClass) // otherwise it is reported
	if b := &c.bindings[i]; known && b.target.Class != "" && b.target.Class != c.m.AssetClass {
		c.addf(i, "to", "%s belongs to assets of class %s; this map has assetClass %q", b.row.To, b.target.Class, c.m.AssetClass)
	}
}

// constants reads the default and the table as the target's values, and
// builds the row's rule with them.
func (c *checker) constants(i int) {
	b := &c.bindings[i]
	var ok bool
	if b.slot, ok = slots[b.target.Path]; !ok {
		c.addf(i, "to", "%s cannot be filled by a map", b.row.To)
		return
	}
	read := newReader(b)
	b.rule = rule{label: b.row.label(), slot: b.slot, read: read, keepEmpty: b.read == Any}
	if b.row.Default != "" {
		if b.slot.isID() {
			c.addf(i, "default", "an id cannot have a default: every record without an id would become the same one")
		}
		v, reason := read(new(scratch), []byte(b.row.Default))
		if reason != "" {
			c.addf(i, "default", "the default %s %s", cut(b.row.Default), reason)
		}
		b.rule.fallback, b.rule.hasFallback = v, true
		c.reachable(i)
	}
	if b.row.Values == nil {
		return
	}
	table := make(map[string]value, len(b.row.Values))
	for _, from := range sortedKeys(b.row.Values) {
		v, reason := read(new(scratch), []byte(b.row.Values[from]))
		if reason != "" {
			c.addf(i, "values", "the value %s for %q %s", cut(b.row.Values[from]), cut(from), reason)
		}
		table[from] = v
	}
	c.table(i)
	b.rule.read = newTable(table)
	_, b.rule.keepEmpty = table[""]
}

// together checks the rows against each other.
func (c *checker) together() {
	filled := map[string]int{}
	list, listRow := "", 0
	for i := range c.bindings {
		b := &c.bindings[i]
		if b.row.To == "" {
			continue // reported
		}
		if first, ok := filled[b.row.To]; ok {
			c.addf(i, "to", "%s is already filled by row %d", b.row.To, first+1)
		} else {
			filled[b.row.To] = i
		}
		if b.source == nil || c.source.Records == RecordsAreFindings || b.to.depth() == 0 || b.from.depth() == 0 {
			continue
		}
		switch {
		case list == "":
			list, listRow = b.from.list(), i
		case b.from.list() != list:
			c.addf(i, "from", "findings come from %s in row %d and from %s here; one list can be taken", list, listRow+1, b.from.list())
		}
	}
	for _, f := range c.target.Fields {
		// A required field of a list's elements is needed once there are any.
		path, _ := ParsePath(f.Path)
		needed := path.depth() == 0 || c.source.Records == RecordsAreFindings || c.fills(filled, path.list())
		if _, ok := filled[f.Path]; f.Required && needed && !ok && c.wellFormed() {
			c.addf(-1, "", "no row fills %s, which every record needs", f.Path)
		}
	}
}

func (c *checker) fills(filled map[string]int, prefix string) bool {
	for to := range filled {
		if strings.HasPrefix(to, prefix) {
			return true
		}
	}
	return false
}

// cut bounds a text of the map in a message.
func cut(text string) string { return printable([]byte(text)) }
