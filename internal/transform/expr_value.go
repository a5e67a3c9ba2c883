package transform

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"github.com/go-json-experiment/json/jsontext"
)

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
		text, altered, ok := scratch.scalar(raw)
		if !ok {
			return nil, reasonScalar
		}
		scratch.altered = scratch.altered || altered
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
		text, altered, _ := scratch.scalar(raw)
		scratch.altered = scratch.altered || altered
		return types.String(text), ""
	case 't', 'f':
		return types.Bool(raw[0] == 't'), ""
	case 'n':
		return types.NullValue, ""
	}
	if !bytes.ContainsAny(raw, ".eE") {
		v, reason := readInt(scratch, raw)
		return types.Int(v.num), reason
	}
	v, reason := readFloat(scratch, raw)
	f := math.Float64frombits(uint64(v.num))
	if reason == "" && math.Abs(f) >= wholeFloats && !bytes.Equal(significant(raw), significant(strconv.AppendFloat(nil, f, 'e', -1, 64))) {
		reason = reasonDigits
	}
	return types.Double(f), reason
}

// From here on floats have gaps between whole numbers, and two ids could become
// one.
const wholeFloats = 1 << 53

// significant returns the digits of a number without those that only say how
// large it is.
func significant(number []byte) []byte {
	if i := bytes.IndexAny(number, "eE"); i >= 0 {
		number = number[:i]
	}
	return bytes.Trim(bytes.ReplaceAll(bytes.TrimPrefix(number, []byte("-")), []byte("."), nil), "0")
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
