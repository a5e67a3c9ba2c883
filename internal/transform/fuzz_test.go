package transform

import (
	"bytes"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"sluice/schema"
)

func FuzzApply(f *testing.F) {
	f.Add([]byte(`{"id":1,"name":"x","findings":[{"id":2,"severity":3,"title":"t","cveIds":["a"],"qid":7}]}`))
	f.Add([]byte(`{"findings":[{"severity":"5"},null,[],{"id":{},"id":1}],"id":"\ud800\u0000"}`))
	f.Add([]byte(`{"id":1,"uuid":{"b":[1e400,"\u0000"],"a":-0},"updatedDate":"2025-01-31T09:30:00.123+0000"}`))
	f.Add([]byte("{\"id\":\"\xff\",\"na\\u006de\":1e9} {}"))
	f.Add([]byte(`{"findings":{"id":1},"createdDate":253402300800000`))
	f.Add(bytes.Repeat([]byte(`{"a":[`), 50))
	f.Add(applicationRecord(1))
	f.Add([]byte(`{"id":7,"severity":"4","status":"ACTIVE","qid":"1","app":{"id":"42","tags":{"list":[{}]}}}`))
	program, ofFindings, ofExpressions := everything(f), findingProgram(f), expressive(f)
	f.Fuzz(func(t *testing.T, record []byte) {
		before := bytes.Clone(record)
		single, alone := ofFindings.NewApplier().Apply(record)
		requireBounds(t, single, alone)
		require.NotEqual(t, single == nil, len(alone) == 0, "taken or rejected")
		applier := program.NewApplier()
		asset, rejects := applier.Apply(record)
		require.Equal(t, before, record)
		requireBounds(t, asset, rejects)
		require.True(t, asset != nil || len(rejects) == 1, "neither taken nor rejected")
		again, others := applier.Apply(record)
		require.Equal(t, asset, again)
		require.Equal(t, rejects, others)

		withExpressions := ofExpressions.NewApplier()
		asset, rejects = withExpressions.Apply(record)
		requireBounds(t, asset, rejects)
		require.True(t, asset != nil || len(rejects)+len(withExpressions.LeftOut()) == 1, "neither taken nor left out nor rejected")
		ofExpressions.Explain(record)
		require.True(t, Diff(ofExpressions, ofExpressions, record).Same())
	})
}

// expressive reads most of a record by expressions.
func expressive(t testing.TB) *Program {
	return conditional(t, `record.?uuid.orValue("") != "test" && size(record.?findings.orValue([])) < 100`, `finding.?severity.orValue(1) < 5`,
		`record.?createdDate => asset.assetDetail.sourceCreatedAt`,
		`[record.?url.orValue(""), record.?uuid.orValue("")].join("/").trim().replace("a", "bb") => asset.assetDetail.attributes.a`,
		`record.?findings.orValue([]).filter(f, has(f.title)).map(f, f.title) => asset.assetDetail.attributes.b`,
		`record.?findings[0] => asset.assetDetail.attributes.c`,
		`finding.?cveIds => findingGroup.findings[].attributes.d`,
		`has(finding.title) ? finding.title.substring(2) : record.id => findingGroup.findings[].attributes.e`)
}

func FuzzParseMap(f *testing.F) {
	for _, name := range []string{"qualys-tas-application.yaml", "qualys-tas-api-collection.yaml"} {
		text, err := fs.ReadFile(schema.Maps(), name)
		require.NoError(f, err)
		f.Add(text)
	}
	head := "name: x\nsource: qualys-tas.application\ntarget: inventory\nrows:\n"
	f.Add([]byte(head + "  - {from: id, to: asset.assetHeader.externalAssetId, default: 1, convert: string}\n"))
	f.Add([]byte(head + "  - {from: name, to: asset.assetDetail.attributes.x, values: {1: 2, a: true, b: 'c'}}\n"))
	f.Add([]byte("a: &a [*a, *a]\n<<: {b: c}\n--- \n"))
	f.Add([]byte("when: record.id != 'x'\nwhenFindings: finding.severity > 1\n" + head + "  - {expr: 'record.?name.orValue(\"\")', to: asset.assetDetail.name}\n"))
	models := defaultModels(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := ParseMap("map.yaml", text)
		if err != nil {
			require.IsType(t, Problems{}, err)
			require.NotEmpty(t, err)
			return
		}
		requireRoundTrip(t, m)
		p, err := Compile(m, models)
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		asset, rejects := p.NewApplier().Apply(applicationRecord(1))
		requireBounds(t, asset, rejects)
	})
}

// requireRoundTrip checks that a map is the same in both of its forms.
func requireRoundTrip(t *testing.T, m *Map) {
	text, err := WriteYAML(m)
	require.NoError(t, err)
	byYAML, err := ParseMap("", text)
	require.NoError(t, err, "%s", text)
	require.Equal(t, plain(m), plain(byYAML), "%s", text)
	table := WriteCSV(m)
	requireNoFormulas(t, table)
	byCSV, err := ParseCSV("", table)
	if !inCells(m) {
		return
	}
	require.NoError(t, err, "%s", table)
	require.Equal(t, plain(m), plain(byCSV), "%s", table)
}

// inCells says that no text of a map is one that a cell cannot hold: nothing but
// spaces, and of names and paths, spaces around them.
func inCells(m *Map) bool {
	prose := []string{m.Description, m.When, m.WhenFindings}
	names := []string{m.Source, m.Target}
	for _, r := range m.Rows {
		prose, names = append(prose, r.Expr, r.From, r.Convert), append(names, r.To)
		for _, path := range []string{r.From, r.Convert} {
			if path != strings.TrimSpace(path) || strings.Contains(path, "\r") {
				return false
			}
		}
	}
	return !slices.ContainsFunc(prose, func(s string) bool { return s != "" && strings.TrimSpace(s) == "" }) &&
		!slices.ContainsFunc(append(names, m.AssetClass+"x"), func(s string) bool { return s == "" || s != strings.TrimSpace(s) || strings.Contains(s, "\r") })
}

func FuzzParseCSV(f *testing.F) {
	maps, err := LoadMaps(schema.Maps())
	require.NoError(f, err)
	for _, m := range maps {
		f.Add(WriteCSV(m))
	}
	head := "name,x\nsourceModel,qualys-tas.application\ntargetModel,inventory\n"
	f.Add([]byte(head + "source,target,convert,default,values,expr\nid,asset.assetHeader.externalAssetId,,,,\n,b,int,'-1,\"{\"\"a\"\":1}\",'=record.name\n"))
	f.Add([]byte("\ufeff" + head + "source;target;;;\n\"a;b\n;;;;x\n"))
	f.Add([]byte("'=,'@\t'\n\"source\"\ttarget\n"))
	models := defaultModels(f)
	f.Fuzz(func(t *testing.T, table []byte) {
		m, err := ParseCSV("map.csv", table)
		if err != nil {
			require.IsType(t, Problems{}, err)
			require.NotEmpty(t, err)
			return
		}
		Check(m, models)
		byCSV, err := ParseCSV("map.csv", WriteCSV(m))
		require.NoError(t, err, "%s", WriteCSV(m))
		require.Equal(t, plain(m), plain(byCSV))
	})
}

func FuzzExpression(f *testing.F) {
	for _, text := range []string{
		`record.name`, `finding.severity > 3 ? "a" : "b"`, `record.?url.orValue("")`, `record.findings.map(f, f.severity).filter(s, s > 2)`,
		`[1,2,3].all(a, [1,2,3].all(b, a+b > 0))`, `{"a": record.id, 1: 2}`, `record`, `timestamp("x")`, `"a".replace("", "b").matches("(a+)+$")`,
		`object("x")`, `optional.none()`, "record.`a-b`", `duration("1h") + record.createdDate`, `b"\xff"`, `1u - 2u`, `double("1e999")`, `'\uD800'`,
		`has(record.name) && record.name[0] == "x"`, `type(record)`, `dyn(record.findings)[0].id`, `record.name.split("").join(record.name)`, `record.findings.exists_one(record, true)`,
	} {
		f.Add(text)
	}
	models := defaultModels(f)
	record := applicationRecord(1)
	f.Fuzz(func(t *testing.T, text string) {
		for _, change := range []func(*Map){
			func(m *Map) { m.When = text },
			func(m *Map) { m.WhenFindings = text },
			func(m *Map) { m.Rows = append(m.Rows, Row{Expr: text, To: "asset.assetDetail.attributes.x"}) },
			func(m *Map) { m.Rows = append(m.Rows, Row{Expr: text, To: "findingGroup.findings[].name"}) },
		} {
			m := exprMap(t, findingIDs)
			change(m)
			p, err := Compile(m, models)
			if err != nil {
				require.NotEmpty(t, err.Error())
				continue
			}
			applier := p.NewApplier()
			start := time.Now()
			asset, rejects := applier.Apply(record)
			require.Less(t, time.Since(start), time.Minute, "it ends soon, also where much else runs")
			require.LessOrEqual(t, applier.cost, uint64((findingsPerAsset+1)*3*maxCost))
			require.LessOrEqual(t, applier.computed, (findingsPerAsset+1)*2*maxResult)
			requireBounds(t, asset, rejects)
			again, others := applier.Apply(record)
			require.Equal(t, asset, again)
			require.Equal(t, rejects, others)
		}
	})
}

func FuzzInfer(f *testing.F) {
	f.Add(applicationRecord(1))
	f.Add([]byte(`{"id":1,"a":[[1],{"b":[]}],"severity":"5","asset":{"id":"x"}}` + "\n" + `{"id":"a\u0000","a":{},"*":1,"a.b":2}`))
	f.Add([]byte(`{"host":"x","status":"open","status":"y","":{"":1}}` + "\r\n\n{}"))
	f.Add([]byte("\ufeff{\"\xff\":\"\xff\",\"caf\u00e9\":1e999,\"n\":-0.0}"))
	models := defaultModels(f)
	f.Fuzz(func(t *testing.T, records []byte) {
		i, err := Infer("file.x", bytes.NewReader(records), models, Shape{})
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		p := requireUsable(t, i)
		for record := range bytes.Lines(records) {
			asset, rejects := p.NewApplier().Apply(record)
			requireBounds(t, asset, rejects)
		}
		require.NotEmpty(t, i.Model.Markdown())
	})
}

func FuzzParseModel(f *testing.F) {
	for _, name := range []string{"qualys-tas.application.yaml", "inventory.yaml"} {
		text, err := fs.ReadFile(schema.Models(), name)
		require.NoError(f, err)
		f.Add(bytes.Replace(text, []byte("name: qualys-tas."), []byte("name: file."), 1))
	}
	head := "name: file.x\ntitle: X\nrole: source\ndescription: d\nfields:\n"
	f.Add([]byte(head + "  - {path: id, type: string, required: true, example: '1', description: d, evidence: inferred, values: [a, 'b']}\n"))
	f.Add([]byte(head + "  - {path: a, type: array, description: d, evidence: inferred}\n  - {path: 'a[].b', type: int, description: \"\\0\", evidence: documented, note: |\n    x\n\n    y}\n"))
	f.Add([]byte("records: findings\nclasses: [host]\n" + head + "  - &a {path: '*', type: any, maxBytes: 1e3, <<: *a}\n"))
	models := defaultModels(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := ParseModel("model.yaml", text)
		if err != nil {
			require.IsType(t, Problems{}, err)
			require.NotEmpty(t, err)
			return
		}
		written, err := WriteModel(m)
		require.NoError(t, err)
		again, err := ParseModel("model.yaml", written)
		require.NoError(t, err, "%s", written)
		require.Equal(t, m, again, "%s", written)
		require.NotEmpty(t, m.Markdown())

		all, err := models.With(m)
		require.NoError(t, err)
		row := Row{From: m.Fields[0].Path, To: "asset.assetHeader.externalAssetId"}
		p, err := Compile(&Map{Name: "x", Source: m.Name, Target: "inventory", When: "true || has(record.id)", Rows: []Row{row}}, all)
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		asset, rejects := p.NewApplier().Apply(applicationRecord(1))
		requireBounds(t, asset, rejects)
	})
}

func FuzzParsePath(f *testing.F) {
	for _, path := range []string{"id", "findings[].severity", "a[].b[].c", "a[0]", "..", "[]", "a\x00", "\xff", "*"} {
		f.Add(path)
	}
	model := defaultModels(f).Get("inventory")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePath(text)
		if err != nil {
			require.NotContains(t, err.Error(), "\x00")
			return
		}
		require.True(t, utf8.ValidString(text))
		require.Equal(t, text, p.String())
		require.LessOrEqual(t, p.depth(), maxPathSteps)
		model.Field(p)
	})
}
