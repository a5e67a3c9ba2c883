package declare

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"sluice/internal/catalog"
	"sluice/internal/secret"
	"sluice/internal/source"
	"sluice/internal/source/kinds"
	"sluice/internal/suggest"
	"sluice/internal/transform"
	"sluice/schema"
)

// MaxFile bounds a file, in bytes.
const MaxFile = 4 << 20

// maxDocuments bounds what is applied at once.
const maxDocuments = 10000

// A File is YAML or JSON to read.
type File struct {
	Name string // for messages
	Data []byte
}

// Parse reads all documents of some files, and checks all that can be checked
// without knowing what there is. Its error is of type transform.Problems.
func Parse(files ...File) ([]Document, error) {
	models, err := transform.LoadModels(schema.Models())
	if err != nil {
		return nil, err
	}
	return ParseWith(models, files...)
}

// ParseWith is Parse where there are other data models than those that Sluice
// ships with. Maps may read those that the files declare, wherever they stand.
func ParseWith(models *transform.Models, files ...File) ([]Document, error) {
	var documents []Document
	var problems transform.Problems
	readers := make([]*reader, len(files))
	var declared []*transform.Model
	wrong := make(map[string]bool) // names of models
	for i, f := range files {
		r := &reader{file: f.Name, wrongModels: wrong}
		readers[i] = r
		if len(f.Data) > MaxFile {
			r.problems = transform.Problems{{File: f.Name, Message: fmt.Sprintf("is larger than %d bytes", MaxFile)}}
			continue
		}
		r.roots = r.documents(f.Data)
		declared = append(declared, r.models()...)
	}
	models = models.Replacing(declared...)
	for _, r := range readers {
		for _, root := range r.roots {
			if d, ok := r.document(root, models); ok {
				documents = append(documents, d)
			}
		}
		problems = append(problems, r.problems...)
	}
	if len(documents) > maxDocuments {
		return nil, transform.Problems{{Message: fmt.Sprintf("%d connectors, profiles, maps and models are too many at once: give at most %d", len(documents), maxDocuments)}}
	}
	problems = append(problems, repeated(documents)...)
	if len(problems) > 0 {
		return nil, problems
	}
	return documents, nil
}

// repeated finds what is declared twice.
func repeated(documents []Document) (problems transform.Problems) {
	type id struct{ kind, name string }
	first := make(map[id]Document)
	for _, d := range documents {
		if before, ok := first[id{d.Kind(), d.Name()}]; ok {
			problems = append(problems, d.problem("name", "it is in %s:%d already", before.file, before.at[""].line))
			continue
		}
		first[id{d.Kind(), d.Name()}] = d
	}
	return problems
}

// document reads one document; not when there is something wrong with it.
func (r *reader) document(root *yaml.Node, models *transform.Models) (Document, bool) {
	d := Document{file: r.file, at: map[string]place{"": {root.Line, root.Column}}}
	before := len(r.problems)
	var kind *yaml.Node
	if root.Kind != yaml.MappingNode {
		r.addf(root, `a document must be a mapping of keys to values that begins with "kind: connector", "kind: profile", "kind: map" or "kind: model"`)
		return d, false
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		d.at[key.Value] = place{value.Line, value.Column}
		if key.Value == "kind" {
			kind = value
		}
	}
	if kind == nil {
		r.addf(root, "the document does not say its kind: connector, profile, map or model")
		return d, false
	}
	switch kind.Value {
	case KindConnector:
		d.Connector = r.connector(root)
	case KindProfile:
		d.Profile = r.profile(root)
	case KindMap:
		d.Map = r.transformMap(root, models)
	case KindModel:
		m, err := transform.ReadModel(r.file, withoutKind(root))
		r.addProblems(root, err)
		d.Model = m
	default:
		known := []string{KindConnector, KindProfile, KindMap, KindModel}
		hint := suggest.Ending(kind.Value, known)
		if _, err := kinds.Find(kind.Value); err == nil {
			hint = `; a profile has "kind: profile" and "product: ` + kind.Value + `"`
		}
		r.addf(kind, "unknown kind of document %q%s", kind.Value, hint)
	}
	return d, len(r.problems) == before
}

func (r *reader) connector(root *yaml.Node) *catalog.Connector {
	const what = "the connector"
	values := r.mapping(root, what, "kind!", "name!", "description", "provider!", "active", "settings", "secrets", "retest")
	c := &catalog.Connector{
		Name: r.text(values["name"], "name"), Description: r.text(values["description"], "description"),
		Provider: r.text(values["provider"], "provider"), Active: r.flag(values["active"], "active", true),
		Settings: make(map[string]string), Secrets: make(map[string]string),
	}
	if n := values["retest"]; n != nil {
		every, err := catalog.ParseTestEvery(r.text(n, "retest"))
		if err != nil {
			r.addf(n, "retest: %v", err)
		}
		c.TestEvery = every
	}
	if values["name"] == nil || values["provider"] == nil {
		return c
	}
	if err := catalog.CheckConnectorName(c.Name); err != nil {
		r.addf(values["name"], "%v", err)
	}
	p, err := kinds.FindProvider(c.Provider)
	if err != nil {
		r.addf(values["provider"], "%v", err)
		return c
	}
	if n := values["settings"]; n != nil {
		for _, m := range r.members(n, "settings") {
			r.setting(p, m, c)
		}
	}
	if n := values["secrets"]; n != nil {
		for _, m := range r.members(n, "secrets") {
			r.secret(p, m, c)
		}
	}
	return c
}

// fields names a provider's fields: its secrets, or its other settings.
func fields(p source.Provider, secrets bool) []string {
	var names []string
	for _, f := range p.Fields {
		if f.Secret == secrets {
			names = append(names, f.Name)
		}
	}
	return names
}

// setting reads a field that is no secret; an empty one is none.
func (r *reader) setting(p source.Provider, m member, c *catalog.Connector) {
	name, known := m.key.Value, fields(p, false)
	switch {
	case slices.Contains(fields(p, true), name): // its value is not quoted
		r.addf(m.key, `%s is a secret, which is never written into a file: under "secrets", say where workers find it, as "secretRef: env:NAME" or "secretRef: file:PATH"`, name)
	case !slices.Contains(known, name):
		r.addf(m.key, "unknown setting %q of provider %s%s", name, p.Name, suggest.Ending(name, known))
	default:
		if text := r.text(m.value, name); text != "" {
			c.Settings[name] = text
		}
	}
}

// secret reads where a secret is, its sealed text, or null, which takes it
// away. Nothing that stands there is quoted: it may be the secret itself.
func (r *reader) secret(p source.Provider, m member, c *catalog.Connector) {
	name, known := m.key.Value, fields(p, true)
	if !slices.Contains(known, name) {
		r.addf(m.key, "unknown secret %q of provider %s%s", name, p.Name, suggest.Ending(name, known))
		return
	}
	if m.value.Kind == yaml.MappingNode {
		members := r.members(m.value, name)
		if len(members) == 1 && members[0].key.Value == "secretRef" {
			reference := r.text(members[0].value, "secretRef")
			if secret.IsReference(reference) {
				c.Secrets[name] = reference
				return
			}
			r.addf(members[0].value, "secretRef of %s is neither env:NAME nor file:PATH: it says where workers find the secret", name)
			return
		}
	}
	if m.value.Tag == "!!null" {
		c.Secrets[name] = ""
		return
	}
	if m.value.Kind == yaml.ScalarNode && secret.IsSealed(m.value.Value) {
		c.Secrets[name] = m.value.Value
		return
	}
	r.addf(m.value, `%s is never written into a file as it is: say where workers find it, as "secretRef: env:NAME" or "secretRef: file:PATH"`, name)
}

// models returns the data models that the file declares. Of those that are wrong,
// which document explains, only the names are noted.
func (r *reader) models() (found []*transform.Model) {
	for _, root := range r.roots {
		if textAt(root, "kind") != KindModel {
			continue
		}
		m, err := transform.ReadModel(r.file, withoutKind(root))
		if err != nil {
			r.wrongModels[textAt(root, "name")] = true
			continue
		}
		found = append(found, m)
	}
	return found
}

// textAt is the text at a key of a document; empty where there is none.
func textAt(root *yaml.Node, key string) string {
	if root.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(root.Content); i += 2 {
			if root.Content[i].Value == key {
				return root.Content[i+1].Value
			}
		}
	}
	return ""
}

// withoutKind is a document without its kind, as package transform reads it.
func withoutKind(root *yaml.Node) *yaml.Node {
	body := *root
	body.Content = nil
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value != "kind" {
			body.Content = append(body.Content, root.Content[i], root.Content[i+1])
		}
	}
	return &body
}

// addProblems adds what package transform found in a document.
func (r *reader) addProblems(root *yaml.Node, err error) {
	found, _ := err.(transform.Problems)
	for _, problem := range found {
		if problem.Line == 0 { // it is about the document as a whole
			problem.Line, problem.Column = root.Line, root.Column
		}
		r.problems = append(r.problems, problem)
	}
}

// transformMap reads a map and checks all of it.
func (r *reader) transformMap(root *yaml.Node, models *transform.Models) *transform.Map {
	m, err := transform.ReadMap(r.file, withoutKind(root))
	if err == nil {
		if err := catalog.CheckMapName(m.Name); err != nil {
			r.addf(root, "%v", err)
		}
		if !r.wrongModels[m.Source] { // else anything may be wrong with the map, or nothing
			_, err = transform.Compile(m, models)
		}
	}
	r.addProblems(root, err)
	return m
}
