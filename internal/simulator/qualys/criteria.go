package qualys

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/internal/simulator/estate"
)

const (
	defaultLimit = 100
	maxLimit     = 1000
)

// search is a request in either dialect, understood.
type search struct {
	limit  int
	offset int   // matching records to leave out at the beginning
	after  int64 // only ids greater than this
	before int64 // only ids less than this

	conditions []condition // all must hold, besides the bounds of the id
}

func newSearch() search {
	return search{limit: defaultLimit, after: math.MinInt64, before: math.MaxInt64}
}

// condition is one criterion that is not a plain bound of the id.
type condition struct {
	field, operator string
	numbers         []int64 // ids, or one date in Unix milliseconds
	text            string
}

// requestError is a request the vendor understands and refuses, with HTTP 200
// (documented for the QPS APIs).
type requestError struct{ message, resolution string }

func (e *requestError) Error() string { return e.message }

// Operators by type of field (documented for the QPS APIs).
var operators = map[string][]string{
	"id":          {"EQUALS", "NOT EQUALS", "GREATER", "LESSER", "IN"},
	"name":        {"CONTAINS", "EQUALS", "NOT EQUALS"},
	"createdDate": {"EQUALS", "NOT EQUALS", "GREATER", "LESSER"},
	"updatedDate": {"EQUALS", "NOT EQUALS", "GREATER", "LESSER"},
}

// add takes one criterion into the search.
func (q *search) add(field, operator, value string) error {
	allowed, known := operators[field]
	switch {
	case !known:
		return &requestError{
			fmt.Sprintf("Criteria: Unsupported field '%s'.", field),
			"Fields supported: id, name, createdDate, updatedDate.",
		}
	case !slices.Contains(allowed, operator):
		return &requestError{
			fmt.Sprintf("Criteria: Operator '%s' is not supported for criteria '%s'.", operator, field),
			"Operators expected: " + strings.Join(allowed, ", ") + ".",
		}
	}
	c := condition{field: field, operator: operator}
	switch field {
	case "name":
		c.text = value
	case "id":
		values := []string{value}
		if operator == "IN" {
			values = strings.Split(value, ",")
		}
		for _, v := range values {
			id, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
			if err != nil {
				return invalidValue(field, value, "Specify criteria value(s) as Long.")
			}
			c.numbers = append(c.numbers, id)
		}
	default:
		date, err := time.Parse(time.RFC3339, value)
		if err != nil {
			return invalidValue(field, value, "Specify criteria value as date in the format YYYY-MM-DDTHH:MM:SSZ.")
		}
		c.numbers = []int64{date.UnixMilli()}
	}
	if field == "id" {
		switch operator {
		case "GREATER":
			q.after = max(q.after, c.numbers[0])
			return nil
		case "LESSER":
			q.before = min(q.before, c.numbers[0])
			return nil
		}
	}
	q.conditions = append(q.conditions, c)
	return nil
}

func invalidValue(field, value, resolution string) error {
	return &requestError{fmt.Sprintf("Criteria: Invalid value format for criteria '%s' (%s).", field, value), resolution}
}

// matches tells whether a record is visible and meets all conditions; the
// bounds of the id are the caller's.
func (q *search) matches(w *estate.World, t estate.AssetType, index int) bool {
	if !w.Visible(t, index) {
		return false
	}
	for i := range q.conditions {
		if !q.conditions[i].holds(w, t, index) {
			return false
		}
	}
	return true
}

func (c *condition) holds(w *estate.World, t estate.AssetType, index int) bool {
	var value int64
	switch c.field {
	case "name":
		var r estate.Record
		w.Load(&r, t, index)
		name := string(r.AppendName(nil, estate.Raw))
		switch c.operator {
		case "CONTAINS":
			return strings.Contains(name, c.text)
		case "EQUALS":
			return name == c.text
		default:
			return name != c.text
		}
	case "id":
		value = w.ID(t, index)
	case "createdDate":
		value = w.Created(t, index)
	case "updatedDate":
		value = w.Updated(t, index)
	}
	switch c.operator {
	case "GREATER":
		return value > c.numbers[0]
	case "LESSER":
		return value < c.numbers[0]
	case "NOT EQUALS":
		return value != c.numbers[0]
	default: // EQUALS, IN
		return slices.Contains(c.numbers, value)
	}
}

// page is what a search finds.
type page struct {
	indexes []int
	more    bool
	lastID  int64 // of the last record, when there is more
	total   int   // records that match, wherever the page begins
}

// find collects a page into indexes, which is overwritten.
func (q *search) find(w *estate.World, t estate.AssetType, indexes []int) page {
	p := page{indexes: indexes[:0]}
	skip := q.offset
	for index := w.Seek(t, q.after); index < w.Len(t) && w.ID(t, index) < q.before; index++ {
		if !q.matches(w, t, index) {
			continue
		}
		if skip > 0 {
			skip--
			continue
		}
		if len(p.indexes) == q.limit {
			p.more = true
			p.lastID = w.ID(t, p.indexes[len(p.indexes)-1])
			break
		}
		p.indexes = append(p.indexes, index)
	}
	return p
}

// predecessor is the index of the last matching record before the page of the
// search, or -1.
func (q *search) predecessor(w *estate.World, t estate.AssetType) int {
	for index := w.Seek(t, q.after) - 1; index >= 0; index-- {
		if q.matches(w, t, index) {
			return index
		}
	}
	return -1
}

// count is the number of records that match when paging begins at the start.
func (q *search) count(w *estate.World, t estate.AssetType) int {
	n := 0
	for index := 0; index < w.Len(t) && w.ID(t, index) < q.before; index++ {
		if q.matches(w, t, index) {
			n++
		}
	}
	return n
}
