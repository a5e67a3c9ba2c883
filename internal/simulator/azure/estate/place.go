package estate

import (
	"fmt"
	"strings"

	"sluice/internal/simulator/random"
)

// Subscription of a tenant.
type Subscription struct {
	ID       string `json:"id"` // a UUID
	TenantID string `json:"tenantId"`
	Name     string `json:"name"`
	State    string `json:"state"` // Enabled or Disabled; a disabled one can be read
}

// Path is the subscription's ARM id.
func (s *Subscription) Path() string { return "/subscriptions/" + s.ID }

// Group is a resource group.
type Group struct {
	Subscription *Subscription `json:"-"`
	Name         string        `json:"name"`
	Location     string        `json:"location"` // such as westeurope
}

// Path is the group's ARM id.
func (g *Group) Path() string { return g.Subscription.Path() + "/resourceGroups/" + g.Name }

// Tier is what a service costs and can.
type Tier string

// The tiers.
const (
	Consumption Tier = "Consumption"
	Developer   Tier = "Developer"
	Basic       Tier = "Basic"
	Standard    Tier = "Standard"
	Premium     Tier = "Premium"
	BasicV2     Tier = "BasicV2"
	StandardV2  Tier = "StandardV2"
)

// HasWorkspaces tells whether a service of the tier can have workspaces
// (inferred: the others refuse the call).
func (t Tier) HasWorkspaces() bool { return t == Premium || t == StandardV2 || t == BasicV2 }

// Service is an API Management service.
type Service struct {
	Group      *Group            `json:"-"`
	Name       string            `json:"name"`
	Tier       Tier              `json:"tier"`
	GatewayURL string            `json:"gatewayUrl"`
	CustomHost string            `json:"customHost,omitempty"` // the gateway's own domain, the default one then
	Workspaces []string          `json:"workspaces,omitempty"`
	Tags       map[string]string `json:"tags,omitempty"`
	Created    int64             `json:"created"` // Unix seconds
	// MinAPIVersion is the oldest api-version that the service takes for what
	// is below it; any when empty.
	MinAPIVersion string `json:"minApiVersion,omitempty"`

	index int
	hash  uint64
}

// Path is the service's ARM id.
func (s *Service) Path() string {
	return s.Group.Path() + "/providers/Microsoft.ApiManagement/service/" + s.Name
}

// BaseURL is where callers reach the service's APIs.
func (s *Service) BaseURL() string {
	if s.CustomHost != "" {
		return "https://" + s.CustomHost
	}
	return s.GatewayURL
}

// Location in the form of the service: "West Europe".
func (s *Service) Location() string {
	return locations[s.hash>>8%uint64(len(locations))].display
}

// ETag of the service, without quotes.
func (s *Service) ETag() string { return etag(s.hash >> 24) }

// Hash is a number that depends on the service alone.
func (s *Service) Hash() uint64 { return s.hash }

var locations = []struct{ name, display string }{
	{"westeurope", "West Europe"}, {"eastus", "East US"}, {"northeurope", "North Europe"}, {"germanywestcentral", "Germany West Central"},
}

// World is an immutable snapshot of an estate.
type World struct {
	Subscriptions []*Subscription
	Groups        []*Group // those without a service too
	Services      []*Service

	config     Config
	apis       [][]*API // by service, in the order of lists
	numbers    []int    // by service: the number of the next API
	generation int
}

// Generation is the number of Advances so far.
func (w *World) Generation() int { return w.generation }

// Len is the number of APIs, each counted once.
func (w *World) Len() int {
	n := 0
	for i := range w.apis {
		n += len(w.apis[i])
	}
	return n
}

// APIs of a service; workspace is empty for those in none.
func (w *World) APIs(s *Service, workspace string) []*API {
	var out []*API
	for _, api := range w.apis[s.index] {
		if api.Workspace == workspace {
			out = append(out, api)
		}
	}
	return out
}

// tiers in the order in which services get them.
var tiers = []Tier{Developer, Consumption, Premium, Standard, StandardV2, Basic, BasicV2}

// build makes the first generation.
func build(cfg Config) *World {
	w := &World{config: cfg, apis: make([][]*API, cfg.Services), numbers: make([]int, cfg.Services)}
	salt := random.Mix(random.Mix(cfg.Seed) + 0xa2)
	epoch := random.Epoch(cfg.Start)
	groups := make([][]*Group, cfg.Subscriptions)
	for i := range cfg.Subscriptions {
		hash := random.Mix(salt ^ uint64(i)*0xd1342543de82ef95)
		s := &Subscription{ID: random.UUID(hash), TenantID: cfg.TenantID, Name: fmt.Sprintf("%s %d", pick(departments, hash), i+1), State: "Enabled"}
		if i >= cfg.Subscriptions-cfg.Disabled {
			s.State = "Disabled"
		}
		w.Subscriptions = append(w.Subscriptions, s)
		for g := range 2 + int(hash%3) {
			groups[i] = append(groups[i], &Group{
				Subscription: s,
				Name:         fmt.Sprintf("rg-%s-%02d", pick(words, random.Mix(hash+uint64(g))), g+1),
				Location:     locations[hash>>4%uint64(len(locations))].name,
			})
		}
		w.Groups = append(w.Groups, groups[i]...)
	}
	for i := range cfg.Services {
		mine := groups[i%cfg.Subscriptions]
		// The last group of each subscription has no service.
		w.Services = append(w.Services, newService(i, mine[i/cfg.Subscriptions%(len(mine)-1)], random.Mix(salt^uint64(i)*0x9fb21c651e98df25+1), epoch))
	}
	for i, n := range shares(salt, cfg.Services, cfg.APIs) {
		b := builder{world: w, service: w.Services[i], epoch: epoch}
		w.apis[i] = b.add(n)
		w.numbers[i] = b.number
	}
	return w
}

func newService(index int, group *Group, hash uint64, epoch int64) *Service {
	created, _ := random.Dates(hash, epoch)
	s := &Service{
		Group: group, Tier: tiers[index%len(tiers)], Created: created, index: index, hash: hash,
		Name: fmt.Sprintf("apim-%s-%03d", pick(words, hash), index+1),
		Tags: map[string]string{"environment": pick([]string{"production", "staging", "development"}, hash>>3)},
	}
	s.GatewayURL = "https://" + s.Name + ".azure-api.net"
	if index%4 == 2 {
		s.CustomHost = "api." + strings.ToLower(pick(words, hash>>5)) + ".example"
	}
	if index%5 == 3 {
		s.MinAPIVersion = "2021-08-01"
	}
	if s.Tier.HasWorkspaces() {
		s.Workspaces = []string{"payments-team", "partner-team"}
	}
	return s
}

// shares divides the APIs among the services: some have many, some few, and of
// four services or more, the second has none.
func shares(salt uint64, services, apis int) []int {
	out, weights, sum := make([]int, services), make([]int, services), 0
	for i := range weights {
		weights[i] = []int{1, 2, 4, 10}[random.Mix(salt+uint64(i))%4]
		if i == 1 && services >= 4 {
			weights[i] = 0
		}
		sum += weights[i]
	}
	left := apis
	for i := range out {
		out[i] = apis * weights[i] / max(sum, 1)
		left -= out[i]
	}
	for i := 0; left > 0; i = (i + 1) % services {
		if weights[i] > 0 {
			out[i]++
			left--
		}
	}
	return out
}
