package qualysvm_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"sluice/internal/source"
)

// serve answers for the API server, and gives its address.
func serve(t testing.TB, h http.HandlerFunc) string {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

// stream is what came out of reading a stream.
type stream struct {
	records  []string
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
	for line := range strings.Lines(string(c.Data)) {
		require.True(t, jsontext.Value(line).IsValid(), "%s", line)
		s.records = append(s.records, strings.TrimSuffix(line, "\n"))
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
