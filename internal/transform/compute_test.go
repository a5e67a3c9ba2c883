package transform

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// conditional compiles a map of TAS applications with conditions.
func conditional(t testing.TB, when, whenFindings string, rows ...string) *Program {
	t.Helper()
	m := exprMap(t, append([]string{findingIDs, "findings[].severity -> findingGroup.findings[].severity", "name -> asset.assetDetail.name"}, rows...)...)
	m.When, m.WhenFindings = when, whenFindings
	p, err := Compile(m, defaultModels(t))
	require.NoError(t, err)
	return p
}

func TestRecordsThatAConditionLeavesOut(t *testing.T) {
	t.Parallel()
	applier := conditional(t, `record.?name.orValue("") != "test"`, "").NewApplier()
	asset, rejects := applier.Apply([]byte(`{"id":1,"name":"shop","findings":[{"id":7,"severity":4}]}`))
	require.NotNil(t, asset)
	require.Empty(t, rejects)
	require.Empty(t, applier.LeftOut())

	for _, record := range []string{
		`{"id":2,"name":"test","findings":[{"id":7,"severity":4}]}`,
		`{"findings":[{"severity":9}],"name":"test","createdDate":"soon","id":2}`, // what else fails does not matter
	} {
		asset, rejects = applier.Apply([]byte(record))
		require.Nil(t, asset, record)
		require.Empty(t, rejects, record)
		require.Equal(t, []LeftOut{{AssetID: "2", Finding: -1}}, applier.LeftOut(), record)
	}

	asset, _ = applier.Apply([]byte(`{"id":3}`))
	require.NotNil(t, asset)
	require.Empty(t, applier.LeftOut(), "nothing of the record before is left")
}

func TestARecordWithoutAnIDCannotBeLeftOut(t *testing.T) {
	t.Parallel()
	applier := conditional(t, `has(record.url)`, "").NewApplier()
	for record, reason := range map[string]string{
		`{"name":[]}`:                   "is missing, and is needed of what is left out, too",
		`{"id":null}`:                   "is missing, and is needed of what is left out, too",
		`{"id":"a\u0000","name":[]}`:    reasonAlteredID,
		`{"id":1,"id":2}`:               "is the second id",
		`{"id":1,"name":"x`:             "not valid JSON",
		`{"name":[],"url":1,"id":null}`: "is missing", // it is not left out
	} {
		asset, rejects := applier.Apply([]byte(record))
		require.Nil(t, asset, record)
		require.Len(t, rejects, 1, record)
		require.Contains(t, rejects[0].Reason, reason, record)
		require.Empty(t, applier.LeftOut(), record)
	}
}

func TestFindingsThatAConditionLeavesOut(t *testing.T) {
	t.Parallel()
	applier := conditional(t, "", `finding.?severity.orValue(0) >= 3 || record.?name.orValue("") == "all"`).NewApplier()
	findings := `"findings":[{"id":1,"severity":1},{"id":2,"severity":3},{"id":3},{"severity":2},{"id":5,"severity":"high"},{"id":{},"severity":4}]`
	asset, rejects := applier.Apply([]byte(`{"id":9,` + findings + `}`))
	require.Equal(t, []Finding{{ExternalID: "2", Severity: 3}}, asset.Findings)
	require.Equal(t, []LeftOut{{AssetID: "9", FindingID: "1", Finding: 0}, {AssetID: "9", FindingID: "3", Finding: 2}}, applier.LeftOut())
	require.Len(t, rejects, 3)
	require.Equal(t, []int{3, 4, 5}, []int{rejects[0].Finding, rejects[1].Finding, rejects[2].Finding})
	require.Equal(t, "findings[].id -> findingGroup.findings[].externalFindingId", rejects[0].Row, "without an id nobody knows what is left out")
	require.Equal(t, "whenFindings", rejects[1].Row)
	require.Equal(t, `{"finding.severity":"high"}`, rejects[1].Value)
	require.Contains(t, rejects[1].Reason, "severity is not a severity")

	asset, _ = applier.Apply([]byte(`{` + findings + `,"id":9,"name":"all"}`))
	require.Len(t, asset.Findings, 2, "the record is seen, wherever its fields stand")
	require.Empty(t, applier.LeftOut())
}

func TestAConditionThatFailsRejects(t *testing.T) {
	t.Parallel()
	applier := conditional(t, `record.name != "test"`, "").NewApplier()
	asset, rejects := applier.Apply([]byte(`{"id":4}`))
	require.Nil(t, asset)
	require.Equal(t, "when", rejects[0].Row)
	require.Equal(t, "4", rejects[0].AssetID)
	require.Contains(t, rejects[0].Reason, "name is absent")
	require.Empty(t, applier.LeftOut())
}

func TestARecordThatIsAFindingIsLeftOutWithItsAssetsID(t *testing.T) {
	t.Parallel()
	m := ownMap(t, "own.finding", "inventory", "application", findingRows...)
	m.When = `record.severity > 2 && record.app.id != "0"`
	applier := ownProgram(t, m).NewApplier()
	asset, rejects := applier.Apply([]byte(`{"id":7,"app":{"id":1},"severity":2,"found":"soon"}`))
	require.Nil(t, asset)
	require.Empty(t, rejects)
	require.Equal(t, []LeftOut{{AssetID: "1", FindingID: "7", Finding: 0}}, applier.LeftOut())
	for _, record := range []string{`{"app":{"id":1},"severity":2}`, `{"id":7,"severity":2}`} {
		asset, rejects = applier.Apply([]byte(record))
		require.Nil(t, asset)
		require.Len(t, rejects, 1)
		require.Empty(t, applier.LeftOut())
	}
	asset, rejects = applier.Apply([]byte(`{"id":7,"app":{"id":1},"severity":3}`))
	require.Empty(t, rejects)
	require.Len(t, asset.Findings, 1)
}

func TestAnEntryIsLeftOut(t *testing.T) {
	t.Parallel()
	m := ownMap(t, "own.entry", "knowledge", "", "QID -> vulnerability.qid", "TITLE -> vulnerability.title")
	m.When = "record.QID < 100"
	applier := ownProgram(t, m).NewApplier()
	entry, rejects := applier.ApplyVulnerability([]byte(`{"QID":"150"}`))
	require.Nil(t, entry)
	require.Empty(t, rejects)
	require.Equal(t, []LeftOut{{AssetID: "150", Finding: -1}}, applier.LeftOut())
	entry, _ = applier.ApplyVulnerability([]byte(`{"QID":"15"}`))
	require.NotNil(t, entry)
	require.Empty(t, applier.LeftOut())
}

func TestProblemsOfConditions(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ when, whenFindings, want string }{
		"text":          {`record.name`, "", "when is of type string; a condition is true or false"},
		"misspelt":      {`record.nmae == ""`, "", `did you mean "name"?`},
		"always":        {`true`, "", "when names no field"},
		"never":         {"", `1 > 2`, "whenFindings names no field"},
		"of findings":   {`finding.severity > 1`, "", `names "finding"`},
		"not a finding": {"", `finding.nam == ""`, `names a field "nam" that the finding does not have`},
	} {
		m := exprMap(t, findingIDs)
		m.When, m.WhenFindings = c.when, c.whenFindings
		problems := Check(m, defaultModels(t))
		require.Len(t, problems, 1, "%s: %v", name, problems)
		require.Contains(t, problems[0].Message, c.want, name)
	}
	m := exprMap(t)
	m.WhenFindings = "finding.severity > 1"
	require.ErrorContains(t, Check(m, defaultModels(t)), "no row takes a field of a list of findings")
	m = ownMap(t, "own.finding", "inventory", "application", findingRows...)
	m.WhenFindings = "finding.severity > 1"
	require.ErrorContains(t, Check(m, ownModels(t)), "a record of own.finding is one finding; use when")
}

// Nothing is lost with a condition either.
func TestEveryFindingIsTakenLeftOutOrRejected(t *testing.T) {
	t.Parallel()
	applier := conditional(t, "", `finding.severity >= 3`).NewApplier()
	record := `{"id":1,"findings":[`
	const findings = 60
	for i := range findings {
		record += fmt.Sprintf(`{"id":%d,"severity":%d},`, i, i%6)
	}
	asset, rejects := applier.Apply([]byte(record + `{}]}`))
	require.Len(t, asset.Findings, findings/2)
	require.Len(t, applier.LeftOut(), findings/3)
	require.Len(t, rejects, findings/6+1)
}
