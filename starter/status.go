package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"sluice/internal/catalog"
	"sluice/internal/lifecycle"
	"sluice/internal/scheduler"
	"sluice/internal/source"
)

// statusAtOnce is how many profiles are asked about at a time.
const statusAtOnce = 16

// profileStatus is where a profile stands, from those who know: Temporal for
// what is running, the catalog for what has been.
type profileStatus struct {
	Profile   string          `json:"profile"`
	Connector string          `json:"connector"`
	Kind      string          `json:"kind"`
	Active    bool            `json:"active"`
	State     lifecycle.State `json:"state"`
	// Stands is the state with what is still to come of the run under way:
	// "Processed (findings: 62 %)".
	Stands  string         `json:"stands"`
	Running *runningStatus `json:"running"` // null: nothing runs
	// Schedule is what Temporal has; null: nothing starts it by itself.
	Schedule *scheduleStatus `json:"schedule"`
	Last     *catalog.Run    `json:"last"`           // the last finished run
	Note     string          `json:"note,omitempty"` // what is to know of the profile now
}

// scheduleStatus is a profile's schedule as Temporal has it: with what was
// done to it in the Temporal UI.
type scheduleStatus struct {
	When   string     `json:"when"` // as the profile says; empty: it has none
	Paused bool       `json:"paused"`
	Note   string     `json:"note,omitempty"` // why it is paused
	Next   *time.Time `json:"next"`           // null: it is over
	// Drift lists in what it is not what the profile says.
	Drift []string `json:"drift,omitempty"`
}

// runningStatus is a run that Temporal is running.
type runningStatus struct {
	RunID      int64  `json:"runId,omitempty"` // 0: it has not been planned yet
	WorkflowID string `json:"workflowId"`
	// Progress is what the workflow says; null when no worker answers for it.
	Progress *lifecycle.Progress `json:"progress"`
	// Retries are the steps that failed and are tried again.
	Retries []retry `json:"retries,omitempty"`
}

func newStatus(a *app) *cobra.Command {
	var watch, connectors bool
	cmd := &cobra.Command{
		Use:   "status [PROFILE]",
		Short: "Show where profiles stand and how far their runs are",
		Long: `Show where profiles stand:

  Registered   nothing will start it by itself
  Scheduled    something will start it
  Processing   a run is bringing assets in
  Processed    a run has brought all assets in; their findings may still be
               coming: Processed (findings: 62 %)

The outcome of the last run is told beside it: a failure does not change the state.
With --connectors, a connector shows the most active state of its profiles.`,
		Example: "  sluice status\n  sluice status acme-apps --watch\n  sluice status --connectors\n  sluice status acme-apps --output json",
		Args:    atMostOne("profile name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			show := func(ctx context.Context, a *app) error { return a.printAllStatus(ctx) }
			switch {
			case connectors && len(args) > 0:
				return wrongUsage(cmd, "--connectors shows all connectors: leave the profile out")
			case connectors:
				show = func(ctx context.Context, a *app) error { return a.printConnectorStatus(ctx) }
			case len(args) > 0:
				show = func(ctx context.Context, a *app) error { return a.printStatusOf(ctx, args[0]) }
			}
			if !watch {
				return show(cmd.Context(), a)
			}
			if a.output != formatTable && a.output != formatNDJSON {
				return wrongUsage(cmd, "--watch writes again and again, not one %s document: use --output ndjson", a.output)
			}
			return a.watch(cmd.Context(), show)
		},
	}
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "show it again whenever it changes, until Ctrl-C")
	cmd.Flags().BoolVar(&connectors, "connectors", false, "sum the states per connector")
	return cmd
}

func (a *app) printStatusOf(ctx context.Context, profile string) error {
	store, err := a.catalog(ctx)
	if err != nil {
		return err
	}
	p, err := store.Profile(ctx, profile)
	if err != nil {
		return err
	}
	st, err := a.statusOf(ctx, p)
	if err != nil {
		return err
	}
	return a.printStatus(st)
}

func (a *app) printAllStatus(ctx context.Context) error {
	all, err := a.allStatus(ctx)
	if err != nil {
		return err
	}
	return printListOr(a, all, statusColumns, noProfiles, a.command("profiles create --help"))
}

// allStatus asks about all profiles, some at a time.
func (a *app) allStatus(ctx context.Context) ([]profileStatus, error) {
	store, _, err := a.both(ctx) // both are open before many ask at once
	if err != nil {
		return nil, err
	}
	profiles, err := store.Profiles(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]profileStatus, len(profiles))
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(statusAtOnce)
	for i, p := range profiles {
		group.Go(func() error {
			var err error
			all[i], err = a.statusOf(gctx, p)
			return err
		})
	}
	return all, group.Wait()
}

var statusColumns = []column[profileStatus]{
	{"profile", func(s profileStatus) any { return s.Profile }},
	{"connector", func(s profileStatus) any { return s.Connector }},
	{"state", func(s profileStatus) any { return s.Stands }},
	{"running", func(s profileStatus) any { return s.running() }},
	{"nextRun", func(s profileStatus) any {
		switch {
		case s.Schedule == nil:
			return nil
		case s.Schedule.Paused:
			return "paused" + because(s.Schedule.Note)
		}
		return s.Schedule.Next
	}},
	{"lastOutcome", func(s profileStatus) any {
		if s.Last == nil {
			return ""
		}
		return string(s.Last.Outcome)
	}},
	{"lastRun", func(s profileStatus) any {
		if s.Last == nil {
			return ""
		}
		return s.Last.ID
	}},
	{"finishedAt", func(s profileStatus) any {
		if s.Last == nil {
			return nil
		}
		return s.Last.FinishedAt
	}},
	{"reason", func(s profileStatus) any {
		if s.Last == nil {
			return ""
		}
		return s.Last.Reason
	}},
	{"note", func(s profileStatus) any { return s.Note }},
}

// running says in some words what runs.
func (s profileStatus) running() string {
	switch r := s.Running; {
	case r == nil:
		return ""
	case r.Progress == nil:
		return "no worker answers"
	case r.RunID == 0:
		return "planning"
	default:
		var records, entries, expected, expectedEntries int64
		for _, stream := range r.Progress.Streams {
			if stream.Role == source.Reference {
				entries, expectedEntries = entries+stream.Records, expectedEntries+stream.Expected
				continue
			}
			records, expected = records+stream.Records, expected+stream.Expected
		}
		text := fmt.Sprintf("run %d: %s records", r.RunID, outOf(records, expected))
		if entries+expectedEntries > 0 {
			text += fmt.Sprintf(", %s of the knowledge base", outOf(entries, expectedEntries))
		}
		for _, retry := range r.Retries {
			text += ", " + retry.when()
		}
		return text
	}
}

// outOf writes how many of how many; 0: that is not known.
func outOf(n, of int64) string {
	if of > 0 {
		return fmt.Sprintf("%d/%d", n, of)
	}
	return fmt.Sprint(n)
}

// printStatus prints one profile's status, with its streams.
func (a *app) printStatus(s profileStatus) error {
	if err := printOne(a, s, statusColumns); err != nil || !a.forTables() || s.Running == nil || s.Running.Progress == nil {
		return err
	}
	for _, stream := range s.Running.Progress.Streams {
		a.say("  %s", harmless(stream.Line()))
	}
	return nil
}

// statusOf finds out where a profile stands.
func (a *app) statusOf(ctx context.Context, p catalog.Profile) (profileStatus, error) {
	s := profileStatus{Profile: p.Name, Connector: p.Connector, Kind: p.Kind, Active: p.Active}
	now, err := a.situationOf(ctx, p)
	if err != nil {
		return s, err
	}
	s.Last = now.Last
	facts := lifecycle.Facts{AssetsIn: now.AssetsIn}
	if d := now.Schedule; d != nil {
		facts.WillStart = p.Runs() && d.WillStart()
		if s.Schedule, err = a.viewSchedule(ctx, p, *d); err != nil {
			return s, err
		}
		if len(s.Schedule.Drift) > 0 {
			s.Note = "Temporal's schedule is not what the profile says: 'sluice doctor' says more"
		}
	}
	if !p.Active {
		s.Note = fmt.Sprintf("it is inactive: '%s' lets it run", a.command("profiles activate "+p.Name))
	}
	if p.Active && !p.ConnectorActive {
		s.Note = a.disabled(p)
	}
	if now.Running == nil && now.Holder != nil {
		s.Note = fmt.Sprintf("run %d was ended from outside; the next run closes it", now.Holder.RunID)
	}
	if now.Running != nil {
		info := now.Running.GetWorkflowExecutionInfo()
		s.Running = &runningStatus{WorkflowID: info.GetExecution().GetWorkflowId()}
		facts.Fetching = true
		if now.Holder != nil && now.Holder.FirstRunID == info.GetFirstRunId() {
			s.Running.RunID = now.Holder.RunID
		}
		temporal, err := a.dial(ctx)
		if err != nil {
			return s, err
		}
		s.Running.Retries = retriesOf(now.Running)
		for _, r := range s.Running.Retries {
			s.Note = r.what()
		}
		if now.Running.GetWorkflowExtendedInfo().GetCancelRequested() {
			s.Note = "it was asked to stop, and ends as soon as what is being written is written"
		}
		progress, err := queryProgress(ctx, temporal, now.Running)
		switch {
		case err == nil:
			progress = withHeartbeats(progress, now.Running)
			s.Running.Progress, s.Running.RunID = &progress, progress.RunID
			facts.Fetching = progress.State == lifecycle.Processing
			facts.AssetsIn = facts.AssetsIn || progress.AssetsIn()
			if s.Note == "" {
				s.Note = waitsOf(progress)
			}
			for _, pool := range unserved(now.Running, time.Now()) {
				s.Note = waitsForPool(progress.RunID, pool)
			}
		case ctx.Err() != nil:
			return s, ctx.Err()
		case errors.Is(err, errNoAnswer):
			s.Note = "no worker answers: the run goes on as soon as one does"
		default:
			return s, err
		}
	}
	s.State = lifecycle.Of(facts)
	s.Stands = string(s.State)
	if r := s.Running; r != nil && r.Progress != nil && r.Progress.State == s.State {
		s.Stands = r.Progress.Stands()
	}
	return s, nil
}

// waitsOf says what a run's streams wait for; empty when none does.
func waitsOf(progress lifecycle.Progress) string {
	var waits []string
	for _, stream := range progress.Streams {
		if stream.Phase != lifecycle.Waiting {
			continue
		}
		text := stream.Name + " waits"
		if !stream.WaitUntil.IsZero() {
			text += " until " + stream.WaitUntil.Local().Format(time.TimeOnly)
		}
		waits = append(waits, text+": "+stream.Waits)
	}
	return strings.Join(waits, "; ")
}

// viewSchedule is a profile's schedule as its status shows it.
func (a *app) viewSchedule(ctx context.Context, p catalog.Profile, d scheduler.Description) (*scheduleStatus, error) {
	schedules, err := a.schedules(ctx)
	if err != nil {
		return nil, err
	}
	s := &scheduleStatus{Paused: d.Paused, Drift: schedules.Compare(d, p.Name, p.Schedule, p.Runs())}
	if p.Schedule != nil {
		s.When = p.Schedule.String()
	}
	if d.Paused {
		s.Note = d.Note
	}
	if len(d.Next) > 0 {
		s.Next = &d.Next[0]
	}
	return s, nil
}
