package scheduler

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/client"

	"sluice/internal/schedule"
)

// Description is what a profile's schedule is in Temporal.
type Description struct {
	// Paused: it starts nothing by itself. Note says why, when somebody said.
	Paused bool   `json:"paused"`
	Note   string `json:"note,omitempty"`
	// Next are the next runs, up to ten, ascending; jitter is in them. None
	// come when it is paused all the same.
	Next    []time.Time `json:"next"`
	Running []Execution `json:"running"` // runs it started that are under way
	Recent  []Started   `json:"recent"`  // the last runs it started, oldest first
	// Skipped counts occurrences during a run, Missed those that came while
	// Temporal was away for longer than the catch-up window.
	Skipped int `json:"skipped"`
	Missed  int `json:"missed"`
	// What it starts.
	Workflow  string `json:"workflow"`
	TaskQueue string `json:"taskQueue"`

	schedule client.Schedule
}

// Execution is a run that a schedule started.
type Execution struct {
	WorkflowID string `json:"workflowId"`
	FirstRunID string `json:"firstRunId"`
}

// Started is a run that a schedule started, and when.
type Started struct {
	Execution
	For time.Time `json:"for"` // the time it was scheduled for
	At  time.Time `json:"at"`
}

// Zone is the time zone that the schedule's times are in.
func (d Description) Zone() *time.Location {
	zone, err := time.LoadLocation(d.schedule.Spec.TimeZoneName)
	if err != nil { // Temporal knows more of them
		return time.UTC
	}
	return zone
}

// WillStart says whether the schedule will start a run by itself.
func (d Description) WillStart() bool { return !d.Paused && len(d.Next) > 0 }

// Describe asks Temporal about a profile's schedule; it is a MissingError when
// there is none.
func (s *Scheduler) Describe(ctx context.Context, profile string) (Description, error) {
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	is, err := s.handle(ctx, profile).Describe(ctx)
	if err != nil {
		return Description{}, told("describe", profile, err)
	}
	d := Description{
		Paused: is.Schedule.State.Paused, Note: is.Schedule.State.Note, Next: is.Info.NextActionTimes,
		Running: []Execution{}, Recent: []Started{},
		Skipped: is.Info.NumActionsSkippedOverlap, Missed: is.Info.NumActionsMissedCatchupWindow,
		schedule: is.Schedule,
	}
	if action, ok := is.Schedule.Action.(*client.ScheduleWorkflowAction); ok {
		d.Workflow, _ = action.Workflow.(string)
		d.TaskQueue = action.TaskQueue
	}
	for _, r := range is.Info.RunningWorkflows {
		d.Running = append(d.Running, Execution{r.WorkflowID, r.FirstExecutionRunID})
	}
	for _, r := range is.Info.RecentActions {
		started := Started{For: r.ScheduleTime, At: r.ActualTime}
		if w := r.StartWorkflowResult; w != nil {
			started.Execution = Execution{w.WorkflowID, w.FirstExecutionRunID}
		}
		d.Recent = append(d.Recent, started)
	}
	return d, nil
}

// Drift lists, for people, in what Temporal's schedule of a profile is not
// what the profile says; nothing when it is.
func (s *Scheduler) Drift(ctx context.Context, profile string, spec *schedule.Spec, active bool) ([]string, error) {
	d, err := s.Describe(ctx, profile)
	switch {
	case err == nil:
		return s.Compare(d, profile, spec, active), nil
	case !errors.As(err, new(*MissingError)):
		return nil, err
	case spec != nil && active && len(spec.Next(time.Now(), 1)) > 0:
		return []string{"Temporal has no schedule of it"}, nil
	}
	return nil, nil
}

// Compare lists in what a described schedule is not what the profile says.
func (s *Scheduler) Compare(d Description, profile string, spec *schedule.Spec, active bool) []string {
	switch {
	case spec == nil:
		return []string{"Temporal has a schedule of it, the profile has none"}
	case !active && d.Paused:
		return nil // it waits for the profile
	case !active:
		return []string{"Temporal has a schedule of it, but the profile is inactive"}
	}
	want, err := s.wanted(profile, *spec)
	if err != nil {
		return []string{"the profile's schedule cannot be used: " + err.Error()}
	}
	return want.differences(d.schedule)
}
