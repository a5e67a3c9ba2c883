package main

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"

	"sluice/activities"
	"sluice/workflows"
)

// A retry is a step of a run that failed and is tried again.
type retry struct {
	Activity string `json:"activity"`
	Stream   string `json:"stream,omitempty"`
	Attempt  int32  `json:"attempt"` // the one under way or to come
	Failure  string `json:"failure"` // of the attempt before
	// Next is when the attempt comes; null: it is under way.
	Next *time.Time `json:"next"`
}

// retriesOf finds the steps of a running workflow that failed last time.
func retriesOf(d *workflowservice.DescribeWorkflowExecutionResponse) []retry {
	var retries []retry
	for _, pending := range d.GetPendingActivities() {
		if pending.GetLastFailure() == nil || pending.GetAttempt() < 2 {
			continue
		}
		r := retry{Activity: pending.GetActivityType().GetName(), Attempt: pending.GetAttempt(), Failure: pending.GetLastFailure().GetMessage()}
		var beat activities.Beat
		if converter.GetDefaultDataConverter().FromPayloads(pending.GetHeartbeatDetails(), &beat) == nil {
			r.Stream = beat.Stream
		}
		if due := pending.GetNextAttemptScheduleTime(); due != nil && pending.GetState() == enums.PENDING_ACTIVITY_STATE_SCHEDULED {
			at := due.AsTime()
			r.Next = &at
		}
		retries = append(retries, r)
	}
	return retries
}

// beginsWithin is how long a worker that is there takes at most to begin a step.
const beginsWithin = 3 * time.Second

// unserved are the worker pools that steps of a running workflow have been
// waiting for, longer than a pool that is served would let them wait.
func unserved(d *workflowservice.DescribeWorkflowExecutionResponse, now time.Time) []string {
	var pools []string
	for _, pending := range d.GetPendingActivities() {
		pool := workflows.PoolOf(pending.GetActivityOptions().GetTaskQueue().GetName())
		due := pending.GetScheduledTime().AsTime()
		if next := pending.GetNextAttemptScheduleTime(); next != nil {
			due = next.AsTime()
		}
		if pool != "" && pending.GetState() == enums.PENDING_ACTIVITY_STATE_SCHEDULED && now.Sub(due) > beginsWithin && !slices.Contains(pools, pool) {
			pools = append(pools, pool)
		}
	}
	slices.Sort(pools)
	return pools
}

// waitsForPool says what a run waits for: "run 12 waits: no worker serves pool
// emea: start one with 'sluice-worker --pool emea'".
func waitsForPool(runID int64, pool string) string {
	return fmt.Sprintf("run %d waits: %s: %s", runID, workflows.NotServed(pool), workflows.ServeIt(pool))
}

// when says which attempt it is: "attempt 4 at 14:05:12".
func (r retry) when() string {
	if r.Next == nil {
		return fmt.Sprintf("attempt %d is under way", r.Attempt)
	}
	return fmt.Sprintf("attempt %d at %s", r.Attempt, r.Next.Local().Format(time.TimeOnly))
}

// what says what failed and why: "Fetch of APPLICATION failed: no answer".
func (r retry) what() string {
	step := r.Activity
	if r.Stream != "" {
		step += " of " + r.Stream
	}
	return harmless(step + " failed: " + r.Failure)
}

// line says all of it.
func (r retry) line() string { return r.when() + "; " + r.what() }
