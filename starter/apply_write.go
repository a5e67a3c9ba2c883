package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sluice/internal/catalog"
	"sluice/internal/declare"
	"sluice/internal/secret"
	"sluice/internal/transform"
)

// apply brings the catalog, and then the schedules, to what is declared.
func (a *app) apply(ctx context.Context, documents []declare.Document, how applyFlags) error {
	store, err := a.catalog(ctx)
	if err != nil {
		return err
	}
	present, err := a.present(ctx, store)
	if err != nil {
		return err
	}
	if present.WillTest = how.test; how.force {
		present.Tested = nil
	}
	plan, err := declare.NewPlan(present, documents)
	if err != nil {
		return err
	}
	for _, reference := range plan.Elsewhere {
		a.note("nothing can be read here at %s; the workers must find the secret there", harmless(reference))
	}
	for _, note := range plan.Notes {
		a.note("%s", harmless(note))
	}
	if a.forTables() {
		a.sayChanges(plan.Changes)
	}
	if !how.dryRun {
		if err := a.write(ctx, store, present, plan, how.test); err != nil {
			return err
		}
	}
	if a.forTables() {
		a.say("%s", summary(plan.Changes, how.dryRun))
		return nil
	}
	return printList(a, plan.Changes, appliedColumns)
}

// present is what there is now.
func (a *app) present(ctx context.Context, store *catalog.Store) (declare.Present, error) {
	p := declare.Present{Now: time.Now(), Resolve: a.resolve, Open: func(at secret.Place, stored string) error {
		cfg, err := a.config()
		if err != nil {
			return err
		}
		key, err := cfg.MasterKey()
		if err != nil {
			return err
		}
		_, err = key.Open(at, stored)
		return err
	}}
	var err error
	if p.Connectors, err = store.Connectors(ctx); err != nil {
		return p, err
	}
	if p.Models, err = store.OwnModels(ctx); err != nil {
		return p, err
	}
	p.CheckModel = func(m *transform.Model) error { return store.CheckModel(ctx, m) }
	if p.Maps, err = store.LatestMaps(ctx); err != nil {
		return p, err
	}
	if p.Profiles, err = store.Profiles(ctx); err != nil {
		return p, err
	}
	checks := make(map[int64][]catalog.ConnectorCheck)
	for _, c := range p.Connectors {
		if checks[c.ID], err = store.LatestChecks(ctx, c.ID); err != nil {
			return p, err
		}
	}
	p.Tested = func(c catalog.Connector) bool { return wasTested(c, checks[c.ID]) }
	return p, nil
}

// write writes what a plan says to the catalog, and brings the schedules that
// it touches in step: of profiles that were changed or created with one, and of
// tests. With test, connectors are written and tested first.
func (a *app) write(ctx context.Context, store *catalog.Store, present declare.Present, plan declare.Plan, test bool) error {
	before := make(map[string]catalog.Connector)
	for _, c := range present.Connectors {
		before[c.Name] = c
	}
	var scheduled, retested []string // profiles, connectors
	for _, p := range plan.Writes.Profiles {
		if p.ID != 0 || p.Schedule != nil {
			scheduled = append(scheduled, p.Name)
		}
	}
	for _, c := range plan.Writes.Connectors {
		old := before[c.Name]
		switched := old.ID != 0 && c.Active != old.Active
		if c.TestEvery != old.TestEvery || switched && !c.TestEvery.IsZero() {
			retested = append(retested, c.Name)
		}
		for _, p := range present.Profiles { // their schedules come and go with it
			if switched && p.Connector == c.Name && p.Schedule != nil && !slices.Contains(scheduled, p.Name) {
				scheduled = append(scheduled, p.Name)
			}
		}
	}
	if test || len(scheduled)+len(retested) > 0 { // without Temporal nothing is begun
		if _, err := a.dial(ctx); err != nil {
			return err
		}
	}
	apply := store.Apply
	if test {
		apply = func(ctx context.Context, changes catalog.Changes) error {
			return a.applyTested(ctx, store, before, changes)
		}
	}
	if err := apply(ctx, plan.Writes); err != nil {
		return err
	}
	var failed []error
	for _, name := range retested {
		c, err := store.Connector(ctx, name)
		if err == nil {
			err = a.keepTestsInStep(ctx, store, c)
		}
		failed = append(failed, err)
	}
	for _, name := range scheduled {
		p, err := store.Profile(ctx, name)
		if err == nil {
			err = a.keepInStep(ctx, store, p)
		}
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// applyTested writes connectors, tests them, and writes the rest; all is put
// back as before, the connectors of that time by their names, if one does not
// connect or the rest cannot be written.
func (a *app) applyTested(ctx context.Context, store *catalog.Store, before map[string]catalog.Connector, changes catalog.Changes) error {
	connectors := changes.Connectors
	if err := store.Apply(ctx, catalog.Changes{Connectors: connectors}); err != nil {
		return err
	}
	err := a.connectAll(ctx, store, connectors)
	if err == nil {
		changes.Connectors = nil
		err = store.Apply(ctx, changes)
	}
	if err == nil {
		return nil
	}
	failed := []error{err}
	undo := context.WithoutCancel(ctx) // also after Ctrl-C
	for _, c := range connectors {
		if old, ok := before[c.Name]; ok {
			failed = append(failed, store.RevertConnector(undo, old))
		} else {
			failed = append(failed, store.DeleteConnector(undo, c.Name))
		}
	}
	a.note("nothing was changed, because not all of it could be")
	return errors.Join(failed...)
}

// connectAll tests connectors, and fails unless all of them connect.
func (a *app) connectAll(ctx context.Context, store *catalog.Store, connectors []catalog.Connector) error {
	for _, written := range connectors {
		c, err := store.Connector(ctx, written.Name)
		if err != nil {
			return err
		}
		if a.forTables() {
			a.say("testing connector %s", c.Name)
		}
		var code exitError
		if _, err := a.connects(ctx, store, c, testFlags{wanted: true, aside: true}); errors.As(err, &code) {
			return fmt.Errorf("connector %s does not connect", c.Name)
		} else if err != nil {
			return err
		}
	}
	return nil
}
