package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/api/enums/v1"

	"sluice/internal/catalog"
	"sluice/internal/source"
	"sluice/workflows"
)

// examineConnectors looks at the schedules of connectors' tests, and whether
// their pools are served.
func (a *app) examineConnectors(ctx context.Context, store *catalog.Store) ([]trouble, error) {
	connectors, err := store.Connectors(ctx)
	if err != nil {
		return nil, err
	}
	schedules, err := a.schedules(ctx)
	if err != nil {
		return nil, err
	}
	var troubles []trouble
	var known []int64
	var pools []string
	for _, c := range connectors {
		known = append(known, c.ID)
		drift, _, err := schedules.TestDrift(ctx, c.ID, c.Name, c.TestEvery, c.Active)
		if err != nil {
			return nil, err
		}
		if len(drift) > 0 {
			troubles = append(troubles, trouble{
				About: "connector " + c.Name, Problem: "schedule of tests: " + strings.Join(drift, "; "),
				Advice: fmt.Sprintf("'%s' mends it", a.command("doctor --fix")),
				mend: func(ctx context.Context) error {
					current, err := store.ConnectorByID(ctx, c.ID) // it may have changed since
					if err != nil {
						return err
					}
					_, err = schedules.EnsureTest(ctx, current.ID, current.Name, current.TestEvery, current.Active)
					return err
				}})
		}
		pool := source.Pool(source.Connection{Settings: c.Settings})
		if pool == "" || !c.Active || slices.Contains(pools, pool) {
			continue
		}
		pools = append(pools, pool)
		served, err := a.served(ctx, pool)
		if err != nil {
			return nil, err
		}
		if !served {
			troubles = append(troubles, trouble{About: "connector " + c.Name, Problem: workflows.NotServed(pool), Advice: workflows.ServeIt(pool)})
		}
	}
	orphans, err := schedules.OrphanTests(ctx, known)
	for _, id := range orphans {
		troubles = append(troubles, trouble{
			About: fmt.Sprintf("connector number %d", id), Problem: "schedule of tests: Temporal has one, but there is no such connector",
			Advice: fmt.Sprintf("'%s' removes it", a.command("doctor --fix")),
			mend: func(ctx context.Context) error {
				_, err := schedules.RemoveTest(ctx, id)
				return err
			},
		})
	}
	return troubles, err
}

// served says whether a worker of a pool has asked for work lately.
func (a *app) served(ctx context.Context, pool string) (bool, error) {
	temporal, err := a.dial(ctx)
	if err != nil {
		return false, err
	}
	queue := workflows.PoolQueue(a.taskQueue(), pool)
	d, err := temporal.DescribeTaskQueue(ctx, queue, enums.TASK_QUEUE_TYPE_ACTIVITY)
	if err != nil {
		return false, fmt.Errorf("ask Temporal about task queue %s: %w", queue, err)
	}
	for _, p := range d.GetPollers() {
		if time.Since(p.GetLastAccessTime().AsTime()) < pollBound {
			return true, nil
		}
	}
	return false, nil
}
