package catalog_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/catalog"
	"sluice/internal/lifecycle"
)

// How far a profile has come is known by what its map does, not by which version
// of the map it was.
func TestAWatermarkIsOfWhatAMapDoes(t *testing.T) {
	store := open(t)
	first := saved(t, store, 0, ownMap)
	worded := saved(t, store, 1, "# the same, in other words\n"+ownMap)
	other := saved(t, store, 2, ownMap+nameRow)
	require.Equal(t, first.Digest, worded.Digest)
	require.NotEqual(t, first.Digest, other.Digest)
	c := connector(t, store, "tas")
	require.NoError(t, user(t, store, c, "nightly", "ours"))
	p, err := store.Profile(t.Context(), "nightly")
	require.NoError(t, err)

	runs := 0
	run := func(by catalog.MapVersion, change func(*catalog.Plan)) {
		t.Helper()
		plan := planOf(t, store, p)
		plan.Streams[0].MapID = by.ID
		change(&plan)
		runs++
		runID, _, holder, err := store.BeginRun(t.Context(), catalog.Execution{WorkflowID: "ingest/nightly", FirstRunID: fmt.Sprint(runs)}, plan)
		require.NoError(t, err)
		require.Nil(t, holder)
		clock := time.Now()
		ref := catalog.BatchRef{RunID: runID, Stream: "APPLICATION", Batch: 1}
		point, err := store.ClaimFetch(t.Context(), ref)
		require.NoError(t, err)
		point.Clock, point.Ended = &clock, true
		require.NoError(t, store.SaveChunk(t.Context(), ref, catalog.Chunk{}, nil, point))
		require.NoError(t, store.FinishRun(t.Context(), runID, catalog.Ending{Outcome: lifecycle.Succeeded, AssetsIn: true, Complete: []string{"APPLICATION"}}))
	}
	full := func(*catalog.Plan) {}
	delta := func(plan *catalog.Plan) {
		plan.Mode, plan.Streams[0].Since = lifecycle.Delta, time.Now().Add(-time.Hour)
	}
	digest := func() string {
		t.Helper()
		marks, err := store.Watermarks(t.Context(), p.ID)
		require.NoError(t, err)
		return marks["APPLICATION"].MapDigest
	}

	run(first, full)
	require.Equal(t, first.Digest, digest())
	run(worded, delta)
	require.Equal(t, first.Digest, digest())
	run(other, func(plan *catalog.Plan) { plan.Dry = true })
	require.Equal(t, first.Digest, digest(), "a dry run has written nothing")
	run(other, delta)
	require.Empty(t, digest(), "some was written by a map that does something else")
	run(worded, full)
	require.Equal(t, first.Digest, digest())

	shared, err := store.ReferenceWatermark(t.Context(), c.ID, "APPLICATION", first.Digest)
	require.NoError(t, err)
	require.NotNil(t, shared, "it was read by another version, which does the same")
	none, err := store.ReferenceWatermark(t.Context(), c.ID, "APPLICATION", other.Digest)
	require.NoError(t, err)
	require.Nil(t, none)
}
