package scheduler_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/types/known/timestamppb"

	"sluice/internal/schedule"
	"sluice/internal/scheduler"
	"sluice/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

const within, every = 60 * time.Second, 50 * time.Millisecond

// input is what the runs of these tests are given.
type input struct {
	Profile string `json:"profile"`
	Mode    string `json:"mode"`
}

// quickRun ends at once; longRun when it is told to.
func quickRun(workflow.Context, input) error { return nil }
func longRun(ctx workflow.Context, _ input) error {
	workflow.GetSignalChannel(ctx, "end").Receive(ctx, nil)
	return nil
}
func failingRun(workflow.Context, input) error { return fmt.Errorf("the vendor is away") }

var numbers atomic.Int64

// A bench is a profile of a test's own on a Temporal server, with a worker.
type bench struct {
	client    client.Client
	profile   string
	starts    scheduler.Starts
	scheduler *scheduler.Scheduler
}

func newBench(t *testing.T, address, workflowType string) *bench {
	c, err := client.DialContext(t.Context(), client.Options{HostPort: address, Logger: quiet{}})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	profile := fmt.Sprintf("p%d", numbers.Add(1))
	b := &bench{client: c, profile: profile, starts: scheduler.Starts{
		Workflow: workflowType, TaskQueue: profile,
		WorkflowID: func(profile string) string { return "ingest/" + profile },
		Input:      func(profile string) any { return input{profile, "auto"} },
		Details:    func(profile string) string { return "brings in what " + profile + " says" },
		Test: scheduler.TestStarts{
			Workflow:   workflowType,
			WorkflowID: func(connector string) string { return "test/" + connector },
			Input:      func(connector string) any { return map[string]string{"connector": connector} },
		},
	}}
	b.scheduler = scheduler.New(c, b.starts)
	w := worker.New(c, profile, worker.Options{})
	w.RegisterWorkflow(quickRun)
	w.RegisterWorkflow(longRun)
	w.RegisterWorkflow(failingRun)
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
	return b
}

func shared(t *testing.T, workflowType string) *bench {
	t.Parallel()
	return newBench(t, testenv.Temporal(t), workflowType)
}

// spec is a schedule without jitter.
func spec(t require.TestingT, when string) schedule.Spec {
	w, err := schedule.ParseWhen(when)
	require.NoError(t, err, when)
	none := schedule.Duration(0)
	return schedule.Spec{When: w, Jitter: &none}
}

// onceIn is a single occurrence so many seconds from now.
func onceIn(t *testing.T, wait time.Duration) (schedule.Spec, time.Time) {
	at := time.Now().UTC().Add(wait).Truncate(time.Second)
	return spec(t, "once "+at.Format(time.DateTime)), at
}

func (b *bench) ensure(t *testing.T, s schedule.Spec, want scheduler.Change) {
	t.Helper()
	got, err := b.scheduler.Ensure(t.Context(), b.profile, &s, true)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func (b *bench) describe(t *testing.T) scheduler.Description {
	t.Helper()
	d, err := b.scheduler.Describe(t.Context(), b.profile)
	require.NoError(t, err)
	return d
}

func (b *bench) drift(t *testing.T, s schedule.Spec) []string {
	t.Helper()
	drift, err := b.scheduler.Drift(t.Context(), b.profile, &s, true)
	require.NoError(t, err)
	return drift
}

// eventually waits until the schedule is as described.
func (b *bench) eventually(t *testing.T, is func(scheduler.Description) bool) scheduler.Description {
	t.Helper()
	var d scheduler.Description
	require.Eventually(t, func() bool {
		var err error
		d, err = b.scheduler.Describe(t.Context(), b.profile)
		return err == nil && is(d)
	}, within, every)
	return d
}

// ui is what somebody does in the Temporal UI: with another client, and
// without knowing of us.
func (b *bench) ui(t *testing.T, change func(*client.Schedule)) {
	t.Helper()
	handle := b.client.ScheduleClient().GetHandle(t.Context(), scheduler.ID(b.profile))
	require.NoError(t, handle.Update(t.Context(), client.ScheduleUpdateOptions{
		DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
			change(&in.Description.Schedule)
			return &client.ScheduleUpdate{Schedule: &in.Description.Schedule}, nil
		},
	}))
}

func TestARecurringScheduleRunsAgainAndAgainButNeverTwiceAtOnce(t *testing.T) {
	b := shared(t, "longRun")
	b.ensure(t, spec(t, "every 2s"), scheduler.Created)

	// The first run stays: what comes meanwhile is skipped.
	d := b.eventually(t, func(d scheduler.Description) bool { return d.Skipped >= 2 })
	require.Len(t, d.Running, 1)
	require.Len(t, d.Recent, 1)
	first := d.Running[0]
	require.Contains(t, first.WorkflowID, "ingest/"+b.profile+"-")
	var got input
	history := b.client.GetWorkflowHistory(t.Context(), first.WorkflowID, first.FirstRunID, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	event, err := history.Next()
	require.NoError(t, err)
	require.NoError(t, decode(event.GetWorkflowExecutionStartedEventAttributes().GetInput(), &got))
	require.Equal(t, input{b.profile, "auto"}, got)

	// When it ends, the next comes.
	require.NoError(t, b.client.SignalWorkflow(t.Context(), first.WorkflowID, "", "end", nil))
	d = b.eventually(t, func(d scheduler.Description) bool { return len(d.Recent) >= 2 })
	require.NotEqual(t, first, d.Recent[1].Execution)
	removed, err := b.scheduler.Remove(t.Context(), b.profile)
	require.NoError(t, err)
	require.True(t, removed)
	for _, run := range d.Recent {
		_ = b.client.TerminateWorkflow(t.Context(), run.WorkflowID, "", "the test is over")
	}
}

func TestASingleOccurrenceRunsOnce(t *testing.T) {
	b := shared(t, "quickRun")
	once, at := onceIn(t, 3*time.Second)
	b.ensure(t, once, scheduler.Created)
	d := b.describe(t)
	require.True(t, d.WillStart())
	require.Len(t, d.Next, 1)
	require.True(t, d.Next[0].Equal(at))

	d = b.eventually(t, func(d scheduler.Description) bool { return len(d.Recent) == 1 && len(d.Running) == 0 })
	require.True(t, d.Recent[0].For.Equal(at))
	require.False(t, d.WillStart())
	require.Empty(t, d.Next)
	require.Empty(t, b.drift(t, once), "one that has run is not drift")
	b.ensure(t, once, scheduler.Unchanged)

	// Gone from Temporal, it is not made again: it would never run.
	_, err := b.scheduler.Remove(t.Context(), b.profile)
	require.NoError(t, err)
	b.ensure(t, once, scheduler.Unchanged)
	require.Empty(t, b.drift(t, once))

	// Another date makes it run again.
	later, at := onceIn(t, 3*time.Second)
	b.ensure(t, later, scheduler.Created)
	b.eventually(t, func(d scheduler.Description) bool { return len(d.Recent) == 1 && d.Recent[0].For.Equal(at) })
	again, at := onceIn(t, 3*time.Second)
	b.ensure(t, again, scheduler.Updated)
	b.eventually(t, func(d scheduler.Description) bool { return len(d.Recent) == 2 && d.Recent[1].For.Equal(at) })
}

func TestAPauseIsSeenAndKept(t *testing.T) {
	b := shared(t, "quickRun")
	b.ensure(t, spec(t, "every 1h"), scheduler.Created)
	handle := b.client.ScheduleClient().GetHandle(t.Context(), scheduler.ID(b.profile))
	require.NoError(t, handle.Pause(t.Context(), client.SchedulePauseOptions{Note: "vendor maintenance"}))
	d := b.describe(t)
	require.True(t, d.Paused)
	require.Equal(t, "vendor maintenance", d.Note)
	require.False(t, d.WillStart())
	require.Empty(t, b.drift(t, spec(t, "every 1h")), "a pause is no drift")

	b.ensure(t, spec(t, "every 2h"), scheduler.Updated)
	d = b.describe(t)
	require.True(t, d.Paused)
	require.Equal(t, "vendor maintenance", d.Note)

	require.NoError(t, b.scheduler.Resume(t.Context(), b.profile, "done"))
	require.True(t, b.describe(t).WillStart())
	require.NoError(t, b.scheduler.Pause(t.Context(), b.profile, "not today"))
	d = b.describe(t)
	require.True(t, d.Paused)
	require.Equal(t, "not today", d.Note)
}

func TestAFailedRunDoesNotPauseTheSchedule(t *testing.T) {
	b := shared(t, "failingRun")
	b.ensure(t, spec(t, "every 1s"), scheduler.Created)
	d := b.eventually(t, func(d scheduler.Description) bool { return len(d.Recent) >= 3 })
	require.False(t, d.Paused)
	_, err := b.scheduler.Remove(t.Context(), b.profile)
	require.NoError(t, err)
}

func TestDriftIsSeenAndMended(t *testing.T) {
	b := shared(t, "quickRun")
	want := spec(t, "mon-fri at 06:00,18:30")
	want.TimeZone = "Europe/Berlin"
	require.Equal(t, []string{"Temporal has no schedule of it"}, b.drift(t, want))
	b.ensure(t, want, scheduler.Created)
	require.Empty(t, b.drift(t, want))
	b.ensure(t, want, scheduler.Unchanged)

	for says, change := range map[string]func(*client.Schedule){
		"it runs at other times: every 5m, not calendar (0 0 6 * * 1,2,3,4,5 *) and calendar (0 30 18": func(s *client.Schedule) {
			s.Spec.Calendars, s.Spec.Intervals = nil, []client.ScheduleIntervalSpec{{Every: 5 * time.Minute}}
		},
		"time zone is Asia/Tokyo, not Europe/Berlin":   func(s *client.Schedule) { s.Spec.TimeZoneName = "Asia/Tokyo" },
		"end is 2030-01-01T00:00:00Z, not none":        func(s *client.Schedule) { s.Spec.EndAt = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC) },
		"overlap policy is AllowAll, not Skip":         func(s *client.Schedule) { s.Policy.Overlap = enums.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL },
		"catch-up window is 1h0m0s, not 10m0s":         func(s *client.Schedule) { s.Policy.CatchupWindow = time.Hour },
		"pausing on failure is true, not false":        func(s *client.Schedule) { s.Policy.PauseOnFailure = true },
		"task queue is elsewhere":                      func(s *client.Schedule) { action(s).TaskQueue = "elsewhere" },
		"input is [map[mode:full profile:" + b.profile: func(s *client.Schedule) { action(s).Args = []any{input{b.profile, "full"}} },
		"but not calendar (": func(s *client.Schedule) {
			s.Spec.Skip = []client.ScheduleCalendarSpec{{DayOfMonth: []client.ScheduleRange{{Start: 24}}}}
		},
	} {
		b.ui(t, change)
		drift := b.drift(t, want)
		require.Len(t, drift, 1, says)
		require.Contains(t, drift[0], says)
		b.ensure(t, want, scheduler.Updated)
		require.Empty(t, b.drift(t, want))
	}

	drift, err := b.scheduler.Drift(t.Context(), b.profile, nil, true)
	require.NoError(t, err)
	require.Equal(t, []string{"Temporal has a schedule of it, the profile has none"}, drift)
	drift, err = b.scheduler.Drift(t.Context(), b.profile, &want, false)
	require.NoError(t, err)
	require.Equal(t, []string{"Temporal has a schedule of it, but the profile is inactive"}, drift)
}

func action(s *client.Schedule) *client.ScheduleWorkflowAction {
	return s.Action.(*client.ScheduleWorkflowAction)
}

func TestAnInactiveOrDeletedProfileHasNoSchedule(t *testing.T) {
	b := shared(t, "quickRun")
	s := spec(t, "every 1h")
	missing := new(scheduler.MissingError)
	for range 2 {
		b.ensure(t, s, scheduler.Created)
		change, err := b.scheduler.Ensure(t.Context(), b.profile, &s, false)
		require.NoError(t, err)
		require.Equal(t, scheduler.Removed, change)
		_, err = b.scheduler.Describe(t.Context(), b.profile)
		require.ErrorAs(t, err, &missing)
	}
	change, err := b.scheduler.Ensure(t.Context(), b.profile, nil, true)
	require.NoError(t, err)
	require.Equal(t, scheduler.Unchanged, change)
	require.ErrorAs(t, b.scheduler.Pause(t.Context(), b.profile, "x"), &missing)
	_, err = b.scheduler.Trigger(t.Context(), b.profile)
	require.ErrorAs(t, err, &missing)
}

func TestAPauseOutlastsInactivity(t *testing.T) {
	b := shared(t, "quickRun")
	s := spec(t, "every 1h")
	b.ensure(t, s, scheduler.Created)
	require.NoError(t, b.scheduler.Pause(t.Context(), b.profile, "vendor maintenance"))
	for range 2 {
		change, err := b.scheduler.Ensure(t.Context(), b.profile, &s, false)
		require.NoError(t, err)
		require.Equal(t, scheduler.Unchanged, change)
	}
	drift, err := b.scheduler.Drift(t.Context(), b.profile, &s, false)
	require.NoError(t, err)
	require.Empty(t, drift, "it is there, but starts nothing")
	b.ensure(t, spec(t, "every 2h"), scheduler.Updated)
	d := b.describe(t)
	require.True(t, d.Paused)
	require.Equal(t, "vendor maintenance", d.Note)
	change, err := b.scheduler.Ensure(t.Context(), b.profile, nil, false)
	require.NoError(t, err)
	require.Equal(t, scheduler.Removed, change, "without a schedule there is nothing to pause")
}

func TestOrphansAreOursOnly(t *testing.T) {
	b := shared(t, "quickRun")
	b.ensure(t, spec(t, "every 1h"), scheduler.Created)
	elsewhere := b.starts
	elsewhere.TaskQueue = "of-another-installation"
	other := scheduler.New(b.client, elsewhere)
	s := spec(t, "every 1h")
	_, err := other.Ensure(t.Context(), b.profile+"-theirs", &s, true)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		orphans, err := b.scheduler.Orphans(t.Context(), nil)
		return err == nil && slices.Equal([]string{b.profile}, orphans)
	}, within, every)
	orphans, err := b.scheduler.Orphans(t.Context(), []string{b.profile})
	require.NoError(t, err)
	require.Empty(t, orphans)
}

func TestATriggerThatWouldBeSkippedSaysSo(t *testing.T) {
	b := shared(t, "longRun")
	b.ensure(t, spec(t, "every 1h"), scheduler.Created)
	require.NoError(t, b.scheduler.Pause(t.Context(), b.profile, "by hand only"))
	started, err := b.scheduler.Trigger(t.Context(), b.profile)
	require.NoError(t, err)
	require.Contains(t, started.WorkflowID, "ingest/"+b.profile)
	var running *scheduler.RunningError
	_, err = b.scheduler.Trigger(t.Context(), b.profile)
	require.ErrorAs(t, err, &running)
	require.Equal(t, started.WorkflowID, running.WorkflowID)
	require.NoError(t, b.client.SignalWorkflow(t.Context(), started.WorkflowID, started.FirstRunID, "end", nil))
	require.NoError(t, b.client.GetWorkflow(t.Context(), started.WorkflowID, started.FirstRunID).Get(t.Context(), nil))
}

// unambiguous are the times that clocks in the zone show once. Of those that
// they show twice, Temporal takes both in some zones and one in others.
func unambiguous(times []time.Time, zone string) string {
	location, _ := time.LoadLocation(zone)
	var list []string
	for _, at := range times {
		clock := func(at time.Time) string { return at.In(location).Format(time.DateTime) }
		if clock(at) != clock(at.Add(time.Hour)) && clock(at) != clock(at.Add(-time.Hour)) {
			list = append(list, at.UTC().Format(time.RFC3339))
		}
	}
	return strings.Join(list, "\n")
}

// What package schedule computes is what Temporal does, over the nights when
// clocks change too.
func TestTemporalRunsWhenWeSaid(t *testing.T) {
	b := shared(t, "quickRun")
	from := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	until := from.AddDate(1, 0, 0)
	for _, when := range []string{
		"every 5d", "every 36h", "daily at 02:30", "daily at 00:00,01:30,23:59", "sat-sun at 02:00", "days 28-31 at 02:30",
		"days 29 of feb at 04:00", "cron 15,45 1-3 25-31 3,10,11 *", "cron 0 4 13 * fri", "cron 30 2 * * 7", "cron 0 */7 1 * *", "once 2027-10-31 02:30:15",
	} {
		for _, zone := range []string{"UTC", "Europe/Berlin", "America/New_York", "Africa/Cairo", "Asia/Kolkata"} {
			s := spec(t, when)
			s.TimeZone = zone
			if s.IsSingle() {
				require.NoError(t, s.Validate(time.Now()))
			} else {
				start, err := schedule.ParseDateTime("2027-01-02 09:00:30")
				require.NoError(t, err)
				s.Start = start
			}
			_, err := b.scheduler.Ensure(t.Context(), b.profile, &s, true)
			require.NoError(t, err)
			answer, err := b.client.WorkflowService().ListScheduleMatchingTimes(t.Context(), &workflowservice.ListScheduleMatchingTimesRequest{
				Namespace: "default", ScheduleId: scheduler.ID(b.profile), StartTime: timestamppb.New(from), EndTime: timestamppb.New(until),
			})
			require.NoError(t, err)
			var theirs []time.Time
			for _, at := range answer.GetStartTime() {
				theirs = append(theirs, at.AsTime())
			}
			last := until
			if len(theirs) == 1000 { // it lists no more
				last = theirs[999]
			}
			ours := slices.DeleteFunc(s.Next(from, len(theirs)+2), func(at time.Time) bool { return at.After(last) })
			require.Equal(t, unambiguous(theirs, zone), unambiguous(ours, zone), "%s in %s", when, zone)
			d := b.describe(t)
			if !s.IsSingle() {
				next := s.Next(time.Now(), len(d.Next))
				require.Len(t, next, len(d.Next))
				for i := range next {
					require.True(t, next[i].Equal(d.Next[i]), "%s in %s", when, zone)
				}
			}
		}
	}
}

// quiet lets Temporal's SDK say nothing.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}
