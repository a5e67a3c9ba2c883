package apispec_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"sluice/internal/apispec"
)

func TestWhatAnExportSays(t *testing.T) {
	t.Parallel()
	want := apispec.Summary{
		Format: apispec.OpenAPIJSON, Version: "3.0.1", Title: "Orders", APIVersion: "1.0",
		Servers: []string{"https://gateway.example/orders"},
		Paths:   wholePaths,
		SecuritySchemes: []apispec.Scheme{
			{Name: "apiKeyHeader", Type: "apiKey"}, {Name: "apiKeyQuery", Type: "apiKey"},
		},
		Flags: []string{apispec.FlagSubscriptionKeyOnly},
	}
	for i := range 5 {
		path, item := fmt.Sprintf("/r%d", i), fmt.Sprintf("/r%d/{id}", i)
		id := func(name string) string { return fmt.Sprintf("%s-%d", name, i) }
		want.Endpoints = append(want.Endpoints,
			apispec.Endpoint{Method: "GET", Path: path, OperationID: id("list"), Parameters: 2, Security: apispec.SecurityRequired},
			apispec.Endpoint{Method: "POST", Path: path, OperationID: id("create"), Security: apispec.SecurityNone},
			apispec.Endpoint{Method: "GET", Path: item, OperationID: id("get"), Parameters: 2, Security: apispec.SecurityRequired},
			apispec.Endpoint{Method: "DELETE", Path: item, OperationID: id("delete"), Deprecated: true, Parameters: 1, Security: apispec.SecurityRequired},
		)
	}
	require.Equal(t, want, apispec.Summarise(openAPI("3.0.1").JSON(), ""))

	want.Format = apispec.OpenAPIYAML
	require.Equal(t, want, apispec.Summarise(openAPI("3.0.1").YAML(), apispec.SwaggerJSON), "a hint is no more than that")

	want.Format, want.Version = apispec.SwaggerJSON, "2.0"
	for i := range want.Endpoints {
		if want.Endpoints[i].Method == "POST" {
			want.Endpoints[i].Parameters = 1 // the body is one
		}
	}
	require.Equal(t, want, apispec.Summarise(swagger().JSON(), ""))
}

// spec is a small OpenAPI document with members added to it.
func spec(members string) []byte {
	return []byte(`{"openapi": "3.0.1", "info": {"title": "t"}, ` + members + `}`)
}

func TestSecurityOfAnEndpoint(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ global, own, want string }{
		"nothing is said":             {"", "", apispec.SecurityUnknown},
		"inherited":                   {`[{"k": []}]`, "", apispec.SecurityRequired},
		"its own":                     {"", `[{"k": []}]`, apispec.SecurityRequired},
		"opened":                      {`[{"k": []}]`, `[]`, apispec.SecurityNone},
		"null inherits":               {`[{"k": []}]`, `null`, apispec.SecurityRequired},
		"optional":                    {`[{"k": []}]`, `[{}, {"k": []}]`, apispec.SecurityNone},
		"all open":                    {`[]`, "", apispec.SecurityNone},
		"closed in an open API":       {`[]`, `[{"k": []}]`, apispec.SecurityRequired},
		"an empty object for a list":  {`[{"k": []}]`, `{}`, apispec.SecurityRequired},
		"a text for an alternative":   {"", `["k"]`, apispec.SecurityRequired},
		"null for an alternative":     {"", `[null]`, apispec.SecurityNone},
		"nothing global, null of own": {"null", "null", apispec.SecurityUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			members := `"paths": {"/a": {"get": {"x": 1}}}`
			if c.own != "" {
				members = `"paths": {"/a": {"get": {"security": ` + c.own + `}}}`
			}
			if c.global != "" {
				members += `, "security": ` + c.global
			}
			s := apispec.Summarise(spec(members), "")
			require.Equal(t, c.want, s.Endpoints[0].Security)
			require.Equal(t, c.want == apispec.SecurityUnknown, slices.Contains(s.Flags, apispec.FlagSecurityUnknown))
		})
	}
}

func TestParametersAreMergedByPlaceAndName(t *testing.T) {
	t.Parallel()
	const shared = `"components": {"parameters": {
		"a": {"name": "id", "in": "path"},
		"b/c~d e": {"$ref": "#/components/parameters/a"},
		"x": {"$ref": "#/components/parameters/y"}, "y": {"$ref": "#/components/parameters/x"}}}`
	for name, c := range map[string]struct {
		path, own string
		want      int
	}{
		"none":                     {`[]`, `[]`, 0},
		"both":                     {`[{"name": "a", "in": "query"}]`, `[{"name": "b", "in": "query"}]`, 2},
		"replaced":                 {`[{"name": "a", "in": "query"}]`, `[{"name": "a", "in": "query"}]`, 1},
		"same name, other place":   {`[{"name": "a", "in": "query"}]`, `[{"name": "a", "in": "header"}]`, 2},
		"reference replaced":       {`[{"$ref": "#/components/parameters/a"}]`, `[{"name": "id", "in": "path"}]`, 1},
		"reference to a reference": {`[{"$ref": "#/components/parameters/b~1c~0d%20e"}]`, `[{"name": "id", "in": "path"}]`, 1},
		"circle":                   {`[{"$ref": "#/components/parameters/x"}]`, `[{"$ref": "#/components/parameters/y"}]`, 2},
		"the same nowhere":         {`[{"$ref": "#/components/parameters/n"}]`, `[{"$ref": "#/components/parameters/n"}]`, 1},
		"without names":            {`[{}]`, `[{"in": "query"}]`, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := apispec.Summarise(spec(`"paths": {"/a": {"get": {"parameters": `+c.own+`}, "parameters": `+c.path+`}}, `+shared), "")
			require.Equal(t, c.want, s.Endpoints[0].Parameters)
		})
	}
}

func TestServers(t *testing.T) {
	t.Parallel()
	for members, want := range map[string][]string{
		`"openapi": "3.0.0"`: nil,
		`"openapi": "3.0.0", "servers": [{"url": "https://a.example/v1"}, {"url": "/v2"}]`:                                                              {"https://a.example/v1", "/v2"},
		`"openapi": "3.0.0", "servers": [{"url": "https://{r}.a.example/{v}{x}", "variables": {"r": {"default": "eu"}, "v": {"default": 2}, "x": {}}}]`: {"https://eu.a.example/2{x}"},
		`"swagger": "2.0", "host": "a.example", "basePath": "/v1/", "schemes": ["https", "WSS", "https"]`:                                               {"https://a.example/v1", "wss://a.example/v1"},
		`"swagger": "2.0", "host": "a.example:8443", "basePath": "v1"`:                                                                                  {"//a.example:8443/v1"},
		`"swagger": "2.0", "host": "a.example", "basePath": "/", "schemes": ["http"]`:                                                                   {"http://a.example"},
		`"swagger": "2.0", "host": "https://a.example/", "schemes": ["https"]`:                                                                          {"https://a.example"},
		`"swagger": "2.0", "basePath": "/v1", "schemes": ["https"]`:                                                                                     {"/v1"},
		`"swagger": "2.0"`: nil,
	} {
		require.Equal(t, want, apispec.Summarise([]byte("{"+members+`, "paths": {}}`), "").Servers, members)
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	s := apispec.Summarise(spec(`"paths": {"/a": {"summary": "s", "x-put": {}, "get": {}, "query": {}, "trace": {},
		"additionalOperations": {"COPY": {"operationId": "copy"}}}}`), "")
	var methods []string
	for _, e := range s.Endpoints {
		methods = append(methods, e.Method)
	}
	require.Equal(t, []string{"GET", "QUERY", "TRACE", "COPY"}, methods)
}

func TestSharedPathItems(t *testing.T) {
	t.Parallel()
	s := apispec.Summarise(spec(`"paths": {"/a/{id}": {"$ref": "#/components/pathItems/i"}, "/b": {"$ref": "#/components/pathItems/j", "put": {}}},
		"components": {"pathItems": {"i": {"get": {"parameters": [{"in": "path", "name": "id"}]}, "head": {}}, "j": {"$ref": "#/components/pathItems/i"}}}`+`}`), "")
	var got []string
	for _, e := range s.Endpoints {
		got = append(got, fmt.Sprint(e.Method, " ", e.Path, " ", e.Parameters))
	}
	require.Equal(t, []string{"GET /a/{id} 1", "HEAD /a/{id} 0", "PUT /b 0", "GET /b 1", "HEAD /b 0"}, got)
}

func TestYAMLAnchorsAndMerges(t *testing.T) {
	t.Parallel()
	s := apispec.Summarise([]byte(`
openapi: 3.0.3
info: {title: t}
x-common: &common
  parameters: &page
    - {name: page, in: query}
  deprecated: true
x-more: &more
  deprecated: false
  operationId: more
paths:
  /a:
    get: {<<: *common, deprecated: false}
    put: {<<: [*common, *more]}
    post: {parameters: *page}
`), "")
	require.Empty(t, s.Problem)
	require.Equal(t, []apispec.Endpoint{
		{Method: "GET", Path: "/a", Parameters: 1, Security: apispec.SecurityUnknown},
		{Method: "PUT", Path: "/a", OperationID: "more", Deprecated: true, Parameters: 1, Security: apispec.SecurityUnknown},
		{Method: "POST", Path: "/a", Parameters: 1, Security: apispec.SecurityUnknown},
	}, s.Endpoints)
}

func TestTheHintDecidesOnlyWhatTheDocumentDoesNotSay(t *testing.T) {
	t.Parallel()
	paths := `{"info": {"title": "t"}, "paths": {"/a": {"get": {}}}`
	require.Equal(t, apispec.OpenAPIJSON, apispec.Summarise([]byte(paths+`}`), "").Format)
	require.Equal(t, apispec.SwaggerJSON, apispec.Summarise([]byte(paths+`}`), apispec.SwaggerJSON).Format)
	require.Equal(t, apispec.SwaggerJSON, apispec.Summarise([]byte(paths+`, "definitions": {}}`), apispec.OpenAPIJSON).Format)
	require.Equal(t, apispec.SwaggerJSON, apispec.Summarise([]byte(paths+`, "swagger": "2.0"}`), apispec.OpenAPIJSON).Format)
	require.Equal(t, apispec.GraphQL, apispec.Summarise([]byte(`} oops type Query { a: Int }`), apispec.GraphQL).Format)
}

func TestWhatIsTooManyIsNotCountedAndSaid(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 50_001 {
		fmt.Fprintf(&b, `"/%d": {"get": {}},`, i)
	}
	s := apispec.Summarise(spec(`"paths": {`+b.String()+`"/x": {}}, "servers": [{"url": "https://a.example"}]`), "")
	require.Regexp(t, "^too-many: .*50000 paths", s.Problem)
	require.Contains(t, s.Flags, apispec.FlagIncomplete)
	require.Len(t, s.Endpoints, 50_000)
	require.Len(t, s.Servers, 1, "what stands behind is read")

	shared := `"get": {}, "put": {}, "post": {}, "head": {}`
	b.Reset()
	for i := range 20_000 {
		fmt.Fprintf(&b, `"/%d": {"$ref": "#/components/pathItems/i"},`, i)
	}
	s = apispec.Summarise(spec(`"paths": {`+b.String()+`"/x": {}}, "components": {"pathItems": {"i": {`+shared+`}}}`), "")
	require.Regexp(t, "^too-many: .*50000 operations", s.Problem)
	require.Len(t, s.Endpoints, 50_000)

	s = apispec.Summarise([]byte("paths: ["+strings.Repeat("a,", 3_000_000)+"]"), "")
	require.Regexp(t, "^too-many: .*values", s.Problem)

	merges := "x: &m {" + strings.Repeat("a: 1, ", 4000) + "}\n"
	s = apispec.Summarise([]byte("openapi: 3.0.1\npaths: {/a: {get: {}}}\n"+merges+"info: {<<: ["+strings.Repeat("*m, ", 4000)+"]}\n"), "")
	require.Len(t, s.Endpoints, 1)
	require.Regexp(t, "^too-many: ", s.Problem)
}

// The property: both forms of any document have equal summaries.
func TestJSONAndYAMLOfADocumentSayTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := parse(anything(t, 0, "root"))
		forms := [2]apispec.Summary{apispec.Summarise(d.JSON(), ""), apispec.Summarise(d.YAML(), "")}
		require.Equal(t, encodingLess(forms[0]), encodingLess(forms[1]), "%s", d.JSON())
	})
}

// membersOf are the members that an object below a member of this name has
// meaning in.
var membersOf = map[string][]string{
	"root":       {"openapi", "swagger", "info", "paths", "servers", "host", "basePath", "schemes", "security", "components", "parameters", "securityDefinitions", "x-ms-export-notes"},
	"paths":      {"/a", "/b/{id}", "x-c", "d"},
	"/a":         {"get", "POST", "parameters", "$ref", "additionalOperations"},
	"get":        {"operationId", "parameters", "security", "deprecated"},
	"components": {"parameters", "pathItems", "securitySchemes"},
	"parameters": {"name", "in", "$ref", "a"},
	"a":          {"name", "in", "$ref"},
	"servers":    {"url", "variables"},
	"info":       {"title", "version"},
	"security":   {"a"},
	"pathItems":  {"a", "/a"},
}

var leaves = []string{
	`null`, `true`, `"true"`, `1.0`, `-2e5`, `""`, `"3.0.1"`, `"2.0"`, `"a: b # c"`, `"~"`, `"é\n 😀 "`, `"<<"`, `"no"`, `"0x1F"`, `"path"`, `"id"`,
	`"#/components/parameters/a"`, `"#/parameters/a"`, `"#/paths/~1a"`, `"#/components/pathItems/a"`, `"https://a.example/{v}"`, `"http"`,
}

// anything is a JSON value with the shape, more or less, of what stands below a
// member of an OpenAPI document.
func anything(t *rapid.T, depth int, under string) string {
	keys := membersOf[under]
	if keys == nil {
		keys = membersOf[rapid.SampledFrom([]string{"/a", "get", "a", "servers"}).Draw(t, "like")]
	}
	switch choice := rapid.IntRange(0, 9).Draw(t, "kind"); {
	case depth == 0 || choice < 6 && depth < 7:
		var members []string
		for _, key := range rapid.SliceOfN(rapid.SampledFrom(keys), 0, 6).Draw(t, "keys") {
			members = append(members, fmt.Sprintf("%q: %s", key, anything(t, depth+1, key)))
		}
		return "{" + strings.Join(members, ", ") + "}"
	case choice < 8 && depth < 7:
		var elements []string
		for range rapid.IntRange(0, 3).Draw(t, "elements") {
			elements = append(elements, anything(t, depth+1, under))
		}
		return "[" + strings.Join(elements, ", ") + "]"
	}
	return rapid.SampledFrom(leaves).Draw(t, "leaf")
}
