package random

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestAPickerChoosesExactlyAsManyAsAskedAndSuccessorsOthers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 2000).Draw(t, "n")
		k := rapid.IntRange(0, n).Draw(t, "k")
		more := rapid.IntRange(0, n).Draw(t, "more")
		first := NewPicker(rapid.Uint64().Draw(t, "salt"), n, k)
		second := first.After(more)
		chosen, others := 0, 0
		for i := range n + 100 {
			require.False(t, first.Has(i) && second.Has(i))
			if first.Has(i) {
				chosen++
			}
			if second.Has(i) {
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
		p := NewPicker(salt, n, n/100)
		var tenths [10]int
		for i := range n {
			if p.Has(i) {
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
		s, sum := NewSpread(mean), 0
		const draws = 200_000
		for i := range uint64(draws) {
			sum += s.Draw(Mix(i))
		}
		require.InDelta(t, mean, float64(sum)/draws, 0.03*mean)
	}
}

func TestDatesLieBeforeTheEpochAndInTheirOrder(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 14, 9, 26, 53, 0, time.FixedZone("east", 10*3600))
	epoch := Epoch(start)
	require.Equal(t, time.Date(2026, 2, 11, 0, 0, 0, 0, time.UTC).Unix(), epoch, "by the day in UTC")
	rapid.Check(t, func(t *rapid.T) {
		created, updated := Dates(rapid.Uint64().Draw(t, "hash"), epoch)
		require.GreaterOrEqual(t, created, epoch-FiveYears)
		require.True(t, created <= updated && updated < epoch)
	})
}

func TestUUIDsAreOfVersion4AndDiffer(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for n := range uint64(1000) {
		id := UUID(Mix(n))
		require.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, id)
		seen[id] = true
	}
	require.Len(t, seen, 1000)
}

func TestTheFirstBadShareIsNamed(t *testing.T) {
	t.Parallel()
	require.NoError(t, CheckShares(map[string]float64{"a": 0, "b": 1}))
	require.EqualError(t, CheckShares(map[string]float64{"c": 2, "a": 0.5, "b": math.NaN()}), `simulator: share "b" is NaN; allowed are 0 to 1`)
}
