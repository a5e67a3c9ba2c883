package catalog_test

import (
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
	require.Empty(t, watermarks)
	require.EqualValues(t, 3, clean())
	_, err = store.Replayable(t.Context(), ref.RunID)
	require.ErrorContains(t, err, "its retention is over")
}
