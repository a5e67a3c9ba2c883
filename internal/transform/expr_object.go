package transform

import (
	"bytes"
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
}

// captured is the JSON of a field that expressions read.
type captured struct {
	scope uint64 // in which it was read
	json  []byte
	value ref.Val // once an expression has asked for it: there may be very many findings that do
}

// known returns what was captured of a field; nil of an absent one.
func (o *jsonObject) known(m *objectMember) *captured {
	if o.captured == nil || o.captured[m.capture].scope != o.scope.id {
		return nil
	}
	return &o.captured[m.capture]
}

// raw returns the JSON of a field; nil of an absent one.
func (o *jsonObject) raw(m *objectMember) ([]byte, error) {
	if o.captured == nil {
		if err := o.scratch.reads(o.json); err != nil {
			return nil, err
		}
		return memberOf(o.json, m.name, o.scratch)
	}
	if c := o.known(m); c != nil {
		return c.json, nil
	}
	return nil, nil
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
	c := o.known(m)
	if c != nil && c.value != nil {
		return c.value, nil
	}
	raw, err := o.raw(m)
	if err == nil {
		err = o.scratch.reads(raw)
	}
	if err == nil && m.shape.absent(raw) {
		err = fmt.Errorf("%w here: test it with has(), or write .?%s.orValue(...)", errAbsent, m.name)
	}
	if err != nil {
		return nil, fmt.Errorf("%s %w", m.name, err)
	}
	before := o.scratch.altered
	o.scratch.altered = false
	v, reason := m.shape.read(o.scratch, raw)
	if c != nil && reason == "" && !o.scratch.altered { // altered text is told of each time
		c.value = v
	}
	o.scratch.altered = o.scratch.altered || before
	if reason != "" {
		return nil, fmt.Errorf("%s %s", m.name, reason)
	}
	return v, nil
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
