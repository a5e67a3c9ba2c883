package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"strconv"
	"time"

	uiserver "github.com/temporalio/ui-server/v2/server"
	uiconfig "github.com/temporalio/ui-server/v2/server/config"
	uioptions "github.com/temporalio/ui-server/v2/server/server_options"
	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/membership/static"
	sqliteplugin "go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/schema/sqlite"
	"go.temporal.io/server/temporal"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	clusterName = "active"
	storeName   = "sqlite"
	// retention is how long a closed workflow stays to be looked at in the web UI.
	retention = 72 * time.Hour
)

// dynamicConfig holds what this server sets otherwise than the Temporal server does by itself.
var dynamicConfig = map[string]any{
	// A history shard's default of 20 polls a second caps one workflow at 20 steps a second.
	"history.transferProcessorMaxPollRPS": 1000,
	// A search attribute works as soon as it is registered. Too costly for a real cluster.
	"system.forceSearchAttributesCacheRefreshOnRead": true,
	// Task queues share their slots between fairness keys; without it a large run starves a small one.
	"matching.enableFairness": true,
	// Cancelling an activity reaches its worker at once instead of with its next heartbeat.
	"system.enableCancelActivityWorkerCommand": true,
	"frontend.WorkerCommandsEnabled":           true,
	// Lists and counts in visibility: the default of 10 a second is below one busy command line.
	"frontend.namespaceRPS.visibility": 100,
}

// newServer sets up storage, creating it when it is new, and returns the server, not yet started.
func newServer(o options) (temporal.Server, error) {
	logger := log.NewZapLogger(log.BuildZapLogger(log.Config{Level: o.logLevel, Format: o.logFormat}))
	store, err := openStore(o)
	if err != nil {
		return nil, err
	}
	conf, hosts, err := serverConfig(o, store)
	if err != nil {
		return nil, err
	}
	authorizer, err := authorization.GetAuthorizerFromConfig(&conf.Global.Authorization)
	if err != nil {
		return nil, err
	}
	claims, err := authorization.GetClaimMapperFromConfig(&conf.Global.Authorization, logger)
	if err != nil {
		return nil, err
	}
	return temporal.NewServer(
		temporal.WithConfig(conf),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(hosts),
		temporal.WithLogger(logger),
		temporal.WithAuthorizer(authorizer),
		temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper { return claims }),
		temporal.WithDynamicConfigClient(dynamicConfigClient(o)),
	)
}

func dynamicConfigClient(o options) dynamicconfig.StaticClient {
	values := maps.Clone(dynamicConfig)
	maps.Copy(values, o.dynamicConfig)
	client := dynamicconfig.StaticClient{}
	for key, value := range values {
		client[dynamicconfig.MakeKey(key)] = value
	}
	return client
}

// openStore returns the configuration of the SQLite store, with schema and namespaces in place.
func openStore(o options) (*config.SQL, error) {
	store := &config.SQL{PluginName: sqliteplugin.PluginName}
	if o.dbFile == "" {
		store.DatabaseName = "temporald" + strconv.FormatUint(rand.Uint64(), 36)
		store.ConnectAttributes = map[string]string{"mode": "memory", "cache": "shared"}
	} else {
		if err := createSchema(o.dbFile); err != nil {
			return nil, fmt.Errorf("cannot set up the database file %s: %w", o.dbFile, err)
		}
		store.DatabaseName = sqlitePath(o.dbFile)
		// Without a write-ahead log every step waits for the disk: four times slower. What was
		// committed survives a kill of the process either way.
		store.ConnectAttributes = map[string]string{"mode": "rwc", "journal_mode": "wal", "synchronous": "1"}
	}
	namespaces := make([]*sqlite.NamespaceConfig, len(o.namespaces))
	for i, name := range o.namespaces {
		ns, err := sqlite.NewNamespaceConfig(clusterName, name, false, o.searchAttributes)
		if err != nil {
			return nil, fmt.Errorf("cannot describe the namespace %s: %w", name, err)
		}
		ns.Detail.Config.Retention = durationpb.New(retention)
		namespaces[i] = ns
	}
	if err := sqlite.CreateNamespaces(store, namespaces...); err != nil {
		return nil, fmt.Errorf("cannot create the namespaces %v in %s: %w", o.namespaces, o.dbFile, err)
	}
	return store, nil
}

// createSchema makes the database file when there is none. It is made under another name and
// renamed when whole: a process killed in between must not leave a file with half a schema.
func createSchema(file string) error {
	if _, err := os.Stat(file); err == nil || !os.IsNotExist(err) {
		return err
	}
	unfinished := file + ".new"
	for _, leftover := range []string{unfinished, unfinished + "-journal"} {
		if err := os.Remove(leftover); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	err := sqlite.SetupSchema(&config.SQL{
		PluginName:        sqliteplugin.PluginName,
		DatabaseName:      sqlitePath(unfinished),
		ConnectAttributes: map[string]string{"mode": "rwc", "synchronous": "0"},
	})
	if err != nil {
		return err
	}
	return os.Rename(unfinished, file)
}

// sqlitePath escapes a file name for the URI that SQLite opens.
func sqlitePath(file string) string { return (&url.URL{Path: file}).EscapedPath() }

// serverConfig is a single-process cluster of all services on one loopback address.
func serverConfig(o options, store *config.SQL) (*config.Config, map[primitives.ServiceName]static.Hosts, error) {
	ports, err := freePorts(o.ip, 3)
	if err != nil {
		return nil, nil, err
	}
	conf := &config.Config{
		Persistence: config.Persistence{
			DefaultStore:     storeName,
			VisibilityStore:  storeName,
			NumHistoryShards: 1,
			DataStores:       map[string]config.DataStore{storeName: {SQL: store}},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10,
			MasterClusterName:        clusterName,
			CurrentClusterName:       clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{
				clusterName: {Enabled: true, InitialFailoverVersion: 1, RPCAddress: o.address()},
			},
		},
		Services:     map[string]config.Service{},
		PublicClient: config.PublicClient{HostPort: o.address()},
	}
	conf.Global.Membership.MaxJoinDuration = 30 * time.Second
	conf.Global.Membership.BroadcastAddress = o.ip
	conf.DCRedirectionPolicy.Policy = "noop"
	conf.Archival.History.State = "disabled"
	conf.Archival.Visibility.State = "disabled"
	conf.NamespaceDefaults.Archival.History.State = "disabled"
	conf.NamespaceDefaults.Archival.Visibility.State = "disabled"

	hosts := map[primitives.ServiceName]static.Hosts{}
	for service, port := range map[primitives.ServiceName]int{
		primitives.FrontendService: o.port,
		primitives.HistoryService:  ports[0],
		primitives.MatchingService: ports[1],
		primitives.WorkerService:   ports[2],
	} {
		conf.Services[string(service)] = config.Service{RPC: config.RPC{GRPCPort: port, BindOnIP: o.ip}}
		hosts[service] = static.SingleLocalHost(net.JoinHostPort(o.ip, strconv.Itoa(port)))
	}
	return conf, hosts, nil
}

// freePorts returns n different TCP ports of ip that nobody listens on.
func freePorts(ip string, n int) ([]int, error) {
	ports := make([]int, n)
	for i := range ports {
		l, err := net.Listen("tcp", net.JoinHostPort(ip, "0"))
		if err != nil {
			return nil, fmt.Errorf("cannot find a free port on %s: %w", ip, err)
		}
		defer l.Close() // held until all are chosen, so that they differ
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}

// newUI returns the web UI, not yet started. It fetches nothing from outside this machine.
func newUI(o options) *uiserver.Server {
	return uiserver.NewServer(uioptions.WithConfigProvider(&uiconfig.Config{
		Host:                o.ip,
		Port:                o.uiPort,
		TemporalGRPCAddress: o.address(),
		EnableUI:            true,
		CORS:                uiconfig.CORS{CookieInsecure: true},
		HideLogs:            true,
		DisableNewsFetch:    true,
	}))
}
