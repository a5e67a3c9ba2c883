package transform

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"sluice/schema"
)

const digestedMap = `name: digested
source: qualys-tas.application
target: inventory
assetClass: application
when: record.?name.orValue("") != "test"
whenFindings: finding.?severity.orValue(1) > 1
rows:
  - {from: id, to: asset.assetHeader.externalAssetId}
  - {from: name, to: asset.assetDetail.name, default: none}
  - {from: uuid, to: asset.assetDetail.attributes.uuid}
  - {expr: 'record.?url.orValue("none")', to: asset.assetDetail.applicationAssetClass.baseUrl}
  - {from: "findings[].id", to: "findingGroup.findings[].externalFindingId"}
  - {from: "findings[].severity", to: "findingGroup.findings[].severity"}
  - {from: "findings[].severity", to: "findingGroup.findings[].attributes.rating", values: {1: low, 2: low, 3: medium, 4: high, 5: high}}
  - {from: "findings[].qid", to: "findingGroup.findings[].attributes.qid", convert: int}
`

var digestModels = sync.OnceValue(func() *Models {
	models, err := LoadModels(schema.Models())
	if err != nil {
		panic(err)
	}
	return models
})

func digestedBase(t require.TestingT) *Map {
	m, err := ParseMap("digested.yaml", []byte(digestedMap))
	require.NoError(t, err)
	return m
}

// changes are edits that make another map, each of a part of its own.
var changes = map[string]func(*Map){
	"a condition":             func(m *Map) { m.When = `record.?name.orValue("") != "shop"` },
	"a condition of findings": func(m *Map) { m.WhenFindings = "" },
	"a default":               func(m *Map) { rowTo(m, "asset.assetDetail.name").Default = `"other"` },
	"a table without rows":    func(m *Map) { rowTo(m, "asset.assetDetail.name").Values = map[string]string{} },
	"another target":          func(m *Map) { rowTo(m, "asset.assetDetail.attributes.uuid").To = "asset.assetDetail.attributes.id" },
	"an expression": func(m *Map) {
		rowTo(m, "asset.assetDetail.applicationAssetClass.baseUrl").Expr = `record.?url.orValue("")`
	},
	"a value of a table": func(m *Map) {
		rowTo(m, "findingGroup.findings[].attributes.rating").Values["5"] = `"top"`
	},
	"a conversion": func(m *Map) { rowTo(m, "findingGroup.findings[].attributes.qid").Convert = "string" },
	"one row more": func(m *Map) {
		m.Rows = append(m.Rows, Row{From: "createdDate", To: "asset.assetDetail.sourceCreatedAt"})
	},
	"one row less": func(m *Map) {
		m.Rows = slices.DeleteFunc(m.Rows, func(r Row) bool { return r.To == "findingGroup.findings[].severity" })
	},
}

func rowTo(m *Map, to string) *Row {
	return &m.Rows[slices.IndexFunc(m.Rows, func(r Row) bool { return r.To == to })]
}

// digested is the base with some of the changes.
func digested(t require.TestingT, names []string) *Program {
	m := digestedBase(t)
	for _, name := range names {
		changes[name](m)
	}
	p, err := Compile(m, digestModels())
	require.NoError(t, err)
	return p
}

// outcome is what becomes of a record, but for which row a reject names.
func outcome(p *Program, record []byte) string {
	applier := p.NewApplier()
	asset, rejects := applier.Apply(record)
	text := fmt.Sprintf("%+v left out %v", asset, applier.LeftOut())
	for _, r := range rejects {
		text += fmt.Sprintf(" rejected %q %q %d", r.AssetID, r.FindingID, r.Finding)
	}
	return text
}

func TestTwoMapsHaveTheSameDigestWhenTheyDoTheSame(t *testing.T) {
	t.Parallel()
	names := slices.Sorted(maps.Keys(changes))
	rapid.Check(t, func(t *rapid.T) {
		one := rapid.SampledFrom(names).Draw(t, "one")
		others := slices.DeleteFunc(rapid.SliceOfDistinct(rapid.SampledFrom(names), rapid.ID).Draw(t, "others"), func(name string) bool { return name == one })
		all := append(slices.Clone(others), one)
		with, without, otherwise := digested(t, all), digested(t, others), digested(t, rapid.Permutation(all).Draw(t, "order"))
		require.NotEqual(t, with.Digest(), without.Digest(), one)
		require.Equal(t, with.Digest(), otherwise.Digest())
		record := drawRecord(t).text(asIs)
		require.Equal(t, outcome(with, record), outcome(otherwise, record))
	})
}

// reword writes a YAML file otherwise, so that it says the same.
func reword(t *rapid.T, n *yaml.Node, key string) {
	if rapid.IntRange(0, 3).Draw(t, "comments") == 0 {
		n.HeadComment, n.LineComment = "# of "+key, ""
	}
	switch n.Kind {
	case yaml.MappingNode:
		var pairs [][]*yaml.Node
		for i := 0; i < len(n.Content); i += 2 {
			reword(t, n.Content[i+1], n.Content[i].Value)
			pairs = append(pairs, n.Content[i:i+2:i+2])
		}
		n.Content = slices.Concat(rapid.Permutation(pairs).Draw(t, "order of keys")...)
	case yaml.SequenceNode:
		for _, element := range n.Content {
			reword(t, element, "row")
		}
		n.Content = rapid.Permutation(n.Content).Draw(t, "order of rows")
	case yaml.ScalarNode:
		if n.Tag == "!!str" {
			n.Style = rapid.SampledFrom([]yaml.Style{0, yaml.SingleQuotedStyle, yaml.DoubleQuotedStyle}).Draw(t, "quotes")
		}
		if key == "name" {
			n.Value = rapid.StringMatching(`[a-z]{1,5}`).Draw(t, "name")
		}
		return
	}
	n.Style = rapid.SampledFrom([]yaml.Style{0, yaml.FlowStyle}).Draw(t, "style")
}

func TestAMapInOtherWordsHasTheSameDigest(t *testing.T) {
	t.Parallel()
	base := digested(t, nil)
	rapid.Check(t, func(t *rapid.T) {
		var document yaml.Node
		require.NoError(t, yaml.Unmarshal([]byte(digestedMap), &document))
		root := document.Content[0]
		addKey(root, "description", textNode(rapid.StringMatching(`[a-z ]{1,9}`).Draw(t, "description")))
		reword(t, root, "map")
		text, err := encodeYAML(root)
		require.NoError(t, err)
		m, err := ParseMap("reworded.yaml", text)
		require.NoError(t, err, "%s", text)
		if rapid.Bool().Draw(t, "as a table") {
			m, err = ParseCSV("reworded.csv", WriteCSV(m))
			require.NoError(t, err)
		}
		p, err := Compile(m, digestModels())
		require.NoError(t, err)
		require.Equal(t, base.Digest(), p.Digest(), "%s", text)
		record := drawRecord(t).text(asIs)
		require.Equal(t, outcome(base, record), outcome(p, record), "%s\n%s", text, record)
	})
}

func TestTheDigestCoversWhatTheModelsSayOfTheFieldsOfAMap(t *testing.T) {
	t.Parallel()
	const application, inventory = "qualys-tas.application", "inventory"
	for name, c := range map[string]struct {
		model, field string
		edit         func(*Field)
		same         bool
	}{
		"a field that it reads is required":        {application, "uuid", func(f *Field) { f.Required = true }, false},
		"one with a default is required":           {application, "name", func(f *Field) { f.Required = true }, true},
		"one that it does not read is required":    {application, "createdDate", func(f *Field) { f.Required = true }, true},
		"a field of an expression has other types": {application, "url", func(f *Field) { f.Type = Int }, false},
		"a field that no row takes, in words":      {application, "uuid", func(f *Field) { f.Description, f.Note = "other", "words" }, true},
		"a target takes less":                      {inventory, "asset.assetDetail.name", func(f *Field) { f.MaxBytes = 10 }, false},
		"a target is required":                     {inventory, "asset.assetDetail.applicationAssetClass.baseUrl", func(f *Field) { f.Required = true }, false},
		"a target has values of its own":           {inventory, "asset.assetDetail.name", func(f *Field) { f.Values = []string{"none"} }, false},
		"a target that it does not fill":           {inventory, "asset.assetDetail.hostAssetClass.dnsName", func(f *Field) { f.MaxBytes = 10 }, true},
	} {
		m := digestedBase(t)
		if c.field == "url" { // whatever its type is
			rowTo(m, "asset.assetDetail.applicationAssetClass.baseUrl").Expr = `string(record.url)`
		}
		before, err := Compile(m, digestModels())
		require.NoError(t, err)
		after, err := Compile(m, withField(t, c.model, c.field, c.edit))
		require.NoError(t, err, name)
		require.Equal(t, c.same, before.Digest() == after.Digest(), name)
	}
}

// withField is the models with one of their fields changed.
func withField(t *testing.T, model, path string, edit func(*Field)) *Models {
	t.Helper()
	models := digestModels()
	m := *models.Get(model)
	m.Fields, m.byPath = slices.Clone(m.Fields), map[string]*Field{}
	for i := range m.Fields {
		m.byPath[m.Fields[i].Path] = &m.Fields[i]
	}
	require.Contains(t, m.byPath, path)
	edit(m.byPath[path])
	changed := &Models{byName: maps.Clone(models.byName)}
	changed.byName[model] = &m
	return changed
}
