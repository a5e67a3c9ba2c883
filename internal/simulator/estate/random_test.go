package estate

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestAPickerChoosesExactlyAsManyAsAskedAndSuccessorsOthers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 2000).Draw(t, "n")
		k := rapid.IntRange(0, n).Draw(t, "k")
		more := rapid.IntRange(0, n).Draw(t, "more")
		first := newPicker(rapid.Uint64().Draw(t, "salt"), n, k)
		second := first.after(more)
		chosen, others := 0, 0
		for i := range n + 100 {
			require.False(t, first.has(i) && second.has(i))
			if first.has(i) {
				chosen++
			}
			if second.has(i) {
				others++
			}
		}
		require.Equal(t, k, chosen)
		require.Equal(t, min(more, n-k), others)
	})
}

func TestAPickerReachesAllOverTheRange(t *testing.T) {
	t.Parallel()
	const n = 1_000_000
	for salt := range uint64(20) {
		p := newPicker(salt, n, n/100)
		var tenths [10]int
		for i := range n {
			if p.has(i) {
				tenths[i*10/n]++
			}
		}
		for _, chosen := range tenths {
			require.InDelta(t, n/1000, chosen, n/2000, "salt %d", salt)
		}
	}
}

func TestTheSpreadOfFindingsHasTheAverageAskedFor(t *testing.T) {
	t.Parallel()
	for _, mean := range []float64{0, 0.3, 1, 10, 500} {
		s, sum := newSpread(mean), 0
		const draws = 200_000
		for i := range uint64(draws) {
			sum += s.draw(mix(i))
		}
		require.InDelta(t, mean, float64(sum)/draws, 0.03*mean)
	}
}

func TestSeekFindsTheFirstGreaterID(t *testing.T) {
	t.Parallel()
	e, err := New(Config{Seed: 9, Applications: 500, APICollections: 1, Start: Instant(1_700_000_000_000)})
	require.NoError(t, err)
	w := e.World()
	require.Zero(t, w.Seek(Application, -1))
	for index := range 500 {
		id := w.ID(Application, index)
		require.Equal(t, index+1, w.Seek(Application, id))
		require.Equal(t, index, w.Seek(Application, id-1))
	}
	require.Equal(t, 500, w.Seek(Application, 1<<62))
}
