package scheduler

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"sluice/internal/schedule"
)

// wanted is what a schedule should be in Temporal.
type wanted struct {
	spec      client.ScheduleSpec
	policy    client.SchedulePolicies
	action    *client.ScheduleWorkflowAction
	remaining int // runs that it may start; 0: any number
}

func (s *Scheduler) wanted(profile string, spec schedule.Spec) (wanted, error) {
	t, err := spec.Timetable()
	if err != nil {
		return wanted{}, err
	}
	w := wanted{
		spec:   client.ScheduleSpec{StartAt: t.Start, EndAt: t.End, Jitter: t.Jitter, TimeZoneName: t.Zone.String()},
		policy: policy(t.CatchUp),
		action: &client.ScheduleWorkflowAction{
			ID: s.starts.WorkflowID(profile), Workflow: s.starts.Workflow, TaskQueue: s.starts.TaskQueue,
			Args: []any{s.starts.Input(profile)}, StaticSummary: "scheduled run of " + profile, StaticDetails: s.starts.Details(profile),
		},
	}
	switch {
	case !t.Once.IsZero():
		w.spec.Calendars, w.spec.EndAt, w.remaining = []client.ScheduleCalendarSpec{moment(t.Once)}, t.Once, 1
	case t.Every > 0:
		w.spec.Intervals = []client.ScheduleIntervalSpec{{Every: t.Every, Offset: t.Phase}}
	default:
		for _, c := range t.Calendars {
			w.spec.Calendars = append(w.spec.Calendars, client.ScheduleCalendarSpec{
				Minute: ranges(c.Minutes), Hour: ranges(c.Hours), DayOfMonth: ranges(c.Days),
				Month: ranges(c.Months), DayOfWeek: ranges(c.Weekdays),
			})
		}
	}
	return w, nil
}

// moment matches the one second that t is, as clocks in its zone show it.
func moment(t time.Time) client.ScheduleCalendarSpec {
	only := func(v int) []client.ScheduleRange { return []client.ScheduleRange{{Start: v, End: v}} }
	return client.ScheduleCalendarSpec{
		Second: only(t.Second()), Minute: only(t.Minute()), Hour: only(t.Hour()),
		DayOfMonth: only(t.Day()), Month: only(int(t.Month())), Year: only(t.Year()),
	}
}

// ranges writes a set as the ranges of consecutive values in it.
func ranges(set schedule.Set) []client.ScheduleRange {
	var list []client.ScheduleRange
	for _, v := range set.Values() {
		if n := len(list); n > 0 && list[n-1].End == v-1 {
			list[n-1].End = v
			continue
		}
		list = append(list, client.ScheduleRange{Start: v, End: v})
	}
	return list
}

func (w wanted) options(id string) client.ScheduleOptions {
	return client.ScheduleOptions{
		ID: id, Spec: w.spec, Action: w.action, RemainingActions: w.remaining,
		Overlap: w.policy.Overlap, CatchupWindow: w.policy.CatchupWindow, PauseOnFailure: w.policy.PauseOnFailure,
	}
}

// differences lists, for people, in what a schedule is not as wanted. That it
// is paused is none.
func (w wanted) differences(have client.Schedule) []string {
	var list []string
	differ := func(what string, is, wants any) {
		if !reflect.DeepEqual(is, wants) {
			list = append(list, fmt.Sprintf("%s is %v, not %v", what, is, wants))
		}
	}
	if is, wants := timesOf(*have.Spec), timesOf(w.spec); !slices.Equal(is, wants) {
		list = append(list, fmt.Sprintf("it runs at other times: %s, not %s", strings.Join(is, " and "), strings.Join(wants, " and ")))
	}
	zone := have.Spec.TimeZoneName
	if zone == "" {
		zone = "UTC"
	}
	differ("time zone", zone, w.spec.TimeZoneName)
	differ("start", boundText(have.Spec.StartAt), boundText(w.spec.StartAt))
	differ("end", boundText(have.Spec.EndAt), boundText(w.spec.EndAt))
	differ("jitter", have.Spec.Jitter, w.spec.Jitter)
	differ("catch-up window", have.Policy.CatchupWindow, w.policy.CatchupWindow)
	differ("overlap policy", have.Policy.Overlap, w.policy.Overlap)
	differ("pausing on failure", have.Policy.PauseOnFailure, w.policy.PauseOnFailure)
	differ("a limit of runs", have.State.LimitedActions, w.remaining > 0)
	action, ok := have.Action.(*client.ScheduleWorkflowAction)
	if !ok {
		return append(list, "it starts no workflow")
	}
	differ("workflow", action.Workflow, w.action.Workflow)
	differ("workflow id", action.ID, w.action.ID)
	differ("task queue", action.TaskQueue, w.action.TaskQueue)
	differ("input", inputs(action.Args), inputs(w.action.Args))
	return list
}

// timesOf writes when a schedule runs so that two that mean the same are
// written the same: its intervals and calendars, and the times it leaves out.
func timesOf(spec client.ScheduleSpec) []string {
	var list []string
	for _, i := range spec.Intervals {
		text := "every " + schedule.Duration(i.Every).String()
		if i.Offset > 0 {
			text += " after " + schedule.Duration(i.Offset).String()
		}
		list = append(list, text)
	}
	for _, c := range spec.Calendars {
		list = append(list, calendarText(c))
	}
	for _, c := range spec.Skip {
		list = append(list, "but not "+calendarText(c))
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// calendarText writes a calendar's fields in the order of a cron line, with
// seconds before and years after it; a field that matches everything is *.
func calendarText(c client.ScheduleCalendarSpec) string {
	field := func(list []client.ScheduleRange, absent string, from, to int) string {
		if len(list) == 0 {
			return absent
		}
		var values []int
		for _, r := range list {
			for v := r.Start; v <= max(r.Start, r.End); v += max(1, r.Step) {
				values = append(values, v)
			}
		}
		slices.Sort(values)
		if values = slices.Compact(values); len(values) == to-from+1 {
			return "*"
		}
		return strings.ReplaceAll(strings.Trim(fmt.Sprint(values), "[]"), " ", ",")
	}
	return fmt.Sprintf("calendar (%s %s %s %s %s %s %s)", field(c.Second, "0", 0, 59), field(c.Minute, "0", 0, 59), field(c.Hour, "0", 0, 23),
		field(c.DayOfMonth, "*", 1, 31), field(c.Month, "*", 1, 12), field(c.DayOfWeek, "*", 0, 6), field(c.Year, "*", 2000, 2100))
}

func boundText(t time.Time) string {
	if t.IsZero() {
		return "none"
	}
	return t.UTC().Format(time.RFC3339)
}

// inputs are a workflow's arguments as JSON means them, be they values or, as
// Temporal returns them, payloads.
func inputs(args []any) []any {
	data := converter.GetDefaultDataConverter()
	list := make([]any, len(args))
	for i, arg := range args {
		payload, ok := arg.(*commonpb.Payload)
		if !ok {
			var err error
			if payload, err = data.ToPayload(arg); err != nil {
				list[i] = fmt.Sprintf("something that cannot be written: %v", err)
				continue
			}
		}
		if err := data.FromPayload(payload, &list[i]); err != nil {
			list[i] = fmt.Sprintf("something that cannot be read: %v", err)
		}
	}
	return list
}
