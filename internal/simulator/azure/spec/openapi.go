package spec

import (
	"strings"

	"sluice/internal/simulator/azure/tree"
)

// How the service names what a caller proves itself with: the key of a
// subscription, whatever the backend asks for.
const (
	keyHeader = "Ocp-Apim-Subscription-Key"
	keyQuery  = "subscription-key"
)

func (d *Document) openAPI(f Format) []byte {
	out := tree.Of(
		"openapi", "3.0.1",
		"info", d.info(),
		"servers", d.servers(),
		"paths", d.paths("#/components/schemas/"),
	)
	components := tree.Of("schemas", d.schemas("#/components/schemas/"))
	if d.KeyRequired {
		components = components.With("securitySchemes", keySchemes())
	}
	out = out.With("components", components)
	out = d.end(out)
	if f == OpenAPIYAML {
		return tree.YAML(out)
	}
	return tree.Pretty(out)
}

func (d *Document) swagger() []byte {
	_, host, _ := strings.Cut(d.Gateway, "://")
	out := tree.Of(
		"swagger", "2.0",
		"info", d.info(),
		"host", host,
		"basePath", "/"+d.Path,
		"schemes", d.Schemes,
	)
	if d.KeyRequired {
		out = out.With("securityDefinitions", keySchemes())
	}
	out = d.end(out)
	return tree.Pretty(out.
		With("paths", d.paths("#/definitions/")).
		With("definitions", d.schemas("#/definitions/")).
		With("tags", []any{}))
}

func (d *Document) info() tree.Object {
	var version any = d.Version
	if d.Defect == NumericVersion {
		version = 1
	}
	return tree.Of("title", d.Title, "version", version)
}

func (d *Document) servers() []tree.Object {
	var out []tree.Object
	for _, scheme := range d.Schemes {
		_, host, _ := strings.Cut(d.Gateway, "://")
		out = append(out, tree.Of("url", scheme+"://"+host+"/"+d.Path))
	}
	return out
}

func keySchemes() tree.Object {
	return tree.Of(
		"apiKeyHeader", tree.Of("type", "apiKey", "name", keyHeader, "in", "header"),
		"apiKeyQuery", tree.Of("type", "apiKey", "name", keyQuery, "in", "query"),
	)
}

// end adds what holds for the whole document.
func (d *Document) end(out tree.Object) tree.Object {
	if d.KeyRequired {
		out = out.With("security", []tree.Object{
			tree.Of("apiKeyHeader", []string{}), tree.Of("apiKeyQuery", []string{}),
		})
	}
	if d.Defect == ExportNotes {
		out = out.With("x-ms-export-notes", []string{
			"Definitions/body parameters are not exported since this API references multiple schemas with different types.",
		})
	}
	return out
}

// paths has the operations by path, in the order in which paths first appear.
func (d *Document) paths(references string) any {
	if d.Defect == NullPaths {
		return nil
	}
	var out tree.Object
	at := map[string]int{}
	for i, o := range d.Operations {
		index, known := at[o.Path]
		if !known {
			index = len(out)
			at[o.Path] = index
			out = out.With(o.Path, tree.Object{})
		}
		item := out[index].Value.(tree.Object)
		out[index].Value = item.With(strings.ToLower(o.Method), d.operation(i, references))
	}
	if out == nil {
		out = tree.Object{}
	}
	return out
}

func (d *Document) operation(i int, references string) tree.Object {
	o := d.Operations[i]
	out := tree.Of("tags", []string{d.Title}, "summary", o.Summary, "operationId", d.operationID(i))
	if o.Deprecated {
		out = out.With("deprecated", true)
	}
	swagger := strings.HasSuffix(references, "definitions/")
	var parameters []tree.Object
	for _, p := range d.parameters(i) {
		parameter := tree.Of("name", p.Name, "in", p.In, "required", p.In == "path")
		if swagger {
			parameter = parameter.With("type", "string")
		} else {
			parameter = parameter.With("schema", tree.Of("type", "string"))
		}
		parameters = append(parameters, parameter)
	}
	if parameters != nil {
		out = out.With("parameters", parameters)
	}
	var description any = "OK"
	if d.Defect == NullDescription {
		description = nil
	}
	schema := tree.Of("$ref", references+"Record")
	switch {
	case d.Defect == DanglingRef && i == 0:
		schema = tree.Of("$ref", references+"Missing")
	case d.Defect == RemoteRef && i == 0:
		schema = tree.Of("$ref", "https://schemas.example.invalid/record.json#/Record")
	}
	answer := tree.Of("description", description)
	if swagger {
		answer = answer.With("schema", schema)
	} else {
		answer = answer.With("content", tree.Of("application/json", tree.Of("schema", schema)))
	}
	return out.With("responses", tree.Of("200", answer))
}

func (d *Document) schemas(references string) tree.Object {
	name := tree.Of("type", "string", "maxLength", 80)
	if d.Defect == DecimalBounds {
		name = tree.Of("type", "string", "maxLength", tree.Verbatim("80.0"))
	}
	if d.Defect == RequiredTrue {
		name = name.With("required", true)
	}
	properties := tree.Of("id", tree.Of("type", "integer", "format", "int64"), "name", name)
	if d.Defect == Recursion {
		properties = properties.With("parent", tree.Of("$ref", references+"Record"))
	}
	return tree.Of("Record", tree.Of("type", "object", "required", []string{"id"}, "properties", properties))
}
