package workflows

import (
	"go.temporal.io/sdk/workflow"

	"sluice/activities"
	"sluice/internal/source"
)

// ConnectionTestType is the workflow type's name.
const ConnectionTestType = "ConnectionTestWorkflow"

// TestInput names the connector and the kinds to test it for.
type TestInput struct {
	Connector string   `json:"connector"`
	Kinds     []string `json:"kinds"`
}

// TestResult is what the steps of a test found, by kind.
type TestResult struct {
	Checks map[string][]source.Check `json:"checks"`
}

// ConnectionTestWorkflow tests a connector from where the workers are, since
// what the CLI's machine can reach says nothing about them.
func ConnectionTestWorkflow(ctx workflow.Context, in TestInput) (TestResult, error) {
	result := TestResult{Checks: make(map[string][]source.Check)}
	for _, kind := range in.Kinds {
		var checks []source.Check
		if err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, summarised(probe, kind)), acts.Probe,
			activities.ProbeInput{Connector: in.Connector, Kind: kind}).Get(ctx, &checks); err != nil {
			return result, err
		}
		result.Checks[kind] = checks
	}
	return result, nil
}
