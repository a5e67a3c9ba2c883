package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"sluice/internal/catalog"
	"sluice/internal/lifecycle"
	"sluice/workflows"
)

// statusAtOnce is how many profiles are asked about at a time.
const statusAtOnce = 16

// profileStatus is where a profile stands, from those who know: Temporal for
// what is running, the catalog for what has been.
type profileStatus struct {
	Profile   string          `json:"profile"`
	Connector string          `json:"connector"`
	Kind      string          `json:"kind"`
	Active    bool            `json:"active"`
	State     lifecycle.State `json:"state"`
	Running   *runningStatus  `json:"running"` // null: nothing runs
	Last      *catalog.Run    `json:"last"`    // the last finished run
	Note      string          `json:"note,omitempty"`
}

// runningStatus is a run that Temporal is running.
type runningStatus struct {
	RunID      int64  `json:"runId,omitempty"` // 0: it has not been planned yet
	WorkflowID string `json:"workflowId"`
	// Progress is what the workflow says; null when no worker answers for it.
	Progress *lifecycle.Progress `json:"progress"`
}

func newStatus(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "status [PROFILE]",
		Short: "Show where profiles stand and how far their runs are",
		Long: `Show where profiles stand:

  Registered   nothing will start it by itself
  Scheduled    something will start it
  Processing   a run is bringing assets in
  Processed    a run has brought all assets in

The outcome of the last run is told beside it: a failure does not change the state.`,
		Example: "  sluice status\n  sluice status acme-apps --output json",
		Args:    atMostOne("profile name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			if len(args) == 0 {
				return a.printAllStatus(ctx)
			}
			store, temporal, err := a.both(ctx)
			if err != nil {
				return err
			}
			p, err := store.Profile(ctx, args[0])
			if err != nil {
				return err
			}
			st, err := statusOf(ctx, store, temporal, p)
			if err != nil {
				return err
			}
			return a.printStatus(st)
		},
	}
}

func (a *app) printAllStatus(ctx context.Context) error {
	store, temporal, err := a.both(ctx)
	if err != nil {
		return err
	}
	profiles, err := store.Profiles(ctx)
	if err != nil {
		return err
	}
	all := make([]profileStatus, len(profiles))
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(statusAtOnce)
	for i, p := range profiles {
		group.Go(func() error {
			var err error
			all[i], err = statusOf(gctx, store, temporal, p)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if len(all) == 0 && a.forTables() {
		a.note("no profiles yet: '%s' shows how to make one", a.command("profiles create --help"))
	}
	return printList(a, all, statusColumns)
}

var statusColumns = []column[profileStatus]{
	{"profile", func(s profileStatus) any { return s.Profile }},
	{"connector", func(s profileStatus) any { return s.Connector }},
	{"state", func(s profileStatus) any { return string(s.State) }},
	{"running", func(s profileStatus) any { return s.running() }},
	{"lastOutcome", func(s profileStatus) any {
		if s.Last == nil {
			return ""
		}
		return string(s.Last.Outcome)
	}},
	{"lastRun", func(s profileStatus) any {
		if s.Last == nil {
			return ""
		}
		return s.Last.ID
	}},
	{"finishedAt", func(s profileStatus) any {
		if s.Last == nil {
			return nil
		}
		return s.Last.FinishedAt
	}},
	{"reason", func(s profileStatus) any {
		switch {
		case s.Note != "":
			return s.Note
		case s.Last != nil:
			return s.Last.Reason
		}
		return ""
	}},
}

// running says in some words what runs.
func (s profileStatus) running() string {
	switch r := s.Running; {
	case r == nil:
		return ""
	case r.Progress == nil:
		return "no worker answers"
	case r.RunID == 0:
		return "planning"
	default:
		var records, expected int64
		for _, stream := range r.Progress.Streams {
			records += stream.Records
			expected += stream.Expected
		}
		text := fmt.Sprintf("run %d: %d", r.RunID, records)
		if expected > 0 {
			text += fmt.Sprintf("/%d", expected)
		}
		return text + " records"
	}
}

// printStatus prints one profile's status, with its streams.
func (a *app) printStatus(s profileStatus) error {
	if err := printOne(a, s, statusColumns); err != nil || !a.forTables() || s.Running == nil || s.Running.Progress == nil {
		return err
	}
	for _, stream := range s.Running.Progress.Streams {
		a.say("  %s", harmless(stream.Line()))
	}
	return nil
}

// statusOf finds out where a profile stands. The holder of the profile's
// lease is its run, as long as Temporal runs that; a workflow of the profile
// that has taken no lease is about to plan.
func statusOf(ctx context.Context, store *catalog.Store, temporal client.Client, p catalog.Profile) (profileStatus, error) {
	s := profileStatus{Profile: p.Name, Connector: p.Connector, Kind: p.Kind, Active: p.Active}
	standing, err := store.StandingOf(ctx, p)
	if err != nil {
		return s, err
	}
	s.Last = standing.Last
	facts := lifecycle.Facts{AssetsIn: standing.AssetsIn}
	running, err := runningOf(ctx, store, temporal, p, standing)
	if err != nil {
		return s, err
	}
	if running == nil && standing.Holder != nil {
		s.Note = fmt.Sprintf("run %d was ended from outside; the next run closes it", standing.Holder.RunID)
	}
	if running != nil {
		s.Running = &runningStatus{WorkflowID: running.GetWorkflowExecutionInfo().GetExecution().GetWorkflowId()}
		facts.Fetching = true
		if standing.Holder != nil {
			s.Running.RunID = standing.Holder.RunID
		}
		progress, err := queryProgress(ctx, temporal, running)
		switch {
		case err == nil:
			progress = withHeartbeats(progress, running)
			s.Running.Progress, s.Running.RunID = &progress, progress.RunID
			facts.Fetching = progress.State == lifecycle.Processing
			facts.AssetsIn = facts.AssetsIn || progress.AssetsIn()
		case ctx.Err() != nil:
			return s, ctx.Err()
		case errors.Is(err, errNoAnswer):
			s.Note = "no worker answers: the run goes on as soon as one does"
		default:
			return s, err
		}
	}
	s.State = lifecycle.Of(facts)
	return s, nil
}

// runningOf describes the workflow that is the profile's run, nil when
// nothing runs.
func runningOf(ctx context.Context, store *catalog.Store, temporal client.Client, p catalog.Profile, standing catalog.Standing) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	ids := []string{workflows.WorkflowID(p.Name)}
	if h := standing.Holder; h != nil && h.WorkflowID != ids[0] {
		ids = slices.Insert(ids, 0, h.WorkflowID)
	}
	for _, id := range ids {
		d, err := describe(ctx, temporal, id)
		if err != nil {
			return nil, err
		}
		info := d.GetWorkflowExecutionInfo()
		if info.GetStatus() != enums.WORKFLOW_EXECUTION_STATUS_RUNNING {
			continue
		}
		if h := standing.Holder; h != nil && info.GetFirstRunId() == h.FirstRunID {
			return d, nil
		}
		row, err := store.RunByExecution(ctx, info.GetFirstRunId())
		switch {
		case errors.Is(err, catalog.ErrNotFound):
			return d, nil // it has not been planned yet
		case err != nil:
			return nil, err
		case row.FinishedAt == nil:
			return d, nil
		}
		// It has finished the run and is about to end.
	}
	return nil, nil
}

// describe asks Temporal about the latest execution of a workflow id; nil
// when there is none.
func describe(ctx context.Context, temporal client.Client, workflowID string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	d, err := temporal.DescribeWorkflowExecution(ctx, workflowID, "")
	var gone *serviceerror.NotFound
	if errors.As(err, &gone) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("ask Temporal about workflow %s: %w", workflowID, err)
	}
	return d, nil
}
