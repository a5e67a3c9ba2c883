package simulator_test

import (
	"io"
	"net/http"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// heap watches the heap of the whole process: tests with one are not parallel.
type heap struct{ base, highest uint64 }

// look measures the heap. The first time is when everything is warm.
func (h *heap) look() {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if h.base == 0 {
		h.base = m.HeapAlloc
	}
	h.highest = max(h.highest, m.HeapAlloc)
}

func (h *heap) requireFlat(t *testing.T) {
	require.Less(t, h.highest, h.base+8<<20, "the highest heap, against the first")
}

// headOf reads a whole answer and keeps only its first n bytes.
func headOf(t testing.TB, r *http.Request, n int) string {
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	head := make([]byte, n)
	_, err = io.ReadFull(response.Body, head)
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, response.Body)
	require.NoError(t, err)
	return string(head)
}
