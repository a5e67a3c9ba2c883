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

	"sluice/internal/catalog"
	"sluice/internal/scheduler"
	"sluice/workflows"
)

// situation is what everybody who knows says of a profile at one moment: the
// catalog of what was, Temporal of what runs and what comes.
type situation struct {
	catalog.Standing
	Running  *workflowservice.DescribeWorkflowExecutionResponse // nil: nothing runs
	Schedule *scheduler.Description                             // nil: Temporal has none
}

// situationOf asks them. Between two questions a run may end: then nothing
// runs any more, and what the catalog said before is not the whole truth, so
// that it is asked again until it stays.
func (a *app) situationOf(ctx context.Context, p catalog.Profile) (situation, error) {
	store, temporal, err := a.both(ctx)
	if err != nil {
		return situation{}, err
	}
	var now situation
	if now.Schedule, err = a.scheduleOf(ctx, p); err != nil {
		return now, err
	}
	if now.Standing, err = store.StandingOf(ctx, p); err != nil {
		return now, err
	}
	for {
		if now.Running, err = runningOf(ctx, store, temporal, p, now); err != nil || now.Running != nil {
			return now, err
		}
		again, err := store.StandingOf(ctx, p)
		if err != nil || sameStanding(now.Standing, again) {
			return now, err
		}
		now.Standing = again
	}
}

func sameStanding(a, b catalog.Standing) bool {
	run := func(s catalog.Standing) (holder, last int64) {
		if s.Holder != nil {
			holder = s.Holder.RunID
		}
		if s.Last != nil {
			last = s.Last.ID
		}
		return holder, last
	}
	aHolder, aLast := run(a)
	bHolder, bLast := run(b)
	return a.AssetsIn == b.AssetsIn && aHolder == bHolder && aLast == bLast
}

// scheduleOf asks Temporal for a profile's schedule, nil when it has none.
func (a *app) scheduleOf(ctx context.Context, p catalog.Profile) (*scheduler.Description, error) {
	schedules, err := a.schedules(ctx)
	if err != nil {
		return nil, err
	}
	d, err := schedules.Describe(ctx, p.Name)
	if errors.As(err, new(*scheduler.MissingError)) {
		return nil, nil
	}
	return &d, err
}

// runningOf describes the workflow that is the profile's run, nil when nothing
// runs. The holder of the profile's lease is its run, as long as Temporal runs
// that; a workflow of the profile that has taken no lease is about to plan.
func runningOf(ctx context.Context, store *catalog.Store, temporal client.Client, p catalog.Profile, now situation) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	ids := []string{workflows.WorkflowID(p.Name)}
	if now.Schedule != nil {
		for _, run := range now.Schedule.Running {
			ids = append(ids, run.WorkflowID)
		}
	}
	if h := now.Holder; h != nil {
		ids = append([]string{h.WorkflowID}, slices.DeleteFunc(ids, func(id string) bool { return id == h.WorkflowID })...)
	}
	for _, id := range ids {
		d, err := describe(ctx, temporal, id)
		if err != nil {
			return nil, err
		}
		info := d.GetWorkflowExecutionInfo()
		if info.GetStatus() != enums.WORKFLOW_EXECUTION_STATUS_RUNNING {
			continue
		}
		if h := now.Holder; h != nil && info.GetFirstRunId() == h.FirstRunID {
			return d, nil
		}
		row, err := store.RunByExecution(ctx, info.GetFirstRunId())
		switch {
		case errors.Is(err, catalog.ErrNotFound):
			return d, nil // it has not been planned yet
		case err != nil:
			return nil, err
		case row.FinishedAt == nil:
			return d, nil
		}
		// It has finished the run and is about to end.
	}
	return nil, nil
}

// describe asks Temporal about the latest execution of a workflow id; nil
// when there is none.
func describe(ctx context.Context, temporal client.Client, workflowID string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	d, err := temporal.DescribeWorkflowExecution(ctx, workflowID, "")
	var gone *serviceerror.NotFound
	if errors.As(err, &gone) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("ask Temporal about workflow %s: %w", workflowID, err)
	}
	return d, nil
}
