package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"sluice/internal/catalog"
	"sluice/internal/source"
	"sluice/workflows"
)

// How long a test may take, and how long it may stay without a worker before
// it is given up.
const (
	testBound   = 3 * time.Minute
	workerBound = 5 * time.Second
)

// checkView is a step of a connection test as it is shown.
type checkView struct {
	Kind      string        `json:"kind"`
	Step      string        `json:"step"`
	Health    source.Health `json:"health"`
	LatencyMS int64         `json:"latencyMs"`
	Seen      *int64        `json:"seen"` // records the account sees; null: not said
	Message   string        `json:"message"`
	Advice    string        `json:"advice"`
}

func viewCheck(kind string, c source.Check) checkView {
	v := checkView{Kind: kind, Step: c.Step, Health: c.Health, LatencyMS: c.Latency.Milliseconds(), Message: c.Message, Advice: c.Advice}
	if c.Seen >= 0 {
		v.Seen = &c.Seen
	}
	return v
}

var checkColumns = []column[checkView]{
	{"kind", func(c checkView) any { return c.Kind }},
	{"step", func(c checkView) any { return c.Step }},
	{"health", func(c checkView) any { return string(c.Health) }},
	{"latencyMs", func(c checkView) any { return c.LatencyMS }},
	{"seen", func(c checkView) any { return c.Seen }},
	{"message", func(c checkView) any { return c.Message }},
}

func newConnectorsTest(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "test NAME",
		Short: "Test a connector, from where the workers are",
		Long: `Test a connector for every kind of its provider, from where the workers are:
that is where its runs will connect from. The exit code is 1 when something is
not healthy.`,
		Example: "  sluice connectors test acme",
		Args:    oneArgument("connector name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := a.catalog(cmd.Context())
			if err != nil {
				return err
			}
			c, err := store.Connector(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.testConnector(cmd.Context(), c)
		},
	}
}

// testConnector tests a connector for all kinds of its provider and prints
// the steps. When something is not healthy the error is an exit code.
func (a *app) testConnector(ctx context.Context, c catalog.Connector) error {
	temporal, err := a.dial(ctx)
	if err != nil {
		return err
	}
	var names []string
	for _, k := range kindsOf(c.Provider) {
		names = append(names, k.Name())
	}
	result, err := a.runTest(ctx, temporal, c.Name, names)
	if err != nil {
		return err
	}
	var views []checkView
	healthy := true
	for _, kind := range names {
		for _, check := range result.Checks[kind] {
			views = append(views, viewCheck(kind, check))
			healthy = healthy && check.Health == source.Healthy
		}
	}
	columns := checkColumns
	if !a.forTables() {
		columns = slices.Concat(checkColumns, []column[checkView]{{"advice", func(c checkView) any { return c.Advice }}})
	}
	if err := printList(a, views, columns); err != nil {
		return err
	}
	if a.forTables() {
		for _, v := range views { // advice is too long for a cell
			if v.Advice != "" {
				a.say("%s: %s", harmless(v.Step), harmless(v.Advice))
			}
		}
	}
	if !healthy {
		return exitError(exitFailure)
	}
	return nil
}

// runTest runs the test workflow and waits for it. A test that is under way
// already is joined.
func (a *app) runTest(ctx context.Context, temporalClient client.Client, connector string, kinds []string) (workflows.TestResult, error) {
	var none, result workflows.TestResult
	queue := a.taskQueue()
	run, err := temporalClient.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: "test/" + connector, TaskQueue: queue,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowExecutionTimeout: testBound,
		StaticSummary:            "connection test of " + connector,
	}, workflows.ConnectionTestType, workflows.TestInput{Connector: connector, Kinds: kinds})
	if err != nil {
		return none, fmt.Errorf("start the connection test: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- run.Get(ctx, &result) }()
	select {
	case err = <-ended:
	case <-time.After(workerBound):
		untouched, uerr := a.untouched(ctx, temporalClient, run)
		if uerr != nil {
			return none, uerr
		}
		if untouched {
			err := temporalClient.TerminateWorkflow(ctx, run.GetID(), run.GetRunID(), "no worker took it up")
			return none, errors.Join(fmt.Errorf("no worker answers on task queue %q: start one with 'sluice dev', or sluice-worker", queue), err)
		}
		err = <-ended
	}
	if ctx.Err() != nil {
		return none, ctx.Err()
	}
	if err != nil {
		return none, fmt.Errorf("the connection test of %s ended without a result: %s", connector, reasonOf(err))
	}
	return result, nil
}

// untouched says whether no worker has taken up a workflow yet.
func (a *app) untouched(ctx context.Context, temporalClient client.Client, run client.WorkflowRun) (bool, error) {
	d, err := temporalClient.DescribeWorkflowExecution(ctx, run.GetID(), run.GetRunID())
	if err != nil {
		return false, fmt.Errorf("ask Temporal about the connection test: %w", err)
	}
	task := d.GetPendingWorkflowTask()
	return d.GetWorkflowExecutionInfo().GetHistoryLength() <= 2 && task.GetState() != enums.PENDING_WORKFLOW_TASK_STATE_STARTED, nil
}

// reasonOf is what a workflow's error says to a person, without Temporal's
// own words around it.
func reasonOf(err error) string {
	var app *temporal.ApplicationError
	var timeout *temporal.TimeoutError
	switch {
	case errors.As(err, &app):
		return app.Message()
	case errors.As(err, &timeout):
		return "it took too long: a worker may have gone away, or the vendor does not answer"
	case temporal.IsCanceledError(err):
		return "it was cancelled"
	}
	return err.Error()
}
