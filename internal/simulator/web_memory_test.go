package simulator_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator"
)

func TestMemoryDoesNotGrowWithTheFindingsOfWebApps(t *testing.T) {
	sim, err := simulator.New(simulator.Config{Seed: 5, WebApps: 2000, WebFindings: 60_000})
	require.NoError(t, err)
	for range 3 {
		_, err := sim.Advance(webEverything)
		require.NoError(t, err)
	}
	server := httptest.NewServer(sim.Handler())
	defer server.Close()
	q := newVendor(t, sim, server.URL).qps(mediaXML)
	lastID := regexp.MustCompile(`<lastId>(\d+)</lastId>`)
	var memory heap
	pages := 0
	for after := "0"; ; pages++ {
		head := q.pageHead(q.body([]string{"limitResults=1000", "verbose=true"}, [3]string{"id", "GREATER", after}))
		if pages%10 == 9 {
			memory.look()
		}
		match := lastID.FindStringSubmatch(head)
		if match == nil {
			break
		}
		after = match[1]
	}
	require.Greater(t, pages, 50)
	require.Greater(t, sim.Counts().Bytes, int64(150<<20))
	memory.requireFlat(t)
}

// pageHead reads a page of findings, keeping only what precedes its records.
func (q *qps) pageHead(body string) string {
	r, err := http.NewRequestWithContext(q.t.Context(), http.MethodPost, q.baseURL+findingsPath, strings.NewReader(body))
	require.NoError(q.t, err)
	r.SetBasicAuth(q.user.Name, q.user.Password)
	head := headOf(q.t, r, 400)
	require.Contains(q.t, head, "<data>")
	return head
}
