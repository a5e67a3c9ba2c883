package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"sluice/internal/catalog"
	"sluice/internal/source"
	"sluice/internal/source/file"
	"sluice/internal/source/kinds"
)

func newProfilesUpdate(a *app) *cobra.Command {
	var flags profileFlags
	cmd := &cobra.Command{
		Use:   "update NAME",
		Short: "Change a profile, or when it runs by itself",
		Long: `Change a profile; what is not given stays. A run under way goes by the profile as
it was when it began.

A filter that is given takes the place of the one of that name; the next run is
then full. --filter name= takes a filter away. With a transform map that does
something else than before the next run is full, too; --map TYPE= takes the default
one again. What a map leaves out (its "when") counts as seen: what is in the
inventory of it stays as it was, and each run says how much was left out.

` + scheduleHelp,
		Example: `  sluice profiles update acme-apps --schedule "mon-fri at 06:00,18:00" --time-zone Europe/Berlin
  sluice profiles update acme-apps --schedule "every 6h" --start "2027-02-01 00:00"
  sluice profiles update acme-apps --schedule none
  sluice profiles update acme-web --filter severities=3,4,5 --filter tags=
  sluice profiles update acme-apps --map APPLICATION=acme-apps
  sluice profiles update acme-apps --full-every 24h --shrink-limit 40`,
		Args: oneArgument("profile name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().NFlag() == 0 {
				return wrongUsage(cmd, "there is nothing to change: say what with flags")
			}
			if err := flags.check(cmd); err != nil {
				return err
			}
			if err := flags.maps.find(cmd, a); err != nil {
				return err
			}
			var changed catalog.Profile
			err := a.changeProfile(cmd.Context(), args[0], "updated", func(p *catalog.Profile) error {
				err := flags.change(cmd, p)
				changed = *p
				return err
			})
			if err == nil && cmd.Flags().Changed("asset-types") {
				a.noteAssetTypes(changed)
			}
			if err == nil && cmd.Flags().Changed("map") && a.forTables() {
				err = a.noteMaps(cmd.Context(), changed, flags.maps.types())
			}
			return err
		},
	}
	flags.add(cmd)
	return cmd
}

func newProfilesActivate(a *app, active bool) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "activate NAME",
		Short: "Let a profile run, by itself too if it has a schedule",
		Long: `Let a profile run, by itself too if it has a schedule. Its connector has to be
tested before, as it is now.`,
		Example: "  sluice profiles activate acme-apps",
	}
	if active {
		cmd.Flags().BoolVar(&force, "force", false, "although its connector was never tested")
	}
	deed := "activated"
	if !active {
		cmd = &cobra.Command{
			Use:     "deactivate NAME",
			Short:   "Let a profile not run any more; a run under way goes on",
			Example: "  sluice profiles deactivate acme-apps",
		}
		deed = "deactivated"
	}
	cmd.Args = oneArgument("profile name")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if active {
			if err := a.checkActivation(cmd.Context(), args[0], force); err != nil {
				return err
			}
		}
		return a.changeProfile(cmd.Context(), args[0], deed, func(p *catalog.Profile) error {
			p.Active = active
			return nil
		})
	}
	return cmd
}

// checkActivation refuses to activate a profile whose connector was never
// tested; one that is active stays so.
func (a *app) checkActivation(ctx context.Context, profile string, force bool) error {
	store, err := a.catalog(ctx)
	if err != nil {
		return err
	}
	p, err := store.Profile(ctx, profile)
	if err != nil || p.Active {
		return err
	}
	c, err := store.ConnectorByID(ctx, p.ConnectorID)
	if err != nil {
		return err
	}
	if err := a.checkTested(ctx, store, c, force); err != nil {
		return err
	}
	return a.warnUnhealthy(ctx, store, c, p.Kind)
}

// warnUnhealthy tells of a profile that is to become active that the last test of
// its connector did not find the application well that the profile is of.
func (a *app) warnUnhealthy(ctx context.Context, store *catalog.Store, c catalog.Connector, kind string) error {
	k, err := kinds.Find(kind)
	if err != nil {
		return nil // a newer Sluice's
	}
	checks, err := store.LatestChecks(ctx, c.ID)
	if err != nil || !wasTested(c, checks) {
		return err
	}
	application := k.Card().Application
	health := catalog.HealthOf(c.Tested(checks), application)
	command := a.command("connectors test " + shellWord(c.Name) + " --application " + shellWord(application))
	switch health {
	case source.Healthy:
	case source.Unknown:
		a.note("whether connector %s can be used for %s is not known from its last test: '%s' tests it", harmless(c.Name), application, command)
	default:
		a.note("%s was %s at the last test of connector %s, so that runs of the profile may fail: '%s' says why, and tests it again", application, health, harmless(c.Name), command)
	}
	return nil
}

// checkTested refuses a connector that was never tested as it is now, for a
// profile that is to become active; force lets it pass.
func (a *app) checkTested(ctx context.Context, store *catalog.Store, c catalog.Connector, force bool) error {
	if c.Provider == file.Provider().Name { // there is nobody to connect to
		return nil
	}
	checks, err := store.LatestChecks(ctx, c.ID)
	if err != nil || force || wasTested(c, checks) {
		return err
	}
	why := "was never tested"
	if len(checks) > 0 {
		why = "was not tested since its settings or secrets changed"
	}
	return fmt.Errorf("connector %s %s, so that no profile becomes active on it: '%s' tests it; --force makes the profile active all the same",
		c.Name, why, a.command("connectors test "+shellWord(c.Name)))
}

// wasTested says whether a test of a connector, as it is now, found anything.
func wasTested(c catalog.Connector, checks []catalog.ConnectorCheck) bool {
	return slices.ContainsFunc(c.Tested(checks), func(check catalog.ConnectorCheck) bool {
		return check.Health != source.Unknown && check.Health != source.NotAsked
	})
}

// noteDisabled tells that a profile does not run because of its connector.
func (a *app) noteDisabled(p catalog.Profile) {
	if p.Active && !p.ConnectorActive {
		a.note("%s", a.disabled(p))
	}
}

// disabled says that a profile does not run because of its connector.
func (a *app) disabled(p catalog.Profile) string {
	return fmt.Sprintf("connector %s is disabled, so that no run of profile %s starts: '%s' enables it", p.Connector, p.Name, a.command("connectors enable "+shellWord(p.Connector)))
}

// changeProfile changes a profile in the catalog and then, in Temporal, its
// schedule.
func (a *app) changeProfile(ctx context.Context, name, deed string, change func(*catalog.Profile) error) error {
	// Without Temporal nothing is begun.
	store, _, err := a.both(ctx)
	if err != nil {
		return err
	}
	p, err := store.UpdateProfile(ctx, name, change)
	if err != nil {
		return a.adviseRivals(err)
	}
	if err := a.keepInStep(ctx, store, p); err != nil {
		return err
	}
	if !a.forTables() {
		return printOne(a, p, slices.Concat(profileColumns, profilePolicyColumns))
	}
	a.note("%s profile %s", deed, p.Name)
	a.noteSchedule(p)
	a.noteDisabled(p)
	return nil
}

// noteSchedule tells when a profile runs by itself.
func (a *app) noteSchedule(p catalog.Profile) {
	switch {
	case p.Schedule == nil, p.Active && !p.ConnectorActive:
	case !p.Active:
		a.note("It is inactive: its schedule (%s) begins with '%s'", p.Schedule, a.command("profiles activate "+p.Name))
	default:
		a.note("It runs by itself: %s. The next runs: %s", p.Schedule, a.command("profiles next "+p.Name))
	}
}
