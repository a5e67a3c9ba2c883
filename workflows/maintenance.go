package workflows

import (
	"go.temporal.io/sdk/workflow"

	"sluice/internal/catalog"
)

// MaintenanceType is the workflow type's name, MaintenanceID the id of its
// schedule and of its runs.
const (
	MaintenanceType = "MaintenanceWorkflow"
	MaintenanceID   = "sluice-maintenance"
)

// MaintenanceWorkflow deletes what is past its retention. A schedule that the
// workers set up runs it every day.
func MaintenanceWorkflow(ctx workflow.Context) (catalog.Cleaned, error) {
	var done catalog.Cleaned
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, summarised(cleaning, "what is past its retention")), acts.CleanUp).Get(ctx, &done)
	return done, err
}
