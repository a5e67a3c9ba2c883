package workflows

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"sluice/activities"
	"sluice/internal/catalog"
	"sluice/internal/lifecycle"
)

// poolInfix stands between the task queue of the workers and a pool's name.
const poolInfix = "/pool/"

// PoolQueue is the task queue of a worker pool: that of the workers, and the
// pool's name. Without a pool it is that of the workers.
func PoolQueue(queue, pool string) string {
	if pool == "" {
		return queue
	}
	return queue + poolInfix + pool
}

// PoolOf is the pool whose task queue that is; empty: it is no pool's.
func PoolOf(queue string) string {
	if i := strings.LastIndex(queue, poolInfix); i >= 0 {
		return queue[i+len(poolInfix):]
	}
	return ""
}

// NotServed says, for people, that no worker serves a pool.
func NotServed(pool string) string { return "no worker serves pool " + pool }

// ServeIt says what to do then.
func ServeIt(pool string) string { return "start one with 'sluice-worker --pool " + pool + "'" }

// inPool sends an activity to the workers of a pool. One that none of them has
// begun after so long ends with an error that notBegun knows.
func inPool(ctx workflow.Context, options workflow.ActivityOptions, pool string, begunWithin time.Duration) workflow.ActivityOptions {
	if pool != "" {
		options.TaskQueue = PoolQueue(workflow.GetInfo(ctx).TaskQueueName, pool)
		options.ScheduleToStartTimeout = begunWithin
	}
	return options
}

// notBegun says whether an activity ended because no worker has begun it.
func notBegun(err error) bool {
	var timeout *temporal.TimeoutError
	return errors.As(err, &timeout) && timeout.TimeoutType() == enums.TIMEOUT_TYPE_SCHEDULE_TO_START
}

// fetchBatch fetches a batch in the run's pool, if it has one. While no worker
// serves that, the run waits and says so. A replay takes the batch from what is
// stored.
func (r *ingestion) fetchBatch(ctx workflow.Context, s *lifecycle.Stream, ref catalog.BatchRef) (f activities.Fetched, err error) {
	if r.replay != nil {
		options := summarised(data, fmt.Sprintf("%s batch %d · kept records", s.Name, ref.Batch))
		err = workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), acts.Reread, ref).Get(ctx, &f)
		return f, err
	}
	begunWithin := poolPatience
	for {
		options := summarised(data, fmt.Sprintf("%s batch %d · after %d records", s.Name, ref.Batch, s.Records))
		options = inPool(ctx, options, r.planned.Pool, begunWithin)
		err = workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), acts.Fetch, ref).Get(ctx, &f)
		if r.planned.Pool == "" || !notBegun(err) {
			return f, err
		}
		if begunWithin == poolPatience {
			begunWithin = poolRecall
			s.Phase, s.Waits = lifecycle.Waiting, NotServed(r.planned.Pool)+": "+ServeIt(r.planned.Pool)
			r.show(ctx)
			defer func() { s.Waits = "" }()
			defer idle(ctx, s)()
		}
	}
}
