package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"sluice/internal/catalog"
	"sluice/internal/source"
	"sluice/internal/source/kinds"
	"sluice/workflows"
)

// testBound is how long a test may take.
const testBound = 5 * time.Minute

// testFlags say whether, and for which applications, a connector is tested.
type testFlags struct {
	wanted bool
	all    bool
	// applications are those named, in the vendor's spelling; none: those that
	// its profiles use or, without profiles, that any kind reads.
	applications []string
	kinds        []string // names applications by the kinds that read them
	// aside: the steps are not the result, so that they are told to people only.
	aside bool
}

func (f *testFlags) add(cmd *cobra.Command, help string) {
	cmd.Flags().BoolVar(&f.wanted, "test", false, help)
	f.addChoice(cmd)
}

func (f *testFlags) addChoice(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.all, "all", false, "test it for every application of its vendor")
	cmd.Flags().StringSliceVar(&f.applications, "application", nil, "applications to test it for, with commas between: "+applicationNames())
	cmd.Flags().StringSliceVar(&f.kinds, "kind", nil, "kinds whose applications to test it for, with commas between")
}

// applicationNames lists the applications of all providers.
func applicationNames() string {
	var parts []string
	for _, p := range kinds.Providers() {
		var names []string
		for _, application := range kinds.Applications(p.Name) {
			names = append(names, application.Name)
		}
		parts = append(parts, p.Title+": "+inWords(names))
	}
	return strings.Join(parts, "; ")
}

// named says whether it is said what to test.
func (f *testFlags) named() bool { return f.all || len(f.applications)+len(f.kinds) > 0 }

// check finds the named applications, and refuses what the provider does not
// have.
func (f *testFlags) check(cmd *cobra.Command, p source.Provider) error {
	if f.named() && !f.wanted {
		return wrongUsage(cmd, "--all, --application and --kind say what is tested: add --test")
	}
	if f.all && len(f.applications)+len(f.kinds) > 0 {
		return wrongUsage(cmd, "--all tests every application: leave --application and --kind out")
	}
	var names []string
	for _, name := range f.applications {
		application, err := kinds.FindApplication(p.Name, name)
		if err != nil {
			return err
		}
		names = append(names, application.Name)
	}
	for _, name := range f.kinds {
		k, err := kinds.Find(strings.TrimSpace(name))
		if err != nil {
			return err
		}
		if k.Provider() != p.Name {
			return fmt.Errorf("kind %s is not one of %s", k.Name(), p.Title)
		}
		names = append(names, k.Card().Application)
	}
	f.applications, f.kinds = nil, nil
	for _, name := range names { // named twice is meant once
		if !slices.Contains(f.applications, name) {
			f.applications = append(f.applications, name)
		}
	}
	return nil
}

const connectsHelp = `It connects when all of the applications named by --application or --kind are
healthy or, where none is named, at least one, and all that its profiles use: an
account need not have all of a vendor's applications.`

func newConnectorsTest(a *app) *cobra.Command {
	test := testFlags{wanted: true}
	cmd := &cobra.Command{
		Use:   "test NAME",
		Short: "Test a connector, from where the workers are, and show what its account sees",
		Long: `Test a connector from where the workers are, or those of its pool: that is where
its runs will connect from. Each of the vendor's applications is tested by itself:
those that its profiles use or, without profiles, that any kind reads; --all tests
every one. Each step says how many records the account sees, and whether that is
fewer than at the last test: vendors leave out what is outside an account's
scope without a word. The exit code is 1 when something is not healthy.`,
		Example: "  sluice connectors test acme\n  sluice connectors test acme --all\n  sluice connectors test acme --application WAS,VMDR --output json",
		Args:    oneArgument("connector name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := a.catalog(cmd.Context())
			if err != nil {
				return err
			}
			v, err := a.view(cmd.Context(), store, args[0])
			if err != nil {
				return err
			}
			p, err := kinds.FindProvider(v.Provider)
			if err != nil {
				return err
			}
			if err := test.check(cmd, p); err != nil {
				return err
			}
			a.warn(v)
			found, err := a.testConnector(cmd.Context(), v.Connector, test)
			if err == nil && len(found.unhealthy) > 0 {
				return exitError(exitFailure)
			}
			return err
		},
	}
	test.addChoice(cmd)
	return cmd
}

// tested says of which applications a test found everything healthy, and of
// which not.
type tested struct{ healthy, unhealthy []string }

// connects tests a connector that is to be kept only if it connects, and
// returns the applications that it can be used for. When it does not connect
// the error is an exit code.
func (a *app) connects(ctx context.Context, store *catalog.Store, c catalog.Connector, test testFlags) (usable []string, err error) {
	profiles, err := store.Profiles(ctx)
	if err != nil {
		return nil, err
	}
	used := usedApplications(profiles, c)
	found, err := a.testConnector(ctx, c, test)
	if err != nil {
		return nil, err
	}
	needed := slices.ContainsFunc(found.unhealthy, func(name string) bool { return slices.Contains(used, name) })
	switch {
	case len(found.unhealthy) == 0:
		return found.healthy, nil
	case needed, len(found.healthy) == 0, len(test.applications) > 0:
		return nil, exitError(exitFailure)
	}
	a.note("It cannot be used for %s as it is; for the others it can.", strings.Join(found.unhealthy, ", "))
	return found.healthy, nil
}

// usedApplications are those that a connector's profiles, among these, use.
func usedApplications(profiles []catalog.Profile, c catalog.Connector) (used []string) {
	for _, p := range profiles {
		if kind, err := kinds.Find(p.Kind); err == nil && p.ConnectorID == c.ID { // else a newer Sluice's
			used = append(used, kind.Card().Application)
		}
	}
	return used
}

// testConnector tests a connector and prints the steps.
func (a *app) testConnector(ctx context.Context, c catalog.Connector, test testFlags) (found tested, err error) {
	temporal, err := a.dial(ctx)
	if err != nil {
		return found, err
	}
	result, err := a.runTest(ctx, temporal, workflows.TestInput{Connector: c.Name, Applications: test.applications, All: test.all, Version: c.Version})
	if err != nil {
		return found, err
	}
	var views []checkView
	for _, application := range kinds.Applications(c.Provider) {
		checks, ok := result.Checks[application.Name]
		if !ok {
			continue
		}
		into := &found.unhealthy // when no step was asked, too: nothing is known
		var steps []source.Health
		for _, check := range checks {
			views = append(views, viewCheck(catalog.ConnectorCheck{Application: application.Name, Check: check}, time.Time{}))
			steps = append(steps, check.Health)
		}
		if catalog.Worst(steps...) == source.Healthy {
			into = &found.healthy
		}
		*into = append(*into, application.Name)
	}
	if !test.aside || a.forTables() {
		return found, a.printChecks(views)
	}
	for _, v := range views {
		if v.Health != source.Healthy {
			a.note("%s: %s %s: %s", c.Name, harmless(v.Step), v.Health, harmless(v.Message))
		}
	}
	return found, nil
}

// runTest runs the test workflow and waits for it. The same test, if it is
// under way already, is joined; one of another version of the connector is not
// the same.
func (a *app) runTest(ctx context.Context, temporalClient client.Client, in workflows.TestInput) (workflows.TestResult, error) {
	var none, result workflows.TestResult
	run, err := temporalClient.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: workflows.TestWorkflowID(in), TaskQueue: a.taskQueue(),
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowExecutionTimeout: testBound,
		StaticSummary:            workflows.TestSummary(in.Connector),
	}, workflows.ConnectionTestType, in)
	if err != nil {
		return none, fmt.Errorf("start the connection test: %w", err)
	}
	if err := a.await(ctx, temporalClient, run, &result, "the connection test of "+in.Connector+" ended without a result"); err != nil {
		return none, err
	}
	return result, nil
}
