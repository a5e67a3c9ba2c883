package fo

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestAnIDSetIsItsIDsHoweverTheyAreListed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var spans []idSpan
		all := map[uint64]bool{}
		for range rapid.IntRange(0, 20).Draw(t, "ranges") {
			low := rapid.Uint64Range(0, 200).Draw(t, "low")
			high := low + rapid.Uint64Range(0, 9).Draw(t, "more")
			spans = append(spans, idSpan{low, high})
			for id := low; id <= high; id++ {
				all[id] = true
			}
		}
		set := newIDSet(spans)
		var ids []uint64
		for id := range all {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		require.EqualValues(t, len(ids), set.count)
		for n, id := range ids {
			require.Equal(t, id, set.at(uint64(n)))
		}
		for id := range uint64(220) {
			below, found := slices.BinarySearch(ids, id)
			require.EqualValues(t, below, set.below(id), "below %d", id)
			require.Equal(t, found, set.has(id))
		}
		require.Equal(t, set.count, set.below(openEnd))
	})
}

func TestAHugeRangeOfIDsCostsNothing(t *testing.T) {
	t.Parallel()
	set := newIDSet([]idSpan{{5, 1<<63 - 1}, {0, 2}})
	require.EqualValues(t, 1<<63-1-5+1+3, set.count)
	require.EqualValues(t, 5, set.at(3))
	require.EqualValues(t, 1<<63-1, set.at(set.count-1))
}

func TestIDOfFindsTheRecordsOwnID(t *testing.T) {
	t.Parallel()
	for record, want := range map[string]uint64{
		`{"ID":"17","IP":"10.0.0.1"}`:    17,
		`{"ID":"17"`:                     17,
		`{"IP":"10.0.0.1","ID":"17"}`:    17,
		`{"OWNER":{"ID":"3"},"ID":"17"}`: 17,
		`{"OWNER":{"ID":"3"}}`:           0,
		`{"ID":"-1"}`:                    0,
		`{"ID":"0"}`:                     0,
		`{"ID":"seventeen"}`:             0,
		`{"ID":{"value":"17"}}`:          0,
		`{"ID":"17`:                      0,
		`"text"`:                         0,
		``:                               0,
		`{"ID":"9223372036854775808"}`:   0,
		`{"ID":"9223372036854775807"}`:   1<<63 - 1,
		`{"ID":"99999999999999999999999999999999999999"}`: 0,
	} {
		id, known := idOf([]byte(record), "ID")
		require.Equal(t, want, id, record)
		require.Equal(t, want > 0, known, record)
	}
}

func FuzzCursor(f *testing.F) {
	for _, text := range []string{"", `{"next":5,"missing":[1,2],"more":3,"doubt":"x"}`, `{"next":-1}`, "5", "null"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseCursor(text)
		if err != nil {
			return
		}
		again, err := parseCursor(c.String())
		require.NoError(t, err)
		require.Equal(t, c.String(), again.String())
	})
}
