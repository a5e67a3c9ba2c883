package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	"go.temporal.io/sdk/client"

	"sluice/internal/catalog"
	"sluice/internal/devstack"
	"sluice/internal/secret"
)

// stand is what all rounds share: a durable PostgreSQL with a migrated
// template database, a Temporal server that keeps its state in a file, and
// the worker's binary.
type stand struct {
	options        options
	temporalBinary string
	dir            string
	postgres       *devstack.Postgres
	temporal       *devstack.Temporal
	client         client.Client
	program        workerCommand
	masterKey      string
	copies         *copySource
}

// workerCommand starts a worker.
type workerCommand struct {
	binary string
	env    []string
}

const template = "bench_template"

func newStand(ctx context.Context, o options, say func(string, ...any)) (_ *stand, err error) {
	s := &stand{options: o, masterKey: base64.StdEncoding.EncodeToString([]byte(strings.Repeat("b", secret.KeySize)))}
	if s.dir, err = devstack.ScratchDir("sluice-bench"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	root, err := devstack.FindRoot(".")
	if err != nil {
		return nil, err
	}
	say("starting PostgreSQL, Temporal and what else is needed in %s", s.dir)
	if err := s.buildWorker(ctx, root); err != nil {
		return nil, err
	}
	line := func(text string) { say("%s", text) }
	s.postgres, err = devstack.StartPostgres(ctx, devstack.PostgresOptions{Dir: filepath.Join(s.dir, "postgres"), Durable: true, Progress: line})
	if err != nil {
		return nil, err
	}
	s.temporalBinary, err = devstack.TemporalBinary(ctx, devstack.TemporalBinaryOptions{Root: root, Progress: line})
	if err != nil {
		return nil, err
	}
	s.temporal, err = devstack.StartTemporal(ctx, devstack.TemporalOptions{
		Binary: s.temporalBinary, DBFile: filepath.Join(s.dir, "temporal.db"), Headless: true, LogFile: filepath.Join(s.dir, "temporal.log"),
	})
	if err != nil {
		return nil, err
	}
	s.client, err = client.DialContext(ctx, client.Options{HostPort: s.temporal.Address(), Logger: quiet{}})
	if err != nil {
		return nil, err
	}
	if err := s.execute(ctx, "CREATE DATABASE "+template); err != nil {
		return nil, err
	}
	_, err = catalog.Migrate(ctx, s.databaseURL(template))
	return s, err
}

// buildWorker builds the product's worker, unless it is to be profiled: then
// the bench itself is the worker.
func (s *stand) buildWorker(ctx context.Context, root string) error {
	if dir := s.options.profileDir; dir != "" {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		dir, err = filepath.Abs(dir)
		s.program = workerCommand{self, []string{roleVariable + "=" + roleWorker, profileVariable + "=" + dir}}
		return err
	}
	s.program = workerCommand{binary: filepath.Join(s.dir, "sluice-worker")}
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", s.program.binary, "./worker")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the worker: %w\n%s", err, out)
	}
	return nil
}

// close stops everything and removes what it has stored.
func (s *stand) close() error {
	var errs []error
	if s.copies != nil {
		errs = append(errs, s.copies.file.Close())
	}
	if s.client != nil {
		s.client.Close()
	}
	if s.temporal != nil {
		errs = append(errs, s.temporal.Stop())
	}
	if s.postgres != nil {
		errs = append(errs, s.postgres.Stop(), s.postgres.Remove())
	}
	return errors.Join(append(errs, os.RemoveAll(s.dir))...)
}

// databaseURL names a database of the server.
func (s *stand) databaseURL(name string) string {
	u, err := url.Parse(s.postgres.URL())
	if err != nil {
		panic(err) // the server's own URL
	}
	u.Path = "/" + name
	return u.String()
}

// execute runs statements outside of the databases that are measured.
func (s *stand) execute(ctx context.Context, statements ...string) error {
	conn, err := pgx.Connect(ctx, s.databaseURL("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// quiet discards the log of Temporal's SDK.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}
