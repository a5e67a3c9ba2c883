package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"sluice/internal/catalog"
)

func newProfilesUpdate(a *app) *cobra.Command {
	var flags profileFlags
	cmd := &cobra.Command{
		Use:   "update NAME",
		Short: "Change a profile, or when it runs by itself",
		Long: `Change a profile; what is not given stays. A run under way goes by the profile as
it was when it began.

A filter that is given takes the place of the one of that name; the next run is
then full. --filter name= takes a filter away.

` + scheduleHelp,
		Example: `  sluice profiles update acme-apps --schedule "mon-fri at 06:00,18:00" --time-zone Europe/Berlin
  sluice profiles update acme-apps --schedule "every 6h" --start "2027-02-01 00:00"
  sluice profiles update acme-apps --schedule none
  sluice profiles update acme-web --filter severities=3,4,5 --filter tags=
  sluice profiles update acme-apps --full-every 24h --shrink-limit 40`,
		Args: oneArgument("profile name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().NFlag() == 0 {
				return wrongUsage(cmd, "there is nothing to change: say what with flags")
			}
			if err := flags.check(cmd); err != nil {
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
			return err
		},
	}
	flags.add(cmd)
	return cmd
}

func newProfilesActivate(a *app, active bool) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "activate NAME",
		Short:   "Let a profile run, by itself too if it has a schedule",
		Example: "  sluice profiles activate acme-apps",
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
		return a.changeProfile(cmd.Context(), args[0], deed, func(p *catalog.Profile) error {
			p.Active = active
			return nil
		})
	}
	return cmd
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
		return err
	}
	if err := a.keepInStep(ctx, store, p); err != nil {
		return err
	}
	if !a.forTables() {
		return printOne(a, p, slices.Concat(profileColumns, profilePolicyColumns))
	}
	a.note("%s profile %s", deed, p.Name)
	a.noteSchedule(p)
	return nil
}

// noteSchedule tells when a profile runs by itself.
func (a *app) noteSchedule(p catalog.Profile) {
	switch {
	case p.Schedule == nil:
	case !p.Active:
		a.note("It is inactive: its schedule (%s) begins with '%s'", p.Schedule, a.command("profiles activate "+p.Name))
	default:
		a.note("It runs by itself: %s. The next runs: %s", p.Schedule, a.command("profiles next "+p.Name))
	}
}
