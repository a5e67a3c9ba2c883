package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"sluice/activities"
	"sluice/internal/catalog"
	"sluice/internal/lifecycle"
	"sluice/workflows"
)

func newRunsReplay(a *app) *cobra.Command {
	var given []string
	var rejectsOnly, acceptShrink, wait bool
	cmd := &cobra.Command{
		Use:   "replay RUN",
		Short: "Map again what a run fetched, without asking the vendor",
		Long: `Map again what a run fetched, without asking the vendor, and write it: by the maps
that are named, else by those that its profile uses now. It is a run of its own,
which can be followed and cancelled as any other.

The replay of a dry run writes, too: it brings into the inventory what that only
tried. Whoever wants to see what a map would make of it looks at 'sluice maps diff'.

A replay of the newest run comes to what fetching the same again would come to:
what is not in the records any more, such as an asset whose id is mapped otherwise
now, goes stale, and delta runs go on from there. They map by the profile's maps: a
map that is to stay is named there, too ('sluice profiles update PROFILE --map
TYPE=NAME'), or the next run of mode auto is full.

Once there was another run, what newer runs have brought stays as it is, and a
replay writes what they did not. To map all anew before the next full run, replay
the last full run, and then those after it, in their order.

What runs fetched is kept for a time that workers are started with
(SLUICE_RAW_RETENTION); after it, there is nothing to replay.

With --rejects-only, only the records are mapped again that the run rejected, or
rejected findings of. Where more of them than the profile's --reject-limit are
rejected again, the replay is partial. What the run did not come to map at all is
not among them.`,
		Example: `  sluice runs replay 12 --map acme-applications --wait
  sluice runs replay 12 --map APPLICATION=acme-applications@3
  sluice runs replay 12 --rejects-only --wait   # after the map was mended`,
		Args: oneArgument("run number"),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, run, err := a.oneRun(cmd, args[0])
			if err != nil {
				return err
			}
			plan, err := store.Replayable(cmd.Context(), run.ID)
			if err != nil {
				return err
			}
			maps, err := a.mapsForReplay(cmd, store, plan, given)
			if err != nil {
				return err
			}
			if rejectsOnly {
				if err := store.RejectsReplayable(cmd.Context(), run.ID); err != nil {
					return err
				}
			}
			begun, err := a.startReplay(cmd.Context(), plan, activities.ReplayInput{Run: run.ID, Maps: maps, RejectsOnly: rejectsOnly, AcceptShrink: acceptShrink})
			if err != nil {
				return err
			}
			if run.Dry {
				a.note("Run %d was a dry run. This replay of it is none: it writes to the inventory.", run.ID)
			}
			return a.started(cmd.Context(), begun, plan.Profile, wait)
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&given, "map", nil, "map by this transform map: NAME, or TYPE=NAME for one asset type; NAME@2 is its version 2")
	flags.BoolVar(&rejectsOnly, "rejects-only", false, "only the records that the run rejected, or rejected findings of")
	flags.BoolVar(&acceptShrink, "accept-shrink", false, "mark any share of the assets stale, and of the findings fixed, as an id that is mapped otherwise needs it")
	flags.BoolVarP(&wait, "wait", "w", false, "show progress and wait for the end")
	return cmd
}

// mapsForReplay finds the map versions that the flags name, by asset type. A map
// without one is for those whose records it reads.
func (a *app) mapsForReplay(cmd *cobra.Command, store *catalog.Store, plan catalog.Plan, given []string) (map[string]string, error) {
	byType := make(map[string]string)
	for _, g := range given {
		name, ref, typed := strings.Cut(g, "=")
		if !typed {
			ref = name
		}
		version, _, err := a.readMap(cmd.Context(), cmd, strings.TrimSpace(ref))
		if err != nil {
			return nil, err
		}
		var fits, brings []string
		for _, s := range plan.Streams {
			was, err := store.MapByID(cmd.Context(), s.MapID)
			if err != nil {
				return nil, err
			}
			if typed && s.Name == strings.TrimSpace(name) || !typed && was.SourceModel == version.SourceModel {
				fits = append(fits, s.Name)
			}
			brings = append(brings, s.Name)
			if typed && s.Name == strings.TrimSpace(name) && was.SourceModel != version.SourceModel {
				return nil, wrongUsage(cmd, "--map %s: map %s reads %s, but what the run brought is %s", g, version.Name, version.SourceModel, was.SourceModel)
			}
		}
		switch {
		case fits == nil && typed:
			return nil, wrongUsage(cmd, "--map %s: the run brought %s", g, strings.Join(brings, ", "))
		case fits == nil:
			return nil, wrongUsage(cmd, "--map %s: map %s reads %s, and the run brought no such records", g, version.Name, version.SourceModel)
		}
		for _, t := range fits {
			if _, twice := byType[t]; twice {
				return nil, wrongUsage(cmd, "--map %s: there is another map for %s", g, t)
			}
			byType[t] = version.Ref()
		}
	}
	return byType, nil
}

// startReplay starts a replay of a run that went by a plan.
func (a *app) startReplay(ctx context.Context, plan catalog.Plan, in activities.ReplayInput) (execution, error) {
	store, temporal, err := a.both(ctx)
	if err != nil {
		return execution{}, err
	}
	p, err := store.Profile(ctx, plan.Profile)
	if err != nil {
		return execution{}, err
	}
	now, err := a.situationOf(ctx, p)
	if err != nil {
		return execution{}, err
	}
	if now.Running != nil {
		return execution{}, a.underWay(p.Name)
	}
	id := workflows.ReplayWorkflowID(p.Name)
	run, err := temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: id, TaskQueue: a.taskQueue(),
		WorkflowIDConflictPolicy:                 enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		Memo:                                     map[string]any{activities.MemoStartedBy: "cli"},
		StaticSummary:                            workflows.StaticSummary(p.Name, p.Kind, p.Connector, lifecycle.Replay),
		StaticDetails:                            fmt.Sprintf("Maps again what run %d fetched, without asking the vendor.", in.Run),
	}, workflows.ReplayType, workflows.ReplayInput{ReplayInput: in})
	var started *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &started) {
		return execution{}, a.underWay(p.Name)
	}
	if err != nil {
		return execution{}, fmt.Errorf("start a replay of run %d: %w", in.Run, err)
	}
	return execution{id, run.GetRunID()}, nil
}

// replayColumns are those that only a replay or a dry run fills.
func replayColumns(r catalog.Run) []column[catalog.Run] {
	return slices.DeleteFunc([]column[catalog.Run]{
		{"leftAlone", func(r catalog.Run) any { return r.LeftAlone }},
		{"dry", func(r catalog.Run) any { return r.Dry }},
	}, func(c column[catalog.Run]) bool {
		return c.name == "leftAlone" && r.LeftAlone == 0 || c.name == "dry" && !r.Dry
	})
}
