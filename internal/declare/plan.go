package declare

import (
	"maps"
	"slices"
	"strings"
	"time"

	"sluice/internal/catalog"
	"sluice/internal/secret"
	"sluice/internal/transform"
)

// Present is what there is, and what is known of secrets.
type Present struct {
	Connectors []catalog.Connector
	Models     []*transform.Model   // that people have made
	Maps       []catalog.MapVersion // the newest of each name
	Profiles   []catalog.Profile
	Now        time.Time
	// Tested says whether a connector of these was tested as it is now: only
	// then a profile becomes active on it. Nil: that does not matter.
	Tested func(catalog.Connector) bool
	// CheckModel says why a model of these cannot become another one. Nil: it can.
	CheckModel func(*transform.Model) error
	// WillTest: connectors that are created or changed are tested before anything
	// else is written.
	WillTest bool
	// Open says why a sealed text cannot be opened at its place.
	Open func(secret.Place, string) error
	// Resolve returns the secret behind a reference; empty when it is not to be
	// found here.
	Resolve func(reference string) string
}

// A Plan is what applying documents comes to.
type Plan struct {
	// Changes has a change for every document: connectors, models, maps, profiles.
	Changes []Change
	// Writes is what has to be written.
	Writes catalog.Changes
	// Elsewhere are the references to secrets, of connectors to write, that
	// could not be followed here.
	Elsewhere []string
	// Notes are what providers say of the connectors to write, such as what was
	// put right in their settings.
	Notes []string
}

// planner works out a Plan.
type planner struct {
	present Present
	plan    Plan
	// What there will be, by name.
	connectors map[string]catalog.Connector
	maps       map[string]*transform.Map
	profiles   map[string]catalog.Profile
	problems   transform.Problems
}

// NewPlan says what has to be done for what is declared to be so, or what
// stands against it: its error is then of type transform.Problems. What is not
// declared stays as it is.
func NewPlan(present Present, documents []Document) (Plan, error) {
	p := &planner{present: present, connectors: make(map[string]catalog.Connector), maps: make(map[string]*transform.Map), profiles: make(map[string]catalog.Profile)}
	for _, c := range present.Connectors {
		p.connectors[c.Name] = c
	}
	for _, m := range present.Maps {
		parsed, err := transform.ParseMap("map "+m.Name, []byte(m.Body))
		if err != nil {
			return Plan{}, err
		}
		p.maps[m.Name] = parsed
	}
	for _, profile := range present.Profiles {
		p.profiles[profile.Name] = profile
	}
	// Each may refer to what comes before it in this order.
	for _, step := range []struct {
		kind string
		add  func(Document)
	}{{KindConnector, p.connector}, {KindModel, p.model}, {KindMap, p.transformMap}, {KindProfile, p.profile}} {
		for _, d := range documents {
			if d.Kind() == step.kind {
				step.add(d)
			}
		}
	}
	p.checkTogether(documents)
	if len(p.problems) > 0 {
		return Plan{}, p.problems
	}
	return p.plan, nil
}

func (p *planner) refuse(d Document, key, format string, args ...any) {
	p.problems = append(p.problems, d.problem(key, format, args...))
}

// note adds a change and says whether it changes anything.
func (p *planner) note(c Change) bool {
	p.plan.Changes = append(p.plan.Changes, c)
	return c.Action != Unchanged
}

func (p *planner) model(d Document) {
	var before *Document
	if i := slices.IndexFunc(p.present.Models, func(m *transform.Model) bool { return m.Name == d.Model.Name }); i >= 0 {
		before = &Document{Model: p.present.Models[i]}
	}
	if !p.note(diff(before, d)) {
		return
	}
	if before != nil && p.present.CheckModel != nil {
		if err := p.present.CheckModel(d.Model); err != nil {
			p.refuse(d, "fields", "%v", err)
		}
	}
	p.plan.Writes.Models = append(p.plan.Writes.Models, d.Model)
}

func (p *planner) transformMap(d Document) {
	var before *Document
	if old, ok := p.maps[d.Map.Name]; ok {
		before = &Document{Map: old}
	}
	change := diff(before, d)
	builtin := slices.ContainsFunc(p.present.Maps, func(m catalog.MapVersion) bool { return m.Name == d.Map.Name && m.Builtin })
	if change.Action != Unchanged && builtin {
		p.refuse(d, "name", "it is one of Sluice's own, which cannot be changed: give yours another name")
		return
	}
	p.maps[d.Map.Name] = d.Map
	if !p.note(change) {
		return
	}
	body, err := mapBody(d.Map)
	if err != nil {
		p.refuse(d, "", "%v", err)
		return
	}
	p.plan.Writes.Maps = append(p.plan.Writes.Maps, body)
}

func (p *planner) profile(d Document) {
	profile := *d.Profile
	var before *Document
	if old, ok := p.profiles[profile.Name]; ok {
		before = &Document{Profile: &old}
		switch {
		case profile.Connector != old.Connector:
			p.refuse(d, "connector", "it is of connector %s, which cannot be changed: give the new profile another name, or delete this one first", old.Connector)
			return
		case profile.Kind != old.Kind:
			p.refuse(d, "product", "it brings in %s, which cannot be changed: give the new profile another name, or delete this one first", old.Kind)
			return
		}
		profile.ID, profile.ConnectorID, profile.UpdatedAt = old.ID, old.ConnectorID, old.UpdatedAt
	}
	if p.checkConnector(d) && profile.Active && (before == nil || !before.Profile.Active) {
		p.checkTested(d)
	}
	change := diff(before, d)
	touched := slices.ContainsFunc(change.Fields, func(f FieldChange) bool { return strings.HasPrefix(f.Field, "schedule.") })
	if touched && profile.Schedule != nil { // one whose time has passed may stay
		if err := profile.Schedule.Validate(p.present.Now); err != nil {
			p.refuse(d, "schedule", "%v", err)
		}
	}
	p.profiles[profile.Name] = profile
	if p.note(change) {
		p.plan.Writes.Profiles = append(p.plan.Writes.Profiles, profile)
	}
}

// sorted are the names of a table, in order.
func sorted[V any](table map[string]V) []string { return slices.Sorted(maps.Keys(table)) }
