package qps

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// maxDepth bounds the nesting of a record. The deepest known has 6 levels.
const maxDepth = 128

// maxID bounds an id, in bytes.
const maxID = 128

// unwrap returns the record inside an object that only names its type, as in
// {"WebApp":{...}}, and the record's id ("" when it has none).
func unwrap(look *jsontext.Decoder, record jsontext.Value) (jsontext.Value, string) {
	id, inner := lookInto(look, record)
	if inner == nil {
		return record, id
	}
	id, _ = lookInto(look, inner)
	return inner, id
}

// lookInto reads an object only as far as its id, or finds out that it has a
// single member that is an object itself: then that is returned as inner.
func lookInto(look *jsontext.Decoder, record jsontext.Value) (id string, inner jsontext.Value) {
	look.Reset(bytes.NewReader(record), lenient...)
	if token, err := look.ReadToken(); err != nil || token.Kind() != '{' {
		return "", nil
	}
	for first := true; look.PeekKind() == '"'; first = false {
		name, err := look.ReadToken()
		if err != nil {
			return "", nil
		}
		if name.String() == fieldID {
			value, err := look.ReadValue()
			if err != nil {
				return "", nil
			}
			return idText(value), nil
		}
		isObject, begin := look.PeekKind() == '{', look.InputOffset()
		if look.SkipValue() != nil {
			return "", nil
		}
		end := look.InputOffset()
		if first && isObject && look.PeekKind() == '}' {
			return "", bytes.TrimLeft(record[begin:end], ": \t\r\n")
		}
	}
	return "", nil
}

// idText is an id as text: numbers and strings are the same to us.
func idText(v jsontext.Value) string {
	if k := v.Kind(); k != '"' && k != '0' {
		return ""
	}
	id := strings.TrimSpace(unquote(v))
	if len(id) > maxID {
		return ""
	}
	return id
}

// numeric reports whether an id is a plain whole number.
func numeric(id string) bool {
	if id == "" {
		return false
	}
	for i := range len(id) {
		if id[i] < '0' || id[i] > '9' {
			return false
		}
	}
	return true
}

// above reports whether numeric id a is greater than b, of any length; every
// id is above the empty one.
func above(a, b string) bool {
	if b == "" {
		return true
	}
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if len(a) != len(b) {
		return len(a) > len(b)
	}
	return a > b
}

// tooDeep reports whether valid JSON is nested deeper than maxDepth.
func tooDeep(record []byte) bool {
	if bytes.Count(record, []byte{'['})+bytes.Count(record, []byte{'{'}) <= maxDepth {
		return false
	}
	depth := 0
	for i := 0; i < len(record); i++ {
		switch record[i] {
		case '[', '{':
			if depth++; depth > maxDepth {
				return true
			}
		case ']', '}':
			depth--
		case '"':
			i = endOfString(record, i)
		}
	}
	return false
}

// endOfString returns the index of the quote that ends the string beginning
// at begin, or the last index when it does not end.
func endOfString(b []byte, begin int) int {
	for i := begin + 1; i < len(b); i++ {
		quote := bytes.IndexByte(b[i:], '"')
		if quote < 0 {
			return len(b) - 1
		}
		i += quote
		backslashes := 0
		for j := i - 1; j > begin && b[j] == '\\'; j-- {
			backslashes++
		}
		if backslashes%2 == 0 {
			return i
		}
	}
	return len(b) - 1
}

func blankLineBreaks(b []byte) {
	for _, lineBreak := range []byte{'\n', '\r'} {
		for rest := b; ; {
			at := bytes.IndexByte(rest, lineBreak)
			if at < 0 {
				break
			}
			rest[at] = ' '
			rest = rest[at+1:]
		}
	}
}

// guessID looks for the id of a record that is not valid JSON: the first
// member named id of the outermost object, or of the object in a wrapper. It
// gives up rather than take another object's id.
func guessID(head []byte) string {
	head = bytes.TrimLeft(head, ", \t\r\n")
	if wrapper.Match(head) {
		head = head[bytes.IndexByte(head[1:], '{')+1:]
	}
	depth := 0
	for i := 0; i < len(head); i++ {
		switch head[i] {
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 1 {
				return ""
			}
		case '"':
			end := endOfString(head, i)
			rest := bytes.TrimLeft(head[end+1:], " \t\r\n")
			if depth == 1 && len(rest) > 0 && rest[0] == ':' && string(head[i+1:end]) == fieldID {
				return leadingID(bytes.TrimLeft(rest[1:], " \t\r\n"))
			}
			i = end
		}
	}
	return ""
}

// wrapper is an object whose first member is named like a type, in capitals
// (as the QPS APIs do), and is an object.
var wrapper = regexp.MustCompile(`^\{\s*"[A-Z][A-Za-z]{0,63}"\s*:\s*\{`)

// leadingID returns the complete number or string that b begins with.
func leadingID(b []byte) string {
	if len(b) > 0 && b[0] == '"' {
		end := bytes.IndexByte(b[1:], '"')
		if end < 1 || end > maxID || bytes.IndexByte(b[1:1+end], '\\') >= 0 {
			return ""
		}
		return string(b[1 : 1+end])
	}
	end := bytes.IndexAny(b, ",} \t\r\n")
	if end < 1 || end > maxID || !numeric(string(b[:end])) {
		return "" // a number that was cut off is not the id
	}
	return string(b[:end])
}
