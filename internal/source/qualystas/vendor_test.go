package qualystas_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"sluice/internal/qualys"
	"sluice/internal/simulator"
	"sluice/internal/source"
	"sluice/internal/source/qualystas"
)

const (
	testID     = simulator.DefaultClientID
	testSecret = simulator.DefaultClientSecret
)

// small makes pages and chunks small, and tries quick.
var small = qualystas.Options{PageSize: 20, Backoff: time.Millisecond}

// vendor is a simulator behind a session.
type vendor struct {
	*simulator.Simulator
	source.Session
	url string
}

func simulate(t testing.TB, cfg simulator.Config, o qualystas.Options) vendor {
	t.Helper()
	sim, err := simulator.New(cfg)
	require.NoError(t, err)
	url := serve(t, sim.Handler())
	return vendor{sim, open(t, url, o, nil), url}
}

func serve(t testing.TB, h http.Handler) string {
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = nil
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

// open opens a session with the simulator's user-level client; settings add
// to or replace what it needs.
func open(t testing.TB, url string, o qualystas.Options, settings map[string]string) source.Session {
	t.Helper()
	c := source.Connection{
		Connector: "test",
		Settings:  map[string]string{qualys.FieldBaseURL: url, qualys.FieldClientID: testID},
		Secrets:   map[string]string{qualys.FieldClientSecret: testSecret},
	}
	for name, value := range settings {
		c.Settings[name] = value
	}
	if secret, ok := settings[qualys.FieldClientSecret]; ok {
		delete(c.Settings, qualys.FieldClientSecret)
		c.Secrets[qualys.FieldClientSecret] = secret
	}
	session, err := qualystas.New(o).Open(c)
	require.NoError(t, err)
	return session
}

// stream is what came out of reading a stream.
type stream struct {
	ids      []string // of the records, in order; "" for those without
	repeated int
	setAside []source.SetAside
	pages    int
	chunks   []source.Chunk // without Data
	largest  int            // bytes of the largest chunk's Data
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
	records := 0
	for line := range lines(c.Data) {
		require.True(t, jsontext.Value(line).IsValid(jsontext.AllowDuplicateNames(true)), "%s", line)
		s.ids = append(s.ids, idOf(string(line)))
		records++
	}
	require.Equal(t, c.Records, records, "a record is one line")
	s.largest = max(s.largest, len(c.Data))
	s.repeated += c.Repeated
	s.pages += c.Pages
	s.setAside = append(s.setAside, c.SetAside...)
	c.Data = nil
	s.chunks = append(s.chunks, c)
	s.last = c
}

// idOf finds a record's own id, which the simulator writes first.
func idOf(line string) string {
	rest, ok := strings.CutPrefix(strings.ReplaceAll(line, " ", ""), `{"id":`)
	if !ok || strings.HasPrefix(rest, "null") {
		return ""
	}
	return strings.Trim(rest[:strings.IndexAny(rest, ",}")], `"`)
}

// truth lists the ids that the simulator shows; without leaves out those with
// one of the defects.
func truth(v vendor, t simulator.AssetType, without ...string) []string {
	var ids []string
	for a := range v.Truth(t) {
		id := a.ID
		for _, defect := range without {
			if string(a.Malformed) == defect {
				id = ""
			}
		}
		if id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}

func applications() source.Request { return source.Request{AssetType: qualystas.Application} }

// scripted is a vendor that gives a token to everyone and answers searches as
// the handler does.
func scripted(t testing.TB, o qualystas.Options, search http.HandlerFunc) source.Session {
	mux := http.NewServeMux()
	mux.HandleFunc("/auth/oidc", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, "eyJhbGciOiJub25lIn0.e30.c2lnbmF0dXJl")
	})
	mux.HandleFunc("/tas/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		search(w, r)
	})
	return open(t, serve(t, mux), o, nil)
}

var errStopped = errors.New("stopped by the test")

func canceled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errStopped)
	return ctx
}

// lines yields the lines of a chunk.
func lines(data []byte) iter.Seq[[]byte] {
	if len(data) == 0 {
		return func(func([]byte) bool) {}
	}
	return bytes.SplitSeq(bytes.TrimSuffix(data, []byte("\n")), []byte("\n"))
}
