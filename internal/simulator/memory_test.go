package simulator_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator"
)

// Not parallel: it measures the heap of the whole process.
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
	var base, highest uint64
	after, pages := int64(0), 0
	for {
		head := v.pageHead(qpsBody(limit, after))
		pages++
		if pages%25 == 0 {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			if base == 0 {
				base = m.HeapAlloc
			}
			highest = max(highest, m.HeapAlloc)
		}
		if !strings.Contains(head, `"hasMoreRecords":"true"`) {
			break
		}
		after = lastIDOf(t, head)
	}
	counts := sim.Counts()
	require.InDelta(t, 230_000, counts.Records, 6_000)
	require.Greater(t, counts.Bytes, int64(250<<20))
	require.Less(t, highest, base+8<<20, "the heap after %d pages (%d MB served), against that after 25", pages, counts.Bytes>>20)
}

// pageHead reads a page, keeping only what precedes its records.
func (v *vendor) pageHead(body string) string {
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodPost, v.baseURL+applicationsPath, strings.NewReader(body))
	require.NoError(v.t, err)
	r.Header.Set("Authorization", "Bearer "+v.token)
	response, err := http.DefaultClient.Do(r)
	require.NoError(v.t, err)
	defer func() { require.NoError(v.t, response.Body.Close()) }()
	head := make([]byte, 200)
	_, err = io.ReadFull(response.Body, head)
	require.NoError(v.t, err)
	_, err = io.Copy(io.Discard, response.Body)
	require.NoError(v.t, err)
	before, _, found := strings.Cut(string(head), `"data":[`)
	require.True(v.t, found, string(head))
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
