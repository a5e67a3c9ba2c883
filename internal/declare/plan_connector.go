package declare

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sluice/internal/catalog"
	"sluice/internal/fault"
	"sluice/internal/secret"
	"sluice/internal/source"
	"sluice/internal/source/kinds"
	"sluice/internal/suggest"
)

func (p *planner) connector(d Document) {
	c := *d.Connector
	c.Settings, c.Secrets = maps.Clone(c.Settings), maps.Clone(c.Secrets)
	given := maps.Clone(c.Settings)
	if provider, err := kinds.FindProvider(c.Provider); err == nil && provider.Normalise != nil {
		provider.Normalise(c.Settings)
	}
	var before *Document
	if old, ok := p.connectors[c.Name]; ok {
		before = &Document{Connector: &old}
		if c.Provider != old.Provider {
			p.refuse(d, "provider", "it talks to %s, which cannot be changed: give the new connector another name", old.Provider)
			return
		}
		c.ID, c.Version, c.ChangedAt = old.ID, old.Version, old.ChangedAt
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
		p.checkConnection(d, c, given)
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

// checkConnection lets the provider check a connector that is to be written,
// by the settings as they were given.
func (p *planner) checkConnection(d Document, c catalog.Connector, given map[string]string) {
	provider, err := kinds.FindProvider(c.Provider)
	if err != nil {
		return // Parse has said so
	}
	conn := source.Connection{Connector: c.Name, Settings: given, Secrets: make(map[string]string)}
	for _, field := range fields(provider, true) {
		stored := c.Secrets[field]
		if stored == "" {
			continue
		}
		conn.Secrets[field] = source.Elsewhere
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
		return
	}
	if provider.Note == nil {
		return
	}
	if note := provider.Note(conn); note != "" {
		p.plan.Notes = append(p.plan.Notes, "connector "+c.Name+": "+note)
	}
}

// checkConnector makes sure that a profile's connector is there, and talks to
// whom the profile needs.
func (p *planner) checkConnector(d Document) bool {
	c, ok := p.connectors[d.Profile.Connector]
	if !ok {
		p.refuse(d, "connector", "unknown connector %q%s", d.Profile.Connector, suggest.Ending(d.Profile.Connector, sorted(p.connectors)))
		return false
	}
	kind, err := kinds.Find(d.Profile.Kind)
	if err != nil {
		p.refuse(d, "product", "%v", err)
		return false
	}
	if c.Provider != kind.Provider() {
		p.refuse(d, "connector", "connector %s talks to %s, %s needs one to %s", c.Name, c.Provider, kind.Name(), kind.Provider())
		return false
	}
	return true
}

// checkTested makes sure that a profile that becomes active has a connector that
// was tested, or will be before the profile is written.
func (p *planner) checkTested(d Document) {
	if p.present.Tested == nil {
		return
	}
	name := d.Profile.Connector
	declared := slices.ContainsFunc(p.plan.Writes.Connectors, func(c catalog.Connector) bool { return c.Name == name })
	if declared && p.present.WillTest {
		return
	}
	stored := slices.IndexFunc(p.present.Connectors, func(c catalog.Connector) bool { return c.Name == name })
	if stored >= 0 {
		old, now := p.present.Connectors[stored], p.connectors[name]
		if maps.Equal(old.Settings, now.Settings) && maps.Equal(old.Secrets, now.Secrets) && p.present.Tested(old) {
			return
		}
	}
	instead := fmt.Sprintf("test it with 'sluice connectors test %s'", name)
	if declared {
		instead = "apply with --test, which tests it before it is kept"
	}
	p.refuse(d, "active", "connector %s was never tested as it is now, so that the profile cannot become active: %s, or use --force", name, instead)
}
