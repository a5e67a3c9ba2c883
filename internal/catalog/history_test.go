package catalog_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/catalog"
	"sluice/internal/lifecycle"
)

func TestARunThatIsOverSaysWhatItFoundToBeGone(t *testing.T) {
	store := open(t)
	plan := planOf(t, store, profile(t, store, connector(t, store, "tas"), "nightly"))
	begin := func(id string) int64 {
		runID, _, _, err := store.BeginRun(t.Context(), catalog.Execution{WorkflowID: "ingest/nightly", FirstRunID: id}, plan)
		require.NoError(t, err)
		return runID
	}
	gone := func(runID int64) []int64 {
		r, err := store.Run(t.Context(), runID)
		require.NoError(t, err)
		return []int64{r.Stale, r.Retired, r.Fixed}
	}
	end := catalog.Ending{Outcome: lifecycle.Succeeded}
	first := begin("first")
	require.NoError(t, store.FinishRun(t.Context(), first, end))
	second := begin("second")
	_, err := store.Pool().Exec(t.Context(), `
		INSERT INTO change_log (run_id, asset_id, finding_id, change, before) VALUES
		($1, 1, NULL, 'stale', NULL), ($1, 2, NULL, 'stale', NULL), ($1, 3, NULL, 'stale', NULL), ($1, 1, NULL, 'retired', NULL),
		($1, 1, 1, 'fixed', NULL), ($1, 1, 2, 'fixed', NULL), ($1, 4, NULL, 'updated', '{"name": "a"}'), ($1, 4, NULL, 'returned', NULL),
		($1, 4, 3, 'fixed', '{"status": "NEW"}')`, second) // the last: its vendor says so
	require.NoError(t, err)
	require.Equal(t, []int64{0, 0, 0}, gone(second), "it may find more")
	require.NoError(t, store.FinishRun(t.Context(), second, end))
	require.Equal(t, []int64{3, 1, 2}, gone(second))
	require.Equal(t, []int64{0, 0, 0}, gone(first))
}
