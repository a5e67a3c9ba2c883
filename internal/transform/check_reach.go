package transform

import (
	"slices"
	"strconv"
	"strings"
)

// values returns all values that a row's source can have, as a table names
// them; none if it is not known.
func (b *binding) values() []string {
	if b.source != nil && len(b.source.Values) > 0 {
		return b.source.Values
	}
	switch b.sourceType() {
	case Severity:
		return []string{"1", "2", "3", "4", "5"}
	case Bool:
		return []string{"true", "false"}
	}
	return nil
}

// table checks that a row's table is total, and that each of its rows can be met.
func (c *checker) table(i int) {
	b := &c.bindings[i]
	known := b.values()
	var missing []string
	for _, v := range known {
		if _, ok := b.row.Values[v]; !ok {
			missing = append(missing, strconv.Quote(v))
		}
	}
	if len(missing) > 0 {
		c.addf(i, "values", "the table has no row for %s of %s; a value without a row would be rejected",
			strings.Join(missing, ", "), b.row.from())
	}
	for _, v := range sortedKeys(b.row.Values) {
		switch {
		case v == "" || slices.Contains(known, v): // an empty value is met where a vendor leaves a field empty
		case b.source != nil && len(b.source.Values) > 0 && strings.HasPrefix(c.source.Name, UserModelPrefix): // the next file may have more
		case known != nil:
			c.add(i, "values", nearest(v, known), "the table has a row for %q, which %s never is%s", cut(v), b.row.from(), suggest(v, known))
		case !b.mayBe(v):
			c.addf(i, "values", "the table has a row for %q, which %s never is: it is of type %s", cut(v), b.row.from(), b.sourceType())
		}
	}
}

// mayBe says whether a row's source, of which not all values are known, can
// have this one.
func (b *binding) mayBe(v string) bool {
	read := map[Type]reader{Int: readInt, Float: readFloat, Timestamp: readTimestamp}[b.sourceType()]
	if read == nil {
		return true
	}
	_, reason := read(new(scratch), quote(nil, v))
	return reason == ""
}

// reachable checks that a row's default can ever be taken: a field can be
// absent whatever its model says, but most expressions always have a value.
func (c *checker) reachable(i int) {
	b := &c.bindings[i]
	if b.expr == nil || isOptional(b.expr.result) {
		return
	}
	switch of := b.sourceType(); of {
	case Int, Float, Bool, Timestamp:
		c.addf(i, "default", "the default is never taken: the expression always gives a value of type %s, or fails; with .?name for .name it may give none", of)
	}
}
