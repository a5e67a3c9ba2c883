package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5"

	"sluice/internal/catalog"
	"sluice/internal/devstack"
	"sluice/internal/lifecycle"
	"sluice/internal/secret"
	"sluice/workflows"
)

// round is what one round measured: a fresh database, simulator and worker.
type round struct {
	First     part `json:"first"`
	Unchanged part `json:"unchanged"`
	Changed   part `json:"changed"`
	Copy      part `json:"copy"`
}

// field is where a round takes place.
type field struct {
	*stand
	number int
	name   string // of its database, and of its task queue
	db     *pgx.Conn
	vendor *vendor
	worker *devstack.Stack
}

const profile = "bench"

// enter makes a fresh database with a connector and a profile, and starts the
// simulator and the worker.
func (s *stand) enter(ctx context.Context, number int) (_ *field, err error) {
	f := &field{stand: s, number: number, name: fmt.Sprintf("bench_%d", number)}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.leave(ctx))
		}
	}()
	if err := s.execute(ctx, "CREATE DATABASE "+f.name+" TEMPLATE "+template); err != nil {
		return nil, err
	}
	if f.db, err = pgx.Connect(ctx, s.databaseURL(f.name)); err != nil {
		return nil, err
	}
	if f.vendor, err = startVendor(s.options); err != nil {
		return nil, err
	}
	if err := f.configure(ctx); err != nil {
		return nil, err
	}
	state := filepath.Join(s.dir, f.name)
	if err := os.MkdirAll(state, 0o755); err != nil {
		return nil, err
	}
	f.worker, err = devstack.Up(ctx, devstack.Options{
		StateDir: state, DatabaseURL: s.databaseURL(f.name), TemporalAddress: s.temporal.Address(), WorkerBinary: s.program.binary,
		WorkerEnv: append([]string{"SLUICE_TASK_QUEUE=" + f.name, "SLUICE_MASTER_KEY=" + s.masterKey, "SLUICE_LOG_FORMAT=json"}, s.program.env...),
	})
	return f, err
}

// leave stops what enter started and drops the database.
func (f *field) leave(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	var errs []error
	if f.worker != nil {
		errs = append(errs, f.worker.Down())
	}
	if f.vendor != nil {
		errs = append(errs, f.vendor.stop())
	}
	if f.db != nil {
		errs = append(errs, f.db.Close(ctx), f.execute(ctx, "DROP DATABASE "+f.name+" WITH (FORCE)"))
	}
	return errors.Join(errs...)
}

// configure creates the connector and the profile, with all defaults.
func (f *field) configure(ctx context.Context) error {
	store, err := catalog.Open(ctx, f.databaseURL(f.name))
	if err != nil {
		return err
	}
	defer store.Close()
	key, err := secret.ParseKey(f.masterKey)
	if err != nil {
		return err
	}
	c, err := store.CreateConnector(ctx, catalog.Connector{
		Name: profile, Provider: "qualys", Active: true,
		Settings: map[string]string{"baseURL": f.vendor.url, "clientId": simulatorClientID},
	}, func(id int64) (map[string]string, error) {
		at := secret.Place{ConnectorID: id, Field: "clientSecret"}
		return map[string]string{"clientSecret": key.Seal(at, simulatorClientSecret)}, nil
	})
	if err != nil {
		return err
	}
	return store.CreateProfile(ctx, catalog.Profile{
		Name: profile, ConnectorID: c.ID, Kind: "qualys-tas",
		AssetTypes: []string{"APPLICATION", "APICOLLECTION"},
		Maps:       map[string]string{"APPLICATION": "qualys-tas-application", "APICOLLECTION": "qualys-tas-api-collection"},
		Active:     true, Policy: catalog.DefaultPolicy,
	})
}

// warmUp makes one first load and keeps the inventory's rows for COPY.
func (s *stand) warmUp(ctx context.Context) (err error) {
	f, err := s.enter(ctx, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.leave(ctx)) }()
	if _, err := f.run(ctx); err != nil {
		return err
	}
	s.copies, err = keepRows(ctx, f.db, filepath.Join(s.dir, "rows"), s.options.copyRows)
	return err
}

// round measures one round. COPY comes before the runs in every other round,
// so that what changes on the machine meanwhile favours neither.
func (s *stand) round(ctx context.Context, number int) (r round, err error) {
	f, err := s.enter(ctx, number)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, f.leave(ctx)) }()
	if number%2 == 0 {
		if r.Copy, err = f.copy(ctx); err != nil {
			return r, err
		}
	}
	if r.First, err = f.run(ctx); err != nil {
		return r, err
	}
	if number%2 == 1 {
		if r.Copy, err = f.copy(ctx); err != nil {
			return r, err
		}
	}
	if r.Unchanged, err = f.rerun(ctx); err != nil {
		return r, err
	}
	if err = f.vendor.change(ctx, s.options.changed); err != nil {
		return r, err
	}
	if r.Changed, err = f.rerun(ctx); err != nil {
		return r, err
	}
	return r, r.check()
}

// check makes sure that the round measured what it says.
func (r round) check() error {
	first, again, changed := r.First, r.Unchanged, r.Changed
	switch {
	case first.Findings != lifecycle.Counts{Created: first.Findings.Created} || first.Findings.Created == 0:
		return fmt.Errorf("the first load was to create findings only, and did %v", first.Findings)
	case again.Findings != lifecycle.Counts{Unchanged: first.Findings.Created}:
		return fmt.Errorf("the run without change was to find %d findings unchanged, and found %v", first.Findings.Created, again.Findings)
	case changed.Findings.Rejected > 0 || changed.Findings.Unchanged == 0:
		return fmt.Errorf("the run with changes was to reject no finding and leave most unchanged, and did %v", changed.Findings)
	case r.Copy.Rows != first.Assets.Created+first.Findings.Created:
		return fmt.Errorf("COPY wrote %d rows, the first load %d assets and %d findings", r.Copy.Rows, first.Assets.Created, first.Findings.Created)
	}
	return nil
}

// run measures one full run of the profile, from the start of its workflow to
// its result.
func (f *field) run(ctx context.Context) (part, error) {
	var outcome workflows.Result
	execution := ""
	p, err := f.time(ctx, func() (err error) {
		outcome, execution, err = f.ingest(ctx)
		return err
	})
	if err != nil {
		return p, err
	}
	if outcome.Outcome != lifecycle.Succeeded {
		return p, fmt.Errorf("the run %s: %s", outcome.Outcome, outcome.Reason)
	}
	p.Assets, p.Findings = outcome.Assets, outcome.Findings
	p.Rows = p.Assets.Total() + p.Findings.Total()
	p.FindingsPerSecond = float64(p.Findings.Total()) / p.Seconds
	p.History, err = f.history(ctx, execution)
	return p, err
}

// rerun measures a run on an inventory that is there, and counts the row
// versions that it wrote for what had not changed.
func (f *field) rerun(ctx context.Context) (part, error) {
	if err := noteVersions(ctx, f.db); err != nil {
		return part{}, err
	}
	p, err := f.run(ctx)
	if err != nil {
		return p, err
	}
	p.RewrittenUnchanged, err = countRewritten(ctx, f.db)
	return p, err
}
