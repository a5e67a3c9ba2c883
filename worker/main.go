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

func command() *cobra.Command {
	return &cobra.Command{
		Use:           "sluice-worker",
		Short:         "Run Sluice's workflows and activities",
		Long:          "Run Sluice's workflows and activities until SIGINT or SIGTERM.\n\nEnvironment:\n" + config.Help(),
		Example:       "  SLUICE_DATABASE_URL=postgres://sluice@db/sluice TEMPORAL_ADDRESS=temporal:7233 sluice-worker",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.FromEnvironment()
			if err != nil {
				return err
			}
			log, err := cfg.Logger()
			if err != nil {
				return err
			}
			return run(cmd.Context(), cfg, log)
		},
	}
}

// run serves until the context ends, then hands over what is under way.
func run(ctx context.Context, cfg config.Config, log *zap.Logger) error {
	if cfg.DatabaseURL == "" {
		return errors.New("SLUICE_DATABASE_URL is not set: a worker needs the database's URL (or let 'sluice dev' start it)")
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
	temporal, err := cfg.DialTemporal(ctx, log)
	if err != nil {
		return err
	}
	defer temporal.Close()
	if err := register(ctx, cfg, temporal); err != nil {
		log.Warn(err.Error())
	}
	w := worker.New(temporal, cfg.TaskQueue, worker.Options{
		// Activities let go at once when the worker stops; this is the time
		// they get to say so, so that another worker goes on within seconds.
		WorkerStopTimeout: 10 * time.Second,
		// People see heartbeats; 60 s, the default, is too old to be live.
		MaxHeartbeatThrottleInterval: 2 * time.Second,
	})
	acts := activities.New(store, key, cfg.Limits, log)
	workflows.Register(w, acts)
	if err := w.Start(); err != nil {
		return fmt.Errorf("start worker: %w", err)
	}
	if err := scheduleMaintenance(ctx, temporal, cfg.TaskQueue); err != nil {
		log.Warn("old data will not be cleaned up", zap.Error(err))
	}
	log.Info("worker started", zap.String("taskQueue", cfg.TaskQueue))
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
