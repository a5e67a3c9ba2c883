package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// This is the one table of activity options.
//
//	activity    start to close  heartbeat  attempts
//	Searchable  3 s             -          2, in the worker itself
//	Plan        1 min           -          until it is decided
//	Fetch       15 min          15 s       until the activity gives up
//	PlanReplay  1 min           -          until it is decided
//	Reread      15 min          15 s       until it is done
//	Transform   15 min          15 s       until the activity gives up
//	Upsert      15 min          15 s       until the activity gives up
//	Reconcile   1 h             15 s       until it is decided
//	Finish      10 min          -          until it is done
//	PlanTest    10 s            -          until it is decided, for 1 min
//	Untested    10 s            -          until it is done, for 1 min
//	Probe       90 s            15 s       3, for 2 min
//	PlanSample  10 s            -          until it is decided, for 1 min
//	Sample      90 s            15 s       3, for 2 min
//	CleanUp     1 h             15 s       until it is done
//
// A batch ends by itself after 45 s of fetching, so 15 minutes only end an
// attempt that hangs although it beats. The heartbeat timeout is how long it
// takes to notice a killed worker. There is no schedule-to-close timeout, so
// that an outage of the database or of Temporal of any length is survived:
// Fetch itself gives up after a time without progress, on errors that may
// pass, and at once on those that do not. The longest interval between
// attempts, a minute, is how late a run may notice that an outage is over.
// Probe and Sample end by themselves after a minute: somebody sits and waits for
// them, so that a wait for the vendor which does not fit into their 2 minutes is
// an error at once, and the person decides. A worker of a pool begins what is
// sent to it at once: what it has not begun after 10 s waits for a worker, and is
// said to; a test or a sample is given up then, a fetch waits, for days if need
// be.
// A cancelled run waits for what is under way: Plan too, or it would not know
// that it has the lease, and what holds it.
var (
	patient = temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute}

	local = workflow.LocalActivityOptions{
		StartToCloseTimeout: 3 * time.Second, Summary: "can runs be found by search attributes?",
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, MaximumAttempts: 2},
	}
	control = workflow.ActivityOptions{StartToCloseTimeout: time.Minute, RetryPolicy: &patient, WaitForCancellation: true}
	data    = workflow.ActivityOptions{
		StartToCloseTimeout: 15 * time.Minute, HeartbeatTimeout: 15 * time.Second, RetryPolicy: &patient, WaitForCancellation: true,
	}
	reconcile = workflow.ActivityOptions{
		StartToCloseTimeout: time.Hour, HeartbeatTimeout: 15 * time.Second, RetryPolicy: &patient, WaitForCancellation: true,
	}
	finish   = workflow.ActivityOptions{StartToCloseTimeout: 10 * time.Minute, RetryPolicy: &patient}
	cleaning = reconcile
	planning = workflow.ActivityOptions{ScheduleToCloseTimeout: time.Minute, StartToCloseTimeout: 10 * time.Second, RetryPolicy: &patient}
	probe    = workflow.ActivityOptions{
		ScheduleToCloseTimeout: 2 * time.Minute, StartToCloseTimeout: 90 * time.Second, HeartbeatTimeout: 15 * time.Second,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumAttempts: 3},
	}
	sampling = probe
)

// poolPatience is how long a worker of a pool may take to begin what is sent to
// it before it is said that none is there, poolRecall how long until what none
// has begun is sent again.
const (
	poolPatience = 10 * time.Second
	poolRecall   = time.Hour
)

// summarised gives an activity the one line that the Temporal UI shows.
func summarised(options workflow.ActivityOptions, summary string) workflow.ActivityOptions {
	options.Summary = summary
	return options
}
