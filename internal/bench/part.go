package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.temporal.io/sdk/client"

	"sluice/internal/lifecycle"
	"sluice/internal/simulator"
	"sluice/workflows"
)

const (
	simulatorClientID     = simulator.DefaultClientID
	simulatorClientSecret = simulator.DefaultClientSecret
)

// part is what was measured of one run, or of one COPY.
type part struct {
	Seconds           float64 `json:"seconds"`
	FindingsPerSecond float64 `json:"findingsPerSecond"`
	// Rows are assets and findings together, written or found unchanged.
	Rows     int64            `json:"rows"`
	Assets   lifecycle.Counts `json:"assets"`
	Findings lifecycle.Counts `json:"findings"`
	// CPUSeconds of each process with its children; "others" is what the rest
	// of the machine used meanwhile.
	CPUSeconds map[string]float64 `json:"cpuSeconds"`
	// WorkerPeakMB is the worker's largest resident set during this part.
	WorkerPeakMB float64 `json:"workerPeakMB"`
	// WALMB is the write-ahead log that the server wrote.
	WALMB   float64 `json:"walMB"`
	History history `json:"history"`
	// RewrittenUnchanged counts row versions written, or rows locked, for
	// assets and findings whose content did not change.
	RewrittenUnchanged int64 `json:"rewrittenUnchanged"`
}

// time measures f, after a checkpoint.
func (f *field) time(ctx context.Context, what func() error) (part, error) {
	if _, err := f.db.Exec(ctx, "CHECKPOINT"); err != nil {
		return part{}, err
	}
	processes := f.processes()
	worker := processes["worker"]
	if err := forgetPeak(worker); err != nil {
		return part{}, err
	}
	wal, err := f.walPosition(ctx)
	if err != nil {
		return part{}, err
	}
	before, err := readCPU(processes)
	if err != nil {
		return part{}, err
	}
	begun := time.Now()
	if err := what(); err != nil {
		return part{}, err
	}
	p := part{Seconds: time.Since(begun).Seconds()}
	after, err := readCPU(processes)
	if err != nil {
		return p, err
	}
	if f.worker.Worker().PID() != worker {
		return p, errors.New("the worker died and was started again")
	}
	p.CPUSeconds = after.since(before)
	if p.WorkerPeakMB, err = peakMB(worker); err != nil {
		return p, err
	}
	end, err := f.walPosition(ctx)
	p.WALMB = float64(end-wal) / 1e6
	return p, err
}

func (f *field) processes() map[string]int {
	return map[string]int{
		"worker": f.worker.Worker().PID(), "simulator": f.vendor.cmd.Process.Pid,
		"postgresql": f.postgres.PID(), "temporal": f.temporal.PID(),
	}
}

func (f *field) walPosition(ctx context.Context) (bytes int64, err error) {
	err = f.db.QueryRow(ctx, "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint").Scan(&bytes)
	return bytes, err
}

// runBound ends a run that does not come to an end, since a worker tries for
// ever what may pass.
const runBound = 30 * time.Minute

// ingest runs the profile to its end, and returns the execution's run id.
func (f *field) ingest(ctx context.Context) (workflows.Result, string, error) {
	ctx, cancel := context.WithTimeout(ctx, runBound)
	defer cancel()
	var result workflows.Result
	run, err := f.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: workflows.WorkflowID(profile), TaskQueue: f.name},
		workflows.IngestionType, workflows.Input{Profile: profile, Mode: lifecycle.Full})
	if err != nil {
		return result, "", err
	}
	first := run.GetRunID()
	if err := run.Get(ctx, &result); err != nil {
		return result, first, fmt.Errorf("the run failed: %w\nThe end of the worker's log:\n%s", err, f.workerLog())
	}
	return result, first, nil
}

// workerLog is the end of what the worker has logged.
func (f *field) workerLog() []byte {
	text, _ := os.ReadFile(filepath.Join(f.dir, f.name, "worker.log"))
	return text[max(0, len(text)-4<<10):]
}

// copy measures plain COPY of the rows of a first load into an empty copy of
// the tables with all their indexes: one connection, binary format, ready-made
// data, a transaction every so many rows.
func (f *field) copy(ctx context.Context) (part, error) {
	for _, statement := range []string{
		"CREATE SCHEMA reference",
		"CREATE TABLE reference.assets (LIKE public.assets INCLUDING ALL)",
		"CREATE TABLE reference.findings (LIKE public.findings INCLUDING ALL)",
	} {
		if _, err := f.db.Exec(ctx, statement); err != nil {
			return part{}, err
		}
	}
	var rows int64
	p, err := f.time(ctx, func() (err error) {
		rows, err = f.copies.copyTo(ctx, f.db.PgConn(), "reference")
		return err
	})
	p.Rows = rows
	p.FindingsPerSecond = float64(f.copies.findings) / p.Seconds
	return p, err
}
