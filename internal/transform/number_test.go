package transform

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What each sort of number is as text, as a number of a type, as an attribute,
// and in an expression; what begins with "!" is the reason it is rejected for.
func TestNumbersAreTakenAsTheyAreOrRejected(t *testing.T) {
	t.Parallel()
	const (
		noInt   = "!" + reasonInt
		noFloat = "!" + reasonFloat
		noRange = "!" + reasonNumber
	)
	const to = " -> asset.assetDetail.attributes.n"
	asID, asText := compiled(t), compiled(t, "name -> asset.assetDetail.name")
	asInt, asFloat, asAttribute := compiled(t, "name"+to+", convert: int"), compiled(t, "name"+to+", convert: float"), compiled(t, "name"+to)
	inExpression := untyped(t, "record.list[0]", "asset.assetDetail.attributes.n")
	for given, want := range map[string]struct{ id, text, integer, float, attribute, expr string }{
		"9007199254740993":       {"9007199254740993", "9007199254740993", "9007199254740993", "9007199254740992", "9007199254740993", "9007199254740993"},
		"9223372036854775807":    {"9223372036854775807", "9223372036854775807", "9223372036854775807", "9223372036854776000", "9223372036854775807", "9223372036854775807"},
		"-9223372036854775808":   {"-9223372036854775808", "-9223372036854775808", "-9223372036854775808", "-9223372036854776000", "-9223372036854775808", "-9223372036854775808"},
		"9223372036854775808":    {"9223372036854775808", "9223372036854775808", noInt, "9223372036854776000", "9223372036854775808", noInt},
		"12345678901234567890":   {"12345678901234567890", "12345678901234567890", noInt, "12345678901234567000", "12345678901234567890", noInt},
		"1e3":                    {"1e3", "1e3", noInt, "1000", "1e3", "1000"},
		"1E+3":                   {"1E+3", "1E+3", noInt, "1000", "1E+3", "1000"},
		"1.0":                    {"1.0", "1.0", noInt, "1", "1.0", "1"},
		"0.1000000000000000055":  {"0.1000000000000000055", "0.1000000000000000055", noInt, "0.1", "0.1000000000000000055", "0.1"},
		"-0":                     {"-0", "-0", "0", "-0", "-0", "0"},
		"-0.0":                   {"-0.0", "-0.0", noInt, "-0", "-0.0", "-0"},
		"1e400":                  {"1e400", "1e400", noInt, noFloat, "1e400", noFloat},
		"-1e400":                 {"-1e400", "-1e400", noInt, noFloat, "-1e400", noFloat},
		"1e-400":                 {"1e-400", "1e-400", noInt, "0", "1e-400", "0"},
		"1e1001":                 {"1e1001", "1e1001", noInt, noFloat, noRange, noFloat},
		"1e99999999999999999999": {"1e99999999999999999999", "1e99999999999999999999", noInt, noFloat, noRange, noFloat},
	} {
		id, rejects := asID.NewApplier().Apply([]byte(`{"id":` + given + `}`))
		require.Empty(t, rejects, given)
		require.Equal(t, want.id, id.ExternalID, given)

		name, rejects := asText.NewApplier().Apply([]byte(`{"id":1,"name":` + given + `}`))
		require.Empty(t, rejects, given)
		require.Equal(t, want.text, name.Name, given)

		for as, c := range map[string]struct {
			program *Program
			want    string
		}{
			"int": {asInt, want.integer}, "float": {asFloat, want.float}, "attribute": {asAttribute, want.attribute}, "expression": {inExpression, want.expr},
		} {
			asset, rejects := c.program.NewApplier().Apply([]byte(`{"id":1,"name":` + given + `,"list":[` + given + `]}`))
			if c.want[0] == '!' {
				require.Nil(t, asset, "%s as %s", given, as)
				require.Contains(t, rejects[0].Reason, c.want[1:], "%s as %s", given, as)
				continue
			}
			require.Empty(t, rejects, "%s as %s", given, as)
			require.Equal(t, `{"n":`+c.want+`}`, string(asset.Attributes), "%s as %s", given, as)
		}
	}
}

// untyped compiles a map with one expression, over records with a list of
// whose elements the model says nothing.
func untyped(t *testing.T, expr, to string) *Program {
	m, err := ParseModel("m.yaml", []byte("name: file.x\ntitle: X\nrole: source\ndescription: d\nfields:\n"+
		"  - {path: id, type: string, required: true, description: d, evidence: inferred}\n"+
		"  - {path: list, type: array, description: d, evidence: inferred}\n"))
	require.NoError(t, err)
	models, err := defaultModels(t).With(m)
	require.NoError(t, err)
	p, err := Compile(&Map{Name: "x", Source: m.Name, Target: "inventory", Rows: []Row{
		{From: "id", To: "asset.assetHeader.externalAssetId"}, {Expr: expr, To: to},
	}}, models)
	require.NoError(t, err)
	return p
}

// Numbers may be written as text; text that is only like a number is none.
func TestTextIsANumberOnlyAsJSONWritesIt(t *testing.T) {
	t.Parallel()
	asInt := compiled(t, "name -> asset.assetDetail.attributes.n, convert: int")
	asFloat := compiled(t, "name -> asset.assetDetail.attributes.n, convert: float")
	for given, want := range map[string]struct{ integer, float bool }{
		`"12"`: {true, true}, `"-1"`: {true, true}, `"+1"`: {true, false}, `"007"`: {true, false}, `"1.5"`: {false, true}, `"1e3"`: {false, true},
		`" 1"`: {}, `"1_000"`: {}, `"1,5"`: {}, `"0x10"`: {}, `"NaN"`: {}, `"Infinity"`: {}, `"١"`: {}, `"1\u0000"`: {}, `true`: {},
	} {
		_, rejects := asInt.NewApplier().Apply([]byte(`{"id":1,"name":` + given + `}`))
		require.Equal(t, want.integer, len(rejects) == 0, "%s as int", given)
		_, rejects = asFloat.NewApplier().Apply([]byte(`{"id":1,"name":` + given + `}`))
		require.Equal(t, want.float, len(rejects) == 0, "%s as float", given)
	}
}

func TestAnIDThatAnExpressionMakesOfAlteredTextIsRejected(t *testing.T) {
	t.Parallel()
	p := exprProgram(t, `record.name + "/" + finding.id => findingGroup.findings[].externalFindingId`, "findings[].title -> findingGroup.findings[].name")
	for _, record := range []string{
		`{"id":1,"name":"a\u0000","findings":[{"id":1},{"id":2}]}`,
		`{"id":1,"name":"a","findings":[{"id":"x\u0000"},{"id":"` + "\xff" + `"}]}`,
	} {
		asset, rejects := p.NewApplier().Apply([]byte(record))
		require.Empty(t, asset.Findings, record)
		require.Len(t, rejects, 2, record)
		for _, reject := range rejects {
			require.Equal(t, reasonAlteredID, reject.Reason, record)
		}
	}
	asset, rejects := exprProgram(t, findingIDs, "record.name + finding.id"+toFinding).NewApplier().Apply([]byte(`{"id":1,"name":"a\u0000","findings":[{"id":1}]}`))
	require.Empty(t, rejects)
	require.Equal(t, "{\"x\":\"a\uFFFD1\"}", string(asset.Findings[0].Attributes), "what is no id is repaired")
}
