package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
)

// workerBound is how long a workflow that somebody waits for may stay without a
// worker before it is given up.
const workerBound = 5 * time.Second

// await waits for the result of a workflow that was just started. One that no
// worker takes up is ended; of one that fails, the error begins with failed.
func (a *app) await(ctx context.Context, temporalClient client.Client, run client.WorkflowRun, result any, failed string) error {
	getting, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		defer close(ended)
		ended <- run.Get(getting, result)
	}()
	defer func() { // nothing writes the result after this has returned
		stop()
		for range ended {
		}
	}()
	var err error
	select {
	case err = <-ended:
	case <-time.After(workerBound):
		untouched, uerr := a.untouched(ctx, temporalClient, run)
		if uerr != nil {
			return uerr
		}
		if untouched {
			err := temporalClient.TerminateWorkflow(ctx, run.GetID(), run.GetRunID(), "no worker took it up")
			return errors.Join(fmt.Errorf("no worker answers on task queue %q: start one with 'sluice dev', or sluice-worker", a.taskQueue()), err)
		}
		err = <-ended
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("%s: %s", failed, reasonOf(err))
	}
	return nil
}

// untouched says whether no worker has taken up a workflow yet.
func (a *app) untouched(ctx context.Context, temporalClient client.Client, run client.WorkflowRun) (bool, error) {
	d, err := temporalClient.DescribeWorkflowExecution(ctx, run.GetID(), run.GetRunID())
	if err != nil {
		return false, fmt.Errorf("ask Temporal about workflow %s: %w", run.GetID(), err)
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
