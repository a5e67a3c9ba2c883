package apispec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"strconv"

	"go.yaml.in/yaml/v3"
)

var (
	errTooManyValues = fmt.Errorf("it has more than %d values", maxYAMLValues)
	errTooManySteps  = fmt.Errorf("its aliases stand for more than %d values", maxYAMLSteps)
)

func summariseYAML(data []byte, hint string) Summary {
	return readYAML(data).summary("+yaml", hint)
}

// readYAML reads a YAML document. The parser knows only whole documents, so of
// a broken one the longest beginning that it takes is looked for: before the
// line that it complains about, and further back by steps that double, since
// what is complained about may have begun earlier.
func readYAML(data []byte) *draft {
	d := &draft{}
	data, mended := mend(data)
	if mended {
		d.flag(FlagInvalid)
	}
	root, several, err := parseYAML(data)
	if err != nil && !errors.Is(err, errTooManyValues) {
		d.problem = problem("invalid-yaml", "%v; what stands before that was read", err)
		d.flag(FlagInvalid)
		lines := lineStarts(data)
		line := complainedLine(err, data, len(lines))
		if line >= len(lines)-1 {
			d.flag(FlagTruncated)
		}
		budget := 3 * MaxBytes // bytes parsed again
		for back := 1; root == nil && back < line && budget > 0; back *= 2 {
			cut := lines[line-back]
			budget -= cut
			root, several, _ = parseYAML(data[:cut])
		}
	} else if err != nil {
		d.problem = problem("too-many", "the YAML cannot be read: %v", err)
	}
	if root == nil {
		return d
	}
	if several {
		d.flag(FlagSeveralDocuments)
	}
	if err := d.read(&yamlCursor{node: root, steps: maxYAMLSteps}); err != nil {
		d.flag(FlagIncomplete)
		d.problem = problem("too-many", "the rest of the YAML is not read: %v", err)
	}
	return d
}

// parseYAML returns the first document whose root is a mapping, else the first.
func parseYAML(data []byte) (root *yaml.Node, several bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			root, err = nil, fmt.Errorf("the YAML parser failed: %v", p)
		}
	}()
	if estimatedValues(data) > maxYAMLValues {
		return nil, false, errTooManyValues
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	for documents := range 4 {
		var document yaml.Node
		if err := decoder.Decode(&document); errors.Is(err, io.EOF) || err != nil && root != nil {
			return root, documents > 1, nil
		} else if err != nil {
			return nil, false, err
		}
		if len(document.Content) == 0 {
			continue
		}
		if first := document.Content[0]; root == nil || first.Kind == yaml.MappingNode && root.Kind != yaml.MappingNode {
			root = first
		}
	}
	return root, true, nil
}

// estimatedValues is at least the number of nodes that a parser makes of the
// data: behind each value stands a line end, a comma, a bracket, or an
// indicator and white space.
func estimatedValues(data []byte) (n int) {
	for i, b := range data {
		switch b {
		case '\n', ',', '[', ']', '{', '}':
			n++
		case ':', '-', '?':
			if i+1 < len(data) && data[i+1] <= ' ' {
				n++
			}
		}
	}
	return n
}

func lineStarts(data []byte) []int {
	starts := []int{0}
	for i, b := range data {
		if b == '\n' {
			starts = append(starts, i+1)
		}
	}
	return starts
}

var (
	lineOfError   = regexp.MustCompile(`line (\d+):`)
	anchorOfError = regexp.MustCompile(`unknown anchor '(.+)' referenced`)
)

// complainedLine is the line, from 1, that an error is about: the last one when
// it does not say.
func complainedLine(err error, data []byte, lines int) int {
	if m := lineOfError.FindStringSubmatch(err.Error()); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil && n > 0 {
			return min(n+1, lines)
		}
	}
	if m := anchorOfError.FindStringSubmatch(err.Error()); m != nil {
		if at := bytes.Index(data, []byte("*"+m[1])); at >= 0 {
			return min(bytes.Count(data[:at], []byte("\n"))+2, lines)
		}
	}
	return lines
}

// mend makes readable what the parser refuses without need: control characters,
// which become blanks, and a document that says it is YAML 1.2. Line ends stay
// where they are.
func mend(data []byte) (_ []byte, mended bool) {
	const directive = "%YAML 1.2"
	if bytes.HasPrefix(data, []byte(directive)) {
		data = append([]byte("%YAML 1.1"), data[len(directive):]...)
	}
	control := func(r rune) bool {
		return r < ' ' && r != '\n' && r != '\r' && r != '\t' || 0x7F <= r && r < 0xA0 && r != 0x85 || r == 0xFFFE || r == 0xFFFF
	}
	if !bytes.ContainsFunc(data, control) {
		return data, false
	}
	return bytes.Map(func(r rune) rune {
		if control(r) {
			return ' '
		}
		return r
	}, data), true
}

// yamlCursor walks over parsed YAML. Aliases are followed where the walk comes
// to them, each time at the price of a step.
type yamlCursor struct {
	node  *yaml.Node
	steps int
}

func (c *yamlCursor) kind() kind {
	switch n := aliased(c.node); {
	case n == nil:
		return null
	case n.Kind == yaml.MappingNode:
		return object
	case n.Kind == yaml.SequenceNode:
		return array
	case n.ShortTag() == "!!null":
		return null
	case n.Kind == yaml.ScalarNode:
		return scalar
	}
	return invalid
}

func (c *yamlCursor) members(visit func(name string) error) error {
	return c.mapping(aliased(c.node), visit, nil, 0)
}

// mapping visits the members of a mapping that are not in seen, and then those
// that are merged into it (<<).
func (c *yamlCursor) mapping(n *yaml.Node, visit func(name string) error, seen map[string]bool, depth int) error {
	var merged []*yaml.Node
	for key, value := range pairs(n) {
		switch {
		case key.ShortTag() == "!!merge":
			merged = append(merged, value)
		case seen[key.Value]:
			c.steps--
		default:
			if err := c.at(value, func() error { return visit(key.Value) }); err != nil {
				return err
			}
		}
	}
	if seen == nil {
		if len(merged) == 0 {
			return nil
		}
		seen = map[string]bool{}
	}
	for key := range pairs(n) {
		seen[key.Value] = true
	}
	for _, value := range merged {
		if err := c.merge(value, visit, seen, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// pairs are the members of a mapping whose key is a scalar.
func pairs(n *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(key, value *yaml.Node) bool) {
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := aliased(n.Content[i])
			if key != nil && key.Kind == yaml.ScalarNode && !yield(key, n.Content[i+1]) {
				return
			}
		}
	}
}

// merge visits a mapping, or a list of mappings, that << names.
func (c *yamlCursor) merge(n *yaml.Node, visit func(name string) error, seen map[string]bool, depth int) error {
	c.steps--
	switch n = aliased(n); {
	case n == nil || depth > maxHops:
		return nil
	case c.steps < 0:
		return errTooManySteps
	case n.Kind == yaml.MappingNode:
		return c.mapping(n, visit, seen, depth)
	case n.Kind == yaml.SequenceNode:
		for _, each := range n.Content {
			if err := c.merge(each, visit, seen, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *yamlCursor) elements(visit func() error) error {
	for _, element := range aliased(c.node).Content {
		if err := c.at(element, visit); err != nil {
			return err
		}
	}
	return nil
}

// at visits with the cursor at a node.
func (c *yamlCursor) at(n *yaml.Node, visit func() error) error {
	if c.steps--; c.steps < 0 {
		return errTooManySteps
	}
	before := c.node
	c.node = n
	err := visit()
	c.node = before
	return err
}

func (c *yamlCursor) text() (string, error) { return aliased(c.node).Value, nil }

func (c *yamlCursor) skip() error { return nil }

func aliased(n *yaml.Node) *yaml.Node {
	for hops := 0; n != nil && n.Kind == yaml.AliasNode && hops < maxHops; hops++ {
		n = n.Alias
	}
	return n
}
