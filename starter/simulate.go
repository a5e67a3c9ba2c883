package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/qualys"
	"sluice/internal/simulator"
)

func newSimulate(a *app) *cobra.Command {
	var (
		listen                       string
		applications, apiCollections int
		findings                     int
		webApps, webFindings         int
		hosts, detections            int
		seed                         uint64
		dialect                      string
		latency, tokenTTL            time.Duration
		calls, concurrency           int
		window                       time.Duration
		lockAfter                    int
	)
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Run a simulated vendor to try Sluice with: Qualys, or Azure",
		Long: `Run a simulated Qualys over HTTP until Ctrl-C: TotalAppSec, WAS and VM with the
knowledge base, on an estate that is generated from the seed. It listens on this
machine only. What it prints says how to sign in and how to change the estate.
'sluice simulate azure' runs a simulated Azure in the same way.`,
		Example: `  sluice simulate
  sluice simulate --applications 100000 --findings 1000000 --latency 200ms
  sluice simulate --hosts 5000 --detections 400000
  sluice simulate --calls-per-window 300 --window 10s --concurrency 2
  sluice simulate azure`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if findings < 0 || applications+apiCollections <= 0 && findings > 0 {
				return wrongUsage(cmd, "--findings needs applications or API collections to be on")
			}
			perAsset := 0.0
			if findings > 0 {
				perAsset = float64(findings) / float64(applications+apiCollections)
			}
			if webFindings > 0 && webApps <= 0 {
				return wrongUsage(cmd, "--web-findings needs web applications to be on: give --web-apps")
			}
			if detections < 0 || hosts <= 0 && detections > 0 {
				return wrongUsage(cmd, "--detections needs hosts to be on: give --hosts")
			}
			perHost := 0.0
			if detections > 0 {
				perHost = float64(detections) / float64(hosts)
			}
			limits, err := simulatedLimits(cmd, calls, concurrency, window)
			if err != nil {
				return err
			}
			var faults []simulator.Fault
			if latency > 0 {
				faults = append(faults, simulator.Fault{Kind: "slow", Delay: latency})
			}
			sim, err := simulator.New(simulator.Config{
				Seed: seed, Applications: applications, APICollections: apiCollections, FindingsPerAsset: perAsset,
				WebApps: webApps, WebFindings: webFindings, Hosts: hosts, DetectionsPerHost: perHost,
				Settings: simulator.Settings{Dialect: simulator.Dialect(dialect), TokenTTL: tokenTTL}, Faults: faults,
				VMSettings:    simulator.VMSettings{Requests: limits.Requests, WindowSeconds: limits.WindowSeconds, Concurrent: limits.Concurrent},
				GatewayLimits: limits, QPSLimits: limits, LockAfter: lockAfter,
			})
			if err != nil {
				return err
			}
			listener, err := simulator.Listen(listen)
			if err != nil {
				return err
			}
			at := simulator.BaseURL(listener)
			a.say("%s", sim.Banner(at))
			a.say("Connect to it, in another terminal:\n  %s=%s %s", variable(qualys.FieldClientSecret), shellWord(sim.Credentials().ClientSecret),
				a.command(fmt.Sprintf("connectors create simulated --base-url %s --client-id %s --dialect %s --test", at, shellWord(sim.Credentials().ClientID), dialect)))
			return sim.Serve(cmd.Context(), listener)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&listen, "listen", "127.0.0.1:8600", "loopback address to listen on; port 0 takes a free one")
	flags.IntVar(&applications, "applications", 1500, "number of applications")
	flags.IntVar(&apiCollections, "api-collections", 500, "number of API collections")
	flags.IntVar(&findings, "findings", 20000, "number of findings of these, roughly")
	flags.IntVar(&webApps, "web-apps", 200, "number of web applications of WAS")
	flags.IntVar(&webFindings, "web-findings", 4000, "number of findings of these")
	flags.IntVar(&hosts, "hosts", 300, "number of hosts of VM")
	flags.IntVar(&detections, "detections", 9000, "number of detections on these, roughly")
	flags.Uint64Var(&seed, "seed", 1, "the same seed gives the same estate")
	flags.StringVar(&dialect, "dialect", string(simulator.QPS), "how searches are phrased: qps or gateway")
	flags.DurationVar(&latency, "latency", 0, "time before every answer")
	flags.DurationVar(&tokenTTL, "token-ttl", 4*time.Hour, "lifetime of tokens")
	flags.IntVar(&calls, "calls-per-window", 0, "calls of each API that the subscription may begin within a window; without it VM allows 300, the others any number")
	flags.DurationVar(&window, "window", time.Hour, "length of that window, which slides, in whole seconds")
	flags.IntVar(&concurrency, "concurrency", 0, "calls of each API that may run at the same time; without it VM allows 2, the others any number")
	flags.IntVar(&lockAfter, "lock-after", 0, "failed sign-ins in a row that lock an account; 0 for none")
	cmd.AddCommand(newSimulateAzure(a))
	return cmd
}

// simulatedLimits are the limits of each API that the flags ask for; what is zero
// was not asked for.
func simulatedLimits(cmd *cobra.Command, calls, concurrency int, window time.Duration) (simulator.CallLimits, error) {
	switch {
	case calls < 0 || concurrency < 0:
		return simulator.CallLimits{}, wrongUsage(cmd, "--calls-per-window and --concurrency cannot be below 0")
	case window < time.Second || window%time.Second != 0:
		return simulator.CallLimits{}, wrongUsage(cmd, "--window is in whole seconds: write for example 10s or 1h")
	}
	return simulator.CallLimits{Requests: calls, WindowSeconds: int(window / time.Second), Concurrent: concurrency}, nil
}
