package xmlstream

import (
	"bytes"
	"slices"
)

const (
	// maxMembers bounds the different names in an object, which are looked
	// through for each new one. The widest element known has some 60.
	maxMembers = 256
	// maxMoves bounds what is moved to bring together what repeats, in lengths
	// of the longest value: children that alternate by the thousand are not
	// worth more.
	maxMoves = 16

	jsonSize = "the JSON of an element"
)

// A writer writes one JSON value of which it is not known yet whether it is a
// string or an object, nor which of its members repeat.
type writer struct {
	dst     []byte
	begun   int // where the value begins in dst
	max     int // bytes of the value
	moved   int // bytes
	members []member
	solid   int    // in dst, where the last text ends that is not white space
	over    string // what has become larger than it may be; empty: nothing
	overMax int
}

// A value is an element's, while it is written.
type value struct {
	begin  int // in dst
	first  int // of its members
	object bool
	inText bool
	text   place
}

// A member is one of an object. Its places are in dst.
type member struct {
	name, nameEnd int
	begin, end    int // of its value
	array         bool
}

// A place is where the value goes that is being written.
type place struct {
	member int
	from   int // in dst: what is to be moved behind its member; 0: nothing
}

func (w *writer) reset(dst []byte, maxBytes int) {
	*w = writer{dst: dst, begun: len(dst), max: maxBytes, members: w.members[:0]}
}

func (w *writer) tooLarge(what string, limit int) {
	if w.over == "" {
		w.over, w.overMax = what, limit
	}
}

func (w *writer) check() {
	if len(w.dst)-w.begun > w.max {
		w.tooLarge(jsonSize, w.max)
	}
}

func (w *writer) begin() value { return value{begin: len(w.dst), first: len(w.members)} }

// end ends a value.
func (w *writer) end(v *value) {
	w.endText(v)
	switch {
	case v.object:
		w.dst = append(w.dst, '}')
	case len(w.dst) == v.begin:
		w.dst = append(w.dst, `""`...)
	}
	w.members = w.members[:v.first]
	w.check()
}

// openObject makes a value an object. If it is a string already, that becomes a
// member of it.
func (w *writer) openObject(v *value) {
	w.endText(v)
	if v.object {
		return
	}
	v.object = true
	if len(w.dst) == v.begin {
		w.dst = append(w.dst, '{')
		return
	}
	const prefix = `{"value":`
	w.dst = slices.Insert(w.dst, v.begin, []byte(prefix)...)
	w.members = append(w.members, member{
		name: v.begin + 2, nameEnd: v.begin + len(prefix) - 2,
		begin: v.begin + len(prefix), end: len(w.dst),
	})
}

// text writes a piece of an element's text.
func (w *writer) text(v *value, piece []byte) {
	if !v.inText {
		if piece = bytes.TrimLeft(piece, whiteSpace); len(piece) == 0 {
			return
		}
		if v.object {
			v.text = w.beginMember(v, []byte("value"), false)
		}
		v.inText = true
		w.dst = append(w.dst, '"')
	}
	last := len(bytes.TrimRight(piece, whiteSpace))
	if last > 0 {
		w.dst = appendEscaped(w.dst, piece[:last])
		w.solid = len(w.dst)
	}
	w.dst = appendEscaped(w.dst, piece[last:])
	if len(w.dst)-w.begun > w.max+windowSize { // white space at the end does not count
		w.tooLarge(jsonSize, w.max)
	}
}

func (w *writer) endText(v *value) {
	if !v.inText {
		return
	}
	v.inText = false
	w.dst = append(w.dst[:w.solid], '"')
	if v.object {
		w.endMember(v.text)
	}
}

func (w *writer) quoted(text []byte) {
	w.dst = append(appendEscaped(append(w.dst, '"'), text), '"')
}

// beginMember is followed by the member's value, and that by endMember.
func (w *writer) beginMember(v *value, name []byte, list bool) place {
	m := w.find(v.first, name)
	if m < 0 {
		return w.newMember(v, name, list)
	}
	if !w.members[m].array {
		w.enclose(m)
	}
	if w.members[m].end == len(w.dst) {
		w.dst[len(w.dst)-1] = ',' // the array goes on
		return place{member: m}
	}
	w.dst = append(w.dst, ',')
	return place{member: m, from: len(w.dst) - 1}
}

func (w *writer) newMember(v *value, name []byte, list bool) place {
	if len(w.members)-v.first == maxMembers {
		w.tooLarge("the number of different elements in one", maxMembers)
	}
	if len(w.members) > v.first {
		w.dst = append(w.dst, ',')
	}
	m := member{name: len(w.dst) + 1, nameEnd: len(w.dst) + 1 + len(name), array: list}
	w.dst = append(append(append(w.dst, '"'), name...), `":`...)
	if list {
		w.dst = append(w.dst, '[')
	}
	m.begin = len(w.dst)
	w.members = append(w.members, m)
	return place{member: len(w.members) - 1}
}

func (w *writer) endMember(p place) {
	m := &w.members[p.member]
	switch {
	case p.from > 0:
		w.bring(p)
	case m.array:
		w.dst = append(w.dst, ']')
		m.end = len(w.dst)
	default:
		m.end = len(w.dst)
	}
	w.check()
}

// find looks for a member of the innermost object, the last one first; it is
// negative when there is none.
func (w *writer) find(first int, name []byte) int {
	for m := len(w.members) - 1; m >= first; m-- {
		if is := &w.members[m]; string(w.dst[is.name:is.nameEnd]) == string(name) {
			return m
		}
	}
	return -1
}

// enclose makes a member an array.
func (w *writer) enclose(m int) {
	is := &w.members[m]
	w.move(len(w.dst) - is.begin)
	w.dst = slices.Insert(w.dst, is.end, ']')
	w.dst = slices.Insert(w.dst, is.begin, '[')
	is.begin++
	is.end += 2
	is.array = true
	w.shift(m+1, 2)
}

// bring moves the end of dst, a comma and a value, into an array that stands
// before other members.
func (w *writer) bring(p place) {
	m := &w.members[p.member]
	bracket := m.end - 1
	size := len(w.dst) - p.from
	w.move(len(w.dst) - bracket)
	slices.Reverse(w.dst[bracket:p.from])
	slices.Reverse(w.dst[p.from:])
	slices.Reverse(w.dst[bracket:])
	m.end += size
	w.shift(p.member+1, size)
}

// shift notes that the members from one on have been moved.
func (w *writer) shift(from, by int) {
	for m := from; m < len(w.members); m++ {
		is := &w.members[m]
		is.name += by
		is.nameEnd += by
		is.begin += by
		is.end += by
	}
}

func (w *writer) move(bytes int) {
	if w.moved += bytes; w.moved > maxMoves*w.max {
		w.tooLarge("the work of bringing repeated elements together", maxMoves*w.max)
	}
}
