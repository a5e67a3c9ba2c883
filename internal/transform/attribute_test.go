package transform

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestAttributesTakeValuesOfAnyKind(t *testing.T) {
	t.Parallel()
	p := compiled(t,
		"url -> asset.assetDetail.attributes.z-url",
		"uuid -> asset.assetDetail.attributes.uuid",
		"findings -> asset.assetDetail.attributes.all",
		"findings[].id -> findingGroup.findings[].externalFindingId",
		"findings[].cveIds -> findingGroup.findings[].attributes.cves",
		"findings[].qid -> findingGroup.findings[].attributes.QID",
		"findings[].cvss -> findingGroup.findings[].attributes.score, default: 0.0",
	)
	asset, rejects := p.NewApplier().Apply([]byte(`{"uuid": "u\u00e9\/", "id": 1, "url": "",
		"findings" : [ {"qid": 12345678901234567890, "id": 2, "cvss": 7.50, "cveIds": {"b": [1, 2.0], "a": null}} , {"id": 3} ] }`))
	require.Empty(t, rejects)
	require.Equal(t, `{"all":[{"cveIds":{"a":null,"b":[1,2.0]},"cvss":7.50,"id":2,"qid":12345678901234567890},{"id":3}],"uuid":"ué/","z-url":""}`,
		string(asset.Attributes))
	require.Equal(t, `{"QID":12345678901234567890,"cves":{"a":null,"b":[1,2.0]},"score":7.50}`, string(asset.Findings[0].Attributes))
	require.Equal(t, `{"score":0.0}`, string(asset.Findings[1].Attributes))
}

func TestAttributesOfTheConvertedType(t *testing.T) {
	t.Parallel()
	for given, c := range map[string]struct{ convert, want string }{
		`7.5`:                        {"string", `"7.5"`},
		`true`:                       {"string", `"true"`},
		`"a\u0000\"b"`:               {"string", `"a` + "\uFFFD" + `\"b"`},
		`"007"`:                      {"int", `7`},
		`-9223372036854775808`:       {"int", `-9223372036854775808`},
		`"1.50"`:                     {"float", `1.5`},
		`"true"`:                     {"bool", `true`},
		`false`:                      {"bool", `false`},
		`1738315800123`:              {"timestamp", `"2025-01-31T09:30:00.123Z"`},
		`"2025-01-31T09:30:00+0100"`: {"timestamp", `"2025-01-31T08:30:00Z"`},
		`"5"`:                        {"severity", `5`},
	} {
		p := compiled(t, "name -> asset.assetDetail.attributes.x, convert: "+c.convert)
		asset, rejects := p.NewApplier().Apply([]byte(`{"id":1,"name":` + given + `}`))
		require.Empty(t, rejects, given)
		require.Equal(t, `{"x":`+c.want+`}`, string(asset.Attributes))
	}
}

func TestAttributesThatAreRejected(t *testing.T) {
	t.Parallel()
	big := `"` + strings.Repeat("x", 65536) + `"`
	for given, c := range map[string]struct{ convert, reason string }{
		`{"a":1,"a":1}`:                       {"", reasonJSON},
		`1e1001`:                              {"", reasonNumber},
		`[{"a":1E-99999999999999999999}]`:     {"", reasonNumber},
		`[` + strings.Repeat("9", 1001) + `]`: {"", reasonNumber},
		big:                                   {"", reasonLong},
		big + ` `:                             {"string", reasonLong},
		`"x"`:                                 {"int", reasonInt},
		`1.0`:                                 {"int", reasonInt},
		`9223372036854775808`:                 {"int", reasonInt},
		`"0x1p-2"`:                            {"float", reasonFloat},
		`"NaN"`:                               {"float", reasonFloat},
		`"Inf"`:                               {"float", reasonFloat},
		`1e999`:                               {"float", reasonFloat},
		`1`:                                   {"bool", reasonBool},
		`"yes"`:                               {"bool", reasonBool},
		`[1]`:                                 {"int", reasonScalar},
		`{}`:                                  {"string", reasonScalar},
	} {
		row := "name -> asset.assetDetail.attributes.x"
		if c.convert != "" {
			row += ", convert: " + c.convert
		}
		asset, rejects := compiled(t, row).NewApplier().Apply([]byte(`{"id":1,"name":` + given + `}`))
		require.Nil(t, asset, cut(given))
		require.Len(t, rejects, 1)
		require.Equal(t, c.reason, rejects[0].Reason, cut(given))
		require.Equal(t, "1", rejects[0].AssetID)
	}
}

func TestAttributesAreFitForJSONB(t *testing.T) {
	t.Parallel()
	p := compiled(t, "name -> asset.assetDetail.attributes.x")
	for given, want := range map[string]string{
		`"a\u0000\\u0000"`:      `"a\ufffd\\u0000"`,
		`{"\u0000":["\ud800"]}`: `{"\ufffd":["` + "\uFFFD" + `"]}`,
		"\"\xff\"":              "\"\uFFFD\"",
		`"1e9999"`:              `"1e9999"`,
		`1E+1000`:               `1E+1000`,
	} {
		asset, rejects := p.NewApplier().Apply([]byte(`{"id":1,"name":` + given + `}`))
		require.Empty(t, rejects, given)
		require.Equal(t, `{"x":`+want+`}`, string(asset.Attributes))
	}
}

// Equal texts are equal bytes, however the vendor has escaped them.
func TestTextAttributesAreWrittenInOneWay(t *testing.T) {
	t.Parallel()
	applier := compiled(t, "name -> asset.assetDetail.attributes.x").NewApplier()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"<a href='/'>&", "\u2028\u2029", "\x7f", "é😀"})).Draw(t, "text")
		written := quote(nil, "/"+text)
		escaped := append([]byte(`"\/`), written[len(`"/`):]...)
		plain, _ := applier.Apply([]byte(`{"id":1,"name":` + string(written) + `}`))
		other, _ := applier.Apply([]byte(`{"id":1,"name":` + string(escaped) + `}`))
		require.Equal(t, string(plain.Attributes), string(other.Attributes))
	})
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	applier := compiled(t,
		"name -> asset.assetDetail.name, default: unnamed",
		"createdDate -> asset.assetDetail.sourceCreatedAt, default: 2020-01-01T00:00:00Z",
		"findings[].id -> findingGroup.findings[].externalFindingId",
		"findings[].severity -> findingGroup.findings[].severity, default: 1",
	).NewApplier()
	asset, rejects := applier.Apply([]byte(`{"id":1,"name":null,"findings":[{"id":1},{"id":2,"severity":4},{"id":3,"severity":9}]}`))
	require.Equal(t, "unnamed", asset.Name)
	require.Equal(t, 2020, asset.SourceCreatedAt.Year())
	require.Equal(t, []Finding{{ExternalID: "1", Severity: 1}, {ExternalID: "2", Severity: 4}}, asset.Findings)
	require.Len(t, rejects, 1, "a default is for what is absent, not for what is wrong")
}

func TestTablesOfValues(t *testing.T) {
	t.Parallel()
	applier := compiled(t,
		"findings[].id -> findingGroup.findings[].externalFindingId",
		"findings[].status -> findingGroup.findings[].severity, values: {low: 2, high: '4', '7': 5, 'true': 1}",
		"findings[].severity -> findingGroup.findings[].attributes.risk, values: {1: a, 2: b, 3: c, 4: d, 5: 0.5}",
	).NewApplier()
	asset, rejects := applier.Apply([]byte(`{"id":1,"findings":[
		{"id":1,"status":"low","severity":1},{"id":2,"status":"h\u0069gh","severity":"5"},{"id":3,"status":7,"severity":2},
		{"id":4,"status":"Low","severity":1},{"id":5,"status":{},"severity":1},{"id":6,"status":true,"severity":3}]}`))
	require.Equal(t, []Finding{
		{ExternalID: "1", Severity: 2, Attributes: []byte(`{"risk":"a"}`)},
		{ExternalID: "2", Severity: 4, Attributes: []byte(`{"risk":0.5}`)},
		{ExternalID: "3", Severity: 5, Attributes: []byte(`{"risk":"b"}`)},
		{ExternalID: "6", Severity: 1, Attributes: []byte(`{"risk":"c"}`)},
	}, asset.Findings)
	require.Len(t, rejects, 2)
	require.Equal(t, reasonNoRow, rejects[0].Reason)
	require.Equal(t, `"Low"`, rejects[0].Value)
	require.Equal(t, reasonScalar, rejects[1].Reason)
}
