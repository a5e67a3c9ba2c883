package transform

import (
	"encoding/json"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// nested compiles a map of records with lists inside of lists.
func nested(t testing.TB, rows ...string) *Program {
	t.Helper()
	return ownProgramOf(t, nestedModels(t), ownMap(t, "own.nested", "inventory", "host", append([]string{
		"id -> asset.assetHeader.externalAssetId", "list[].id -> findingGroup.findings[].externalFindingId",
		"list[].name -> findingGroup.findings[].name", "list[].severity -> findingGroup.findings[].severity"}, rows...)...))
}

func nestedModels(t testing.TB) *Models {
	models := ownModels(t)
	own, err := LoadModels(fstest.MapFS{"m.yaml": model("own.nested", "", "id string", "list array", "list[].id string", "list[].name string", "list[].severity severity",
		"list[].tags array", "list[].tags[].name string", "TAGS object", "TAGS.TAG array", "TAGS.TAG[].NAME string", "TAGS.TAG[].of array", "TAGS.TAG[].of[].key string")})
	require.NoError(t, err)
	models.byName["own.nested"] = own.Get("own.nested")
	return models
}

func ownProgramOf(t testing.TB, models *Models, m *Map) *Program {
	t.Helper()
	p, err := Compile(m, models)
	require.NoError(t, err)
	return p
}

var collecting = []string{
	"TAGS.TAG[].NAME -> asset.assetDetail.attributes.tags",
	"TAGS.TAG[].of[].key -> asset.assetDetail.attributes.keys",
	"list[].severity -> asset.assetDetail.attributes.severities",
	"list[].tags[].name -> findingGroup.findings[].attributes.tags",
}

func TestAnAttributeTakesTheValuesOfAllElements(t *testing.T) {
	t.Parallel()
	applier := nested(t, collecting...).NewApplier()
	for record, want := range map[string][2]string{ // of the asset, and of its first finding
		`{"id":"1","TAGS":{"TAG":[{"NAME":"a","of":[{"key":"k"},{"key":"l"}]},{"NAME":"b","of":null},{"NAME":null},{},null]},` +
			`"list":[{"id":"f","name":"n","severity":3,"tags":[{"name":"x"},{"other":[1]},{"name":["y"]}]},{"id":"g","name":"n","severity":"4"}]}`: {
			`{"keys":["k","l"],"severities":[3,"4"],"tags":["a","b"]}`, `{"tags":["x",["y"]]}`},
		`{"id":"1","TAGS":{"TAG":[]},"list":[{"id":"f","name":"n","severity":3,"tags":[]}]}`:                       {`{"keys":[],"severities":[3],"tags":[]}`, `{"tags":[]}`},
		`{"id":"1","TAGS":{"TAG":[{"NAME":"","of":""},""]},"list":[{"id":"f","name":"n","severity":3,"tags":""}]}`: {`{"keys":[],"severities":[3],"tags":[""]}`, ``},
		`{"id":"1","TAGS":{"TAG":null},"list":[{"id":"f","name":"n","severity":3}]}`:                               {`{"severities":[3]}`, ``},
	} {
		asset, rejects := applier.Apply([]byte(record))
		require.Empty(t, rejects, record)
		require.Equal(t, want, [2]string{string(asset.Attributes), string(asset.Findings[0].Attributes)}, record)
	}
	for record, want := range map[string]string{
		`{"id":"1","TAGS":{"TAG":{"NAME":"a"}}}`:                    "is not a list",
		`{"id":"1","TAGS":{"TAG":[{"NAME":"a","of":"k"}]}}`:         "is not a list",
		`{"id":"1","TAGS":{"TAG":["a"]}}`:                           "has an element that is not an object",
		`{"id":"1","TAGS":{"TAG":[{"NAME":"a","NAME":"b"}]}}`:       "two fields NAME",
		`{"id":"1","TAGS":{"TAG":[{"NAME":{"a":1,"a":2}}]}}`:        "repeats a name",
		`{"id":"1","TAGS":{"TAG":[{"NAME":"a"},{"NAME":1e99999}]}}`: "number",
	} {
		_, rejects := applier.Apply([]byte(record))
		require.Len(t, rejects, 1, record)
		require.Contains(t, rejects[0].Reason, want, record)
		require.Contains(t, rejects[0].Row, "TAGS.TAG[]")
	}
}

func TestOnlyAnAttributeTakesTheValuesOfAllElements(t *testing.T) {
	t.Parallel()
	check := func(rows ...string) error {
		return Check(ownMap(t, "own.nested", "inventory", "host", append([]string{"id -> asset.assetHeader.externalAssetId"}, rows...)...), nestedModels(t)).err()
	}
	require.ErrorContains(t, check("TAGS.TAG[].NAME -> asset.assetDetail.name"), "only an attribute can, as a list")
	require.ErrorContains(t, check("TAGS.TAG[].NAME -> asset.assetDetail.attributes.x, convert: int"), "said by an expression, such as record.tags.map(tag, tag.name)")
	require.ErrorContains(t, check("TAGS.TAG[].NAME -> asset.assetDetail.attributes.x, values: {a: b}"), "said by an expression, such as record.tags.map(tag, tag.name)")
	require.NoError(t, check("TAGS.TAG -> asset.assetDetail.attributes.all", "TAGS.TAG[].NAME -> asset.assetDetail.attributes.names"), "both at once")
}

// What is collected is what reading the record as a whole gives.
func TestWhatIsCollectedIsWhatIsThere(t *testing.T) {
	t.Parallel()
	program := nested(t, collecting...)
	rapid.Check(t, func(t *rapid.T) {
		type object = map[string]any
		text := rapid.StringMatching(`[a-z"\\é]{0,4}`)
		tags := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) any {
			tag := object{}
			if rapid.Bool().Draw(t, "named") {
				tag["NAME"] = text.Draw(t, "name")
			}
			if rapid.Bool().Draw(t, "with keys") {
				var of []any
				for _, key := range rapid.SliceOfN(text, 0, 3).Draw(t, "keys") {
					of = append(of, object{"key": key, "other": object{"key": "no"}})
				}
				tag["of"] = of
			}
			return tag
		}), 0, 4).Draw(t, "tags")
		names, keys := []any{}, []any{}
		for _, tag := range tags {
			if name, ok := tag.(object)["NAME"]; ok {
				names = append(names, name)
			}
			of, _ := tag.(object)["of"].([]any)
			for _, o := range of {
				keys = append(keys, o.(object)["key"])
			}
		}
		record, err := json.Marshal(object{"id": "1", "TAGS": object{"TAG": tags}})
		require.NoError(t, err)
		asset, rejects := program.NewApplier().Apply(record)
		require.Empty(t, rejects)
		want, err := json.Marshal(object{"tags": names, "keys": keys})
		require.NoError(t, err)
		require.JSONEq(t, string(want), string(asset.Attributes))
	})
}

func FuzzCollect(f *testing.F) {
	program := nested(f, collecting...)
	f.Add([]byte(`{"id":"1","TAGS":{"TAG":[{"NAME":"a","of":[{"key":"k"}]},null,""]},"list":[{"id":"f","name":"n","severity":3,"tags":[{"name":["y"]}]}]}`))
	f.Add([]byte(`{"id":"1","TAGS":{"TAG":{"NAME":1}},"list":[{"tags":[[[]]]}]}`))
	f.Fuzz(func(t *testing.T, record []byte) {
		asset, rejects := program.NewApplier().Apply(record)
		if asset == nil {
			require.Len(t, rejects, 1)
			return
		}
		require.True(t, len(asset.Attributes) == 0 || json.Valid(asset.Attributes))
		for _, found := range asset.Findings {
			require.True(t, len(found.Attributes) == 0 || json.Valid(found.Attributes))
		}
	})
}
