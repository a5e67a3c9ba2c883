package declare

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/internal/suggest"
	"sluice/internal/transform"
)

// A reader reads one file. It collects every problem, so that a person can
// mend all of them at once.
type reader struct {
	file     string
	roots    []*yaml.Node // of its documents
	problems transform.Problems
	// wrongModels are data models of all files that have problems.
	wrongModels map[string]bool
}

// yamlLine finds the line in an error of the YAML parser.
var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// documents returns the top nodes of a file's documents. A document that is a
// list counts as that many.
func (r *reader) documents(data []byte) []*yaml.Node {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var roots []*yaml.Node
	for {
		var document yaml.Node
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return roots
		}
		if err != nil {
			r.addYAML(err)
			return nil
		}
		root := document.Content[0]
		switch {
		case root.Tag == "!!null": // nothing between two separators
		case root.Kind == yaml.SequenceNode:
			roots = append(roots, root.Content...)
		default:
			roots = append(roots, root)
		}
	}
}

func (r *reader) addYAML(err error) {
	text := err.Error()
	problem := transform.Problem{File: r.file}
	if match := yamlLine.FindStringSubmatch(text); match != nil {
		problem.Line, _ = strconv.Atoi(match[1])
		text = text[len(match[0]):]
	}
	if strings.Contains(text, "unknown anchor") {
		// Not quoted: what stands there may be a secret that begins with *.
		text = "a value that begins with * has to be in quotes"
	}
	problem.Message = "is not valid YAML: " + text
	r.problems = append(r.problems, problem)
}

func (r *reader) addf(at *yaml.Node, format string, args ...any) {
	r.problems = append(r.problems, transform.Problem{File: r.file, Line: at.Line, Column: at.Column, Message: fmt.Sprintf(format, args...)})
}

// A member is a key of a mapping with its value.
type member struct{ key, value *yaml.Node }

// members returns the members of a mapping in their order; none, after adding
// a problem, of a node that is no mapping.
func (r *reader) members(n *yaml.Node, what string) []member {
	if n.Kind != yaml.MappingNode {
		r.addf(n, "%s must be a mapping of keys to values", what)
		return nil
	}
	seen := make(map[string]bool)
	var members []member
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		switch {
		case key.Kind != yaml.ScalarNode || key.Tag == "!!merge":
			r.addf(key, "%s has a key that is not plain text", what)
		case seen[key.Value]:
			r.addf(key, "%s has the key %q twice", what, key.Value)
		default:
			seen[key.Value] = true
			members = append(members, member{key, n.Content[i+1]})
		}
	}
	return members
}

// mapping returns the values of a mapping by their keys. Keys other than the
// known ones and missing required ones (marked with a closing "!") are
// problems.
func (r *reader) mapping(n *yaml.Node, what string, keys ...string) map[string]*yaml.Node {
	known := make([]string, len(keys))
	values := make(map[string]*yaml.Node)
	for i, k := range keys {
		known[i] = strings.TrimSuffix(k, "!")
		values[known[i]] = nil
	}
	members := r.members(n, what)
	for _, m := range members {
		if _, ok := values[m.key.Value]; !ok {
			r.addf(m.key, "unknown key %q in %s%s", m.key.Value, what, suggest.Ending(m.key.Value, known))
			continue
		}
		values[m.key.Value] = m.value
	}
	for i, k := range keys {
		if k != known[i] && values[known[i]] == nil && n.Kind == yaml.MappingNode {
			r.addf(n, "%s has no %q", what, known[i])
		}
	}
	return values
}

// text returns a scalar's text; "" for an absent one.
func (r *reader) text(n *yaml.Node, what string) string {
	switch {
	case n == nil:
		return ""
	case n.Kind == yaml.AliasNode:
		r.addf(n, "%s must be written out: aliases (*) are not read", what)
	case n.Kind != yaml.ScalarNode || n.Tag == "!!null":
		r.addf(n, "%s must be text", what)
	case strings.ContainsRune(n.Value, 0):
		r.addf(n, "%s has a NUL character, which cannot be stored", what)
	default:
		return n.Value
	}
	return ""
}

// flag returns a true or false, or what it is when absent.
func (r *reader) flag(n *yaml.Node, what string, absent bool) bool {
	if n == nil {
		return absent
	}
	if n.Kind != yaml.ScalarNode || n.Value != "true" && n.Value != "false" {
		r.addf(n, "%s must be true or false", what)
	}
	return n.Value == "true"
}

// number reads a whole number within bounds, if there is one.
func (r *reader) number(n *yaml.Node, what string, least, most int32, to *int32) {
	if n == nil {
		return
	}
	v, err := strconv.ParseInt(n.Value, 10, 32)
	if n.Kind != yaml.ScalarNode || err != nil || v < int64(least) || v > int64(most) {
		r.addf(n, "%s must be a whole number, %d to %d", what, least, most)
		return
	}
	*to = int32(v)
}
