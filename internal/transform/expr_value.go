package transform

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"github.com/go-json-experiment/json/jsontext"
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
}

// raw returns the JSON of a field; nil of an absent one.
func (o *jsonObject) raw(m *objectMember) ([]byte, error) {
	if o.captured == nil {
		return memberOf(o.json, m.name, o.scratch)
	}
	if c := &o.captured[m.capture]; c.scope == o.scope.id {
		return c.json, nil
	}
	return nil, nil
}

// value returns a field's value.
func (o *jsonObject) value(m *objectMember) (ref.Val, error) {
	raw, err := o.raw(m)
	if err == nil && m.shape.absent(raw) {
		err = fmt.Errorf("%w here: test it with has(), or write .?%s.orValue(...)", errAbsent, m.name)
	}
	if err != nil {
		return nil, fmt.Errorf("%s %w", m.name, err)
	}
	v, reason := m.shape.read(o.scratch, raw)
	if reason != "" {
		return nil, fmt.Errorf("%s %s", m.name, reason)
	}
	return v, nil
}

// absent says that there is no value: nothing, null, or an empty string where
// there should be something else than text.
func (s *shape) absent(raw []byte) bool {
	return len(raw) == 0 || raw[0] == 'n' || string(raw) == `""` && s.of != String
}

// read makes JSON a value of the shape.
func (s *shape) read(scratch *scratch, raw []byte) (ref.Val, string) {
	var v value
	var reason string
	switch s.of {
	case String:
		text, _, ok := scratch.scalar(raw)
		if !ok {
			return nil, reasonScalar
		}
		return types.String(text), ""
	case Int:
		v, reason = readInt(scratch, raw)
	case Severity:
		v, reason = readSeverity(scratch, raw)
	case Float:
		v, reason = readFloat(scratch, raw)
		return types.Double(math.Float64frombits(uint64(v.num))), reason
	case Bool:
		v, reason = readBool(scratch, raw)
		return types.Bool(v.num == 1), reason
	case Timestamp:
		v, reason = readTimestamp(scratch, raw)
		return types.Timestamp{Time: moment(v.num)}, reason
	case Object:
		if raw[0] != '{' {
			return nil, "is not an object"
		}
		return &jsonObject{of: s.object, json: raw, scratch: scratch}, ""
	case Array:
		return s.list(scratch, raw)
	default:
		return anyValue(scratch, raw)
	}
	return types.Int(v.num), reason
}

func (s *shape) list(scratch *scratch, raw []byte) (ref.Val, string) {
	if raw[0] != '[' {
		return nil, "is not a list"
	}
	elements := []ref.Val{}
	for i := skipSpace(raw, 1); raw[i] != ']'; {
		end := valueEnd(raw, i)
		v, reason := ref.Val(types.NullValue), ""
		if raw[i] != 'n' {
			v, reason = s.element.read(scratch, raw[i:end])
		}
		if reason != "" {
			return nil, "has an element that " + reason
		}
		elements = append(elements, v)
		if i = skipSpace(raw, end); raw[i] == ',' {
			i = skipSpace(raw, i+1)
		}
	}
	return types.NewRefValList(types.DefaultTypeAdapter, elements), ""
}

var anyShape = &shape{of: Any}

// anyValue reads JSON of which the model says no more.
func anyValue(scratch *scratch, raw []byte) (ref.Val, string) {
	switch raw[0] {
	case '{':
		values := map[ref.Val]ref.Val{}
		err := eachMember(raw, scratch, func(name, raw []byte) error {
			key := types.String(name)
			if values[key] != nil {
				return errTwice
			}
			v, reason := anyValue(scratch, raw)
			if reason != "" {
				return errors.New(reason)
			}
			values[key] = v
			return nil
		})
		if err != nil {
			return nil, err.Error()
		}
		return types.NewRefValMap(types.DefaultTypeAdapter, values), ""
	case '[':
		return (&shape{element: anyShape}).list(scratch, raw)
	case '"':
		text, _, _ := scratch.scalar(raw)
		return types.String(text), ""
	case 't', 'f':
		return types.Bool(raw[0] == 't'), ""
	case 'n':
		return types.NullValue, ""
	}
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return types.Int(n), ""
	}
	v, reason := readFloat(scratch, raw)
	return types.Double(math.Float64frombits(uint64(v.num))), reason
}

// maxResult bounds the JSON of an expression's value, in bytes.
const maxResult = 1 << 20

// Reasons for which an expression's value cannot be taken.
var (
	errResult     = errors.New("gives a value that JSON does not have")
	errResultSize = fmt.Errorf("gives a value of more than %d bytes", maxResult)
	errResultDeep = fmt.Errorf("gives a value nested deeper than %d levels", MaxDepth)
)

// appendResult appends an expression's value as JSON: null for none.
func appendResult(dst []byte, v ref.Val, depth int) ([]byte, error) {
	if depth > MaxDepth {
		return dst, errResultDeep
	}
	var err error
	switch v := v.(type) {
	case types.String:
		dst = quote(dst, string(v))
	case types.Int:
		dst = strconv.AppendInt(dst, int64(v), 10)
	case types.Uint:
		dst = strconv.AppendUint(dst, uint64(v), 10)
	case types.Double:
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return dst, errResult
		}
		dst = jsontext.AppendFloat(dst, float64(v), 64)
	case types.Bool:
		dst = strconv.AppendBool(dst, bool(v))
	case types.Timestamp:
		if reason := timestampReason(v); reason != "" {
			return dst, errors.New("gives a value that " + reason)
		}
		dst = appendJSON(dst, Timestamp, value{num: v.UnixMicro()})
	case types.Null:
		dst = append(dst, "null"...)
	case *types.Optional:
		if !v.HasValue() {
			return append(dst, "null"...), nil
		}
		return appendResult(dst, v.GetValue(), depth)
	case *jsonObject:
		dst = append(dst, v.json...)
	case traits.Mapper:
		dst, err = appendMap(dst, v, depth)
	case traits.Lister:
		dst, err = appendList(dst, v, depth)
	default:
		return dst, errResult
	}
	if err == nil && len(dst) > maxResult {
		err = errResultSize
	}
	return dst, err
}

func timestampReason(t types.Timestamp) string {
	if micros := t.UnixMicro(); micros < minMicros || micros > maxMicros {
		return reasonYear
	}
	return ""
}

func appendList(dst []byte, v traits.Lister, depth int) (_ []byte, err error) {
	dst = append(dst, '[')
	for i, it := 0, v.Iterator(); it.HasNext() == types.True; i++ {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = appendResult(dst, it.Next(), depth+1); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

func appendMap(dst []byte, v traits.Mapper, depth int) (_ []byte, err error) {
	dst = append(dst, '{')
	for i, it := 0, v.Iterator(); it.HasNext() == types.True; i++ {
		if i > 0 {
			dst = append(dst, ',')
		}
		key := it.Next()
		name, ok := key.(types.String)
		if !ok {
			return dst, errResult
		}
		dst = append(quote(dst, string(name)), ':')
		if dst, err = appendResult(dst, v.Get(key), depth+1); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// ConvertToNative is part of ref.Val; nothing converts records.
func (o *jsonObject) ConvertToNative(to reflect.Type) (any, error) {
	return nil, fmt.Errorf("%s cannot be converted to %v", typeName(o.of.path), to)
}

// ConvertToType is part of ref.Val.
func (o *jsonObject) ConvertToType(to ref.Type) ref.Val {
	return types.NewErr("%s cannot be converted to %s", typeName(o.of.path), to.TypeName())
}

// Equal compares two objects as they are written.
func (o *jsonObject) Equal(other ref.Val) ref.Val {
	p, ok := other.(*jsonObject)
	return types.Bool(ok && bytes.Equal(o.json, p.json))
}

// Type is part of ref.Val.
func (o *jsonObject) Type() ref.Type { return types.NewObjectType(typeName(o.of.path)) }

// Value is part of ref.Val.
func (o *jsonObject) Value() any { return o }
