package catalog_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/catalog"
	"sluice/internal/lifecycle"
)

func TestWhatIsBeingReplayedIsKeptUntilTheReplayIsOver(t *testing.T) {
	store := open(t)
	plan, ref := begun(t, store)
	for batch := 1; batch <= 3; batch++ {
		ref.Batch = batch
		point, err := store.ClaimFetch(t.Context(), ref)
		require.NoError(t, err)
		point.Chunk, point.Records = 1, point.Records+10
		require.NoError(t, store.SaveChunk(t.Context(), ref, catalog.Chunk{Records: 10, Data: []byte("x")}, nil, point))
	}
	_, err := store.Replayable(t.Context(), ref.RunID)
	require.ErrorContains(t, err, "is under way")
	require.NoError(t, store.FinishRun(t.Context(), ref.RunID, catalog.Ending{Outcome: lifecycle.Succeeded}))

	again, err := store.Replayable(t.Context(), ref.RunID)
	require.NoError(t, err)
	require.Equal(t, plan.Streams, again.Streams)
	replay := catalog.Replay{Run: ref.RunID}
	second, err := store.ReplayBatch(t.Context(), replay, ref.Stream, 2)
	require.NoError(t, err)
	ref.Batch = 2
	require.Equal(t, &catalog.ReplayBatch{Ref: ref, Records: 10, Before: 10, All: 30}, second)
	third, err := store.ReplayBatch(t.Context(), replay, ref.Stream, 3)
	require.NoError(t, err)
	require.True(t, third.Last)
	none, err := store.ReplayBatch(t.Context(), catalog.Replay{Run: ref.RunID, RejectsOnly: true}, ref.Stream, 1)
	require.NoError(t, err)
	require.Nil(t, none, "nothing was rejected")

	again.Mode, again.Replay = lifecycle.Replay, &replay
	runID, _, _, err := store.BeginRun(t.Context(), catalog.Execution{WorkflowID: "replay/p", FirstRunID: "replay"}, again)
	require.NoError(t, err)
	clean := func() int64 {
		done, err := store.CleanUp(t.Context(), catalog.Retention{Raw: time.Hour, Log: time.Hour}, time.Now().Add(2*time.Hour))
		require.NoError(t, err)
		return done.Chunks
	}
	require.Zero(t, clean())
	require.NoError(t, store.FinishRun(t.Context(), runID, catalog.Ending{Outcome: lifecycle.Succeeded, AssetsIn: true, Complete: []string{ref.Stream}}))
	run, err := store.Run(t.Context(), runID)
	require.NoError(t, err)
	require.Nil(t, run.AssetsInAt, "a replay says nothing of how far the profile is")
	watermarks, err := store.Watermarks(t.Context(), plan.ProfileID)
	require.NoError(t, err)
	require.Contains(t, watermarks, ref.Stream, "no run has come after the replayed one")
	require.EqualValues(t, 3, clean())
	_, err = store.Replayable(t.Context(), ref.RunID)
	require.ErrorContains(t, err, "its retention is over")
}

// A deletion that has begun does not see a lease that is taken meanwhile.
func TestNothingIsDeletedWhileAReplayTakesItsLease(t *testing.T) {
	store := open(t)
	_, ref := begun(t, store)
	ref.Batch = 1
	point, err := store.ClaimFetch(t.Context(), ref)
	require.NoError(t, err)
	point.Chunk, point.Records = 1, 10
	require.NoError(t, store.SaveChunk(t.Context(), ref, catalog.Chunk{Records: 10, Data: []byte("x")}, nil, point))
	require.NoError(t, store.FinishRun(t.Context(), ref.RunID, catalog.Ending{Outcome: lifecycle.Succeeded}))
	plan, err := store.Replayable(t.Context(), ref.RunID)
	require.NoError(t, err)
	plan.Mode, plan.Replay = lifecycle.Replay, &catalog.Replay{Run: ref.RunID}

	profile, err := store.Pool().Begin(t.Context())
	require.NoError(t, err)
	_, err = profile.Exec(t.Context(), "LOCK TABLE leases IN SHARE MODE") // the lease is about to be written
	require.NoError(t, err)
	began, cleaned := make(chan error, 1), make(chan error, 1)
	go func() {
		_, _, _, err := store.BeginRun(t.Context(), catalog.Execution{WorkflowID: "replay/p", FirstRunID: "replay"}, plan)
		began <- err
	}()
	waiting := func(n int) func() bool {
		return func() bool {
			var waits int
			require.NoError(t, store.Pool().QueryRow(t.Context(),
				"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(&waits))
			return waits == n
		}
	}
	require.Eventually(t, waiting(1), 10*time.Second, 5*time.Millisecond)
	go func() {
		done, err := store.CleanUp(t.Context(), catalog.Retention{Raw: time.Hour, Log: time.Hour}, time.Now().Add(2*time.Hour))
		if err == nil && done.Chunks > 0 {
			err = fmt.Errorf("deleted %d chunks", done.Chunks)
		}
		cleaned <- err
	}()
	require.Eventually(t, waiting(2), 10*time.Second, 5*time.Millisecond, "the clean-up waits for who takes the lease")
	require.NoError(t, profile.Rollback(t.Context()))
	require.NoError(t, <-began)
	require.NoError(t, <-cleaned)
}
