package transform

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// jsonObject is a JSON object as expressions see it. Its fields are read when they
// are asked for.
type jsonObject struct {
	of      *objectType
	json    []byte
	scratch *scratch
	// Of the record and the finding that is being read, only the fields that
	// the map's expressions name are known: they were captured on the way.
	captured []captured
	scope    *scope
	// Of an object in those, but not of the elements of lists, what was read of
	// it so far: there may be very many findings that ask for it again.
	found map[*objectMember]*captured
}

// captured is a field that expressions read.
type captured struct {
	scope uint64 // in which it was read
	json  []byte // nil of an absent one
	// What it was read as, once an expression has asked for it: there may be very
	// many findings that do.
	value   ref.Val
	reason  string // for which it has none
	altered bool   // it has text with NUL, or not in UTF-8
}

// member returns a field, in into where it is not remembered.
func (o *jsonObject) member(m *objectMember, into *captured) (*captured, error) {
	if o.captured != nil {
		if c := &o.captured[m.capture]; c.scope == o.scope.id {
			return c, nil
		}
		return into, nil
	}
	if c := o.found[m]; c != nil {
		return c, nil
	}
	if err := o.scratch.reads(o.json); err != nil {
		return nil, err
	}
	raw, err := memberOf(o.json, m.name, o.scratch)
	if err != nil {
		return nil, err
	}
	if o.found != nil {
		c := &captured{json: raw}
		o.found[m] = c
		return c, nil
	}
	into.json = raw
	return into, nil
}

// has says whether there is a value; what is there twice is there.
func (o *jsonObject) has(m *objectMember) bool {
	var c captured
	found, err := o.member(m, &c)
	return err != nil || !m.shape.absent(found.json)
}

// reads counts JSON that expressions go through.
func (s *scratch) reads(json []byte) error {
	if s.read += len(json); s.read > maxRead {
		return errRead
	}
	return nil
}

var errRead = fmt.Errorf("is not read: the expressions of this record go through more than %d bytes of it together", maxRead)

// value returns a field's value.
func (o *jsonObject) value(m *objectMember) (ref.Val, error) {
	var here captured
	c, err := o.member(m, &here)
	if err == nil && m.shape.absent(c.json) {
		err = fmt.Errorf("%w here: test it with has(), or write .?%s.orValue(...)", errAbsent, m.written)
	}
	if err == nil && c.value == nil && c.reason == "" {
		if err = o.scratch.reads(c.json); err == nil {
			o.read(m, c)
		}
	}
	if err == nil && c.reason != "" {
		err = errors.New(c.reason)
	}
	if err != nil {
		return nil, fmt.Errorf("%s %w", m.name, err)
	}
	o.scratch.altered = o.scratch.altered || c.altered
	return c.value, nil
}

// read makes a field's JSON its value.
func (o *jsonObject) read(m *objectMember, c *captured) {
	before := o.scratch.altered
	o.scratch.altered = false
	c.value, c.reason = m.shape.read(o.scratch, c.json)
	c.altered, o.scratch.altered = o.scratch.altered, before
	if inner, ok := c.value.(*jsonObject); ok && (o.captured != nil || o.found != nil) {
		inner.found = make(map[*objectMember]*captured)
	}
}

// ConvertToNative is part of ref.Val; nothing converts records.
func (o *jsonObject) ConvertToNative(to reflect.Type) (any, error) {
	return nil, fmt.Errorf("%s cannot be converted to %v", typeName(o.of.path), to)
}

// ConvertToType is part of ref.Val.
func (o *jsonObject) ConvertToType(to ref.Type) ref.Val {
	return types.NewErr("%s cannot be converted to %s", typeName(o.of.path), to.TypeName())
}

// AggregateSize is how many values it is: it is read when it is asked for.
func (o *jsonObject) AggregateSize(types.AggregateSizer) uint32 { return 1 }

// Equal compares two objects as they are written.
func (o *jsonObject) Equal(other ref.Val) ref.Val {
	p, ok := other.(*jsonObject)
	return types.Bool(ok && bytes.Equal(o.json, p.json))
}

// Type is part of ref.Val.
func (o *jsonObject) Type() ref.Type { return types.NewObjectType(typeName(o.of.path)) }

// Value is part of ref.Val.
func (o *jsonObject) Value() any { return o }
