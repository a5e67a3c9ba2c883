package activities

import (
	"context"

	"github.com/jackc/pgx/v5"

	"sluice/internal/catalog"
	"sluice/internal/inventory"
	"sluice/internal/source"
	"sluice/internal/source/kinds"
)

// Upsert writes a batch into the inventory, in one transaction with the
// stream's checkpoint. Called again for a batch that is written, it returns
// what the writing did. In a dry run what it writes into the inventory is rolled
// back.
func (a *Activities) Upsert(ctx context.Context, ref catalog.BatchRef) (catalog.BatchCounts, error) {
	beating, _, stop := withHeartbeat(ctx, Beat{Stream: ref.Stream, Batch: ref.Batch, Doing: "writing"})
	defer stop()
	counts, err := a.upsert(beating, ref)
	return counts, a.toTemporal(beating, err)
}

func (a *Activities) upsert(ctx context.Context, ref catalog.BatchRef) (catalog.BatchCounts, error) {
	token, written, err := a.store.ClaimWrite(ctx, ref)
	if err != nil {
		return catalog.BatchCounts{}, err
	}
	if written {
		return a.store.BatchCountsOf(ctx, ref)
	}
	rows := a.encoded.take(ref)
	if rows == nil {
		if rows, err = a.encode(ctx, ref); err != nil {
			return catalog.BatchCounts{}, err
		}
	}
	scope, plan, err := a.scope(ctx, ref.RunID, ref.Stream)
	if err != nil {
		return catalog.BatchCounts{}, err
	}
	return a.store.WriteBatch(ctx, ref, token, rows.rejects, func(tx pgx.Tx) (catalog.BatchCounts, error) {
		write := inventory.Write
		if plan.Dry {
			write = inventory.WriteDry
		}
		scope, err := sinceReplayed(ctx, tx, scope, plan)
		if err != nil {
			return catalog.BatchCounts{}, err
		}
		counts, err := write(ctx, tx, scope, rows.batch)
		return catalog.BatchCounts(counts), err
	})
}

// scope says whose records a stream's are.
func (a *Activities) scope(ctx context.Context, runID int64, stream string) (inventory.Scope, catalog.Plan, error) {
	plan, err := a.store.PlanOf(ctx, runID)
	if err != nil {
		return inventory.Scope{}, plan, err
	}
	s, err := plan.Stream(stream)
	if err != nil {
		return inventory.Scope{}, plan, err
	}
	scope := inventory.Scope{
		ConnectorID: plan.ConnectorID, ProfileID: plan.ProfileID, Kind: plan.Kind, Class: s.Class,
		RunID: runID, Stream: stream, MapID: s.MapID, Role: s.Role, Nested: s.Nested, Full: s.Full(),
	}
	kind, err := kinds.Find(plan.Kind)
	if err != nil {
		return scope, plan, err
	}
	scope.Once = source.ReadsUploads(kind)
	return scope, plan, nil
}

// sinceReplayed adds to the scope of a replay what has come after the replayed
// run. Nobody writes what that is held against until the transaction ends.
func sinceReplayed(ctx context.Context, tx pgx.Tx, scope inventory.Scope, plan catalog.Plan) (inventory.Scope, error) {
	if plan.Replay == nil {
		return scope, nil
	}
	if err := inventory.Lock(ctx, tx, scope); err != nil {
		return scope, err
	}
	since, err := catalog.SinceRun(ctx, tx, scope.RunID, plan.Replay.Run, scope.Stream)
	if err != nil {
		return scope, err
	}
	scope.Replays = &inventory.Replayed{RunID: plan.Replay.Run, Ended: since.Ended, Overtaken: since.Overtaken, ReadAgain: since.ReadAgain}
	// What is not in the records may be there all the same.
	scope.Full = scope.Full && !since.Overtaken && !plan.Replay.RejectsOnly
	return scope, nil
}
