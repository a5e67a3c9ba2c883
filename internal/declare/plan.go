package declare

import (
	"maps"
	"slices"
	"strings"
	"time"

	"sluice/internal/catalog"
	"sluice/internal/fault"
	"sluice/internal/secret"
	"sluice/internal/source"
	"sluice/internal/source/kinds"
	"sluice/internal/suggest"
	"sluice/internal/transform"
)

// Present is what there is, and what is known of secrets.
type Present struct {
	Connectors []catalog.Connector
	Maps       []catalog.MapVersion // the newest of each name
	Profiles   []catalog.Profile
	Now        time.Time
	// Open says why a sealed text cannot be opened at its place.
	Open func(secret.Place, string) error
	// Resolve returns the secret behind a reference; empty when it is not to be
	// found here.
	Resolve func(reference string) string
}

// A Plan is what applying documents comes to.
type Plan struct {
	// Changes has a change for every document: connectors, maps, profiles.
	Changes []Change
	// Writes is what has to be written.
	Writes catalog.Changes
	// Elsewhere are the references to secrets, of connectors to write, that
	// could not be followed here.
	Elsewhere []string
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
	}{{KindConnector, p.connector}, {KindMap, p.transformMap}, {KindProfile, p.profile}} {
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

func (p *planner) connector(d Document) {
	c := *d.Connector
	c.Secrets = maps.Clone(c.Secrets)
	var before *Document
	if old, ok := p.connectors[c.Name]; ok {
		before = &Document{Connector: &old}
		if c.Provider != old.Provider {
			p.refuse(d, "provider", "it talks to %s, which cannot be changed: give the new connector another name", old.Provider)
			return
		}
		c.ID, c.Version = old.ID, old.Version
		for field, stored := range old.Secrets { // what is left out stays
			if _, given := c.Secrets[field]; !given {
				c.Secrets[field] = stored
			}
		}
	}
	maps.DeleteFunc(c.Secrets, func(_, stored string) bool { return stored == "" }) // taken away
	p.connectors[c.Name] = c
	if !p.checkSealed(d, c, before) {
		return
	}
	d.Connector = &c
	if p.note(diff(before, d)) {
		p.checkConnection(d, c)
		p.plan.Writes.Connectors = append(p.plan.Writes.Connectors, c)
	}
}

// insteadOfSealed says how else a secret can be given.
const insteadOfSealed = `say where workers find it, as "secretRef: env:NAME" or "secretRef: file:PATH", or enter it with 'sluice connectors create'`

// checkSealed makes sure that sealed secrets can be opened.
func (p *planner) checkSealed(d Document, c catalog.Connector, before *Document) bool {
	ok := true
	refuse := func(format string, args ...any) {
		ok = false
		p.refuse(d, "secrets", format, args...)
	}
	for _, name := range sorted(c.Secrets) {
		switch stored := c.Secrets[name]; {
		case !secret.IsSealed(stored):
		case before == nil:
			refuse("%s is sealed for another connector, and sealed text opens nowhere else: %s", name, insteadOfSealed)
		case stored != before.Connector.Secrets[name]:
			if err := p.present.Open(secret.Place{ConnectorID: c.ID, Field: name}, stored); err != nil {
				refuse("%s is sealed for another connector, or with another master key, and does not open here: %s", name, insteadOfSealed)
			}
		}
	}
	return ok
}

// checkConnection lets the provider check a connector that is to be written.
func (p *planner) checkConnection(d Document, c catalog.Connector) {
	provider, err := kinds.FindProvider(c.Provider)
	if err != nil {
		return // Parse has said so
	}
	conn := source.Connection{Connector: c.Name, Settings: c.Settings, Secrets: make(map[string]string)}
	for _, field := range fields(provider, true) {
		stored := c.Secrets[field]
		if stored == "" {
			continue
		}
		conn.Secrets[field] = "elsewhere" // it is there; more cannot be checked here
		if !secret.IsReference(stored) {
			continue
		}
		if plain := p.present.Resolve(stored); plain != "" {
			conn.Secrets[field] = plain
		} else {
			p.plan.Elsewhere = append(p.plan.Elsewhere, stored)
		}
	}
	err = provider.Check(conn)
	if f := fault.As(err); f != nil {
		field := strings.TrimPrefix(f.Code, "connector-")
		if conn.Secrets[field] == "" && slices.Contains(fields(provider, true), field) {
			p.refuse(d, "secrets", "%s is missing under \"secrets\": %s", field, insteadOfSealed)
			return
		}
	}
	if err != nil {
		p.refuse(d, "settings", "%v", err)
	}
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
	p.checkConnector(d)
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

// checkConnector makes sure that a profile's connector is there, and talks to
// whom the profile needs.
func (p *planner) checkConnector(d Document) {
	c, ok := p.connectors[d.Profile.Connector]
	if !ok {
		p.refuse(d, "connector", "unknown connector %q%s", d.Profile.Connector, suggest.Ending(d.Profile.Connector, sorted(p.connectors)))
		return
	}
	kind, err := kinds.Find(d.Profile.Kind)
	if err != nil {
		p.refuse(d, "product", "%v", err)
		return
	}
	if c.Provider != kind.Provider() {
		p.refuse(d, "connector", "connector %s talks to %s, %s needs one to %s", c.Name, c.Provider, kind.Name(), kind.Provider())
	}
}

// sorted are the names of a table, in order.
func sorted[V any](table map[string]V) []string { return slices.Sorted(maps.Keys(table)) }
