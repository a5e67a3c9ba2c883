package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/catalog"
	"sluice/internal/scheduler"
)

// keepTestsInStep makes Temporal's schedule of a connector's tests what the
// connector, as it was just stored, says.
func (a *app) keepTestsInStep(ctx context.Context, store *catalog.Store, c catalog.Connector) error {
	if c.TestEvery.IsZero() && a.temporal == nil {
		return nil // there never was one
	}
	s, err := a.schedules(ctx)
	change := scheduler.Unchanged
	if err == nil {
		change, err = s.EnsureTest(ctx, c.ID, c.Name, c.TestEvery, c.Active)
	}
	if err != nil {
		return fmt.Errorf("connector %s is stored, but Temporal's schedule of its tests is not in step yet: %w; '%s' mends that", c.Name, err, a.command("doctor --fix"))
	}
	if change == scheduler.Unchanged {
		return nil
	}
	text := "schedule of tests " + string(change)
	if change != scheduler.Removed {
		text += ": " + retestText(c)
	}
	return store.Log(ctx, c.ID, 0, "info", text, nil)
}

// readyForTests makes sure that what a connector's schedule of tests needs is
// there, so that nothing is begun without it.
func (a *app) readyForTests(ctx context.Context, c catalog.Connector) error {
	if c.TestEvery.IsZero() {
		return nil
	}
	_, err := a.dial(ctx)
	return err
}

// endTests removes the schedule of the tests of a connector that was deleted.
func (a *app) endTests(ctx context.Context, c catalog.Connector) error {
	if c.TestEvery.IsZero() {
		return nil
	}
	s, err := a.schedules(ctx)
	if err == nil {
		_, err = s.RemoveTest(ctx, c.ID)
	}
	if err != nil {
		return fmt.Errorf("%w; '%s' deletes it", err, a.command("doctor --fix"))
	}
	return nil
}

func newConnectorsEnable(a *app, active bool) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "enable NAME",
		Short:   "Let a connector be used again, by its profiles and their schedules",
		Example: "  sluice connectors enable acme",
	}
	if !active {
		cmd = &cobra.Command{
			Use:   "disable NAME",
			Short: "Let a connector not be used any more; runs under way go on",
			Long: `Let a connector not be used any more: no run of its profiles starts, and their
schedules and that of its own tests are taken out of Temporal until it is enabled
again; those that are paused stay, paused. Runs under way go on; it can still be
tested by hand.`,
			Example: "  sluice connectors disable acme",
		}
	}
	cmd.Args = oneArgument("connector name")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx := cmd.Context()
		store, _, err := a.both(ctx) // without Temporal nothing is begun
		if err != nil {
			return err
		}
		c, err := store.Connector(ctx, args[0])
		if err != nil {
			return err
		}
		was := c.Active
		if c.Active = active; was != active {
			if err := store.UpdateConnector(ctx, c); err != nil {
				return err
			}
		}
		profiles, err := store.Profiles(ctx)
		if err != nil {
			return err
		}
		var paused []string
		for _, p := range profiles {
			if p.ConnectorID != c.ID || p.Schedule == nil {
				continue
			}
			if err := a.keepInStep(ctx, store, p); err != nil {
				return err
			}
			if d, err := a.scheduleOf(ctx, p); err != nil {
				return err
			} else if d != nil && d.Paused {
				paused = append(paused, p.Name)
			}
		}
		if err := a.keepTestsInStep(ctx, store, c); err != nil {
			return err
		}
		if a.forTables() {
			a.sayEnabled(c, was, profiles, paused)
			return nil
		}
		v, err := a.view(ctx, store, c.Name)
		if err != nil {
			return err
		}
		return printOne(a, v, connectorColumns)
	}
	return cmd
}

// sayEnabled tells what became of a connector that was enabled or disabled, and
// what it means for its active profiles, of which the schedules of some are
// paused.
func (a *app) sayEnabled(c catalog.Connector, was bool, profiles []catalog.Profile, paused []string) {
	var names, scheduled []string
	for _, p := range profiles {
		if p.ConnectorID != c.ID || !p.Active {
			continue
		}
		names = append(names, p.Name)
		if p.Schedule != nil && !slices.Contains(paused, p.Name) {
			scheduled = append(scheduled, p.Name)
		}
	}
	verb := map[bool]string{true: "enabled", false: "disabled"}[c.Active]
	if was == c.Active {
		a.note("connector %s is %s already", c.Name, verb)
	} else {
		a.note("%s connector %s", verb, c.Name)
	}
	switch {
	case len(names) == 0:
		a.note("It has no active profiles.")
	case c.Active:
		a.note("Runs of its profiles start again: %s.", strings.Join(names, ", "))
	default:
		a.note("No run of its profiles starts any more: %s. One under way goes on; '%s' stops it.", strings.Join(names, ", "), a.command("runs cancel PROFILE"))
	}
	if len(scheduled) > 0 {
		what := "taken out of Temporal until it is enabled again"
		if c.Active {
			what = "in Temporal again"
		}
		a.note("Their schedules are %s: %s.", what, strings.Join(scheduled, ", "))
	}
	if len(paused) > 0 {
		a.note("Schedules that are paused, and stay so: %s.", strings.Join(paused, ", "))
	}
	if !c.TestEvery.IsZero() {
		what := "It is not tested by itself until it is enabled again"
		if c.Active {
			what = "It is tested by itself again, " + retestText(c)
		}
		a.note("%s.", what)
	}
}

func newConnectorsRename(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "rename NAME NEW",
		Short: "Give a connector another name",
		Long: `Give a connector another name. Its secrets, profiles, runs and assets stay its
own; a run under way goes on and is shown by the new name. In files for 'sluice
apply' the name has to be changed too: by the old one they would declare another
connector.`,
		Example: "  sluice connectors rename acme acme-europe",
		Args:    twoArguments("a connector name and its new name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			store, err := a.catalog(ctx)
			if err != nil {
				return err
			}
			c, err := store.Connector(ctx, args[0])
			if err != nil {
				return err
			}
			if err := a.readyForTests(ctx, c); err != nil {
				return err
			}
			if c, err = store.RenameConnector(ctx, args[0], args[1]); err != nil {
				return err
			}
			if err := a.keepTestsInStep(ctx, store, c); err != nil { // its tests are started by name
				return err
			}
			if a.forTables() {
				a.note("connector %s is now called %s", args[0], c.Name)
				return nil
			}
			v, err := a.view(ctx, store, c.Name)
			if err != nil {
				return err
			}
			return printOne(a, v, connectorColumns)
		},
	}
}
