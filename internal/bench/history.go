package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"

	"sluice/workflows"
)

// history is what a run's workflow history says about it.
type history struct {
	Executions int   `json:"executions"` // more than one when it continued as new
	Events     int64 `json:"events"`
	// Activities has, by type, the time from an attempt's start to its end.
	Activities map[string]activityTime `json:"activities"`
	// WaitSeconds is the time from scheduling to start, of all activities.
	WaitSeconds float64 `json:"waitSeconds"`
	// OverlapSeconds is the time in which several activities were under way,
	// IdleSeconds that in which none was.
	OverlapSeconds float64 `json:"overlapSeconds"`
	IdleSeconds    float64 `json:"idleSeconds"`
}

type activityTime struct {
	Count   int     `json:"count"`
	Seconds float64 `json:"seconds"`
}

// history reads the history of a run, from its first execution on.
func (f *field) history(ctx context.Context, execution string) (history, error) {
	reading := historyReader{history: history{Activities: make(map[string]activityTime)}}
	for execution != "" {
		reading.Executions++
		events := f.client.GetWorkflowHistory(ctx, workflows.WorkflowID(profile), execution, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		reading.begin()
		for events.HasNext() {
			event, err := events.Next()
			if err != nil {
				return history{}, err
			}
			reading.read(event)
		}
		execution = reading.next
	}
	return reading.end(), nil
}

type historyReader struct {
	history
	begun, ended time.Time
	next         string // the execution that this one continued as
	open         map[int64]*open
	edges        []edge
}

// open is an activity that has been scheduled.
type open struct {
	name               string
	scheduled, started time.Time
}

// edge is a moment at which an activity starts (+1) or ends (-1).
type edge struct {
	at   time.Time
	step int
}

func (r *historyReader) begin() { r.next, r.open = "", make(map[int64]*open) }

func (r *historyReader) read(event *historypb.HistoryEvent) {
	at := event.GetEventTime().AsTime()
	if r.begun.IsZero() {
		r.begun = at
	}
	r.ended = at
	r.Events++
	switch event.GetEventType() {
	case enums.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
		name := event.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName()
		r.open[event.GetEventId()] = &open{name: strings.ToLower(name), scheduled: at}
	case enums.EVENT_TYPE_ACTIVITY_TASK_STARTED:
		r.open[event.GetActivityTaskStartedEventAttributes().GetScheduledEventId()].started = at
	case enums.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
		r.close(r.open[event.GetActivityTaskCompletedEventAttributes().GetScheduledEventId()], at)
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
		r.next = event.GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId()
	}
}

func (r *historyReader) close(a *open, at time.Time) {
	t := r.Activities[a.name]
	t.Count++
	t.Seconds += at.Sub(a.started).Seconds()
	r.Activities[a.name] = t
	r.WaitSeconds += a.started.Sub(a.scheduled).Seconds()
	r.edges = append(r.edges, edge{a.started, +1}, edge{at, -1})
}

// end sums up how the activities lay beside each other.
func (r *historyReader) end() history {
	slices.SortFunc(r.edges, func(a, b edge) int { return a.at.Compare(b.at) })
	last, running := r.begun, 0
	for _, e := range append(r.edges, edge{at: r.ended}) {
		span := e.at.Sub(last).Seconds()
		switch {
		case running == 0:
			r.IdleSeconds += span
		case running > 1:
			r.OverlapSeconds += span
		}
		last, running = e.at, running+e.step
	}
	return r.history
}
