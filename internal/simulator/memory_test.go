package simulator_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator"
)

func TestMemoryDoesNotGrowWithTheEstate(t *testing.T) {
	sim, err := simulator.New(simulator.Config{Seed: 5, Applications: 200_000, FindingsPerAsset: 3})
	require.NoError(t, err)
	for range 3 {
		_, err := sim.Advance(everything)
		require.NoError(t, err)
	}
	server := httptest.NewServer(sim.Handler())
	defer server.Close()
	v := newVendor(t, sim, server.URL)
	v.token = v.mint()

	const limit = 1000
	var memory heap
	after, pages := int64(0), 0
	for {
		head := v.pageHead(qpsBody(limit, after))
		pages++
		if pages%25 == 0 {
			memory.look()
		}
		if !strings.Contains(head, `"hasMoreRecords":"true"`) {
			break
		}
		after = lastIDOf(t, head)
	}
	counts := sim.Counts()
	require.InDelta(t, 230_000, counts.Records, 6_000)
	require.Greater(t, counts.Bytes, int64(250<<20))
	memory.requireFlat(t)
}

// pageHead reads a page, keeping only what precedes its records.
func (v *vendor) pageHead(body string) string {
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodPost, v.baseURL+applicationsPath, strings.NewReader(body))
	require.NoError(v.t, err)
	r.Header.Set("Authorization", "Bearer "+v.token)
	head := headOf(v.t, r, 200)
	before, _, found := strings.Cut(head, `"data":[`)
	require.True(v.t, found, head)
	return before
}

func lastIDOf(t *testing.T, head string) int64 {
	_, rest, found := strings.Cut(head, `"lastId":`)
	require.True(t, found, head)
	id := int64(0)
	for _, digit := range strings.TrimRight(rest, ",") {
		id = id*10 + int64(digit-'0')
	}
	return id
}
