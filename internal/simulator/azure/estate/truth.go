package estate

import (
	"iter"
	"strings"
	"time"

	"sluice/internal/simulator/azure/spec"
)

// Kept is the form in which a specification should be kept.
type Kept string

// The forms; empty when the API has no specification.
const (
	KeptOpenAPI    Kept = "openapi+json"    // OpenAPI 3.0, JSON
	KeptSwagger    Kept = "swagger+json"    // Swagger 2.0, where OpenAPI cannot be had
	KeptWSDL       Kept = "wsdl"            // of SOAP
	KeptGraphQL    Kept = "graphql"         // of GraphQL
	KeptOperations Kept = "operations+json" // nothing can be exported: the list of operations
)

// Specification is what should be known of an API's specification.
type Specification struct {
	Format Kept `json:"format,omitempty"`
	// Data is the document, byte for byte. Nil when there is none, and for
	// KeptOperations, which the reader writes itself.
	Data []byte `json:"data,omitempty"`
	// Endpoints in the document's order; for KeptOperations without parameters.
	// Of a document that is not readable they are those it would have, whole.
	Endpoints []spec.Endpoint `json:"endpoints,omitempty"`
	Defect    spec.Defect     `json:"defect,omitempty"` // empty: it is sound
	Readable  bool            `json:"readable"`         // the endpoints can be counted, in spite of the defect
}

// Broken tells whether the specification has a defect.
func (s Specification) Broken() bool { return s.Defect != "" }

// Truth is an API in one revision as it should be in an inventory.
type Truth struct {
	ID             string // as ARM writes it; compare without regard to case
	SubscriptionID string
	ResourceGroup  string
	Service        string
	Workspace      string // empty: in none
	Name           string // with ";rev=n" when it is not the current revision
	DisplayName    string
	Description    string // empty: null
	Path           string
	Protocols      []string
	Type           Type
	VersionSet     string // identifier; empty: none
	Scheme         string // of the version set
	Version        string
	Revision       int
	Current        bool
	Online         bool
	GatewayURL     string // of the service
	PublicURL      string
	Backend        string // empty: null
	KeyRequired    bool
	Tags           []string
	Created        time.Time
	Updated        time.Time // silent edits do not move it
	ETag           string    // with quotes
	Specification  Specification
}

// Truth is what should be known of the revision.
func (r Revision) Truth() Truth {
	t := Truth{
		ID: r.Path(), SubscriptionID: r.Service.Group.Subscription.ID, ResourceGroup: r.Service.Group.Name,
		Service: r.Service.Name, Workspace: r.Workspace, Name: r.FullName(), DisplayName: r.DisplayName,
		Path: r.Gateway, Protocols: r.Protocols, Type: r.Type, Version: r.Version, Revision: r.Number,
		Current: r.IsCurrent(), Online: r.Online(), GatewayURL: r.Service.GatewayURL, PublicURL: r.PublicURL(),
		Backend: r.Backend, KeyRequired: r.KeyRequired, Tags: r.Tags, Created: r.Created(), Updated: r.Updated(),
		ETag: r.ETag(), Specification: r.specification(),
	}
	t.Description, _ = r.Description().(string)
	if r.Set != nil {
		t.VersionSet, t.Scheme = r.Set.Name, r.Set.Scheme
	}
	return t
}

func (r Revision) specification() Specification {
	d := r.Document()
	if d == nil {
		return Specification{}
	}
	out := Specification{Endpoints: d.Endpoints(), Defect: d.Defect, Readable: d.Defect.Readable()}
	if !out.Readable {
		whole := *d
		whole.Defect = ""
		out.Endpoints = whole.Endpoints()
	}
	switch {
	case r.Odd == EverythingFails:
		out.Format = KeptOperations
		for i := range out.Endpoints {
			out.Endpoints[i].Parameters, out.Endpoints[i].Deprecated = 0, false
		}
		return out
	case r.Type == SOAP:
		out.Format, out.Data = KeptWSDL, d.Bytes(spec.WSDL)
	case r.Type == GraphQL:
		out.Format, out.Data = KeptGraphQL, d.Bytes(spec.GraphQL)
	case r.Odd == OpenAPIFails:
		out.Format, out.Data = KeptSwagger, d.Bytes(spec.Swagger)
	default:
		out.Format, out.Data = KeptOpenAPI, d.Bytes(spec.OpenAPIJSON)
	}
	return out
}

// Truth yields all APIs in their current revision, or with others in all, by
// service and in the order of lists.
func (w *World) Truth(others bool) iter.Seq[Truth] {
	return func(yield func(Truth) bool) {
		for _, s := range w.Services {
			for _, api := range w.apis[s.index] {
				for _, r := range api.Revisions() {
					if (others || r.IsCurrent()) && !yield(r.Truth()) {
						return
					}
				}
			}
		}
	}
}

// FindSubscription returns the subscription of an id, written in any case.
func (w *World) FindSubscription(id string) *Subscription {
	for _, s := range w.Subscriptions {
		if strings.EqualFold(s.ID, id) {
			return s
		}
	}
	return nil
}

// FindGroup returns a group of a subscription, written in any case.
func (w *World) FindGroup(s *Subscription, name string) *Group {
	for _, g := range w.Groups {
		if g.Subscription == s && strings.EqualFold(g.Name, name) {
			return g
		}
	}
	return nil
}

// FindService returns a service of a group, written in any case.
func (w *World) FindService(g *Group, name string) *Service {
	for _, s := range w.Services {
		if s.Group == g && strings.EqualFold(s.Name, name) {
			return s
		}
	}
	return nil
}

// FindAPI returns the revision that a name of ARM means, written in any case:
// that of the current one may say which it is.
func (w *World) FindAPI(s *Service, workspace, name string) (Revision, bool) {
	for _, api := range w.apis[s.index] {
		if !strings.EqualFold(api.Workspace, workspace) {
			continue
		}
		if strings.EqualFold(api.Name, name) {
			return api.Now(), true
		}
		if len(name) <= len(api.Name) || !strings.EqualFold(api.Name, name[:len(api.Name)]) {
			continue
		}
		for _, r := range api.Revisions() {
			if strings.EqualFold(name[len(api.Name):], revisionSuffix(r.Number)) {
				return r, true
			}
		}
	}
	return Revision{}, false
}
