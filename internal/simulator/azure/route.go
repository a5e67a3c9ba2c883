package azure

import (
	"net/http"
	"net/url"
	"strings"

	"sluice/internal/simulator/azure/estate"
)

// route is what the path of a call names. Keywords and names are taken in any
// case, as ARM does.
type route struct {
	call         Call
	serve        func(*request) // nil: there is no such path
	ofService    bool           // API Management's own, with its own api-versions
	action       string         // what a role must allow
	subscription string
	group        string
	service      string
	workspace    string
	api          string
	child        string // of an API or service: the last segment of the path
}

const provider = "microsoft.apimanagement"

// parseRoute understands a path. Each segment is unescaped by itself, so that a
// name can have any character in it.
func parseRoute(u *url.URL) route {
	var s []string
	for segment := range strings.SplitSeq(strings.Trim(u.EscapedPath(), "/"), "/") {
		name, err := url.PathUnescape(segment)
		if err != nil || name == "" {
			return route{call: Unknown}
		}
		s = append(s, name)
	}
	none := route{call: Unknown}
	if !strings.EqualFold(s[0], "subscriptions") {
		return none
	}
	r := route{action: "Microsoft.Resources/subscriptions/read"}
	if len(s) == 1 {
		r.call, r.serve = Subscriptions, (*request).listSubscriptions
		return r
	}
	r.subscription = s[1]
	none.subscription = s[1]
	rest := s[2:]
	if len(rest) == 0 {
		r.call, r.serve = Subscriptions, (*request).getSubscription
		return r
	}
	if strings.EqualFold(rest[0], "resourceGroups") {
		r.action = "Microsoft.Resources/subscriptions/resourceGroups/read"
		if len(rest) == 1 {
			r.call, r.serve = ResourceGroups, (*request).listGroups
			return r
		}
		r.group, rest = rest[1], rest[2:]
		if len(rest) == 0 {
			r.call, r.serve = ResourceGroups, (*request).getGroup
			return r
		}
	}
	if len(rest) == 1 && strings.EqualFold(rest[0], "resources") {
		r.call, r.serve, r.action = Resources, (*request).listResources, "Microsoft.Resources/subscriptions/resources/read"
		return r
	}
	if len(rest) < 3 || !strings.EqualFold(rest[0], "providers") || !strings.EqualFold(rest[1], provider) || !strings.EqualFold(rest[2], "service") {
		return none
	}
	r.ofService, none.ofService = true, true
	r.action = "Microsoft.ApiManagement/service/read"
	rest = rest[3:]
	if len(rest) == 0 {
		r.call, r.serve = Services, (*request).listServices
		return r
	}
	r.service = rest[0]
	if r.group == "" {
		return none
	}
	return r.below(rest[1:], u)
}

// below understands what follows the name of a service or workspace.
func (r route) below(rest []string, u *url.URL) route {
	keyword := func(i int) string {
		if i < len(rest) {
			return strings.ToLower(rest[i])
		}
		return ""
	}
	to := func(call Call, action string, serve func(*request)) route {
		r.call, r.serve, r.action = call, serve, "Microsoft.ApiManagement/service/"+action+"/read"
		return r
	}
	switch n, first := len(rest), keyword(0); {
	case n == 0:
		r.call, r.serve = OneService, (*request).getService
		return r
	case first == "workspaces" && n == 1 && r.workspace == "":
		return to(Workspaces, "workspaces", (*request).listWorkspaces)
	case first == "workspaces" && n > 1 && r.workspace == "":
		r.workspace = rest[1]
		if n == 2 {
			return to(Workspaces, "workspaces", (*request).getWorkspace)
		}
		return r.below(rest[2:], u)
	case first == "apiversionsets" && n == 1:
		return to(VersionSets, "apiVersionSets", (*request).listVersionSets)
	case first == "apiversionsets" && n == 2:
		r.child = rest[1]
		return to(VersionSets, "apiVersionSets", (*request).getVersionSet)
	case first == "tags" && n == 1:
		return to(Tags, "tags", (*request).listTags)
	case first == "apisbytags" && n == 1:
		return to(APIs, "apis", (*request).listByTags)
	case first == "apis" && n == 1:
		return to(APIs, "apis", (*request).listAPIs)
	case first == "apis":
		r.api = rest[1]
		return r.belowAPI(rest[2:], u)
	}
	return route{call: Unknown, subscription: r.subscription, ofService: true}
}

func (r route) belowAPI(rest []string, u *url.URL) route {
	to := func(call Call, action string, serve func(*request)) route {
		r.call, r.serve, r.action = call, serve, "Microsoft.ApiManagement/service/apis"+action+"/read"
		return r
	}
	if len(rest) == 0 {
		if strings.EqualFold(u.Query().Get("export"), "true") {
			return to(Export, "", (*request).export)
		}
		return to(OneAPI, "", (*request).getAPI)
	}
	child := strings.ToLower(rest[0])
	if len(rest) == 2 {
		r.child = rest[1]
		switch child {
		case "operations":
			return to(Operations, "/operations", (*request).getOperation)
		case "schemas":
			return to(Schemas, "/schemas", (*request).getSchema)
		}
	}
	if len(rest) == 1 {
		switch child {
		case "revisions":
			return to(Revisions, "/revisions", (*request).listRevisions)
		case "operations":
			return to(Operations, "/operations", (*request).listOperations)
		case "schemas":
			return to(Schemas, "/schemas", (*request).listSchemas)
		case "tags":
			return to(Tags, "/tags", (*request).listAPITags)
		case "products":
			return to(Tags, "/products", (*request).listProducts)
		}
	}
	return route{call: Unknown, subscription: r.subscription, ofService: true}
}

// target is what the route leads to, found.
type target struct {
	subscription *estate.Subscription
	group        *estate.Group
	service      *estate.Service
	api          estate.Revision
}

// found finds what the path names, and answers the call when it is not there or
// must not be read. What an app has no role on is refused before it is missed.
func (q *request) found() bool {
	r := &q.route
	if r.subscription == "" {
		return true
	}
	if len(r.subscription) != len(DefaultTenantID) {
		q.refuse(http.StatusBadRequest, "InvalidSubscriptionId", "The provided subscription identifier '"+r.subscription+"' is malformed or invalid.")
		return false
	}
	t := &q.target
	if t.subscription = q.world.FindSubscription(r.subscription); t.subscription == nil {
		q.refuse(http.StatusNotFound, "SubscriptionNotFound", "The subscription '"+r.subscription+"' could not be found.")
		return false
	}
	scope := t.subscription.Path()
	if r.group != "" {
		scope += "/resourceGroups/" + r.group
	}
	if r.service != "" {
		scope += "/providers/Microsoft.ApiManagement/service/" + r.service
	}
	if r.workspace != "" {
		scope += "/workspaces/" + r.workspace
	}
	if q.app.WithoutRole || within(scope, q.settings.Unreadable) {
		q.forbidden(scope)
		return false
	}
	if r.group != "" {
		if t.group = q.world.FindGroup(t.subscription, r.group); t.group == nil {
			q.refuse(http.StatusNotFound, "ResourceGroupNotFound", "Resource group '"+r.group+"' could not be found.")
			return false
		}
	}
	return r.service == "" || q.foundService(scope)
}

func (q *request) foundService(scope string) bool {
	r, t := &q.route, &q.target
	if t.service = q.world.FindService(t.group, r.service); t.service == nil {
		q.refuse(http.StatusNotFound, "ResourceNotFound", "The Resource 'Microsoft.ApiManagement/service/"+r.service+"' under resource group '"+r.group+
			"' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix")
		return false
	}
	if r.call == OneService {
		return true
	}
	switch s := t.service; {
	case s.MinAPIVersion != "" && q.version < s.MinAPIVersion: // text inferred
		q.refuseBelow(http.StatusBadRequest, "ApiVersionNotAllowed", "The service allows api-versions from '"+s.MinAPIVersion+"' on.")
		return false
	case within(scope, q.settings.Activating):
		q.refuse(http.StatusUnprocessableEntity, "ManagementApiRequestFailed", "Management API timed out")
		return false
	case (r.call == Workspaces || r.workspace != "") && !s.Tier.HasWorkspaces(): // text inferred
		q.refuseBelow(http.StatusBadRequest, "MethodNotAllowedInPricingTier", "Method not allowed in "+string(s.Tier)+" pricing tier")
		return false
	}
	if r.workspace != "" && q.workspace() == "" {
		q.refuseBelow(http.StatusNotFound, "ResourceNotFound", "Workspace not found.")
		return false
	}
	if r.api == "" {
		return true
	}
	var known bool
	t.api, known = q.world.FindAPI(t.service, q.workspace(), r.api)
	if !known || within(t.api.Path(), q.settings.Vanished) || t.api.Type == estate.MCP && q.version != previewVersion {
		q.refuseBelow(http.StatusNotFound, "ResourceNotFound", "Api not found.")
		return false
	}
	return true
}

// workspace is the name of the workspace the path names, as it is written there.
func (q *request) workspace() string {
	for _, name := range q.target.service.Workspaces {
		if strings.EqualFold(name, q.route.workspace) {
			return name
		}
	}
	return ""
}
