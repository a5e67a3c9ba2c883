package simulator_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator"
)

// One operation is one finding. Aim: 700,000 findings/s on one core.
func BenchmarkRendering(b *testing.B) {
	sim, token := benchmarkSimulator(b)
	handler := sim.Handler()
	benchmarkPages(b, sim, func(body string) {
		r := httptest.NewRequest(http.MethodPost, applicationsPath, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+token)
		handler.ServeHTTP(&discardResponse{header: http.Header{}}, r)
	})
}

func BenchmarkLoopback(b *testing.B) {
	sim, token := benchmarkSimulator(b)
	server := httptest.NewServer(sim.Handler())
	defer server.Close()
	benchmarkPages(b, sim, func(body string) {
		r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, server.URL+applicationsPath, strings.NewReader(body))
		require.NoError(b, err)
		r.Header.Set("Authorization", "Bearer "+token)
		answer, err := server.Client().Do(r)
		require.NoError(b, err)
		_, err = io.Copy(io.Discard, answer.Body)
		require.NoError(b, err)
		require.NoError(b, answer.Body.Close())
	})
}

func benchmarkSimulator(b *testing.B) (*simulator.Simulator, string) {
	sim, err := simulator.New(simulator.Config{Seed: 1, Applications: 1_000_000, FindingsPerAsset: 20})
	require.NoError(b, err)
	server := httptest.NewServer(sim.Handler())
	defer server.Close()
	return sim, newVendor(b, sim, server.URL).mint()
}

func benchmarkPages(b *testing.B, sim *simulator.Simulator, page func(body string)) {
	last := int64(0)
	b.ReportAllocs()
	before := sim.Counts()
	for done := int64(0); done < int64(b.N); done = sim.Counts().Findings - before.Findings {
		page(qpsBody(1000, last))
		last = 20_000_000 + sim.Counts().Records%900_000*8
	}
	after := sim.Counts()
	b.SetBytes((after.Bytes - before.Bytes) / int64(b.N))
	b.ReportMetric(float64(after.Findings-before.Findings)/b.Elapsed().Seconds(), "findings/s")
	b.ReportMetric(float64(after.Bytes-before.Bytes)/float64(after.Findings-before.Findings), "B/finding")
}

// discardResponse takes an answer and keeps nothing.
type discardResponse struct{ header http.Header }

func (d *discardResponse) Header() http.Header         { return d.header }
func (d *discardResponse) Write(b []byte) (int, error) { return len(b), nil }
func (d *discardResponse) WriteHeader(int)             {}
