package transform

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// loops is a text with one loop after another, each of which is
// ".map(a, body)".
func loops(n int, body string) string { return strings.Repeat(".map(a, "+body+")", n) }

func TestExpressionsWithoutAnEndAreGivenUp(t *testing.T) {
	t.Parallel()
	const steps, values = "takes too many steps", "makes too many values"
	tens := "[1,2,3,4,5,6,7,8,9,10]"
	long := `{"id":1,"name":"` + strings.Repeat("a", 100_000) + `"}`
	for name, c := range map[string]struct{ expr, record, reason string }{
		"loops inside of loops":             {strings.Repeat(tens+".all(a, ", 6) + `record.id != ""` + strings.Repeat(")", 6), `{"id":1}`, steps},
		"loops that double a text":          {`["abcdefgh" + record.id]` + loops(20, "a+a"), `{"id":1}`, steps},
		"loops that double a list":          {`[[record.id]]` + loops(30, "a+a") + ".all(a, a == a)", `{"id":1}`, values},
		"loops that nest lists":             {`[record.id]` + loops(30, "[a,a]") + ".all(a, a == a)", `{"id":1}`, values},
		"loops that nest maps":              {`[record.id]` + loops(30, `{"x":a,"y":a}`) + ".all(a, a == a)", `{"id":1}`, values},
		"loops inside of loops that nest":   {`[record.id]` + loops(8, tens+".map(b, a)") + ".all(a, a in [a])", `{"id":1}`, values},
		"a text function in a loop":         {tens + ".all(a, " + tens + `.all(b, record.name.upperAscii() != ""))`, long, steps},
		"a replacement in a loop":           {tens + `.all(a, "a".replace("a", record.name) != "")`, long, steps},
		"a text that is split and joined":   {tens + `.all(a, record.name.split("").join("") != "")`, long, steps},
		"a pattern for a long text":         {`record.name.matches("(a|aa)*b(a|aa)*c$")` + strings.Repeat(` || record.name.matches("(a|aa)*b(a|aa)*c$")`, 5), long, steps},
		"a pattern of the record's":         {`"x".matches(record.name)`, `{"id":1,"name":"((((a{1,10}){1,10}){1,10}))"}`, "exceeds limit of 1000"},
		"a pattern of the record's, longer": {`"x".matches(record.name)`, `{"id":1,"name":"` + strings.Repeat("(a{1,10}){1,10}", 1000) + `"}`, "exceeds limit of 1000"},
	} {
		applier := exprProgram(t, c.expr+toX).NewApplier()
		asset, rejects := applier.Apply([]byte(c.record))
		require.Nil(t, asset, name)
		require.Len(t, rejects, 1, name)
		require.Contains(t, rejects[0].Reason, c.reason, name)
		require.LessOrEqual(t, len(rejects[0].Reason), 2*maxRejectText, name)
		require.Less(t, applier.cost, uint64(3*maxCost), "%s: it ends soon", name)
	}
}

// RE2 takes a text once, whatever its pattern is.
func TestNoPatternIsCatastrophic(t *testing.T) {
	t.Parallel()
	applier := exprProgram(t, `record.name.matches("(a+)+$") || record.name.matches("(a|a)*b")`+toX).NewApplier()
	asset, rejects := applier.Apply([]byte(`{"id":1,"name":"` + strings.Repeat("a", 10_000) + `!"}`))
	require.Empty(t, rejects)
	require.Equal(t, `{"x":false}`, string(asset.Attributes))
	require.Less(t, applier.cost, uint64(10_000))

	problems := Check(exprMap(t, `record.name.matches("((((a{1,10}){1,10}){1,10}))")`+toX), defaultModels(t))
	require.ErrorContains(t, problems, "exceeds limit of 1000")
}

func TestListsOfTheRecordAreReadOnceForAllOfItsFindings(t *testing.T) {
	t.Parallel()
	const findings = 2000
	record := `{"id":1,"findings":[`
	for i := range findings {
		record += fmt.Sprintf(`{"id":%d,"title":"t"},`, i)
	}
	record = strings.TrimSuffix(record, ",") + "]}"
	applier := exprProgram(t, findingIDs, "size(record.findings)"+toFinding).NewApplier()
	asset, rejects := applier.Apply([]byte(record))
	require.Empty(t, rejects)
	require.Len(t, asset.Findings, findings)
	require.Equal(t, `{"x":2000}`, string(asset.Findings[findings-1].Attributes))
	require.Less(t, applier.scratch.read, len(record))

	asset, _ = applier.Apply([]byte(`{"id":1,"findings":[{"id":1}]}`))
	require.Equal(t, `{"x":1}`, string(asset.Findings[0].Attributes), "each record has its own")
}

// nestedLists compiles a map with an expression, of a model of records with a list in an
// object.
func nestedLists(t *testing.T, expr string) *Program {
	t.Helper()
	source, err := ParseModel("host.yaml", []byte("name: file.host\ntitle: t\nrole: source\ndescription: d\nfields:\n"+
		"  - {path: id, type: string, description: d, evidence: inferred}\n"+
		"  - {path: L, type: object, description: d, evidence: inferred}\n"+
		"  - {path: L.D, type: array, description: d, evidence: inferred}\n"+
		"  - {path: 'L.D[].n', type: string, description: d, evidence: inferred}\n"+
		"  - {path: any, type: object, description: d, evidence: inferred}\n"))
	require.NoError(t, err)
	models, err := defaultModels(t).With(source)
	require.NoError(t, err)
	m, err := ParseMap("map.yaml", []byte("name: x\nsource: file.host\ntarget: inventory\nassetClass: host\nrows:\n"+
		"  - {from: id, to: asset.assetHeader.externalAssetId}\n"+
		"  - {from: 'L.D[].n', to: 'findingGroup.findings[].externalFindingId'}\n"))
	require.NoError(t, err)
	to := "findingGroup.findings[].attributes.x"
	if !strings.Contains(expr, "finding.") {
		to = "asset.assetDetail.attributes.x"
	}
	m.Rows = append(m.Rows, Row{Expr: expr, To: to})
	p, err := Compile(m, models)
	require.NoError(t, err)
	return p
}

func TestListsInObjectsAreReadOnceForAllFindings(t *testing.T) {
	t.Parallel()
	const findings = 2000
	for name, c := range map[string]struct{ last, reason string }{
		"as they should be":       {`{"n":"x"}`, ""},
		"with an altered text":    {`{"n":"\u0000"}`, "an id cannot be altered"},
		"with what is no element": {`7`, "D has an element that is not an object"},
	} {
		record := `{"id":1,"L":{"D":[` + strings.Repeat(`{"n":"a"},`, findings-1) + c.last + "]}}"
		applier := nestedLists(t, `size(record.L.D) > 1 && size(record.L.D) < 9999 && finding.n != "b"`).NewApplier()
		_, rejects := applier.Apply([]byte(record))
		require.Less(t, applier.scratch.read, 4*len(record), name)
		if c.reason != "" {
			require.NotEmpty(t, rejects, name)
			require.Contains(t, rejects[0].Reason, c.reason, name)
		}
		asset, rejects := applier.Apply([]byte(`{"id":1,"L":{"D":[{"n":"a"},{"n":"b"}]}}`))
		require.Empty(t, rejects, name)
		require.Equal(t, `{"x":true}`, string(asset.Findings[0].Attributes), "each record has its own")
	}
}

func TestARejectTakesNoMoreOfLongFieldsThanItShows(t *testing.T) {
	t.Parallel()
	p := exprProgram(t, findingIDs, `finding.severity > 3 || record.name == record.url`+toFinding)
	applier := p.NewApplier()
	applier.Apply([]byte(`{"id":1,"name":"` + strings.Repeat("x", 1<<20) + `","url":"` + strings.Repeat("y", 1<<20) + `","findings":[{"id":1}]}`))
	require.Less(t, len(applier.readBy(p.finding.computed[0])), 2*maxRejectText)
}

func TestNumbersThatWouldLoseDigitsAreRejected(t *testing.T) {
	t.Parallel()
	applier := nestedLists(t, `string(record.any.x)`).NewApplier()
	for number, kept := range map[string]bool{
		`12`: true, `9223372036854775807`: true, `0.1`: true, `1e3`: true, `-1.50`: true, `9007199254740992.0`: true, `1e22`: true,
		`0.12345678901234567890`: true, // the nearest: it is no id
		`9223372036854775808`:    false, `9007199254740993.0`: false, `12345678901234567890e0`: false, `-1.2345678901234567891e30`: false,
	} {
		for _, form := range []string{`{"id":1,"any":{"x":%s}}`, `{"id":1,"any":{"x":"a","y":[{"z":%s}]}}`} {
			asset, rejects := applier.Apply(fmt.Appendf(nil, form, number))
			if kept {
				require.NotNil(t, asset, number)
			} else {
				require.Nil(t, asset, number)
				require.Regexp(t, "is a number of more digits than|is not an integer of at most 64 bits", rejects[0].Reason, number)
			}
		}
	}
}

func TestExpressionsThatReadTooMuchOfARecordAreGivenUp(t *testing.T) {
	t.Parallel()
	applier := exprProgram(t, `[1,2,3,4,5,6,7,8,9,10].all(a, [1,2,3,4,5,6,7,8,9,10].all(b, record.findings[0].severity > 0))`+toX).NewApplier()
	record := func(title int) []byte {
		return []byte(`{"id":1,"findings":[{"severity":1,"title":"` + strings.Repeat("x", title) + `"}]}`)
	}
	asset, rejects := applier.Apply(record(maxRead / 90))
	require.Nil(t, asset)
	require.Contains(t, rejects[0].Reason, "the expressions of this record go through more than 536870912 bytes of it together")
	asset, rejects = applier.Apply(record(maxRead / 9000))
	require.Empty(t, rejects, "each record begins anew")
	require.Equal(t, `{"x":true}`, string(asset.Attributes))
}

// What is known to be short is not counted step by step, and gives the same.
func TestShortExpressionsGiveWhatCountedOnesDo(t *testing.T) {
	t.Parallel()
	record := applicationRecord(1)
	for _, expr := range []string{
		expressionSorts["choice"], expressionSorts["default"], expressionSorts["text"], `1 / (finding.severity - 1)`, `finding.cveIds[1]`,
		`record.name + finding.title.lowerAscii()`, `finding.?cveIds[?0]`,
	} {
		p := exprProgram(t, findingIDs, expr+toFinding)
		x := p.finding.computed[0].expr
		require.NotNil(t, x.short, expr)
		short := p.NewApplier()
		asset, rejects := short.Apply(record)
		x.short = nil
		counted := p.NewApplier()
		same, others := counted.Apply(record)
		require.Equal(t, same, asset, expr)
		require.Equal(t, others, rejects, expr)
		require.GreaterOrEqual(t, short.cost, counted.cost, "%s: it is counted for no less", expr)
	}
}
