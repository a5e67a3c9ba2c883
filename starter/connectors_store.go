package main

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"sluice/internal/catalog"
	"sluice/internal/declare"
	"sluice/internal/fault"
	"sluice/internal/secret"
	"sluice/internal/source"
	"sluice/internal/source/kinds"
)

// createConnector stores a connector that was checked, with its secrets sealed
// or as references.
func (a *app) createConnector(ctx context.Context, store *catalog.Store, draft catalog.Connector, secrets map[string]givenSecret) (catalog.Connector, error) {
	seal, err := a.sealing(ctx, store, secrets)
	if err != nil {
		return draft, err
	}
	return store.CreateConnector(ctx, draft, seal)
}

// connection is a connector with what is given of its secrets, as a provider
// checks it without using the network.
func connection(c catalog.Connector, secrets map[string]givenSecret) source.Connection {
	conn := source.Connection{Connector: c.Name, Settings: c.Settings, Secrets: make(map[string]string)}
	for field := range c.Secrets {
		conn.Secrets[field] = source.Elsewhere
	}
	for field, given := range secrets {
		conn.Secrets[field] = given.plain
		if given.reference != "" && given.plain == "" {
			conn.Secrets[field] = source.Elsewhere
		}
	}
	return conn
}

// checkConnector checks a connector's settings and what is given of its
// secrets without using the network, and puts right and says what can be.
func (a *app) checkConnector(p source.Provider, c catalog.Connector, secrets map[string]givenSecret) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	for field, given := range secrets {
		if given.reference == "" {
			continue
		}
		if err := cfg.CheckReference(given.reference); err != nil {
			return fmt.Errorf("%s: %w", field, err)
		}
		if given.plain == "" {
			a.note("%s cannot be read here at %s; the workers must find it there", field, given.reference)
		}
	}
	conn := connection(c, secrets)
	if err := p.Check(conn); err != nil {
		return withFlag(err, p)
	}
	note := ""
	if p.Note != nil {
		note = p.Note(conn)
	}
	if note != "" {
		a.note("%s", harmless(note))
	}
	a.normalise(p, c.Settings, note)
	return nil
}

// normalise puts settings right that passed the check, and says which, if the
// note has not said it.
func (a *app) normalise(p source.Provider, settings map[string]string, note string) {
	if p.Normalise == nil {
		return
	}
	before := maps.Clone(settings)
	p.Normalise(settings)
	for _, field := range p.Fields {
		switch was, is := before[field.Name], settings[field.Name]; {
		case was == is, is != "" && strings.Contains(note, is):
		case is == "":
			a.note("%s is not needed beside the rest, and left out", field.Name)
		default:
			a.note("%s is kept as %s", field.Name, harmless(declare.Short(is)))
		}
	}
}

// withFlag adds to an error about a setting by which flag it is given.
func withFlag(err error, p source.Provider) error {
	f := fault.As(err)
	if f == nil {
		return err
	}
	for _, field := range p.Fields {
		switch {
		case f.Code != "connector-"+field.Name:
		case field.Secret:
			return fmt.Errorf("%w; give it by --%s-file or --%s-ref", err, flagName(field.Name), flagName(field.Name))
		default:
			return fmt.Errorf("%w; give it by --%s", err, settingFlag(field))
		}
	}
	return err
}

// sealing returns what makes of given secrets the texts to store for the
// connector with an id. It reads the master key only if something is sealed.
func (a *app) sealing(ctx context.Context, store *catalog.Store, secrets map[string]givenSecret) (seal func(id int64) (map[string]string, error), err error) {
	cfg, err := a.config()
	if err != nil {
		return nil, err
	}
	var key secret.Key
	for _, given := range secrets {
		if given.reference == "" {
			if key, err = cfg.MasterKey(); err != nil {
				return nil, err
			}
			if err := a.checkKey(ctx, store, key); err != nil {
				return nil, err
			}
			if warning := cfg.KeyWarning(); warning != "" {
				a.note("%s", warning)
			}
		}
	}
	return func(id int64) (map[string]string, error) {
		stored := make(map[string]string)
		for field, given := range secrets {
			stored[field] = given.reference
			if given.reference == "" {
				stored[field] = key.Seal(secret.Place{ConnectorID: id, Field: field}, given.plain)
			}
		}
		return stored, nil
	}, nil
}

// kindsOf lists the kinds of a provider.
func kindsOf(provider string) []source.Kind {
	var of []source.Kind
	for _, k := range kinds.All() {
		if k.Provider() == provider {
			of = append(of, k)
		}
	}
	return of
}
