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
	before := len(r.problems)
	r.assetTypes(kind, values["assetTypes"], values["maps"], p)
	if len(r.problems) == before {
		r.checkMapped(values["product"], p)
	}
	if p.Schedule != nil && source.ReadsUploads(kind) {
		r.addf(values["schedule"], "kind %s reads files that people send: it has no schedule", kind.Name())
	}
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
		if _, named := p.Maps[t.Name]; !named { // named twice is meant once
			p.AssetTypes, p.Maps[t.Name] = append(p.AssetTypes, t.Name), t.Map
		}
	}
	switch {
	case list == nil:
		for _, t := range kind.AssetTypes() {
			if t.Map != "" || hasKey(maps, t.Name) {
				add(t)
			}
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
		if _, brought := p.Maps[m.key.Value]; !brought {
			r.addf(m.key, "there is a map for %q, which is none of the profile's asset types%s", m.key.Value, suggest.Ending(m.key.Value, p.AssetTypes))
			continue
		}
		if p.Maps[m.key.Value] = r.text(m.value, "the map of "+m.key.Value); p.Maps[m.key.Value] == "" {
			r.addf(m.value, "the map of %s has no name: leave it out for the default map", m.key.Value)
		}
	}
}

// checkMapped makes sure that every asset type has a map: not every kind has
// maps of its own.
func (r *reader) checkMapped(at *yaml.Node, p *catalog.Profile) {
	if len(p.AssetTypes) == 0 {
		r.addf(at, "kind %s has no maps of its own: name the one of each asset type under maps, such as maps: {HOST: NAME}", p.Kind)
	}
	for _, name := range p.AssetTypes {
		if p.Maps[name] == "" {
			r.addf(at, "there is no map for %s, and kind %s has none of its own: name one under maps", name, p.Kind)
		}
	}
}

// hasKey says whether a mapping has a key; nil has none.
func hasKey(mapping *yaml.Node, key string) bool {
	if mapping != nil && mapping.Kind == yaml.MappingNode {
		for i := 0; i < len(mapping.Content); i += 2 {
			if mapping.Content[i].Value == key {
				return true
			}
		}
	}
	return false
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
