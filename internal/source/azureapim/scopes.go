package azureapim

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"sluice/internal/azure"
	"sluice/internal/fault"
	"sluice/internal/transport"
)

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
			Class: fault.Refused, Code: azure.CodeNoSubscriptions,
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
	return found, err
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

// describeGroups reads the subscription's resource groups, if they may be read.
func (s *session) describeGroups(ctx context.Context, sub *subscription) error {
	groups, err := s.listGroups(ctx, sub)
	switch {
	case err == nil:
		sub.groups = groups
	case !dispensable(err):
		return err
	}
	return nil
}

// listGroups lists a subscription's resource groups, by name in lower case.
func (s *session) listGroups(ctx context.Context, sub *subscription) (map[string]object, error) {
	groups := map[string]object{}
	err := s.client.List(ctx, sub.path()+"/resourceGroups", azure.VersionResources, nil, func(row json.RawMessage) error {
		o := readObject(row)
		groups[strings.ToLower(cmp.Or(o.text("name"), lastPart(o.text("id"))))] = o
		return nil
	})
	return groups, err
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
