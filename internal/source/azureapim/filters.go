package azureapim

import (
	"fmt"
	"slices"
	"strings"

	"sluice/internal/source"
	"sluice/internal/suggest"
)

// The filters of a profile.
const (
	filterSubscriptions  = "subscriptions"
	filterResourceGroups = "resourceGroups"
	filterServices       = "services"
	filterTypes          = "types"
	filterRevisions      = "revisions"
)

// The values of filterRevisions.
const (
	revisionsCurrent = "current"
	revisionsAll     = "all"
)

// The types of APIs (Azure documentation: REST API of API Management, 2024-05-01;
// mcp and a2a are of later previews). What has no type is http.
const (
	typeHTTP      = "http"
	typeSOAP      = "soap"
	typeGraphQL   = "graphql"
	typeWebSocket = "websocket"
	typeOData     = "odata"
	typeGRPC      = "grpc"
	typeMCP       = "mcp"
	typeA2A       = "a2a"
)

var types = []string{typeHTTP, typeSOAP, typeGraphQL, typeWebSocket, typeOData, typeGRPC, typeMCP, typeA2A}

const maxValues = 1000

// Filters implements source.Kind.
func (kind) Filters() []source.Filter {
	return []source.Filter{
		{Name: filterSubscriptions, Check: few, Help: "APIs of these subscriptions: ids or names, such as Production,6f1c1a52-0a0b-4c6e-9f53-1f0f3b1f7c11"},
		{Name: filterResourceGroups, Check: few, Help: "APIs of services in these resource groups: names, such as rg-apis"},
		{Name: filterServices, Check: few, Help: "APIs of these API Management services: names or ids, such as apim-prod"},
		{Name: filterTypes, Check: among("type", types...), Help: "APIs of these types, such as http,soap (of " + strings.Join(types, ", ") + ")"},
		{Name: filterRevisions, Check: oneRevisions, Help: "which revisions: " + revisionsCurrent + " (default), or " + revisionsAll + ", each as an API of its own"},
	}
}

func few(values []string) error {
	if len(values) > maxValues {
		return fmt.Errorf("%d values are too many: at most %d are allowed", len(values), maxValues)
	}
	for _, v := range values {
		if strings.TrimSpace(v) == "" || len(v) > 1024 {
			return fmt.Errorf("a value is empty or longer than 1024 bytes")
		}
	}
	return nil
}

func among(what string, known ...string) func([]string) error {
	return func(values []string) error {
		for _, v := range values {
			if !slices.Contains(known, v) {
				return fmt.Errorf("there is no %s %q%s", what, v, suggest.Ending(v, known))
			}
		}
		return nil
	}
}

func oneRevisions(values []string) error {
	if len(values) != 1 {
		return fmt.Errorf("takes one value, %s or %s", revisionsCurrent, revisionsAll)
	}
	return among("choice", revisionsCurrent, revisionsAll)(values)
}

// narrowing is what filters come to. It notes which values were met: names
// that nothing has are a mistake, or a permission that was taken away.
type narrowing struct {
	subscriptions, groups, services choice
	types                           []string
	allRevisions                    bool
}

func narrowingOf(filters map[string][]string) *narrowing {
	return &narrowing{
		subscriptions: choiceOf(filters[filterSubscriptions]),
		groups:        choiceOf(filters[filterResourceGroups]),
		services:      choiceOf(filters[filterServices]),
		types:         filters[filterTypes],
		allRevisions:  slices.Contains(filters[filterRevisions], revisionsAll),
	}
}

func (n *narrowing) takesType(t string) bool {
	return len(n.types) == 0 || slices.Contains(n.types, t)
}

// unmet says which values nothing that can be seen has; empty when there are
// none.
func (n *narrowing) unmet() string {
	var all []string
	for _, f := range []struct {
		what   string
		values choice
	}{{"subscriptions", n.subscriptions}, {"resource groups with API Management services", n.groups}, {"services", n.services}} {
		var missing []string
		for value, met := range f.values {
			if !met {
				missing = append(missing, value)
			}
		}
		if slices.Sort(missing); len(missing) > 0 {
			all = append(all, fmt.Sprintf("the filter names %s that are not there, or that the application may not see: %s", f.what, shorten(strings.Join(missing, ", "))))
		}
	}
	return strings.Join(all, "; ")
}

// choice are the values of a filter, in lower case, and whether they were met.
// None lets everything through.
type choice map[string]bool

func choiceOf(values []string) choice {
	c := choice{}
	for _, v := range values {
		c[strings.ToLower(strings.TrimSpace(v))] = false
	}
	return c
}

// takes says whether one of the names that a thing has was chosen.
func (c choice) takes(names ...string) bool {
	taken := len(c) == 0
	for _, name := range names {
		name = strings.ToLower(strings.TrimSpace(name))
		if _, chosen := c[name]; chosen {
			c[name], taken = true, true
		}
	}
	return taken
}

// shorten bounds what a message quotes.
func shorten(s string) string {
	if r := []rune(s); len(r) > 300 {
		return string(r[:300]) + "…"
	}
	return s
}
