package apispec_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"sluice/internal/apispec"
)

const all = wholeEndpoints

// structural are documents that are well-formed, and wrong in one thing.
var structural = map[string]struct {
	edit      func(d document)
	endpoints int
	flag      string
	problem   string
}{
	"nothing":                   {func(d document) {}, all, apispec.FlagSubscriptionKeyOnly, ""},
	"response description null": {func(d document) { d.set(`null`, "paths", "/r0", "get", "responses", "200", "description") }, all, "", ""},
	"responses missing":         {func(d document) { d.remove("paths", "/r0", "get", "responses") }, all, "", ""},
	"responses a list":          {func(d document) { d.set(`[]`, "paths", "/r0", "get", "responses") }, all, "", ""},
	"info missing":              {func(d document) { d.remove("info") }, all, apispec.FlagInvalid, ""},
	"info null":                 {func(d document) { d.set(`null`, "info") }, all, apispec.FlagInvalid, ""},
	"info a text":               {func(d document) { d.set(`"Orders"`, "info") }, all, apispec.FlagInvalid, ""},
	"title null":                {func(d document) { d.set(`null`, "info", "title") }, all, apispec.FlagInvalid, ""},
	"title an object":           {func(d document) { d.set(`{"en": "Orders"}`, "info", "title") }, all, apispec.FlagInvalid, ""},
	"version a number":          {func(d document) { d.set(`1.0`, "info", "version") }, all, "", ""},
	"version missing":           {func(d document) { d.remove("info", "version") }, all, "", ""},
	"paths null":                {func(d document) { d.set(`null`, "paths") }, 0, apispec.FlagNoPaths, ""},
	"paths empty":               {func(d document) { d.set(`{}`, "paths") }, 0, apispec.FlagNoPaths, ""},
	"paths a list":              {func(d document) { d.set(`[{"/a": {}}]`, "paths") }, 0, apispec.FlagInvalid, "paths-not-an-object"},
	"paths a text":              {func(d document) { d.set(`"none"`, "paths") }, 0, apispec.FlagInvalid, "paths-not-an-object"},
	"path item null":            {func(d document) { d.set(`null`, "paths", "/r0") }, all - 2, "", ""},
	"path item a list":          {func(d document) { d.set(`[]`, "paths", "/r0") }, all - 2, apispec.FlagInvalid, ""},
	"path item a text":          {func(d document) { d.set(`"see below"`, "paths", "/r0") }, all - 2, apispec.FlagInvalid, ""},
	"path item remote":          {func(d document) { d.set(`{"$ref": "https://other.example/a.json"}`, "paths", "/r0") }, all - 2, apispec.FlagExternalReferences, ""},
	"path item of a file":       {func(d document) { d.set(`{"$ref": "../../etc/passwd"}`, "paths", "/r0") }, all - 2, apispec.FlagExternalReferences, ""},
	"path item of itself":       {func(d document) { d.set(`{"$ref": "#/paths/~1r0"}`, "paths", "/r0") }, all - 2, apispec.FlagCyclicReferences, ""},
	"path item of another path": {func(d document) { d.set(`{"$ref": "#/paths/~1r1"}`, "paths", "/r0") }, all, apispec.FlagDuplicateOperationIDs, ""},
	"path item dangling":        {func(d document) { d.set(`{"$ref": "#/paths/~1nowhere"}`, "paths", "/r0") }, all - 2, apispec.FlagDanglingReferences, ""},
	"path without slash":        {func(d document) { d.rename("r0", "paths", "/r0") }, all, apispec.FlagInvalid, ""},
	"path empty":                {func(d document) { d.rename("", "paths", "/r0") }, all, apispec.FlagInvalid, ""},
	"path wildcard":             {func(d document) { d.rename("/*", "paths", "/r0") }, all, apispec.FlagWildcardPaths, ""},
	"path extension":            {func(d document) { d.rename("x-r0", "paths", "/r0") }, all - 2, "", ""},
	"path very long":            {func(d document) { d.rename("/"+strings.Repeat("é", 5000), "paths", "/r0") }, all, "", ""},
	"path with odd characters":  {func(d document) { d.rename("/a b\"\n\t{}{{x}#%zz😀\x00", "paths", "/r0") }, all, "", ""},
	"path twice":                {func(d document) { d.rename("/r1", "paths", "/r0") }, all - 2, apispec.FlagDuplicateEndpoints, ""},
	"method in upper case":      {func(d document) { d.rename("GET", "paths", "/r0", "get") }, all, apispec.FlagInvalid, ""},
	"method unknown":            {func(d document) { d.rename("fetch", "paths", "/r0", "get") }, all - 1, "", ""},
	"method an extension":       {func(d document) { d.rename("x-get", "paths", "/r0", "get") }, all - 1, "", ""},
	"operation null":            {func(d document) { d.set(`null`, "paths", "/r0", "get") }, all, apispec.FlagInvalid, ""},
	"operation a list":          {func(d document) { d.set(`[{}]`, "paths", "/r0", "get") }, all, apispec.FlagInvalid, ""},
	"operation a text":          {func(d document) { d.set(`"get"`, "paths", "/r0", "get") }, all, apispec.FlagInvalid, ""},
	"operationId a number":      {func(d document) { d.set(`12`, "paths", "/r0", "get", "operationId") }, all, "", ""},
	"operationId missing":       {func(d document) { d.remove("paths", "/r0", "get", "operationId") }, all, "", ""},
	"operationId twice":         {func(d document) { d.set(`"list-1"`, "paths", "/r0", "get", "operationId") }, all, apispec.FlagDuplicateOperationIDs, ""},
	"operationId an object":     {func(d document) { d.set(`{}`, "paths", "/r0", "get", "operationId") }, all, apispec.FlagInvalid, ""},
	"deprecated a text":         {func(d document) { d.set(`"True"`, "paths", "/r0", "get", "deprecated") }, all, "", ""},
	"deprecated an object":      {func(d document) { d.set(`{}`, "paths", "/r0", "get", "deprecated") }, all, apispec.FlagInvalid, ""},
	"parameters null":           {func(d document) { d.set(`null`, "paths", "/r0", "get", "parameters") }, all, "", ""},
	"parameters an object":      {func(d document) { d.set(`{"q": {"name": "q", "in": "query"}}`, "paths", "/r0", "get", "parameters") }, all, apispec.FlagInvalid, ""},
	"parameters texts":          {func(d document) { d.set(`["q", null, 1]`, "paths", "/r0", "get", "parameters") }, all, apispec.FlagInvalid, ""},
	"parameter without a name":  {func(d document) { d.set(`[{"in": "query"}, {}]`, "paths", "/r0", "get", "parameters") }, all, apispec.FlagInvalid, ""},
	"parameter dangling": {func(d document) {
		d.set(`[{"$ref": "#/components/parameters/no"}]`, "paths", "/r0", "get", "parameters")
	}, all, apispec.FlagDanglingReferences, ""},
	"parameter remote": {func(d document) {
		d.set(`[{"$ref": "http://other.example/p.yaml#/a"}]`, "paths", "/r0", "get", "parameters")
	}, all, apispec.FlagExternalReferences, ""},
	"parameter of another part": {func(d document) {
		d.set(`[{"$ref": "#/paths/~1r1/get/parameters/0"}]`, "paths", "/r0", "get", "parameters")
	}, all, "", ""},
	"parameter reference a number": {func(d document) { d.set(`[{"$ref": 3}]`, "paths", "/r0", "get", "parameters") }, all, apispec.FlagExternalReferences, ""},
	"parameter reference empty": {func(d document) {
		d.set(`[{"$ref": "#"}, {"$ref": "#/"}, {"$ref": ""}]`, "paths", "/r0", "get", "parameters")
	}, all, "", ""},
	"path parameter missing":    {func(d document) { d.remove("paths", "/r0/{id}", "parameters") }, all, apispec.FlagMissingPathParameters, ""},
	"schema reference dangling": {func(d document) { d.set(`{"$ref": "#/nowhere"}`, "paths", "/r0", "get", "x-schema") }, all, "", ""},
	"required on a schema":      {func(d document) { d.set(`{"required": true}`, "paths", "/r0", "get", "schema") }, all, "", ""},
	"security null":             {func(d document) { d.set(`null`, "security") }, all, "", ""},
	"security missing":          {func(d document) { d.remove("security") }, all, "", ""},
	"security an object":        {func(d document) { d.set(`{"apiKeyHeader": []}`, "security") }, all, apispec.FlagInvalid, ""},
	"security a text":           {func(d document) { d.set(`"apiKeyHeader"`, "security") }, all, apispec.FlagInvalid, ""},
	"security texts":            {func(d document) { d.set(`["apiKeyHeader"]`, "security") }, all, apispec.FlagInvalid, ""},
	"security of nothing":       {func(d document) { d.set(`[{"oauth": []}]`, "security") }, all, apispec.FlagUndefinedScheme, ""},
	"lossy export": {func(d document) {
		d.set(`["Definitions are not exported since this API references multiple schemas"]`, "x-ms-export-notes")
	}, all, apispec.FlagLossyExport, ""},
	"lossy export, a text": {func(d document) { d.set(`"something is missing"`, "info", "x-ms-export-notes") }, all, apispec.FlagLossyExport, ""},
	"unknown root members": {func(d document) { d.set(`{"a": [1, {"paths": {"/z": {"get": {}}}}]}`, "x-other") }, all, "", ""},
	"both root keys":       {func(d document) { d.set(`"3.0.1"`, "openapi"); d.set(`"2.0"`, "swagger") }, all, apispec.FlagInvalid, ""},
	"no root key":          {func(d document) { d.remove("openapi"); d.remove("swagger") }, all, apispec.FlagInvalid, ""},
	"deeply nested": {func(d document) {
		d.set(strings.Repeat(`[`, 900)+strings.Repeat(`]`, 900), "x-deep")
	}, all, "", ""},
}

// ofOpenAPI are defects of what only OpenAPI 3 has.
var ofOpenAPI = map[string]struct {
	edit func(d document)
	flag string
}{
	"root key a number":       {func(d document) { d.set(`3.0`, "openapi") }, ""},
	"root key null":           {func(d document) { d.set(`null`, "openapi") }, apispec.FlagInvalid},
	"root key an object":      {func(d document) { d.set(`{}`, "openapi") }, apispec.FlagInvalid},
	"root key of the future":  {func(d document) { d.set(`"4.0.0"`, "openapi") }, ""},
	"servers missing":         {func(d document) { d.remove("servers") }, apispec.FlagNoServers},
	"servers empty":           {func(d document) { d.set(`[]`, "servers") }, apispec.FlagNoServers},
	"servers an object":       {func(d document) { d.set(`{"url": "https://a.example"}`, "servers") }, apispec.FlagInvalid},
	"servers texts":           {func(d document) { d.set(`["https://a.example"]`, "servers") }, apispec.FlagInvalid},
	"server relative":         {func(d document) { d.set(`[{"url": "/v1"}]`, "servers") }, apispec.FlagRelativeServers},
	"server without TLS":      {func(d document) { d.set(`[{"url": "HTTP://a.example"}]`, "servers") }, apispec.FlagHTTPAllowed},
	"server url null":         {func(d document) { d.set(`[{"url": null}]`, "servers") }, apispec.FlagNoServers},
	"server variables a list": {func(d document) { d.set(`[{"url": "/{v}", "variables": []}]`, "servers") }, apispec.FlagInvalid},
	"server variable open":    {func(d document) { d.set(`[{"url": "https://{host}/"}]`, "servers") }, ""},
	"components null":         {func(d document) { d.set(`null`, "components") }, apispec.FlagDanglingReferences},
	"components a list":       {func(d document) { d.set(`[]`, "components") }, apispec.FlagDanglingReferences},
	"shared parameter cyclic": {func(d document) {
		d.set(`{"$ref": "#/components/parameters/page"}`, "components", "parameters", "page")
	}, apispec.FlagCyclicReferences},
	"shared parameter null":    {func(d document) { d.set(`null`, "components", "parameters", "page") }, apispec.FlagDanglingReferences},
	"shared parameters a list": {func(d document) { d.set(`[]`, "components", "parameters") }, apispec.FlagDanglingReferences},
	"schemas a list":           {func(d document) { d.set(`[1]`, "components", "schemas") }, ""},
	"schemes a list":           {func(d document) { d.set(`[]`, "components", "securitySchemes") }, apispec.FlagUndefinedScheme},
	"scheme null":              {func(d document) { d.set(`null`, "components", "securitySchemes", "apiKeyQuery") }, ""},
	"scheme cyclic": {func(d document) {
		d.set(`{"$ref": "#/components/securitySchemes/apiKeyQuery"}`, "components", "securitySchemes", "apiKeyQuery")
	}, ""},
	"webhooks": {func(d document) { d.set(`{"done": {"post": {}}}`, "webhooks") }, apispec.FlagWebhooks},
}

// ofSwagger are defects of what only Swagger 2.0 has.
var ofSwagger = map[string]struct {
	edit func(d document)
	flag string
}{
	"root key a number":     {func(d document) { d.set(`2.0`, "swagger") }, ""},
	"host missing":          {func(d document) { d.remove("host") }, apispec.FlagRelativeServers},
	"host and base missing": {func(d document) { d.remove("host"); d.remove("basePath") }, apispec.FlagNoServers},
	"host with a scheme":    {func(d document) { d.set(`"https://gateway.example/"`, "host") }, apispec.FlagInvalid},
	"host an object":        {func(d document) { d.set(`{}`, "host") }, apispec.FlagInvalid},
	"schemes missing":       {func(d document) { d.remove("schemes") }, ""},
	"schemes a text":        {func(d document) { d.set(`"http"`, "schemes") }, apispec.FlagHTTPAllowed},
	"schemes with http":     {func(d document) { d.set(`["http", "https"]`, "schemes") }, apispec.FlagHTTPAllowed},
	"schemes null":          {func(d document) { d.set(`null`, "schemes") }, ""},
	"definitions dangling":  {func(d document) { d.remove("definitions") }, ""},
	"definitions a list":    {func(d document) { d.set(`[]`, "definitions") }, ""},
	"parameters missing":    {func(d document) { d.remove("parameters") }, apispec.FlagDanglingReferences},
	"schemes undefined":     {func(d document) { d.remove("securityDefinitions") }, apispec.FlagUndefinedScheme},
}

func TestOneStructuralDefect(t *testing.T) {
	t.Parallel()
	families := map[string]func() document{
		"openapi 3.0": func() document { return openAPI("3.0.1") },
		"openapi 3.1": func() document { return openAPI("3.1.0") },
		"swagger 2.0": swagger,
	}
	documents := 0
	check := func(name string, d document, edit func(document), endpoints int, flag, problem string) {
		edit(d)
		documents += 2
		forms := [2]apispec.Summary{apispec.Summarise(d.JSON(), ""), apispec.Summarise(d.YAML(), "")}
		for _, s := range forms {
			require.NotEqual(t, apispec.Unknown, s.Format, name)
			require.Len(t, s.Endpoints, endpoints, "%s: %+v", name, s)
			if flag != "" {
				require.Contains(t, s.Flags, flag, name)
			}
			if problem == "" {
				require.Empty(t, s.Problem, name)
			} else {
				require.Regexp(t, "^"+problem+": ", s.Problem, name)
			}
		}
		require.Equal(t, encodingLess(forms[0]), encodingLess(forms[1]), name)
	}
	for family, base := range families {
		for name, c := range structural {
			check(family+", "+name, base(), c.edit, c.endpoints, c.flag, c.problem)
		}
		if base().has("swagger") {
			for name, c := range ofSwagger {
				check(family+", "+name, base(), c.edit, all, c.flag, "")
			}
		} else {
			for name, c := range ofOpenAPI {
				check(family+", "+name, base(), c.edit, all, c.flag, "")
			}
		}
	}
	require.Greater(t, documents, 400)
}

// encodingLess is a summary without what tells JSON from YAML.
func encodingLess(s apispec.Summary) apispec.Summary {
	s.Format, _, _ = strings.Cut(s.Format, "+")
	return s
}

// replaced replaces the first occurrence; it must be there.
func replaced(data []byte, old, new string) []byte {
	if !bytes.Contains(data, []byte(old)) {
		panic(fmt.Sprintf("%q is not in the document", old))
	}
	return bytes.Replace(data, []byte(old), []byte(new), 1)
}

func toUTF16(data []byte, order binary.AppendByteOrder, mark bool) (out []byte) {
	text := string(data)
	if mark {
		text = "\uFEFF" + text
	}
	for _, unit := range utf16.Encode([]rune(text)) {
		out = order.AppendUint16(out, unit)
	}
	return out
}

func TestOneDefectOfTheText(t *testing.T) {
	t.Parallel()
	j, y, s := openAPI("3.0.1").JSON(), openAPI("3.0.1").YAML(), swagger().JSON()
	bom := []byte("\xEF\xBB\xBF")
	for name, c := range map[string]struct {
		data      []byte
		endpoints int // at least; exactly all
		flag      string
		problem   string
	}{
		"JSON, mark":                    {append(bom, j...), all, "", ""},
		"Swagger, mark":                 {append(bom, s...), all, "", ""},
		"YAML, mark":                    {append(bom, y...), all, "", ""},
		"JSON, UTF-16 LE":               {toUTF16(j, binary.LittleEndian, true), all, apispec.FlagEncoding, ""},
		"JSON, UTF-16 BE":               {toUTF16(j, binary.BigEndian, true), all, apispec.FlagEncoding, ""},
		"JSON, UTF-16 without mark":     {toUTF16(j, binary.LittleEndian, false), all, apispec.FlagEncoding, ""},
		"YAML, UTF-16":                  {toUTF16(y, binary.BigEndian, true), all, apispec.FlagEncoding, ""},
		"JSON, Latin-1":                 {replaced(j, "é", "\xe9"), all, apispec.FlagEncoding, ""},
		"YAML, Latin-1":                 {replaced(y, "All about", "\xfcber"), all, apispec.FlagEncoding, ""},
		"JSON, CRLF":                    {bytes.ReplaceAll(j, []byte("\n"), []byte("\r\n")), all, "", ""},
		"YAML, CRLF":                    {bytes.ReplaceAll(y, []byte("\n"), []byte("\r\n")), all, "", ""},
		"JSON, blanks around":           {[]byte("\n\n \t" + string(j) + "\n\n"), all, "", ""},
		"JSON, NUL behind":              {append(bytes.Clone(j), 0, 0, 0), all, "", ""},
		"JSON, more behind":             {append(bytes.Clone(j), "<!-- served by x -->"...), all, apispec.FlagTrailingData, ""},
		"JSON, brace too many":          {append(bytes.Clone(j), '}'), all, apispec.FlagTrailingData, ""},
		"JSON, two documents":           {append(bytes.Clone(j), s...), all, apispec.FlagTrailingData, ""},
		"JSON, trailing comma":          {replaced(j, "\n    }\n  },\n", "\n    },\n  },\n"), all, apispec.FlagNotJSON, ""},
		"JSON, hash comment":            {replaced(j, "\n  \"paths\"", "\n  # all of them\n  \"paths\""), all, apispec.FlagNotJSON, ""},
		"JSON, slashes comment":         {replaced(j, "\n  \"components\"", "\n  // all of them\n  \"components\""), all, "", "invalid-json"},
		"JSON, single quotes":           {replaced(j, `"Orders"`, `'Orders'`), all, apispec.FlagNotJSON, ""},
		"JSON, bare key":                {replaced(j, `"openapi":`, `openapi:`), all, apispec.FlagNotJSON, ""},
		"JSON, line end in a text":      {replaced(j, `about\norders`, "about\n  orders"), all, apispec.FlagNotJSON, ""},
		"JSON, tab in a text":           {replaced(j, `about\norders`, "about\torders"), all, apispec.FlagNotJSON, ""},
		"JSON, NaN":                     {replaced(j, `10.0`, `NaN`), all, apispec.FlagNotJSON, ""},
		"JSON, undefined":               {replaced(j, `10.0`, `undefined`), all, apispec.FlagNotJSON, ""},
		"JSON, leading zero":            {replaced(j, `10.0`, `010`), all, apispec.FlagNotJSON, ""},
		"JSON, bad escape":              {replaced(j, `about\norders`, `about \orders`), 0, apispec.FlagInvalid, "invalid-json"},
		"JSON, half a surrogate":        {replaced(j, `about\norders`, `about \ud83d`), all, "", ""},
		"JSON, comma missing":           {replaced(j, "],\n        \"responses\"", "]\n        \"responses\""), 1, apispec.FlagInvalid, "invalid-json"},
		"JSON, quote missing":           {replaced(j, `"list-2"`, `"list-2`), 8, apispec.FlagInvalid, "invalid-json"},
		"JSON, bracket missing":         {replaced(j, "],\n        \"responses\"", ",\n        \"responses\""), 1, apispec.FlagInvalid, "invalid-json"},
		"JSON, deeper than is possible": {replaced(j, `10.0`, strings.Repeat("[", 20_000)+strings.Repeat("]", 20_000)), all, "", "invalid-json"},
		"JSON, cut number":              {j[:bytes.Index(j, []byte("10.0"))+2], all, apispec.FlagTruncated, "truncated"},
		"YAML, flow":                    {replaced(j, `"openapi"`, `'openapi'`), all, apispec.FlagNotJSON, ""},
		"YAML, two documents":           {[]byte("---\n" + string(y) + "---\nother: 1\n"), all, apispec.FlagSeveralDocuments, ""},
		"YAML, a text before":           {[]byte("--- nothing\n---\n" + string(y)), all, apispec.FlagSeveralDocuments, ""},
		"YAML, broken second document":  {[]byte(string(y) + "---\n{[}\n"), all, "", ""},
		"YAML, directive":               {[]byte("%YAML 1.2\n---\n" + string(y)), all, "", ""},
		"YAML, comment first":           {[]byte("# {\"openapi\": 1}\n" + string(y)), all, "", ""},
		"YAML, tab":                     {replaced(y, "    /r2:", "\t/r2:"), 8, apispec.FlagInvalid, "invalid-yaml"},
		"YAML, open quote":              {replaced(y, "operationId: list-2", `operationId: "list-2`), 8, apispec.FlagInvalid, "invalid-yaml"},
		"YAML, open bracket":            {replaced(y, "operationId: list-2", `operationId: [list-2`), 8, apispec.FlagInvalid, "invalid-yaml"},
		"YAML, colon in a text":         {replaced(y, "operationId: list-2", `operationId: list: 2`), 8, apispec.FlagInvalid, "invalid-yaml"},
		"YAML, at":                      {replaced(y, "operationId: list-2", `operationId: @list`), 8, apispec.FlagInvalid, "invalid-yaml"},
		"YAML, star":                    {replaced(y, "operationId: list-2", `operationId: *important*`), 8, apispec.FlagInvalid, "invalid-yaml"},
		"YAML, percent":                 {replaced(y, "operationId: list-2", `operationId: %list`), 8, apispec.FlagInvalid, "invalid-yaml"},
		"YAML, indented wrongly":        {replaced(y, "            operationId: list-2", `          operationId: list-2`), 8, apispec.FlagInvalid, "invalid-yaml"},
		"YAML, control character":       {replaced(y, "list-2", "list\x01"), all, apispec.FlagInvalid, ""},
		"YAML, alias of itself":         {[]byte("x: &x [*x]\n" + string(y)), all, "", ""},
		"YAML, alias bomb":              {[]byte(bomb + string(y)), all, "", ""},
		"YAML, alias bomb of paths":     {[]byte("openapi: 3.0.1\n" + bomb + "paths: *i\n"), 0, apispec.FlagInvalid, "paths-not-an-object"},
		"empty":                         {nil, 0, "", "empty"},
		"only a mark":                   {bom, 0, "", "empty"},
		"blanks":                        {[]byte(" \r\n\t"), 0, "", "empty"},
		"null":                          {[]byte("null"), 0, "", "unknown-format"},
		"a number":                      {[]byte("12"), 0, "", "unknown-format"},
		"a text":                        {[]byte(`"openapi"`), 0, "", "unknown-format"},
		"a list":                        {[]byte(`[{"openapi": "3.0.1"}]`), 0, "", "unknown-format"},
		"an empty object":               {[]byte(`{}`), 0, "", "unknown-format"},
		"an error message":              {[]byte(`{"error": {"code": "AuthenticationFailed"}}`), 0, "", "unknown-format"},
		"AsyncAPI":                      {[]byte("asyncapi: 3.0.0\nchannels: {}\n"), 0, "", "unknown-format"},
		"a link":                        {[]byte("https://gateway.example/orders.json"), 0, "", "unknown-format"},
		"HTML":                          {[]byte("<!DOCTYPE html><html><body><br></body></html>"), 0, "", "unknown-format"},
		"WADL":                          {[]byte(`<application xmlns="http://wadl.dev.java.net/2009/02"><grammars/></application>`), 0, "", "unknown-format"},
		"no XML":                        {[]byte("<<<"), 0, "", "invalid-xml"},
		"bytes":                         {[]byte("\x1f\x8b\x08\x00\x01\x02\xff\xfe"), 0, apispec.FlagEncoding, "unknown-format"},
		"too large":                     {bytes.Repeat([]byte(" "), apispec.MaxBytes+1), 0, "", "too-large"},
		"no paths":                      {[]byte(`{"openapi": "3.0.1", "info": {"title": "x"}}`), 0, apispec.FlagNoPaths, "no-paths"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := apispec.Summarise(c.data, "")
			if c.endpoints == all {
				require.Len(t, s.Endpoints, all, s.Problem)
				require.Equal(t, wholePaths, s.Paths)
			}
			require.GreaterOrEqual(t, len(s.Endpoints), c.endpoints, s.Problem)
			if c.flag != "" {
				require.Contains(t, s.Flags, c.flag, s.Problem)
			}
			if c.problem == "" {
				require.Empty(t, s.Problem)
			} else {
				require.Regexp(t, "^"+c.problem+": .", s.Problem)
			}
		})
	}
}

// bomb is a list of 9^9 values.
const bomb = `x-a: &a [x, x, x, x, x, x, x, x, x]
x-b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]
x-c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]
x-d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]
x-e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d]
x-f: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e]
x-g: &g [*f, *f, *f, *f, *f, *f, *f, *f, *f]
x-h: &h [*g, *g, *g, *g, *g, *g, *g, *g, *g]
x-i: &i [*h, *h, *h, *h, *h, *h, *h, *h, *h]
`

func TestACutDocumentGivesWhatItBeganWith(t *testing.T) {
	t.Parallel()
	for name, data := range map[string][]byte{"JSON": openAPI("3.0.1").JSON(), "Swagger": swagger().JSON()} {
		last := 0
		for n := 1; n < len(bytes.TrimSpace(data)); n++ {
			s := apispec.Summarise(data[:n], "")
			require.Regexp(t, "^truncated: ", s.Problem, "%s cut to %d bytes", name, n)
			require.Contains(t, s.Flags, apispec.FlagTruncated)
			require.GreaterOrEqual(t, len(s.Endpoints), last, "%s cut to %d bytes", name, n)
			last = len(s.Endpoints)
		}
		require.Equal(t, all, last)
	}

	// YAML that is cut between lines is a whole document by its form.
	data := openAPI("3.0.1").YAML()
	lines := bytes.SplitAfter(data, []byte("\n"))
	first := len(bytes.Join(lines[:bytes.Count(data[:bytes.Index(data, []byte("paths:"))], []byte("\n"))+4], nil))
	for n := first; n < len(data); n += 7 {
		s := apispec.Summarise(data[:n], "")
		require.Equal(t, apispec.OpenAPIYAML, s.Format, "cut to %d bytes: %s", n, s.Problem)
		require.NotEmpty(t, s.Endpoints, "cut to %d bytes: %s", n, s.Problem)
	}
}
