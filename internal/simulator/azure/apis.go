package azure

import (
	"slices"
	"strings"

	"sluice/internal/simulator/azure/estate"
	"sluice/internal/simulator/azure/tree"
)

// shown are the revisions that a list of APIs has: other revisions too, after
// the current one (recorded); APIs of type mcp only in a preview (documented).
func (q *request) shown() []estate.Revision {
	var out []estate.Revision
	for _, api := range q.world.APIs(q.target.service, q.workspace()) {
		if api.Type == estate.MCP && q.version != previewVersion {
			continue
		}
		out = append(out, api.Now())
		for _, r := range api.Revisions() {
			if !r.IsCurrent() {
				out = append(out, r)
			}
		}
	}
	return out
}

func (q *request) listAPIs() {
	expand := strings.EqualFold(q.query.Get("expandApiVersionSet"), "true")
	wanted := q.query.Get("tags")
	rows := []row{}
	for _, r := range q.shown() {
		if wanted != "" && !slices.Contains(r.Tags, wanted) {
			continue
		}
		rows = append(rows, row{
			fields: func() map[string]any {
				description, _ := r.Description().(string)
				return map[string]any{
					"name": r.FullName(), "displayname": r.DisplayName, "description": description, "serviceurl": r.Backend,
					"path": r.Gateway, "iscurrent": r.IsCurrent(),
				}
			},
			object: func() tree.Object { return q.apiObject(r, false, expand) },
		})
	}
	q.answerPage(rows, true)
}

func (q *request) getAPI() {
	q.W.Header().Set("ETag", q.target.api.ETag())
	q.pretty(q.apiObject(q.target.api, true, true))
}

// apiObject is an API as lists and, whole, the call for one show it: lists have
// null where that one has authentication and names of keys (recorded).
func (q *request) apiObject(r estate.Revision, whole, expand bool) tree.Object {
	var backend any
	if r.Backend != "" {
		backend = r.Backend
	}
	p := tree.Of("displayName", r.DisplayName, "apiRevision", text(r.Number), "description", r.Description(),
		"subscriptionRequired", r.KeyRequired, "serviceUrl", backend, "path", r.Gateway, "protocols", r.Protocols)
	if whole {
		p = p.With("authenticationSettings", authentication(r)).
			With("subscriptionKeyParameterNames", tree.Of("header", "Ocp-Apim-Subscription-Key", "query", "subscription-key"))
	} else {
		p = p.With("authenticationSettings", nil).With("subscriptionKeyParameterNames", nil)
	}
	if r.Type != estate.HTTP {
		p = p.With("type", string(r.Type))
	}
	if r.Version != "" {
		p = p.With("apiVersion", r.Version)
	}
	if r.Set != nil {
		p = p.With("apiVersionSetId", r.Scope()+"/apiVersionSets/"+r.Set.Name)
		if expand {
			p = p.With("apiVersionSet", versionSetProperties(r.Set, tree.Of("id", r.Scope()+"/apiVersionSets/"+r.Set.Name, "name", r.Set.DisplayName)))
		}
	}
	if r.Type == estate.MCP {
		p = p.With("mcpProperties", tree.Of("endpoints", tree.Of("sse", tree.Of("uriTemplate", "/sse"), "messages", tree.Of("uriTemplate", "/messages"))))
	}
	if r.IsCurrent() { // other revisions do not say that they are not (recorded)
		p = p.With("isCurrent", true)
	} else {
		p = p.With("apiRevisionDescription", "Revision "+text(r.Number))
	}
	return tree.Of("id", r.Path(), "type", resourceType(r), "name", r.FullName(), "properties", p)
}

// authentication that the gateway asks for: with OAuth, with OpenID, or with
// none beside a key.
func authentication(r estate.Revision) tree.Object {
	var oauth, openID any
	oauthList, openIDList := []any{}, []any{}
	switch r.Hash() >> 40 % 6 {
	case 0:
		server := tree.Of("authorizationServerId", "oauth-server", "scope", "read write")
		oauth, oauthList = server, []any{server}
	case 1:
		server := tree.Of("openidProviderId", "openid-provider", "bearerTokenSendingMethods", []string{"authorizationHeader"})
		openID, openIDList = server, []any{server}
	}
	return tree.Of("oAuth2", oauth, "openid", openID, "oAuth2AuthenticationSettings", oauthList, "openidAuthenticationSettings", openIDList)
}

func versionSetProperties(set *estate.VersionSet, out tree.Object) tree.Object {
	out = out.With("versioningScheme", set.Scheme)
	switch set.Scheme {
	case "Query":
		return out.With("versionQueryName", set.Parameter).With("versionHeaderName", nil)
	case "Header":
		return out.With("versionQueryName", nil).With("versionHeaderName", set.Parameter)
	}
	return out.With("versionQueryName", nil).With("versionHeaderName", nil)
}

// versionSets of the service or workspace, each once.
func (q *request) versionSets() []tree.Object {
	var out []tree.Object
	seen := map[string]bool{}
	for _, api := range q.world.APIs(q.target.service, q.workspace()) {
		if api.Set == nil || seen[api.Set.Name] {
			continue
		}
		seen[api.Set.Name] = true
		out = append(out, tree.Of("id", api.Scope()+"/apiVersionSets/"+api.Set.Name, "type", serviceType+"/apiVersionSets", "name", api.Set.Name,
			"properties", versionSetProperties(api.Set, tree.Of("displayName", api.Set.DisplayName, "description", nil))))
	}
	return out
}

func (q *request) listVersionSets() { q.answerPage(named(q.versionSets()), true) }

func (q *request) getVersionSet() { q.answerOne(q.versionSets(), "ApiVersionSet") }

// named are rows that can be filtered by name.
func named(objects []tree.Object) []row {
	rows := []row{}
	for _, o := range objects {
		rows = append(rows, plain(o))
	}
	return rows
}

// answerOne answers with the object that the path names.
func (q *request) answerOne(objects []tree.Object, kind string) {
	for _, o := range objects {
		if name, _ := member(o, "name").(string); strings.EqualFold(name, q.route.child) {
			q.pretty(o)
			return
		}
	}
	q.refuseBelow(404, "ResourceNotFound", kind+" not found.")
}

// listRevisions is the only call with dates, and with revisions that say
// whether they are online (documented).
func (q *request) listRevisions() {
	rows := []row{}
	for _, r := range slices.Backward(q.target.api.Revisions()) {
		rows = append(rows, row{
			fields: func() map[string]any { return map[string]any{"apirevision": text(r.Number)} },
			object: func() tree.Object {
				return tree.Of("apiId", r.Scope()+"/apis/"+r.Name+";rev="+text(r.Number), "apiRevision", text(r.Number),
					"createdDateTime", r.Created().Format(milliseconds), "updatedDateTime", r.Updated().Format(milliseconds),
					"description", nil, "privateUrl", "/"+r.Gateway+";rev="+text(r.Number), "isOnline", r.Online(), "isCurrent", r.IsCurrent())
			},
		})
	}
	q.answerPage(rows, true)
}

const milliseconds = "2006-01-02T15:04:05.000Z"

// operations of the API as resources. What a specification's defect spoils is
// sound here. APIs without paths have none (inferred).
func (q *request) operations(whole bool) []tree.Object {
	api := q.target.api
	d := api.Document()
	if d == nil || api.Type == estate.GraphQL {
		return nil
	}
	var out []tree.Object
	for _, o := range d.Operations {
		p := tree.Of("displayName", o.Summary, "method", o.Method, "urlTemplate", o.Path, "description", nil)
		if whole {
			templates, queries := []any{}, []any{}
			for _, parameter := range o.Parameters {
				one := tree.Of("name", parameter.Name, "type", "string", "required", parameter.In == "path", "values", []any{})
				switch parameter.In {
				case "path":
					templates = append(templates, one)
				case "query":
					queries = append(queries, one)
				}
			}
			p = p.With("templateParameters", templates).With("request", tree.Of("queryParameters", queries, "headers", []any{}, "representations", []any{})).
				With("responses", []any{tree.Of("statusCode", 200, "description", "OK", "representations", []any{}, "headers", []any{})})
		}
		out = append(out, tree.Of("id", api.Path()+"/operations/"+o.ID, "type", resourceTypeOf(api, "operations"), "name", o.ID, "properties", p))
	}
	return out
}

func (q *request) listOperations() { q.answerPage(named(q.operations(false)), true) }

func (q *request) getOperation() { q.answerOne(q.operations(true), "Operation") }
