//go:build e2e

package e2e

import (
	"context"
	"encoding/base64"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"sluice/internal/catalog"
	"sluice/internal/devstack"
	"sluice/internal/secret"
	"sluice/internal/simulator"
	"sluice/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// stand is all of Sluice on this machine, with a simulated vendor and a
// profile for each of the names.
type stand struct {
	ui    string // the Temporal UI's address
	sim   *simulator.Simulator
	store *catalog.Store
}

// estate takes some twenty seconds to fetch, a page at a time.
var estate = simulator.Config{
	Seed: 11, Applications: 1500, APICollections: 500, FindingsPerAsset: 5,
	Faults: []simulator.Fault{
		{Kind: "slow", Delay: 400 * time.Millisecond},
		{Kind: "throttle", RetryAfter: 14, Endpoint: "applications", Call: 12},
	},
}

func newStand(t *testing.T, profiles ...string) *stand {
	root, err := testenv.Root()
	require.NoError(t, err)
	dir, err := devstack.ScratchDir("sluice-e2e")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	masterKey := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", secret.KeySize)))
	stack, err := devstack.Up(t.Context(), devstack.Options{
		StateDir:       dir,
		TemporalBinary: devstack.TemporalBinaryOptions{Root: root},
		AfterPostgres: func(ctx context.Context, databaseURL string) error {
			_, err := catalog.Migrate(ctx, databaseURL)
			return err
		},
		WorkerBinary: testenv.Command(t, "sluice/worker"),
		WorkerEnv:    []string{"SLUICE_MASTER_KEY=" + masterKey, "SLUICE_BATCH_PAGES=1", "SLUICE_TASK_QUEUE=sluice"},
		Progress:     func(line string) { t.Log(line) },
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, stack.Down()) })

	s := &stand{ui: stack.Endpoints().UIURL}
	s.sim, err = simulator.New(estate)
	require.NoError(t, err)
	vendor := httptest.NewServer(s.sim.Handler())
	t.Cleanup(vendor.Close)
	s.store, err = catalog.Open(t.Context(), stack.Endpoints().DatabaseURL)
	require.NoError(t, err)
	t.Cleanup(s.store.Close)
	key, err := secret.ParseKey(masterKey)
	require.NoError(t, err)
	c, err := s.store.CreateConnector(t.Context(), catalog.Connector{
		Name: "acme", Provider: "qualys", Active: true,
		Settings: map[string]string{"baseURL": vendor.URL, "clientId": s.sim.Credentials().ClientID, "pageSize": "50"},
	}, func(id int64) (map[string]string, error) {
		return map[string]string{"clientSecret": key.Seal(secret.Place{ConnectorID: id, Field: "clientSecret"}, s.sim.Credentials().ClientSecret)}, nil
	})
	require.NoError(t, err)
	for _, name := range profiles {
		require.NoError(t, s.store.CreateProfile(t.Context(), catalog.Profile{
			Name: name, ConnectorID: c.ID, Kind: "qualys-tas", AssetTypes: []string{"APPLICATION", "APICOLLECTION"},
			Maps:   map[string]string{"APPLICATION": "qualys-tas-application", "APICOLLECTION": "qualys-tas-api-collection"},
			Active: true, Policy: catalog.DefaultPolicy,
		}))
	}
	awaitWorker(t, stack.Endpoints().TemporalAddress)
	return s
}

// awaitWorker waits until a worker asks for work.
func awaitWorker(t *testing.T, address string) {
	temporal, err := client.Dial(client.Options{HostPort: address})
	require.NoError(t, err)
	defer temporal.Close()
	require.Eventually(t, func() bool {
		d, err := temporal.DescribeTaskQueue(t.Context(), "sluice", enums.TASK_QUEUE_TYPE_WORKFLOW)
		return err == nil && len(d.GetPollers()) > 0
	}, time.Minute, 100*time.Millisecond)
}
