package knowledge

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var start = time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)

// published are the titles by QID.
func published(b *Base) map[int64]string {
	out := map[int64]string{}
	for e := range b.View().Truth() {
		out[e.QID] = e.Title
	}
	return out
}

func TestTheEntriesThatATestOfAConnectionAsksForAreAlwaysThere(t *testing.T) {
	t.Parallel()
	for _, c := range []Config{
		{}, {Web: true, Unpublished: 1},
		{Entries: 40, Unpublished: 1}, {Entries: 7_000, Web: true, Unpublished: 1}, // below both and around both
	} {
		for c.Seed = range uint64(20) {
			c.Start = start
			b, err := New(c)
			require.NoError(t, err)
			entries := published(b)
			require.Len(t, entries, 2, "of all others nothing is published yet")
			require.NotEmpty(t, entries[82024])
			require.NotEmpty(t, entries[82054])
			for index := range b.Len() {
				require.False(t, b.OfHosts(index) && entries[b.QID(index)] != "", "no detection has their QID")
				require.True(t, index == 0 || b.QID(index-1) < b.QID(index), "each QID once, ascending")
			}
		}
	}
}

func TestWhatWaitsIsPublishedInExactShares(t *testing.T) {
	t.Parallel()
	b, err := New(Config{Entries: 10_000, Start: start, Unpublished: 0.3})
	require.NoError(t, err)
	require.Len(t, published(b), 7002)
	before := b.View()
	require.NoError(t, b.Advance(start, Change{Published: 0.5}))
	require.Len(t, published(b), 8502)
	require.NoError(t, b.Advance(start, Change{Published: 1}))
	require.Len(t, published(b), 10_002)
	seen := 0
	for range before.Truth() {
		seen++
	}
	require.Equal(t, 7002, seen, "a view in use stays as it is")
}
