package was

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// fieldType decides which operators a field takes (documented).
type fieldType uint8

const (
	integer fieldType = iota
	text
	dateTime
	keyword
	boolean
	presence // only whether there is any
)

var operators = [...][]string{
	integer:  {"EQUALS", "NOT EQUALS", "GREATER", "LESSER", "IN"},
	text:     {"CONTAINS", "EQUALS", "NOT EQUALS"},
	dateTime: {"EQUALS", "NOT EQUALS", "GREATER", "LESSER"},
	keyword:  {"EQUALS", "NOT EQUALS", "IN"},
	boolean:  {"EQUALS", "NOT EQUALS"},
	presence: {"NONE"},
}

// field is one that records of a class can be searched by. A record can have
// several values of it, or none; one of the two functions is set.
type field[R any] struct {
	fieldType fieldType
	also      string   // a further operator: NONE or IS EMPTY
	values    []string // of a keyword
	// numbers appends the integers, dates in Unix seconds, or 1 for true and 0
	// for false.
	numbers func(*World, *R, []int64) []int64
	texts   func(*World, *R) []string
}

// condition is a criterion understood.
type condition[R any] struct {
	field    *field[R]
	operator string
	numbers  []int64
	texts    []string
}

// query is a request understood, for a class of records. Conditions must all hold.
type query[R any] struct {
	after, before int64 // bounds of the id, both exclusive
	conditions    []condition[R]
}

// compile checks criteria against the fields of a class.
func compile[R any](fields map[string]field[R], criteria []criterion, fromID int64) (query[R], error) {
	q := query[R]{after: fromID - 1, before: math.MaxInt64}
	for _, c := range criteria {
		f, known := fields[c.field]
		if !known {
			names := make([]string, 0, len(fields))
			for name := range fields {
				names = append(names, name)
			}
			slices.Sort(names)
			return q, invalid(fmt.Sprintf("Criteria: Unsupported field '%s'.", c.field), "Fields expected: "+strings.Join(names, ", ")+".")
		}
		allowed := operators[f.fieldType]
		if f.also != "" {
			allowed = append(slices.Clip(allowed), f.also)
		}
		if !slices.Contains(allowed, c.operator) {
			return q, invalid(fmt.Sprintf("Criteria: Invalid operator '%s' for criteria '%s'.", c.operator, c.field),
				"Operators expected: "+strings.Join(allowed, ", ")+".")
		}
		done := condition[R]{field: &f, operator: c.operator}
		if c.operator != "NONE" && c.operator != "IS EMPTY" {
			if err := done.parse(c); err != nil {
				return q, err
			}
		}
		switch {
		case c.field == "id" && c.operator == "GREATER":
			q.after = max(q.after, done.numbers[0])
		case c.field == "id" && c.operator == "LESSER":
			q.before = min(q.before, done.numbers[0])
		default:
			q.conditions = append(q.conditions, done)
		}
	}
	return q, nil
}

// parse reads the value of a criterion. The wording for integers and booleans is
// recorded, that of the others inferred from it.
func (c *condition[R]) parse(from criterion) error {
	values := []string{from.value}
	if from.operator == "IN" {
		values = strings.Split(from.value, ",")
	}
	for _, value := range values {
		if c.field.fieldType != text {
			value = strings.TrimSpace(value)
		}
		number, resolution := int64(0), ""
		switch c.field.fieldType {
		case integer:
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				resolution = "Specify criteria value(s) as Long."
			}
			number = n
		case boolean:
			if value != "true" && value != "false" {
				resolution = "Values expected: true, false."
			}
			number = flag(value == "true")
		case dateTime:
			at, err := time.Parse(time.RFC3339, value)
			if err != nil {
				at, err = time.Parse(time.DateOnly, value)
			}
			if err != nil {
				resolution = "Specify criteria value as date: YYYY-MM-DDTHH:MM:SSZ."
			}
			number = at.Unix()
		case keyword:
			if !slices.Contains(c.field.values, value) {
				resolution = "Values expected: " + strings.Join(c.field.values, ", ") + "."
			}
		}
		if resolution != "" {
			return invalid(fmt.Sprintf("Criteria: Invalid value format for criteria '%s' (%s).", from.field, from.value), resolution)
		}
		c.numbers, c.texts = append(c.numbers, number), append(c.texts, value)
	}
	return nil
}

func (q *query[R]) holds(w *World, r *R) bool {
	for i := range q.conditions {
		if !q.conditions[i].holds(w, r) {
			return false
		}
	}
	return true
}

func (c *condition[R]) holds(w *World, r *R) bool {
	if c.field.texts != nil {
		return holds(c.operator, c.field.texts(w, r), c.texts, strings.Contains)
	}
	var some [4]int64 // saves an allocation
	return holds(c.operator, c.field.numbers(w, r, some[:0]), c.numbers, nil)
}

// holds compares what a record has with what is wanted. A record without a value
// is unequal to everything.
func holds[T cmp.Ordered](operator string, has, wanted []T, contains func(T, T) bool) bool {
	is := func(value T) bool {
		switch operator {
		case "GREATER":
			return value > wanted[0]
		case "LESSER":
			return value < wanted[0]
		case "CONTAINS":
			return contains(value, wanted[0])
		default: // EQUALS, NOT EQUALS, IN
			return slices.Contains(wanted, value)
		}
	}
	switch operator {
	case "NONE", "IS EMPTY":
		return len(has) == 0
	case "NOT EQUALS":
		return !slices.ContainsFunc(has, is)
	default:
		return slices.ContainsFunc(has, is)
	}
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
