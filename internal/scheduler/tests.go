package scheduler

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.temporal.io/sdk/client"

	"sluice/internal/schedule"
)

// testID is the id of a connector's schedule of tests in Temporal. The connector
// is meant by its number, so that it can be renamed; the task queue keeps those
// of several installations in one namespace apart.
func (s *Scheduler) testID(connectorID int64) string {
	return s.testPrefix() + strconv.FormatInt(connectorID, 10)
}

func (s *Scheduler) testPrefix() string { return "connector/" + s.starts.TaskQueue + "/" }

// TestStarts is what the schedules of connection tests start, on the task queue
// of all that is started.
type TestStarts struct {
	Workflow string // the workflow's type
	// WorkflowID and Input are those of a connector's test. Temporal appends
	// the time to the id; the input is one object.
	WorkflowID func(connector string) string
	Input      func(connector string) any
}

const (
	// testJitter bounds how far the tests of several connectors are spread; it
	// is a tenth of the time between two of them, if that is less.
	testJitter = 5 * time.Minute
	// testCatchUp is how late a test is made up for. The next one says as much.
	testCatchUp = time.Minute
)

// EnsureTest makes Temporal's schedule of a connector's tests what the
// connector says: there is one if the connector is active and tested every so
// often, not never (0). A pause stays, also while the connector is inactive. It may be
// called any number of times.
func (s *Scheduler) EnsureTest(ctx context.Context, connectorID int64, name string, every schedule.Duration, active bool) (Change, error) {
	if every <= 0 {
		removed, err := s.RemoveTest(ctx, connectorID)
		if removed {
			return Removed, err
		}
		return Unchanged, err
	}
	if !active {
		change, err := s.rest(ctx, s.testID(connectorID))
		return change, toldOfTests("delete", name, err)
	}
	want := s.wantedTest(name, every)
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	change, err := s.update(ctx, s.testID(connectorID), want)
	if isNotFound(err) {
		change, err = s.create(ctx, s.testID(connectorID), want)
	}
	return change, toldOfTests("update", name, err)
}

// RemoveTest deletes the schedule of a connector's tests and says whether there
// was one. A test that it has started goes on.
func (s *Scheduler) RemoveTest(ctx context.Context, connectorID int64) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	err := s.client.ScheduleClient().GetHandle(ctx, s.testID(connectorID)).Delete(ctx)
	if isNotFound(err) {
		return false, nil
	}
	return err == nil, toldOfTests("delete", "number "+strconv.FormatInt(connectorID, 10), err)
}

// TestDrift lists, for people, in what Temporal's schedule of a connector's
// tests is not what the connector says; nothing when it is. Next is when the
// next test comes; zero: none does.
func (s *Scheduler) TestDrift(ctx context.Context, connectorID int64, name string, every schedule.Duration, active bool) (drift []string, next time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	is, err := s.client.ScheduleClient().GetHandle(ctx, s.testID(connectorID)).Describe(ctx)
	wanted := every > 0 && active
	switch {
	case isNotFound(err) && wanted:
		return []string{"Temporal has no schedule of its tests"}, next, nil
	case isNotFound(err):
		return nil, next, nil
	case err != nil:
		return nil, next, toldOfTests("describe", name, err)
	}
	if times := is.Info.NextActionTimes; len(times) > 0 && !is.Schedule.State.Paused {
		next = times[0]
	}
	switch {
	case every <= 0:
		return []string{"Temporal has a schedule of its tests, the connector has none"}, next, nil
	case !active && is.Schedule.State.Paused:
		return nil, next, nil // it waits for the connector
	case !active:
		return []string{"Temporal has a schedule of its tests, but the connector is inactive"}, next, nil
	}
	return s.wantedTest(name, every).differences(is.Schedule), next, nil
}

// OrphanTests lists the schedules that start our tests for connectors that are
// not among the known ones, by the connectors' ids.
func (s *Scheduler) OrphanTests(ctx context.Context, known []int64) ([]int64, error) {
	list, err := s.client.ScheduleClient().List(ctx, client.ScheduleListOptions{PageSize: 1000})
	if err != nil {
		return nil, fmt.Errorf("list Temporal's schedules: %w", err)
	}
	var orphans []int64
	for list.HasNext() {
		entry, err := list.Next()
		if err != nil {
			return nil, fmt.Errorf("list Temporal's schedules: %w", err)
		}
		text, ours := strings.CutPrefix(entry.ID, s.testPrefix())
		id, err := strconv.ParseInt(text, 10, 64)
		if !ours || err != nil || slices.Contains(known, id) {
			continue
		}
		orphans = append(orphans, id)
	}
	slices.Sort(orphans)
	return orphans, nil
}

// wantedTest is what the schedule of a connector's tests should be.
func (s *Scheduler) wantedTest(name string, every schedule.Duration) wanted {
	return wanted{
		spec: client.ScheduleSpec{
			Intervals: []client.ScheduleIntervalSpec{{Every: time.Duration(every)}}, Jitter: min(testJitter, time.Duration(every)/10).Truncate(time.Second), TimeZoneName: "UTC",
		},
		policy: policy(testCatchUp),
		action: &client.ScheduleWorkflowAction{
			ID: s.starts.Test.WorkflowID(name), Workflow: s.starts.Test.Workflow, TaskQueue: s.starts.TaskQueue,
			Args: []any{s.starts.Test.Input(name)}, StaticSummary: "scheduled test of connector " + name,
		},
	}
}

// toldOfTests says of which connector's tests an error of Temporal's is.
func toldOfTests(deed, connector string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%s the schedule of the tests of connector %s in Temporal: %w", deed, connector, err)
}
