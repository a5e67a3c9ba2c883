package transform

import (
	"slices"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func TestRowsThatNothingReaches(t *testing.T) {
	t.Parallel()
	full := "1: 1, 2: 2, 3: 3, 4: 4, 5: 5"
	for row, want := range map[string]string{
		"findings[].severity -> findingGroup.findings[].severity, values: {" + full + ", 6: 5}":           `the table has a row for "6", which findings[].severity never is`,
		"findings[].qid -> findingGroup.findings[].severity, values: {1: 1, x: 2}":                        `the table has a row for "x", which findings[].qid never is: it is of type int`,
		`has(record.name) => asset.assetDetail.attributes.x, values: {"true": 1, "flase": 2, "false": 2}`: `the table has a row for "flase", which expr has(record.name) never is; did you mean "false"?`,
		`has(record.name) => asset.assetDetail.attributes.x, values: {"true": 1}`:                         `the table has no row for "false" of expr has(record.name)`,
		"size(record.findings) => asset.assetDetail.attributes.x, default: 0":                             "the default is never taken: the expression always gives a value of type int",
		"createdDate -> asset.assetDetail.attributes.x, values: {soon: 1}":                                `"soon", which createdDate never is: it is of type timestamp`,
	} {
		problems := Check(exprMap(t, findingIDs, row), defaultModels(t))
		require.Len(t, problems, 1, "%s: %v", row, problems)
		require.Contains(t, problems[0].Message, want)
		require.Equal(t, 3, problems[0].Row)
	}
	for _, row := range []string{
		"findings[].severity -> findingGroup.findings[].severity, values: {" + full + `, "": 1}`,
		"findings[].qid -> findingGroup.findings[].severity, values: {1: 1, 2: 2}",
		"findings[].severity -> findingGroup.findings[].severity, default: 1", // a vendor may break its word
		"record.?createdDate => asset.assetDetail.sourceCreatedAt, default: 2020-01-01T00:00:00Z",
		`record.?name.orValue("") => asset.assetDetail.name, default: x`, // an empty text is none
	} {
		require.Empty(t, Check(exprMap(t, findingIDs, row), defaultModels(t)), row)
	}
}

func TestTablesOfClosedFields(t *testing.T) {
	t.Parallel()
	file := model("own.closed", "", "id string!", "live bool")
	file.Data = append(file.Data, "  - {path: state, type: string, values: [on, off], description: d, evidence: inferred}\n"...)
	own, err := LoadModels(fstest.MapFS{"m.yaml": file})
	require.NoError(t, err)
	models, err := own.With(inventory())
	require.NoError(t, err)
	check := func(row string) Problems {
		m := exprMap(t, row)
		m.Source = "own.closed"
		return Check(m, models)
	}
	require.Empty(t, check("state -> asset.assetDetail.attributes.x, values: {on: 1, off: 0}"))
	require.ErrorContains(t, check("state -> asset.assetDetail.attributes.x, values: {on: 1}"), `no row for "off"`)
	require.ErrorContains(t, check("live -> asset.assetDetail.attributes.x, values: {'true': 1}"), `no row for "false"`)
	problems := check("state -> asset.assetDetail.attributes.x, values: {on: 1, off: 0, offf: 0}")
	require.ErrorContains(t, problems, `which state never is; did you mean "off"?`)
	require.Equal(t, "off", problems[0].Suggestion)
	require.Equal(t, "values", problems[0].Key)
}

// A proposed model has the values of the file that it was proposed by.
func TestTheNextFileMayHaveMoreValues(t *testing.T) {
	t.Parallel()
	i := infer(t, `{"id":1,"issues":[{"id":"a","severity":"High"}]}`, `{"id":2,"issues":[{"id":"b","severity":"low"}]}`)
	models, err := defaultModels(t).With(i.Model)
	require.NoError(t, err)
	at := slices.IndexFunc(i.Map.Rows, func(r Row) bool { return r.Values != nil })
	delete(i.Map.Rows[at].Values, "low")
	require.ErrorContains(t, Check(i.Map, models), `the table has no row for "low" of issues[].severity`)
	i.Map.Rows[at].Values["low"], i.Map.Rows[at].Values["critical"] = "2", "5"
	require.Empty(t, Check(i.Map, models))
}

func TestProblemsSayWhatToWriteInstead(t *testing.T) {
	t.Parallel()
	for row, want := range map[string]Problem{
		"nmae -> asset.assetDetail.name":                            {Key: "from", Suggestion: "name"},
		"name -> asset.assetDetail.nam":                             {Key: "to", Suggestion: "asset.assetDetail.name"},
		"name -> asset.assetDetail.sourceCreatedAt":                 {Key: "to", Suggestion: "convert: timestamp"},
		"name -> asset.assetDetail.attributes.x, convert: timestam": {Key: "convert", Suggestion: "timestamp"},
		"xyzzyxyzzy -> asset.assetDetail.name":                      {Key: "from"},
	} {
		problems := Check(mapOf(t, row), defaultModels(t))
		require.Len(t, problems, 1)
		require.Equal(t, want.Key, problems[0].Key)
		require.Equal(t, want.Suggestion, problems[0].Suggestion)
	}
	m := mapOf(t)
	m.Source = "qualys-tas.aplication"
	problems := Check(m, defaultModels(t))
	require.Equal(t, Problem{File: "test.yaml", Line: 2, Column: 9, Key: "source", Suggestion: "qualys-tas.application", Message: problems[0].Message}, problems[0])
	_, err := ParseMap("m.yaml", []byte("nam: x\n"))
	require.Equal(t, "name", err.(Problems)[0].Suggestion)
}

func TestARejectSaysThatTheSourceModelRequiresAField(t *testing.T) {
	t.Parallel()
	own, err := LoadModels(fstest.MapFS{"m.yaml": model("own.strict", "", "id string!", "zone string!")})
	require.NoError(t, err)
	models, err := own.With(inventory())
	require.NoError(t, err)
	p, err := Compile(ownMap(t, "own.strict", "inventory", "", "id -> asset.assetHeader.externalAssetId", "zone -> asset.assetDetail.attributes.zone"), models)
	require.NoError(t, err)
	_, rejects := p.NewApplier().Apply([]byte(`{"id":1}`))
	require.Equal(t, "is missing, and needed: source model own.strict says that it is always there", rejects[0].Reason)
	_, rejects = p.NewApplier().Apply([]byte(`{"zone":"a"}`))
	require.Equal(t, "is missing, and is needed", rejects[0].Reason, "the inventory needs it")
}
