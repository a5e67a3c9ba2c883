package azure

import (
	"strconv"

	"sluice/internal/simulator/azure/estate"
	"sluice/internal/simulator/azure/spec"
	"sluice/internal/simulator/azure/tree"
)

func text(n int) string { return strconv.Itoa(n) }

// schemas of the API. Their content type tells what it was imported from
// (documented); a GraphQL schema is the API's specification.
func (q *request) schemas() []tree.Object {
	api := q.target.api
	one := func(name, contentType string, document tree.Object) []tree.Object {
		return []tree.Object{tree.Of("id", api.Path()+"/schemas/"+name, "type", resourceTypeOf(api, "schemas"), "name", name,
			"properties", tree.Of("contentType", contentType, "document", document))}
	}
	switch api.Type {
	case estate.GraphQL:
		return one("graphql", "application/vnd.ms-azure-apim.graphql.schema", tree.Of("value", string(api.Document().Bytes(spec.GraphQL))))
	case estate.HTTP:
		return one("6650a1d2e3f4", "application/vnd.oai.openapi.components+json", tree.Of("components", tree.Of("schemas", tree.Object{})))
	case estate.OData:
		return one("odata", "application/vnd.ms-azure-apim.odata.schema",
			tree.Of("value", `<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"/>`))
	case estate.GRPC:
		return one("grpc", "text/protobuf", tree.Of("value", "syntax = \"proto3\";\nservice Simulated {}\n"))
	}
	return nil
}

func (q *request) listSchemas() { q.answerPage(named(q.schemas()), true) }

func (q *request) getSchema() { q.answerOne(q.schemas(), "Schema") }

// resourceType of an API, in a workspace or not.
func resourceType(r estate.Revision) string {
	if r.Workspace != "" {
		return serviceType + "/workspaces/apis"
	}
	return serviceType + "/apis"
}

func resourceTypeOf(r estate.Revision, child string) string { return resourceType(r) + "/" + child }

func (q *request) tagObject(name string) tree.Object {
	return tree.Of("id", q.target.service.Path()+"/tags/"+name, "type", serviceType+"/tags", "name", name,
		"properties", tree.Of("displayName", name))
}

func (q *request) listAPITags() {
	var out []tree.Object
	for _, name := range q.target.api.Tags {
		out = append(out, q.tagObject(name))
	}
	q.answerPage(named(out), true)
}

// listTags has the tags that APIs of the service or workspace have.
func (q *request) listTags() {
	var out []tree.Object
	seen := map[string]bool{}
	for _, api := range q.world.APIs(q.target.service, q.workspace()) {
		for _, name := range api.Tags {
			if !seen[name] {
				seen[name] = true
				out = append(out, q.tagObject(name))
			}
		}
	}
	q.answerPage(named(out), true)
}

// listByTags has a row for each tag of each API; ids are relative, and the
// API's name is its display name (documented).
func (q *request) listByTags() {
	rows := []row{}
	for _, r := range q.shown() {
		if !r.IsCurrent() {
			continue
		}
		for _, name := range r.Tags {
			rows = append(rows, row{
				fields: func() map[string]any {
					return map[string]any{"name": r.DisplayName, "displayname": r.DisplayName, "path": r.Gateway, "apirevision": text(r.Number)}
				},
				object: func() tree.Object {
					return tree.Of("tag", tree.Of("id", "/tags/"+name, "name", name), "api", tree.Of(
						"id", "/apis/"+r.FullName(), "name", r.DisplayName, "apiRevision", text(r.Number), "path", r.Gateway, "isCurrent", true))
				},
			})
		}
	}
	q.answerPage(rows, true)
}

// listProducts has one product, which an API that needs a key is in.
func (q *request) listProducts() {
	var out []tree.Object
	if q.target.api.KeyRequired {
		out = append(out, tree.Of("id", q.target.service.Path()+"/products/unlimited", "type", serviceType+"/products", "name", "unlimited",
			"properties", tree.Of("displayName", "Unlimited", "description", nil, "subscriptionRequired", true, "approvalRequired", true, "state", "published")))
	}
	q.answerPage(named(out), true)
}
