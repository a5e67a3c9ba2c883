package apispec_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"sluice/internal/apispec"
)

// large is an OpenAPI document of some 4 MB, most of it schemas as in real ones.
func large() document {
	var paths, schemas []string
	for i := range 400 {
		paths = append(paths, fmt.Sprintf(`"/r%[1]d/{id}": {"get": {"operationId": "get%[1]d", "description": "Gets one of them, if there is one: see the documentation of [r%[1]d](https://docs.example/r%[1]d).",
			"parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
			"responses": {"200": {"description": "ok", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/S%[1]d"}}}}}},
			"post": {"operationId": "post%[1]d", "responses": {"200": {"description": "ok"}}}}`, i))
	}
	for i := range 2500 {
		var properties []string
		for p := range 12 {
			properties = append(properties, fmt.Sprintf(`"property%d": {"type": "string", "description": "What the property says about the thing, in some words.", "maxLength": %d}`, p, p))
		}
		schemas = append(schemas, fmt.Sprintf(`"S%d": {"type": "object", "required": ["property1", "property2"], "properties": {%s}}`, i, strings.Join(properties, ", ")))
	}
	return parse(`{"openapi": "3.0.1", "info": {"title": "Large", "version": "1"}, "paths": {` + strings.Join(paths, ",") +
		`}, "components": {"schemas": {` + strings.Join(schemas, ",") + `}}}`)
}

// counted is the least that a reader by encoding/json would have.
type counted struct {
	Paths map[string]map[string]json.RawMessage `json:"paths"`
}

func BenchmarkSummarise(b *testing.B) {
	d := large()
	j, y := d.JSON(), d.YAML()
	run := func(name string, data []byte, read func() int) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if n := read(); n < 400 {
					b.Fatal(n)
				}
			}
		})
	}
	run("json/apispec", j, func() int { return len(apispec.Summarise(j, "").Endpoints) })
	run("json/encoding-json", j, func() int {
		var c counted
		if err := json.Unmarshal(j, &c); err != nil {
			b.Fatal(err)
		}
		return len(c.Paths)
	})
	run("yaml/apispec", y, func() int { return len(apispec.Summarise(y, "").Endpoints) })
	run("yaml/yaml-node", y, func() int {
		var n yaml.Node
		if err := yaml.Unmarshal(y, &n); err != nil {
			b.Fatal(err)
		}
		return len(n.Content[0].Content) * 100
	})
	run("yaml/yaml-any", y, func() int {
		var v struct{ Paths map[string]any }
		if err := yaml.Unmarshal(y, &v); err != nil {
			b.Fatal(err)
		}
		return len(v.Paths)
	})
}
