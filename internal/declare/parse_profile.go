package declare

import (
	"encoding"
	"slices"

	"go.yaml.in/yaml/v3"

	"sluice/internal/catalog"
	"sluice/internal/schedule"
	"sluice/internal/source"
	"sluice/internal/source/kinds"
	"sluice/internal/suggest"
)

func (r *reader) profile(root *yaml.Node) *catalog.Profile {
	values := r.mapping(root, "the profile", "kind!", "name!", "description", "connector!", "product!", "active", "assetTypes", "maps",
		"filters", "schedule", "fullEveryHours", "retireAfter", "shrinkPercent", "rejectPercent", "absentFindings")
	p := &catalog.Profile{
		Name: r.text(values["name"], "name"), Description: r.text(values["description"], "description"),
		Connector: r.text(values["connector"], "connector"), Kind: r.text(values["product"], "product"),
		Active: r.flag(values["active"], "active", true), Policy: catalog.DefaultPolicy,
	}
	if values["name"] != nil {
		if err := catalog.CheckProfileName(p.Name); err != nil {
			r.addf(values["name"], "%v", err)
		}
	}
	const year = 365 * 24
	r.number(values["fullEveryHours"], "fullEveryHours", 1, year, &p.FullEveryHours)
	r.number(values["retireAfter"], "retireAfter", 0, 1<<20, &p.RetireAfter)
	r.number(values["shrinkPercent"], "shrinkPercent", 0, 100, &p.ShrinkPercent)
	r.number(values["rejectPercent"], "rejectPercent", 0, 100, &p.RejectPercent)
	if n := values["absentFindings"]; n != nil {
		p.AbsentFindings = r.text(n, "absentFindings")
		if known := []string{"fixed", "preserve"}; !slices.Contains(known, p.AbsentFindings) {
			r.addf(n, "unknown absentFindings %q%s", p.AbsentFindings, suggest.Ending(p.AbsentFindings, known))
		}
	}
	if n := values["schedule"]; n != nil {
		p.Schedule = r.schedule(n)
	}
	if values["product"] == nil {
		return p
	}
	kind, err := kinds.Find(p.Kind)
	if err != nil {
		r.addf(values["product"], "%v", err)
		return p
	}
	r.assetTypes(kind, values["assetTypes"], values["maps"], p)
	if n := values["filters"]; n != nil {
		p.Filters = r.filters(kind, n)
	}
	return p
}

// filters reads what a profile narrows what it reads by. The value of a filter
// is a list or a single text.
func (r *reader) filters(kind source.Kind, root *yaml.Node) map[string][]string {
	filters := make(map[string][]string)
	for _, m := range r.members(root, "filters") {
		list, before := []*yaml.Node{m.value}, len(r.problems)
		if m.value.Kind == yaml.SequenceNode {
			list = m.value.Content
		}
		values := []string{}
		for _, n := range list {
			what := "a value of filter " + m.key.Value
			if n.Kind == yaml.ScalarNode && n.Value == "" {
				r.addf(n, "%s is empty: leave it out", what)
			}
			values = append(values, r.text(n, what))
		}
		if len(r.problems) > before {
			continue
		}
		if err := source.CheckFilters(kind, map[string][]string{m.key.Value: values}); err != nil {
			r.addf(m.key, "%v", err)
			continue
		}
		filters[m.key.Value] = values
	}
	return filters
}

// assetTypes reads which asset types a profile brings in, all of the kind when
// it does not say, and by which maps, the kind's own when it does not say.
func (r *reader) assetTypes(kind source.Kind, list, maps *yaml.Node, p *catalog.Profile) {
	p.Maps = make(map[string]string)
	add := func(t source.AssetType) {
		if p.Maps[t.Name] == "" { // named twice is meant once
			p.AssetTypes, p.Maps[t.Name] = append(p.AssetTypes, t.Name), t.Map
		}
	}
	switch {
	case list == nil:
		for _, t := range kind.AssetTypes() {
			add(t)
		}
	case list.Kind != yaml.SequenceNode || len(list.Content) == 0:
		r.addf(list, "assetTypes must be a list of at least one; leave it out for all of the kind")
	default:
		for _, n := range list.Content {
			t, err := kinds.AssetType(kind, r.text(n, "an asset type"))
			if err != nil {
				r.addf(n, "%v", err)
				continue
			}
			add(t)
		}
	}
	if maps == nil {
		return
	}
	for _, m := range r.members(maps, "maps") {
		if p.Maps[m.key.Value] == "" {
			r.addf(m.key, "there is a map for %q, which is none of the profile's asset types%s", m.key.Value, suggest.Ending(m.key.Value, p.AssetTypes))
			continue
		}
		if p.Maps[m.key.Value] = r.text(m.value, "the map of "+m.key.Value); p.Maps[m.key.Value] == "" {
			r.addf(m.value, "the map of %s has no name: leave it out for the default map", m.key.Value)
		}
	}
}

func (r *reader) schedule(root *yaml.Node) *schedule.Spec {
	values := r.mapping(root, "the schedule", "when!", "timeZone", "start", "end", "jitter", "catchUp")
	s := &schedule.Spec{TimeZone: r.text(values["timeZone"], "timeZone")}
	before := len(r.problems)
	read := func(key string, to encoding.TextUnmarshaler) {
		if n := values[key]; n != nil {
			if err := to.UnmarshalText([]byte(r.text(n, key))); err != nil {
				r.addf(n, "%s: %v", key, err)
			}
		}
	}
	read("when", &s.When)
	read("start", &s.Start)
	read("end", &s.End)
	read("catchUp", &s.CatchUp)
	if values["jitter"] != nil {
		s.Jitter = new(schedule.Duration)
		read("jitter", s.Jitter)
	}
	if len(r.problems) > before || values["when"] == nil {
		return s
	}
	if _, err := s.Timetable(); err != nil {
		r.addf(root, "%v", err)
	}
	return s
}
