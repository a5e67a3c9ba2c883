package transform

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
)

// The variables of expressions.
const (
	recordVariable  = "record"  // the record
	findingVariable = "finding" // an element of the record's list of findings
)

// recordTypes says to the checker of expressions what a source model's records
// are made of, and to their evaluation how to read it.
type recordTypes struct {
	types.Provider
	objects map[string]*objectType // by the name of the type
	noting  bool                   // while an expression is checked
	unknown []unknownField         // asked for by it
}

// objectType is an object of the model: the record, an object in it, or an
// element of a list.
type objectType struct {
	path    string // "" for the record, "findings[]" for an element
	names   []string
	members map[string]*objectMember
}

// objectMember is a field of an object.
type objectMember struct {
	name    string
	written string // in an expression: with backticks, where it is no identifier
	shape   *shape
	field   *types.FieldType
	capture int // of a field of the record or the finding that the map's expressions read; else -1
}

// shape is how a JSON value is read as a value of an expression.
type shape struct {
	of      Type
	object  *objectType // of an object with known fields
	element *shape      // of a list
	cel     *types.Type
}

type unknownField struct{ object, name string }

// typeName is the name of an object's type in messages. It is no identifier,
// so that no expression names it.
func typeName(path string) string { return "object(" + path + ")" }

func newRecordTypes(base types.Provider, m *Model) *recordTypes {
	t := &recordTypes{Provider: base, objects: map[string]*objectType{}}
	t.object("")
	for i := range m.Fields {
		f := &m.Fields[i]
		parent, name := "", f.Path
		if dot := strings.LastIndexByte(f.Path, '.'); dot >= 0 {
			parent, name = f.Path[:dot], f.Path[dot+1:]
		}
		t.object(parent)
		if strings.HasSuffix(name, "[]") {
			continue // it is in the shape of its list
		}
		o := t.object(parent)
		o.names = append(o.names, name)
		o.members[name] = &objectMember{name: name, written: written(name), capture: -1}
	}
	for _, o := range t.objects {
		for _, mem := range o.members {
			t.complete(o, mem, m)
		}
	}
	return t
}

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// written is how an expression names a field.
func written(name string) string {
	if identifier.MatchString(name) && !slices.Contains([]string{"in", "true", "false", "null"}, name) {
		return name
	}
	return "`" + name + "`"
}

// object returns the type at a path, a new one if need be.
func (t *recordTypes) object(path string) *objectType {
	o := t.objects[typeName(path)]
	if o == nil {
		o = &objectType{path: path, members: map[string]*objectMember{}}
		t.objects[typeName(path)] = o
	}
	return o
}

// complete gives a member its type, once all objects are known.
func (t *recordTypes) complete(o *objectType, mem *objectMember, m *Model) {
	path := strings.TrimPrefix(o.path+"."+mem.name, ".")
	mem.shape = t.shapeAt(path, m.byPath[path].Type, m)
	mem.field = &types.FieldType{
		Type:    mem.shape.cel,
		IsSet:   func(of any) bool { return of.(*jsonObject).has(mem) },
		GetFrom: func(of any) (any, error) { return of.(*jsonObject).value(mem) },
	}
}

func (t *recordTypes) shapeAt(path string, of Type, m *Model) *shape {
	switch of {
	case Int, Severity:
		return &shape{of: of, cel: types.IntType}
	case Float:
		return &shape{of: of, cel: types.DoubleType}
	case Bool:
		return &shape{of: of, cel: types.BoolType}
	case Timestamp:
		return &shape{of: of, cel: types.TimestampType}
	case String:
		return &shape{of: of, cel: types.StringType}
	case Array:
		element := &shape{of: Any, cel: types.DynType}
		if f := m.byPath[path+"[]"]; f != nil {
			element = t.shapeAt(f.Path, f.Type, m)
		} else if t.objects[typeName(path+"[]")] != nil {
			element = t.shapeAt(path+"[]", Object, m)
		}
		return &shape{of: of, element: element, cel: types.NewListType(element.cel)}
	}
	if o := t.objects[typeName(path)]; o != nil {
		return &shape{of: Object, object: o, cel: types.NewObjectType(typeName(path))}
	}
	return &shape{of: Any, cel: types.NewMapType(types.StringType, types.DynType)}
}

// FindStructType returns an object's type, as the checker wants it.
func (t *recordTypes) FindStructType(name string) (*types.Type, bool) {
	if t.objects[name] == nil {
		return t.Provider.FindStructType(name)
	}
	return types.NewTypeTypeWithParam(types.NewObjectType(name)), true
}

// FindStructFieldNames returns the names of an object's fields.
func (t *recordTypes) FindStructFieldNames(name string) ([]string, bool) {
	if o := t.objects[name]; o != nil {
		return o.names, true
	}
	return t.Provider.FindStructFieldNames(name)
}

// FindStructFieldType returns the type of an object's field, and notes those
// that are asked for in vain.
func (t *recordTypes) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	o := t.objects[name]
	if o == nil {
		return t.Provider.FindStructFieldType(name, field)
	}
	if mem := o.members[field]; mem != nil {
		return mem.field, true
	}
	if t.noting {
		t.unknown = append(t.unknown, unknownField{name, field})
	}
	return nil, false
}

// environment returns the functions and types of expressions over records of
// the types, where findings are at the path ("" where there are none).
func environment(base *cel.Env, t *recordTypes, findings string) (*cel.Env, error) {
	options := []cel.EnvOption{
		cel.CustomTypeProvider(t),
		cel.Variable(recordVariable, types.NewObjectType(typeName(""))),
	}
	if findings != "" {
		options = append(options, cel.Variable(findingVariable, types.NewObjectType(typeName(findings))))
	}
	env, err := base.Extend(options...)
	if err != nil {
		return nil, fmt.Errorf("prepare expressions: %w", err)
	}
	return env, nil
}

var errAbsent = errors.New("is absent")

// isOptional says that an expression may have no value.
func isOptional(t *types.Type) bool { return t.TypeName() == types.OptionalType.TypeName() }

// typeOf returns the type of an expression's value in the terms of models; ""
// for a type that no target takes, Any where only the value will tell.
func typeOf(t *types.Type) Type {
	switch t.Kind() {
	case types.StringKind:
		return String
	case types.IntKind, types.UintKind:
		return Int
	case types.DoubleKind:
		return Float
	case types.BoolKind:
		return Bool
	case types.TimestampKind:
		return Timestamp
	case types.ListKind:
		return Array
	case types.MapKind, types.StructKind:
		return Object
	case types.OpaqueKind:
		if isOptional(t) {
			return typeOf(t.Parameters()[0])
		}
	case types.DynKind, types.AnyKind, types.NullTypeKind:
		return Any
	}
	return ""
}
