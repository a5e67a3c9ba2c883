package azureapim

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"sluice/internal/azure"
	"sluice/internal/fault"
	"sluice/internal/transport"
)

// listService lists the APIs of a service and of its workspaces, by list. What
// cannot be read is left to skip, which says whether to go on without it.
func (s *session) listService(
	ctx context.Context, svc *scope, list func(context.Context, *scope) ([]listed, error), skip func(id string, err error) error,
) ([]listed, error) {
	apis, err := list(ctx, svc)
	if err != nil {
		return nil, skip(svc.at.id(), err)
	}
	spaces, err := s.listWorkspaces(ctx, svc)
	if err != nil {
		if err := skip(svc.at.id()+"/workspaces", err); err != nil {
			return nil, err
		}
	}
	for _, space := range spaces {
		more, err := list(ctx, space)
		if err != nil {
			if err := skip(space.at.id(), err); err != nil {
				return nil, err
			}
			continue
		}
		apis = append(apis, more...)
	}
	families(apis)
	return apis, nil
}

// listAPIs lists the APIs of a scope, all revisions of them, and reads what
// their descriptions need: version sets and tags.
func (s *session) listAPIs(ctx context.Context, in *scope) ([]listed, error) {
	apis, newest, err := s.listOnly(ctx, in)
	if err != nil {
		return nil, err
	}
	if err := s.listVersionSets(ctx, in); err != nil {
		return nil, err
	}
	return apis, s.listTags(ctx, in, newest)
}

// listOnly lists the APIs of a scope, all revisions of them, and says which
// api-version shows all.
func (s *session) listOnly(ctx context.Context, in *scope) (apis []listed, newest string, err error) {
	known := map[string]bool{}
	list := func(version string) error {
		return s.client.List(ctx, in.at.path()+"/apis", version, nil, func(row json.RawMessage) error {
			a, err := readListed(row, in, version)
			if err != nil {
				return err
			}
			if id := a.externalID(); !known[id] {
				known[id] = true
				apis = append(apis, a)
			}
			return nil
		})
	}
	// The stable version leaves out types that are newer than it, such as mcp;
	// whether it counts them is not known. The preview shows all.
	stable := list(azure.VersionAPIManagement)
	if f := fault.As(stable); stable != nil && (f == nil || f.Code != azure.CodeIncomplete) {
		return nil, "", stable
	}
	newest = azure.VersionAPIManagementPreview
	if err := list(newest); isUnsupported(err) {
		if stable != nil {
			return nil, "", stable
		}
		newest = azure.VersionAPIManagement
	} else if err != nil {
		return nil, "", err
	}
	return apis, newest, nil
}

// isUnsupported says whether a cloud or service does not have a call.
func isUnsupported(err error) bool {
	f := fault.As(err)
	return f != nil && slices.Contains([]string{azure.CodeVersion, azure.CodePricingTier, transport.CodeBadRequest, transport.CodeNotFound}, f.Code)
}

// dispensable says whether to do without what describes APIs, and is not to be
// had: what fails for a moment only would be missed in what is written.
func dispensable(err error) bool {
	return azure.Skippable(err) && fault.As(err).Class != fault.Transient
}

func readListed(row json.RawMessage, in *scope, version string) (listed, error) {
	o := readObject(row)
	properties := o.object("properties")
	at, err := readPlace(o.text("id"))
	if err != nil || at.API == "" {
		return listed{}, unreadable("an API whose id cannot be read")
	}
	name := at.API
	at = in.at
	at.API = name
	current, _ := properties.flag("isCurrent")
	return listed{
		at: at, scope: in, version: version,
		current:     current || rootName(name) == name,
		typ:         typeOf(properties),
		displayName: properties.text("displayName"),
		versionSet:  properties.text("apiVersionSetId"),
	}, nil
}

// typeOf is the type of an API; http is left out (recorded).
func typeOf(properties object) string {
	return strings.ToLower(cmp.Or(properties.text("type"), properties.text("apiType"), typeHTTP))
}

// listVersionSets reads the version sets of a scope, if they may be read.
func (s *session) listVersionSets(ctx context.Context, in *scope) error {
	sets := map[string]object{}
	err := s.client.List(ctx, in.at.path()+"/apiVersionSets", azure.VersionAPIManagement, nil, func(row json.RawMessage) error {
		o := readObject(row)
		sets[strings.ToLower(lastPart(o.text("id")))] = o
		return nil
	})
	switch {
	case err == nil:
		in.versionSets = sets
	case !dispensable(err):
		return err
	}
	return nil
}

// listTags reads which tags the APIs of a service have, if that may be read:
// one list for all of them. There is none for workspaces.
func (s *session) listTags(ctx context.Context, in *scope, version string) error {
	if in.workspace != nil {
		return nil
	}
	tags := map[string][]string{}
	err := s.client.List(ctx, in.at.path()+"/apisByTags", version, nil, func(row json.RawMessage) error {
		o := readObject(row)
		tag, api := o.object("tag").text("name"), strings.ToLower(rootName(lastPart(o.object("api").text("id"))))
		if tag != "" && api != "" && !slices.Contains(tags[api], tag) {
			tags[api] = append(tags[api], tag)
		}
		return nil
	})
	switch {
	case err == nil:
		for _, list := range tags {
			slices.Sort(list)
		}
		in.tags = tags
	case !dispensable(err):
		return err
	}
	return nil
}

// families gives the APIs of a service that the vendor mixes up a common name.
// Exports are written to a blob that is named after the display name, so that
// exports of APIs with one display name, of one version set, or of one API's
// revisions, at the same time, yield each other's document (reported for
// Microsoft's own tools; the cause is inferred).
func families(apis []listed) {
	head := make([]int, len(apis)) // the first of those it belongs to
	var find func(i int) int
	find = func(i int) int {
		if head[i] != i {
			head[i] = find(head[i])
		}
		return head[i]
	}
	first := map[string]int{}
	slices.SortFunc(apis, func(a, b listed) int { return strings.Compare(a.externalID(), b.externalID()) })
	for i, a := range apis {
		head[i] = i
		for _, common := range []string{"api " + a.at.root().id(), "name " + strings.ToLower(a.displayName), "set " + strings.ToLower(a.versionSet)} {
			if strings.HasSuffix(common, " ") {
				continue
			}
			if j, met := first[common]; met {
				x, y := find(i), find(j)
				head[max(x, y)] = min(x, y)
			} else {
				first[common] = i
			}
		}
	}
	for i := range apis {
		apis[i].family = apis[find(i)].at.root().id()
	}
}
