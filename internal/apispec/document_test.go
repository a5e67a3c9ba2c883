package apispec_test

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v3"
)

// document is an API specification to make something wrong with, in the shape
// of what gateways export: five resources with two paths and four operations
// each.
type document struct{ root *yaml.Node }

const (
	wholePaths     = 10
	wholeEndpoints = 20
)

// openAPI is such a document of OpenAPI 3.
func openAPI(version string) document {
	var paths, schemas []string
	for i := range 5 {
		paths = append(paths, fmt.Sprintf(`
  "/r%[1]d": {
    "get": {"summary": "List", "operationId": "list-%[1]d",
      "parameters": [{"$ref": "#/components/parameters/page"}, {"name": "filter", "in": "query", "schema": {"type": "string"}}],
      "responses": {"200": {"description": "a list: of r%[1]d", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/R%[1]d"}}}}}},
    "post": {"operationId": "create-%[1]d", "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/R%[1]d"}}}},
      "responses": {"201": {"description": ""}}, "security": []}},
  "/r%[1]d/{id}": {
    "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
    "get": {"operationId": "get-%[1]d", "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "integer"}}, {"name": "x", "in": "header", "schema": {}}],
      "responses": {"200": {"description": "é <b>&</b> 😀"}}},
    "delete": {"operationId": "delete-%[1]d", "deprecated": true, "responses": {"204": {"description": ""}}}}`, i))
		schemas = append(schemas, fmt.Sprintf(`"R%d": {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/R%d"}, "n": {"type": "integer", "maximum": 10.0, "example": null}}}`, i, (i+1)%5))
	}
	return parse(`{"openapi": "` + version + `", "info": {"title": "Orders", "description": "All about\norders", "version": "1.0"},
"servers": [{"url": "https://gateway.example/orders"}],
"paths": {` + strings.Join(paths, ",") + `},
"components": {
  "schemas": {` + strings.Join(schemas, ",\n") + `},
  "parameters": {"page": {"name": "page", "in": "query", "schema": {"type": "integer"}}},
  "securitySchemes": {
    "apiKeyHeader": {"type": "apiKey", "name": "Ocp-Apim-Subscription-Key", "in": "header"},
    "apiKeyQuery": {"type": "apiKey", "name": "subscription-key", "in": "query"}}},
"security": [{"apiKeyHeader": []}, {"apiKeyQuery": []}]}`)
}

// swagger is the same API as Swagger 2.0, with "swagger" as the last member.
func swagger() document {
	var paths []string
	for i := range 5 {
		paths = append(paths, fmt.Sprintf(`
  "/r%[1]d": {
    "get": {"operationId": "list-%[1]d", "produces": ["application/json"],
      "parameters": [{"$ref": "#/parameters/page"}, {"name": "filter", "in": "query", "type": "string"}],
      "responses": {"200": {"description": "a list", "schema": {"$ref": "#/definitions/R"}}}},
    "post": {"operationId": "create-%[1]d", "parameters": [{"name": "r", "in": "body", "schema": {"$ref": "#/definitions/R"}}],
      "responses": {"201": {"description": ""}}, "security": []}},
  "/r%[1]d/{id}": {
    "parameters": [{"name": "id", "in": "path", "required": true, "type": "string"}],
    "get": {"operationId": "get-%[1]d", "parameters": [{"name": "id", "in": "path", "required": true, "type": "integer"}, {"name": "x", "in": "header", "type": "string"}],
      "responses": {"200": {"description": ""}}},
    "delete": {"operationId": "delete-%[1]d", "deprecated": true, "responses": {"204": {"description": ""}}}}`, i))
	}
	return parse(`{"info": {"title": "Orders", "description": "All about orders", "version": "1.0"},
"host": "gateway.example", "basePath": "/orders", "schemes": ["https"],
"paths": {` + strings.Join(paths, ",") + `},
"definitions": {"R": {"type": "object", "properties": {"next": {"$ref": "#/definitions/R"}}}},
"parameters": {"page": {"name": "page", "in": "query", "type": "integer"}},
"securityDefinitions": {
    "apiKeyHeader": {"type": "apiKey", "name": "Ocp-Apim-Subscription-Key", "in": "header"},
    "apiKeyQuery": {"type": "apiKey", "name": "subscription-key", "in": "query"}},
"security": [{"apiKeyHeader": []}, {"apiKeyQuery": []}],
"swagger": "2.0"}`)
}

func parse(text string) document {
	var node yaml.Node
	if err := yaml.Unmarshal([]byte(text), &node); err != nil {
		panic(err)
	}
	return document{root: node.Content[0]}
}

// at is where the value with a path of keys stands in its mapping: -1 when it
// is not there.
func (d document) at(path ...string) (parent *yaml.Node, index int) {
	parent, index = d.root, -1
	for i, key := range path {
		if i > 0 {
			parent = parent.Content[index]
		}
		index = -1
		for j := 0; j+1 < len(parent.Content); j += 2 {
			if parent.Content[j].Value == key {
				index = j + 1
			}
		}
	}
	return parent, index
}

// set replaces or adds a value, given as JSON.
func (d document) set(value string, path ...string) {
	parent, i := d.at(path...)
	if i < 0 {
		parent.Content = append(parent.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: path[len(path)-1]}, nil)
		i = len(parent.Content) - 1
	}
	parent.Content[i] = parse(value).root
}

func (d document) remove(path ...string) {
	if parent, i := d.at(path...); i >= 0 {
		parent.Content = append(parent.Content[:i-1:i-1], parent.Content[i+1:]...)
	}
}

// rename gives a member another key.
func (d document) rename(to string, path ...string) {
	if parent, i := d.at(path...); i >= 0 {
		parent.Content[i-1].Value = to
	}
}

func (d document) has(key string) bool {
	_, i := d.at(key)
	return i >= 0
}

// JSON is the document as JSON with line ends.
func (d document) JSON() []byte {
	var b bytes.Buffer
	e := jsontext.NewEncoder(&b, jsontext.AllowDuplicateNames(true), jsontext.WithIndent("  "))
	writeJSON(e, d.root)
	return b.Bytes()
}

func writeJSON(e *jsontext.Encoder, n *yaml.Node) {
	write := func(token jsontext.Token) {
		if err := e.WriteToken(token); err != nil {
			panic(err)
		}
	}
	switch {
	case n.Kind == yaml.MappingNode:
		write(jsontext.BeginObject)
		for i, child := range n.Content {
			if i%2 == 0 {
				write(jsontext.String(child.Value))
			} else {
				writeJSON(e, child)
			}
		}
		write(jsontext.EndObject)
	case n.Kind == yaml.SequenceNode:
		write(jsontext.BeginArray)
		for _, child := range n.Content {
			writeJSON(e, child)
		}
		write(jsontext.EndArray)
	case n.ShortTag() == "!!str":
		write(jsontext.String(n.Value))
	default:
		if err := e.WriteValue(jsontext.Value(n.Value)); err != nil {
			panic(err)
		}
	}
}

// YAML is the document as block YAML.
func (d document) YAML() []byte {
	var plain func(n *yaml.Node)
	plain = func(n *yaml.Node) {
		n.Style &^= yaml.FlowStyle
		if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str" {
			n.Style = 0
			n.Tag = "!!str"
		}
		for _, child := range n.Content {
			plain(child)
		}
	}
	plain(d.root)
	text, err := yaml.Marshal(d.root)
	if err != nil {
		panic(err)
	}
	return text
}
