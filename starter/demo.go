package main

import (
	"context"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/simulator"
	"sluice/internal/source"
)

// What the demo makes, and how it knows that it made it.
const (
	demoConnector   = "demo"
	demoDescription = "made by 'sluice demo', on a simulated vendor"
)

// demoKinds are the kinds that the simulated vendor has.
func demoKinds() []source.Kind { return kindsOf("qualys") }

// demoProfile names the demo's profile of a kind: "demo-tas".
func demoProfile(kind source.Kind) string {
	return "demo-" + strings.TrimPrefix(kind.Name(), kind.Provider()+"-")
}

// demoEstate is what the simulated vendor has. Of TotalAppSec three assets of
// each type have a finding that cannot be mapped; some QIDs get their entry in
// the knowledge base only later.
var demoEstate = simulator.Config{
	Seed: 7, Applications: 1500, APICollections: 500, FindingsPerAsset: 10,
	Defects: []simulator.Defect{{Kind: "severity-word", Count: 3}},
	WebApps: 300, WebFindings: 6000,
	Hosts: 500, DetectionsPerHost: 40, UnpublishedEntries: 0.01,
}

// demoLatency is how long its answers take, as a real vendor's do; without it
// there would be no progress to see.
const demoLatency = 250 * time.Millisecond

// demoBound is how long one of the demo's runs may take; it takes seconds.
const demoBound = 10 * time.Minute

// demoChange is what happens there between the runs.
var demoChange = simulator.Change{
	Updated: 0.05, Added: 0.01, Removed: 0.01,
	Web:       simulator.WebChange{UpdatedWebApps: 0.05, AddedWebApps: 0.01, RemovedWebApps: 0.01, New: 0.02, Fixed: 0.03, Reopened: 0.1, Retested: 0.2},
	VM:        simulator.VMChange{Scanned: 0.2, New: 0.05, Fixed: 0.05, Reopened: 0.1, Added: 0.01, Removed: 0.01},
	Knowledge: simulator.KnowledgeChange{Updated: 0.02, Published: 1},
}

func newDemo(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Show everything at work, with a simulated vendor",
		Long: `Start everything on this machine with a simulated vendor; create a connector and
a profile of every kind, test the connection, bring everything in, let the
vendor's data change, and bring in what changed.

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
