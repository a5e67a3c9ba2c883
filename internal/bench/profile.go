package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"time"

	"go.temporal.io/sdk/worker"

	"sluice/activities"
	"sluice/internal/catalog"
	"sluice/internal/config"
	"sluice/workflows"
)

// profileVariable names the directory for a profiled worker's profiles.
const profileVariable = "SLUICE_BENCH_PROFILE"

// serveProfiledWorker is a worker as the product's, which writes profiles of
// its CPU time and of its allocations when it stops.
func serveProfiledWorker(ctx context.Context) (err error) {
	cfg, err := config.FromEnvironment()
	if err != nil {
		return err
	}
	log, err := cfg.Logger(nil)
	if err != nil {
		return err
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
	temporal, err := cfg.DialTemporal(ctx, log)
	if err != nil {
		return err
	}
	defer temporal.Close()
	w := worker.New(temporal, cfg.TaskQueue, worker.Options{WorkerStopTimeout: 10 * time.Second})
	workflows.Register(w, activities.New(store, key, cfg.Limits, log, nil))
	stop, err := startProfiles(os.Getenv(profileVariable))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	if err := w.Start(); err != nil {
		return fmt.Errorf("start worker: %w", err)
	}
	<-ctx.Done()
	w.Stop()
	return nil
}

// startProfiles begins the profiles of this process; stop writes them, to
// files with the process's id in their names.
func startProfiles(dir string) (stop func() error, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	create := func(what string) (*os.File, error) {
		return os.Create(filepath.Join(dir, fmt.Sprintf("worker-%d.%s.pprof", os.Getpid(), what)))
	}
	cpu, err := create("cpu")
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return nil, err
	}
	return func() error {
		pprof.StopCPUProfile()
		memory, err := create("memory")
		if err != nil {
			return errors.Join(err, cpu.Close())
		}
		runtime.GC()
		err = pprof.Lookup("allocs").WriteTo(memory, 0)
		return errors.Join(err, memory.Close(), cpu.Close())
	}, nil
}
