package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"sluice/internal/config"
)

// setting is what figures were measured on, and with what.
type setting struct {
	Machine    string `json:"machine"`
	Disk       string `json:"disk"`
	Go         string `json:"go"`
	PostgreSQL string `json:"postgresql"`
	Temporal   string `json:"temporal"`
	Worker     string `json:"worker"`
}

// describe says what the stand consists of.
func (s *stand) describe(ctx context.Context) (setting, error) {
	cfg, err := config.FromEnvironment() // as the worker does
	if err != nil {
		return setting{}, err
	}
	d := setting{
		Machine: fmt.Sprintf("%d CPUs (%s), %s of memory, %s %s", runtime.NumCPU(),
			procField("/proc/cpuinfo", "model name"), gigabytes(procField("/proc/meminfo", "MemTotal")), runtime.GOOS, kernel()),
		Disk: fmt.Sprintf("%s on %s", s.postgres.DataDir(), filesystem(s.postgres.DataDir())),
		Go:   runtime.Version() + modules("go.temporal.io/sdk", "github.com/jackc/pgx/v5"),
		Worker: fmt.Sprintf("one process; a batch ends after %d pages, %.3g MiB or %s",
			cfg.Limits.BatchPages, float64(cfg.Limits.BatchBytes)/(1<<20), cfg.Limits.BatchTime),
	}
	if s.options.profileDir != "" {
		d.Worker += "; profiled, which costs some speed"
	}
	conn, err := pgx.Connect(ctx, s.databaseURL("postgres"))
	if err != nil {
		return d, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	d.PostgreSQL = conn.PgConn().ParameterStatus("server_version")
	for _, name := range []string{"fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size"} {
		var value string
		if err := conn.QueryRow(ctx, "SELECT current_setting($1)", name).Scan(&value); err != nil {
			return d, err
		}
		d.PostgreSQL += ", " + name + " " + value
	}
	version, err := exec.CommandContext(ctx, s.temporalBinary, "--version").CombinedOutput()
	if err != nil {
		return d, fmt.Errorf("ask Temporal for its version: %w", err)
	}
	d.Temporal = strings.TrimSpace(string(version)) + ", state in a SQLite file"
	return d, nil
}

// procField returns the first field of that name in a file of /proc.
func procField(file, name string) string {
	text, _ := os.ReadFile(file)
	for line := range bytes.Lines(text) {
		if key, value, ok := strings.Cut(string(line), ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func gigabytes(kib string) string {
	n, err := strconv.ParseFloat(strings.TrimSuffix(kib, " kB"), 64)
	if err != nil {
		return "unknown"
	}
	return fmt.Sprintf("%.0f GB", n*1024/1e9)
}

func kernel() string {
	text, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return strings.TrimSpace(string(text))
}

// filesystem names the file system that a path is on: COPY is durable only on
// one that is.
func filesystem(path string) string {
	text, _ := os.ReadFile("/proc/self/mounts")
	longest, kind := "", "unknown"
	for line := range bytes.Lines(text) {
		fields := strings.Fields(string(line))
		if len(fields) < 3 || len(fields[1]) < len(longest) {
			continue
		}
		if below, err := filepath.Rel(fields[1], path); err == nil && filepath.IsLocal(below) {
			longest, kind = fields[1], fields[2]
		}
	}
	return kind
}

// modules names the versions of modules that the bench is built with.
func modules(paths ...string) string {
	info, _ := debug.ReadBuildInfo()
	var b strings.Builder
	for _, path := range paths {
		for _, m := range info.Deps {
			if m.Path == path {
				fmt.Fprintf(&b, ", %s %s", path, m.Version)
			}
		}
	}
	return b.String()
}
