package transform

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/schema"
)

func TestDefaultMapsHaveNoProblems(t *testing.T) {
	t.Parallel()
	maps, err := LoadMaps(schema.Maps())
	require.NoError(t, err)
	require.NotEmpty(t, maps)
	for _, m := range maps {
		require.Empty(t, Check(m, defaultModels(t)), m.Name)
	}
}

func TestDefaultMapsAreTheVendorsOwn(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"qualys-tas-application": `id -> asset.assetHeader.externalAssetId
			url -> asset.assetDetail.applicationAssetClass.baseUrl
			name -> asset.assetDetail.name
			createdDate -> asset.assetDetail.sourceCreatedAt
			updatedDate -> asset.assetDetail.sourceUpdatedAt
			findings[].id -> findingGroup.findings[].externalFindingId
			findings[].title -> findingGroup.findings[].name
			findings[].severity -> findingGroup.findings[].severity`,
		"qualys-tas-api-collection": `id -> asset.assetHeader.externalAssetId
			name -> asset.assetDetail.name
			createdDate -> asset.assetDetail.sourceCreatedAt
			updatedDate -> asset.assetDetail.sourceUpdatedAt
			openApiFile.url -> asset.assetDetail.apiCollectionAssetClass.specificationUrl
			findings[].id -> findingGroup.findings[].externalFindingId
			findings[].severity -> findingGroup.findings[].severity`,
	} {
		var rows []string
		for _, r := range defaultProgram(t, name).rules {
			rows = append(rows, r.label)
		}
		require.Equal(t, strings.ReplaceAll(want, "\t", ""), strings.Join(rows, "\n"))
	}
}

func TestEveryTargetFieldCanBeFilled(t *testing.T) {
	t.Parallel()
	models := defaultModels(t)
	paths := append(slices.Clone(models.Get("inventory").Paths()), models.Get("knowledge").Paths()...)
	require.ElementsMatch(t, slices.Collect(maps.Keys(slots)), paths)
}

func TestProblemsOfRows(t *testing.T) {
	t.Parallel()
	finding := "findings[].id -> findingGroup.findings[].externalFindingId"
	for name, c := range map[string]struct {
		rows []string
		want string
	}{
		"misspelt source": {[]string{"nmae -> asset.assetDetail.name"},
			`qualys-tas.application has no field "nmae"; did you mean "name"?`},
		"misspelt source in a list": {[]string{finding, "findings[].severty -> findingGroup.findings[].severity"},
			`did you mean "findings[].severity"?`},
		"misspelt target": {[]string{"name -> asset.assetDetails.name"},
			`inventory has no field "asset.assetDetails.name"; did you mean "asset.assetDetail.name"?`},
		"attribute without a name":  {[]string{"name -> asset.assetDetail.attributes.*"}, "its * stands for a name of your own"},
		"attribute in an attribute": {[]string{"name -> asset.assetDetail.attributes.a.b"}, "has no field"},
		"malformed path":            {[]string{"a..b -> asset.assetDetail.name"}, "empty name"},
		"type clash":                {[]string{"name -> asset.assetDetail.sourceCreatedAt"}, "add convert: timestamp"},
		"type clash of severity":    {[]string{finding, "findings[].qid -> findingGroup.findings[].severity"}, "add convert: severity"},
		"object to text":            {[]string{"findings -> asset.assetDetail.name"}, "can only go to attributes"},
		"list converted":            {[]string{"findings -> asset.assetDetail.attributes.x, convert: string"}, "cannot be converted"},
		"list in a table":           {[]string{"findings -> asset.assetDetail.attributes.x, values: {a: b}"}, "a table cannot have a row for"},
		"convert to another type":   {[]string{"name -> asset.assetDetail.sourceCreatedAt, convert: int"}, "convert gives int"},
		"unknown convert":           {[]string{"name -> asset.assetDetail.sourceCreatedAt, convert: timestam"}, `did you mean "timestamp"?`},
		"convert and values":        {[]string{"name -> asset.assetDetail.name, convert: string, values: {a: b}"}, "either convert or values"},
		"target filled twice":       {[]string{"name -> asset.assetDetail.name", "url -> asset.assetDetail.name"}, "already filled by row 2"},
		"attribute filled twice":    {[]string{"name -> asset.assetDetail.attributes.a", "url -> asset.assetDetail.attributes.a"}, "already filled by row 2"},
		"list to one":               {[]string{"findings[].title -> asset.assetDetail.name"}, "cannot take the values of many elements"},
		"one to a list":             {[]string{finding, "name -> findingGroup.findings[].name"}, "are filled from the elements of a list"},
		"list in a list":            {[]string{finding, "findings[].cveIds[] -> findingGroup.findings[].name"}, "findings[].cveIds is the list as a whole"},
		"findings without an id":    {[]string{"findings[].title -> findingGroup.findings[].name"}, "no row fills findingGroup.findings[].externalFindingId"},
		"field of another class":    {[]string{"url -> asset.assetDetail.apiCollectionAssetClass.specificationUrl"}, "belongs to assets of class apiCollection"},
		"table with a gap":          {[]string{finding, "findings[].severity -> findingGroup.findings[].severity, values: {1: 1, 2: 2, 3: 3}"}, `no row for "4", "5" of findings[].severity`},
		"table with a wrong value":  {[]string{finding, "findings[].status -> findingGroup.findings[].severity, values: {a: 6}"}, `the value 6 for "a" is not a severity`},
		"wrong default":             {[]string{"createdDate -> asset.assetDetail.sourceCreatedAt, default: soon"}, `the default "soon" is not a time`},
		"default of an id":          {[]string{"findings[].id -> findingGroup.findings[].externalFindingId, default: x"}, "an id cannot have a default"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			problems := Check(mapOf(t, c.rows...), defaultModels(t))
			require.Len(t, problems, 1, "%v", problems)
			require.Contains(t, problems[0].Message, c.want)
			require.Equal(t, "test.yaml", problems[0].File)
			if strings.HasPrefix(problems[0].Message, "no row") {
				return
			}
			require.Equal(t, 1+len(c.rows), problems[0].Row)
			require.Equal(t, 6+len(c.rows), problems[0].Line)
			require.Greater(t, problems[0].Column, 5)
		})
	}
}

func TestProblemsOfTheMapAsAWhole(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*Map)
		want   string
	}{
		"no id":            {func(m *Map) { m.Rows = m.Rows[1:] }, "no row fills asset.assetHeader.externalAssetId"},
		"source model":     {func(m *Map) { m.Source = "qualys-tas.aplication" }, `did you mean "qualys-tas.application"?`},
		"target as source": {func(m *Map) { m.Source = "inventory" }, "unknown source model"},
		"target model":     {func(m *Map) { m.Target = "inventry" }, `did you mean "inventory"?`},
		"asset class":      {func(m *Map) { m.AssetClass = "aplication" }, `did you mean "application"?`},
		"no name":          {func(m *Map) { m.Name = "" }, "no name"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := mapOf(t, "name -> asset.assetDetail.name")
			c.change(m)
			problems := Check(m, defaultModels(t))
			require.Len(t, problems, 1, "%v", problems)
			require.Contains(t, problems[0].Message, c.want)
			_, err := Compile(m, defaultModels(t))
			require.EqualError(t, err, problems.Error())
		})
	}
	require.NotEmpty(t, Check(&Map{}, defaultModels(t)))
}

func TestFindingsComeFromOneList(t *testing.T) {
	t.Parallel()
	models := defaultModels(t)
	source := *models.Get("qualys-tas.application")
	source.byPath = map[string]*Field{}
	for i := range source.Fields {
		source.byPath[source.Fields[i].Path] = &source.Fields[i]
	}
	require.Empty(t, source.add(&Field{Path: "notes", Type: Array, Evidence: "inferred"}))
	require.Empty(t, source.add(&Field{Path: "notes[].text", Type: String, Evidence: "inferred"}))
	models.byName[source.Name] = &source

	problems := Check(mapOf(t, "findings[].id -> findingGroup.findings[].externalFindingId",
		"notes[].text -> findingGroup.findings[].name"), models)
	require.Len(t, problems, 1)
	require.Contains(t, problems[0].Message, "findings come from findings[] in row 2 and from notes[] here")
}

func TestAllProblemsAreReportedTogether(t *testing.T) {
	t.Parallel()
	m := mapOf(t, "nmae -> asset.assetDetail.name", "name -> asset.assetDetail.nam", "url -> asset.assetDetail.name, convert: x")
	var problems Problems
	_, err := Compile(m, defaultModels(t))
	require.True(t, errors.As(err, &problems))
	require.Len(t, problems, 4) // the last row's target is taken, too
	require.Equal(t, 4, strings.Count(err.Error(), "\n")+1)
	require.Contains(t, err.Error(), "test.yaml:7:12: row 2: ")
}

func TestProblemsOfForm(t *testing.T) {
	t.Parallel()
	head := "name: x\nsource: s\ntarget: t\nrows:\n"
	for text, want := range map[string]string{
		"":                                     "x.yaml: is empty",
		"# nothing\n":                          "x.yaml: is empty",
		"a: [":                                 "x.yaml:1:1: is not valid YAML",
		"- a":                                  "x.yaml:1:1: the map must be a mapping",
		head + "  - {from: a, to: b}\nrow: 1":  `x.yaml:6:1: unknown key "row" in the map; did you mean "rows"?`,
		head + "  - {form: a, to: b}":          `x.yaml:5:6: row 1: unknown key "form" in the row; did you mean "from"?`,
		head + "  - {to: b}":                   `x.yaml:5:5: row 1: the row has no "from"`,
		head + "  - {from: a, from: b, to: c}": `x.yaml:5:15: row 1: the row has the key "from" twice`,
		head + "  - a":                         "x.yaml:5:5: row 1: the row must be a mapping",
		head + "  a: b":                        "x.yaml:5:3: rows must be a list",
		head + "  - {from: a, to: [b]}":        "x.yaml:5:19: row 1: to must be text",
		head + "  - {from: a, to: b, default: 0x1F}":         "row 1: default must be written as JSON writes it",
		head + "  - {from: a, to: b, default: null}":         "row 1: default must be text",
		head + "  - {from: a, to: b, values: x}":             "row 1: values must be a mapping",
		head + "  - {from: a, to: b}\n---\na: b":             "x.yaml:6:1: has a second document",
		head + "  - &r {from: a, to: b}\n  - *r":             "row 2: the row must be a mapping",
		head + strings.Repeat("  - {from: a, to: b}\n", 501): "at most 500",
		strings.Repeat("#", maxFileBytes+1):                  "is larger than",
	} {
		_, err := ParseMap("x.yaml", []byte(text))
		require.Error(t, err, cut(text))
		require.IsType(t, Problems{}, err)
		require.Contains(t, err.Error(), want, cut(text))
	}
}

func TestProblemsOfYAMLSayWhereAndWhatToDo(t *testing.T) {
	t.Parallel()
	head := "name: x\nsource: s\ntarget: t\n"
	for text, want := range map[string]string{
		head + "rows:\n  - expr: has(record.x) ? record.a : 0\n    to: b\n": `x.yaml:5:36: is not valid YAML: mapping values are not allowed in this context; there is a ": " in this value, which begins another key: put the value in quotes`,
		"when: a ? b : c\n" + head:                                      `x.yaml:1:13: is not valid YAML: mapping values are not allowed in this context; there is a ": " in this value`,
		head + "rows:\n  - from: id\n      to: b\n":                     "x.yaml:6:7: is not valid YAML: mapping values are not allowed in this context; look at how the lines are indented here",
		head + "rows:\n  - from: id\n    to: b\n - from: c\n   to: d\n": "did not find expected key; look at how the lines are indented here",
		head + "rows:\n\t- from: id\n":                                  "x.yaml:5:1: is not valid YAML: found character that cannot start any token; lines are indented with spaces",
		"name: @x\n":                                                    "x.yaml:1:7: is not valid YAML: found character that cannot start any token; put the value in quotes",
	} {
		_, err := ParseMap("x.yaml", []byte(text))
		require.ErrorContains(t, err, want, text)
	}
}

func TestProblemsOfFormHideNoOthers(t *testing.T) {
	t.Parallel()
	m, err := ParseMap("x.yaml", []byte("name: x\nsuorce: qualys-tas.application\nsource: qualys-tas.application\ntarget: inventory\nassetClass: aplication\nrows:\n"+
		"  - {form: id, to: asset.assetHeader.externalAssetId}\n"+
		"  - {from: nmae, to: asset.assetDetail.name}\n"+
		"  - {from: url, to: asset.assetDetail.applicationAssetClass.baseUrl, values: [a]}\n"+
		"  - {from: 'findings[].title', to: asset.assetDetail.name}\n"+
		"  - {from: url, to: asset.assetDetail.applicationAssetClass.baseUrl}\n"))
	require.Error(t, err)
	problems := Check(m, defaultModels(t))
	require.Equal(t, err, problems[:3], "of form")
	for i, want := range []string{
		`x.yaml:2:1: unknown key "suorce" in the map`, `x.yaml:7:6: row 1: unknown key "form" in the row; did you mean "from"?`, "x.yaml:9:78: row 3: values must be a mapping",
		`unknown asset class "aplication"`, `row 2: qualys-tas.application has no field "nmae"`, "findings[].title is inside 1 list (",
	} {
		require.Contains(t, problems[i].String(), want)
	}
	require.Len(t, problems, 8, "and two targets are filled twice:\n%v", problems)
	_, compiled := Compile(m, defaultModels(t))
	require.Equal(t, problems, compiled)
}

func TestTheDigestTellsVersionsApart(t *testing.T) {
	t.Parallel()
	base := []string{"name -> asset.assetDetail.name"}
	digest := func(rows ...string) [32]byte { return compiled(t, rows...).Digest() }
	require.Equal(t, digest(base...), digest(base...))
	seen := map[[32]byte]bool{digest(base...): true}
	for _, row := range []string{
		"uuid -> asset.assetDetail.name",
		"name -> asset.assetDetail.attributes.name",
		"name -> asset.assetDetail.name, default: x",
		"name -> asset.assetDetail.name, default: y",
		"name -> asset.assetDetail.name, convert: string",
		"name -> asset.assetDetail.name, values: {a: b}",
		"name -> asset.assetDetail.name, values: {a: c}",
	} {
		d := digest(row)
		require.False(t, seen[d], row)
		seen[d] = true
	}
	m := mapOf(t, base...)
	m.Name, m.Description = "another", "of the same"
	p, err := Compile(m, defaultModels(t))
	require.NoError(t, err)
	require.Equal(t, digest(base...), p.Digest(), "a description is no new version")
}
