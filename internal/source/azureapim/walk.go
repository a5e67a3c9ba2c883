package azureapim

import (
	"context"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"sluice/internal/azure"
	"sluice/internal/source"
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
		if err == nil {
			err = s.describeGroups(ctx, sub)
		}
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

// readService lists the APIs of a service and of its workspaces.
func (w *walk) readService(ctx context.Context, svc *scope) error {
	apis, err := w.session.listService(ctx, svc, w.session.listAPIs, w.skip)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range apis {
		if w.narrowing.takesType(a.typ) && (a.current || w.narrowing.allRevisions) {
			w.apis = append(w.apis, a)
		}
	}
	return nil
}
