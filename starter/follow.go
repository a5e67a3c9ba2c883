package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"sluice/activities"
	"sluice/internal/catalog"
	"sluice/internal/lifecycle"
	"sluice/workflows"
)

const (
	// queryBound bounds a query: with no worker to answer, Temporal would keep
	// it for ten seconds.
	queryBound = 3 * time.Second
	// followEvery is how often a run that is waited for is looked at.
	followEvery = 500 * time.Millisecond
)

// errNoAnswer says that no worker answered a query in time.
var errNoAnswer = errors.New("no worker answers")

// ending is how a run that was waited for ended.
type ending struct {
	workflows.Result
	Profile string `json:"profile"`
	// Entries are those that findings refer to; null when none were read.
	Entries *lifecycle.Counts `json:"entries"`
	// LeftAlone are assets and findings that newer runs have brought than the
	// one that was replayed.
	LeftAlone int64 `json:"leftAlone,omitempty"`
	Dry       bool  `json:"dry,omitempty"` // nothing of it is in the inventory
	Records   int64 `json:"records"`       // that were read
}

// follow shows a run's progress until it has ended. It is in nobody's way:
// the run goes on without it, over outages of Temporal and of the workers.
func (a *app) follow(ctx context.Context, run execution, profile string) (ending, error) {
	temporalClient, err := a.dial(ctx)
	if err != nil {
		return ending{}, err
	}
	display := a.newDisplay()
	defer display.end()
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		d, err := describeChain(ctx, temporalClient, run)
		switch {
		case ctx.Err() != nil:
			display.end()
			a.note("The run goes on. Follow it: %s\nStop it:   %s", a.command("status "+profile+" --watch"), a.command("runs cancel "+profile))
			return ending{}, exitError(exitInterrupted)
		case err != nil && lasting(err):
			return ending{}, err
		case err != nil:
			display.trouble("Temporal does not answer; the run goes on as soon as it does")
		case d.GetWorkflowExecutionInfo().GetStatus() != enums.WORKFLOW_EXECUTION_STATUS_RUNNING:
			if progress, err := queryProgress(ctx, temporalClient, d); err == nil {
				display.show(progress)
			}
			return a.endOf(ctx, temporalClient, run, profile)
		default:
			progress, err := queryProgress(ctx, temporalClient, d)
			pools := unserved(d, time.Now())
			switch {
			case err == nil && len(pools) > 0:
				display.trouble(waitsForPool(progress.RunID, pools[0]))
			case err == nil:
				display.show(withHeartbeats(progress, d), retriesOf(d)...)
			case ctx.Err() == nil:
				display.trouble(fmt.Sprintf("no worker answers on task queue %q; the run goes on as soon as one does ('sluice dev' or sluice-worker)", a.taskQueue()))
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// lasting says whether asking again would bring the same error.
func lasting(err error) bool {
	var unavailable *serviceerror.Unavailable
	var late *serviceerror.DeadlineExceeded
	return !(errors.As(err, &unavailable) || errors.As(err, &late) || errors.Is(err, context.DeadlineExceeded))
}

// describeChain describes the latest execution of a chain.
func describeChain(ctx context.Context, c client.Client, run execution) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, queryBound)
	defer cancel()
	d, err := c.DescribeWorkflowExecution(ctx, run.workflowID, "")
	if err != nil {
		return nil, err
	}
	if d.GetWorkflowExecutionInfo().GetFirstRunId() == run.firstRunID {
		return d, nil
	}
	// A later chain has the id: the one asked for has ended.
	return c.DescribeWorkflowExecution(ctx, run.workflowID, run.firstRunID)
}

// queryProgress asks a described workflow how far it is; errNoAnswer when no
// worker is there to tell.
func queryProgress(ctx context.Context, c client.Client, d *workflowservice.DescribeWorkflowExecutionResponse) (lifecycle.Progress, error) {
	ctx, cancel := context.WithTimeout(ctx, queryBound)
	defer cancel()
	var p lifecycle.Progress
	id := d.GetWorkflowExecutionInfo().GetExecution()
	answer, err := c.QueryWorkflow(ctx, id.GetWorkflowId(), id.GetRunId(), workflows.QueryProgress)
	if err != nil {
		return p, fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	if err := answer.Get(&p); err != nil {
		return p, fmt.Errorf("read the progress of %s: %w", id.GetWorkflowId(), err)
	}
	return p, nil
}

// withHeartbeats brings progress up to what the activities at work said last:
// the workflow itself hears of a batch when it is done.
func withHeartbeats(p lifecycle.Progress, d *workflowservice.DescribeWorkflowExecutionResponse) lifecycle.Progress {
	for _, pending := range d.GetPendingActivities() {
		var beat activities.Beat
		if converter.GetDefaultDataConverter().FromPayloads(pending.GetHeartbeatDetails(), &beat) != nil {
			continue // nothing was said yet
		}
		for i := range p.Streams {
			if s := &p.Streams[i]; s.Name == beat.Stream {
				s.Records, s.Pages, s.Expected = max(s.Records, beat.Records), max(s.Pages, beat.Pages), max(s.Expected, beat.Expected)
			}
		}
	}
	return p
}

// endOf tells how a chain that Temporal no longer runs ended.
func (a *app) endOf(ctx context.Context, temporalClient client.Client, run execution, profile string) (ending, error) {
	store, err := a.catalog(ctx)
	if err != nil {
		return ending{}, err
	}
	end := ending{Profile: profile}
	werr := temporalClient.GetWorkflow(ctx, run.workflowID, run.firstRunID).Get(ctx, &end.Result)
	row, err := store.RunByExecution(ctx, run.firstRunID)
	switch {
	case errors.Is(err, catalog.ErrNotFound):
		if werr != nil { // it never began
			end.Outcome, end.Reason = outcomeOf(werr), reasonOf(werr)
		}
		return end, nil
	case err != nil:
		return ending{}, err
	case row.Outcome == "": // it was ended from outside: terminated
		end.Outcome, end.Reason = outcomeOf(werr), "the workflow ended without finishing the run; the next run closes it"
	default:
		end.Outcome, end.Reason = row.Outcome, row.Reason
	}
	end.RunID, end.Mode, end.Assets, end.Findings = row.ID, row.Mode, row.Assets, row.Findings
	end.LeftAlone, end.Dry = row.LeftAlone, row.Dry
	phases, err := store.Phases(ctx, row.ID)
	end.Entries = entriesOf(phases)
	for _, p := range phases {
		end.Records += p.Records
	}
	return end, err
}

// outcomeOf is the outcome of a run whose workflow ended with an error.
func outcomeOf(err error) lifecycle.Outcome {
	if temporal.IsCanceledError(err) {
		return lifecycle.Cancelled
	}
	return lifecycle.Failed
}

var countColumns = []column[countsRow]{
	{"", func(c countsRow) any { return c.what }},
	{"created", func(c countsRow) any { return c.Created }},
	{"updated", func(c countsRow) any { return c.Updated }},
	{"unchanged", func(c countsRow) any { return c.Unchanged }},
	{"returned", func(c countsRow) any { return c.Returned }},
	{"rejected", func(c countsRow) any { return c.Rejected }},
	{"leftOut", func(c countsRow) any { return c.LeftOut }},
}

// countColumnsFor leaves out what maps left out, where they left out nothing.
func countColumnsFor(rows []countsRow) []column[countsRow] {
	if slices.ContainsFunc(rows, func(c countsRow) bool { return c.LeftOut > 0 }) {
		return countColumns
	}
	return slices.DeleteFunc(slices.Clone(countColumns), func(c column[countsRow]) bool { return c.name == "leftOut" })
}

// countsRow is a row of the table of counts.
type countsRow struct {
	what string
	lifecycle.Counts
}

// countsRows is the table; entries are nil where there were none to read.
func countsRows(assets, findings lifecycle.Counts, entries *lifecycle.Counts) []countsRow {
	rows := []countsRow{{"assets", assets}, {"findings", findings}}
	if entries != nil {
		rows = append(rows, countsRow{"knowledge base", *entries})
	}
	return rows
}

// printEnding prints what a run came to.
func (a *app) printEnding(end ending) error {
	if !a.forTables() {
		return printOne(a, end, endingColumns)
	}
	line := fmt.Sprintf("run %d of %s: %s", end.RunID, end.Profile, end.Outcome)
	if end.RunID == 0 {
		line = fmt.Sprintf("run of %s: %s", end.Profile, end.Outcome)
	}
	if end.Reason != "" {
		line += ": " + harmless(end.Reason)
	}
	a.say("%s", line)
	if end.RunID == 0 {
		return nil
	}
	if end.Dry {
		a.say("A dry run: nothing of this is in the inventory.")
	}
	if end.Records == 0 {
		a.say("0 records: there was nothing to read.")
	}
	rows := countsRows(end.Assets, end.Findings, end.Entries)
	if err := printList(a, rows, countColumnsFor(rows)); err != nil {
		return err
	}
	if end.Stale+end.Fixed > 0 {
		a.say("gone: %d assets went stale, %d findings are fixed", end.Stale, end.Fixed)
	}
	if end.LeftAlone > 0 {
		a.say("left alone: %d assets and findings that newer runs have brought", end.LeftAlone)
	}
	if end.Assets.Rejected+end.Findings.Rejected > 0 || end.Entries != nil && end.Entries.Rejected > 0 {
		a.say("What was rejected, and why: %s", a.command(fmt.Sprintf("runs rejects %d", end.RunID)))
	}
	return nil
}

var endingColumns = slices.Concat([]column[ending]{
	{"profile", func(e ending) any { return e.Profile }},
	{"runId", func(e ending) any { return e.RunID }},
	{"outcome", func(e ending) any { return string(e.Outcome) }},
	{"reason", func(e ending) any { return e.Reason }},
	{"mode", func(e ending) any { return string(e.Mode) }},
	{"stale", func(e ending) any { return e.Stale }},
	{"fixed", func(e ending) any { return e.Fixed }},
}, countsOf(func(e ending) (assets, findings lifecycle.Counts) { return e.Assets, e.Findings }))
