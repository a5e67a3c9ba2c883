package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"sluice/internal/catalog"
	"sluice/internal/lifecycle"
	"sluice/internal/source"
	"sluice/internal/source/kinds"
	"sluice/workflows"
)

// demoSetup removes what an earlier demo left, and creates a connector to each
// vendor and a profile of every kind anew.
func (a *app) demoSetup(ctx context.Context, vendors *simulated) error {
	a.heading("A connector to each vendor")
	store, err := a.catalog(ctx)
	if err != nil {
		return err
	}
	if err := a.forgetDemo(ctx, store); err != nil {
		return fmt.Errorf("remove what an earlier demo left: %w", err)
	}
	var connectors []catalog.Connector
	for _, provider := range kinds.Providers() {
		if demoConnectors[provider.Name] == "" { // files come from nobody
			continue
		}
		settings, secrets := vendors.settings(provider.Name)
		c, err := a.createConnector(ctx, store, catalog.Connector{
			Name: demoConnectors[provider.Name], Description: demoDescription, Provider: provider.Name, Active: true, Settings: settings,
		}, secrets)
		if err != nil {
			return err
		}
		a.say("created connector %s to the simulated %s; its secret is sealed", c.Name, provider.Title)
		connectors = append(connectors, c)
	}
	a.heading("Test of the connections, from where the worker is")
	for _, c := range connectors {
		if _, err := a.connects(ctx, store, c, testFlags{}); err != nil {
			return err
		}
	}
	a.heading("A profile of every kind")
	for _, c := range connectors {
		for _, kind := range kindsOf(c.Provider) {
			if err := a.demoCreateProfile(ctx, store, c, kind); err != nil {
				return err
			}
		}
	}
	a.heading("Where the profiles stand")
	return a.demoState(ctx)
}

func (a *app) demoCreateProfile(ctx context.Context, store *catalog.Store, c catalog.Connector, kind source.Kind) error {
	types, maps, err := chooseAssetTypes(kind, nil)
	if err != nil {
		return err
	}
	if err := store.CreateProfile(ctx, catalog.Profile{
		Name: demoProfile(kind), Description: demoDescription, ConnectorID: c.ID, Kind: kind.Name(), AssetTypes: types, Maps: maps,
		Active: true, Policy: catalog.DefaultPolicy,
	}); err != nil {
		return err
	}
	a.say("created profile %s: %s from %s", demoProfile(kind), strings.Join(types, ", "), kind.Title())
	return nil
}

// forgetDemo deletes what an earlier demo made: connectors, profiles, and what
// the inventory had from them. A run may still be under way, if that demo was
// killed.
func (a *app) forgetDemo(ctx context.Context, store *catalog.Store) error {
	connectors, err := store.Connectors(ctx)
	if err != nil {
		return err
	}
	for _, c := range connectors {
		if isDemo(c.Name) && c.Description != demoDescription {
			return fmt.Errorf("the database has a connector %q that the demo did not make: unset SLUICE_DATABASE_URL to use a database of the demo's own", c.Name)
		}
	}
	profiles, err := store.Profiles(ctx)
	if err != nil {
		return err
	}
	for _, p := range profiles {
		if !isDemo(p.Connector) {
			continue
		}
		if err := a.endRun(ctx, store, p); err != nil {
			return err
		}
		if err := store.DeleteProfile(ctx, p.Name); err != nil {
			return err
		}
	}
	for _, c := range connectors {
		if !isDemo(c.Name) {
			continue
		}
		a.say("deleting what an earlier demo brought in by connector %s", c.Name)
		if err := store.DeleteConnector(ctx, c.Name); err != nil {
			return err
		}
	}
	return nil
}

// endRun ends a profile's run at once.
func (a *app) endRun(ctx context.Context, store *catalog.Store, p catalog.Profile) error {
	temporal, err := a.dial(ctx)
	if err != nil {
		return err
	}
	const reason = "the demo was started anew"
	now, err := a.situationOf(ctx, p)
	if err != nil {
		return err
	}
	if now.Running != nil {
		id := now.Running.GetWorkflowExecutionInfo().GetExecution()
		if err := temporal.TerminateWorkflow(ctx, id.GetWorkflowId(), id.GetRunId(), reason); err != nil {
			return err
		}
	}
	if now.Holder == nil {
		return nil
	}
	return store.BreakLease(ctx, now.Holder.RunID, lifecycle.Cancelled, reason)
}

// demoRuns runs the profiles in full, changes the vendors' data, and runs them
// for what changed.
func (a *app) demoRuns(ctx context.Context, vendors *simulated) error {
	a.heading("Full runs: everything")
	a.say("counts are +created ~updated =unchanged")
	if err := a.demoRunAll(ctx, lifecycle.Full); err != nil {
		return err
	}
	if err := vendors.advance(); err != nil {
		return err
	}
	a.heading("Where the profiles stand now")
	if err := a.demoState(ctx); err != nil {
		return err
	}
	a.heading("Delta runs: what the vendors have changed, added and removed since then")
	if err := a.demoRunAll(ctx, lifecycle.Delta); err != nil {
		return err
	}
	a.say("Assets that a vendor removed do not show in a delta run: the next full run marks them stale.")
	return nil
}

// demoRunAll runs the profiles one after the other, and sums up.
func (a *app) demoRunAll(ctx context.Context, mode lifecycle.Mode) error {
	var ends []ending
	for _, kind := range demoKinds() {
		end, err := a.demoRun(ctx, demoProfile(kind), mode)
		if err != nil {
			return err
		}
		ends = append(ends, end)
	}
	a.say("")
	if err := printList(a, ends, demoColumns); err != nil {
		return err
	}
	for _, end := range ends {
		if end.Assets.Rejected+end.Findings.Rejected > 0 {
			a.say("What run %d rejected, and why: %s", end.RunID, a.command(fmt.Sprintf("runs rejects %d", end.RunID)))
		}
	}
	return nil
}

// demoColumns sum up a run; counts are written +created ~updated =unchanged.
var demoColumns = []column[ending]{
	{"profile", func(e ending) any { return e.Profile }},
	{"run", func(e ending) any { return e.RunID }},
	{"outcome", func(e ending) any { return string(e.Outcome) }},
	{"assets", func(e ending) any { return e.Assets.String() }},
	{"findings", func(e ending) any { return e.Findings.String() }},
	{"knowledgeBase", func(e ending) any {
		if e.Entries == nil {
			return ""
		}
		return e.Entries.String()
	}},
	{"reason", func(e ending) any { return e.Reason }},
}

func (a *app) demoRun(ctx context.Context, profile string, mode lifecycle.Mode) (ending, error) {
	run, err := a.start(ctx, workflows.Input{Profile: profile, Mode: mode})
	if err != nil {
		return ending{}, err
	}
	a.say("started a %s run of %s", mode, profile)
	cfg, err := a.config()
	if err != nil {
		return ending{}, err
	}
	log := absolute(filepath.Join(cfg.Home, "worker.log"))
	bounded, cancel := context.WithTimeout(ctx, demoBound)
	defer cancel()
	end, err := a.follow(bounded, run, profile)
	switch {
	case bounded.Err() != nil && ctx.Err() == nil:
		return end, fmt.Errorf("the %s run of %s did not end within %s: what is said above and the worker's log, %s, may say why", mode, profile, demoBound, log)
	case err != nil:
		return end, err
	case end.Outcome != lifecycle.Succeeded:
		return end, fmt.Errorf("the %s run of %s did not succeed, but ended as %s: %s; the worker's log, %s, may say more", mode, profile, end.Outcome, end.Reason, log)
	}
	return end, nil
}

// demoState prints where the demo's profiles stand.
func (a *app) demoState(ctx context.Context) error {
	all, err := a.allStatus(ctx)
	if err != nil {
		return err
	}
	return printList(a, all, pick(statusColumns, "profile", "state", "lastOutcome", "lastRun"))
}
