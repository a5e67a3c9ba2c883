package simulator_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator"
)

// detectionsRequest asks for all detections of all hosts.
func detectionsRequest(t testing.TB, sim *simulator.Simulator, baseURL string, parameters ...string) *http.Request {
	body := formOf(append(append(parameters, "truncation_limit=0"), allOfDetections...))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, baseURL+detectionsPath, strings.NewReader(body))
	require.NoError(t, err)
	r.SetBasicAuth(sim.DefaultUser().Name, sim.DefaultUser().Password)
	r.Header.Set("X-Requested-With", "test")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// One operation is an answer with 40,000 detections. Aim: 150 MB/s or more over
// loopback, so that tests measure the reader.
func BenchmarkDetectionsOverLoopback(b *testing.B) {
	cfg := vmConfig()
	cfg.Hosts, cfg.DetectionsPerHost, cfg.KnowledgeEntries = 500, 80, 2000
	sim, err := simulator.New(cfg)
	require.NoError(b, err)
	server := httptest.NewServer(sim.Handler())
	defer server.Close()
	b.ReportAllocs()
	for b.Loop() {
		response, err := server.Client().Do(detectionsRequest(b, sim, server.URL))
		require.NoError(b, err)
		n, err := io.Copy(io.Discard, response.Body)
		require.NoError(b, err)
		require.NoError(b, response.Body.Close())
		b.SetBytes(n)
	}
}

func TestALargeHostIsStreamed(t *testing.T) {
	cfg := vmConfig()
	cfg.Hosts, cfg.LargeHost = 20, simulator.LargeHost{Detections: 20_000, ResultBytes: 10_000}
	began := time.Now()
	f := startVM(t, cfg)
	require.Less(t, time.Since(began), time.Second, "it starts fast")
	ids := []string{}
	for h := range f.sim.Hosts(f.user) {
		ids = append(ids, decimal(h.ID))
	}
	response, err := http.DefaultClient.Do(detectionsRequest(t, f.sim, f.baseURL, "ids="+ids[10]))
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	chunk := make([]byte, 1<<20)
	var memory heap
	detections, total, sample := 0, int64(0), int64(16<<20)
	for tail := ""; ; {
		n, err := response.Body.Read(chunk)
		total += int64(n)
		text := tail + string(chunk[:n])
		detections += strings.Count(text, "<UNIQUE_VULN_ID>")
		tail = text[max(0, len(text)-len("<UNIQUE_VULN_ID>")+1):]
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		if total < sample {
			continue
		}
		sample += 32 << 20
		memory.look()
	}
	require.Equal(t, 20_000, detections)
	require.Greater(t, total, int64(200<<20))
	memory.requireFlat(t)
}
