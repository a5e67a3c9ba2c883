package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/enums/v1"

	"sluice/internal/catalog"
	"sluice/internal/lifecycle"
)

func newRuns(a *app) *cobra.Command {
	return group("runs", "The history of runs", "What runs brought in, what they rejected and why, and how they ended.",
		"  sluice runs list --profile acme-apps\n  sluice runs show 12",
		newRunsList(a), newRunsShow(a), newRunsLogs(a), newRunsRejects(a), newRunsCancel(a), newRunsBackfill(a), newRunsReplay(a))
}

var runColumns = []column[catalog.Run]{
	{"run", func(r catalog.Run) any { return r.ID }},
	{"profile", func(r catalog.Run) any { return r.Profile }},
	{"mode", func(r catalog.Run) any {
		if r.Dry {
			return string(r.Mode) + ", dry"
		}
		return string(r.Mode)
	}},
	{"outcome", func(r catalog.Run) any { return string(r.Outcome) }},
	{"startedBy", func(r catalog.Run) any { return r.StartedBy }},
	{"startedAt", func(r catalog.Run) any { return r.StartedAt }},
	{"took", func(r catalog.Run) any {
		if r.FinishedAt == nil {
			return ""
		}
		return r.FinishedAt.Sub(r.StartedAt).Round(10 * time.Millisecond).String()
	}},
	{"assets", func(r catalog.Run) any { return r.Assets.String() }},
	{"findings", func(r catalog.Run) any { return r.Findings.String() }},
	{"reason", func(r catalog.Run) any { return r.Reason }},
}

// runColumnsFor writes the counts in short for people, each in a column of
// its own for spreadsheets.
func runColumnsFor(format string) []column[catalog.Run] {
	if format != formatCSV {
		return runColumns
	}
	columns := slices.DeleteFunc(slices.Clone(runColumns), func(c column[catalog.Run]) bool { return c.name == "assets" || c.name == "findings" })
	columns = append(columns, countsOf(func(r catalog.Run) (assets, findings lifecycle.Counts) { return r.Assets, r.Findings })...)
	return append(columns, goneColumns...)
}

// countsOf makes a column of each count.
func countsOf[T any](of func(T) (assets, findings lifecycle.Counts)) []column[T] {
	assets := func(v T) lifecycle.Counts { a, _ := of(v); return a }
	findings := func(v T) lifecycle.Counts { _, f := of(v); return f }
	return []column[T]{
		{"assetsCreated", func(v T) any { return assets(v).Created }},
		{"assetsUpdated", func(v T) any { return assets(v).Updated }},
		{"assetsUnchanged", func(v T) any { return assets(v).Unchanged }},
		{"assetsReturned", func(v T) any { return assets(v).Returned }},
		{"assetsRejected", func(v T) any { return assets(v).Rejected }},
		{"assetsLeftOut", func(v T) any { return assets(v).LeftOut }},
		{"findingsCreated", func(v T) any { return findings(v).Created }},
		{"findingsUpdated", func(v T) any { return findings(v).Updated }},
		{"findingsUnchanged", func(v T) any { return findings(v).Unchanged }},
		{"findingsReturned", func(v T) any { return findings(v).Returned }},
		{"findingsRejected", func(v T) any { return findings(v).Rejected }},
		{"findingsLeftOut", func(v T) any { return findings(v).LeftOut }},
	}
}

func newRunsList(a *app) *cobra.Command {
	var profile string
	var limit int
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List runs, newest first",
		Long: `List runs, newest first. Counts are written +created ~updated =unchanged, and then
what came back, was rejected, or left out by the map, if any. A run without an
outcome is under way: 'sluice status' says how far it is.`,
		Example: "  sluice runs list\n  sluice runs list --profile acme-apps --limit 5",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkLimit(cmd, limit); err != nil {
				return err
			}
			store, err := a.catalog(cmd.Context())
			if err != nil {
				return err
			}
			runs, err := store.Runs(cmd.Context(), profile, limit)
			if err != nil {
				return err
			}
			if len(runs) > 0 {
				return printList(a, runs, runColumnsFor(a.output))
			}
			begin, err := a.howToBegin(cmd.Context(), store, profile)
			if err != nil {
				return err
			}
			return printListOr(a, runs, runColumnsFor(a.output), "no runs yet: %s", begin)
		},
	}
	cmd.Flags().StringVar(&profile, "profile", "", "runs of this profile only")
	addLimit(cmd, &limit, 20, "newest runs to show")
	return cmd
}

// howToBegin says how the first run is begun, of a profile or of any.
func (a *app) howToBegin(ctx context.Context, store *catalog.Store, profile string) (string, error) {
	if profile != "" {
		p, err := store.Profile(ctx, profile)
		return a.howToRun(p), err
	}
	profiles, err := store.Profiles(ctx)
	if len(profiles) == 1 {
		return a.howToRun(profiles[0]), err
	}
	return fmt.Sprintf("'%s' starts one, and of a profile of kind file '%s'", a.command("run PROFILE --wait"), a.command("import FILE --profile PROFILE")), err
}

// oneRun opens the database and finds the run that a command's argument names
// by its number.
func (a *app) oneRun(cmd *cobra.Command, arg string) (*catalog.Store, catalog.Run, error) {
	id, err := strconv.ParseInt(arg, 10, 64)
	if err != nil || id < 1 {
		return nil, catalog.Run{}, wrongUsage(cmd, "%q is not the number of a run: 'sluice runs list' shows them", arg)
	}
	store, err := a.catalog(cmd.Context())
	if err != nil {
		return nil, catalog.Run{}, err
	}
	r, err := store.Run(cmd.Context(), id)
	return store, r, err
}

func newRunsLogs(a *app) *cobra.Command {
	var flags logFlags
	cmd := &cobra.Command{
		Use:     "logs RUN",
		Short:   "Show the log of a run",
		Long:    "Show the log of a run. With --follow, lines are shown as they are written, until the run is over.",
		Example: "  sluice runs logs 12\n  sluice runs logs 12 --level warn --output ndjson\n  sluice runs logs 12 --follow",
		Args:    oneArgument("run number"),
		RunE: func(cmd *cobra.Command, args []string) error {
			filter, err := flags.filter(cmd)
			if err != nil {
				return err
			}
			store, r, err := a.oneRun(cmd, args[0])
			if err != nil {
				return err
			}
			return flags.show(cmd.Context(), a, filter,
				func(ctx context.Context, f catalog.LogFilter) ([]catalog.LogEntry, error) {
					return store.RunLog(ctx, r.ID, f)
				},
				func(ctx context.Context) (bool, error) {
					now, err := store.Run(ctx, r.ID)
					return now.FinishedAt != nil, err
				})
		},
	}
	flags.add(cmd, 200)
	return cmd
}

var rejectColumns = []column[catalog.Reject]{
	{"stream", func(r catalog.Reject) any { return r.Stream }},
	{"batch", func(r catalog.Reject) any { return r.Batch }},
	{"stage", func(r catalog.Reject) any { return r.Stage }},
	{"ordinal", func(r catalog.Reject) any { return r.Ordinal }},
	{"assetId", func(r catalog.Reject) any { return r.AssetID }},
	{"findingId", func(r catalog.Reject) any { return r.FindingID }},
	{"mapRow", func(r catalog.Reject) any { return r.MapRow }},
	{"value", func(r catalog.Reject) any { return jsonText(r.Value) }},
	{"reason", func(r catalog.Reject) any { return r.Reason }},
}

func newRunsRejects(a *app) *cobra.Command {
	var limit, offset int
	cmd := &cobra.Command{
		Use:   "rejects RUN",
		Short: "Show what a run did not take into the inventory, and why",
		Long: `Show the records, and findings of records, that a run did not take into the
inventory: which row of the transform map failed on which value. As csv, json or
ndjson all of them are written, unless --limit says how many.

When the map is mended, 'sluice runs replay RUN --rejects-only' maps them again.`,
		Example: "  sluice runs rejects 12\n  sluice runs rejects 12 --output csv > rejects.csv\n  sluice runs replay 12 --rejects-only --wait   # after the map was mended",
		Args:    oneArgument("run number"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkLimit(cmd, limit); err != nil {
				return err
			}
			if offset < 0 {
				return wrongUsage(cmd, "--offset %d is out of range: give 0 or more", offset)
			}
			store, r, err := a.oneRun(cmd, args[0])
			if err != nil {
				return err
			}
			rejects, err := store.Rejects(cmd.Context(), r.ID, limit, offset)
			if err != nil {
				return err
			}
			// What goes to a file is all there is, unless a limit is asked for.
			for page := len(rejects); !a.forTables() && !cmd.Flags().Changed("limit") && page == limit; {
				more, err := store.Rejects(cmd.Context(), r.ID, limit, offset+len(rejects))
				if err != nil {
					return err
				}
				rejects, page = append(rejects, more...), len(more)
			}
			if err := printList(a, rejects, rejectColumns); err != nil || !a.forTables() {
				return err
			}
			switch {
			case len(rejects) == 0 && offset == 0:
				a.note("run %d rejected nothing", r.ID)
			case len(rejects) == 0:
				a.note("run %d has no more than %d rejects: there are none beyond --offset %d", r.ID, offset, offset)
			case len(rejects) == limit:
				a.note("More: %s", a.command(fmt.Sprintf("runs rejects %d --limit %d --offset %d", r.ID, limit, offset+limit)))
			}
			return nil
		},
	}
	addLimit(cmd, &limit, 100, "rejects to show")
	cmd.Flags().IntVar(&offset, "offset", 0, "rejects to pass over")
	return cmd
}

func newRunsCancel(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "cancel RUN|PROFILE",
		Short: "Cancel a run, by its number or its profile",
		Long: `Cancel a run, by its number or its profile. What was written stays; nothing is
taken for gone, and the next delta run reads what this one did not.`,
		Example: "  sluice runs cancel acme-apps\n  sluice runs cancel 12",
		Args:    oneArgument("run number or profile name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.cancel(cmd.Context(), args[0])
		},
	}
}

// cancel cancels the run of that number, or of that profile.
func (a *app) cancel(ctx context.Context, name string) error {
	store, temporal, err := a.both(ctx)
	if err != nil {
		return err
	}
	if id, err := strconv.ParseInt(name, 10, 64); err == nil {
		r, err := store.Run(ctx, id)
		if err != nil {
			return err
		}
		if r.FinishedAt != nil {
			return fmt.Errorf("run %d is over (%s): there is nothing to cancel", r.ID, r.Outcome)
		}
		d, err := describe(ctx, temporal, r.WorkflowID)
		if err != nil {
			return err
		}
		if info := d.GetWorkflowExecutionInfo(); info.GetStatus() != enums.WORKFLOW_EXECUTION_STATUS_RUNNING || info.GetFirstRunId() != r.FirstRunID {
			return a.closeLost(ctx, store, r.ID)
		}
		return a.askToStop(ctx, r.WorkflowID, fmt.Sprintf("run %d", r.ID))
	}
	p, err := store.Profile(ctx, name)
	if err != nil {
		return err
	}
	now, err := a.situationOf(ctx, p)
	switch {
	case err != nil:
		return err
	case now.Running != nil:
		return a.askToStop(ctx, now.Running.GetWorkflowExecutionInfo().GetExecution().GetWorkflowId(), "the run of "+p.Name)
	case now.Holder != nil:
		return a.closeLost(ctx, store, now.Holder.RunID)
	}
	return fmt.Errorf("no run of %s is under way: there is nothing to cancel", p.Name)
}

// askToStop asks a workflow to end; it does so as soon as a worker hears of it.
func (a *app) askToStop(ctx context.Context, workflowID, what string) error {
	temporal, err := a.dial(ctx)
	if err != nil {
		return err
	}
	if err := temporal.CancelWorkflow(ctx, workflowID, ""); err != nil {
		return fmt.Errorf("cancel %s: %w", what, err)
	}
	a.note("%s was asked to stop: it ends as soon as what is being written is written", what)
	return nil
}

// closeLost closes a run that Temporal does not run any more.
func (a *app) closeLost(ctx context.Context, store *catalog.Store, runID int64) error {
	err := store.BreakLease(ctx, runID, lifecycle.Cancelled, "its workflow had been ended from outside; what was written stays")
	if err != nil {
		return err
	}
	a.note("Temporal did not run run %d any more; it is closed now", runID)
	return nil
}
