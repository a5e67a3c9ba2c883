package transform

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// exprMap is a map of TAS applications whose rows are "expression => target,
// option: value"; those with an arrow " -> " are as in mapOf.
func exprMap(t testing.TB, rows ...string) *Map {
	t.Helper()
	text := "name: test\nsource: qualys-tas.application\ntarget: inventory\nassetClass: application\nrows:\n" +
		"  - {from: id, to: asset.assetHeader.externalAssetId}\n"
	for _, row := range rows {
		key, arrow := "from", " -> "
		if strings.Contains(row, " => ") {
			key, arrow = "expr", " => "
		}
		from, rest, _ := strings.Cut(row, arrow)
		to, options, more := strings.Cut(rest, ", ")
		if more {
			options = ", " + options
		}
		text += fmt.Sprintf("  - {%s: %q, to: %q%s}\n", key, from, to, options)
	}
	m, err := ParseMap("test.yaml", []byte(text))
	require.NoError(t, err)
	return m
}

func exprProgram(t testing.TB, rows ...string) *Program {
	t.Helper()
	p, err := Compile(exprMap(t, rows...), defaultModels(t))
	require.NoError(t, err)
	return p
}

const (
	findingIDs = "findings[].id -> findingGroup.findings[].externalFindingId"
	toName     = " => asset.assetDetail.name"
	toX        = " => asset.assetDetail.attributes.x"
	toFinding  = " => findingGroup.findings[].attributes.x"
)

func TestExpressionsOfTheRecord(t *testing.T) {
	t.Parallel()
	record := []byte(`{"findings":[{"id":1,"severity":"4","title":"a"},{"id":2,"severity":2}],"name":" Web\u00e9 ","id":4211,
		"url":"https://x.example.com/","createdDate":"2025-01-31T09:30:00+0000","uuid":null}`)
	for row, want := range map[string]string{
		`record.name.trim()` + toX:                                                 `"Webé"`,
		`record.id + "/" + record.name` + toX:                                      `"4211/ Webé "`,
		`record.?uuid.orValue("none")` + toX:                                       `"none"`,
		`has(record.uuid)` + toX:                                                   `false`,
		`record.?uuid` + toX:                                                       ``,
		`record.?uuid` + toX + `, default: 7`:                                      `7`,
		`size(record.findings)` + toX:                                              `2`,
		`record.findings.filter(f, f.severity >= 3).map(f, f.id)` + toX:            `["1"]`,
		`record.findings[0]` + toX:                                                 `{"id":1,"severity":"4","title":"a"}`,
		`record.createdDate.getFullYear()` + toX:                                   `2025`,
		`record.createdDate` + toX:                                                 `"2025-01-31T09:30:00Z"`,
		`record.createdDate < timestamp("2026-01-01T00:00:00Z") ? 1.5 : 2.5` + toX: `1.5`,
		`record.url.startsWith("https:") ? "tls" : ""` + toX:                       `"tls"`,
		`{"a": [1, 2u, null], "b": {"c": true}}` + toX:                             `{"a":[1,2,null],"b":{"c":true}}`,
		`record.url.split("/")[2].upperAscii()` + toX:                              `"X.EXAMPLE.COM"`,
		`["a", "b"].join("-").replace("-", "+").lowerAscii()` + toX:                `"a+b"`,
		`record.name.substring(1, 4) + record.url.substring(20)` + toX:             `"Web` + `m/"`,
		`record.url.matches("^https?://") ` + toX:                                  `true`,
		`record.findings.map(f, f.severity)[0]` + toX + `, convert: string`:        `"4"`,
		`size(record.findings) > 1 ? "many" : "few"` + toX + `, values: {many: 2}`: `2`,
	} {
		asset, rejects := exprProgram(t, row).NewApplier().Apply(record)
		require.Empty(t, rejects, row)
		if want != "" {
			want = `{"x":` + want + `}`
		}
		require.Equal(t, want, string(asset.Attributes), row)
	}
}

func TestExpressionsFillTypedFields(t *testing.T) {
	t.Parallel()
	p := exprProgram(t, findingIDs,
		`record.name.upperAscii()`+toName,
		`record.createdDate + duration("1h") => asset.assetDetail.sourceUpdatedAt`,
		`finding.severity == 5 ? 5 : finding.severity + 1 => findingGroup.findings[].severity`,
		`record.name + ": " + finding.title => findingGroup.findings[].name`,
	)
	asset, rejects := p.NewApplier().Apply([]byte(`{"findings":[{"id":1,"severity":"4","title":"a"},{"id":2,"severity":1,"title":"b"}],
		"name":"Shop","id":1,"createdDate":"2025-01-31T09:30:00Z"}`))
	require.Empty(t, rejects)
	require.Equal(t, &Asset{
		ExternalID: "1", Name: "SHOP", SourceUpdatedAt: time.Date(2025, 1, 31, 10, 30, 0, 0, time.UTC), FindingsListed: true,
		Findings: []Finding{{ExternalID: "1", Name: "Shop: a", Severity: 5}, {ExternalID: "2", Name: "Shop: b", Severity: 2}},
	}, asset, "an expression of a finding sees a field of the record that comes behind it")
}

func TestAnIDCanBeAnExpression(t *testing.T) {
	t.Parallel()
	p := exprProgram(t, `record.id + "-" + finding.id => findingGroup.findings[].externalFindingId`, "findings[].title -> findingGroup.findings[].name")
	asset, rejects := p.NewApplier().Apply([]byte(`{"id":1,"findings":[{"id":2},{}]}`))
	require.Equal(t, []Finding{{ExternalID: "1-2"}}, asset.Findings)
	require.Len(t, rejects, 1)
	require.Equal(t, 1, rejects[0].Finding)
}

func TestAnIDIsMadeOfAFieldOfItsOwnLevel(t *testing.T) {
	t.Parallel()
	for row, want := range map[string]string{
		`"a" => findingGroup.findings[].externalFindingId`:                   "fills an id, and names no field of the finding: all would become the same one",
		`record.id => findingGroup.findings[].externalFindingId`:             "names no field of the finding",
		`record.findings[0].id => findingGroup.findings[].externalFindingId`: "names no field of the finding",
	} {
		problems := Check(exprMap(t, "findings[].title -> findingGroup.findings[].name", row), defaultModels(t))
		require.Len(t, problems, 1, "%v", problems)
		require.Contains(t, problems[0].Message, want, row)
	}
	m := exprMap(t)
	m.Rows[0].From, m.Rows[0].Expr = "", `"a"`
	require.ErrorContains(t, Check(m, defaultModels(t)), "names no field of the record")
	m.Rows[0].Expr = `"a" + record.id`
	require.Empty(t, Check(m, defaultModels(t)))
	require.Empty(t, Check(exprMap(t, `"web"`+toX), defaultModels(t)), "other fields may be the same for all")
}

func TestAnExpressionThatFailsRejectsItsRecordOrFinding(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ row, record, value, reason string }{
		"absent field":     {`record.name` + toX, `{"id":1}`, `{}`, "name is absent here: test it with has(), or write .?name.orValue"},
		"null field":       {`record.name` + toX, `{"id":1,"name":null}`, `{"record.name":null}`, "name is absent"},
		"another type":     {`record.createdDate.getFullYear()` + toX, `{"id":1,"createdDate":"soon"}`, `{"record.createdDate":"soon"}`, "createdDate is not a time"},
		"no object":        {`record.findings.all(f, f.severity > 1)` + toX, `{"id":1,"findings":[1]}`, `{"record.findings":[1]}`, "has an element that is not an object"},
		"no list":          {`size(record.findings)` + toX, `{"id":1,"findings":{}}`, `{"record.findings":{}}`, "findings is not a list"},
		"deep field":       {`record.findings[0].severity` + toX, `{"id":1,"findings":[{"severity":9}]}`, `{"record.findings":[{"severity":9}]}`, "severity is not a severity"},
		"deep field twice": {`record.findings[0].severity` + toX, `{"id":1,"findings":[{"severity":4,"severity":5}]}`, "", "severity is there twice"},
		"division":         {`1 / size(record.findings)` + toX, `{"id":1,"findings":[]}`, `{"record.findings":[]}`, "division by zero"},
		"index":            {`record.findings[3].id` + toX, `{"id":1,"findings":[]}`, "", "index out of bounds"},
		"wrong severity":   {`record.?name.orValue("9")` + toX + ", convert: severity", `{"id":1}`, `"9"`, "is not a severity"},
		"no number":        {`double("NaN") + double(size(record.name))` + toX, `{"id":1,"name":"a"}`, "", "does not have"},
		"endless":          {`[1,2,3,4,5,6,7,8,9].all(a, [1,2,3,4,5,6,7,8,9].all(b, [1,2,3,4,5,6,7,8,9].all(c, [1,2,3,4,5,6,7,8,9].all(d, [1,2,3,4,5,6,7,8,9].all(e, a+b+c+d+e > size(record.id))))))` + toX, `{"id":1}`, "", "takes too many steps"},
		"growing":          {`[record.name].map(a, a+a+a+a).map(a, a+a+a+a).map(a, a+a+a+a).map(a, a+a+a+a).map(a, a+a+a+a).map(a, a+a+a+a).map(a, a+a+a+a).map(a, a+a+a+a).map(a, a+a+a+a).map(a, a+a+a+a).map(a, a+a+a+a)` + toX, `{"id":1,"name":"0123456789"}`, "", "too many steps"},
		"growing by code":  {strings.Repeat(`record.name.replace("a","aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")`, 1) + strings.Repeat(`.replace("a","aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")`, 5) + toX, `{"id":1,"name":"aa"}`, "", "too long"},
	} {
		asset, rejects := exprProgram(t, c.row).NewApplier().Apply([]byte(c.record))
		require.Nil(t, asset, name)
		require.Len(t, rejects, 1, name)
		require.Contains(t, rejects[0].Reason, c.reason, name)
		require.LessOrEqual(t, len(rejects[0].Reason), 2*maxRejectText)
		require.True(t, strings.HasPrefix(rejects[0].Row, "expr "), rejects[0].Row)
		require.Equal(t, "1", rejects[0].AssetID)
		if c.value != "" {
			require.Equal(t, c.value, rejects[0].Value, name)
		}
	}
	asset, rejects := exprProgram(t, findingIDs, "finding.severity + 0"+toFinding).NewApplier().Apply(
		[]byte(`{"id":1,"findings":[{"id":1,"severity":1},{"id":2},{"id":3,"severity":3}]}`))
	require.Len(t, asset.Findings, 2, "a finding is rejected alone")
	require.Equal(t, []Reject{{AssetID: "1", FindingID: "2", Finding: 1, Row: "expr finding.severity + 0 -> findingGroup.findings[].attributes.x", Value: "{}",
		Reason: rejects[0].Reason}}, rejects)
}

func TestProblemsOfExpressions(t *testing.T) {
	t.Parallel()
	for row, c := range map[string]struct{ want, suggestion string }{
		`record.nmae` + toName:                         {`at character 7, names a field "nmae" that the record does not have; did you mean "name"?`, "name"},
		`record.findings[0].severty > 1` + toX:         {`names a field "severty" that the finding does not have; did you mean "severity"?`, "severity"},
		`finding.severty` + toFinding:                  {`names a field "severty" that the finding does not have`, "severity"},
		`record.?nmae.orValue("")` + toName:            {`did you mean "name"?`, "name"},
		`has(record.nmae)` + toX:                       {`did you mean "name"?`, "name"},
		`name` + toName:                                {`names "name", which is neither a variable nor a function; did you mean "record.name"?`, "record.name"},
		`record.name.lowerAsci()` + toName:             {`names "lowerAsci", which is neither a variable nor a function; did you mean "lowerAscii"?`, "lowerAscii"},
		`now() > record.createdDate` + toX:             {"asks what time it is", ""},
		`lower(record.name)` + toName:                  {`did you mean "lowerAscii"?`, "lowerAscii"},
		`record.name.toUpperCase()` + toName:           {`did you mean "upperAscii"?`, "upperAscii"},
		`record["name"]` + toName:                      {"a name that is no identifier stands in backticks: record.`Host-Nr`", ""},
		`recrd.name` + toName:                          {`did you mean "record"?`, "record"},
		`finding.title` + toName:                       {`names "finding"`, "record.findings"},
		`record.name +` + toName:                       {`is not valid: Syntax error`, ""},
		`record.name + 1` + toName:                     {`has +, which does not take (string, int)`, ""},
		`size(record.name)` + toName:                   {"is of type int and asset.assetDetail.name of type string; add convert: string", "convert: string"},
		`record.findings` + toName:                     {"it can only go to attributes", ""},
		`record` + toX:                                 {"uses the whole record", ""},
		`duration("1s")` + toX:                         {"which no field takes", ""},
		`record.name.matches("(")` + toX:               {"invalid matches argument", ""},
		`true => asset.assetDetail.sourceCreatedAt`:    {"is of type bool and", "convert: timestamp"},
		strings.Repeat(" ", 2001) + toName:             {"is empty", ""},
		`"` + strings.Repeat("x", 2000) + `"` + toName: {"is longer than 2000", ""},
		`1 / 0` + toX:                                  {"names no field, and fails for every record: division by zero", ""},
		strings.Repeat(`[1,2,3,4,5,6,7,8,9,10].all(a, `, 7) + "true" + strings.Repeat(")", 7) + toX: {"fails for every record: it takes too many steps", ""},
		`null` + toX:            {"names no field, and never gives a value", ""},
		`optional.none()` + toX: {"names no field, and never gives a value", ""},
		strings.Repeat("(", 60) + "1" + strings.Repeat(")", 60) + toX: {"is not valid", ""},
	} {
		problems := Check(exprMap(t, findingIDs, row), defaultModels(t))
		require.Len(t, problems, 1, "%s: %v", row, problems)
		require.Contains(t, problems[0].Message, c.want, row)
		require.Equal(t, c.suggestion, problems[0].Suggestion, row)
		require.Equal(t, 3, problems[0].Row)
		require.Equal(t, 8, problems[0].Line)
	}
	m := exprMap(t, findingIDs)
	m.Rows[0].Expr = "record.id"
	require.ErrorContains(t, Check(m, defaultModels(t)), "a row has either from or expr")
	problems := Check(exprMap(t, `finding.id => findingGroup.findings[].externalFindingId`), defaultModels(t))
	require.ErrorContains(t, problems, "no row says which list the findings come from")
}

func TestExpressionsStopWhenInterrupted(t *testing.T) {
	t.Parallel()
	applier := exprProgram(t, `record.findings.all(f, record.findings.all(g, f.id != "x"))`+toX).NewApplier()
	ctx, cancel := context.WithCancel(t.Context())
	applier.Interrupt(ctx)
	record := []byte(`{"id":1,"findings":[` + strings.TrimSuffix(strings.Repeat(`{"id":1},`, 50), ",") + `]}`)
	asset, rejects := applier.Apply(record)
	require.Empty(t, rejects)
	require.NotNil(t, asset)
	cancel()
	asset, rejects = applier.Apply(record)
	require.Nil(t, asset)
	require.Contains(t, rejects[0].Reason, "interrupted")
}

func TestTheExpressionsOfARecordAreBoundedTogether(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("x", 60<<10)
	record := `{"name":"` + text + `","id":1,"findings":[`
	const findings = 1500 // of 60 KiB each
	for i := range findings {
		record += fmt.Sprintf(`{"id":%d},`, i)
	}
	applier := exprProgram(t, findingIDs, "record.name"+toFinding).NewApplier()
	asset, rejects := applier.Apply([]byte(strings.TrimSuffix(record, ",") + "]}"))
	require.Equal(t, findings, len(asset.Findings)+len(rejects))
	require.InDelta(t, maxComputed/len(text), len(asset.Findings), 2)
	require.Contains(t, rejects[0].Reason, "together")
	asset, rejects = applier.Apply([]byte(`{"id":1,"name":"x","findings":[{"id":1}]}`))
	require.Empty(t, rejects)
	require.Len(t, asset.Findings, 1, "each record begins anew")
}

func TestNamesThatAreNoIdentifiersStandInBackticks(t *testing.T) {
	t.Parallel()
	source, err := ParseModel("host.yaml", []byte("name: file.host\ntitle: t\nrole: source\ndescription: d\nfields:\n"+
		"  - {path: id, type: string, description: d, evidence: inferred}\n  - {path: Host-Nr, type: string, description: d, evidence: inferred}\n"))
	require.NoError(t, err)
	models, err := defaultModels(t).With(source)
	require.NoError(t, err)
	check := func(expr string) Problems {
		return Check(&Map{Name: "x", Source: "file.host", Target: "inventory", Rows: []Row{
			{From: "id", To: "asset.assetHeader.externalAssetId"}, {Expr: expr, To: "asset.assetDetail.name"}}}, models)
	}
	require.Empty(t, check("record.`Host-Nr`"))
	for expr, suggestion := range map[string]string{`record.Host-Nr`: "`Host-Nr`", "record.`Host-Nt`": "`Host-Nr`", `Host-Nr`: "record.`Host-Nr`"} {
		problems := check(expr)
		require.Len(t, problems, 1, expr)
		require.Equal(t, suggestion, problems[0].Suggestion, "%s: %v", expr, problems)
		require.Contains(t, problems[0].Message, suggestion)
	}
	require.ErrorContains(t, check(`record['Host-Nr']`), "stands in backticks")
}
