package activities

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"sluice/internal/catalog"
	"sluice/internal/inventory"
	"sluice/internal/source"
	"sluice/internal/source/kinds"
)

// ReconcileInput names a stream that ended completely.
type ReconcileInput struct {
	RunID  int64  `json:"runId"`
	Stream string `json:"stream"`
}

// Reconcile applies what the stream proved to be gone. Findings that an asset
// no longer has are fixed after a delta run too, where a record carries all
// findings of its asset; assets can only be missed by a full run, or by a replay
// of the newest one. In a dry run what it applies is rolled back.
func (a *Activities) Reconcile(ctx context.Context, in ReconcileInput) (inventory.Reconciled, error) {
	beating, _, stop := withHeartbeat(ctx, Beat{Stream: in.Stream, Doing: "reconciling"})
	defer stop()
	done, err := a.reconcile(beating, in)
	return done, a.toTemporal(beating, err)
}

func (a *Activities) reconcile(ctx context.Context, in ReconcileInput) (inventory.Reconciled, error) {
	scope, plan, err := a.scope(ctx, in.RunID, in.Stream)
	if err != nil {
		return inventory.Reconciled{}, err
	}
	fetchedBy := in.RunID
	if plan.Replay != nil {
		fetchedBy = plan.Replay.Run
	}
	kind, err := kinds.Find(plan.Kind)
	if err != nil {
		return inventory.Reconciled{}, err
	}
	seenBy := in.RunID // whose batches have all the records
	if plan.Replay != nil && plan.Replay.RejectsOnly {
		seenBy = fetchedBy
	}
	conflicting, err := a.store.Conflicting(ctx, seenBy, in.Stream)
	if err != nil {
		return inventory.Reconciled{}, err
	}
	if conflicting > 0 {
		return a.guarded(ctx, plan, in, inventory.Reconciled{Guarded: contradicted(conflicting, kind, scope)}), nil
	}
	unknown, err := a.store.RejectedWithoutID(ctx, in.RunID, fetchedBy, in.Stream)
	if err != nil {
		return inventory.Reconciled{}, err
	}
	aside, err := a.store.SetAsideIDs(ctx, fetchedBy, in.Stream)
	if err != nil {
		return inventory.Reconciled{}, err
	}
	if scope.Role == source.Findings {
		// Whose findings they are, or which, is not known.
		unknown, aside = unknown+int64(len(aside)), nil
	}
	how, err := a.store.HowFetched(ctx, fetchedBy, in.Stream)
	if err != nil {
		return inventory.Reconciled{}, err
	}
	var unread []string
	for _, s := range how.Unread {
		unread = append(unread, s.ID)
	}
	acceptBy, err := a.acceptBy(ctx, plan)
	if err != nil {
		return inventory.Reconciled{}, err
	}
	policy := inventory.Policy{
		Nothing: source.ReadsUploads(kind) && how.Records == 0, ShrinkPercent: plan.ShrinkPercent, AcceptShrink: plan.AcceptShrink, AcceptBy: acceptBy,
		SetAside: aside, Unread: unread, RetireAfter: plan.RetireAfter, FixAbsent: plan.AbsentFindings == "fixed" && !source.Drifts(kind, plan.Filters),
		AllAssets: source.ReadsUploads(kind) && !bringsAssets(plan, scope.Class),
	}
	var done inventory.Reconciled
	err = a.store.UnderLease(ctx, in.RunID, func(tx pgx.Tx) error {
		if scope, err = sinceReplayed(ctx, tx, scope, plan); err != nil {
			return err
		}
		policy.Full = scope.Full && unknown == 0
		apply := inventory.Reconcile
		if plan.Dry {
			apply = inventory.ReconcileDry
		}
		done, err = apply(ctx, tx, scope, policy)
		return err
	})
	if err != nil {
		return done, fmt.Errorf("reconcile %s: %w", in.Stream, err)
	}
	if unknown > 0 && scope.Full {
		done.Guarded = fmt.Sprintf("%d records were rejected or set aside without a usable id, so nothing can be said to be gone", unknown)
	}
	return a.guarded(ctx, plan, in, done), nil
}

// guarded notes why nothing was marked, if that is so.
func (a *Activities) guarded(ctx context.Context, plan catalog.Plan, in ReconcileInput, done inventory.Reconciled) inventory.Reconciled {
	if done.Guarded != "" {
		a.note(ctx, plan, in.RunID, "warn", done.Guarded, map[string]any{"stream": in.Stream})
	}
	return done
}

// contradicted says why a stream of a file whose records contradict each other
// proves nothing to be gone.
func contradicted(records int64, kind source.Kind, scope inventory.Scope) string {
	what := "1 record is"
	if records > 1 {
		what = fmt.Sprintf("%d records are", records)
	}
	if scope.Role == source.Findings {
		return what + " of a finding that another record of the file is of, too, with values of its own; of those only the last counts, " +
			"so nothing can be said to be gone: give each finding an id of its own"
	}
	text := what + " of an asset that another record of the file is of, too, with findings or values of its own; of those only the last counts, " +
		"so nothing can be said to be gone: give an asset and its findings in one record"
	for _, t := range kind.AssetTypes() {
		if t.Role == source.Findings && t.Class == scope.Class {
			text += ", or bring findings in as " + t.Name + ", a record each"
		}
	}
	return text
}

// bringsAssets says whether a stream of the plan says which assets of a class
// are there.
func bringsAssets(plan catalog.Plan, class string) bool {
	return slices.ContainsFunc(plan.Streams, func(s catalog.PlannedStream) bool {
		return (s.Role == source.Assets || s.Role == "") && s.Class == class
	})
}

// acceptBy is the command that lets a run as this one take any share of the
// assets and findings for gone.
func (a *Activities) acceptBy(ctx context.Context, plan catalog.Plan) (string, error) {
	switch {
	case plan.Replay != nil:
		command := fmt.Sprintf("sluice runs replay %d --accept-shrink", plan.Replay.Run)
		for _, s := range plan.Streams {
			m, err := a.store.MapByID(ctx, s.MapID)
			if err != nil {
				return "", err
			}
			command += " --map " + s.Name + "=" + m.Ref()
		}
		return command, nil
	case plan.Upload != 0:
		return "sluice import FILE --profile " + plan.Profile + " --accept-shrink", nil
	}
	return "sluice run " + plan.Profile + " --mode full --accept-shrink", nil
}
