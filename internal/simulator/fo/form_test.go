package fo

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestASetOfIdsHasWhatItsTextNames(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		named := map[int64]bool{}
		var parts []string
		for range rapid.IntRange(1, 8).Draw(t, "parts") {
			low := rapid.Int64Range(1, 60).Draw(t, "low")
			high := low + rapid.Int64Range(0, 9).Draw(t, "length")
			if low == high {
				parts = append(parts, strconv.FormatInt(low, 10))
			} else {
				parts = append(parts, strconv.FormatInt(low, 10)+"-"+strconv.FormatInt(high, 10))
			}
			for n := low; n <= high; n++ {
				named[n] = true
			}
		}
		f := form{values: map[string]string{"ids": strings.Join(parts, ",")}}
		set := f.ids("ids")
		require.NoError(t, f.err)
		for n := range int64(80) {
			require.Equal(t, named[n], set.has(n), "%d in %v", n, parts)
		}
	})
}

func TestNoSetOfIdsHasAll(t *testing.T) {
	t.Parallel()
	var f form
	require.True(t, f.ids("ids").has(7))
	require.NoError(t, f.err)
}

func FuzzIds(f *testing.F) {
	for _, text := range []string{"1", "1-2,3", "", "-", "9-1", "1,,2", "99999999999999999999", " 4 , 5-6 "} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		read := form{values: map[string]string{"ids": text}}
		set := read.ids("ids")
		if read.err != nil {
			var r *refusal
			require.ErrorAs(t, read.err, &r)
			require.Equal(t, 1905, r.code)
			return
		}
		for i, r := range set {
			require.True(t, r[0] > 0 && r[0] <= r[1] && (i == 0 || set[i-1][1] < r[0]), "%v", set)
		}
	})
}

func TestDurationsAreWordedAsTheVendorDoes(t *testing.T) {
	t.Parallel()
	for seconds, want := range map[int]string{
		5: "5 seconds", 65: "1 minutes and 5 seconds", 86_274: "23 hours, 57 minutes and 54 seconds",
	} {
		require.Equal(t, want, duration(seconds))
	}
}
