package qualys

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator/estate"
)

// One operation is a delta search over a million assets after five changes: the
// worst case of a search, since hardly any record matches.
func BenchmarkDeltaSearchOfAMillionAssets(b *testing.B) {
	start := time.Date(2026, 3, 14, 0, 0, 0, 0, time.UTC)
	e, err := estate.New(estate.Config{Seed: 1, Applications: 1_000_000, Start: start})
	require.NoError(b, err)
	for day := range 5 {
		_, err := e.Advance(start.AddDate(0, 0, day), estate.Change{Updated: 0.05, Added: 0.01, Removed: 0.01})
		require.NoError(b, err)
	}
	q := newSearch()
	require.NoError(b, q.add("updatedDate", "GREATER", "2027-01-01T00:00:00Z"))
	for b.Loop() {
		require.Zero(b, q.count(e.World(), estate.Application))
	}
}
