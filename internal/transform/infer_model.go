package transform

import (
	"fmt"
	"strings"
)

// model makes a source model of what was seen.
func (s *survey) model(name string) *Model {
	m := &Model{
		Name: name, Title: strings.TrimPrefix(name, UserModelPrefix), Role: SourceRole, byPath: map[string]*Field{},
		Description: fmt.Sprintf("Records of a file, as %d of them suggest.", s.records),
	}
	s.fieldsOf(m, s.root, s.records, "")
	for i := range m.Fields {
		m.add(&m.Fields[i]) // it has no faults: the names were looked at
	}
	return m
}

// fieldsOf adds the fields of an object that was met a number of times.
func (s *survey) fieldsOf(m *Model, of *sighting, times int, prefix string) {
	for _, name := range of.names {
		child := of.children[name]
		s.fieldOf(m, child, name, prefix+name, times)
	}
}

func (s *survey) fieldOf(m *Model, at *sighting, name, path string, times int) {
	if _, err := ParsePath(path); err != nil {
		s.notef("the field %q is left aside: its path is too long", cut(path))
		return
	}
	if len(m.Fields) == maxFields {
		s.noteFull(path)
		return
	}
	kind := at.kind(name)
	if kind == "" {
		s.notef("the field %q is left aside: it is an object or a list in some records and something else in others", cut(path))
		return
	}
	f := Field{Path: path, Type: kind, Example: at.example, Evidence: "inferred",
		Description: fmt.Sprintf("Has a value in %d of %d.", at.seen, times)}
	if at.seen == times {
		f.Description = "Always has a value."
	}
	m.Fields = append(m.Fields, f)
	switch kind {
	case Object:
		s.fieldsOf(m, at, at.objects, path+".")
	case Array:
		e := at.element
		switch {
		case e == nil:
		case e.objects > 0 && e.lists+e.scalars == 0:
			s.fieldsOf(m, e, e.objects, path+"[].")
		case e.scalars > 0 && e.objects+e.lists == 0 && len(m.Fields) < maxFields:
			m.Fields = append(m.Fields, Field{Path: path + "[]", Type: e.kind(name), Example: e.example, Evidence: "inferred", Description: "An element of the list."})
		}
	}
}

// kind is the type that all values of a field have; "" where there is none.
func (at *sighting) kind(name string) Type {
	word := plainName(name)
	switch all := at.scalars; {
	case at.objects > 0 && at.lists+at.scalars > 0 || at.lists > 0 && at.scalars > 0:
		return ""
	case at.objects > 0:
		return Object
	case at.lists > 0:
		return Array
	case all == 0 || isID(name):
		return String
	case at.severities == all && strings.Contains(word, "severity"):
		return Severity
	case at.bools == all:
		return Bool
	case at.ints == all && at.sinceEpoch == all && (strings.HasSuffix(word, "date") || strings.Contains(word, "time") || strings.HasSuffix(name, "At") || strings.HasSuffix(name, "_at")):
		return Timestamp
	case at.ints == all:
		return Int
	case at.floats == all:
		return Float
	case at.times == all && at.ints == 0:
		return Timestamp
	}
	return String
}

// plainName is a name in small letters and digits only: "Asset_ID" is "assetid".
func plainName(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return -1
	}, name)
}

// isID says that a name is one of an id, whose values are text whatever they
// look like.
func isID(name string) bool {
	word := plainName(name)
	return word == "id" || word == "uuid" || word == "guid" || word == "key" ||
		strings.HasSuffix(name, "Id") || strings.HasSuffix(name, "ID") || strings.HasSuffix(name, "_id")
}
