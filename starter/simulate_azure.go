package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/azure"
	"sluice/internal/simulator"
	simulatedazure "sluice/internal/simulator/azure"
	"sluice/internal/simulator/faults"
)

func newSimulateAzure(a *app) *cobra.Command {
	var (
		listen, blobListen string
		cfg                simulatedazure.Config
		latency            time.Duration
	)
	cmd := &cobra.Command{
		Use:   "azure",
		Short: "Run a simulated Azure with API Management services",
		Long: `Run a simulated Azure over HTTP until Ctrl-C: tokens of Entra, Azure Resource
Manager with API Management services, and the blob storage that specifications
are downloaded from. The estate is generated from the seed; one specification in
twenty is broken. It listens on this machine only.`,
		Example: `  sluice simulate azure
  sluice simulate azure --subscriptions 10 --services 40 --apis 10000 --latency 50ms`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if latency > 0 {
				cfg.Faults = []simulatedazure.Fault{{Fault: faults.Fault{Kind: faults.Slow, Delay: latency}}}
			}
			sim, err := simulatedazure.New(cfg)
			if err != nil {
				return err
			}
			arm, err := simulator.Listen(listen)
			if err != nil {
				return err
			}
			blob, err := simulator.Listen(blobListen)
			if err != nil {
				return err
			}
			app, at := sim.Apps()[0], simulator.BaseURL(arm)
			a.say("%s", sim.Banner(at, simulator.BaseURL(blob)))
			var flags []string
			settings := azureSettings(app, at, blob.Addr().String())
			for _, name := range slices.Sorted(maps.Keys(settings)) {
				flags = append(flags, "--"+flagName(name)+" "+shellWord(settings[name]))
			}
			a.say("Connect to it, in another terminal:\n  %s=%s %s", variable(azure.FieldClientSecret), shellWord(app.Secret),
				a.command(fmt.Sprintf("connectors create simulated-azure %s --test", strings.Join(flags, " "))))
			return sim.Serve(cmd.Context(), arm, blob)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&listen, "listen", "127.0.0.1:8601", "loopback address for Entra and ARM; port 0 takes a free one")
	flags.StringVar(&blobListen, "blob-listen", "127.0.0.1:8602", "loopback address for the blob storage")
	flags.IntVar(&cfg.Subscriptions, "subscriptions", 2, "number of subscriptions")
	flags.IntVar(&cfg.Services, "services", 4, "number of API Management services of these")
	flags.IntVar(&cfg.APIs, "apis", 200, "number of APIs of these services")
	flags.Uint64Var(&cfg.Seed, "seed", 1, "the same seed gives the same estate")
	flags.DurationVar(&latency, "latency", 0, "time before every answer")
	return cmd
}
