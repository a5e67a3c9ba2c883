package transform

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// UserModelPrefix begins the names of source models that users make, of what
// they read from files.
const UserModelPrefix = "file."

// maxFields bounds a user's model.
const maxFields = 500

var userModelName = regexp.MustCompile(`^file\.[A-Za-z0-9][A-Za-z0-9._-]{0,57}$`)

// CheckModelName says what is wrong with the name of a user's model.
func CheckModelName(name string) error {
	if userModelName.MatchString(name) {
		return nil
	}
	return fmt.Errorf("model name %q cannot be used: it is %q and at most 58 letters, digits, '.', '_' and '-', beginning with a letter or digit", cut(name), UserModelPrefix)
}

// ParseModel reads a source model of a user from YAML. The file is only named
// in messages. Its error is of type Problems.
func ParseModel(file string, data []byte) (*Model, error) {
	d := &document{file: file}
	root := d.parse(data)
	if root == nil {
		return nil, d.problems
	}
	return d.readUserModel(root)
}

// ReadModel reads a source model of a user from a node of a YAML file, such as
// one of several documents; otherwise it is as ParseModel.
func ReadModel(file string, root *yaml.Node) (*Model, error) {
	return (&document{file: file}).readUserModel(root)
}

func (d *document) readUserModel(root *yaml.Node) (*Model, error) {
	m := d.readModel(root, SourceRole)
	at := map[string]*yaml.Node{"name": root, "role": root, "fields": root}
	for i := 0; i+1 < len(root.Content); i += 2 {
		at[root.Content[i].Value] = root.Content[i+1]
	}
	add := func(key, suggestion, format string, args ...any) {
		d.addf(at[key], format, args...)
		last := &d.problems[len(d.problems)-1]
		last.Key, last.Suggestion = key, suggestion
	}
	if err := CheckModelName(m.Name); err != nil {
		if own := UserModelPrefix + m.Name; CheckModelName(own) == nil {
			add("name", own, "%v; did you mean %q?", err, own)
		} else {
			add("name", "", "%v", err)
		}
	}
	if role := at["role"].Value; at["role"] != root && role != SourceRole {
		add("role", SourceRole, "a model of a file is a source model: its role is %s", SourceRole)
	}
	if len(m.Fields) == 0 || len(m.Fields) > maxFields {
		add("fields", "", "has %d fields; 1 to %d are allowed", len(m.Fields), maxFields)
	}
	if len(d.problems) > 0 {
		return nil, d.problems
	}
	return m, nil
}

// Requiring returns the model with the fields required that another one requires.
func (m *Model) Requiring(other *Model) *Model {
	strict := &Model{Name: m.Name, Title: m.Title, Role: m.Role, Description: m.Description, Records: m.Records, Classes: m.Classes,
		Fields: slices.Clone(m.Fields), byPath: map[string]*Field{}}
	for i := range strict.Fields {
		f := &strict.Fields[i]
		if was := other.byPath[f.Path]; was != nil {
			f.Required = f.Required || was.Required
		}
		strict.add(f)
	}
	return strict
}

// WriteModel writes a model so that it reads as it is: the same model always
// alike. Its error says that a text of the model is not valid UTF-8.
func WriteModel(m *Model) ([]byte, error) {
	root := &yaml.Node{Kind: yaml.MappingNode}
	addKey(root, "name", textNode(m.Name))
	addKey(root, "title", textNode(m.Title))
	addKey(root, "role", textNode(m.Role))
	addKey(root, "description", textNode(m.Description))
	addText(root, "records", m.Records)
	if len(m.Classes) > 0 {
		addKey(root, "classes", textNodes(m.Classes))
	}
	fields := &yaml.Node{Kind: yaml.SequenceNode}
	for _, f := range m.Fields {
		field := &yaml.Node{Kind: yaml.MappingNode}
		addKey(field, "path", textNode(f.Path))
		addKey(field, "type", textNode(string(f.Type)))
		if f.Required {
			addKey(field, "required", &yaml.Node{Kind: yaml.ScalarNode, Value: "true"})
		}
		addText(field, "class", f.Class)
		if f.MaxBytes > 0 {
			addKey(field, "maxBytes", &yaml.Node{Kind: yaml.ScalarNode, Value: strconv.Itoa(f.MaxBytes)})
		}
		if len(f.Values) > 0 {
			addKey(field, "values", textNodes(f.Values))
		}
		addText(field, "example", f.Example)
		addKey(field, "description", textNode(f.Description))
		addText(field, "evidence", f.Evidence)
		addText(field, "note", f.Note)
		fields.Content = append(fields.Content, field)
	}
	addKey(root, "fields", fields)
	return encodeYAML(root)
}

func textNodes(texts []string) *yaml.Node {
	list := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, text := range texts {
		list.Content = append(list.Content, textNode(text))
	}
	return list
}
