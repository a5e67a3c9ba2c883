package apispec

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Where shared parameters, path items and security schemes are referred to.
var (
	parameterRefs = []string{"#/components/parameters/", "#/parameters/"}
	itemRefs      = []string{"#/components/pathItems/"}
	pathRefs      = []string{"#/paths/"}
	schemeRefs    = []string{"#/components/securitySchemes/", "#/securityDefinitions/"}
)

// subscriptionKeys are the parameters in which Azure API Management takes its
// own key (documented; a service can rename them).
var subscriptionKeys = []string{"ocp-apim-subscription-key", "subscription-key"}

// summary puts together what was read. encoding is "+json" or "+yaml".
func (d *draft) summary(encoding, hint string) Summary {
	family := d.family(hint)
	if family == "" {
		s := Summary{Format: Unknown, Problem: d.problem}
		if s.Problem == "" {
			s.Problem = problem("unknown-format", "it is no specification that is known: it has neither \"openapi\" nor \"swagger\" at its root%s", d.found())
		}
		s.setFlags(d.flags)
		return s
	}
	s := Summary{
		Format: family + encoding, Version: d.openapi,
		Title: d.title, APIVersion: d.apiVersion, ExportNotes: d.notes,
		Servers: d.servers, Paths: len(d.paths),
	}
	if family == "swagger" {
		s.Version, s.Servers = d.swagger, d.swaggerServers()
	}
	if s.Version == "" || s.Title == "" || d.openapi != "" && d.swagger != "" {
		d.flag(FlagInvalid)
	}
	s.Endpoints = d.endpoints()
	s.SecuritySchemes = d.schemeList()
	s.Problem = d.problem
	d.checkPaths(&s)
	d.checkServers(s.Servers)
	d.checkSecurity(&s)
	s.setFlags(d.flags)
	return s
}

// family is "openapi", "swagger", or "" when it is neither. Of a document that
// does not say, other members of the root and then the hint decide.
func (d *draft) family(hint string) string {
	has := func(keys ...string) bool {
		return slices.ContainsFunc(keys, func(key string) bool { return slices.Contains(d.rootKeys, key) })
	}
	switch {
	case d.openapi != "" || has("openapi") && d.swagger == "":
		return "openapi"
	case d.swagger != "" || has("swagger"):
		return "swagger"
	case !d.hasPaths || len(d.paths) > 0 && d.operations == 0:
		return "" // AsyncAPI and others have paths or channels of their own
	case has("host", "basePath", "schemes", "definitions", "securityDefinitions"):
		return "swagger"
	case has("components", "servers"):
		return "openapi"
	case strings.HasPrefix(hint, "swagger"):
		return "swagger"
	}
	return "openapi"
}

func (d *draft) found() string {
	if len(d.rootKeys) == 0 {
		return ", which is no object with members"
	}
	return ", but " + strings.Join(d.rootKeys, ", ")
}

func (d *draft) swaggerServers() []string {
	host, base := strings.TrimSpace(d.host), strings.Trim(d.basePath, " /")
	if _, rest, found := strings.Cut(host, "://"); found {
		d.flag(FlagInvalid) // a host has no scheme
		host = rest
	}
	host = strings.TrimRight(host, "/")
	if base != "" {
		base = "/" + base
	}
	switch {
	case host == "" && base == "":
		return nil
	case host == "":
		return []string{base}
	case len(d.schemes) == 0:
		return []string{"//" + host + base}
	}
	var servers []string
	for _, scheme := range d.schemes {
		server := strings.ToLower(scheme) + "://" + host + base
		if !slices.Contains(servers, server) && len(servers) < maxServers {
			servers = append(servers, server)
		}
	}
	return servers
}

// endpoints are the operations of all paths, those of paths that refer to a
// shared path item included.
func (d *draft) endpoints() []Endpoint {
	byPath := map[string]*pathItem{}
	for _, item := range d.paths {
		byPath[item.path] = item
	}
	all := collector{seen: map[[2]string]bool{}, ids: map[string]bool{}, flag: d.flag}
	for _, item := range d.paths {
		var visited []*pathItem
		for shared := item; shared != nil; {
			if slices.Contains(visited, shared) || len(visited) == maxHops {
				d.flag(FlagCyclicReferences)
				break
			}
			visited = append(visited, shared)
			for _, op := range shared.operations {
				if all.added++; all.added > maxEndpoints {
					d.full("operations", maxEndpoints)
					return all.endpoints
				}
				all.add(d.endpoint(item.path, shared, op))
			}
			if shared.ref == "" {
				break
			}
			shared = d.itemAt(shared.ref, byPath)
		}
	}
	return all.endpoints
}

func (d *draft) itemAt(ref string, byPath map[string]*pathItem) *pathItem {
	item, found := d.items[d.local(ref, itemRefs)]
	if !found {
		item, found = byPath[d.local(ref, pathRefs)]
	}
	if !found {
		d.flag(FlagDanglingReferences)
		return nil
	}
	return item
}

func (d *draft) endpoint(path string, item *pathItem, op *operation) Endpoint {
	e := Endpoint{Method: op.method, Path: path, OperationID: op.id, Deprecated: op.deprecated, Security: SecurityUnknown}
	e.Parameters = d.merged(path, item.parameters, op.parameters)
	for _, s := range []security{op.security, d.security} {
		if s.said {
			e.Security = SecurityNone
			if s.required {
				e.Security = SecurityRequired
			}
			break
		}
	}
	return e
}

// merged counts the parameters of a path and an operation: one of the operation
// replaces that of the path with the same place and name. What a reference
// leads nowhere to, and what has no name, is one parameter each.
func (d *draft) merged(path string, lists ...[]*parameter) int {
	if len(lists[0])+len(lists[1]) == 0 && !strings.Contains(path, "{") {
		return 0
	}
	type key struct{ in, name string }
	distinct := make(map[key]bool, len(lists[0])+len(lists[1]))
	resolved := true
	for _, list := range lists {
		for _, p := range list {
			end := d.parameterAt(p)
			switch {
			case end == nil:
				resolved = false
				distinct[key{"$ref", p.ref}] = true
			case end.name == "":
				d.flag(FlagInvalid)
				distinct[key{"", strconv.Itoa(len(distinct))}] = true
			default:
				distinct[key{end.in, end.name}] = true
			}
		}
	}
	for rest := path; resolved; {
		_, after, opened := strings.Cut(rest, "{")
		name, behind, closed := strings.Cut(after, "}")
		if !opened || !closed {
			break
		}
		rest = behind
		if !distinct[key{"path", strings.TrimPrefix(name, "*")}] && !distinct[key{"query", name}] {
			d.flag(FlagMissingPathParameters)
		}
	}
	return len(distinct)
}

// parameterAt follows the references of a parameter, once for each: nil when
// they lead nowhere, or into another part, such as the parameters of a path.
func (d *draft) parameterAt(p *parameter) *parameter {
	switch {
	case p.ref == "":
		return p
	case p.following:
		d.flag(FlagCyclicReferences)
		return nil
	case !p.followed:
		p.following = true
		name := d.local(p.ref, parameterRefs)
		if next, found := d.parameters[name]; found {
			p.end = d.parameterAt(next)
		} else if name != "" {
			d.flag(FlagDanglingReferences)
		}
		p.following, p.followed = false, true
	}
	return p.end
}

// local returns the name behind one of the beginnings of a reference, or "".
func (d *draft) local(ref string, beginnings []string) string {
	if !strings.HasPrefix(ref, "#") {
		d.flag(FlagExternalReferences)
		return ""
	}
	for _, beginning := range beginnings {
		name, found := strings.CutPrefix(ref, beginning)
		if !found {
			continue
		}
		if unescaped, err := url.PathUnescape(name); err == nil {
			name = unescaped
		}
		return strings.NewReplacer("~1", "/", "~0", "~").Replace(name)
	}
	return ""
}

// schemeList resolves schemes that refer to another one.
func (d *draft) schemeList() []Scheme {
	byName := map[string]*securityScheme{}
	for _, s := range d.securitySchemes {
		byName[s.name] = s
	}
	var list []Scheme
	for _, s := range d.securitySchemes {
		for hops := 0; s.ref != "" && hops < maxHops; hops++ {
			next, found := byName[d.local(s.ref, schemeRefs)]
			if !found {
				d.flag(FlagDanglingReferences)
				break
			}
			s.kind, s.parameter, s.ref = next.kind, next.parameter, next.ref
		}
		list = append(list, Scheme{Name: s.name, Type: s.kind})
	}
	return list
}
