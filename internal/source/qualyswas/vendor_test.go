package qualyswas_test

import (
	"bytes"
	"encoding/json"
	"iter"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/governor"
	"sluice/internal/qualys"
	"sluice/internal/simulator"
	"sluice/internal/simulator/account"
	"sluice/internal/source"
	"sluice/internal/source/qualyswas"
)

// small makes pages small, so that findings are divided, and tries quick.
var small = qualyswas.Options{PageSize: 20, Backoff: time.Millisecond}

// undivided reads one page after the other.
var undivided = qualyswas.Options{PageSize: 20, Backoff: time.Millisecond, Concurrency: 1}

var formats = []string{qualys.WASFormatJSON, qualys.WASFormatXML}

// vendor is a simulator behind a session.
type vendor struct {
	*simulator.Simulator
	source.Session
	url string
}

func estate() simulator.Config {
	return simulator.Config{
		Seed: 5, WebApps: 40, WebFindings: 600,
		Start: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC),
	}
}

func simulate(t testing.TB, cfg simulator.Config, o qualyswas.Options, format string) vendor {
	t.Helper()
	sim, err := simulator.New(cfg)
	require.NoError(t, err)
	url := serve(t, sim.Handler())
	return vendor{sim, open(t, url, o, format), url}
}

// serve serves a handler on this machine.
func serve(t testing.TB, h http.Handler) string {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

// connection is a connector of the simulator's first user, in a format.
func connection(url, format string) source.Connection {
	return source.Connection{
		Connector: "test",
		Settings: map[string]string{
			qualys.FieldBaseURL: url, qualys.FieldUsername: account.DefaultName, qualys.FieldWASFormat: format,
		},
		Secrets:  map[string]string{qualys.FieldPassword: account.DefaultPassword},
		Governor: governor.New(governor.NewMemory(), governor.Options{Subscription: url, Patience: 100 * time.Millisecond}),
	}
}

func open(t testing.TB, url string, o qualyswas.Options, format string) source.Session {
	t.Helper()
	session, err := qualyswas.New(o).Open(connection(url, format))
	require.NoError(t, err)
	return session
}

// stream is what came out of reading a stream.
type stream struct {
	records  []map[string]any
	setAside []source.SetAside
	repeated int
	chunks   []source.Chunk // without Data
	last     source.Chunk
	err      error
}

// read reads a stream to its end or first error.
func read(t testing.TB, s source.Session, req source.Request) stream {
	t.Helper()
	reader, err := s.Read(t.Context(), req)
	require.NoError(t, err)
	defer func() { require.NoError(t, reader.Close()) }()
	var out stream
	for !out.last.End {
		chunk, err := reader.Next(t.Context())
		if err != nil {
			out.err = err
			return out
		}
		out.add(t, chunk)
		require.Less(t, len(out.chunks), 10_000, "the stream does not end")
	}
	return out
}

func (s *stream) add(t testing.TB, c source.Chunk) {
	t.Helper()
	n := 0
	for line := range bytes.Lines(c.Data) {
		var record map[string]any
		decoder := json.NewDecoder(bytes.NewReader(line))
		decoder.UseNumber()
		require.NoError(t, decoder.Decode(&record), "%s", line)
		s.records = append(s.records, record)
		n++
	}
	require.Equal(t, c.Records, n, "a record is one line")
	s.setAside = append(s.setAside, c.SetAside...)
	s.repeated += c.Repeated
	c.Data = nil
	s.chunks = append(s.chunks, c)
	s.last = c
}

// ids are those of the records, as they came.
func (s stream) ids() []string {
	var ids []string
	for _, r := range s.records {
		ids = append(ids, scalar(r["id"]))
	}
	return ids
}

// sorted are the ids by number.
func (s stream) sorted() []string { return sorted(s.ids()) }

func sorted(ids []string) []string {
	ids = slices.Clone(ids)
	slices.SortFunc(ids, func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return bytes.Compare([]byte(a), []byte(b))
	})
	return ids
}

// scalar is a value as text, whatever dialect it came in.
func scalar(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

func webApps() source.Request  { return source.Request{AssetType: qualyswas.WebApp} }
func findings() source.Request { return source.Request{AssetType: qualyswas.Finding} }

func filtered(req source.Request, name string, values ...string) source.Request {
	req.Filters = map[string][]string{name: values}
	return req
}

// webAppsThat are the ids of the web applications that the simulator shows and
// that meet a condition.
func (v vendor) webAppsThat(is func(simulator.WebApp) bool) []string {
	return idsOf(v.WebApps(v.DefaultUser()), is, func(a simulator.WebApp) string { return a.ID })
}

func (v vendor) findingsThat(are func(simulator.WebFinding) bool) []string {
	return idsOf(v.WebFindings(v.DefaultUser()), are, func(f simulator.WebFinding) string { return f.ID })
}

func idsOf[T any](all iter.Seq[T], meets func(T) bool, id func(T) string) []string {
	var ids []string
	for r := range all {
		if meets(r) {
			ids = append(ids, id(r))
		}
	}
	return ids
}

func anyWebApp(simulator.WebApp) bool      { return true }
func anyFinding(simulator.WebFinding) bool { return true }
