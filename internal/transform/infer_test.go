package transform

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func infer(t testing.TB, records ...string) *Inference {
	t.Helper()
	i, err := Infer("file.test", strings.NewReader(strings.Join(records, "\n")), defaultModels(t), Shape{})
	require.NoError(t, err)
	requireUsable(t, i)
	return i
}

// requireUsable checks that what was inferred can be saved and compiled as it is.
func requireUsable(t require.TestingT, i *Inference) *Program {
	text, err := WriteModel(i.Model)
	require.NoError(t, err)
	again, err := ParseModel("m.yaml", text)
	require.NoError(t, err, "%s", text)
	require.Equal(t, i.Model, again)
	models, err := (&Models{byName: map[string]*Model{"inventory": inventory()}}).With(again)
	require.NoError(t, err)
	p, err := Compile(i.Map, models)
	require.NoError(t, err)
	written, err := WriteYAML(i.Map)
	require.NoError(t, err)
	m, err := ParseMap("map.yaml", written)
	require.NoError(t, err)
	require.Equal(t, plain(i.Map), plain(m))
	return p
}

func fieldsOf(m *Model) (list []string) {
	for _, f := range m.Fields {
		mark := ""
		if f.Required {
			mark = "!"
		}
		list = append(list, fmt.Sprintf("%s %s%s", f.Path, f.Type, mark))
	}
	return list
}

func rowsOf(m *Map) (list []string) {
	for _, r := range m.Rows {
		text := r.label()
		if r.Convert != "" {
			text += ", " + r.Convert
		}
		if r.Values != nil {
			text += fmt.Sprintf(", %v", r.Values)
		}
		list = append(list, text)
	}
	return list
}

func TestInferAssetsWithFindings(t *testing.T) {
	t.Parallel()
	i := infer(t,
		`{"id":1,"name":"Shop","url":"https://x/","createdAt":"2025-01-31T09:30:00Z","tags":["a","b"],"owner":{"name":"Ann","id":7},"score":1.5,"live":"true",`+
			`"issues":[{"id":"a","title":"XSS","severity":"High","status":"open","cves":[{"n":1}],"count":3}]}`,
		``,
		`{"id":"2","name":null,"url":"","createdAt":"2025-01-31T09:30:00+0100","owner":{"name":"Bob","id":8},"score":2,"live":false,"issues":[{"id":"b","severity":"low","count":"4"}],"zip":"01234","mixed":1}`,
		`{"id":"x","owner":{"name":"Cid","id":"9"},"issues":[],"mixed":{"a":1},"bad name":1,"seen":1738315800123,"seenAt":1738315800123}`)
	require.Equal(t, 3, i.Records)
	require.Equal(t, []string{
		"id string!", "name string", "url string", "createdAt timestamp", "tags array", "tags[] string", "owner object", "owner.name string", "owner.id string",
		"score float", "live bool", "issues array", "issues[].id string!", "issues[].title string", "issues[].severity string", "issues[].status string",
		"issues[].cves array", "issues[].cves[].n int", "issues[].count int", "zip string", "seen int", "seenAt timestamp",
	}, fieldsOf(i.Model))
	require.Equal(t, []string{
		"id -> asset.assetHeader.externalAssetId",
		"name -> asset.assetDetail.name",
		"url -> asset.assetDetail.applicationAssetClass.baseUrl",
		"createdAt -> asset.assetDetail.sourceCreatedAt",
		"issues[].id -> findingGroup.findings[].externalFindingId",
		"issues[].title -> findingGroup.findings[].name",
		"issues[].severity -> findingGroup.findings[].severity, map[High:4 low:2]",
		"issues[].status -> findingGroup.findings[].status, map[open:\"ACTIVE\"]",
		"issues[].cves -> findingGroup.findings[].attributes.cves",
		"issues[].count -> findingGroup.findings[].attributes.count",
		"tags -> asset.assetDetail.attributes.tags",
		"owner -> asset.assetDetail.attributes.owner",
		"score -> asset.assetDetail.attributes.score",
		"live -> asset.assetDetail.attributes.live",
		"zip -> asset.assetDetail.attributes.zip",
		"seen -> asset.assetDetail.attributes.seen",
		"seenAt -> asset.assetDetail.attributes.seenAt",
	}, rowsOf(i.Map))
	require.Len(t, i.Notes, 5, "%v", i.Notes)
	require.Equal(t, "Has a value in 2 of 3.", i.Model.Fields[3].Description)
	require.Equal(t, []string{"High", "low"}, i.Model.byPath["issues[].severity"].Values)
	require.Empty(t, i.Model.byPath["name"].Values)
	require.Equal(t, "High", i.Model.byPath["issues[].severity"].Example)
}

func TestInferHosts(t *testing.T) {
	t.Parallel()
	i := infer(t, `{"Hostname":"db1","IP":"192.0.2.1","OS":"Debian","cpus":4}`, `{"Hostname":"db2","IP":"192.0.2.2","cpus":8}`)
	require.Equal(t, "host", i.Map.AssetClass)
	require.Equal(t, []string{
		"Hostname -> asset.assetHeader.externalAssetId",
		"Hostname -> asset.assetDetail.name",
		"IP -> asset.assetDetail.hostAssetClass.ipAddress",
		"Hostname -> asset.assetDetail.hostAssetClass.dnsName",
		"OS -> asset.assetDetail.hostAssetClass.operatingSystem",
		"cpus -> asset.assetDetail.attributes.cpus",
	}, rowsOf(i.Map))
	require.Contains(t, i.Notes[0], "Hostname is taken for the id")
}

func TestInferRecordsThatAreFindings(t *testing.T) {
	t.Parallel()
	i := infer(t, `{"id":"f1","asset":{"id":7,"name":"Shop"},"severity":"4","title":"XSS","state":"whatever"}`, `{"id":"f2","asset":{"id":7,"name":"Shop"},"severity":1}`)
	require.Equal(t, RecordsAreFindings, i.Model.Records)
	require.Equal(t, []string{
		"asset.id -> asset.assetHeader.externalAssetId",
		"id -> findingGroup.findings[].externalFindingId",
		"title -> findingGroup.findings[].name",
		"severity -> findingGroup.findings[].severity",
		"state -> findingGroup.findings[].attributes.state",
	}, rowsOf(i.Map))
	p := requireUsable(t, i)
	asset, rejects := p.NewApplier().Apply([]byte(`{"id":"f1","asset":{"id":7},"severity":"4"}`))
	require.Empty(t, rejects)
	require.Equal(t, "7", asset.ExternalID)
}

// TestWhatRecordsAreCanBeSaid where they would be taken for something else.
func TestWhatRecordsAreCanBeSaid(t *testing.T) {
	t.Parallel()
	const record = `{"id":"f1","hostname":"db1","severity":"4","name":"XSS"}`
	guessed := infer(t, record)
	require.Equal(t, "hostname tells of a host, and a record seems to be one finding: it has an id (id), a severity (severity) and names its asset (hostname)", guessed.Because)
	require.Equal(t, "nothing tells of a host, such as an IP address", infer(t, `{"id":1}`).Because)
	for _, shape := range []Shape{{"host", false}, {"application", true}, {"api", false}, {"apiCollection", true}} {
		said, err := Infer("file.test", strings.NewReader(record), defaultModels(t), shape)
		require.NoError(t, err)
		requireUsable(t, said)
		require.Equal(t, shape, Shape{said.Map.AssetClass, said.Model.Records == RecordsAreFindings})
	}
	_, err := Infer("file.test", strings.NewReader(`{"id":1,"severity":2}`), defaultModels(t), Shape{"host", true})
	require.EqualError(t, err, "the records have no field that could name the asset of a finding, such as host or ip")
	_, err = Infer("file.test", strings.NewReader(`{"host":"a"}`), defaultModels(t), Shape{"host", true})
	require.EqualError(t, err, "the records have no field that could be the id of a finding")
}

func TestWhatCannotBeInferred(t *testing.T) {
	t.Parallel()
	models := defaultModels(t)
	deep := strings.Repeat(`{"a":`, 70) + "1" + strings.Repeat("}", 70)
	for text, want := range map[string]string{
		"":               "there is no record",
		"\n \n":          "there is no record",
		`{}`:             "no field that a map could name",
		`{"a b":1}`:      "no field that a map could name",
		`{"tags":[]}`:    "no field that could be the id",
		`[]`:             "the record in line 1 is not an object",
		"{\"a\":1}\n\n7": "the record in line 3 is not an object",
		`{"a":`:          "the record in line 1 is not valid JSON",
		`{"` + strings.Repeat("a", 200) + `":[1 2]}`: "the record in line 1 is not valid JSON: invalid character '2' after array element (expecting ',' or ']') after offset 207",
		`{"a":1} {}`: "has another value after its end",
		deep:         "nested deeper than 64",
		`{"a":"` + strings.Repeat("x", maxInferRecord) + `"}`: "record 1 is longer than",
	} {
		_, err := Infer("file.x", strings.NewReader(text), models, Shape{})
		require.ErrorContains(t, err, want, cut(text))
	}
	for _, name := range []string{"", "x", "file.", "file..x", "inventory", "file.a b"} {
		_, err := Infer(name, strings.NewReader(`{"id":1}`), models, Shape{})
		require.ErrorContains(t, err, "cannot be used", name)
	}
}

func TestInferIsBounded(t *testing.T) {
	t.Parallel()
	var wide strings.Builder
	for i := range 3 * maxFields {
		fmt.Fprintf(&wide, `"f%d":%d,`, i, i)
	}
	i := infer(t, "{"+wide.String()+`"id":1}`, strings.Repeat(`{"a":`, 60)+"1"+strings.Repeat("}", 60))
	require.LessOrEqual(t, len(i.Model.Fields), maxFields)
	require.LessOrEqual(t, len(i.Map.Rows), maxProposed)
	require.LessOrEqual(t, len(i.Notes), maxInferNotes)
	require.Equal(t, 1, strings.Count(strings.Join(i.Notes, "\n"), "fields beyond the first 500 are left aside"), "%q", i.Notes)

	many := infer(t, strings.Repeat(`{"id":1}`+"\n", maxInferRecords+5))
	require.Equal(t, maxInferRecords, many.Records)
	require.Contains(t, many.Notes[len(many.Notes)-1], "only the first 10000 records")
}
