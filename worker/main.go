// Command sluice-worker runs the workflows and activities of Sluice. As many
// as wanted can run; nothing is kept on one that cannot be lost.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.uber.org/zap"

	"sluice/activities"
	"sluice/internal/catalog"
	"sluice/internal/config"
	"sluice/internal/redact"
	"sluice/internal/source"
	"sluice/internal/visibility"
	"sluice/workflows"
)

func main() {
	if os.Getenv("GOGC") == "" {
		// A worker holds little and allocates much: collecting half as often
		// makes a run some 5 % faster for some 30 MB.
		debug.SetGCPercent(200)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "sluice-worker:", err)
		os.Exit(1)
	}
}

const long = `Run Sluice's workflows and activities until SIGINT or SIGTERM.

With --pool, run only what has to be done from here: the fetches and connection
tests of connectors whose setting "pool" names the pool, because only a machine
in this network reaches their vendor. Such a worker needs:

  outgoing connections to Temporal, PostgreSQL and the vendor, nothing incoming
  the same SLUICE_TASK_QUEUE and master key as the other workers
  the environment variables and files that secrets of these connectors refer to

Everything else, such as writing the inventory, is left to workers without a
pool: there has to be one, anywhere. Of each as many as wanted can run.

Environment:
`

func command() *cobra.Command {
	var pool string
	var newKey bool
	cmd := &cobra.Command{
		Use:   "sluice-worker",
		Short: "Run Sluice's workflows and activities",
		Long:  long + config.Help(),
		Example: `  SLUICE_DATABASE_URL=postgres://sluice@db/sluice TEMPORAL_ADDRESS=temporal:7233 sluice-worker
  sluice-worker --pool emea   # inside the network that the pool emea is for`,
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.FromEnvironment()
			if err != nil {
				return err
			}
			if cfg, _, err = cfg.Located(); err != nil {
				return err
			}
			if cmd.Flags().Changed("pool") {
				cfg.Pool = pool
			}
			if err := source.CheckCommon(source.Connection{Settings: map[string]string{source.FieldPool: cfg.Pool}}); err != nil {
				return err
			}
			secrets := redact.NewForLogs()
			log, err := cfg.Logger(secrets)
			if err != nil {
				return err
			}
			return run(cmd.Context(), cfg, newKey, log, secrets)
		},
	}
	cmd.Flags().StringVar(&pool, "pool", "", "serve this worker pool only (default: SLUICE_POOL)")
	cmd.Flags().BoolVar(&newKey, "new-key", false, "serve although the master key opens no secret that is stored: theirs is lost")
	return cmd
}

// run serves until the context ends, then hands over what is under way.
func run(ctx context.Context, cfg config.Config, newKey bool, log *zap.Logger, secrets *redact.Set) error {
	if cfg.DatabaseURL == "" {
		return errors.New("it is not known where the database is: set SLUICE_DATABASE_URL, or SLUICE_HOME to the folder in which 'sluice dev' runs")
	}
	key, err := cfg.MasterKey()
	if err != nil {
		return err
	}
	store, err := catalog.Open(ctx, cfg.DatabaseURL)
	if err != nil {
		return err
	}
	defer store.Close()
	if err := store.CheckSchema(ctx); err != nil {
		return err
	}
	if err := ready(ctx, store, key, newKey, log); err != nil {
		return err
	}
	temporal, err := cfg.DialTemporal(ctx, log)
	if err != nil {
		return err
	}
	defer temporal.Close()
	if cfg.Pool == "" {
		if err := register(ctx, cfg, temporal); err != nil {
			log.Warn(err.Error())
		}
	}
	queue := workflows.PoolQueue(cfg.TaskQueue, cfg.Pool)
	w := worker.New(temporal, queue, worker.Options{
		DisableWorkflowWorker: cfg.Pool != "",
		// Activities let go at once when the worker stops; this is the time
		// they get to say so, so that another worker goes on within seconds.
		WorkerStopTimeout: 10 * time.Second,
		// People see heartbeats; 60 s, the default, is too old to be live.
		MaxHeartbeatThrottleInterval: 2 * time.Second,
	})
	acts := activities.New(store, key, cfg.Limits, log, secrets)
	if cfg.Pool != "" {
		w.RegisterActivity(acts)
	} else {
		workflows.Register(w, acts)
	}
	if err := w.Start(); err != nil {
		return fmt.Errorf("start worker: %w", err)
	}
	if cfg.Pool == "" {
		if err := scheduleMaintenance(ctx, temporal, cfg.TaskQueue); err != nil {
			log.Warn("old data will not be cleaned up", zap.Error(err))
		}
	}
	log.Info("worker started", zap.String("taskQueue", queue))
	<-ctx.Done()
	log.Info("worker stopping")
	w.Stop()
	activities.Close(acts)
	return nil
}

// register makes the search attributes of runs known to Temporal.
func register(ctx context.Context, cfg config.Config, temporal client.Client) error {
	namespace, err := cfg.Namespace()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return visibility.Register(ctx, temporal, namespace)
}
