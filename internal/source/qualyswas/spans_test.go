package qualyswas

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSpansHoldEveryIdOnce, those that are not listed included.
func TestSpansHoldEveryIdOnce(t *testing.T) {
	t.Parallel()
	for range 500 {
		var ids []string
		id := 10
		for range rand.N(30) {
			id += 1 + rand.N(3)
			ids = append(ids, strconv.Itoa(id))
		}
		from := []string{"", "10"}[rand.N(2)]
		spans := divide(ids, from, rand.N(12))
		for id := 11; id < 110; id++ {
			in := 0
			for _, s := range spans {
				if meets(t, s, id) {
					in++
				}
			}
			require.Equal(t, 1, in, "%d in %v", id, spans)
		}
		require.LessOrEqual(t, len(spans), max(1, len(ids)))
	}
}

// meets says whether a web application meets a span's criteria.
func meets(t *testing.T, s span, id int) bool {
	for _, c := range s.criteria() {
		bound, err := strconv.Atoi(c.Value)
		require.NoError(t, err)
		require.Equal(t, "webApp.id", c.Field)
		if c.Operator == opGreater && id <= bound || c.Operator == opLesser && id >= bound {
			return false
		}
	}
	return true
}

func TestTheNumberAfterAnIdOfAnyLength(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"0", "9", "10", "199", "999", "18446744073709551615", "99999999999999999999999", fmt.Sprint(rand.Uint64())} {
		n, ok := new(big.Int).SetString(id, 10)
		require.True(t, ok)
		require.Equal(t, n.Add(n, big.NewInt(1)).String(), next(id))
	}
}
