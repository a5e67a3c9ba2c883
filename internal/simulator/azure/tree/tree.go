// Package tree writes the simulated answers and documents: objects whose members
// keep their order, as JSON or YAML.
package tree

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Member is one member of an object.
type Member struct {
	Name  string
	Value any
}

// Object is a JSON object whose members keep their order.
type Object []Member

// Of makes an object of pairs of names and values.
func Of(pairs ...any) Object {
	o := make(Object, 0, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		o = append(o, Member{Name: pairs[i].(string), Value: pairs[i+1]})
	}
	return o
}

// With adds a member.
func (o Object) With(name string, value any) Object {
	return append(o, Member{Name: name, Value: value})
}

// Verbatim is JSON that is written as it is.
type Verbatim string

// Compact is the value as JSON on one line. Markup is not escaped.
func Compact(value any) []byte { return appendJSON(nil, value, "") }

// Pretty is the value as JSON over several lines, two blanks a level.
func Pretty(value any) []byte { return appendJSON(nil, value, "\n") }

// PrettyCRLF is Pretty with the line ends of Windows.
func PrettyCRLF(value any) []byte { return appendJSON(nil, value, "\r\n") }

// appendJSON writes a value. line begins a line at its depth; empty for all on
// one line.
func appendJSON(out []byte, value any, line string) []byte {
	inner := line
	if line != "" {
		inner += "  "
	}
	switch v := value.(type) {
	case Object:
		for i, m := range v {
			out = append(out, separator(i, '{')...)
			out = append(out, inner...)
			out = append(appendText(out, m.Name), ':')
			if line != "" {
				out = append(out, ' ')
			}
			out = appendJSON(out, m.Value, inner)
		}
		return closed(out, len(v), "{}", line)
	case Verbatim:
		return append(out, v...)
	case string:
		return appendText(out, v)
	}
	list := elements(value)
	if list == nil {
		return append(out, leaf(value)...)
	}
	for i, element := range list {
		out = append(out, separator(i, '[')...)
		out = append(out, inner...)
		out = appendJSON(out, element, inner)
	}
	return closed(out, len(list), "[]", line)
}

func separator(index int, opening byte) string {
	if index > 0 {
		return ","
	}
	return string(opening)
}

// closed ends an object or a list; one without members is not opened yet.
func closed(out []byte, members int, brackets, line string) []byte {
	if members == 0 {
		return append(out, brackets...)
	}
	return append(append(out, line...), brackets[1])
}

// appendText writes a text; markup in it is not escaped.
func appendText(out []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return append(out, leaf(text)...)
		}
	}
	return append(append(append(out, '"'), text...), '"')
}

// leaf is a value without members, as JSON.
func leaf(value any) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err) // the values are our own: texts, numbers, maps of texts
	}
	return bytes.TrimRight(out.Bytes(), "\n")
}

// YAML is the value as YAML. It takes what this package's callers build: Object,
// []any, []string, []Object, texts, numbers, booleans and nil.
func YAML(value any) []byte {
	var out strings.Builder
	writeYAML(&out, value, 0)
	return []byte(out.String())
}

// writeYAML writes a value that stands on lines of its own.
func writeYAML(out *strings.Builder, value any, depth int) {
	indent := strings.Repeat("  ", depth)
	switch v := value.(type) {
	case Object:
		for _, m := range v {
			out.WriteString(indent + yamlText(m.Name) + ":")
			writeNested(out, m.Value, depth)
		}
	default:
		for _, element := range elements(value) {
			out.WriteString(indent + "-")
			writeNested(out, element, depth)
		}
	}
}

// writeNested writes a value after a name or a dash.
func writeNested(out *strings.Builder, value any, depth int) {
	if o, isObject := value.(Object); isObject && len(o) == 0 {
		out.WriteString(" {}\n")
		return
	}
	list := elements(value)
	_, isObject := value.(Object)
	switch {
	case isObject || len(list) > 0:
		out.WriteByte('\n')
		writeYAML(out, value, depth+1)
	case list != nil:
		out.WriteString(" []\n")
	default:
		if text, isText := value.(string); isText {
			out.WriteString(" " + yamlText(text) + "\n")
			return
		}
		fmt.Fprintf(out, " %s\n", appendJSON(nil, value, ""))
	}
}

// elements of a list; nil when the value is none.
func elements(value any) []any {
	switch v := value.(type) {
	case []any:
		return append([]any{}, v...)
	case []string:
		out := make([]any, len(v))
		for i := range v {
			out[i] = v[i]
		}
		return out
	case []Object:
		out := make([]any, len(v))
		for i := range v {
			out[i] = v[i]
		}
		return out
	}
	return nil
}

// yamlText quotes a text only where it must be: what could be read as something
// else.
func yamlText(text string) string {
	for i := range len(text) {
		if c := text[i] | 0x20; c < 'a' || c > 'z' {
			return string(leaf(text))
		}
	}
	switch strings.ToLower(text) {
	case "", "true", "false", "null", "yes", "no", "on", "off", "y", "n":
		return string(leaf(text))
	}
	return text
}
