package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"sluice/activities"
	"sluice/internal/lifecycle"
	"sluice/internal/source"
	"sluice/internal/source/kinds"
	"sluice/workflows"
)

func newRun(a *app) *cobra.Command {
	var mode string
	var acceptShrink, dryRun, wait bool
	cmd := &cobra.Command{
		Use:   "run PROFILE",
		Short: "Start a run of a profile",
		Long: `Start a run of a profile. Mode full reads everything; delta reads what changed
since the last complete run; auto is full when delta could miss something, for
example because the last full run is old.

The run does not need this command: with --wait, Ctrl-C leaves it running.
Counts in its progress are written +created ~updated =unchanged.

With --dry-run, the run does all that a run does, asking the vendor and writing,
but what it writes into the inventory is rolled back, batch by batch: it says what
it would have done, what would have gone stale or be fixed included. The next run
is the same as without it. A batch does not see what the batches before it would
have created: where findings come apart from their assets, an asset that is new
is counted again by each batch of its findings.

` + exitCodesHelp,
		Example: `  sluice run acme-apps --wait
  sluice run acme-apps --mode full
  sluice run acme-apps --mode full --dry-run --wait
  sluice run acme-apps --accept-shrink --wait   # after the account's scope was narrowed on purpose`,
		Args: oneArgument("profile name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOneOf(cmd, "mode", mode, string(lifecycle.Auto), string(lifecycle.Full), string(lifecycle.Delta)); err != nil {
				return err
			}
			return a.runProfile(cmd.Context(), workflows.Input{Profile: args[0], Mode: lifecycle.Mode(mode), AcceptShrink: acceptShrink, DryRun: dryRun}, wait)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&mode, "mode", string(lifecycle.Auto), "auto, full or delta")
	flags.BoolVar(&acceptShrink, "accept-shrink", false, "let this run take any share of the assets and findings for gone")
	flags.BoolVar(&dryRun, "dry-run", false, "roll back all that the run writes into the inventory, and say what it would have done")
	flags.BoolVarP(&wait, "wait", "w", false, "show progress and wait for the end")
	return cmd
}

// runProfile starts a run and, with wait, follows it to its end; the exit code
// is then its outcome's.
func (a *app) runProfile(ctx context.Context, in workflows.Input, wait bool) error {
	run, err := a.start(ctx, in)
	if err != nil {
		return err
	}
	return a.started(ctx, run, in.Profile, wait)
}

// started says that a run was started or, with wait, follows it to its end.
func (a *app) started(ctx context.Context, run execution, profile string, wait bool) error {
	if !wait {
		return a.printStarted(run, profile)
	}
	end, err := a.follow(ctx, run, profile)
	if err != nil {
		return err
	}
	if err := a.printEnding(end); err != nil {
		return err
	}
	if code := exitFor(end.Outcome); code != exitOK {
		return exitError(code)
	}
	return nil
}

// execution is a run in Temporal: the chain that its first execution began.
type execution struct {
	workflowID, firstRunID string
}

// start starts a profile's run.
func (a *app) start(ctx context.Context, in workflows.Input) (execution, error) {
	store, temporal, err := a.both(ctx)
	if err != nil {
		return execution{}, err
	}
	p, err := store.Profile(ctx, in.Profile)
	if err != nil {
		return execution{}, err
	}
	if err := a.checkRuns(p); err != nil {
		return execution{}, err
	}
	if kind, err := kinds.Find(p.Kind); err == nil && source.ReadsUploads(kind) && in.Upload == 0 {
		how := " --wait"
		if in.DryRun {
			how = " --dry-run --wait"
		}
		return execution{}, fmt.Errorf("profile %s reads files: '%s' sends one and runs it", p.Name, a.command("import FILE --profile "+p.Name+how))
	}
	id := workflows.WorkflowID(p.Name)
	run, err := temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: id, TaskQueue: a.taskQueue(),
		WorkflowIDConflictPolicy:                 enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		Memo:                                     map[string]any{activities.MemoStartedBy: "cli"},
		StaticSummary:                            workflows.StaticSummary(p.Name, p.Kind, p.Connector, in.Mode),
		StaticDetails:                            workflows.StaticDetails(p.Name),
	}, workflows.IngestionType, in)
	var started *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &started) {
		return execution{}, a.underWay(p.Name)
	}
	if err != nil {
		return execution{}, fmt.Errorf("start a run of %s: %w", p.Name, err)
	}
	return execution{id, run.GetRunID()}, nil
}

// startedView says which execution was started.
type startedView struct {
	Profile    string `json:"profile"`
	WorkflowID string `json:"workflowId"`
	FirstRunID string `json:"firstRunId"`
}

func (a *app) printStarted(run execution, profile string) error {
	if a.forTables() {
		a.say("started a run of %s (workflow %s)\nFollow it: %s", profile, run.workflowID, a.command("status "+profile+" --watch"))
		return nil
	}
	return printOne(a, startedView{profile, run.workflowID, run.firstRunID}, []column[startedView]{
		{"profile", func(s startedView) any { return s.Profile }},
		{"workflowId", func(s startedView) any { return s.WorkflowID }},
		{"firstRunId", func(s startedView) any { return s.FirstRunID }},
	})
}
