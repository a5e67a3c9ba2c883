package main

import (
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/lifecycle"
	"sluice/workflows"
)

func newRunsBackfill(a *app) *cobra.Command {
	var from string
	var wait bool
	cmd := &cobra.Command{
		Use:   "backfill PROFILE --from DATE",
		Short: "Read again what changed since a date",
		Long: `Start a run of a profile that reads again, from the vendor, everything that
changed since a date. What is new or different is written; no asset is taken for
gone. The runs after it go on from where the runs before it were.`,
		Example: `  sluice runs backfill acme-apps --from 2027-01-31 --wait
  sluice runs backfill acme-apps --from 2027-01-31T18:00:00+01:00`,
		Args: oneArgument("profile name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if from == "" {
				return wrongUsage(cmd, "--from is missing: the date to read again from, such as 2027-01-31")
			}
			if _, err := lifecycle.ParseSince(from, lifecycle.Auto, time.Now()); err != nil {
				return wrongUsage(cmd, "--from: %w", err)
			}
			return a.runProfile(cmd.Context(), workflows.Input{Profile: args[0], Mode: lifecycle.Delta, Since: from}, wait)
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "date, in UTC, or date and time to read again from")
	cmd.Flags().BoolVarP(&wait, "wait", "w", false, "show progress and wait for the end")
	return cmd
}
