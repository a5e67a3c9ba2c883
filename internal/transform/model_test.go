package transform

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"sluice/schema"
)

func TestModels(t *testing.T) {
	t.Parallel()
	models := defaultModels(t)
	require.Subset(t, models.Names(), []string{"inventory", "knowledge", "qualys-tas.apiCollection", "qualys-tas.application"})
	for _, name := range models.Names() {
		m := models.Get(name)
		require.Equal(t, name, m.Name)
		for _, f := range m.Fields {
			require.NotEmpty(t, f.Description, f.Path)
		}
	}
	path, err := ParsePath("findings[].severity")
	require.NoError(t, err)
	severity := models.Get("qualys-tas.application").Field(path)
	require.Equal(t, Severity, severity.Type)
	require.True(t, severity.Required)
	require.Equal(t, "documented", severity.Evidence)
	require.Nil(t, models.Get("qualys-tas.finding"))
}

func TestProblemsOfModels(t *testing.T) {
	t.Parallel()
	source := "name: m\ntitle: M\nrole: source\ndescription: d\nfields:\n"
	target := "name: m\ntitle: M\nrole: target\ndescription: d\nclasses: [host]\nfields:\n"
	for text, want := range map[string]string{
		source + "  - {path: a, type: strin, description: d, evidence: inferred}":                                                             `unknown type "strin"; did you mean "string"?`,
		source + "  - {path: a, type: string, description: d}":                                                                                "has no evidence",
		source + "  - {path: a, type: any, description: d, evidence: inferred}":                                                               "cannot be of type any",
		source + "  - {path: a.b, type: int, description: d, evidence: inferred}":                                                             `needs a field "a" of type object before it`,
		source + "  - {path: 'a[].b', type: int, description: d, evidence: inferred}":                                                         `needs a field "a" of type array before it`,
		source + "  - {path: 'a b', type: int, description: d, evidence: inferred}":                                                           "no spaces",
		source + "  - {path: a, typ: int, description: d, evidence: inferred}":                                                                `unknown key "typ" in the field; did you mean "type"?`,
		source + "  - {path: a, type: int, required: yes, description: d, evidence: inferred}":                                                "required must be true or false",
		source + "  - {path: a, type: int, description: d, evidence: inferred}\n  - {path: a, type: int, description: d, evidence: inferred}": "is there twice",
		target + "  - {path: a, type: string, description: d}":                                                                                "has no maxBytes",
		target + "  - {path: a, type: string, maxBytes: -1, description: d}":                                                                  "above 0",
		target + "  - {path: a, type: int, class: hots, description: d}":                                                                      `unknown class "hots"; did you mean "host"?`,
		"records: assets\n" + source + "  - {path: a, type: int, description: d, evidence: inferred}":                                         "records can be findings",
		"records: findings\n" + target + "  - {path: a, type: int, description: d}":                                                           "records can be findings, in a source model",
		"name: m\ntitle: M\nrole: middle\ndescription: d\nfields: []\n":                                                                       "role must be source or target",
		"title: M\nrole: source\ndescription: d\nfields: []\n":                                                                                `the model has no "name"`,
	} {
		_, err := LoadModels(fstest.MapFS{"m.yaml": {Data: []byte(text)}})
		require.Error(t, err, text)
		require.IsType(t, Problems{}, err)
		require.Contains(t, err.Error(), want, text)
		require.Contains(t, err.Error(), "m.yaml:", text)
	}
	same := &fstest.MapFile{Data: []byte("name: m\ntitle: M\nrole: source\ndescription: d\nfields: []\n")}
	_, err := LoadModels(fstest.MapFS{"a.yaml": same, "b.yaml": same})
	require.ErrorContains(t, err, `another model named "m"`)
}

func TestAMistakeInAModelIsOneProblem(t *testing.T) {
	t.Parallel()
	head := "name: file.x\ntitle: X\nrole: source\ndescription: d\nfields:\n"
	field := "  - {path: id, type: string, description: d, evidence: inferred}\n  - {path: n, type: string, description: d, evidence: inferred}\n"
	for text, want := range map[string]string{
		strings.Replace(head, "role: source", "role: target", 1) + field: "m.yaml:3:7: a model of a file is a source model: its role is source",
		strings.Replace(head, "role: source", "role: sorce", 1) + field:  "m.yaml:3:7: a model of a file is a source model: its role is source",
		head + strings.Replace(field, "evidence", "evidense", 1):         `m.yaml:6:46: unknown key "evidense" in the field; did you mean "evidence"?`,
		head + strings.Replace(field, "type", "typ", 1):                  `m.yaml:6:16: unknown key "typ" in the field; did you mean "type"?`,
	} {
		_, err := ParseModel("m.yaml", []byte(text))
		require.EqualError(t, err, want, text)
	}
}

func TestPaths(t *testing.T) {
	t.Parallel()
	for text, depth := range map[string]int{"id": 0, "openApiFile.url": 0, "findings[].id": 1, "a.b[].c[].@x-y": 2, "名前": 0} {
		p, err := ParsePath(text)
		require.NoError(t, err)
		require.Equal(t, text, p.String())
		require.Equal(t, depth, p.depth())
	}
	for text, want := range map[string]string{
		"": "is empty", ".": "empty name", "a.": "empty name", "a..b": "empty name", "[]": "empty name",
		"a[": "[] only after it", "a[0].b": "[] only after it", "a[][].b": "[] only after it", "a b": "no spaces",
		"a\u0000": "control", "a\xff": "UTF-8", "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q": "more than 16",
	} {
		_, err := ParsePath(text)
		require.ErrorContains(t, err, want, text)
	}
}

// inventory is the target model of the shipped files.
func inventory() *Model {
	models, err := LoadModels(schema.Models())
	if err != nil {
		panic(err)
	}
	return models.Get("inventory")
}

func TestModelsAreWrittenAsTheyRead(t *testing.T) {
	t.Parallel()
	models := defaultModels(t)
	for _, name := range models.Names() {
		text, err := WriteModel(models.Get(name))
		require.NoError(t, err)
		again, problems := parseModel(name, text)
		require.Empty(t, problems, name)
		require.Equal(t, models.Get(name), again, name)
	}
}

func TestEverySourceFieldIsExplained(t *testing.T) {
	t.Parallel()
	models := defaultModels(t)
	for _, name := range models.Names() {
		for _, f := range models.Get(name).Fields {
			require.NotEmpty(t, f.Description, "%s %s", name, f.Path)
			if f.Type != Object && f.Type != Array {
				require.NotEmpty(t, f.Example, "%s %s", name, f.Path)
			}
		}
	}
}

func TestProblemsOfUserModels(t *testing.T) {
	t.Parallel()
	head := "title: M\nrole: source\ndescription: d\n"
	field := "fields:\n  - {path: a, type: int, description: d, evidence: inferred}\n"
	m, err := ParseModel("m.yaml", []byte("name: file.hosts\n"+head+field))
	require.NoError(t, err)
	require.Equal(t, Int, m.Fields[0].Type)
	for text, want := range map[string]string{
		"name: hosts\n" + head + field:               `model name "hosts" cannot be used`,
		"name: file.hosts\n" + head + "fields: []\n": "has 0 fields",
		"name: file.x\ntitle: M\nrole: target\ndescription: d\n" + "fields:\n  - {path: a, type: int, description: d}\n": "is a source model",
		"": "is empty",
	} {
		_, err := ParseModel("m.yaml", []byte(text))
		require.ErrorContains(t, err, want)
		require.IsType(t, Problems{}, err)
	}
	all, err := defaultModels(t).With(m)
	require.NoError(t, err)
	require.Equal(t, m, all.Get("file.hosts"))
	require.Nil(t, defaultModels(t).Get("file.hosts"))
	_, err = all.With(m)
	require.ErrorContains(t, err, `another model named "file.hosts"`)
}

func TestTheReferencePageOfAModel(t *testing.T) {
	t.Parallel()
	models := defaultModels(t)
	page := models.Get("qualys-tas.application").Markdown()
	require.Contains(t, page, "# TAS Application + Findings\n")
	require.Contains(t, page, "| `findings[].severity` | severity | required | `4` | Severity from 1 (lowest) to 5.")
	require.Contains(t, page, "| `uuid` | string | optional |")
	target := models.Get("inventory").Markdown()
	require.Contains(t, target, "One of NEW, ACTIVE, REOPENED, PROTECTED, RETEST, FIXED.")
	require.Contains(t, target, "At most 1024 bytes.")
	for _, name := range models.Names() {
		m := models.Get(name)
		require.Equal(t, len(m.Fields)+2, strings.Count(m.Markdown(), "\n| ")+1, name)
		for line := range strings.Lines(m.Markdown()) {
			if strings.HasPrefix(line, "| ") {
				require.Equal(t, 6, strings.Count(strings.ReplaceAll(line, `\|`, ""), "|"), line)
			}
		}
	}
}
