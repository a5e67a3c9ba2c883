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
//	Transform   15 min          15 s       until the activity gives up
//	Upsert      15 min          15 s       until the activity gives up
//	Reconcile   1 h             15 s       until it is decided
//	Finish      10 min          -          until it is done
//	Probe       2 min           15 s       3
//	CleanUp     1 h             15 s       until it is done
//
// A batch ends by itself after 45 s of fetching, so 15 minutes only end an
// attempt that hangs although it beats. The heartbeat timeout is how long it
// takes to notice a killed worker. There is no schedule-to-close timeout, so
// that an outage of the database or of Temporal of any length is survived:
// Fetch itself gives up after a time without progress, on errors that may
// pass, and at once on those that do not. The longest interval between
// attempts, a minute, is how late a run may notice that an outage is over.
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
	probe    = workflow.ActivityOptions{
		StartToCloseTimeout: 2 * time.Minute, HeartbeatTimeout: 15 * time.Second,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumAttempts: 3},
	}
)

// summarised gives an activity the one line that the Temporal UI shows.
func summarised(options workflow.ActivityOptions, summary string) workflow.ActivityOptions {
	options.Summary = summary
	return options
}
