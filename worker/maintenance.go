package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"sluice/workflows"
)

// scheduleMaintenance sets the daily clean-up up, unless it is there; what
// people changed about it in the Temporal UI stays.
func scheduleMaintenance(ctx context.Context, c client.Client, taskQueue string) error {
	_, err := c.ScheduleClient().Create(ctx, client.ScheduleOptions{
		ID: workflows.MaintenanceID,
		Spec: client.ScheduleSpec{
			Intervals: []client.ScheduleIntervalSpec{{Every: 24 * time.Hour, Offset: 3 * time.Hour}},
			Jitter:    10 * time.Minute,
		},
		Action: &client.ScheduleWorkflowAction{
			ID: workflows.MaintenanceID, Workflow: workflows.MaintenanceType, TaskQueue: taskQueue,
			StaticSummary: "delete what vendors sent, logs and rejects that are past their retention",
		},
		Overlap:       enums.SCHEDULE_OVERLAP_POLICY_SKIP,
		CatchupWindow: 24 * time.Hour,
	})
	if err != nil && !errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		return fmt.Errorf("schedule the daily clean-up: %w", err)
	}
	return nil
}
