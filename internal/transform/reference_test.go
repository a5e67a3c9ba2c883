package transform

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// keysOf are the keys of a map file for the fields of a struct.
func keysOf(of any, without ...string) (keys []string) {
	for _, f := range reflect.VisibleFields(reflect.TypeOf(of)) {
		if key := strings.ToLower(f.Name[:1]) + f.Name[1:]; f.IsExported() && !slices.Contains(without, f.Name) {
			keys = append(keys, key)
		}
	}
	return keys
}

func TestEveryKeyOfAMapIsExplained(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		keys      []string
		explained []KeyReference
	}{
		{keysOf(Map{}, "File", "Rows"), MapKeys()},
		{keysOf(Row{}), RowKeys()},
	} {
		var explained []string
		for _, k := range c.explained {
			require.NotEmpty(t, k.Says, k.Key)
			explained = append(explained, k.Key)
		}
		require.ElementsMatch(t, c.keys, explained)
	}
}

// modelsOfExample are the models, with one of ExampleRecord.
func modelsOfExample(t *testing.T) *Models {
	t.Helper()
	models := defaultModels(t)
	found, err := Infer("file.example", strings.NewReader(strings.ReplaceAll(ExampleRecord, "\n", "")), models, Shape{})
	require.NoError(t, err)
	all, err := models.With(found.Model)
	require.NoError(t, err)
	return all
}

// shown applies a map of one row beside the id to a record, and returns what the
// row fills, as JSON, or the reason for which it is rejected.
func shown(t *testing.T, models *Models, row Row, record string) (value, reason string) {
	t.Helper()
	row.To = "asset.assetDetail.attributes.shown"
	p, err := Compile(&Map{Name: "example", Source: "file.example", Target: "inventory", Rows: []Row{
		{From: "id", To: "asset.assetHeader.externalAssetId"}, row,
	}}, models)
	require.NoError(t, err, row)
	asset, rejects := p.NewApplier().Apply([]byte(record))
	if asset == nil {
		require.NotEmpty(t, rejects)
		return "", rejects[0].Reason
	}
	var attributes struct{ Shown json.RawMessage }
	require.NoError(t, json.Unmarshal(asset.Attributes, &attributes), row)
	return string(attributes.Shown), ""
}

func TestEveryConversionIsExplainedByWhatItTakesAndRejects(t *testing.T) {
	t.Parallel()
	models := modelsOfExample(t)
	var explained []string
	for _, c := range Conversions() {
		explained = append(explained, c.Name)
		for _, value := range c.Takes {
			_, reason := shown(t, models, Row{From: "note", Convert: c.Name}, `{"id":"a","note":`+value+`}`)
			require.Empty(t, reason, "%s of %s", c.Name, value)
		}
		for _, value := range c.Rejects {
			_, reason := shown(t, models, Row{From: "note", Convert: c.Name}, `{"id":"a","note":`+value+`}`)
			require.NotEmpty(t, reason, "%s of %s", c.Name, value)
		}
	}
	require.Equal(t, converts, explained)
}

// functionNames are all operators, functions and macros of expressions, as they
// are written.
func functionNames(t *testing.T) []string {
	t.Helper()
	env, err := baseEnvironment()
	require.NoError(t, err)
	written := map[string]string{"_?._": ".?", "_in_": "in", "@in": "in"}
	names := map[string]bool{}
	for name := range env.Functions() {
		switch operator := strings.Trim(name, "_"); {
		case strings.Contains(name, "not_strictly_false"): // of CEL's own loops
		case written[name] != "":
			names[written[name]] = true
		case operator != name:
			names[strings.ReplaceAll(operator, "_", "")] = true
		default:
			names[name] = true
		}
	}
	for _, macro := range env.Macros() {
		names[macro.Function()] = true
	}
	return sortedKeys(names)
}

func TestEveryFunctionIsShownByAnExampleThatIsTrue(t *testing.T) {
	t.Parallel()
	models := modelsOfExample(t)
	record := strings.ReplaceAll(ExampleRecord, "\n", "")
	var names []string
	for _, f := range Functions() {
		names = append(names, f.Names...)
		value, reason := shown(t, models, Row{Expr: f.Example}, record)
		require.Empty(t, reason, f.Example)
		require.Equal(t, f.Gives, value, f.Example)
	}
	require.ElementsMatch(t, functionNames(t), names)
}
