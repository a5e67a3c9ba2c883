package transform

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/schema"
)

func defaultModels(t testing.TB) *Models {
	t.Helper()
	models, err := LoadModels(schema.Models())
	require.NoError(t, err)
	return models
}

// defaultProgram compiles one of the default maps.
func defaultProgram(t testing.TB, name string) *Program {
	t.Helper()
	maps, err := LoadMaps(schema.Maps())
	require.NoError(t, err)
	for _, m := range maps {
		if m.Name == name {
			p, err := Compile(m, defaultModels(t))
			require.NoError(t, err)
			return p
		}
	}
	t.Fatalf("there is no default map %s", name)
	return nil
}

// compiled compiles a map of TAS applications with the given rows, each
// "from -> to, option: value". The rows for the ids are added.
func compiled(t testing.TB, rows ...string) *Program {
	t.Helper()
	p, err := Compile(mapOf(t, rows...), defaultModels(t))
	require.NoError(t, err)
	return p
}

func mapOf(t testing.TB, rows ...string) *Map {
	t.Helper()
	text := "name: test\nsource: qualys-tas.application\ntarget: inventory\nassetClass: application\nrows:\n" +
		"  - {from: id, to: asset.assetHeader.externalAssetId}\n"
	for _, row := range rows {
		from, rest, _ := strings.Cut(row, " -> ")
		to, options, more := strings.Cut(rest, ", ")
		if more {
			options = ", " + options
		}
		text += fmt.Sprintf("  - {from: %q, to: %q%s}\n", from, to, options)
	}
	m, err := ParseMap("test.yaml", []byte(text))
	require.NoError(t, err)
	return m
}

func TestDefaultMapOfApplications(t *testing.T) {
	t.Parallel()
	asset, rejects := defaultProgram(t, "qualys-tas-application").NewApplier().Apply([]byte(`
		{"id": 4211, "name": "Web shop", "url": "https://shop.example.com/", "owner": {"id": 1, "name": "no"},
		 "createdDate": "2025-01-31T09:30:00Z", "updatedDate": "2025-06-01T12:00:00.123Z",
		 "findings": [
			{"id": 880142, "title": "Cross-site scripting", "severity": 4, "cveIds": [{"id": 1}]},
			{"id": "880143", "title": "Caf\u00e9 \"x\"", "severity": "1"}]}`))
	require.Empty(t, rejects)
	require.Equal(t, &Asset{
		ExternalID:      "4211",
		Name:            "Web shop",
		BaseURL:         "https://shop.example.com/",
		SourceCreatedAt: time.Date(2025, 1, 31, 9, 30, 0, 0, time.UTC),
		SourceUpdatedAt: time.Date(2025, 6, 1, 12, 0, 0, 123_000_000, time.UTC),
		FindingsListed:  true,
		Findings: []Finding{
			{ExternalID: "880142", Name: "Cross-site scripting", Severity: 4},
			{ExternalID: "880143", Name: `Café "x"`, Severity: 1},
		},
	}, asset)
}

func TestDefaultMapOfAPICollections(t *testing.T) {
	t.Parallel()
	asset, rejects := defaultProgram(t, "qualys-tas-api-collection").NewApplier().Apply([]byte(`
		{"id": "a-1", "name": "Orders", "url": "https://not-mapped.example.com/", "createdDate": 1738315800000,
		 "updatedDate": "1748779200123", "openApiFile": {"name": "o.json", "url": "https://api.example.com/o.json"},
		 "findings": [{"id": 1, "title": "not mapped", "severity": 5}]}`))
	require.Empty(t, rejects)
	require.Equal(t, &Asset{
		ExternalID:       "a-1",
		Name:             "Orders",
		SpecificationURL: "https://api.example.com/o.json",
		SourceCreatedAt:  time.Date(2025, 1, 31, 9, 30, 0, 0, time.UTC),
		SourceUpdatedAt:  time.Date(2025, 6, 1, 12, 0, 0, 123_000_000, time.UTC),
		FindingsListed:   true,
		Findings:         []Finding{{ExternalID: "1", Severity: 5}},
	}, asset)
}

func TestOptionalFieldsMayBeAbsent(t *testing.T) {
	t.Parallel()
	for _, record := range []string{
		`{"id":1}`,
		`{"id":1,"name":null,"url":null,"createdDate":null,"updatedDate":null,"findings":null}`,
		`{"id":1,"name":"","url":"","createdDate":"","updatedDate":""}`,
	} {
		asset, rejects := defaultProgram(t, "qualys-tas-application").NewApplier().Apply([]byte(record))
		require.Empty(t, rejects, record)
		require.Equal(t, &Asset{ExternalID: "1"}, asset, record)
	}
}

func TestFindingsAreListedOnlyWhenTheRecordHasTheList(t *testing.T) {
	t.Parallel()
	for record, listed := range map[string]bool{
		`{"id":1}`:                  false,
		`{"id":1,"findings":null}`:  false,
		`{"id":1,"findings":[]}`:    true,
		`{"id":1,"findings":[ ] }`:  true,
		`{"id":1,"findings":[{}] }`: true, // rejected, but there
	} {
		asset, _ := defaultProgram(t, "qualys-tas-application").NewApplier().Apply([]byte(record))
		require.NotNil(t, asset, record)
		require.Equal(t, listed, asset.FindingsListed, record)
		require.Nil(t, asset.Findings, record)
	}
}

func TestRecordsThatAreRejectedAsAWhole(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 8193)
	deep := strings.Repeat("[", 64) + strings.Repeat("]", 64)
	for name, c := range map[string]struct {
		record, id, row, value, reason string
	}{
		"nothing":            {``, "", "", "", "is empty"},
		"white space":        {" \n", "", "", "", "is empty"},
		"no JSON":            {`{"id":1,"name":oops}`, "1", "", `{"id":1,"name":oops}`, "not valid JSON"},
		"cut off":            {`{"id":1,"name":"We`, "1", "", `{"id":1,"name":"We`, "not valid JSON"},
		"cut in a finding":   {`{"id":1,"findings":[{"id":2,`, "1", "", `{"id":1,"findings":[{"id":2,`, "not valid JSON"},
		"a list":             {`[{"id":1}]`, "", "", `[{"id":1}]`, "is not an object"},
		"null":               {`null`, "", "", `null`, "is not an object"},
		"two values":         {`{"id":1} {}`, "1", "", `{"id":1} {}`, "another value"},
		"too deep":           {`{"id":1,"x":` + deep + `}`, "1", "", "", "deeper than 64"},
		"no id":              {`{"name":"x"}`, "", "id ->", "", "is missing"},
		"null id":            {`{"id":null}`, "", "id ->", "", "is missing"},
		"empty id":           {`{"id":""}`, "", "id ->", "", "is missing"},
		"long id":            {`{"id":"` + long[:1025] + `"}`, "", "id ->", "", "longer"},
		"id with NUL":        {`{"id":"a\u0000"}`, "", "id ->", `"a\u0000"`, "cannot be altered"},
		"id not UTF-8":       {"{\"id\":\"a\xff\"}", "", "id ->", "\"a\uFFFD\"", "cannot be altered"},
		"bool id":            {`{"id":true}`, "", "id ->", "true", "not text or a number"},
		"object id":          {`{"id":{"a":1}}`, "", "id ->", `{"a":1}`, "an object"},
		"name is an object":  {`{"name":{"a":1},"id":1}`, "1", "name ->", `{"a":1}`, "an object"},
		"long name":          {`{"name":"` + long + `","id":1}`, "1", "name ->", "", "longer"},
		"bad date":           {`{"updatedDate":"yesterday","id":1}`, "1", "updatedDate ->", `"yesterday"`, "not a time"},
		"findings no list":   {`{"findings":"none","id":1}`, "1", "findings[]", `"none"`, "is not a list"},
		"repeated field":     {`{"id":1,"name":"a","name":"a"}`, "1", "name ->", `"a"`, "second name"},
		"escaped repetition": {`{"id":1,"name":"a","n\u0061me":"b"}`, "1", "name ->", `"b"`, "second name"},
		"repeated findings":  {`{"id":1,"findings":[],"findings":[]}`, "1", "findings[]", `[]`, "second findings"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asset, rejects := defaultProgram(t, "qualys-tas-application").NewApplier().Apply([]byte(c.record))
			require.Nil(t, asset)
			require.Len(t, rejects, 1)
			reject := rejects[0]
			require.Equal(t, c.id, reject.AssetID)
			require.Equal(t, -1, reject.Finding)
			require.Empty(t, reject.FindingID)
			require.True(t, strings.HasPrefix(reject.Row, c.row), reject.Row)
			require.Contains(t, reject.Reason, c.reason)
			if c.value != "" {
				require.Equal(t, c.value, reject.Value)
			}
			require.LessOrEqual(t, len(reject.Value), maxRejectText)
		})
	}
}

func TestAFailingFindingIsRejectedAlone(t *testing.T) {
	t.Parallel()
	severity, title, id := "findings[].severity ->", "findings[].title ->", "findings[].id ->"
	for name, c := range map[string]struct {
		finding, id, row, value, reason string
	}{
		"severity 9":                         {`{"severity":9,"id":7}`, "7", severity, "9", "is not a severity"},
		"severity 0":                         {`{"severity":0,"id":7}`, "7", severity, "0", "is not a severity"},
		"severity 3.0":                       {`{"severity":3.0,"id":7}`, "7", severity, "3.0", "is not a severity"},
		"a word":                             {`{"severity":"blocker","id":7}`, "7", severity, `"blocker"`, "is not a severity"},
		"severity absent":                    {`{"id":7}`, "7", severity, "", "is missing"},
		"severity null":                      {`{"id":7,"severity":null}`, "7", severity, "", "is missing"},
		"no id":                              {`{"severity":3}`, "", id, "", "is missing"},
		"title is a list":                    {`{"id":7,"title":["a"],"severity":3}`, "7", title, `["a"]`, "a list"},
		"repeated severity":                  {`{"id":7,"severity":3,"severity":3}`, "7", severity, "3", "second findings[].severity"},
		"no object":                          {`"finding"`, "", "findings[]", `"finding"`, "is not an object"},
		"null":                               {`null`, "", "findings[]", `null`, "is not an object"},
		"two faults, the first row's counts": {`{"severity":9,"title":{},"id":7}`, "7", title, "{}", "an object"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			record := `{"findings":[{"id":1,"severity":1},` + c.finding + `,{"id":2,"severity":2}],"id":"asset"}`
			asset, rejects := defaultProgram(t, "qualys-tas-application").NewApplier().Apply([]byte(record))
			require.NotNil(t, asset)
			require.Equal(t, []Finding{{ExternalID: "1", Severity: 1}, {ExternalID: "2", Severity: 2}}, asset.Findings)
			require.Len(t, rejects, 1)
			reject := rejects[0]
			require.Equal(t, "asset", reject.AssetID, "known although it comes last")
			require.Equal(t, c.id, reject.FindingID)
			require.Equal(t, 1, reject.Finding)
			require.True(t, strings.HasPrefix(reject.Row, c.row), reject.Row)
			require.Equal(t, c.value, reject.Value)
			require.Contains(t, reject.Reason, c.reason)
		})
	}
}

func TestARejectedAssetTakesItsFindingsAlong(t *testing.T) {
	t.Parallel()
	asset, rejects := defaultProgram(t, "qualys-tas-application").NewApplier().Apply(
		[]byte(`{"findings":[{"id":1,"severity":1},{"id":2,"severity":9}],"name":[],"id":4}`))
	require.Nil(t, asset)
	require.Len(t, rejects, 1)
	require.Equal(t, "4", rejects[0].AssetID)
	require.Equal(t, -1, rejects[0].Finding)
}

func TestIdsKeepTheirExactText(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		`12345678901234567890123`:             "12345678901234567890123",
		`1.50`:                                "1.50",
		`"007"`:                               "007",
		`" x "`:                               " x ",
		`"\u00e9\ud83d\ude00"`:                "é😀",
		`"` + strings.Repeat("x", 1024) + `"`: strings.Repeat("x", 1024),
	} {
		asset, rejects := defaultProgram(t, "qualys-tas-application").NewApplier().Apply([]byte(`{"id":` + given + `}`))
		require.Empty(t, rejects)
		require.Equal(t, want, asset.ExternalID)
	}
}

func TestTextThatPostgreSQLCannotHoldIsReplaced(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		`"a\u0000b"`:    "a\uFFFDb",
		"\"a\xffb\"":    "a\uFFFDb",
		`"a\ud800b"`:    "a\uFFFDb",
		`"tab\tline\n"`: "tab\tline\n",
	} {
		asset, rejects := defaultProgram(t, "qualys-tas-application").NewApplier().Apply([]byte(`{"id":1,"name":` + given + `}`))
		require.Empty(t, rejects, given)
		require.Equal(t, want, asset.Name)
	}
}

func TestRepeatedFindings(t *testing.T) {
	t.Parallel()
	one, other, two := `{"id":1,"severity":1}`, `{"id":"1","severity":5}`, `{"id":2,"severity":2}`
	many := "" // more than are compared one by one
	for i := range 40 {
		many += fmt.Sprintf(`,{"id":%d,"severity":3}`, 100+i)
	}
	for _, more := range []string{"", many} {
		t.Run(fmt.Sprintf("among %d", 3+strings.Count(more, "id")), func(t *testing.T) {
			t.Parallel()
			applier := defaultProgram(t, "qualys-tas-application").NewApplier()
			record := func(findings ...string) []byte {
				return []byte(`{"id":9,"findings":[` + strings.Join(findings, ",") + more + `]}`)
			}

			asset, rejects := applier.Apply(record(one, two, one))
			require.Empty(t, rejects, "alike ones are one")
			require.Equal(t, Finding{ExternalID: "2", Severity: 2}, asset.Findings[0])
			require.Equal(t, Finding{ExternalID: "1", Severity: 1}, asset.Findings[1])
			require.Equal(t, 1, applier.Repeated())

			asset, rejects = applier.Apply(record(one, two, other))
			require.Equal(t, Finding{ExternalID: "1", Severity: 5}, asset.Findings[1], "the last of differing ones stays")
			require.Len(t, rejects, 1)
			require.Equal(t, "9", rejects[0].AssetID)
			require.Equal(t, "1", rejects[0].FindingID)
			require.Equal(t, 0, rejects[0].Finding)
			require.Contains(t, rejects[0].Reason, "repeated id")
			require.Equal(t, 1, applier.Repeated())

			asset, rejects = applier.Apply(record(one, other, one))
			require.Equal(t, Finding{ExternalID: "1", Severity: 1}, asset.Findings[0])
			require.Len(t, rejects, 2)
		})
	}
}

func TestResultsOutliveLaterRecords(t *testing.T) {
	t.Parallel()
	p := compiled(t, "name -> asset.assetDetail.name", "uuid -> asset.assetDetail.attributes.uuid",
		"findings[].id -> findingGroup.findings[].externalFindingId", "findings[].qid -> findingGroup.findings[].attributes.qid")
	applier := p.NewApplier()
	record := make([]byte, 0, 1<<10)
	var assets []*Asset
	const records = 3000
	for i := range records {
		record = fmt.Appendf(record[:0], `{"id":%d,"name":"n%d","uuid":"u%d","findings":[{"id":%d,"qid":%d},{"id":"x","qid":1}]}`, i, i, i, i, i)
		asset, rejects := applier.Apply(record)
		require.Empty(t, rejects)
		assets = append(assets, asset)
	}
	for i, asset := range assets {
		require.Equal(t, &Asset{
			ExternalID:     fmt.Sprint(i),
			Name:           fmt.Sprintf("n%d", i),
			Attributes:     fmt.Appendf(nil, `{"uuid":"u%d"}`, i),
			FindingsListed: true,
			Findings: []Finding{
				{ExternalID: fmt.Sprint(i), Attributes: fmt.Appendf(nil, `{"qid":%d}`, i)},
				{ExternalID: "x", Attributes: []byte(`{"qid":1}`)},
			},
		}, asset)
	}
}

func TestApplyLeavesTheRecordAsItIs(t *testing.T) {
	t.Parallel()
	record := applicationRecord(1)
	before := string(record)
	_, rejects := defaultProgram(t, "qualys-tas-application").NewApplier().Apply(record)
	require.Empty(t, rejects)
	require.Equal(t, before, string(record))
}

func TestAProgramIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	p := compiled(t, "name -> asset.assetDetail.attributes.name, default: none")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			applier := p.NewApplier()
			for range 200 {
				if asset, _ := applier.Apply([]byte(`{"id":1}`)); string(asset.Attributes) != `{"name":"none"}` {
					panic(string(asset.Attributes))
				}
			}
		})
	}
	all.Wait()
}

func TestExpressionsAreSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	p := expressive(t)
	record := applicationRecord(1)
	want, _ := p.NewApplier().Apply(record)
	require.NotNil(t, want)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			applier := p.NewApplier()
			for range 50 {
				if asset, _ := applier.Apply(record); string(asset.Attributes) != string(want.Attributes) {
					panic(string(asset.Attributes))
				}
			}
		})
	}
	all.Wait()
}
