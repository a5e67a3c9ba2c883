package transform

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	p := conditional(t, "", `finding.severity > 1`,
		`findings[].status -> findingGroup.findings[].status, values: {open: ACTIVE, new: NEW}`,
		`record.id + "/" + finding.id => findingGroup.findings[].attributes.ref`,
		`createdDate -> asset.assetDetail.sourceCreatedAt, default: 2020-01-01T00:00:00Z`,
		`url -> asset.assetDetail.applicationAssetClass.baseUrl`)
	e := p.Explain([]byte(`{"id":42,"name":"Shop\u0007","findings":[{"id":1,"severity":"4","status":"open"},{"id":2,"severity":1},{"id":3,"severity":9,"status":"x"},{"id":4,"severity":2,"status":"x"}]}`))
	require.Equal(t, "42", e.ID)
	require.Equal(t, Taken, e.Fate)
	require.Equal(t, []ExplainedRow{
		{Row: 1, From: "id", To: "asset.assetHeader.externalAssetId", Source: "42", Conversion: "string", Value: `"42"`},
		{Row: 4, From: "name", To: "asset.assetDetail.name", Source: `"Shop\u0007"`, Conversion: "string", Value: `"Shop\u0007"`},
		{Row: 7, From: "createdDate", To: "asset.assetDetail.sourceCreatedAt", Value: `"2020-01-01T00:00:00Z"`, Default: true},
		{Row: 8, From: "url", To: "asset.assetDetail.applicationAssetClass.baseUrl"},
	}, e.Rows)
	require.Len(t, e.Findings, 4)
	require.Equal(t, ExplainedFinding{ID: "1", Fate: Taken, Rows: []ExplainedRow{
		{Row: 2, From: "findings[].id", To: "findingGroup.findings[].externalFindingId", Source: "1", Conversion: "string", Value: `"1"`},
		{Row: 3, From: "findings[].severity", To: "findingGroup.findings[].severity", Source: `"4"`, Conversion: "severity", Value: "4"},
		{Row: 5, From: "findings[].status", To: "findingGroup.findings[].status", Source: `"open"`, Conversion: "values", Value: `"ACTIVE"`},
		{Row: 6, Expr: `record.id + "/" + finding.id`, To: "findingGroup.findings[].attributes.ref", Source: `{"record.id":42,"finding.id":1}`, Value: `"42/1"`},
	}}, e.Findings[0])
	require.Equal(t, Omitted, e.Findings[1].Fate)
	require.Equal(t, Rejected, e.Findings[2].Fate)
	require.Equal(t, "whenFindings", e.Findings[2].Row)
	require.Equal(t, Rejected, e.Findings[3].Fate)
	require.Contains(t, e.Findings[3].Row, "findings[].status ->")
	require.Equal(t, reasonNoRow, e.Findings[3].Rows[2].Reason)
	require.Equal(t, `"x"`, e.Findings[3].Rows[2].Source)
	require.Empty(t, e.Findings[3].Rows[2].Value)
	require.Equal(t, reasonSeverity, e.Findings[2].Rows[1].Reason, "it is not missing")
}

// A record of 8 MiB may have a hundred thousand findings.
func TestRowsAreKeptOfTheFindingsThatAreShown(t *testing.T) {
	t.Parallel()
	record := []byte(`{"id":1,"findings":[` + strings.Repeat(`{"id":1,"severity":1},`, 3) + `{"id":2}]}`)
	trace, _, _ := applyTraced(conditional(t, "", ""), record, func(position int) bool { return position == 1 })
	require.Len(t, trace.findings, 4)
	for i, f := range trace.findings {
		require.Equal(t, i == 1, f.rows != nil)
	}

	text := `{"id":1,"findings":[`
	for i := range 3 * maxExplained {
		text += fmt.Sprintf(`{"id":%d,"severity":%d},`, i, 1+i%2)
	}
	before := exprProgram(t, findingIDs, `findings[].severity -> findingGroup.findings[].severity`)
	after := exprProgram(t, `finding.severity == 1 ? 1 : 3 => findingGroup.findings[].severity`, findingIDs)
	d := Diff(before, after, []byte(strings.TrimSuffix(text, ",")+"]}"))
	require.Len(t, d.Findings, maxExplained)
	require.Equal(t, maxExplained/2, d.MoreFindings, "every other one")
	for _, f := range d.Findings {
		require.Equal(t, []ChangedTarget{{Target: "findingGroup.findings[].severity", Before: "2", After: "3"}}, f.Targets)
	}
}

func TestExplainOfWholeRecords(t *testing.T) {
	t.Parallel()
	p := conditional(t, `record.?name.orValue("") != "test"`, "")
	require.Equal(t, Omitted, p.Explain([]byte(`{"id":1,"name":"test"}`)).Fate)
	e := p.Explain([]byte(`{"id":1,"name":[]}`))
	require.Equal(t, Rejected, e.Fate)
	require.Equal(t, "when", e.Row)
	require.Contains(t, e.Reason, "name is a list")
	e = p.Explain([]byte(`{"id":`))
	require.Contains(t, e.Reason, "not valid JSON")

	e = findingProgram(t).Explain([]byte(`{"id":7,"app":{"id":1,"name":"Shop"},"severity":"4"}`))
	require.Len(t, e.Findings, 1)
	require.Equal(t, "7", e.Findings[0].ID)
	require.Equal(t, `"Shop"`, e.Rows[1].Value)

	entry := ownProgram(t, ownMap(t, "own.entry", "knowledge", "", "QID -> vulnerability.qid", "CVES.CVE -> vulnerability.attributes.cves"))
	e = entry.Explain([]byte(`{"QID":"15","CVES":{"CVE":[{"b":1,"a":2}]}}`))
	require.Equal(t, "15", e.ID)
	require.Equal(t, `[{"a":2,"b":1}]`, e.Rows[1].Value)
}

func TestAFindingSharesTheFateOfItsRecordAndOfALaterOneWithItsID(t *testing.T) {
	t.Parallel()
	p := conditional(t, `record.?name.orValue("") != "test"`, `finding.severity > 1`)
	fates := func(record string) (fates []Fate) {
		for _, f := range p.Explain([]byte(record)).Findings {
			fates = append(fates, f.Fate)
		}
		return fates
	}
	findings := `,"findings":[{"id":1,"severity":2},{"id":2,"severity":1},{"id":1,"severity":2},{"id":1,"severity":3},{"id":1,"severity":1}]}`
	require.Equal(t, []Fate{Repeated, Omitted, Rejected, Taken, Omitted}, fates(`{"id":1`+findings))
	require.Equal(t, []Fate{Omitted, Omitted, Omitted, Omitted, Omitted}, fates(`{"id":1,"name":"test"`+findings))
	require.Equal(t, []Fate{Rejected, Rejected, Rejected, Rejected, Rejected}, fates(`{"name":"Shop"`+findings))
	e := p.Explain([]byte(`{"id":1` + findings))
	require.Contains(t, e.Findings[2].Reason, "is a repeated id")
	d := Diff(conditional(t, "", "finding.severity > 9"), p, []byte(`{"id":1`+findings))
	require.Equal(t, Taken, d.Findings[0].After.Fate)

	e = findingProgram(t).Explain([]byte(`{"id":7,"app":{"id":1,"name":{}},"severity":"4"}`))
	require.Equal(t, Rejected, e.Findings[0].Fate, "the asset is wrong")
}

func TestExplanationsAreBounded(t *testing.T) {
	t.Parallel()
	finding := `{"id":%d,"severity":1,"title":"` + strings.Repeat("x", 2000) + `"}`
	var findings []string
	for i := range 3 * maxExplained {
		findings = append(findings, fmt.Sprintf(finding, i))
	}
	e := defaultProgram(t, "qualys-tas-application").Explain([]byte(`{"id":1,"findings":[` + strings.Join(findings, ",") + `]}`))
	require.Len(t, e.Findings, maxExplained)
	require.Equal(t, 2*maxExplained, e.MoreFindings)
	text, err := json.Marshal(e)
	require.NoError(t, err)
	require.Less(t, len(text), maxExplained*3*1000)
}

// What is explained is what is done.
func TestExplainAgreesWithApply(t *testing.T) {
	t.Parallel()
	p := everything(t)
	rapid.Check(t, func(t *rapid.T) {
		record := drawRecord(t).text(asIs)
		asset, rejects := p.NewApplier().Apply(record)
		e := p.Explain(record)
		if asset == nil {
			require.Equal(t, Rejected, e.Fate)
			require.Equal(t, rejects[0].Reason, e.Reason)
			return
		}
		require.Equal(t, Taken, e.Fate)
		require.Equal(t, asset.ExternalID, e.ID)
		require.True(t, Diff(p, p, record).Same())
		var taken, explained []string
		for _, f := range asset.Findings {
			taken = append(taken, f.ExternalID)
		}
		reasons, said := map[int]string{}, map[int]string{}
		for _, r := range rejects {
			reasons[r.Finding] = r.Reason
		}
		for i, f := range e.Findings {
			switch f.Fate {
			case Taken:
				explained = append(explained, f.ID)
			case Rejected:
				said[i] = f.Reason
			}
		}
		require.Equal(t, taken, explained)
		require.Equal(t, reasons, said)
	})
}

func TestDiff(t *testing.T) {
	t.Parallel()
	before := exprProgram(t, findingIDs, "name -> asset.assetDetail.name", "url -> asset.assetDetail.attributes.url",
		"findings[].severity -> findingGroup.findings[].severity")
	after := conditional(t, "", "finding.severity < 5", "findings[].qid -> findingGroup.findings[].qid")
	d := Diff(before, after, []byte(`{"id":1,"name":"Shop","url":"u","findings":[{"id":1,"severity":4},{"id":2,"severity":5},{"id":3,"severity":3,"qid":7},{"id":4,"severity":1,"qid":0}]}`))
	require.False(t, d.Same())
	require.Equal(t, &Difference{
		ID: "1", Before: Outcome{Fate: Taken}, After: Outcome{Fate: Taken},
		Targets: []ChangedTarget{{Target: "asset.assetDetail.attributes.url", Before: `"u"`}},
		Findings: []ChangedFinding{
			{ID: "2", Before: Outcome{Fate: Taken}, After: Outcome{Fate: Omitted}, Targets: []ChangedTarget{
				{Target: "findingGroup.findings[].externalFindingId", Before: `"2"`}, {Target: "findingGroup.findings[].severity", Before: "5"}}},
			{ID: "3", Before: Outcome{Fate: Taken}, After: Outcome{Fate: Taken}, Targets: []ChangedTarget{{Target: "findingGroup.findings[].qid", After: "7"}}},
			{ID: "4", Before: Outcome{Fate: Taken}, After: Outcome{Rejected, "findings[].qid -> findingGroup.findings[].qid", "is not an integer from 1 to 2147483647"}, Targets: []ChangedTarget{
				{Target: "findingGroup.findings[].externalFindingId", Before: `"4"`}, {Target: "findingGroup.findings[].severity", Before: "1"}}},
		},
	}, d)
	require.True(t, Diff(before, before, []byte(`{"id":1,"findings":[{"severity":1}]}`)).Same())
	d = Diff(before, after, []byte(`{"id":1,"name":{}}`))
	require.True(t, d.Same(), "both reject it alike")
}
