package transform

import (
	"encoding/csv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"sluice/schema"
)

// drawMap draws a map of the form that ParseMap reads; its fields need not exist.
func drawMap(t *rapid.T) *Map {
	text := rapid.OneOf(
		rapid.SampledFrom([]string{"=1+1", "+1", "-1", "@SUM(A1)", "'=x", "''", "'a' + 'b'", "\t=1", " =1", "＝1", "a,b;c\td", `say "no"`, "line\nline", "a\n b\n", "\n\nx", "x\n\n\n",
			" lead", "trail ", "true", "TRUE", "null", "~", "0x1F", "1e5", "007", "2020-01-01", "<<", "yes", "#no", "a: b", "- a", "é 名前", "\u2028x", "\u0085", "\x00\x7f", "a\rb", "|", ">-", "\ufeffx", "name", "source"}),
		rapid.String(),
	)
	clean := rapid.Map(text, func(s string) string {
		s = lineBreak.ReplaceAllString(strings.ToValidUTF8(s, ""), "\n")
		if strings.TrimSpace(s) == "" {
			return "x"
		}
		return s
	})
	path := rapid.StringMatching(`[a-zA-Z@_'=+-][a-zA-Z0-9_-]{0,6}(\[\])?(\.[a-z]{1,5}){0,2}`)
	literal := rapid.OneOf(
		rapid.SampledFrom([]string{"1", "-5", "0.5", "true", "false", "12345678901234567890", "1e5", `""`}),
		rapid.Map(rapid.OneOf(text, rapid.Just("")), func(s string) string { return string(quote(nil, strings.ToValidUTF8(s, ""))) }),
	)
	m := &Map{Name: clean.Draw(t, "name"), Source: path.Draw(t, "source"), Target: path.Draw(t, "target")}
	for name, field := range map[string]*string{"description": &m.Description, "when": &m.When, "whenFindings": &m.WhenFindings} {
		if rapid.Bool().Draw(t, "has "+name) {
			*field = clean.Draw(t, name)
		}
	}
	if rapid.Bool().Draw(t, "has a class") {
		m.AssetClass = path.Draw(t, "class")
	}
	for range rapid.IntRange(1, 5).Draw(t, "rows") {
		r := Row{To: path.Draw(t, "to")}
		if rapid.Bool().Draw(t, "by path") {
			r.From = path.Draw(t, "from")
		} else {
			r.Expr = clean.Draw(t, "expr")
		}
		if rapid.Bool().Draw(t, "converts") {
			r.Convert = path.Draw(t, "convert")
		}
		if rapid.Bool().Draw(t, "has a default") {
			r.Default = literal.Draw(t, "default")
		}
		if rapid.Bool().Draw(t, "has values") {
			r.Values = rapid.MapOfN(rapid.Map(rapid.OneOf(text, rapid.Just("")), func(s string) string { return strings.ToValidUTF8(s, "") }), literal, 0, 4).Draw(t, "values")
		}
		m.Rows = append(m.Rows, r)
	}
	return m
}

// plain is a map without its places in a file.
func plain(m *Map) Map {
	p := *m
	p.File, p.at, p.words, p.Rows = "", nil, nil, nil
	for _, r := range m.Rows {
		r.at = nil
		p.Rows = append(p.Rows, r)
	}
	return p
}

func TestYAMLAndCSVHoldTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := drawMap(t)
		text, err := WriteYAML(m)
		require.NoError(t, err)
		byYAML, err := ParseMap("m.yaml", text)
		require.NoError(t, err, "%s", text)
		require.Equal(t, plain(m), plain(byYAML), "%s", text)

		table := WriteCSV(byYAML)
		byCSV, err := ParseCSV("m.csv", table)
		require.NoError(t, err, "%s", table)
		require.Equal(t, plain(m), plain(byCSV), "%s", table)

		again, err := WriteYAML(byCSV)
		require.NoError(t, err)
		require.Equal(t, string(text), string(again))
		requireNoFormulas(t, table)
	})
}

func requireNoFormulas(t require.TestingT, table []byte) {
	r := csv.NewReader(strings.NewReader(string(table)))
	r.FieldsPerRecord = -1
	records, err := r.ReadAll()
	require.NoError(t, err)
	for _, cells := range records {
		for _, cell := range cells {
			if trimmed := strings.TrimLeft(cell, " "); trimmed != "" {
				require.NotContains(t, formulaMarks, firstOf(trimmed), "%q", cell)
			}
		}
	}
}

func TestDefaultMapsAsTables(t *testing.T) {
	t.Parallel()
	maps, err := LoadMaps(schema.Maps())
	require.NoError(t, err)
	for _, m := range maps {
		again, err := ParseCSV(m.Name, WriteCSV(m))
		require.NoError(t, err)
		require.Equal(t, plain(m), plain(again))
	}
}

func TestATableAsASpreadsheetSavesIt(t *testing.T) {
	t.Parallel()
	want, err := ParseMap("", []byte("name: shop\ndescription: '=A1'\nsource: s\ntarget: t\nrows:\n"+
		"  - {from: a, to: b, default: true}\n  - {expr: \"record.x + 'y'\", to: c, values: {low: 1, high: -2}}\n  - {expr: \"'y' + record.x\", to: d}\n"))
	require.NoError(t, err)
	for name, text := range map[string]string{
		"commas, padded": "\ufeffname,shop,,,\r\ndescription,'=A1,,,\r\nsourceModel,s,,,\r\ntargetModel,t,,,\r\n,,,,\r\nsource,target,values,default,expr\r\n" +
			"a,b,,TRUE,\r\n,,,,\r\n,c,\"{\"\"low\"\":1,\"\"high\"\":-2}\",,record.x + 'y'\r\n,d,,,'y' + record.x",
		"semicolons": "name;shop\ndescription;'=A1\nsourceModel;s\ntargetModel;t\nsource;target;convert;default;values;expr\na;b;;true;;\n" +
			";c;;;\"{\"\"low\"\": 1, \"\"high\"\": -2}\";record.x + 'y'\n;d;;;;'y' + record.x\n",
		"tabs, all quoted": "\"NAME\"\t\"shop\"\n\"Description\"\t\"'=A1\"\n\"sourcemodel\"\t\"s\"\n\"targetmodel\"\t\"t\"\n\"Source\"\t\"Target\"\t\"default\"\t\"values\"\t\"expr\"\n" +
			"\"a\"\t\" b \"\t\"True\"\n\"\"\t\"c\"\t\"\"\t\"{\"\"high\"\":-2,\"\"low\"\":1}\"\t\"record.x + 'y'\"\n\t\"d\"\t\t\t\"'y' + record.x\"",
	} {
		m, err := ParseCSV("x.csv", []byte(text))
		require.NoError(t, err, name)
		require.Equal(t, plain(want), plain(m), name)
	}
}

func TestProblemsOfTables(t *testing.T) {
	t.Parallel()
	head := "name,x\nsourceModel,s\ntargetModel,t\n"
	for text, want := range map[string]string{
		"":                                     "has no headings above its rows: a line such as source,target",
		"a,b\nsource,target\n":                 `x.csv:1:1: unknown line "a"`,
		"nmae,b\nsource,target\n":              `did you mean "name"?`,
		head + "source,tarket\n":               `x.csv:4:8: unknown heading "tarket"; did you mean "target"?`,
		head + "source,target,target\n":        `x.csv:4:15: the heading "target" is there twice`,
		head + "source,target\na,b,c\n":        `x.csv:5:5: row 1: "c" stands in a column that has no heading`,
		head + "source,target\na,\n":           `x.csv:5:1: row 1: the row has no "target"`,
		head + "source,target\na,\"b\n":        "is not valid CSV",
		head + "source,target,values\na,b,c\n": "x.csv:5:5: row 1: values must be a JSON object",
		head + "source,target,values\na,b,\"{\"\"a\"\":[]}\"\n":    `the value of "a" must be text`,
		head + "source,target,values\na,b,\"{\"\"a\"\":1e999}\"\n": `the value of "a" is a number beyond`,
		head + "source,target,default\na,b,\"\"\"x\"\n":            "is not a text in double quotes",
		head + "source,target,default\na,b,0x1F\n":                 "must be written as JSON writes it",
		"name,x\ntargetModel,t\nsource,target\na,b\n":              `the map has no "sourceModel"`,
		head + "name,y\nsource,target\na,b\n":                      `the map has the key "name" twice`,
		"name,\xff\n":                                              "is not valid UTF-8; save it as CSV in UTF-8",
		strings.Repeat(",", maxFileBytes+1):                        "is larger than",
		head + "source,target\n" + strings.Repeat("a,b\n", 501):    "at most 500",
	} {
		_, err := ParseCSV("x.csv", []byte(text))
		require.IsType(t, Problems{}, err, cut(text))
		require.Contains(t, err.Error(), want, cut(text))
	}
}

func TestProblemsOfATableAreInItsWords(t *testing.T) {
	t.Parallel()
	models, err := LoadModels(schema.Models())
	require.NoError(t, err)
	const rows = "source,target,expr\nid,asset.assetHeader.externalAssetId,\n"
	_, err = ParseCSV("rows.csv", []byte(rows+",asset.assetDetail.name,\n"))
	require.ErrorContains(t, err, `rows.csv:3:1: row 2: the row has no "source" that says what it takes, and no "expr"`)
	_, err = ParseCSV("rows.csv", []byte(rows))
	require.EqualError(t, err, `rows.csv:1:1: the map has no "name"
rows.csv:1:1: the map has no "sourceModel"
rows.csv:1:1: the map has no "targetModel"`)

	m, err := ParseCSV("shop.csv", []byte("name,shop\nsourceModel,qualys-tas.aplication\ntargetModel,inventory\n"+rows))
	require.NoError(t, err)
	wrong := Check(m, models)
	require.Len(t, wrong, 1)
	require.Equal(t, "sourceModel", wrong[0].Key)
	m, err = ParseCSV("shop.csv", []byte("name,shop\nsourceModel,qualys-tas.application\ntargetModel,inventory\nassetClass,application\n"+rows+
		"nmae,asset.assetDetail.name,\nid,asset.assetDetail.attributes.x,record.id\n"))
	require.NoError(t, err)
	wrong = Check(m, models)
	require.Len(t, wrong, 2)
	require.Equal(t, []string{"source", "expr"}, []string{wrong[0].Key, wrong[1].Key})
	require.Contains(t, wrong[1].Message, "either source or expr")
}

func TestTheHeadingsOfATable(t *testing.T) {
	t.Parallel()
	const head = "name,shop\nsourceModel,s\ntargetModel,t\n"
	want, err := ParseCSV("x.csv", []byte(head+"source,target,default\na,b,1\n"))
	require.NoError(t, err)
	for _, rows := range []string{"target,source,default\nb,a,1\n", "Default,Target,Source\n1,b,a\n"} {
		m, err := ParseCSV("x.csv", []byte(head+rows))
		require.NoError(t, err, "%s: in any order", rows)
		require.Equal(t, plain(want), plain(m))
	}
	m, err := ParseCSV("x.csv", []byte(strings.ReplaceAll(head+"target,source\nb,a\n", ",", ";")))
	require.NoError(t, err)
	require.Equal(t, "a", m.Rows[0].From)
	_, err = ParseCSV("x.csv", []byte(head+"a,b\nc,d\ne,f\n"))
	require.EqualError(t, err, "x.csv: has no headings above its rows: a line such as source,target,convert,default,values,expr")
}

func TestATableGetsTheNameThatItIsGiven(t *testing.T) {
	t.Parallel()
	const rest = "sourceModel,s\ntargetModel,t\nsource,target\na,b\n"
	for what, text := range map[string]string{"none": rest, "an empty one": "name,\n" + rest, "another": "name,other\n" + rest} {
		m, err := ParseCSVAs("x.csv", []byte(text), "shop")
		require.NoError(t, err, what)
		require.Equal(t, "shop", m.Name, what)
	}
}
