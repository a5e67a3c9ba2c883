package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/catalog"
	"sluice/internal/inventory"
	"sluice/internal/lifecycle"
	"sluice/internal/qualys"
	"sluice/internal/simulator"
	"sluice/internal/source/kinds"
	"sluice/workflows"
)

// What the demo makes, and how it knows that it made it.
const (
	demoConnector   = "demo"
	demoProfile     = "demo-tas"
	demoDescription = "made by 'sluice demo', on a simulated vendor"
	demoKind        = "qualys-tas"
)

// demoEstate is what the simulated vendor has: 2,000 assets with 20,000
// findings, three of each asset type with a finding that cannot be mapped.
var demoEstate = simulator.Config{
	Seed: 7, Applications: 1500, APICollections: 500, FindingsPerAsset: 10,
	Defects: []simulator.Defect{{Kind: "severity-word", Count: 3}},
}

// demoLatency is how long its answers take, as a real vendor's do; without it
// there would be no progress to see.
const demoLatency = 500 * time.Millisecond

// demoBound is how long one of the demo's runs may take; it takes seconds.
const demoBound = 10 * time.Minute

// demoChange is what happens there between the two runs.
var demoChange = simulator.Change{Updated: 0.05, Added: 0.01, Removed: 0.01}

func newDemo(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Show everything at work, with a simulated vendor",
		Long: `Start everything on this machine with a simulated vendor; create a connector and
a profile, test the connection, bring everything in, let the vendor's data
change, and bring in what changed.

The demo has a folder of its own, so that it does not disturb 'sluice dev'; each
demo begins with an empty inventory. On a terminal it stays up until Ctrl-C, so
that you can look around.`,
		Example: "  sluice demo",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			a.home, a.output = filepath.Join(cfg.Home, "demo"), formatTable
			return a.demo(cmd.Context())
		},
	}
}

func (a *app) demo(ctx context.Context) (err error) {
	a.heading("Starting PostgreSQL, Temporal, a worker and the simulated vendor")
	stack, err := a.up(ctx)
	if err != nil {
		return err
	}
	defer func() {
		a.close() // before the servers go
		if derr := stack.Down(); err == nil {
			err = derr
		}
	}()
	sim, err := simulator.New(demoEstate)
	if err != nil {
		return err
	}
	listener, err := simulator.Listen("127.0.0.1:0")
	if err != nil {
		return err
	}
	vendor := simulator.BaseURL(listener)
	serving, stop := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- sim.Serve(serving, listener) }()
	defer func() {
		stop()
		if serr := <-served; err == nil {
			err = serr
		}
	}()
	if err := sim.SetFaults(simulator.Fault{Kind: "slow", Delay: demoLatency}); err != nil {
		return err
	}
	a.say("the simulated vendor runs at %s; its answers take %s", vendor, demoLatency)

	if err := a.demoSetup(ctx, vendor, sim.Credentials()); err != nil {
		return err
	}
	if err := a.demoRuns(ctx, sim); err != nil {
		return err
	}
	if err := a.demoLook(ctx); err != nil {
		return err
	}
	cfg, err := a.config()
	if err != nil {
		return err
	}
	a.heading("Where everything is")
	a.say("%s  vendor        %s/simulator/state", whereabouts(stack, absolute(cfg.Home)), vendor)
	_, stays := isTerminal(a.out)
	if err := a.demoNext(vendor, stays); err != nil {
		return err
	}
	if stays {
		a.say("\nEverything stays up. Ctrl-C stops it.")
		stack.Wait(ctx)
		a.say("\nstopping")
	}
	return nil
}

func (a *app) heading(text string) { a.say("\n== %s", text) }

// demoSetup removes what an earlier demo left and creates a connector and a
// profile anew.
func (a *app) demoSetup(ctx context.Context, vendor string, credentials simulator.Credentials) error {
	a.heading("A connector and a profile")
	store, err := a.catalog(ctx)
	if err != nil {
		return err
	}
	if err := a.forgetDemo(ctx, store); err != nil {
		return fmt.Errorf("remove what an earlier demo left: %w", err)
	}
	kind, err := kinds.Find(demoKind)
	if err != nil {
		return err
	}
	provider, err := kinds.FindProvider(kind.Provider())
	if err != nil {
		return err
	}
	c, err := a.createConnector(ctx, store, provider, catalog.Connector{
		Name: demoConnector, Description: demoDescription, Provider: provider.Name, Active: true,
		Settings: map[string]string{qualys.FieldBaseURL: vendor, qualys.FieldClientID: credentials.ClientID},
	}, map[string]givenSecret{qualys.FieldClientSecret: {plain: credentials.ClientSecret}})
	if err != nil {
		return err
	}
	a.say("created connector %s to %s; its secret is sealed", c.Name, vendor)
	types, maps, err := chooseAssetTypes(kind, nil)
	if err != nil {
		return err
	}
	if err := store.CreateProfile(ctx, catalog.Profile{
		Name: demoProfile, Description: demoDescription, ConnectorID: c.ID, Kind: kind.Name(), AssetTypes: types, Maps: maps,
		Active: true, Policy: catalog.DefaultPolicy,
	}); err != nil {
		return err
	}
	a.say("created profile %s: %s from %s", demoProfile, strings.Join(types, " and "), kind.Title())

	a.heading("Test of the connection, from where the worker is")
	if err := a.testConnector(ctx, c); err != nil {
		return err
	}
	return a.demoState(ctx)
}

// forgetDemo deletes what an earlier demo made: connector, profile, and what
// the inventory had from them. A run of it may still be under way, if that
// demo was killed.
func (a *app) forgetDemo(ctx context.Context, store *catalog.Store) error {
	connectors, err := store.Connectors(ctx)
	if err != nil {
		return err
	}
	for _, c := range connectors {
		if c.Name == demoConnector && c.Description != demoDescription {
			return fmt.Errorf("the database has a connector %q that the demo did not make: unset SLUICE_DATABASE_URL to use a database of the demo's own", c.Name)
		}
	}
	profiles, err := store.Profiles(ctx)
	if err != nil {
		return err
	}
	for _, p := range profiles {
		if p.Connector != demoConnector {
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
		if c.Name == demoConnector {
			a.say("deleting what an earlier demo brought in")
			return store.DeleteConnector(ctx, c.Name)
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

// demoRuns runs the profile in full, changes the vendor's data, and runs it
// for what changed.
func (a *app) demoRuns(ctx context.Context, sim *simulator.Simulator) error {
	a.heading("A full run")
	if err := a.demoRun(ctx, lifecycle.Full); err != nil {
		return err
	}
	if _, err := sim.Advance(demoChange); err != nil {
		return err
	}
	a.heading("A delta run, after the vendor changed 5 % of its assets, added 1 % and removed 1 %")
	if err := a.demoRun(ctx, lifecycle.Delta); err != nil {
		return err
	}
	a.say("What the vendor removed does not show in a delta run: the next full run marks it stale.")
	return nil
}

func (a *app) demoRun(ctx context.Context, mode lifecycle.Mode) error {
	run, err := a.start(ctx, workflows.Input{Profile: demoProfile, Mode: mode})
	if err != nil {
		return err
	}
	if err := a.demoState(ctx); err != nil {
		return err
	}
	cfg, err := a.config()
	if err != nil {
		return err
	}
	log := absolute(filepath.Join(cfg.Home, "worker.log"))
	bounded, cancel := context.WithTimeout(ctx, demoBound)
	defer cancel()
	end, err := a.follow(bounded, run, demoProfile)
	if bounded.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("the %s run did not end within %s: what is said above and the worker's log, %s, may say why", mode, demoBound, log)
	}
	if err != nil {
		return err
	}
	if err := a.printEnding(end); err != nil {
		return err
	}
	if end.Outcome != lifecycle.Succeeded {
		return fmt.Errorf("the %s run did not succeed, but ended as %s: the worker's log, %s, may say more", mode, end.Outcome, log)
	}
	return a.demoState(ctx)
}

// demoState prints where the demo's profile stands.
func (a *app) demoState(ctx context.Context) error {
	store, err := a.catalog(ctx)
	if err != nil {
		return err
	}
	p, err := store.Profile(ctx, demoProfile)
	if err != nil {
		return err
	}
	st, err := a.statusOf(ctx, p)
	if err != nil {
		return err
	}
	a.say("profile %s is %s", st.Profile, st.State)
	return nil
}

// demoLook shows a few rows of the inventory.
func (a *app) demoLook(ctx context.Context) error {
	store, err := a.catalog(ctx)
	if err != nil {
		return err
	}
	a.heading("Some assets")
	for _, class := range classes() {
		assets, err := inventory.Assets(ctx, store.Pool(), inventory.Filter{Connector: demoConnector, Class: class, Limit: 3})
		if err != nil {
			return err
		}
		if err := printList(a, assets, pick(assetColumns, "id", "class", "externalId", "name", "status", "url")); err != nil {
			return err
		}
	}
	a.heading("Some findings of the highest severity")
	findings, err := inventory.Findings(ctx, store.Pool(), inventory.Filter{Connector: demoConnector, MinSeverity: maxSeverity, Limit: 5})
	if err != nil {
		return err
	}
	return printList(a, findings, pick(findingColumns, "id", "severity", "status", "name", "assetName"))
}

// pick takes some columns.
func pick[T any](columns []column[T], names ...string) []column[T] {
	var picked []column[T]
	for _, name := range names {
		for _, c := range columns {
			if c.name == name {
				picked = append(picked, c)
			}
		}
	}
	return picked
}

// demoNext prints commands to try.
func (a *app) demoNext(vendor string, stays bool) error {
	a.heading("What to try next")
	if !stays {
		a.say("Start it again, to look around:   %s\nthen, in another terminal:", a.command("dev"))
	} else {
		link, err := a.startLink(demoProfile)
		if err != nil {
			return err
		}
		a.say("  curl -X POST -d '{\"updated\":0.1,\"removed\":0.02}' %s/simulator/advance", vendor)
		a.say("  %s", a.command("run "+demoProfile+" --mode full --wait"))
		a.say("  start a run from a browser: %s", link)
	}
	for _, line := range []string{
		"status", "runs list", "findings list --severity 5", "assets list --class apiCollection", "profiles show " + demoProfile,
	} {
		a.say("  %s", a.command(line))
	}
	return nil
}
