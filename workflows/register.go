package workflows

import (
	"go.temporal.io/sdk/worker"

	"sluice/activities"
)

// Register makes a worker serve the workflows and their activities. A worker
// of a pool serves the activities alone: w.RegisterActivity does.
func Register(w worker.Registry, a *activities.Activities) {
	w.RegisterWorkflow(IngestionWorkflow)
	w.RegisterWorkflow(ReplayWorkflow)
	w.RegisterWorkflow(ConnectionTestWorkflow)
	w.RegisterWorkflow(SampleWorkflow)
	w.RegisterWorkflow(MaintenanceWorkflow)
	w.RegisterActivity(a)
}
