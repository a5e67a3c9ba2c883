package transform

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A Type says what the values of a field mean. How a vendor writes them may
// vary: see the conversions in convert.go for the forms each type is read from.
type Type string

// The types of fields.
const (
	String    Type = "string"
	Int       Type = "int"
	Float     Type = "float"
	Bool      Type = "bool"
	Timestamp Type = "timestamp"
	Severity  Type = "severity" // an integer from 1 (lowest) to 5
	Object    Type = "object"
	Array     Type = "array"
	Any       Type = "any" // of target fields only: takes a value as it is
)

var typeNames = []string{
	string(String), string(Int), string(Float), string(Bool), string(Timestamp),
	string(Severity), string(Object), string(Array), string(Any),
}

// The roles of data models.
const (
	SourceRole = "source" // records as a vendor sends them
	TargetRole = "target" // records as the inventory takes them
)

// RecordsAreFindings is what a source model says of records that are one
// finding each, with a reference to its asset. A map's rows then go from plain
// paths to the fields of the finding and to those of its asset.
const RecordsAreFindings = "findings"

// A Model is the shape of the records of one source, or of the inventory.
type Model struct {
	Name        string // "qualys-tas.application"
	Title       string
	Role        string // SourceRole or TargetRole
	Description string
	Records     string   // of a source model: RecordsAreFindings; empty where a record is an asset, or an entry
	Classes     []string // asset classes of a target model
	Fields      []Field  // in the order of the file

	byPath map[string]*Field
	paths  []string
}

// A Field is one field of a model.
type Field struct {
	Path        string // "findings[].severity"; a last name "*" stands for any name
	Type        Type
	Required    bool     // every record, or element of the list it is in, has it
	Class       string   // asset class that the field belongs to; empty for all
	MaxBytes    int      // of a target field: longer values are rejected
	Values      []string // all that there are; a target takes no other
	Example     string
	Description string
	Evidence    string // of a source field: "documented" by the vendor, or "inferred"
	Note        string
}

// Models are the known data models. They are not changed after loading.
type Models struct {
	byName map[string]*Model
}

// LoadModels reads and checks all *.yaml files in the root of fsys. Its error
// is of type Problems, unless a file can't be read.
func LoadModels(fsys fs.FS) (*Models, error) {
	models := &Models{byName: map[string]*Model{}}
	var problems Problems
	err := eachYAML(fsys, func(file string, data []byte) {
		m, found := parseModel(file, data)
		problems = append(problems, found...)
		if m == nil {
			return
		}
		if models.byName[m.Name] != nil {
			problems = append(problems, Problem{File: file, Message: fmt.Sprintf("there is another model named %q", m.Name)})
		}
		models.byName[m.Name] = m
	})
	if err != nil {
		return nil, err
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return models, nil
}

// With returns the models and more of them, such as those that users have made.
func (m *Models) With(more ...*Model) (*Models, error) {
	all := &Models{byName: maps.Clone(m.byName)}
	for _, model := range more {
		if all.byName[model.Name] != nil {
			return nil, fmt.Errorf("there is another model named %q", model.Name)
		}
		all.byName[model.Name] = model
	}
	return all, nil
}

// Replacing returns the models with some of them in place of those of their
// names, or beside them.
func (m *Models) Replacing(some ...*Model) *Models {
	all := &Models{byName: maps.Clone(m.byName)}
	for _, model := range some {
		all.byName[model.Name] = model
	}
	return all
}

// Names returns the names of all models, sorted.
func (m *Models) Names() []string { return sortedKeys(m.byName) }

// Get returns the model of that name, or nil.
func (m *Models) Get(name string) *Model { return m.byName[name] }

// named returns the names of the models with a role, sorted.
func (m *Models) named(role string) []string {
	return slices.DeleteFunc(m.Names(), func(name string) bool { return m.byName[name].Role != role })
}

// Field returns the field that a path names, or nil: the very one, or the one
// whose last name "*" stands for the path's last name.
func (m *Model) Field(p Path) *Field {
	if p.last() == "*" {
		return nil
	}
	if f := m.byPath[p.text]; f != nil {
		return f
	}
	i := strings.LastIndexByte(p.text, '.')
	if i < 0 || p.steps[len(p.steps)-1].list {
		return nil
	}
	return m.byPath[p.text[:i]+".*"]
}

// Paths returns the paths of all fields, in the order of the file.
func (m *Model) Paths() []string { return m.paths }

func parseModel(file string, data []byte) (*Model, Problems) {
	d := &document{file: file}
	root := d.parse(data)
	if root == nil {
		return nil, d.problems
	}
	return d.readModel(root, ""), d.problems
}

// readModel reads a model of a role; empty: of the one that it says.
func (d *document) readModel(root *yaml.Node, role string) *Model {
	keys := d.mapping(root, "the model", "name!", "title!", "role!", "description!", "records", "classes", "fields!")
	m := &Model{
		Name:        d.text(keys["name"], "name"),
		Title:       d.text(keys["title"], "title"),
		Role:        d.text(keys["role"], "role"),
		Description: d.text(keys["description"], "description"),
		Records:     d.text(keys["records"], "records"),
		byPath:      map[string]*Field{},
	}
	if role != "" {
		m.Role = role
	} else if m.Role != SourceRole && m.Role != TargetRole {
		d.addf(keys["role"], "role must be %s or %s", SourceRole, TargetRole)
	}
	if m.Records != "" && (m.Records != RecordsAreFindings || m.Role != SourceRole) {
		d.addf(keys["records"], "records can be %s, in a source model; without it a record is an asset or an entry", RecordsAreFindings)
	}
	for _, n := range d.list(keys["classes"], "classes") {
		m.Classes = append(m.Classes, d.text(n, "a class"))
	}
	nodes := d.list(keys["fields"], "fields")
	m.Fields = make([]Field, len(nodes))
	for i, n := range nodes {
		f := &m.Fields[i]
		values := d.mapping(n, "the field", "path!", "type!", "required", "class", "maxBytes",
			"values", "example", "description!", "evidence", "note")
		f.Path = d.text(values["path"], "path")
		f.Type = Type(d.text(values["type"], "type"))
		f.Required = d.flag(values["required"], "required")
		f.Class = d.text(values["class"], "class")
		f.Example = d.text(values["example"], "example")
		f.Description = d.text(values["description"], "description")
		f.Evidence = d.text(values["evidence"], "evidence")
		f.Note = d.text(values["note"], "note")
		for _, v := range d.list(values["values"], "values") {
			f.Values = append(f.Values, d.text(v, "a value"))
		}
		if limit := values["maxBytes"]; limit != nil {
			var err error
			if f.MaxBytes, err = strconv.Atoi(limit.Value); err != nil || f.MaxBytes < 1 {
				d.addf(limit, "maxBytes must be a number above 0")
			}
		}
		if slices.Contains(d.misspelt, "evidence") {
			f.Evidence = "inferred" // that it is misspelt is reported
		}
		if slices.Contains(d.misspelt, "type") {
			f.Type = String
		}
		for _, wrong := range m.add(f) {
			d.addf(n, "field %q %s", f.Path, wrong)
		}
	}
	return m
}

// add enters a field and returns what is wrong with it.
func (m *Model) add(f *Field) (faults []string) {
	path, err := ParsePath(f.Path)
	if err != nil {
		return []string{err.Error()}
	}
	if m.byPath[f.Path] != nil {
		faults = append(faults, "is there twice")
	}
	m.byPath[f.Path] = f
	m.paths = append(m.paths, f.Path)
	if !slices.Contains(typeNames, string(f.Type)) {
		faults = append(faults, fmt.Sprintf("has the unknown type %q%s", f.Type, suggest(string(f.Type), typeNames)))
	}
	switch m.Role {
	case SourceRole:
		if f.Evidence != "documented" && f.Evidence != "inferred" {
			faults = append(faults, `has no evidence: is it "documented" by the vendor, or "inferred"?`)
		}
		if f.Type == Any {
			faults = append(faults, "cannot be of type any: what a source sends has a type")
		}
		if parent, kind := path.parent(); parent != "" && (m.byPath[parent] == nil || m.byPath[parent].Type != kind) {
			faults = append(faults, fmt.Sprintf("needs a field %q of type %s before it", parent, kind))
		}
	case TargetRole:
		if f.MaxBytes == 0 && (f.Type == String || f.Type == Any) {
			faults = append(faults, "has no maxBytes")
		}
		if f.Class != "" && !slices.Contains(m.Classes, f.Class) {
			faults = append(faults, fmt.Sprintf("has the unknown class %q%s", f.Class, suggest(f.Class, m.Classes)))
		}
	}
	return faults
}

// eachYAML calls do for every *.yaml file in the root of fsys, in order.
func eachYAML(fsys fs.FS, do func(file string, data []byte)) error {
	files, err := fs.Glob(fsys, "*.yaml")
	if err != nil {
		return err
	}
	for _, file := range files {
		data, err := fs.ReadFile(fsys, file)
		if err != nil {
			return err
		}
		do(file, data)
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
