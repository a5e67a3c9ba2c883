package xmlstream

import "strings"

// A Table says what cannot be seen from a single element. An entry is the name
// of an element, wherever it stands ("DETECTION"), or its name inside of
// another one ("TAGS/TAG"); "list/*" stands for all elements inside of a list.
type Table struct {
	// Lists are the elements that a vendor repeats: always an array.
	Lists []string
	// Objects are the elements that have attributes or children: always an
	// object, even where they are empty. What stands before the slash of an
	// entry of Lists is one too.
	Objects []string
}

// Shapes is a Table that is ready for use. Many can use it at the same time.
type Shapes struct {
	elements map[string]rule
}

// NewShapes makes a Table ready for use.
func NewShapes(t Table) *Shapes {
	s := &Shapes{elements: map[string]rule{}}
	for _, entry := range t.Lists {
		s.add(entry, shape{list: true})
		if parent, _, within := strings.Cut(entry, "/"); within {
			s.add(parent, shape{object: true})
		}
	}
	for _, entry := range t.Objects {
		s.add(entry, shape{object: true})
	}
	return s
}

type shape struct {
	list   bool // stands in an array
	object bool // is one even when it has no children
}

// A rule is the shape of the elements of one name.
type rule struct {
	anywhere shape
	within   []within
	children shape // of all elements inside of it
}

type within struct {
	parent string
	shape  shape
}

func (s *Shapes) add(entry string, is shape) {
	parent, name, inside := strings.Cut(entry, "/")
	switch {
	case !inside:
		r := s.elements[parent]
		r.anywhere = r.anywhere.or(is)
		s.elements[parent] = r
	case name == "*":
		r := s.elements[parent]
		r.children = r.children.or(is)
		s.elements[parent] = r
	default:
		r := s.elements[name]
		r.within = append(r.within, within{parent, is})
		s.elements[name] = r
	}
}

// children is the shape of all elements inside of one.
func (s *Shapes) children(name []byte) shape {
	if s == nil {
		return shape{}
	}
	return s.elements[string(name)].children
}

// of is the shape of an element inside of another one, and that of all its
// children. Of the element around it, all children have the shape siblings.
func (s *Shapes) of(name, parent []byte, siblings shape) (is, children shape) {
	if s == nil {
		return shape{}, shape{}
	}
	r := s.elements[string(name)]
	is = r.anywhere.or(siblings)
	for _, w := range r.within {
		if w.parent == string(parent) {
			is = is.or(w.shape)
		}
	}
	return is, r.children
}

func (a shape) or(b shape) shape {
	return shape{list: a.list || b.list, object: a.object || b.object}
}
