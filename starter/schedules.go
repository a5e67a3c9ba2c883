package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/catalog"
	"sluice/internal/lifecycle"
	"sluice/internal/scheduler"
	"sluice/workflows"
)

// schedules keeps Temporal's schedules.
func (a *app) schedules(ctx context.Context) (*scheduler.Scheduler, error) {
	temporal, err := a.dial(ctx)
	if err != nil {
		return nil, err
	}
	return scheduler.New(temporal, scheduler.Starts{
		Workflow: workflows.IngestionType, TaskQueue: a.taskQueue(), WorkflowID: workflows.WorkflowID,
		Input:   func(profile string) any { return workflows.Input{Profile: profile, Mode: lifecycle.Auto} },
		Details: workflows.StaticDetails,
		Test: scheduler.TestStarts{
			Workflow: workflows.ConnectionTestType,
			WorkflowID: func(connector string) string {
				return workflows.TestWorkflowID(workflows.TestInput{Connector: connector})
			},
			Input: func(connector string) any { return workflows.TestInput{Connector: connector} },
		},
	}), nil
}

// keepInStep makes Temporal's schedule what the profile, as it was just
// stored, says.
func (a *app) keepInStep(ctx context.Context, store *catalog.Store, p catalog.Profile) error {
	s, err := a.schedules(ctx)
	change := scheduler.Unchanged
	if err == nil {
		change, err = s.Ensure(ctx, p.Name, p.Schedule, p.Runs())
	}
	if err != nil {
		return fmt.Errorf("profile %s is stored, but Temporal's schedule of it is not in step yet: %w; '%s' mends that", p.Name, err, a.command("doctor --fix"))
	}
	if change == scheduler.Unchanged {
		return nil
	}
	text := fmt.Sprintf("schedule of profile %s %s", p.Name, change)
	if change != scheduler.Removed {
		text += ": " + p.Schedule.String()
	}
	return store.Log(ctx, p.ConnectorID, 0, "info", text, nil)
}

// nextRun is a run that a schedule will start.
type nextRun struct {
	At    time.Time `json:"at"`
	There string    `json:"there"` // as clocks in the schedule's time zone show it
}

var nextColumns = []column[nextRun]{
	{"at", func(n nextRun) any { return n.At }},
	{"there", func(n nextRun) any { return n.There }},
}

func newProfilesNext(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "next PROFILE",
		Short: "Show the next ten runs that a profile's schedule will start",
		Long: `Show the next ten runs that a profile's schedule will start, as Temporal says:
with what was changed or paused in the Temporal UI.`,
		Example: "  sluice profiles next acme-apps",
		Args:    oneArgument("profile name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			p, s, err := a.profileAndSchedules(ctx, args[0])
			if err != nil {
				return err
			}
			d, err := s.Describe(ctx, p.Name)
			if errors.As(err, new(*scheduler.MissingError)) {
				a.note("%s", a.whyNoSchedule(p))
				return printList(a, []nextRun{}, nextColumns)
			}
			if err != nil {
				return err
			}
			if drift := s.Compare(d, p.Name, p.Schedule, p.Runs()); len(drift) > 0 {
				a.note("Temporal's schedule is not what the profile says (%s): '%s' makes it so again", harmless(strings.Join(drift, "; ")), a.command("doctor --fix"))
			}
			next := []nextRun{}
			zone := d.Zone()
			for _, at := range d.Next {
				next = append(next, nextRun{at, at.In(zone).Format("Mon 2006-01-02 15:04:05 MST")})
			}
			switch {
			case d.Paused:
				a.note("the schedule of %s is paused%s: none of these will come until '%s'", p.Name, because(d.Note), a.command("profiles resume "+p.Name))
			case !p.Active:
				a.note("profile %s is inactive: runs are refused until '%s'", p.Name, a.command("profiles activate "+p.Name))
			case !p.ConnectorActive:
				a.note("%s", a.disabled(p))
			case len(next) == 0:
				a.note("the schedule of %s is over: nothing will start it any more", p.Name)
			}
			return printList(a, next, nextColumns)
		},
	}
}

// profileAndSchedules opens what the commands on a profile's schedule need.
func (a *app) profileAndSchedules(ctx context.Context, name string) (catalog.Profile, *scheduler.Scheduler, error) {
	store, err := a.catalog(ctx)
	if err != nil {
		return catalog.Profile{}, nil, err
	}
	p, err := store.Profile(ctx, name)
	if err != nil {
		return p, nil, err
	}
	s, err := a.schedules(ctx)
	return p, s, err
}

// whyNoSchedule says why Temporal has no schedule of a profile.
func (a *app) whyNoSchedule(p catalog.Profile) string {
	switch {
	case p.Schedule == nil:
		return fmt.Sprintf("profile %s has no schedule: give it one with '%s'", p.Name, a.command("profiles update "+p.Name+` --schedule "every 6h"`))
	case !p.Active:
		return fmt.Sprintf("profile %s is inactive: its schedule (%s) begins with '%s'", p.Name, p.Schedule, a.command("profiles activate "+p.Name))
	case !p.ConnectorActive:
		return a.disabled(p)
	case len(p.Schedule.Next(time.Now(), 1)) == 0:
		return fmt.Sprintf("the schedule of %s (%s) is over", p.Name, p.Schedule)
	}
	return fmt.Sprintf("Temporal has no schedule of %s, though there should be one (%s): '%s' mends that", p.Name, p.Schedule, a.command("doctor --fix"))
}

// because is a reason in brackets, if there is one.
func because(reason string) string {
	if reason == "" {
		return ""
	}
	return " (" + harmless(reason) + ")"
}

func newProfilesTrigger(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "trigger PROFILE",
		Short: "Let a profile's schedule start its run now",
		Long: `Let a profile's schedule start its run now, also while it is paused. For a run
apart from the schedule, or in another mode, there is 'sluice run'.`,
		Example: "  sluice profiles trigger acme-apps",
		Args:    oneArgument("profile name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			p, s, err := a.profileAndSchedules(ctx, args[0])
			if err != nil {
				return err
			}
			if err := a.checkNothingRuns(ctx, p); err != nil {
				return err
			}
			started, err := s.Trigger(ctx, p.Name)
			var running *scheduler.RunningError
			switch {
			case errors.As(err, new(*scheduler.MissingError)):
				return fmt.Errorf("%s; to run it now: '%s'", a.whyNoSchedule(p), a.command("run "+p.Name))
			case errors.As(err, &running):
				return a.underWay(p.Name)
			case err != nil:
				return err
			}
			if err := a.logSchedule(ctx, p, "triggered by hand"); err != nil {
				return err
			}
			return a.printStarted(execution{started.WorkflowID, started.FirstRunID}, p.Name)
		},
	}
}

// checkNothingRuns refuses what would be skipped, because a run of the
// profile is under way.
func (a *app) checkNothingRuns(ctx context.Context, p catalog.Profile) error {
	if err := a.checkRuns(p); err != nil {
		return err
	}
	now, err := a.situationOf(ctx, p)
	if err == nil && now.Running != nil {
		err = a.underWay(p.Name)
	}
	return err
}

// underWay is the error for starting a profile that runs.
func (a *app) underWay(profile string) error {
	return fmt.Errorf("a run of %s is under way: follow it with '%s', or stop it with '%s'",
		profile, a.command("status "+profile+" --watch"), a.command("runs cancel "+profile))
}

// checkRuns refuses what would not be let start.
func (a *app) checkRuns(p catalog.Profile) error {
	switch {
	case !p.Active:
		return fmt.Errorf("profile %s is inactive: '%s' activates it", p.Name, a.command("profiles activate "+p.Name))
	case !p.ConnectorActive:
		return errors.New(a.disabled(p))
	}
	return nil
}

// logSchedule notes what was done to a schedule in the connector's log.
func (a *app) logSchedule(ctx context.Context, p catalog.Profile, what string) error {
	store, err := a.catalog(ctx)
	if err != nil {
		return err
	}
	return store.Log(ctx, p.ConnectorID, 0, "info", fmt.Sprintf("schedule of profile %s %s", p.Name, what), nil)
}

// maxReason bounds the reason of a pause.
const maxReason = 200

func newProfilesPause(a *app) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "pause PROFILE --reason TEXT",
		Short: "Let a profile's schedule start nothing until it is resumed",
		Long: `Let a profile's schedule start nothing until it is resumed. A run under way goes
on. The reason is shown by 'sluice status' and in the Temporal UI.`,
		Example: `  sluice profiles pause acme-apps --reason "maintenance at the vendor"`,
		Args:    oneArgument("profile name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if reason = strings.TrimSpace(reason); reason == "" || len(reason) > maxReason {
				return wrongUsage(cmd, "--reason is missing or longer than %d characters: say why it is paused", maxReason)
			}
			return a.setPaused(cmd.Context(), args[0], "paused: "+reason, func(ctx context.Context, s *scheduler.Scheduler) error {
				return s.Pause(ctx, args[0], reason)
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why it is paused")
	return cmd
}

func newProfilesResume(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "resume PROFILE",
		Short:   "Let a paused schedule go on",
		Long:    "Let a paused schedule go on with its next run. What was missed is not made up for.",
		Example: "  sluice profiles resume acme-apps",
		Args:    oneArgument("profile name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.setPaused(cmd.Context(), args[0], "resumed", func(ctx context.Context, s *scheduler.Scheduler) error {
				return s.Resume(ctx, args[0], "resumed")
			})
		},
	}
}

// setPaused pauses or resumes a profile's schedule, and notes it.
func (a *app) setPaused(ctx context.Context, name, what string, do func(context.Context, *scheduler.Scheduler) error) error {
	p, s, err := a.profileAndSchedules(ctx, name)
	if err != nil {
		return err
	}
	err = do(ctx, s)
	if errors.As(err, new(*scheduler.MissingError)) {
		return errors.New(a.whyNoSchedule(p))
	}
	if err != nil {
		return err
	}
	a.note("the schedule of %s is %s", p.Name, harmless(what))
	if err := a.logSchedule(ctx, p, what); err != nil || p.Runs() {
		return err
	}
	a.note("%s", a.whyNoSchedule(p))
	store, err := a.catalog(ctx)
	if err != nil {
		return err
	}
	return a.keepInStep(ctx, store, p)
}
