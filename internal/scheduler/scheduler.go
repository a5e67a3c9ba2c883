// Package scheduler keeps Temporal's schedules in step with the profiles, and
// with the connectors that are tested every so often:
// Temporal decides when a profile runs, and goes on doing so without us. What
// people do to a schedule in the Temporal UI is shown as it is; a pause is
// theirs and stays.
package scheduler

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"sluice/internal/schedule"
)

// idPrefix is what the ids of the profiles' schedules begin with.
const idPrefix = "profile/"

// ID is the id of a profile's schedule in Temporal.
func ID(profile string) string { return idPrefix + profile }

// bound is how long Temporal is given for an answer.
const bound = 10 * time.Second

// Starts is what the schedules start.
type Starts struct {
	Workflow  string // the workflow's type
	TaskQueue string
	// WorkflowID and Input are those of a profile's run. Temporal appends the
	// time to the id; the input is one object.
	WorkflowID func(profile string) string
	Input      func(profile string) any
	// Details describe such a run in the Temporal UI, in Markdown.
	Details func(profile string) string
	// Test is what the schedules of connectors start.
	Test TestStarts
}

// Scheduler keeps schedules in one namespace of Temporal. It is safe for
// concurrent use.
type Scheduler struct {
	client client.Client
	starts Starts
}

// New makes a Scheduler.
func New(c client.Client, starts Starts) *Scheduler { return &Scheduler{c, starts} }

// Change is what Ensure did.
type Change string

const (
	Unchanged Change = "unchanged"
	Created   Change = "created"
	Updated   Change = "updated"
	Removed   Change = "removed"
)

// Ensure makes Temporal's schedule of a profile what the profile says: there
// is one if the profile is active and has a schedule with anything to come. A
// pause, and who paused it why, stays: a paused schedule of an inactive profile
// is kept as it is. It may be called any number of times.
func (s *Scheduler) Ensure(ctx context.Context, profile string, spec *schedule.Spec, active bool) (Change, error) {
	if spec == nil {
		removed, err := s.Remove(ctx, profile)
		if removed {
			return Removed, err
		}
		return Unchanged, err
	}
	if !active {
		change, err := s.rest(ctx, ID(profile))
		return change, told("delete", profile, err)
	}
	want, err := s.wanted(profile, *spec)
	if err != nil {
		return Unchanged, fmt.Errorf("schedule of profile %s: %w", profile, err)
	}
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	change, err := s.update(ctx, ID(profile), want)
	if !isNotFound(err) {
		return change, told("update", profile, err)
	}
	if len(spec.Next(time.Now(), 1)) == 0 {
		return Unchanged, nil // it is over
	}
	change, err = s.create(ctx, ID(profile), want)
	return change, told("create", profile, err)
}

// create makes a schedule that is not there yet.
func (s *Scheduler) create(ctx context.Context, id string, want wanted) (Change, error) {
	_, err := s.client.ScheduleClient().Create(ctx, want.options(id))
	if errors.Is(err, temporal.ErrScheduleAlreadyRunning) { // somebody was faster
		return s.update(ctx, id, want)
	}
	return Created, err
}

// update brings an existing schedule to what is wanted.
func (s *Scheduler) update(ctx context.Context, id string, want wanted) (Change, error) {
	change := Unchanged
	err := s.client.ScheduleClient().GetHandle(ctx, id).Update(ctx, client.ScheduleUpdateOptions{
		DoUpdate: func(is client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
			have := is.Description.Schedule
			if len(want.differences(have)) == 0 {
				return nil, temporal.ErrSkipScheduleUpdate
			}
			change = Updated
			have.State.LimitedActions, have.State.RemainingActions = want.remaining > 0, want.remaining
			return &client.ScheduleUpdate{Schedule: &client.Schedule{
				Action: want.action, Spec: &want.spec, Policy: &want.policy, State: have.State,
			}}, nil
		},
	})
	return change, err
}

// rest removes the schedule of what is inactive, but for a paused one: it starts
// nothing, and is where Temporal keeps the pause and its reason.
func (s *Scheduler) rest(ctx context.Context, id string) (Change, error) {
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	handle := s.client.ScheduleClient().GetHandle(ctx, id)
	is, err := handle.Describe(ctx)
	if err == nil && is.Schedule.State.Paused {
		return Unchanged, nil
	}
	if err == nil {
		err = handle.Delete(ctx)
	}
	switch {
	case isNotFound(err):
		return Unchanged, nil
	case err != nil:
		return Unchanged, err
	}
	return Removed, nil
}

// Remove deletes a profile's schedule and says whether there was one. A run
// that it has started goes on.
func (s *Scheduler) Remove(ctx context.Context, profile string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	err := s.handle(ctx, profile).Delete(ctx)
	if isNotFound(err) {
		return false, nil
	}
	return err == nil, told("delete", profile, err)
}

// Pause keeps a schedule from starting anything until it is resumed.
func (s *Scheduler) Pause(ctx context.Context, profile, reason string) error {
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	return told("pause", profile, s.handle(ctx, profile).Pause(ctx, client.SchedulePauseOptions{Note: reason}))
}

// Resume lets a paused schedule go on. What it missed is not made up for.
func (s *Scheduler) Resume(ctx context.Context, profile, note string) error {
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	return told("resume", profile, s.handle(ctx, profile).Unpause(ctx, client.ScheduleUnpauseOptions{Note: note}))
}

// RunningError says that a schedule was not triggered, because a run that it
// started is under way.
type RunningError struct {
	Profile    string
	WorkflowID string
}

func (e *RunningError) Error() string {
	return fmt.Sprintf("a scheduled run of %s is under way (workflow %s): another would be skipped", e.Profile, e.WorkflowID)
}

// triggerEvery is how often a triggered schedule is looked at for its run.
const triggerEvery = 100 * time.Millisecond

// Trigger lets a schedule start its run now, paused or not, and returns it. It
// is a RunningError when one is under way: Temporal would skip the new one
// without a word.
func (s *Scheduler) Trigger(ctx context.Context, profile string) (Started, error) {
	before, err := s.Describe(ctx, profile)
	if err != nil {
		return Started{}, err
	}
	if len(before.Running) > 0 {
		return Started{}, &RunningError{profile, before.Running[0].WorkflowID}
	}
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	if err := s.handle(ctx, profile).Trigger(ctx, client.ScheduleTriggerOptions{}); err != nil {
		return Started{}, told("trigger", profile, err)
	}
	tick := time.NewTicker(triggerEvery)
	defer tick.Stop()
	for {
		now, err := s.Describe(ctx, profile)
		if err == nil {
			for _, started := range slices.Backward(now.Recent) {
				if !slices.Contains(before.Recent, started) {
					return started, nil
				}
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return Started{}, fmt.Errorf("profile %s: Temporal took the trigger but has not started a run: look at schedule %s in the Temporal UI", profile, ID(profile))
		}
	}
}

// Orphans lists the schedules that start our runs for profiles that are not
// among the known ones.
func (s *Scheduler) Orphans(ctx context.Context, known []string) ([]string, error) {
	list, err := s.client.ScheduleClient().List(ctx, client.ScheduleListOptions{PageSize: 1000})
	if err != nil {
		return nil, fmt.Errorf("list Temporal's schedules: %w", err)
	}
	var orphans []string
	for list.HasNext() {
		entry, err := list.Next()
		if err != nil {
			return nil, fmt.Errorf("list Temporal's schedules: %w", err)
		}
		profile, ours := strings.CutPrefix(entry.ID, idPrefix)
		if !ours || slices.Contains(known, profile) {
			continue
		}
		// Another installation may use the same namespace: its workers serve
		// another task queue. The list may name what is deleted already.
		d, err := s.Describe(ctx, profile)
		switch {
		case errors.As(err, new(*MissingError)):
		case err != nil:
			return nil, err
		case d.Workflow == s.starts.Workflow && d.TaskQueue == s.starts.TaskQueue:
			orphans = append(orphans, profile)
		}
	}
	slices.Sort(orphans)
	return orphans, nil
}

func (s *Scheduler) handle(ctx context.Context, profile string) client.ScheduleHandle {
	return s.client.ScheduleClient().GetHandle(ctx, ID(profile))
}

// MissingError says that Temporal has no schedule of a profile.
type MissingError struct{ Profile string }

func (e *MissingError) Error() string {
	return fmt.Sprintf("Temporal has no schedule of profile %s", e.Profile)
}

func isNotFound(err error) bool {
	var missing *serviceerror.NotFound
	return errors.As(err, &missing)
}

// told says which schedule an error of Temporal's is about.
func told(deed, profile string, err error) error {
	switch {
	case err == nil:
		return nil
	case isNotFound(err):
		return &MissingError{profile}
	}
	return fmt.Errorf("%s the schedule of profile %s in Temporal: %w", deed, profile, err)
}

// policy is how the profiles' schedules behave: an occurrence during a run is
// skipped, and a failed run never pauses the schedule.
func policy(catchUp time.Duration) client.SchedulePolicies {
	return client.SchedulePolicies{Overlap: enums.SCHEDULE_OVERLAP_POLICY_SKIP, CatchupWindow: catchUp, PauseOnFailure: false}
}
