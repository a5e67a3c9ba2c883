// Package testenv gives tests a real PostgreSQL and a real Temporal server.
//
// Each test process that asks has servers of its own, started with the first test that needs them
// and stopped by [Main]. A test gets a database of its own; the Temporal server is shared, so tests
// use task queues and workflow ids of their own.
package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice/internal/devstack"
)

// startBound bounds each start of a server. The first build of the Temporal server is not a start.
const startBound = 2 * time.Minute

// Main runs a package's tests and stops the servers that they started:
//
//	func TestMain(m *testing.M) { testenv.Main(m) }
func Main(m *testing.M) {
	code := m.Run()
	if err := stopAll(); err != nil {
		fmt.Fprintln(os.Stderr, "testenv:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// scratch is the directory of this process's servers.
var scratch = sync.OnceValues(func() (string, error) { return devstack.ScratchDir("sluice-test") })

var scratchNumber atomic.Int64

// scratchDir returns a new name in the scratch directory.
func scratchDir(name string) (string, error) {
	dir, err := scratch()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, name+"-"+strconv.FormatInt(scratchNumber.Add(1), 10)), nil
}

// cleanups stop the servers of this process.
var cleanups struct {
	sync.Mutex
	list []func() error
}

func atEnd(f func() error) {
	cleanups.Lock()
	defer cleanups.Unlock()
	cleanups.list = append(cleanups.list, f)
}

func stopAll() error {
	cleanups.Lock()
	defer cleanups.Unlock()
	var errs []error
	for _, f := range cleanups.list {
		errs = append(errs, f())
	}
	if len(cleanups.list) == 0 {
		return nil
	}
	dir, err := scratch()
	if err != nil {
		return err
	}
	return errors.Join(append(errs, os.RemoveAll(dir))...)
}

// Root is the checkout that the tests run in.
var Root = sync.OnceValues(func() (string, error) { return devstack.FindRoot(".") })

// TemporalBinary is the pinned Temporal server, built when it is missing.
var TemporalBinary = sync.OnceValues(func() (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	return devstack.TemporalBinary(context.Background(), devstack.TemporalBinaryOptions{
		Root:     root,
		Progress: func(line string) { fmt.Fprintln(os.Stderr, "testenv:", line) },
	})
})

func must[T any](t testing.TB, get func() (T, error)) T {
	t.Helper()
	v, err := get()
	if err != nil {
		t.Fatalf("testenv: %v", err)
	}
	return v
}

var sharedTemporal = sync.OnceValues(func() (*devstack.Temporal, error) {
	bin, err := TemporalBinary()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startBound)
	defer cancel()
	server, err := devstack.StartTemporal(ctx, devstack.TemporalOptions{Binary: bin, Headless: true})
	if err == nil {
		atEnd(server.Stop)
	}
	return server, err
})

// Temporal returns host:port of this process's Temporal server, which keeps everything in memory.
// Its namespace is "default". Do not kill it: see [StartTemporal].
func Temporal(t testing.TB) string {
	t.Helper()
	return must(t, sharedTemporal).Address()
}

// StartTemporal starts a Temporal server of the test's own, to be killed and started again, and
// stops it at the end of the test. It keeps its data in a file.
func StartTemporal(t testing.TB) *devstack.Temporal {
	t.Helper()
	bin := must(t, TemporalBinary)
	ctx, cancel := context.WithTimeout(t.Context(), startBound)
	defer cancel()
	server, err := devstack.StartTemporal(ctx, devstack.TemporalOptions{
		Binary:   bin,
		DBFile:   filepath.Join(t.TempDir(), "temporal.db"),
		Headless: true,
	})
	if err != nil {
		t.Fatalf("testenv: %v", err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Errorf("testenv: %v", err)
		}
	})
	return server
}
