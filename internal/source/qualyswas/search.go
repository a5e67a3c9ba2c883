package qualyswas

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"sluice/internal/fault"
	"sluice/internal/qualys"
	"sluice/internal/qualys/qps"
	"sluice/internal/transport"
)

const (
	adviceAccess  = "the account needs access to WAS by API (its roles, and of a client id the permissions chosen with it), and the subscription has to include WAS"
	adviceRequest = "check the profile's filters; if there are none, please report it with this message"
)

// search is the search of a catalogue for what meets the conditions.
func (s *session) search(of catalogue, conditions []criterion, verbose bool) qps.Search {
	return qps.Search{
		Ask: func(ctx context.Context, q qps.Query) (*transport.Response, error) {
			return s.call(ctx, of.search, searching(q, conditions, verbose))
		},
		Explain:    s.explain,
		Path:       of.search,
		Vain:       &s.vain,
		PageSize:   s.options.PageSize,
		ChunkBytes: s.options.ChunkBytes,
		MaxRecord:  s.options.MaxRecord,
		Backoff:    s.options.Backoff,
	}
}

// call makes a call in the connector's format. Its answer is JSON, whatever
// format it came in.
func (s *session) call(ctx context.Context, path string, r request) (*transport.Response, error) {
	resp, err := s.client.QPS(ctx, path, s.format, r.write(s.format))
	if err != nil || s.format == qualys.JSON {
		return resp, err
	}
	qps.FromXML(resp, s.options.MaxRecord)
	return resp, nil
}

// count asks how many records of a catalogue meet the conditions.
func (s *session) count(ctx context.Context, of catalogue, conditions []criterion) (int64, error) {
	counted := qps.Search{
		Ask: func(ctx context.Context, _ qps.Query) (*transport.Response, error) {
			return s.call(ctx, of.count, counting(conditions))
		},
		Explain: s.explain,
	}
	e, err := counted.Envelope(ctx, qps.Query{})
	if err == nil && e.Count < 0 {
		err = &fault.Error{
			Class: fault.Contract, Code: "no-count",
			Message: "Qualys answered a request to count " + of.plural + " without a count",
		}
	}
	return e.Count, err
}

// explain adds to an error of the vendor what is known about this kind, and
// keeps credentials from being offered again that the vendor called wrong.
func (s *session) explain(f *fault.Error, code string) {
	switch {
	case code == "EVALUATION_EXPIRED":
		f.Advice = "the subscription's evaluation of WAS has ended"
	case code != "" && f.Class == fault.Auth:
		s.client.RejectedQPS(f)
	case f.Code == transport.CodeForbidden:
		f.Advice = adviceAccess
	case f.Code == transport.CodeBadRequest, f.Code == qualys.CodeNotUnderstood:
		f.Advice = adviceRequest
	}
}

// conditions are what a profile's filters, and a delta run's bound, come to
// for a catalogue. Names are looked up where there is no other way.
func (s *session) conditions(ctx context.Context, of catalogue, n narrowing, since string) ([]criterion, error) {
	list, err := s.inScope(ctx, of, n)
	if err != nil {
		return nil, err
	}
	if of.assetType == Finding {
		if len(n.severities) > 0 {
			list = append(list, oneOf("severity", n.severities))
		}
		if len(n.statuses) > 0 {
			list = append(list, oneOf("status", n.statuses))
		}
	}
	if since != "" {
		list = append(list, criterion{of.updated, opGreater, since})
	}
	return list, nil
}

// inScope are the conditions on web applications, or on findings of them.
func (s *session) inScope(ctx context.Context, of catalogue, n narrowing) ([]criterion, error) {
	var list []criterion
	for _, f := range []struct {
		named      references
		name, id   string // fields of a web application
		identities func(context.Context, string) ([]string, error)
	}{
		{n.tags, "tags.name", "tags.id", s.tagsNamed},
		{n.webApps, "name", fieldID, s.webAppsNamed},
	} {
		switch name := f.named.single(); {
		case f.named.none():
			continue
		case name != "":
			list = append(list, criterion{of.webApp + f.name, opEquals, name})
			continue
		}
		ids := slices.Clone(f.named.ids)
		for _, name := range f.named.names {
			found, err := f.identities(ctx, name)
			if err != nil {
				return nil, err
			}
			if len(found) == 0 {
				return nil, &fault.Error{
					Class: fault.Refused, Code: "filter-unmet",
					Message: fmt.Sprintf("no web application that the account sees has what the profile's filter names: %s %q", strings.TrimSuffix(f.name, ".name"), qualys.Short(name)),
					Advice:  "correct the name, or take it out of the filter",
				}
			}
			ids = append(ids, found...)
		}
		if len(ids) > maxIDs {
			return nil, &fault.Error{
				Class: fault.Refused, Code: "filter-too-wide",
				Message: fmt.Sprintf("the names of the profile's filters stand for %d web applications or tags, more than the %d that fit in a request", len(ids), maxIDs),
				Advice:  "narrow the profile by a tag instead",
			}
		}
		slices.Sort(ids)
		list = append(list, oneOf(of.webApp+f.id, slices.Compact(ids)))
	}
	return list, nil
}

// maxIDs bounds how many ids a request carries.
const maxIDs = 5000

// webAppsNamed are the ids of the web applications of that name.
func (s *session) webAppsNamed(ctx context.Context, name string) ([]string, error) {
	var ids []string
	missing, err := s.eachWebApp(ctx, []criterion{{"name", opEquals, name}}, func(w webApp) { ids = append(ids, w.ID.String()) })
	if err == nil && missing > 0 {
		err = listing(fmt.Sprintf("%d of those named %q cannot be read", missing, qualys.Short(name)))
	}
	return ids, err
}

// tagsNamed are the ids of the tags of that name, by the web applications that
// have one. A tag that no web application has selects nothing.
func (s *session) tagsNamed(ctx context.Context, name string) ([]string, error) {
	var ids []string
	tagged := 0
	missing, err := s.eachWebApp(ctx, []criterion{{"tags.name", opEquals, name}}, func(w webApp) {
		tagged++
		for _, t := range w.Tags.List {
			if id := t.Tag.ID.String(); strings.EqualFold(t.Tag.Name, name) && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	})
	if err == nil && tagged+missing > 0 && len(ids) == 0 {
		err = &fault.Error{
			Class: fault.Contract, Code: "tags",
			Message: fmt.Sprintf("Qualys finds web applications by the tag %q, and does not show it with them", qualys.Short(name)),
			Advice:  "give the tag's id in the profile's filter",
		}
	}
	return ids, err
}
