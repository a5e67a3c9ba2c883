package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.uber.org/zap"

	"sluice/activities"
	"sluice/internal/catalog"
	"sluice/internal/config"
	"sluice/internal/secret"
	"sluice/internal/simulator"
	"sluice/internal/testenv"
	"sluice/workflows"
)

func TestMain(m *testing.M) { testenv.Main(m) }

var database = testenv.NewTemplate(func(ctx context.Context, databaseURL string) error {
	_, err := catalog.Migrate(ctx, databaseURL)
	return err
})

// environment is what a command sees of the environment.
type environment map[string]string

func (e environment) LookupEnv(name string) (string, bool) {
	value, ok := e[name]
	return value, ok
}

func (e environment) Environ() []string {
	var all []string
	for name, value := range e {
		all = append(all, name+"="+value)
	}
	return all
}

// A house is a database and a task queue of a test's own, on the shared
// Temporal server, and runs commands there.
type house struct {
	t    *testing.T
	env  environment
	key  secret.Key
	name string // part of the names of connectors and profiles, which share a Temporal server
}

var houses atomic.Int64

func newHouse(t *testing.T) *house {
	raw := make([]byte, secret.KeySize)
	_, err := rand.Read(raw)
	require.NoError(t, err)
	key, err := secret.NewKey(raw)
	require.NoError(t, err)
	name := fmt.Sprintf("h%d", houses.Add(1))
	return &house{t: t, key: key, name: name, env: environment{
		"SLUICE_HOME":         t.TempDir(),
		"SLUICE_DATABASE_URL": database.Database(t),
		"SLUICE_MASTER_KEY":   base64.StdEncoding.EncodeToString(raw),
		"SLUICE_TASK_QUEUE":   name,
		"TEMPORAL_ADDRESS":    testenv.Temporal(t),
	}}
}

// result is what a command said and how it ended.
type result struct {
	out, err string
	code     int
}

// run runs a command to its end.
func (h *house) run(args ...string) result {
	h.t.Helper()
	return h.runWith(h.t.Context(), nil, strings.NewReader(""), args...)
}

// runWith runs a command with more of an environment and a standard input.
func (h *house) runWith(ctx context.Context, more environment, in io.Reader, args ...string) result {
	h.t.Helper()
	var out, errs bytes.Buffer
	env := maps.Clone(h.env)
	maps.Copy(env, more)
	code := execute(ctx, process{program: "sluice", in: in, out: &out, err: &errs, env: env}, args)
	return result{out.String(), errs.String(), code}
}

// ok runs a command that has to succeed and returns what it printed.
func (h *house) ok(args ...string) string {
	h.t.Helper()
	r := h.run(args...)
	require.Zero(h.t, r.code, "sluice %s: %s%s", strings.Join(args, " "), r.out, r.err)
	return r.out
}

// okJSON runs a command that has to succeed with --output json.
func okJSON[T any](h *house, args ...string) T {
	h.t.Helper()
	var value T
	out := h.ok(append(args, "--output", "json")...)
	require.NoError(h.t, json.Unmarshal([]byte(out), &value), out)
	return value
}

// inBackground runs a command until ctx ends or it ends; the result comes on
// the channel. What it has said so far can be read meanwhile.
func (h *house) inBackground(ctx context.Context, args ...string) (done <-chan result, out, errs *sayings) {
	out, errs = &sayings{}, &sayings{}
	ended := make(chan result, 1)
	go func() {
		code := execute(ctx, process{program: "sluice", in: strings.NewReader(""), out: out, err: errs, env: h.env}, args)
		ended <- result{out.String(), errs.String(), code}
	}()
	return ended, out, errs
}

// sayings is a buffer that can be read while it is written.
type sayings struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *sayings) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *sayings) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func (s *sayings) has(text string) func() bool {
	return func() bool { return strings.Contains(s.String(), text) }
}

// within is how long a condition is waited for.
const within, every = 30 * time.Second, 20 * time.Millisecond

// dial connects to the Temporal server.
func (h *house) dial() client.Client {
	h.t.Helper()
	c, err := client.DialContext(h.t.Context(), client.Options{HostPort: h.env["TEMPORAL_ADDRESS"], Logger: quiet{}})
	require.NoError(h.t, err)
	h.t.Cleanup(c.Close)
	return c
}

// open opens the catalog.
func (h *house) open() *catalog.Store {
	h.t.Helper()
	store, err := catalog.Open(h.t.Context(), h.env["SLUICE_DATABASE_URL"])
	require.NoError(h.t, err)
	h.t.Cleanup(store.Close)
	return store
}

// startWorker starts a worker on the house's task queue until the test ends.
func (h *house) startWorker() {
	h.t.Helper()
	w := worker.New(h.dial(), h.env["SLUICE_TASK_QUEUE"], worker.Options{MaxHeartbeatThrottleInterval: time.Second})
	acts := activities.New(h.open(), h.key, config.DefaultLimits, zap.NewNop(), nil)
	h.t.Cleanup(func() { activities.Close(acts) })
	workflows.Register(w, acts)
	require.NoError(h.t, w.Start())
	h.t.Cleanup(w.Stop)
}

// quiet lets Temporal's SDK say nothing.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}

// vendor is a simulated vendor over HTTP.
func vendor(t *testing.T, cfg simulator.Config) (sim *simulator.Simulator, baseURL string) {
	t.Helper()
	sim, err := simulator.New(cfg)
	require.NoError(t, err)
	server := httptest.NewServer(sim.Handler())
	t.Cleanup(server.Close)
	return sim, server.URL
}

var smallEstate = simulator.Config{Seed: 1, Applications: 30, APICollections: 10, FindingsPerAsset: 4}

// withProfile makes a house with a worker, a connector to a simulated vendor
// and an active profile, which it returns.
func withProfile(t *testing.T, cfg simulator.Config) (h *house, sim *simulator.Simulator, connector, profile string) {
	t.Helper()
	h = newHouse(t)
	h.startWorker()
	sim, connector = h.withConnector(cfg)
	profile = h.name + "-apps"
	h.ok("profiles", "create", "--force", profile, "--connector", connector, "--kind", "qualys-tas")
	return h, sim, connector, profile
}

// withConnector makes a connector to a simulated vendor.
func (h *house) withConnector(cfg simulator.Config) (sim *simulator.Simulator, name string) {
	h.t.Helper()
	sim, baseURL := vendor(h.t, cfg)
	name = h.name + "-acme"
	r := h.runWith(h.t.Context(), environment{"SLUICE_CLIENT_SECRET": simulator.DefaultClientSecret}, strings.NewReader(""),
		"connectors", "create", name, "--base-url", baseURL, "--client-id", simulator.DefaultClientID)
	require.Zero(h.t, r.code, r.err)
	return sim, name
}

// startOptions are those of somebody who starts a workflow by hand.
func startOptions(h *house, id string) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{ID: id, TaskQueue: h.env["SLUICE_TASK_QUEUE"]}
}
