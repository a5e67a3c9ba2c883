package main

import (
	"fmt"
	"net/url"
	"slices"

	"github.com/spf13/cobra"

	"sluice/workflows"
)

func newProfilesShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "show NAME",
		Short:   "Show a profile, and the link that starts it in the Temporal UI",
		Example: "  sluice profiles show acme-apps",
		Args:    oneArgument("profile name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := a.catalog(cmd.Context())
			if err != nil {
				return err
			}
			p, err := store.Profile(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if err := printOne(a, p, slices.Concat(profileColumns, profilePolicyColumns)); err != nil || !a.forTables() {
				return err
			}
			link, err := a.startLink(p.Name)
			if err != nil {
				return err
			}
			a.say("\nStart it:            %s\nor in a browser at:  %s", a.command("run "+p.Name+" --wait"), link)
			return nil
		},
	}
}

// startLink is where the Temporal UI offers to start a profile's run: its
// form is filled in, and the empty input means the profile of the workflow id.
func (a *app) startLink(profile string) (string, error) {
	cfg, at, err := a.located()
	if err != nil {
		return "", err
	}
	query := url.Values{
		"workflowId":   {workflows.WorkflowID(profile)},
		"taskQueue":    {cfg.TaskQueue},
		"workflowType": {workflows.IngestionType},
	}
	ui := at.UIURL
	if ui == "" {
		ui = "(the address of your Temporal UI)"
	}
	return ui + "/namespaces/" + url.PathEscape(a.namespace(at)) + "/workflows/start-workflow?" + query.Encode(), nil
}

func newProfilesDelete(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "delete NAME",
		Short: "Delete a profile and its schedule; what it brought in stays",
		Long: `Delete a profile and its schedule. The history of its runs and what they brought into the
inventory stay; 'sluice connectors delete' removes that too.`,
		Example: "  sluice profiles delete acme-apps",
		Args:    oneArgument("profile name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			p, s, err := a.profileAndSchedules(ctx, args[0])
			if err != nil {
				return err
			}
			store, err := a.catalog(ctx)
			if err != nil {
				return err
			}
			if err := store.DeleteProfile(ctx, p.Name); err != nil {
				return err
			}
			a.note("deleted profile %s", p.Name)
			removed, err := s.Remove(ctx, p.Name)
			if err != nil {
				return fmt.Errorf("%w; '%s' deletes it", err, a.command("doctor --fix"))
			}
			if removed {
				return a.logSchedule(ctx, p, "removed")
			}
			return nil
		},
	}
}
