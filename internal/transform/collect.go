package transform

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// collector gathers the values of a list's elements, and of lists inside of them.
type collector struct {
	input   bytes.Buffer
	decoder *jsontext.Decoder
	values  []byte // a JSON list that is not closed yet
}

// collect returns the values that are to be found on the way from each element of
// a list, as one JSON list, valid until the next call. Elements without one add
// none. The reason says what is not as the way needs it.
func (a *Applier) collect(list []byte, each []step) (values []byte, reason string) {
	c := &a.collector
	c.input = *bytes.NewBuffer(list) // read in place
	if c.decoder == nil {
		c.decoder = jsontext.NewDecoder(&c.input, Lenient...)
	} else {
		c.decoder.Reset(&c.input, Lenient...)
	}
	c.values = append(c.values[:0], '[')
	if reason := c.elements(each); reason != "" {
		return nil, reason
	}
	return append(c.values, ']'), ""
}

// elements collects from all elements of the list that comes next. What comes is
// a part of a record that was read before, so that its syntax is right.
func (c *collector) elements(each []step) string {
	if kind := c.decoder.PeekKind(); kind != '[' {
		return c.absent("is not a list, or has something else where a list is to be")
	}
	if _, err := c.decoder.ReadToken(); err != nil {
		return err.Error()
	}
	for c.decoder.PeekKind() != ']' {
		if reason := c.value(each); reason != "" {
			return reason
		}
	}
	_, err := c.decoder.ReadToken()
	return why(err)
}

// value collects what is on the way from the value that comes next.
func (c *collector) value(way []step) string {
	switch kind := c.decoder.PeekKind(); {
	case len(way) == 0 && kind == 'n':
		return c.skip()
	case len(way) == 0:
		if len(c.values) > 1 {
			c.values = append(c.values, ',')
		}
		value, err := c.decoder.ReadValue()
		c.values = append(c.values, value...)
		return why(err)
	case kind != '{':
		return c.absent("has an element that is not an object")
	}
	if _, err := c.decoder.ReadToken(); err != nil {
		return err.Error()
	}
	met := false
	for c.decoder.PeekKind() != '}' {
		name, err := c.decoder.ReadToken()
		if err != nil {
			return err.Error()
		}
		reason := ""
		switch {
		case name.String() != way[0].name:
			reason = c.skip()
		case met:
			return "has an element with two fields " + way[0].name + ", and nobody knows which one is meant"
		case way[0].list:
			met, reason = true, c.elements(way[1:])
		default:
			met, reason = true, c.value(way[1:])
		}
		if reason != "" {
			return reason
		}
	}
	_, err := c.decoder.ReadToken()
	return why(err)
}

// absent passes over what stands in place of an object or a list: null and an
// empty text say that there is none, and all else is wrong.
func (c *collector) absent(reason string) string {
	if kind := c.decoder.PeekKind(); kind == '{' || kind == '[' {
		return reason
	}
	value, err := c.decoder.ReadValue()
	if err == nil && value[0] != 'n' && string(value) != `""` {
		return reason
	}
	return why(err)
}

func (c *collector) skip() string { return why(skipValue(c.decoder)) }

func why(err error) string {
	if err != nil {
		return err.Error()
	}
	return ""
}
