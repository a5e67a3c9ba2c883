package transform

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v3"
)

// maxFileBytes bounds a map or model file.
const maxFileBytes = 256 << 10

// A document is a YAML file being read. It collects every problem, so that a
// person can mend all of them at once.
type document struct {
	file     string
	words    words
	row      int      // of the map, while a row is read
	misspelt []string // keys that the last mapping most likely means by others
	problems Problems
}

// parse returns the one top node of a file, or nil after adding a problem.
func (d *document) parse(data []byte) *yaml.Node {
	if len(data) > maxFileBytes {
		d.addf(nil, "is larger than %d KiB", maxFileBytes>>10)
		return nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var root, second yaml.Node
	if err := decoder.Decode(&root); errors.Is(err, io.EOF) {
		d.addf(nil, "is empty")
		return nil
	} else if err != nil {
		d.addYAML(data, err)
		return nil
	}
	if err := decoder.Decode(&second); err == nil {
		d.addf(&second, "has a second document; one file holds one")
	} else if !errors.Is(err, io.EOF) {
		d.addYAML(data, err)
		return nil
	}
	return root.Content[0]
}

func (d *document) addf(at *yaml.Node, format string, args ...any) {
	problem := Problem{File: d.file, Row: d.row, Message: fmt.Sprintf(format, args...)}
	if at != nil {
		problem.Line, problem.Column = at.Line, at.Column
	}
	d.problems = append(d.problems, problem)
}

// mapping returns the values of a mapping by their keys. Keys other than the
// known ones, repeated keys and missing required ones (marked with a closing
// "!") are problems; so is a node that is no mapping. A key that is missing
// because it is misspelt is one problem.
func (d *document) mapping(n *yaml.Node, what string, keys ...string) map[string]*yaml.Node {
	known := make([]string, len(keys))
	for i, k := range keys {
		known[i] = strings.TrimSuffix(k, "!")
	}
	values := d.table(n, what)
	d.misspelt = nil
	for i := 0; i < len(n.Content) && values != nil; i += 2 {
		key := n.Content[i].Value
		if values[key] != n.Content[i+1] || slices.Contains(known, key) {
			continue
		}
		d.addf(n.Content[i], "unknown key %q in %s%s", key, what, suggest(key, known))
		last := &d.problems[len(d.problems)-1]
		last.Key, last.Suggestion = key, nearest(key, known)
		d.misspelt = append(d.misspelt, last.Suggestion)
	}
	if values == nil {
		return nil
	}
	for i, k := range keys {
		if k != known[i] && values[known[i]] == nil && !slices.Contains(d.misspelt, known[i]) {
			d.addf(n, "%s has no %q", what, d.words.of(known[i]))
		}
	}
	return values
}

// table returns the values of a mapping with any keys.
func (d *document) table(n *yaml.Node, what string) map[string]*yaml.Node {
	if n.Kind != yaml.MappingNode {
		d.addf(n, "%s must be a mapping of keys to values", what)
		return nil
	}
	values := make(map[string]*yaml.Node, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode || key.Tag == "!!merge" {
			d.addf(key, "%s has a key that is not plain text", what)
			continue
		}
		if _, ok := values[key.Value]; ok {
			d.addf(key, "%s has the key %q twice", what, key.Value)
			continue
		}
		values[key.Value] = n.Content[i+1]
	}
	return values
}

// list returns the elements of a sequence; none for an absent one.
func (d *document) list(n *yaml.Node, what string) []*yaml.Node {
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		d.addf(n, "%s must be a list", what)
		return nil
	}
	return n.Content
}

// text returns a scalar's text; "" for an absent one.
func (d *document) text(n *yaml.Node, what string) string {
	if n == nil {
		return ""
	}
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		d.addf(n, "%s must be text", what)
		return ""
	}
	return n.Value
}

var lineBreak = regexp.MustCompile(`\r+\n`)

// prose returns a scalar's text with line breaks as "\n", as spreadsheets and
// editors may have others.
func (d *document) prose(n *yaml.Node, what string) string {
	return lineBreak.ReplaceAllString(d.text(n, what), "\n")
}

// flag returns a true or false; false for an absent one.
func (d *document) flag(n *yaml.Node, what string) bool {
	if n == nil {
		return false
	}
	if n.Kind != yaml.ScalarNode || n.Value != "true" && n.Value != "false" {
		d.addf(n, "%s must be true or false", what)
	}
	return n.Value == "true"
}

// json returns a scalar as JSON: text as a string, a number as it is written.
func (d *document) json(n *yaml.Node, what string) string {
	text := d.text(n, what)
	switch n.Tag {
	case "!!int", "!!float", "!!bool":
		if !jsontext.Value(text).IsValid() {
			d.addf(n, "%s must be written as JSON writes it (10, 0.5, true), or in quotes if it is text", what)
		}
		return text
	}
	quoted, err := jsontext.AppendQuote(nil, text)
	if err != nil {
		d.addf(n, "%s is not valid UTF-8", what)
	}
	return string(quoted)
}
