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
		"loops inside of loops":             {strings.Repeat(tens+".all(a, ", 6) + "true" + strings.Repeat(")", 6), `{"id":1}`, steps},
		"loops that double a text":          {`["abcdefgh"]` + loops(20, "a+a"), `{"id":1}`, steps},
		"loops that double a list":          {`[["a"]]` + loops(30, "a+a") + ".all(a, a == a)", `{"id":1}`, values},
		"loops that nest lists":             {`["a"]` + loops(30, "[a,a]") + ".all(a, a == a)", `{"id":1}`, values},
		"loops that nest maps":              {`["a"]` + loops(30, `{"x":a,"y":a}`) + ".all(a, a == a)", `{"id":1}`, values},
		"loops inside of loops that nest":   {`["a"]` + loops(8, tens+".map(b, a)") + ".all(a, a in [a])", `{"id":1}`, values},
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
