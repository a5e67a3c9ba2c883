package azureapim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/azure"
	vendor "sluice/internal/simulator/azure"
	"sluice/internal/source"
	"sluice/internal/source/azureapim"
)

// quick makes tries quick.
var quick = azureapim.Options{Azure: azure.Limits{Backoff: time.Millisecond}}

// simulated is a simulator behind a session.
type simulated struct {
	*vendor.Simulator
	source.Session
	arm, blob string
}

func estate() vendor.Config {
	return vendor.Config{
		Seed: 11, Subscriptions: 2, Services: 4, APIs: 120,
		Start: time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC),
	}
}

func simulate(t testing.TB, cfg vendor.Config, o azureapim.Options) simulated {
	t.Helper()
	if cfg.Settings.ReadBucket == 0 {
		cfg.Settings.ReadBucket = -1
	}
	sim, err := vendor.New(cfg)
	require.NoError(t, err)
	s := simulated{Simulator: sim, arm: serve(t, sim.Handler()), blob: serve(t, sim.BlobHandler())}
	sim.SetBlobURL(s.blob)
	s.Session = open(t, connection(s.arm, s.blob), o)
	return s
}

func serve(t testing.TB, h http.Handler) string {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

// connection is a connector to servers on this machine.
func connection(arm, blob string) source.Connection {
	return source.Connection{
		Connector: "test",
		Settings: map[string]string{
			azure.FieldTenantID: vendor.DefaultTenantID, azure.FieldClientID: vendor.DefaultClientID,
			azure.FieldAuthorityURL: arm, azure.FieldARMURL: arm, azure.FieldBlobHost: strings.TrimPrefix(blob, "http://"),
		},
		Secrets: map[string]string{azure.FieldClientSecret: vendor.DefaultSecret},
	}
}

func open(t testing.TB, c source.Connection, o azureapim.Options) source.Session {
	t.Helper()
	session, err := azureapim.New(o).Open(c)
	require.NoError(t, err)
	return session
}

// store is what the catalogue keeps for a profile: what to remember, and the
// locks of exports.
type store struct {
	mu       sync.Mutex
	memories map[string]string
	locks    map[string]*sync.Mutex
}

func newStore() *store { return &store{memories: map[string]string{}, locks: map[string]*sync.Mutex{}} }

func (s *store) recall(_ context.Context, keys []string) (map[string]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]string{}
	for _, k := range keys {
		if m, known := s.memories[k]; known {
			out[k] = m
		}
	}
	return out, nil
}

func (s *store) exclusive(_ context.Context, key string) (func(), error) {
	s.mu.Lock()
	lock := s.locks[key]
	if lock == nil {
		lock = &sync.Mutex{}
		s.locks[key] = lock
	}
	s.mu.Unlock()
	lock.Lock()
	return lock.Unlock, nil
}

func (s *store) remember(m map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.Copy(s.memories, m)
}

// full is a request for everything, delta one for what changed.
func (s *store) full() source.Request {
	return source.Request{AssetType: azureapim.API, Recall: s.recall, Exclusive: s.exclusive}
}

func (s *store) delta() source.Request {
	req := s.full()
	req.Since = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return req
}

func all() source.Request { return source.Request{AssetType: azureapim.API} }

func filtered(req source.Request, name string, values ...string) source.Request {
	filters := maps.Clone(req.Filters)
	if filters == nil {
		filters = map[string][]string{}
	}
	filters[name] = values
	req.Filters = filters
	return req
}

// api is a record, as far as tests look at it.
type api struct {
	ID, Name, SubscriptionID, ResourceGroups, Service, API, MasifLocation, Type, ETag, PublicURL string

	IsCurrent  bool
	Tags       []string
	Properties struct {
		DisplayName, Description, Path, ServiceURL string
		Protocols                                  []string
	}
	Revision          struct{ CreatedDateTime, UpdatedDateTime time.Time }
	VersionSet        struct{ Name, VersioningScheme string }
	Workspace         struct{ Name string }
	ServiceProperties struct{ GatewayURL string }
	Specification     struct {
		Hash, Format, Source, Reason, Problem, Title string
		Flags                                        []string
		Bytes, Endpoints                             int
	}
	Readiness struct {
		Ready   bool
		Reasons []string
	}
}

// stream is what came out of reading a stream.
type stream struct {
	apis      []api
	records   []map[string]any
	documents map[string]source.Document
	unread    map[string]string
	setAside  map[string]string
	remember  map[string]string
	chunks    []source.Chunk // without Data
	last      source.Chunk
	err       error
}

func (s stream) ids() []string {
	ids := make([]string, len(s.apis))
	for i, a := range s.apis {
		ids[i] = a.ID
	}
	return ids
}

// read reads a stream to its end or first error.
func read(t testing.TB, s source.Session, req source.Request) stream {
	t.Helper()
	reader, err := s.Read(t.Context(), req)
	require.NoError(t, err)
	defer func() { require.NoError(t, reader.Close()) }()
	out := newStream()
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

func newStream() stream {
	return stream{documents: map[string]source.Document{}, unread: map[string]string{}, setAside: map[string]string{}, remember: map[string]string{}}
}

func (s *stream) add(t testing.TB, c source.Chunk) {
	t.Helper()
	n := 0
	for line := range bytes.Lines(c.Data) {
		var a api
		var record map[string]any
		require.NoError(t, json.Unmarshal(line, &a), "%s", line)
		require.NoError(t, json.Unmarshal(line, &record))
		s.apis, s.records = append(s.apis, a), append(s.records, record)
		n++
	}
	require.Equal(t, c.Records, n, "a record is one line")
	for _, d := range c.Documents {
		s.documents[d.Hash] = d
	}
	for _, u := range c.Unread {
		s.unread[u.ID] = u.Reason
	}
	for _, a := range c.SetAside {
		s.setAside[a.ExternalID] = a.Reason
	}
	maps.Copy(s.remember, c.Remember)
	c.Data = nil
	s.chunks = append(s.chunks, c)
	s.last = c
}
