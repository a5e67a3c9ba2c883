package transform

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxRows bounds a map.
const maxRows = 500

// A Map says how records of a source model become records of a target model.
// It is what a person writes; Compile makes it a Program.
type Map struct {
	File        string // where it was read from, for messages
	Name        string
	Description string
	Source      string // source model
	Target      string // target model
	AssetClass  string // class of the assets, where a row's target belongs to one
	// When is a condition, as an expression: records for which it is false are
	// left out. They are not rejected, and count as seen. Empty, all are taken.
	When string
	// WhenFindings is the same for the findings inside of a record.
	WhenFindings string
	Rows         []Row

	at       map[string]position // of the map's keys in the file
	words    words               // of the file's form
	problems Problems            // of its form
}

// A Row fills one field of the target from one field of the source, or from an
// expression over several.
type Row struct {
	From string // path in the source model; empty where there is an expression
	Expr string // expression, in CEL; empty where there is a path
	To   string // path in the target model
	// Convert is the type to read the source's value as, where the types of
	// source and target differ; empty when they do not.
	Convert string
	// Default is taken where the source has no value: JSON, empty for none.
	Default string
	// Values is a table from the source's values, as text, to JSON. It has to
	// have every value: one that it lacks is rejected.
	Values map[string]string

	at     map[string]position // of the row's keys in the file; "" is the row
	broken bool                // there are problems of its form
}

// maxLabel bounds an expression in the name of its row.
const maxLabel = 120

// position is a place in a file, from 1.
type position struct{ line, column int }

// label names the row in rejects.
func (r *Row) label() string { return r.from() + " -> " + r.To }

// from is the row's path, or its expression on one line, bounded.
func (r *Row) from() string {
	if r.Expr == "" {
		return r.From
	}
	text := strings.Join(strings.Fields(r.Expr), " ")
	if len(text) > maxLabel {
		text = strings.ToValidUTF8(text[:maxLabel], "") + "…"
	}
	return "expr " + text
}

// ParseMap reads a map from YAML. The file is only named in messages. Its
// error is of type Problems and has every problem of form that was found;
// whether the fields exist and fit together is for Check to say. With an error,
// the map is what could be read of it, for Check to say all at once; nil where
// that is nothing.
func ParseMap(file string, data []byte) (*Map, error) {
	d := &document{file: file}
	root := d.parse(data)
	if root == nil {
		return nil, d.problems
	}
	return d.readMap(root)
}

// ReadMap reads a map from a node of a YAML file, such as one of several
// documents; otherwise it is as ParseMap.
func ReadMap(file string, root *yaml.Node) (*Map, error) {
	return (&document{file: file}).readMap(root)
}

func (d *document) readMap(root *yaml.Node) (*Map, error) {
	keys := d.mapping(root, "the map", "name!", "description", "source!", "target!", "assetClass", "when", "whenFindings", "rows!")
	m := &Map{
		File:         d.file,
		Name:         d.prose(keys["name"], "name"),
		Description:  d.prose(keys["description"], "description"),
		Source:       d.text(keys["source"], "source"),
		Target:       d.text(keys["target"], "target"),
		AssetClass:   d.text(keys["assetClass"], "assetClass"),
		When:         d.prose(keys["when"], "when"),
		WhenFindings: d.prose(keys["whenFindings"], "whenFindings"),
		at:           map[string]position{},
		words:        d.words,
	}
	for key, value := range keys {
		m.at[key] = position{value.Line, value.Column}
	}
	nodes := d.list(keys["rows"], "rows")
	if len(nodes) > maxRows {
		d.addf(keys["rows"], "has %d rows; at most %d are allowed", len(nodes), maxRows)
		nodes = nil
	}
	for i, n := range nodes {
		d.row = i + 1
		before := len(d.problems)
		values := d.mapping(n, "the row", "from", "expr", "to!", "convert", "default", "values")
		row := Row{
			From:    d.text(values["from"], "from"),
			Expr:    d.prose(values["expr"], "expr"),
			To:      d.text(values["to"], "to"),
			Convert: d.text(values["convert"], "convert"),
			at:      map[string]position{"": {n.Line, n.Column}},
		}
		if values != nil && isEmpty(values["from"]) && isEmpty(values["expr"]) && !slices.Contains(d.misspelt, "from") && !slices.Contains(d.misspelt, "expr") {
			d.addf(n, `the row has no %q that says what it takes, and no "expr"`, d.words.of("from"))
		}
		for key, value := range values {
			row.at[key] = position{value.Line, value.Column}
		}
		if n := values["default"]; n != nil {
			row.Default = d.json(n, "default")
		}
		if n := values["values"]; n != nil {
			row.Values = map[string]string{}
			table := d.table(n, "values")
			for _, key := range sortedKeys(table) {
				row.Values[key] = d.json(table[key], fmt.Sprintf("the value of %q", key))
			}
		}
		row.broken = len(d.problems) > before
		m.Rows = append(m.Rows, row)
	}
	m.problems = d.problems
	return m, m.problems.err()
}

func isEmpty(n *yaml.Node) bool { return n == nil || n.Kind == yaml.ScalarNode && n.Value == "" }

// LoadMaps reads all *.yaml files in the root of fsys. Its error is of type
// Problems, unless a file can't be read.
func LoadMaps(fsys fs.FS) ([]*Map, error) {
	var maps []*Map
	var problems Problems
	err := eachYAML(fsys, func(file string, data []byte) {
		m, err := ParseMap(file, data)
		if found, ok := err.(Problems); ok {
			problems = append(problems, found...)
			return
		}
		if slices.ContainsFunc(maps, func(other *Map) bool { return other.Name == m.Name }) {
			problems = append(problems, Problem{File: file, Message: fmt.Sprintf("there is another map named %q", m.Name)})
		}
		maps = append(maps, m)
	})
	if err != nil {
		return nil, err
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return maps, nil
}
