package workflows

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"sluice/activities"
	"sluice/internal/source"
)

const (
	// ConnectionTestType is the workflow type's name.
	ConnectionTestType = "ConnectionTestWorkflow"
	// TestIDPrefix begins the workflow ids of tests: test/<connector>.
	TestIDPrefix = "test/"
)

// TestInput names the connector to test, and for which of its vendor's
// applications. A person can type it into the Temporal UI as
// {"connector": "acme"}; where that is left out, the connector is taken from
// the workflow id "test/<connector>". Without applications those are tested
// that the connector's profiles use or, without profiles, that any kind of its
// provider reads; All tests every one. Version, if given, is the one of the
// connector that is to be tested: the test fails when it is, or becomes, another.
type TestInput struct {
	Connector    string   `json:"connector,omitempty"`
	Applications []string `json:"applications,omitempty"`
	All          bool     `json:"all,omitempty"`
	Version      int32    `json:"version,omitempty"`
}

// TestResult is what the steps of a test found, by application.
type TestResult struct {
	Checks map[string][]source.Check `json:"checks"`
}

// TestWorkflowID is the id of such a test: test/<connector>, with the version
// and what is tested behind it where that is not what is tested by default. A
// test of one version is none of another. What is not ASCII in the connector's
// name is escaped as in URLs: Temporal's SDK sends ids in headers, too, and
// these have ASCII only.
func TestWorkflowID(in TestInput) string {
	id := TestIDPrefix + escaped(in.Connector)
	if in.Version != 0 {
		id += fmt.Sprintf("/v%d", in.Version)
	}
	switch {
	case in.All:
		id += "/all"
	case len(in.Applications) > 0:
		id += "/" + strings.Join(in.Applications, ",")
	}
	return id
}

// escaped has ASCII, all but '%', as it is.
func escaped(name string) string {
	var b strings.Builder
	for _, c := range []byte(name) {
		if c >= ' ' && c <= '~' && c != '%' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// connectorOf is the connector that a workflow id names, escaped or, as people
// type it, not.
func connectorOf(workflowID string) string {
	name := strings.TrimPrefix(workflowID, TestIDPrefix)
	if plain, err := url.PathUnescape(name); err == nil {
		return plain
	}
	return name
}

// TestSummary describes a test in the Temporal UI.
func TestSummary(connector string) string { return "connection test of " + connector }

// testsAtOnce is how many applications are tested beside each other. They are
// few, and calls are made within the vendor's limits.
const testsAtOnce = 6

// ConnectionTestWorkflow tests a connector from where the workers are, or
// those of its pool, since what the CLI's machine can reach says nothing about
// them. Applications are tested beside each other: one that fails or hangs
// hides no other.
func ConnectionTestWorkflow(ctx workflow.Context, in TestInput) (TestResult, error) {
	if in.Connector == "" {
		in.Connector = connectorOf(workflow.GetInfo(ctx).WorkflowExecution.ID)
	}
	t := connectionTest{version: in.Version, checks: make(map[string][]source.Check)}
	t.planned.Connector = in.Connector
	t.show(ctx)
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, summarised(planning, in.Connector)), acts.PlanTest,
		activities.PlanTestInput{Connector: in.Connector, Applications: in.Applications, All: in.All, Version: in.Version}).Get(ctx, &t.planned)
	if err != nil {
		return TestResult{}, t.failure(ctx, err)
	}
	t.show(ctx)
	turns := workflow.NewSemaphore(ctx, testsAtOnce)
	tests := workflow.NewWaitGroup(ctx)
	var ended error
	for _, application := range t.planned.Applications {
		tests.Add(1)
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer tests.Done()
			err := turns.Acquire(ctx, 1)
			if err == nil {
				defer turns.Release(1)
				err = t.test(ctx, application)
			}
			if err != nil {
				ended = err
			}
			t.show(ctx)
		})
	}
	tests.Wait(ctx)
	if ended != nil {
		return TestResult{}, t.failure(ctx, ended)
	}
	return TestResult{Checks: t.checks}, nil
}

// connectionTest is a test in its workflow.
type connectionTest struct {
	planned activities.PlannedTest
	version int32                     // 0: whatever it is
	checks  map[string][]source.Check // by application, of those that are through
	ended   string                    // why there is no result
}

// test tests an application. A test that cannot run says that nothing is known
// of it; an error ends the whole test.
func (t *connectionTest) test(ctx workflow.Context, application string) error {
	options := inPool(ctx, summarised(probe, application), t.planned.Pool, poolPatience)
	var checks []source.Check
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), acts.Probe,
		activities.ProbeInput{Connector: t.planned.Connector, Application: application, Version: t.version}).Get(ctx, &checks)
	var refused *temporal.ApplicationError
	if errors.As(err, &refused) && refused.Type() == activities.TypeChanged || temporal.IsCanceledError(err) {
		return err
	}
	if err != nil {
		unknown := activities.UntestedInput{Connector: t.planned.Connector, Application: application}
		unknown.Reason, unknown.Advice = t.whyUntested(err)
		err = workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, summarised(planning, application+": "+unknown.Reason)), acts.Untested, unknown).Get(ctx, &checks)
		if err != nil {
			return err
		}
	}
	t.checks[application] = checks
	return nil
}

// whyUntested says why a test could not run, and what to do.
func (t *connectionTest) whyUntested(err error) (why, advice string) {
	var timeout *temporal.TimeoutError
	switch {
	case notBegun(err) && t.planned.Pool != "":
		return NotServed(t.planned.Pool), ServeIt(t.planned.Pool)
	case errors.As(err, &timeout):
		return "the test did not come to an end: the worker went away, or the vendor keeps it waiting", "test again; the worker's log may say more"
	}
	text, _ := reason(err)
	return "the test could not run: " + text, "the worker's log may say more"
}

// failure is the error that a test without a result ends with.
func (t *connectionTest) failure(ctx workflow.Context, err error) error {
	if temporal.IsCanceledError(err) {
		t.ended = "cancelled"
		t.show(ctx)
		return err
	}
	text, code := reason(err)
	t.ended = text
	t.show(ctx)
	return temporal.NewApplicationErrorWithOptions(text, code, temporal.ApplicationErrorOptions{NonRetryable: true, Cause: err})
}

// through says whether an application has been tested, and is healthy.
func (t *connectionTest) through(application string) (tested, healthy bool) {
	checks, tested := t.checks[application]
	asked := slices.DeleteFunc(slices.Clone(checks), func(c source.Check) bool { return c.Health == source.NotAsked })
	return tested, len(asked) > 0 && !slices.ContainsFunc(asked, func(c source.Check) bool { return c.Health != source.Healthy })
}
