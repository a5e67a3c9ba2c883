package transform

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of a path. No vendor's document comes near them.
const (
	maxPathBytes = 512
	maxPathSteps = 16
)

// A Path names a field in the notation of the vendor's documentation: names
// separated by dots, "[]" after the name of a list whose elements are meant.
// "findings[].severity" is the severity of each element of findings.
type Path struct {
	text  string
	steps []step
}

// A step is one name of a path.
type step struct {
	name string
	list bool // followed by "[]"
}

// ParsePath reads a path. Its error says what is wrong, without the path.
func ParsePath(text string) (Path, error) {
	switch {
	case text == "":
		return Path{}, fmt.Errorf("is empty")
	case len(text) > maxPathBytes:
		return Path{}, fmt.Errorf("is longer than %d bytes", maxPathBytes)
	case !utf8.ValidString(text):
		return Path{}, fmt.Errorf("is not valid UTF-8")
	}
	names := strings.Split(text, ".")
	if len(names) > maxPathSteps {
		return Path{}, fmt.Errorf("has more than %d names", maxPathSteps)
	}
	p := Path{text: text, steps: make([]step, len(names))}
	for i, name := range names {
		name, list := strings.CutSuffix(name, "[]")
		if name == "" {
			return Path{}, fmt.Errorf("has an empty name; names are separated by single dots")
		}
		if strings.ContainsFunc(name, func(r rune) bool {
			return r == '[' || r == ']' || unicode.IsSpace(r) || !unicode.IsPrint(r)
		}) {
			return Path{}, fmt.Errorf("has %q in it; a name has no spaces or control characters, and [] only after it", name)
		}
		p.steps[i] = step{name, list}
	}
	return p, nil
}

func (p Path) String() string { return p.text }

// depth is the number of lists a value of the path is inside of.
func (p Path) depth() int {
	n := 0
	for _, s := range p.steps {
		if s.list {
			n++
		}
	}
	return n
}

// split returns the path to the list that values are inside of behind so many
// others, and the way from an element of it to a value.
func (p Path) split(lists int) (to Path, each []step) {
	for i, s := range p.steps {
		if s.list {
			lists--
		}
		if lists < 0 {
			to.steps = slices.Clone(p.steps[:i+1])
			to.steps[i].list = false
			return to, p.steps[i+1:]
		}
	}
	return p, nil
}

// list returns the path of the first list of p, with its "[]", or "".
func (p Path) list() string {
	end := 0
	for _, s := range p.steps {
		end += len(s.name)
		if s.list {
			return p.text[:end+len("[]")]
		}
		end += len(".")
	}
	return ""
}

// last returns the last name of the path.
func (p Path) last() string { return p.steps[len(p.steps)-1].name }

// parent returns the path of the object or list that holds p, without a
// closing "[]", and which of the two it is; "" for a path of one name.
func (p Path) parent() (string, Type) {
	if list, ok := strings.CutSuffix(p.text, "[]"); ok {
		return list, Array
	}
	i := strings.LastIndexByte(p.text, '.')
	if i < 0 {
		return "", ""
	}
	if list, ok := strings.CutSuffix(p.text[:i], "[]"); ok {
		return list, Array
	}
	return p.text[:i], Object
}
