package apispec

import (
	"slices"
	"strings"
)

func (s *Summary) flag(name string) { s.setFlags(append(s.Flags, name)) }

func (s *Summary) setFlags(flags []string) {
	s.Flags = slices.Compact(slices.Sorted(slices.Values(flags)))
}

// collector keeps each method and path once.
type collector struct {
	endpoints []Endpoint
	added     int // repeated ones too
	seen      map[[2]string]bool
	ids       map[string]bool
	flag      func(string)
}

func (c *collector) add(e Endpoint) {
	key := [2]string{e.Method, e.Path}
	if c.seen[key] {
		c.flag(FlagDuplicateEndpoints)
		return
	}
	c.seen[key] = true
	if e.OperationID != "" && c.ids[e.OperationID] {
		c.flag(FlagDuplicateOperationIDs)
	}
	c.ids[e.OperationID] = true
	c.endpoints = append(c.endpoints, e)
}

func (d *draft) checkPaths(s *Summary) {
	switch {
	case s.Problem != "":
	case d.notAnObject:
		s.Problem = problem("paths-not-an-object", "\"paths\" is of another kind than an object, so there are no endpoints to count")
	case !d.hasPaths && !slices.Contains(d.flags, FlagWebhooks) && !slices.Contains(d.rootKeys, "components"):
		s.Problem = problem("no-paths", "the document has no \"paths\", so there are no endpoints to count")
	}
	if s.Paths == 0 {
		d.flag(FlagNoPaths)
	}
	if len(s.Endpoints) == 0 {
		d.flag(FlagNoEndpoints)
	}
	for _, item := range d.paths {
		if strings.Contains(item.path, "*") {
			d.flag(FlagWildcardPaths)
			break
		}
	}
}

func (d *draft) checkServers(servers []string) {
	if len(servers) == 0 {
		d.flag(FlagNoServers)
		return
	}
	absolute := false
	for _, server := range servers {
		scheme, _, found := strings.Cut(server, "://")
		absolute = absolute || found || strings.HasPrefix(server, "//")
		if found && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "ws")) {
			d.flag(FlagHTTPAllowed)
		}
	}
	if !absolute {
		d.flag(FlagRelativeServers)
	}
}

func (d *draft) checkSecurity(s *Summary) {
	unknown := len(s.Endpoints) > 0
	for _, e := range s.Endpoints {
		unknown = unknown && e.Security == SecurityUnknown
	}
	if unknown {
		d.flag(FlagSecurityUnknown)
	}
	keys := len(d.securitySchemes) > 0 && d.security.required
	defined := map[string]bool{}
	for _, scheme := range d.securitySchemes {
		defined[scheme.name] = true
		keys = keys && scheme.kind == "apiKey" && slices.Contains(subscriptionKeys, strings.ToLower(scheme.parameter))
	}
	for name := range d.asked {
		if !defined[name] {
			keys = false
			d.flag(FlagUndefinedScheme)
		}
	}
	if keys {
		d.flag(FlagSubscriptionKeyOnly)
	}
}
