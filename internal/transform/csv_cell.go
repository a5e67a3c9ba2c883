package transform

import (
	"slices"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v3"
)

// formulaMarks are what makes a spreadsheet take a cell for a formula, in the
// widths that it takes for the same.
const formulaMarks = "=+-@\t\r\n＝＋－＠"

// guarded says that a cell of this text would be a formula, or would look as if
// it had a guard.
func guarded(text string) bool {
	return strings.ContainsAny(firstOf(strings.TrimLeft(text, " ")), formulaMarks) || hasGuard(text)
}

func firstOf(text string) string {
	for i := range text {
		if i > 0 {
			return text[:i]
		}
	}
	return text
}

func hasGuard(text string) bool {
	rest, ok := strings.CutPrefix(text, "'")
	return ok && rest != "" && guarded(rest)
}

func guard(text string) string {
	if text != "" && guarded(text) {
		return "'" + text
	}
	return text
}

func unguard(cell string) string {
	if hasGuard(cell) {
		return cell[1:]
	}
	return cell
}

// defaultCell writes a literal as people write it, where it reads as the same.
func defaultCell(literal string) string {
	if literal[0] != '"' {
		return literal
	}
	text := unquote(literal)
	if text == "" || text != strings.TrimSpace(text) || strings.ContainsFunc(text, unicode.IsControl) ||
		strings.ContainsAny(text[:1], `"'+-.=@0123456789`) || strings.EqualFold(text, "true") || strings.EqualFold(text, "false") ||
		plainTag(text) != "!!str" {
		return literal
	}
	return text
}

// plainTag is the YAML type of a text without quotes.
func plainTag(text string) string {
	return (&yaml.Node{Kind: yaml.ScalarNode, Value: text}).ShortTag()
}

// literal makes a cell what it says: a number, true or false, or text.
func (t *table) literal(cell *yaml.Node) {
	text := strings.TrimSpace(cell.Value)
	switch {
	case text[0] == '"':
		if !jsontext.Value(text).IsValid() {
			t.addf(cell, "%s is not a text in double quotes as JSON writes it", cut(text))
			return
		}
		cell.Value = unquote(text)
	case strings.EqualFold(text, "true") || strings.EqualFold(text, "false"):
		cell.Value, cell.Tag = strings.ToLower(text), "!!bool"
	default:
		if tag := plainTag(text); slices.Contains([]string{"!!int", "!!float"}, tag) {
			cell.Value, cell.Tag = text, tag
		}
	}
}

func valuesCell(values map[string]string) string {
	if values == nil {
		return ""
	}
	text := []byte{'{'}
	for i, from := range sortedKeys(values) {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(append(quote(text, from), ':'), values[from]...)
	}
	return string(append(text, '}'))
}

// values reads a JSON object as a mapping.
func (t *table) values(cell *yaml.Node) *yaml.Node {
	table := &yaml.Node{Kind: yaml.MappingNode, Line: cell.Line, Column: cell.Column}
	text := strings.TrimSpace(cell.Value)
	if json := jsontext.Value(text); !json.IsValid() || json.Kind() != '{' {
		t.addf(cell, `values must be a JSON object, no name twice, such as {"low":1,"high":4}`)
		return table
	}
	decoder := jsontext.NewDecoder(strings.NewReader(text))
	_, _ = decoder.ReadToken()
	for decoder.PeekKind() != '}' { // it is valid
		token, _ := decoder.ReadToken()
		name := token.String()
		raw, _ := decoder.ReadValue()
		value := &yaml.Node{Kind: yaml.ScalarNode, Line: cell.Line, Column: cell.Column, Value: string(raw), Tag: plainTag(string(raw))}
		switch raw.Kind() {
		case '"':
			value.Value, value.Tag = unquote(string(raw)), "!!str"
		case '0':
			if value.Tag == "!!str" {
				t.addf(cell, "the value of %q is a number beyond what can be kept", cut(name))
			}
		case '{', '[', 'n':
			t.addf(cell, "the value of %q must be text, a number, true or false", cut(name))
		}
		table.Content = append(table.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: name, Line: cell.Line, Column: cell.Column}, value)
	}
	return table
}
