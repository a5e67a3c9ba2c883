package transform

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"sluice/schema"
)

// ownModels are the target models and source models of these tests: findings
// as records of their own, hosts with lists deep inside, entries of a knowledge
// base.
func ownModels(t testing.TB) *Models {
	t.Helper()
	files := fstest.MapFS{
		"finding.yaml": model("own.finding", "records: findings\n", "id string!", "name string", "severity severity", "status string", "qid int", "times int",
			"found timestamp", "app object", "app.id string!", "app.name string", "app.tags object", "app.tags.list array"),
		"host.yaml": model("own.host", "", "ID string!", "TAGS object", "TAGS.TAG array", "OS object", "OS.value string", "LIST object", "LIST.DETECTION array",
			"LIST.DETECTION[].KEY string", "LIST.DETECTION[].QDS object", "LIST.DETECTION[].QDS.value int", "LIST.DETECTION[].QDS.severity string",
			"LIST.DETECTION[].CVE array"),
		"entry.yaml": model("own.entry", "", "QID int", "TITLE string", "SEVERITY severity", "CHANGED timestamp", "CVES object", "CVES.CVE array"),
	}
	for _, name := range []string{"inventory.yaml", "knowledge.yaml"} {
		text, err := fs.ReadFile(schema.Models(), name)
		require.NoError(t, err)
		files[name] = &fstest.MapFile{Data: text}
	}
	models, err := LoadModels(files)
	require.NoError(t, err)
	return models
}

// model writes a source model; a field is "path type", with "!" when required.
func model(name, more string, fields ...string) *fstest.MapFile {
	text := "name: " + name + "\ntitle: T\nrole: source\ndescription: d\n" + more + "fields:\n"
	for _, f := range fields {
		path, kind, _ := strings.Cut(f, " ")
		kind, required := strings.CutSuffix(kind, "!")
		text += "  - {path: '" + path + "', type: " + kind + ", description: d, evidence: inferred"
		if required {
			text += ", required: true"
		}
		text += "}\n"
	}
	return &fstest.MapFile{Data: []byte(text)}
}

func ownMap(t testing.TB, source, target, class string, rows ...string) *Map {
	t.Helper()
	m := mapOf(t, rows...)
	m.Source, m.Target, m.AssetClass, m.Rows = source, target, class, m.Rows[1:]
	return m
}

func ownProgram(t testing.TB, m *Map) *Program {
	t.Helper()
	p, err := Compile(m, ownModels(t))
	require.NoError(t, err)
	return p
}

var findingRows = []string{
	"app.id -> asset.assetHeader.externalAssetId",
	"app.name -> asset.assetDetail.name",
	"app.tags.list -> asset.assetDetail.attributes.tags",
	"id -> findingGroup.findings[].externalFindingId",
	"name -> findingGroup.findings[].name",
	"severity -> findingGroup.findings[].severity",
	"status -> findingGroup.findings[].status",
	"qid -> findingGroup.findings[].qid",
	"times -> findingGroup.findings[].timesFound",
	"found -> findingGroup.findings[].lastFoundAt",
	"app.id -> findingGroup.findings[].attributes.app",
}

func findingProgram(t testing.TB) *Program {
	return ownProgram(t, ownMap(t, "own.finding", "inventory", "application", findingRows...))
}

func TestARecordThatIsAFindingBecomesItsAssetWithThatFinding(t *testing.T) {
	t.Parallel()
	applier := findingProgram(t).NewApplier()
	for range 2 {
		asset, rejects := applier.Apply([]byte(`{"id":7,"name":"XSS","severity":"4","status":"ACTIVE","qid":"150001","times":3,"found":"2025-06-01T08:00:00Z",
			"app":{"name":"Shop","tags":{"count":1,"list":[{"b":1,"a":2}]},"id":"42"},"unknown":[{}]}`))
		require.Empty(t, rejects)
		require.Equal(t, &Asset{
			ExternalID: "42", Name: "Shop", Attributes: []byte(`{"tags":[{"a":2,"b":1}]}`),
			Findings: []Finding{{
				ExternalID: "7", Name: "XSS", Severity: 4, Status: "ACTIVE", QID: 150001, TimesFound: 3,
				LastFoundAt: time.Date(2025, 6, 1, 8, 0, 0, 0, time.UTC), Attributes: []byte(`{"app":"42"}`),
			}},
		}, asset, "its list of findings is not the asset's")
		asset, rejects = applier.Apply([]byte(`{"id":"8","app":{"id":42}}`))
		require.Empty(t, rejects)
		require.Equal(t, &Asset{ExternalID: "42", Findings: []Finding{{ExternalID: "8", Attributes: []byte(`{"app":42}`)}}}, asset,
			"nothing of the record before is left")
	}
}

func TestARecordThatIsAFindingIsRejectedByARowOfEitherLevel(t *testing.T) {
	t.Parallel()
	applier := findingProgram(t).NewApplier()
	for name, c := range map[string]struct{ record, asset, finding, row, reason string }{
		"a field of the finding": {`{"severity":9,"id":7,"app":{"id":1}}`, "1", "7", "severity ->", "not a severity"},
		"a field of the asset":   {`{"app":{"name":[],"id":1},"id":7}`, "1", "7", "app.name ->", "an object"},
		"no asset":               {`{"id":7}`, "", "7", "app.id ->", "is missing"},
		"no id":                  {`{"app":{"id":1}}`, "1", "", "id ->", "is missing"},
		"neither":                {`{}`, "", "", "app.id ->", "is missing"},
		"both fail: the first":   {`{"severity":9,"id":7,"app":{"id":1,"name":[]}}`, "1", "7", "app.name ->", "an object"},
		"the other way round":    {`{"id":{},"app":{"id":1},"severity":9}`, "1", "", "id ->", "an object"},
		"a field twice":          {`{"id":7,"app":{"id":1},"severity":1,"severity":1}`, "1", "7", "severity ->", "second severity"},
		"a status of another":    {`{"id":7,"app":{"id":1},"status":"Closed"}`, "1", "7", "status ->", "is not one of NEW, ACTIVE, REOPENED"},
		"a QID of zero":          {`{"id":7,"app":{"id":1},"qid":0}`, "1", "7", "qid ->", "from 1 to 2147483647"},
		"a QID too large":        {`{"id":7,"app":{"id":1},"qid":2147483648}`, "1", "7", "qid ->", "from 1 to 2147483647"},
		"found less than never":  {`{"id":7,"app":{"id":1},"times":-1}`, "1", "7", "times ->", "from 0 to 2147483647"},
		"cut off":                {`{"id":7,"app":{"id":1},"name":"X`, "1", "7", "", "not valid JSON"},
		"no object":              {`[1]`, "", "", "", "is not an object"},
	} {
		asset, rejects := applier.Apply([]byte(c.record))
		require.Nil(t, asset, name)
		require.Len(t, rejects, 1, name)
		r := rejects[0]
		require.Equal(t, c.asset, r.AssetID, name)
		require.Equal(t, c.finding, r.FindingID, name)
		require.Equal(t, 0, r.Finding, "%s: it is the finding that is rejected", name)
		require.True(t, strings.HasPrefix(r.Row, c.row), "%s: %s", name, r.Row)
		require.Contains(t, r.Reason, c.reason, name)
	}
}

func TestTheOrderOfFieldsOfAFindingDoesNotMatter(t *testing.T) {
	t.Parallel()
	applier := findingProgram(t).NewApplier()
	rapid.Check(t, func(t *rapid.T) {
		members := drawMembers(t, "id", "name", "severity", "qid")
		app := drawMembers(t, "id", "name")
		arrange := func(m []member) string { return object(rapid.Permutation(m).Draw(t, "order")) }
		asset, rejects := applier.Apply([]byte(object(append(members, member{"app", object(app)}))))
		other, others := applier.Apply([]byte(arrange(append(members, member{"app", arrange(app)}))))
		require.Equal(t, asset, other)
		require.Equal(t, rejects, others)
		requireBounds(t, asset, rejects)
		require.NotEqual(t, asset == nil, len(rejects) == 0)
	})
}

func TestProblemsOfMapsOfFindings(t *testing.T) {
	t.Parallel()
	id, finding := findingRows[0], findingRows[3]
	for want, m := range map[string]*Map{
		"no row fills findingGroup.findings[].externalFindingId": ownMap(t, "own.finding", "inventory", "application", id),
		"no row fills asset.assetHeader.externalAssetId":         ownMap(t, "own.finding", "inventory", "application", finding),
		`"Closed"`: ownMap(t, "own.finding", "inventory", "application", id, finding, "status -> findingGroup.findings[].status, values: {open: NEW, closed: Closed}"),
		"elements of findingGroup.findings[] are filled":                         ownMap(t, "own.host", "inventory", "host", "ID -> asset.assetHeader.externalAssetId", "ID -> findingGroup.findings[].externalFindingId"),
		"belongs to assets of class host":                                        ownMap(t, "own.finding", "inventory", "application", id, finding, "name -> asset.assetDetail.hostAssetClass.dnsName"),
		`inventory has no field "vulnerability.qid"`:                             ownMap(t, "own.entry", "inventory", "", "QID -> vulnerability.qid"),
		"no row fills vulnerability.qid":                                         ownMap(t, "own.entry", "knowledge", "", "TITLE -> vulnerability.title"),
		`is of type string and findingGroup.findings[].qid of type int; add con`: ownMap(t, "own.finding", "inventory", "application", id, finding, "name -> findingGroup.findings[].qid"),
	} {
		require.ErrorContains(t, Check(m, ownModels(t)).err(), want)
	}
	lists := model("own.lists", "records: findings\n", "id string", "list array", "list[].id string")
	models := ownModels(t)
	other, err := LoadModels(fstest.MapFS{"m.yaml": lists})
	require.NoError(t, err)
	models.byName["own.lists"] = other.Get("own.lists")
	m := ownMap(t, "own.lists", "inventory", "", "id -> asset.assetHeader.externalAssetId", "list[].id -> findingGroup.findings[].externalFindingId")
	require.ErrorContains(t, Check(m, models).err(), "a record of own.lists is one finding")
}

func TestListsDeepInARecord(t *testing.T) {
	t.Parallel()
	applier := ownProgram(t, ownMap(t, "own.host", "inventory", "host",
		"ID -> asset.assetHeader.externalAssetId",
		"TAGS.TAG -> asset.assetDetail.attributes.tags",
		"OS.value -> asset.assetDetail.hostAssetClass.operatingSystem",
		"LIST.DETECTION[].KEY -> findingGroup.findings[].externalFindingId",
		"LIST.DETECTION[].QDS.value -> findingGroup.findings[].attributes.qds",
		"LIST.DETECTION[].QDS -> findingGroup.findings[].attributes.all",
		"LIST.DETECTION[].CVE -> findingGroup.findings[].attributes.cves",
	)).NewApplier()
	asset, rejects := applier.Apply([]byte(`{"ID":"1","TAGS":{"TAG":[{"TAG_ID":"9","NAME":"x"}]},"OS":{"value":"Debian"},"LIST":{"DETECTION":[
		{"KEY":"a","QDS":{"severity":"LOW","value":"35"},"CVE":["c"]},{"QDS":"","KEY":"b"},{"KEY":"c","QDS":{"value":"much"}}]}}`))
	require.Equal(t, &Asset{
		ExternalID: "1", OperatingSystem: "Debian", Attributes: []byte(`{"tags":[{"NAME":"x","TAG_ID":"9"}]}`), FindingsListed: true,
		Findings: []Finding{
			{ExternalID: "a", Attributes: []byte(`{"all":{"severity":"LOW","value":"35"},"cves":["c"],"qds":"35"}`)},
			{ExternalID: "b", Attributes: []byte(`{"all":""}`)},
			{ExternalID: "c", Attributes: []byte(`{"all":{"value":"much"},"qds":"much"}`)},
		},
	}, asset)
	require.Empty(t, rejects)

	for _, empty := range []string{`""`, "null", `{}`, `{"DETECTION":""}`} {
		asset, rejects = applier.Apply([]byte(`{"ID":"1","TAGS":"","OS":"","LIST":` + empty + `}`))
		require.Empty(t, rejects, "an empty element is an absent one")
		require.Equal(t, &Asset{ExternalID: "1"}, asset, empty)
	}
	for _, wrong := range []string{`"none"`, "1", "[]", `{"DETECTION":{}}`} {
		asset, rejects = applier.Apply([]byte(`{"ID":"1","LIST":` + wrong + `}`))
		require.Nil(t, asset, wrong)
		require.Equal(t, "1", rejects[0].AssetID)
	}
}

func TestEntriesOfAKnowledgeBase(t *testing.T) {
	t.Parallel()
	p := ownProgram(t, ownMap(t, "own.entry", "knowledge", "",
		"QID -> vulnerability.qid", "TITLE -> vulnerability.title", "SEVERITY -> vulnerability.severity",
		"CHANGED -> vulnerability.modifiedAt", "CVES.CVE -> vulnerability.attributes.cves"))
	require.Equal(t, "knowledge", p.Target())
	applier := p.NewApplier()
	first, rejects := applier.ApplyVulnerability([]byte(`{"QID":"150001","TITLE":"XSS","SEVERITY":"4","CHANGED":"2025-06-01T08:00:00Z","CVES":{"CVE":[{"ID":"C"}]}}`))
	require.Empty(t, rejects)
	second, rejects := applier.ApplyVulnerability([]byte(`{"QID":2}`))
	require.Empty(t, rejects)
	require.Equal(t, &Vulnerability{QID: 2}, second)
	require.Equal(t, &Vulnerability{QID: 150001, Title: "XSS", Severity: 4, ModifiedAt: time.Date(2025, 6, 1, 8, 0, 0, 0, time.UTC),
		Attributes: []byte(`{"cves":[{"ID":"C"}]}`)}, first, "it stays as it is")

	for record, asset := range map[string]string{`{"TITLE":"x"}`: "", `{"SEVERITY":6,"QID":7}`: "7", `{"QID":7,"TI`: "7", `{"QID":"x"}`: "", `7`: ""} {
		entry, rejects := applier.ApplyVulnerability([]byte(record))
		require.Nil(t, entry, record)
		require.Len(t, rejects, 1)
		require.Equal(t, asset, rejects[0].AssetID, record)
		require.Equal(t, -1, rejects[0].Finding)
	}
}
