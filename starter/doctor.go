package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"sluice/internal/catalog"
	"sluice/internal/lifecycle"
	"sluice/internal/secret"
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

// troubleTable has what may be long in the last column, where it is not cut.
var troubleTable = []column[trouble]{
	troubleColumns[0], troubleColumns[1],
	{"problem", func(f trouble) any {
		if f.Advice == "" {
			return f.Problem
		}
		return f.Problem + ": " + f.Advice
	}},
}

func newDoctor(a *app) *cobra.Command {
	var fix bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look for what is not as it should be, and mend it",
		Long: `Look for what is not as it should be:

  a database or a Temporal that cannot be reached, or no worker
  a secret of a connector that the master key of here does not open
  a schedule that Temporal lacks, has for no profile, or has otherwise than the
  profile says, for example because it was changed in the Temporal UI; likewise
  the schedules of connectors' tests
  a worker pool that a connector names and no worker serves
  a run that is marked as under way though Temporal does not run it any more

With --fix, schedules become what profiles and connectors say, and such runs are closed. A
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
			columns := troubleColumns
			if a.forTables() {
				columns = troubleTable
			}
			if err := printList(a, troubles, columns); err != nil {
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
	shut, err := a.examineSecrets(ctx, store)
	if err != nil {
		return nil, err
	}
	troubles = append(troubles, shut...)
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
	if err != nil {
		return nil, err
	}
	connectors, err := a.examineConnectors(ctx, store)
	return slices.Concat(troubles, orphans, connectors), err
}

// examineSecrets looks whether the secrets that are sealed open here.
func (a *app) examineSecrets(ctx context.Context, store *catalog.Store) ([]trouble, error) {
	stored, err := store.StoredSecrets(ctx)
	if err != nil {
		return nil, err
	}
	cfg, err := a.config()
	if err != nil {
		return nil, err
	}
	key, missing := cfg.MasterKey()
	var troubles []trouble
	for _, s := range stored {
		if s.Token || !secret.IsSealed(s.Stored) {
			continue
		}
		if missing != nil {
			return []trouble{{About: "master key", Problem: missing.Error(), Advice: "give it to the workers and to this command alike"}}, nil
		}
		if _, err := key.Open(s.At, s.Stored); err != nil {
			troubles = append(troubles, trouble{About: "connector " + s.Connector, Problem: err.Error(),
				Advice: fmt.Sprintf("use the master key that it was sealed with, or enter the secret again: '%s'", a.command("connectors rotate-secret "+shellWord(s.Connector)))})
		}
	}
	return troubles, nil
}

// examineProfile looks at a profile's schedule and lease.
func (a *app) examineProfile(ctx context.Context, store *catalog.Store, p catalog.Profile) ([]trouble, error) {
	var troubles []trouble
	about, advice := "profile "+p.Name, fmt.Sprintf("'%s' mends it", a.command("doctor --fix"))
	schedules, err := a.schedules(ctx)
	if err != nil {
		return nil, err
	}
	drift, err := schedules.Drift(ctx, p.Name, p.Schedule, p.Runs())
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
