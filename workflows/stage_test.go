package workflows_test

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
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
	"sluice/internal/source/kinds"
	"sluice/internal/testenv"
	"sluice/internal/testenv/netns"
	"sluice/internal/visibility"
	"sluice/workflows"
)

func TestMain(m *testing.M) {
	netns.Main()
	testenv.Main(m)
}

var migrated = testenv.NewTemplate(func(ctx context.Context, url string) error {
	_, err := catalog.Migrate(ctx, url)
	return err
})

// stage is everything that a run needs, for real: a simulated vendor over
// HTTP, PostgreSQL, a Temporal server, and a worker in this process.
type stage struct {
	t        *testing.T
	with     setup
	sim      *simulator.Simulator
	store    *catalog.Store
	temporal client.Client
	queue    string
	profile  string
	of       int64 // the connector whose inventory is held against the truth; 0: there is one

	workerLog string // of the last worker started as a process
}

var stages atomic.Int64

// smallBatches makes a run of a few hundred records go through several
// batches.
var smallBatches = config.Limits{
	BatchPages: 1, BatchBytes: 32 << 20, BatchTime: time.Minute,
	ShortWait: 2 * time.Second, Stall: time.Minute, RawRetention: time.Hour,
}

// setup says what a stage is made of; what is left out is shared or standard.
type setup struct {
	estate   simulator.Config
	kind     string              // default: qualys-tas
	filters  map[string][]string // of the profile
	maps     map[string]string   // likewise, beside the kind's own
	limits   config.Limits
	policy   catalog.Policy
	settings map[string]string // of the connector, beside the necessary
	secrets  map[string]string // likewise
	// serve serves the vendor and returns its base URL; default: at 127.0.0.1.
	serve func(http.Handler) string
	// database and temporal are servers of the test's own, to be killed.
	database string
	temporal string
	// namespace of Temporal; empty: the default one.
	namespace string
	// noWorker: the test starts workers itself, as processes.
	noWorker bool
}

// newStage sets up a stage with a profile that reads everything of a simulated
// Qualys, in pages of 50 records.
func newStage(t *testing.T, with setup) *stage {
	sim, err := simulator.New(with.estate)
	require.NoError(t, err)
	baseURL := ""
	if with.serve != nil {
		baseURL = with.serve(sim.Handler())
	} else {
		vendor := httptest.NewServer(sim.Handler())
		t.Cleanup(vendor.Close)
		baseURL = vendor.URL
	}
	// Without a reserve, since a simulated refusal says that other tools have
	// used all: nothing would be left of what is theirs for an hour.
	settings := map[string]string{"baseURL": baseURL, "clientId": sim.Credentials().ClientID, "pageSize": "50", "reservePercent": "0"}
	maps.Copy(settings, with.settings)
	if with.kind == "" {
		with.kind = "qualys-tas"
	}
	secrets := map[string]string{"clientSecret": sim.Credentials().ClientSecret}
	maps.Copy(secrets, with.secrets)
	s := stageOf(t, with, catalog.Connector{Name: "tas", Provider: "qualys", Active: true, Settings: settings}, secrets)
	s.sim = sim
	return s
}

// stageOf sets up a stage whose profile reads everything of a connector.
func stageOf(t *testing.T, with setup, connector catalog.Connector, secrets map[string]string) *stage {
	if with.limits == (config.Limits{}) {
		with.limits = smallBatches
	}
	if with.policy == (catalog.Policy{}) {
		with.policy = catalog.DefaultPolicy
	}
	if with.database == "" {
		with.database = migrated.Database(t)
	}
	if with.temporal == "" {
		with.temporal = testenv.Temporal(t)
	}
	store, err := catalog.Open(t.Context(), with.database)
	require.NoError(t, err)
	t.Cleanup(store.Close)
	temporal, err := client.Dial(client.Options{HostPort: with.temporal, Namespace: with.namespace, Logger: quiet{}})
	require.NoError(t, err)
	t.Cleanup(temporal.Close)
	if with.namespace == "" {
		require.NoError(t, visibility.Register(t.Context(), temporal, client.DefaultNamespace))
	}

	n := stages.Add(1)
	s := &stage{t: t, with: with, store: store, temporal: temporal, queue: fmt.Sprintf("stage-%d", n), profile: fmt.Sprintf("stage-%d", n)}
	s.createProfile(s.profile, s.createConnector(connector, secrets), with.kind)
	if !with.noWorker {
		s.addWorker()
	}
	return s
}

// addWorker starts one more worker in this process; they share nothing.
func (s *stage) addWorker() {
	key, err := secret.ParseKey(masterKey)
	require.NoError(s.t, err)
	w := worker.New(s.temporal, s.queue, worker.Options{})
	acts := activities.New(s.store, key, s.with.limits, zap.NewNop(), nil)
	s.t.Cleanup(func() { activities.Close(acts) })
	workflows.Register(w, acts)
	require.NoError(s.t, w.Start())
	s.t.Cleanup(w.Stop)
}

// createConnector creates a connector and returns its id.
func (s *stage) createConnector(connector catalog.Connector, secrets map[string]string) int64 {
	key, err := secret.ParseKey(masterKey)
	require.NoError(s.t, err)
	c, err := s.store.CreateConnector(s.t.Context(), connector, func(id int64) (map[string]string, error) {
		sealed := make(map[string]string)
		for field, plain := range secrets {
			sealed[field] = key.Seal(secret.Place{ConnectorID: id, Field: field}, plain)
		}
		return sealed, nil
	})
	require.NoError(s.t, err)
	return c.ID
}

// createProfile creates a profile that reads all that a kind has.
func (s *stage) createProfile(name string, connectorID int64, kindName string) {
	kind, err := kinds.Find(kindName)
	require.NoError(s.t, err)
	p := catalog.Profile{Name: name, ConnectorID: connectorID, Kind: kindName, Maps: make(map[string]string), Filters: s.with.filters, Active: true, Policy: s.with.policy}
	for _, t := range kind.AssetTypes() {
		if name := cmp.Or(s.with.maps[t.Name], t.Map); name != "" {
			p.AssetTypes, p.Maps[t.Name] = append(p.AssetTypes, t.Name), name
		}
	}
	require.NoError(s.t, s.store.CreateProfile(s.t.Context(), p))
}

// masterKey seals the secrets of the stages.
var masterKey = base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", secret.KeySize)))

// start starts a run.
func (s *stage) start(in workflows.Input) client.WorkflowRun {
	run, err := s.temporal.ExecuteWorkflow(s.t.Context(), client.StartWorkflowOptions{
		ID: workflows.WorkflowID(s.profile), TaskQueue: s.queue,
	}, workflows.IngestionType, in)
	require.NoError(s.t, err)
	return run
}

// run runs the profile to its end.
func (s *stage) run(in workflows.Input) (workflows.Result, error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Minute)
	defer cancel()
	var result workflows.Result
	err := s.start(in).Get(ctx, &result)
	return result, err
}

// lastRun is the newest run in the catalog.
func (s *stage) lastRun() catalog.Run {
	runs, err := s.store.Runs(s.t.Context(), s.profile, 1)
	require.NoError(s.t, err)
	require.NotEmpty(s.t, runs)
	return runs[0]
}

// quiet discards the SDK's log.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}
