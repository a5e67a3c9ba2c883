package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"sluice/internal/catalog"
	"sluice/internal/source"
	"sluice/internal/source/kinds"
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
	{"seen", func(c checkView) any { return c.Seen }},
	{"latencyMs", func(c checkView) any { return c.LatencyMS }},
	{"message", func(c checkView) any { return c.Message }},
}

// testFlags say whether, and for which kinds, a connector is tested.
type testFlags struct {
	wanted bool
	kinds  []string // none: all of the provider
}

func (f *testFlags) add(cmd *cobra.Command, help string) {
	cmd.Flags().BoolVar(&f.wanted, "test", false, help)
	f.addKinds(cmd)
}

func (f *testFlags) addKinds(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&f.kinds, "kind", nil, "kinds to test it for, with commas between (default: all of its provider)")
}

// check refuses kinds that the provider does not have.
func (f *testFlags) check(cmd *cobra.Command, p source.Provider) error {
	if len(f.kinds) > 0 && !f.wanted {
		return wrongUsage(cmd, "--kind says what is tested: add --test")
	}
	for i, name := range f.kinds {
		k, err := kinds.Find(strings.TrimSpace(name))
		if err != nil {
			return err
		}
		if k.Provider() != p.Name {
			return fmt.Errorf("kind %s is not one of %s", k.Name(), p.Title)
		}
		f.kinds[i] = k.Name()
	}
	return nil
}

// names are the kinds to test a connector for.
func (f *testFlags) names(c catalog.Connector) []string {
	if len(f.kinds) > 0 {
		return f.kinds
	}
	var names []string
	for _, k := range kindsOf(c.Provider) {
		names = append(names, k.Name())
	}
	return names
}

const connectsHelp = `It connects when everything is healthy for the kinds that --kind names or, without
--kind, for at least one kind: an account need not have all of a vendor's products.`

func newConnectorsTest(a *app) *cobra.Command {
	test := testFlags{wanted: true}
	cmd := &cobra.Command{
		Use:   "test NAME",
		Short: "Test a connector, from where the workers are, and show what its account sees",
		Long: `Test a connector from where the workers are: that is where its runs will connect
from. Each step says how many records the account sees, and whether that is
fewer than at the last test: vendors leave out what is outside an account's
scope without a word. The exit code is 1 when something is not healthy.`,
		Example: "  sluice connectors test acme\n  sluice connectors test acme --kind qualys-was --output json",
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
			p, err := kinds.FindProvider(c.Provider)
			if err != nil {
				return err
			}
			if err := test.check(cmd, p); err != nil {
				return err
			}
			unhealthy, err := a.testConnector(cmd.Context(), c, test.names(c))
			if err == nil && len(unhealthy) > 0 {
				return exitError(exitFailure)
			}
			return err
		},
	}
	test.addKinds(cmd)
	return cmd
}

// connects tests a connector that is to be kept only if it connects, and
// returns the kinds that it can be used for. When it does not connect the error
// is an exit code.
func (a *app) connects(ctx context.Context, c catalog.Connector, test testFlags) (usable []string, err error) {
	names := test.names(c)
	unhealthy, err := a.testConnector(ctx, c, names)
	switch {
	case err != nil:
		return nil, err
	case len(unhealthy) == 0:
		return names, nil
	case len(unhealthy) == len(names) || len(test.kinds) > 0:
		return nil, exitError(exitFailure)
	}
	a.note("It cannot be used for %s as it is; for the others it can.", strings.Join(unhealthy, ", "))
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(unhealthy, name) }), nil
}

// testConnector tests a connector for some kinds, prints the steps, and
// returns the kinds for which something is not healthy.
func (a *app) testConnector(ctx context.Context, c catalog.Connector, names []string) (unhealthy []string, err error) {
	temporal, err := a.dial(ctx)
	if err != nil {
		return nil, err
	}
	result, err := a.runTest(ctx, temporal, c, names)
	if err != nil {
		return nil, err
	}
	var views []checkView
	for _, kind := range names {
		for _, check := range result.Checks[kind] {
			views = append(views, viewCheck(kind, check))
			if check.Health != source.Healthy && !slices.Contains(unhealthy, kind) {
				unhealthy = append(unhealthy, kind)
			}
		}
	}
	return unhealthy, a.printChecks(views)
}

// printChecks prints the steps of a test, with the advice below the table: it
// is too long for a cell.
func (a *app) printChecks(views []checkView) error {
	if !a.forTables() {
		return printList(a, views, slices.Concat(checkColumns, []column[checkView]{{"advice", func(c checkView) any { return c.Advice }}}))
	}
	if err := printList(a, views, checkColumns); err != nil {
		return err
	}
	about := make(map[string][]string) // steps by advice
	var advice []string
	for _, v := range views {
		if v.Advice == "" {
			continue
		}
		if about[v.Advice] == nil {
			advice = append(advice, v.Advice)
		}
		if !slices.Contains(about[v.Advice], v.Step) {
			about[v.Advice] = append(about[v.Advice], v.Step)
		}
	}
	for _, text := range advice {
		a.say("%s: %s", harmless(strings.Join(about[text], ", ")), harmless(text))
	}
	return nil
}

// runTest runs the test workflow and waits for it. A test that is under way
// already is joined.
func (a *app) runTest(ctx context.Context, temporalClient client.Client, c catalog.Connector, names []string) (workflows.TestResult, error) {
	var none, result workflows.TestResult
	queue := a.taskQueue()
	id := "test/" + c.Name
	if len(names) < len(kindsOf(c.Provider)) { // a test of other kinds is not this one
		id += "/" + strings.Join(names, ",")
	}
	run, err := temporalClient.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: id, TaskQueue: queue,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowExecutionTimeout: testBound,
		StaticSummary:            "connection test of " + c.Name,
	}, workflows.ConnectionTestType, workflows.TestInput{Connector: c.Name, Kinds: names})
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
		return none, fmt.Errorf("the connection test of %s ended without a result: %s", c.Name, reasonOf(err))
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
