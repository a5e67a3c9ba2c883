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
)

// trouble is something that is not as it should be.
type trouble struct {
	About   string `json:"about"` // such as "profile acme-apps"
	Problem string `json:"problem"`
	Mended  bool   `json:"mended"`
	Advice  string `json:"advice,omitempty"` // what mends it

	mend func(context.Context) error // nil: it cannot be mended here
}

var troubleColumns = []column[trouble]{
	{"about", func(f trouble) any { return f.About }},
	{"mended", func(f trouble) any { return f.Mended }},
	{"problem", func(f trouble) any { return f.Problem }},
	{"advice", func(f trouble) any { return f.Advice }},
}

func newDoctor(a *app) *cobra.Command {
	var fix bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look for what is not as it should be, and mend it",
		Long: `Look for what is not as it should be:

  a database or a Temporal that cannot be reached, or no worker
  a schedule that Temporal lacks, has for no profile, or has otherwise than the
  profile says, for example because it was changed in the Temporal UI
  a run that is marked as under way though Temporal does not run it any more

With --fix, schedules become what the profiles say, and such runs are closed. A
schedule that somebody paused stays paused. The exit code is 1 when something is
left to mend.`,
		Example: "  sluice doctor\n  sluice doctor --fix",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			troubles, err := a.examine(ctx)
			if err != nil {
				return err
			}
			left := 0
			for i := range troubles {
				f := &troubles[i]
				if fix && f.mend != nil {
					if err := f.mend(ctx); err != nil {
						return err
					}
					f.Mended, f.Advice = true, ""
				}
				if !f.Mended {
					left++
				}
			}
			if len(troubles) == 0 && a.forTables() {
				a.note("all is as it should be")
			}
			if err := printList(a, troubles, troubleColumns); err != nil {
				return err
			}
			if left > 0 {
				return exitError(exitFailure)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&fix, "fix", false, "mend what can be mended")
	return cmd
}

// pollBound is how long ago a worker that is there has asked for work at most.
const pollBound = 2 * time.Minute

// examine looks for all that is not as it should be.
func (a *app) examine(ctx context.Context) ([]trouble, error) {
	store, temporal, err := a.both(ctx)
	if err != nil {
		return nil, err
	}
	var troubles []trouble
	polled, err := polledSince(ctx, temporal, a.taskQueue(), time.Now().Add(-pollBound))
	if err != nil {
		return nil, err
	}
	if !polled {
		troubles = append(troubles, trouble{About: "workers", Problem: fmt.Sprintf("none asks for work on task queue %q", a.taskQueue()),
			Advice: "start 'sluice dev' or sluice-worker"})
	}
	profiles, err := store.Profiles(ctx)
	if err != nil {
		return nil, err
	}
	found := make([][]trouble, len(profiles))
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(statusAtOnce)
	for i, p := range profiles {
		group.Go(func() (err error) {
			found[i], err = a.examineProfile(gctx, store, p)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var names []string
	for i, p := range profiles {
		names = append(names, p.Name)
		troubles = append(troubles, found[i]...)
	}
	orphans, err := a.orphans(ctx, store, names)
	return append(troubles, orphans...), err
}

// examineProfile looks at a profile's schedule and lease.
func (a *app) examineProfile(ctx context.Context, store *catalog.Store, p catalog.Profile) ([]trouble, error) {
	var troubles []trouble
	about, advice := "profile "+p.Name, fmt.Sprintf("'%s' mends it", a.command("doctor --fix"))
	schedules, err := a.schedules(ctx)
	if err != nil {
		return nil, err
	}
	drift, err := schedules.Drift(ctx, p.Name, p.Schedule, p.Active)
	if err != nil {
		return nil, err
	}
	if len(drift) > 0 {
		troubles = append(troubles, trouble{About: about, Problem: "schedule: " + strings.Join(drift, "; "), Advice: advice,
			mend: func(ctx context.Context) error {
				current, err := store.Profile(ctx, p.Name) // it may have changed since
				if err != nil {
					return err
				}
				return a.keepInStep(ctx, store, current)
			}})
	}
	now, err := a.situationOf(ctx, p)
	if err != nil || now.Running != nil || now.Holder == nil {
		return troubles, err
	}
	return append(troubles, trouble{
		About: about, Advice: advice,
		Problem: fmt.Sprintf("run %d is marked as under way, but Temporal does not run it (workflow %s)", now.Holder.RunID, now.Holder.WorkflowID),
		mend: func(ctx context.Context) error {
			return store.BreakLease(ctx, now.Holder.RunID, lifecycle.Failed, "the workflow ended without finishing the run")
		},
	}), nil
}

// orphans finds the schedules of profiles that are not there.
func (a *app) orphans(ctx context.Context, store *catalog.Store, profiles []string) ([]trouble, error) {
	schedules, err := a.schedules(ctx)
	if err != nil {
		return nil, err
	}
	names, err := schedules.Orphans(ctx, profiles)
	var troubles []trouble
	for _, name := range names {
		troubles = append(troubles, trouble{
			About: "profile " + name, Problem: "schedule: Temporal has one, but there is no such profile",
			Advice: fmt.Sprintf("'%s' removes it", a.command("doctor --fix")),
			mend: func(ctx context.Context) error {
				if _, err := store.Profile(ctx, name); !errors.Is(err, catalog.ErrNotFound) {
					return err // it was created meanwhile
				}
				_, err := schedules.Remove(ctx, name)
				return err
			},
		})
	}
	return troubles, err
}
