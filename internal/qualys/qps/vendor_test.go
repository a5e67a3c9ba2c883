package qps_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"sluice/internal/qualys/qps"
	"sluice/internal/source"
	"sluice/internal/transport"
)

// small makes pages small, and tries quick.
var small = qps.Search{PageSize: 20, Backoff: time.Millisecond}

// answers is a vendor that answers the n-th page with the n-th of the bodies,
// from then on with the last.
func answers(t testing.TB, s qps.Search, bodies ...string) qps.Search {
	n := 0
	return scripted(t, s, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, bodies[min(n, len(bodies)-1)])
		n++
	})
}

// scripted is a vendor that answers as the handler does. A query arrives there
// as its JSON.
func scripted(t testing.TB, s qps.Search, search http.HandlerFunc) qps.Search {
	return calling(t, s, search, true)
}

// calling makes a search of calls to a handler whose answers have to be JSON,
// or not.
func calling(t testing.TB, s qps.Search, search http.HandlerFunc, isJSON bool) qps.Search {
	server := httptest.NewServer(search)
	t.Cleanup(server.Close)
	client, err := transport.New(transport.Options{BaseURL: server.URL, Vendor: "Qualys"})
	require.NoError(t, err)
	s.Ask = func(ctx context.Context, q qps.Query) (*transport.Response, error) {
		body, err := json.Marshal(q)
		if err != nil {
			return nil, err
		}
		return client.Do(ctx, transport.Request{Method: http.MethodPost, Path: "/", Body: body, JSON: isJSON})
	}
	return s
}

// asked reads what a query asks for.
func asked(t testing.TB, r *http.Request) (after, limit int) {
	after, limit, _ = askedFrom(t, r)
	return after, limit
}

// askedFrom also reads how many records are to be left out.
func askedFrom(t testing.TB, r *http.Request) (after, limit, skip int) {
	var q qps.Query
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		t.Error(err)
	}
	after, _ = strconv.Atoi(q.After)
	return after, q.Size, q.Skip
}

// stream is what came out of reading a stream.
type stream struct {
	ids      []string // of the records, in order; "" for those without
	setAside []source.SetAside
	chunks   []source.Chunk // without Data
	last     source.Chunk
	err      error
}

// read reads a search to its end or first error.
func read(t testing.TB, s qps.Search) stream {
	t.Helper()
	reader, err := qps.NewReader(s, "")
	require.NoError(t, err)
	defer func() { require.NoError(t, reader.Close()) }()
	var out stream
	for !out.last.End {
		chunk, err := reader.Next(t.Context())
		if err != nil {
			out.err = err
			return out
		}
		records := 0
		for line := range lines(chunk.Data) {
			require.True(t, jsontext.Value(line).IsValid(jsontext.AllowDuplicateNames(true)), "%s", line)
			out.ids = append(out.ids, idOf(line))
			records++
		}
		require.Equal(t, chunk.Records, records, "a record is one line")
		out.setAside = append(out.setAside, chunk.SetAside...)
		chunk.Data = nil
		out.chunks = append(out.chunks, chunk)
		out.last = chunk
		require.Less(t, len(out.chunks), 10_000, "the stream does not end")
	}
	return out
}

// idOf is a record's own id.
func idOf(line []byte) string {
	var record struct{ ID json.RawMessage }
	if json.Unmarshal(line, &record) != nil {
		return ""
	}
	return string(bytes.Trim(record.ID, `"`))
}

// lines yields the lines of a chunk.
func lines(data []byte) iter.Seq[[]byte] {
	if len(data) == 0 {
		return func(func([]byte) bool) {}
	}
	return bytes.SplitSeq(bytes.TrimSuffix(data, []byte("\n")), []byte("\n"))
}
