package main

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"

	"sluice/internal/azure"
	"sluice/internal/qualys"
	"sluice/internal/simulator"
	simulatedazure "sluice/internal/simulator/azure"
	"sluice/internal/simulator/faults"
	"sluice/internal/source"
	"sluice/internal/source/kinds"
)

// demoDescription is how the demo knows what it made.
const demoDescription = "made by 'sluice demo', on a simulated vendor"

// demoConnectors are the demo's connectors, by provider.
var demoConnectors = map[string]string{"qualys": "demo", "azure": "demo-azure"}

// isDemo says whether a connector's name is one of the demo's.
func isDemo(connector string) bool {
	for _, name := range demoConnectors {
		if connector == name {
			return true
		}
	}
	return false
}

// demoKinds are the kinds that the simulated vendors have, by provider.
func demoKinds() []source.Kind {
	var all []source.Kind
	for _, p := range kinds.Providers() {
		if demoConnectors[p.Name] != "" {
			all = append(all, kindsOf(p.Name)...)
		}
	}
	return all
}

// demoProfile names the demo's profile of a kind: "demo-tas".
func demoProfile(kind source.Kind) string {
	return "demo-" + strings.TrimPrefix(kind.Name(), kind.Provider()+"-")
}

// demoEstate is what the simulated Qualys has. Of TotalAppSec three assets of
// each type have a finding that cannot be mapped; some QIDs get their entry in
// the knowledge base only later.
var demoEstate = simulator.Config{
	Seed: 7, Applications: 1500, APICollections: 500, FindingsPerAsset: 10,
	Defects: []simulator.Defect{{Kind: "severity-word", Count: 3}},
	WebApps: 300, WebFindings: 6000,
	Hosts: 500, DetectionsPerHost: 40, UnpublishedEntries: 0.01,
}

// demoAzure is what the simulated Azure has; some specifications are broken.
// Exports that fail are left out: they are tried again, which takes its time.
var demoAzure = simulatedazure.Config{Seed: 7, Subscriptions: 2, Services: 4, APIs: 120, Odd: simulatedazure.None}

// demoLatency is how long answers of Qualys take, as a real vendor's do; without
// it there would be no progress to see. Azure is asked for each API apart.
const demoLatency, demoAzureLatency = 250 * time.Millisecond, 20 * time.Millisecond

// demoChange and demoAzureChange are what happens there between the runs.
var (
	demoChange = simulator.Change{
		Updated: 0.05, Added: 0.01, Removed: 0.01,
		Web:       simulator.WebChange{UpdatedWebApps: 0.05, AddedWebApps: 0.01, RemovedWebApps: 0.01, New: 0.02, Fixed: 0.03, Reopened: 0.1, Retested: 0.2},
		VM:        simulator.VMChange{Scanned: 0.2, New: 0.05, Fixed: 0.05, Reopened: 0.1, Added: 0.01, Removed: 0.01},
		Knowledge: simulator.KnowledgeChange{Updated: 0.02, Published: 1},
	}
	demoAzureChange = simulatedazure.Change{Added: 0.02, Edited: 0.05, Described: 0.02, Revised: 0.01}
)

// simulated are the vendors of the demo, as they run.
type simulated struct {
	qualys            *simulator.Simulator
	azure             *simulatedazure.Simulator
	qualysURL, armURL string
	blobHost          string // host:port
	stopped           chan error
	stopServing       context.CancelFunc
}

// simulate starts the simulated vendors; stop ends them.
func (a *app) simulate(ctx context.Context) (v *simulated, err error) {
	v = &simulated{stopped: make(chan error, 2)}
	if v.qualys, err = simulator.New(demoEstate); err != nil {
		return nil, err
	}
	if v.azure, err = simulatedazure.New(demoAzure); err != nil {
		return nil, err
	}
	err = errors.Join(
		v.qualys.SetFaults(simulator.Fault{Kind: "slow", Delay: demoLatency}),
		v.azure.SetFaults(simulatedazure.Fault{Fault: faults.Fault{Kind: faults.Slow, Delay: demoAzureLatency}}),
	)
	if err != nil {
		return nil, err
	}
	var listeners []net.Listener
	for range 3 {
		listener, err := simulator.Listen("127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		listeners = append(listeners, listener)
	}
	v.qualysURL, v.armURL, v.blobHost = simulator.BaseURL(listeners[0]), simulator.BaseURL(listeners[1]), listeners[2].Addr().String()
	ctx, v.stopServing = context.WithCancel(ctx)
	go func() { v.stopped <- v.qualys.Serve(ctx, listeners[0]) }()
	go func() { v.stopped <- v.azure.Serve(ctx, listeners[1], listeners[2]) }()
	a.say("the simulated Qualys runs at %s; its answers take %s", v.qualysURL, demoLatency)
	a.say("the simulated Azure runs at %s; its answers take %s", v.armURL, demoAzureLatency)
	return v, nil
}

func (v *simulated) stop() error {
	v.stopServing()
	return errors.Join(<-v.stopped, <-v.stopped)
}

// settings are what a connector to a provider needs.
func (v *simulated) settings(provider string) (settings map[string]string, secrets map[string]givenSecret) {
	if provider == "azure" {
		app := v.azure.Apps()[0]
		return azureSettings(app, v.armURL, v.blobHost), map[string]givenSecret{azure.FieldClientSecret: {plain: app.Secret}}
	}
	credentials := v.qualys.Credentials()
	return map[string]string{qualys.FieldBaseURL: v.qualysURL, qualys.FieldClientID: credentials.ClientID},
		map[string]givenSecret{qualys.FieldClientSecret: {plain: credentials.ClientSecret}}
}

// azureSettings are those of a connector to the simulated Azure.
func azureSettings(app simulatedazure.App, armURL, blobHost string) map[string]string {
	return map[string]string{
		azure.FieldTenantID: app.TenantID, azure.FieldClientID: app.ClientID,
		azure.FieldAuthorityURL: armURL, azure.FieldARMURL: armURL, azure.FieldBlobHost: blobHost,
	}
}

// advance changes what the vendors have.
func (v *simulated) advance() error {
	if _, err := v.qualys.Advance(demoChange); err != nil {
		return err
	}
	_, err := v.azure.Advance(demoAzureChange)
	return err
}
