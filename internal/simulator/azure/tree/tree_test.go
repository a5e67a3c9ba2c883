package tree

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"
)

func TestMembersKeepTheirOrder(t *testing.T) {
	t.Parallel()
	o := Of("b", 1, "a", []string{"x"}, "none", nil, "empty", Object{}, "list", []any{}, "raw", Verbatim("80.0"), "text", "<ö \"\n", "tags", map[string]string{"k": "v"})
	require.Equal(t, `{"b":1,"a":["x"],"none":null,"empty":{},"list":[],"raw":80.0,"text":"<ö \"\n","tags":{"k":"v"}}`, string(Compact(o)))
	require.Equal(t, "{\r\n  \"a\": [\r\n    1,\r\n    {\r\n      \"b\": true\r\n    }\r\n  ]\r\n}", string(PrettyCRLF(Of("a", []any{1, Of("b", true)}))))
}

// anything draws a value of those that the package's callers build.
func anything(t *rapid.T, depth int) any {
	switch kind := rapid.IntRange(0, 6).Draw(t, "kind"); {
	case kind == 0 && depth > 0:
		var o Object
		for _, name := range rapid.SliceOfNDistinct(rapid.StringOf(character), 0, 3, func(s string) string { return s }).Draw(t, "names") {
			o = o.With(name, anything(t, depth-1))
		}
		return o
	case kind == 1 && depth > 0:
		list := []any{}
		for range rapid.IntRange(0, 3).Draw(t, "n") {
			list = append(list, anything(t, depth-1))
		}
		return list
	case kind == 2:
		return rapid.IntRange(-1000, 1000).Draw(t, "int")
	case kind == 3:
		return rapid.Bool().Draw(t, "bool")
	case kind == 4:
		return nil
	}
	return rapid.StringOf(character).Draw(t, "text")
}

// character is none that YAML does not have.
var character = rapid.RuneFrom([]rune("\n\t\"'\\:-#{}[],&*!|>%@` é注🎉\u2028"), unicode.L, unicode.N, unicode.P)

func TestAllWritersSayTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		o := Of("it", anything(t, 4))
		compact := Compact(o)
		require.True(t, json.Valid(compact), "%s", compact)
		require.JSONEq(t, string(compact), string(Pretty(o)))
		require.JSONEq(t, string(compact), string(PrettyCRLF(o)))
		var indented bytes.Buffer
		require.NoError(t, json.Indent(&indented, compact, "", "  "))
		require.Equal(t, indented.String(), string(Pretty(o)), "as the standard library indents")
		var fromYAML map[string]any
		require.NoError(t, yaml.Unmarshal(YAML(o), &fromYAML), "%s", YAML(o))
		again, err := json.Marshal(fromYAML)
		require.NoError(t, err)
		require.JSONEq(t, string(compact), string(again), "%s", YAML(o))
	})
}
