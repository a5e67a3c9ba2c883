package azureapim

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"sluice/internal/azure"
	"sluice/internal/fault"
	"sluice/internal/source"
	"sluice/internal/transport"
)

// subscription is one that the application sees.
type subscription struct {
	id   string // GUID
	name string
	row  object // as received
	// groups are its resource groups by name in lower case, as received; nil
	// when they may not be read. Nothing but their tags is in need of them.
	groups map[string]object
}

// scope is something that has a list of APIs: a service, or a workspace of one.
type scope struct {
	at           place
	subscription *subscription
	service      *service
	workspace    object            // as received; nil for the service itself
	versionSets  map[string]object // by name in lower case, as received
	tags         map[string][]string
}

// service is an API Management service.
type service struct {
	at         place
	properties object // as received, with sku, location, tags and zones beside them
}

// listed is an API as a list shows it.
type listed struct {
	at      place
	scope   *scope
	version string // api-version that shows it
	current bool
	typ     string
	// family names those whose exports the vendor mixes up with this one's:
	// see families.
	family string

	displayName, versionSet string
}

// identity is the place that identifies the API in the inventory. The current
// revision is the API itself, however it is listed.
func (l listed) identity() place {
	if l.current {
		return l.at.root()
	}
	return l.at
}

// externalID is the API's id in the inventory.
func (l listed) externalID() string { return l.identity().id() }

// walk is what there is to be read: it lists everything down to APIs.
type walk struct {
	session   *session
	narrowing *narrowing

	mu     sync.Mutex
	apis   []listed
	unread []source.Scope
}

// newWalk lists what the filters let through. Scopes that cannot be read are
// noted, and do not stop the rest.
func newWalk(ctx context.Context, s *session, n *narrowing) (*walk, error) {
	w := &walk{session: s, narrowing: n}
	subscriptions, err := s.listSubscriptions(ctx)
	if err != nil {
		return nil, err
	}
	var services []*scope
	for _, sub := range subscriptions {
		if !n.subscriptions.takes(sub.id, sub.name) {
			continue
		}
		found, err := s.listServices(ctx, sub)
		if err != nil {
			if err := w.skip("/subscriptions/"+strings.ToLower(sub.id), err); err != nil {
				return nil, err
			}
			continue
		}
		for _, svc := range found {
			group := n.groups.takes(svc.at.Group)
			if n.services.takes(svc.at.Service, svc.at.id()) && group {
				services = append(services, &scope{at: svc.at, subscription: sub, service: svc})
			}
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(s.options.Concurrency)
	for _, svc := range services {
		group.Go(func() error { return w.readService(ctx, svc) })
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	slices.SortFunc(w.apis, func(a, b listed) int { return a.identity().order().compare(b.identity().order()) })
	slices.SortFunc(w.unread, func(a, b source.Scope) int { return strings.Compare(a.ID, b.ID) })
	return w, nil
}

// skip notes a scope that cannot be read; an error that concerns more than it
// is returned.
func (w *walk) skip(id string, err error) error {
	if !azure.Skippable(err) {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unread = append(w.unread, source.Scope{ID: id, Reason: err.Error()})
	return nil
}

// CodeNoSubscriptions is the code of an error: the credentials are good, and
// open nothing.
const CodeNoSubscriptions = "no-subscriptions"

// listSubscriptions lists what the application sees, by id. Seeing none is an
// error: Azure answers so to an application that has no role at all.
func (s *session) listSubscriptions(ctx context.Context) ([]*subscription, error) {
	var all []*subscription
	err := s.client.List(ctx, "/subscriptions", azure.VersionSubscriptions, nil, func(row json.RawMessage) error {
		o := readObject(row)
		id := cmp.Or(o.text("subscriptionId"), lastPart(o.text("id")))
		if !usable(id) {
			return unreadable("a subscription without an id")
		}
		if o.text("state") != "Deleted" {
			all = append(all, &subscription{id: id, name: o.text("displayName"), row: o})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, &fault.Error{
			Class: fault.Refused, Code: CodeNoSubscriptions,
			Message: "the credentials are good, and the application sees no subscription at all",
			Advice:  "give the application the role " + azure.ReaderRole + " on the subscriptions (or their management group), under Access control (IAM); a new role takes some minutes",
		}
	}
	slices.SortFunc(all, func(a, b *subscription) int { return strings.Compare(strings.ToLower(a.id), strings.ToLower(b.id)) })
	return slices.CompactFunc(all, func(a, b *subscription) bool { return strings.EqualFold(a.id, b.id) }), nil
}

func (s *subscription) path() string { return "/subscriptions/" + url.PathEscape(s.id) }

// listServices lists the API Management services of a subscription. Where the
// provider's own list is refused, the list of resources may not be; it has no
// gateway addresses, so each service is asked for then.
func (s *session) listServices(ctx context.Context, sub *subscription) ([]*service, error) {
	var found []*service
	add := func(row json.RawMessage) error {
		o := readObject(row)
		at, err := readPlace(o.text("id"))
		if err != nil || at.Workspace != "" || at.API != "" {
			return unreadable("a service whose id cannot be read")
		}
		found = append(found, newService(at, o))
		return nil
	}
	err := s.client.List(ctx, sub.path()+"/providers/"+provider+"/service", azure.VersionAPIManagement, nil, add)
	if err != nil && azure.Skippable(err) {
		found = nil
		filter := url.Values{"$filter": {"resourceType eq '" + provider + "/service'"}}
		if s.client.List(ctx, sub.path()+"/resources", azure.VersionResources, filter, add) == nil && len(found) > 0 {
			found, err = s.completed(ctx, found)
		}
	}
	if err != nil {
		return nil, err
	}
	return found, s.listGroups(ctx, sub)
}

// completed asks for each service of a list without details. Those that cannot
// be read stay as they are: their APIs may be readable all the same.
func (s *session) completed(ctx context.Context, services []*service) ([]*service, error) {
	for i, svc := range services {
		answer, err := s.client.Get(ctx, svc.at.path(), azure.VersionAPIManagement, nil)
		switch {
		case err == nil:
			services[i] = newService(svc.at, readObject(answer.Body))
		case !azure.Skippable(err):
			return nil, err
		}
	}
	return services, nil
}

func newService(at place, o object) *service {
	properties := object{}
	for name, value := range o.object("properties") {
		properties[name] = withoutSecrets(value)
	}
	for _, name := range []string{"sku", "location", "tags", "zones"} {
		if value := o[name]; value != nil {
			properties[name] = value
		}
	}
	return &service{at: at, properties: properties}
}

// listGroups reads the subscription's resource groups, if they may be read.
func (s *session) listGroups(ctx context.Context, sub *subscription) error {
	groups := map[string]object{}
	err := s.client.List(ctx, sub.path()+"/resourceGroups", azure.VersionResources, nil, func(row json.RawMessage) error {
		o := readObject(row)
		groups[strings.ToLower(cmp.Or(o.text("name"), lastPart(o.text("id"))))] = o
		return nil
	})
	switch {
	case err == nil:
		sub.groups = groups
	case !dispensable(err):
		return err
	}
	return nil
}

// readService lists the APIs of a service and of its workspaces.
func (w *walk) readService(ctx context.Context, svc *scope) error {
	apis, err := w.session.listAPIs(ctx, svc)
	if err != nil {
		return w.skip(svc.at.id(), err)
	}
	spaces, err := w.session.listWorkspaces(ctx, svc)
	if err != nil {
		at := svc.at.id() + "/workspaces"
		if err := w.skip(at, err); err != nil {
			return err
		}
	}
	for _, space := range spaces {
		more, err := w.session.listAPIs(ctx, space)
		if err != nil {
			if err := w.skip(space.at.id(), err); err != nil {
				return err
			}
			continue
		}
		apis = append(apis, more...)
	}
	families(apis)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range apis {
		if w.narrowing.takesType(a.typ) && (a.current || w.narrowing.allRevisions) {
			w.apis = append(w.apis, a)
		}
	}
	return nil
}

// listWorkspaces lists the workspaces of a service; tiers without them have
// none.
func (s *session) listWorkspaces(ctx context.Context, svc *scope) ([]*scope, error) {
	var spaces []*scope
	err := s.client.List(ctx, svc.at.path()+"/workspaces", azure.VersionAPIManagement, nil, func(row json.RawMessage) error {
		o := readObject(row)
		at, err := readPlace(o.text("id"))
		if err != nil || at.Workspace == "" {
			return unreadable("a workspace whose id cannot be read")
		}
		at = place{Subscription: svc.at.Subscription, Group: svc.at.Group, Service: svc.at.Service, Workspace: at.Workspace}
		spaces = append(spaces, &scope{at: at, subscription: svc.subscription, service: svc.service, workspace: o})
		return nil
	})
	if f := fault.As(err); f != nil && (f.Code == azure.CodePricingTier || f.Code == transport.CodeNotFound) {
		return nil, nil
	}
	return spaces, err
}

func unreadable(what string) *fault.Error {
	return &fault.Error{Class: fault.Contract, Code: "unreadable-answer", Message: fmt.Sprintf("a list of Azure has %s", what)}
}
