package main

import (
	"context"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
)

// demoBound is how long one of the demo's runs may take; it takes seconds.
const demoBound = 10 * time.Minute

func newDemo(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Show everything at work, with simulated vendors",
		Long: `Start everything on this machine with a simulated Qualys and a simulated Azure;
create a connector to each and a profile of every kind, test the connections,
bring everything in, let the vendors' data change, and bring in what changed.

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
	a.heading("Starting PostgreSQL, Temporal, a worker and the simulated vendors")
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
	vendors, err := a.simulate(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if serr := vendors.stop(); err == nil {
			err = serr
		}
	}()
	if err := a.demoSetup(ctx, vendors); err != nil {
		return err
	}
	if err := a.demoRuns(ctx, vendors); err != nil {
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
	a.say("%s  Qualys        %s/simulator/state\n  Azure         %s/simulator/state", whereabouts(stack, absolute(cfg.Home)), vendors.qualysURL, vendors.armURL)
	_, stays := isTerminal(a.out)
	if err := a.demoNext(vendors, stays); err != nil {
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
