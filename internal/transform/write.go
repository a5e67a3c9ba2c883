package transform

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v3"
)

// WriteYAML writes a map so that ParseMap reads it as it is: the same map
// always alike. Its error says that a text of the map is not valid UTF-8.
func WriteYAML(m *Map) ([]byte, error) {
	root := &yaml.Node{Kind: yaml.MappingNode}
	addKey(root, "name", textNode(m.Name))
	addText(root, "description", m.Description)
	addKey(root, "source", textNode(m.Source))
	addKey(root, "target", textNode(m.Target))
	addText(root, "assetClass", m.AssetClass)
	addText(root, "when", m.When)
	addText(root, "whenFindings", m.WhenFindings)
	rows := &yaml.Node{Kind: yaml.SequenceNode}
	for _, r := range m.Rows {
		row := &yaml.Node{Kind: yaml.MappingNode}
		addText(row, "from", r.From)
		addText(row, "expr", r.Expr)
		addKey(row, "to", textNode(r.To))
		addText(row, "convert", r.Convert)
		if r.Default != "" {
			addKey(row, "default", literalNode(r.Default))
		}
		if r.Values != nil {
			values := &yaml.Node{Kind: yaml.MappingNode}
			for _, from := range sortedKeys(r.Values) {
				addKey(values, from, literalNode(r.Values[from]))
			}
			addKey(row, "values", values)
		}
		rows.Content = append(rows.Content, row)
	}
	addKey(root, "rows", rows)
	return encodeYAML(root)
}

func encodeYAML(root *yaml.Node) ([]byte, error) {
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(root); err != nil {
		return nil, fmt.Errorf("write YAML: %w", err)
	}
	if err := encoder.Close(); err != nil {
		return nil, fmt.Errorf("write YAML: %w", err)
	}
	return b.Bytes(), nil
}

func addKey(mapping *yaml.Node, key string, value *yaml.Node) {
	mapping.Content = append(mapping.Content, textNode(key), value)
}

// addText adds a text unless it is empty.
func addText(mapping *yaml.Node, key, text string) {
	if text != "" {
		addKey(mapping, key, textNode(text))
	}
}

// textNode writes a text so that it reads as it was: several lines as a block,
// what is not to be seen in double quotes with escapes.
func textNode(text string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
	hidden := func(r rune) bool { return !unicode.IsGraphic(r) || r == '\u2028' || r == '\u2029' || r == '\u00a0' }
	lines := strings.Split(text, "\n")
	for _, line := range lines {
		if strings.ContainsFunc(line, hidden) || len(lines) > 1 && line != strings.TrimSpace(line) && (line == lines[0] || strings.TrimSpace(line) == "") {
			n.Style = yaml.DoubleQuotedStyle
			return n
		}
	}
	if len(lines) > 1 {
		n.Style = yaml.LiteralStyle
		if strings.HasPrefix(text, "\n") || strings.HasSuffix(text, "\n\n") {
			n.Style = yaml.DoubleQuotedStyle
		}
	}
	return n
}

// literalNode writes a JSON text, number, true or false.
func literalNode(literal string) *yaml.Node {
	if literal[0] == '"' {
		return textNode(unquote(literal))
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Value: literal}
}

// unquote returns the text of a JSON string that a parser has read.
func unquote(literal string) string {
	text, _ := jsontext.AppendUnquote(nil, literal) // valid as long as it is a map's
	return string(text)
}
