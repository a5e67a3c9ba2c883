package apispec_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"sluice/internal/apispec"
)

// FuzzSummarise: whatever the bytes are, there are counts or there is a named
// reason, and nothing in the summary is out of bounds.
func FuzzSummarise(f *testing.F) {
	f.Add(spec(`"servers": [{"url": "https://{h}/", "variables": {"h": {"default": "a"}}}], "paths": {"/a/{b}": {"parameters": [{"in": "path", "name": "b"}],
		"get": {"parameters": [{"$ref": "#/components/parameters/p"}], "security": [{"k": []}], "deprecated": true}}}, "components": {"parameters": {"p": {"in": "query", "name": "p"}}}`), "")
	f.Add([]byte(`{"paths": {"/a": {"get": {"operationId": "x"}}}, "host": "a.example", "schemes": ["https"], "securityDefinitions": {"k": {"type": "apiKey"}}, "swagger": "2.0"}`), "")
	f.Add([]byte("swagger: '2.0'\nbasePath: /v1\npaths:\n  /a:\n    get:\n      parameters:\n      - name: a\n        in: query\n"), apispec.SwaggerJSON)
	f.Add([]byte(wsdl), apispec.WSDL)
	f.Add([]byte(sdl), apispec.GraphQL)
	f.Add([]byte(bomb+"paths: {<<: *i}"), "")
	f.Add([]byte("openapi: 3\npaths: {<<: &a {<<: [*a, *a]}, /a: &b {get: *b}}"), "")
	f.Add(spec(`"paths": {"/a": {"$ref": "#/paths/~1a", "query": null}}, "security": {}`), "")
	f.Fuzz(func(t *testing.T, data []byte, hint string) {
		s := apispec.Summarise(data, hint)
		require.NotContains(t, s.Problem, "unreadable: ")
		if s.Format == apispec.Unknown {
			require.Regexp(t, "^[a-z-]+: .", s.Problem)
		}
		require.LessOrEqual(t, len(s.Problem), 512)
		require.True(t, slices.IsSorted(s.Flags))
		texts := []string{s.Problem, s.Title, s.Version, s.APIVersion}
		texts = append(texts, s.Servers...)
		seen := map[string]bool{}
		for _, e := range s.Endpoints {
			require.Contains(t, []string{apispec.SecurityRequired, apispec.SecurityNone, apispec.SecurityUnknown}, e.Security)
			require.False(t, seen[e.Method+" "+e.Path] && !strings.Contains(e.Method, " "), "%+v", e)
			seen[e.Method+" "+e.Path] = true
			texts = append(texts, e.Path, e.Method, e.OperationID)
		}
		for _, text := range texts {
			require.True(t, utf8.ValidString(text), "%q", text)
			require.LessOrEqual(t, len(text), 4096)
		}
	})
}
