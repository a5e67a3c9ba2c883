package main

import (
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"

	"sluice/activities"
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
