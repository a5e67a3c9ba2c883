package catalog

import (
	"bytes"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"
)

// nameValue is a name as YAML writes it on one line: in quotes, or plain.
var nameValue = regexp.MustCompile(`^(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\n]|'')*'|[A-Za-z0-9._-]+)`)

// RenameMap is a map in YAML under another name. All else stays as it is, each
// line where it was. What is no map stays as it is, too, for a parser to say so.
func RenameMap(body []byte, name string) ([]byte, error) {
	body = bytes.TrimPrefix(body, []byte("\uFEFF")) // which is no part of the first line
	var document yaml.Node
	if err := yaml.Unmarshal(body, &document); err != nil || len(document.Content) != 1 || document.Content[0].Kind != yaml.MappingNode {
		return body, nil
	}
	root := document.Content[0]
	at := -1 // of the name's value
	for i := 0; i < len(root.Content); i += 2 {
		if root.Content[i].Value == "name" {
			at = i + 1
		}
	}
	inFlow := root.Style&yaml.FlowStyle != 0 // as in JSON
	switch {
	case at > 0 && root.Content[at].Value == name && root.Content[at].ShortTag() == "!!str":
		return body, nil
	case at < 0 && !inFlow:
		return slices.Concat(bytes.TrimRight(body, "\r\n"), []byte("\nname: "), inQuotes(name), []byte("\n")), nil
	case at > 0 && !inFlow:
		if renamed := replaceName(body, root.Content[at], name); renamed != nil {
			return renamed, nil
		}
	}
	value := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: name}
	if at > 0 {
		root.Content[at] = value
	} else {
		root.Content = append(root.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: "name"}, value)
	}
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(&document); err != nil {
		return nil, err
	}
	return b.Bytes(), encoder.Close()
}

// replaceName puts a name in the place of an old one that stands on one line;
// nil when it does not.
func replaceName(body []byte, old *yaml.Node, name string) []byte {
	lines := bytes.SplitAfter(body, []byte("\n"))
	line := lines[old.Line-1]
	before := bytes.Runes(line)
	if old.Column-1 > len(before) {
		return nil
	}
	from := len(string(before[:old.Column-1]))
	to := from + len(nameValue.Find(line[from:]))
	if to == from {
		return nil
	}
	lines[old.Line-1] = slices.Concat(line[:from], inQuotes(name), line[to:])
	return bytes.Join(lines, nil)
}

// inQuotes writes a name, in quotes where YAML would take it for something else,
// such as null.
func inQuotes(name string) []byte {
	text, err := yaml.Marshal(name)
	if err != nil {
		return []byte(name)
	}
	return bytes.TrimSpace(text)
}
