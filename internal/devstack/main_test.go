//go:build unix

package devstack

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// parentMode makes the test binary run a stack in the directory it names, for tests that kill the
// process that owns a stack.
const parentMode = "DEVSTACK_TEST_PARENT"

func TestMain(m *testing.M) {
	if dir := os.Getenv(parentMode); dir != "" {
		runParent(dir)
		return
	}
	code := m.Run()
	if dir, err := scratchRoot(); err == nil {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// scratchRoot is passable for other users, which t.TempDir is not and a server started by root needs.
var scratchRoot = sync.OnceValues(func() (string, error) { return ScratchDir("sluice-devstack-test") })

func scratchDir(t *testing.T) string {
	root, err := scratchRoot()
	require.NoError(t, err)
	dir, err := os.MkdirTemp(root, "")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	return dir
}

// bounded is a context for starts in tests.
func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// pinnedTemporal is the pinned server, built when it is missing.
var pinnedTemporal = sync.OnceValues(func() (string, error) {
	root, err := FindRoot(".")
	if err != nil {
		return "", err
	}
	return TemporalBinary(context.Background(), TemporalBinaryOptions{
		Root:     root,
		Progress: func(line string) { fmt.Fprintln(os.Stderr, line) },
	})
})

// query runs a statement on a database that may be coming up, and returns its single value.
func query[T any](t *testing.T, databaseURL, statement string) T {
	t.Helper()
	var value T
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		conn, err := pgx.Connect(t.Context(), databaseURL)
		require.NoError(c, err)
		defer conn.Close(context.Background())
		require.NoError(c, conn.QueryRow(t.Context(), statement).Scan(&value))
	}, time.Minute, 20*time.Millisecond)
	return value
}

// gone waits until a process has ended.
func gone(t *testing.T, pid int) {
	t.Helper()
	require.Eventually(t, func() bool { _, err := processStart(pid); return err != nil },
		10*time.Second, 10*time.Millisecond, "process %d still runs", pid)
}

// writeScript makes a program. Another process writes it: a file that this one had open for writing
// could not be run while a test beside this one is between fork and exec ("text file busy").
func writeScript(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	writer := exec.Command("sh", "-c", `cat > "$0" && chmod 755 "$0"`, file)
	writer.Stdin = strings.NewReader("#!/bin/sh\n" + text + "\n")
	require.NoError(t, writer.Run())
	return file
}
