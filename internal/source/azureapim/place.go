package azureapim

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// place is where an ARM id leads. Parts are as Azure wrote them, unescaped;
// ARM does not tell cases apart, and writes them as it likes.
type place struct {
	Subscription, Group, Service, Workspace, API string
}

const provider = "Microsoft.ApiManagement"

// readPlace reads the id of a service, or of something in one.
func readPlace(id string) (place, error) {
	bad := fmt.Errorf("%q is not the id of an API Management resource", shorten(id))
	parts := strings.Split(strings.Trim(id, "/"), "/")
	var p place
	for i := 0; i+1 < len(parts); i += 2 {
		name, value := strings.ToLower(parts[i]), parts[i+1]
		if !usable(value) {
			return place{}, bad
		}
		switch name {
		case "subscriptions":
			p.Subscription = value
		case "resourcegroups":
			p.Group = value
		case "providers":
			if !strings.EqualFold(value, provider) {
				return place{}, bad
			}
		case "service":
			p.Service = value
		case "workspaces":
			p.Workspace = value
		case "apis":
			p.API = value
		default:
			return place{}, bad
		}
	}
	if p.Subscription == "" || p.Group == "" || p.Service == "" {
		return place{}, bad
	}
	return p, nil
}

// usable says whether a name from an answer may become part of a path.
func usable(name string) bool {
	return name != "" && len(name) <= 512 && name != "." && name != ".." &&
		!strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f || r == '/' || r == '\\' })
}

// path is where ARM has it, escaped.
func (p place) path() string { return p.write(url.PathEscape) }

// id is the id in lower case, which is what identifies it.
func (p place) id() string {
	return strings.ToLower(p.write(func(name string) string { return name }))
}

func (p place) write(part func(string) string) string {
	var b strings.Builder
	for _, s := range []struct{ before, name string }{
		{"/subscriptions/", p.Subscription},
		{"/resourceGroups/", p.Group},
		{"/providers/" + provider + "/service/", p.Service},
		{"/workspaces/", p.Workspace},
		{"/apis/", p.API},
	} {
		if s.name != "" {
			b.WriteString(s.before + part(s.name))
		}
	}
	return b.String()
}

// root is the API of a revision: "echo" of "echo;rev=2".
func (p place) root() place {
	p.API = rootName(p.API)
	return p
}

// rootName is an API's name without its revision.
func rootName(name string) string {
	if i := strings.LastIndex(strings.ToLower(name), ";rev="); i > 0 {
		return name[:i]
	}
	return name
}

// lastPart is the last name of an id.
func lastPart(id string) string {
	id = strings.TrimRight(id, "/")
	return id[strings.LastIndexByte(id, '/')+1:]
}

// order sorts by subscription, service, workspace and API.
type order [4]string

func (o order) compare(p order) int { return slices.Compare(o[:], p[:]) }

func (p place) order() order {
	lower := strings.ToLower
	return order{lower(p.Subscription), lower(p.Service) + "/" + lower(p.Group), lower(p.Workspace), lower(p.API)}
}
