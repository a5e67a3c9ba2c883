package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/devstack"
	"sluice/internal/testenv"
)

func TestSimulateServesAVendorUntilItIsStopped(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, stop := context.WithCancel(t.Context())
	done, out, _ := h.inBackground(ctx, "simulate", "--listen", "127.0.0.1:0", "--applications", "3", "--api-collections", "2", "--findings", "10")
	require.Eventually(t, out.has("/simulator/state"), within, every)
	require.Contains(t, out.String(), "3 applications, 2 API collections, 2 findings each on average")
	base := regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(out.String())
	resp, err := http.Get(base + "/simulator/state")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode)
	stop()
	require.Zero(t, (<-done).code)
}

func TestDevWithoutAWorkerBesideItSaysHowToMakeOne(t *testing.T) {
	t.Parallel()
	r := newHouse(t).run("dev")
	require.Equal(t, exitFailure, r.code)
	require.Regexp(t, `^sluice: there is no worker at .*/sluice-worker: build it with 'make build'\n$`, r.err)
}

// binaries puts sluice and sluice-worker side by side, as a build does.
func binaries(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, pkg := range map[string]string{"sluice": "sluice/starter", "sluice-worker": "sluice/worker"} {
		from, err := os.Open(testenv.Command(t, pkg))
		require.NoError(t, err)
		to, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_WRONLY, 0o755)
		require.NoError(t, err)
		_, err = io.Copy(to, from)
		require.NoError(t, err)
		require.NoError(t, from.Close())
		require.NoError(t, to.Close())
	}
	return filepath.Join(dir, "sluice")
}

// sharedDir is a folder that other users can pass, unlike t.TempDir: as root
// PostgreSQL runs as another user, and would else have its data elsewhere.
func sharedDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sluice-cli-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	return dir
}

// bare is this process's environment without what configures Sluice.
func bare(home string) []string {
	var env []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "SLUICE_") && !strings.HasPrefix(variable, "TEMPORAL_") {
			env = append(env, variable)
		}
	}
	bin, err := testenv.TemporalBinary()
	if err == nil {
		env = append(env, "SLUICE_TEMPORAL_BIN="+bin)
	}
	return append(env, "SLUICE_HOME="+home)
}

func TestTheDemoRunsTwiceInARow(t *testing.T) {
	t.Parallel()
	sluice, home := binaries(t), sharedDir(t)
	for range 2 {
		// Asked to stop, a demo stops what it has started.
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, sluice, "demo")
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
		cmd.Env = bare(home)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		for _, said := range []string{
			"TAS applications     healthy", "profile demo-tas is Registered", "profile demo-tas is Processing", "profile demo-tas is Processed",
			"assets    2000     0        0", "assets    20       99       0", "Temporal UI   http://127.0.0.1:", "sluice status",
		} {
			require.Contains(t, string(out), said)
		}
		require.NotRegexp(t, `://[^/ ]*:[^/ ]*@`, string(out), "a password is shown")
		_, err = devstack.ReadEndpoints(filepath.Join(home, "demo"))
		require.ErrorIs(t, err, devstack.ErrNotRunning)
	}
}

func TestDevRunsEverythingUntilItIsStopped(t *testing.T) {
	t.Parallel()
	sluice, home := binaries(t), sharedDir(t)
	var out sayings
	dev := exec.Command(sluice, "dev")
	dev.Env = bare(home)
	dev.Stdout, dev.Stderr = &out, &out
	require.NoError(t, dev.Start())
	ended := make(chan error, 1)
	go func() { ended <- dev.Wait() }()
	t.Cleanup(func() { _ = dev.Process.Signal(syscall.SIGTERM) })
	require.Eventually(t, out.has("Everything runs. Ctrl-C stops it."), 2*time.Minute, every, "%s", &out)

	key, err := os.Stat(filepath.Join(home, "master.key"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), key.Mode().Perm())
	at, err := devstack.ReadEndpoints(home)
	require.NoError(t, err)
	require.Contains(t, out.String(), at.UIURL)

	// The other commands find it by its home alone.
	h := &house{t: t, env: environment{"SLUICE_HOME": home}}
	require.Empty(t, h.ok("status"))
	_, baseURL := vendor(t, smallEstate)
	r := h.runWith(t.Context(), environment{"SLUICE_CLIENT_SECRET": "simulated-user-level-secret"}, strings.NewReader(""),
		"connectors", "create", "acme", "--base-url", baseURL, "--client-id", "sluice-simulator", "--test")
	require.Zero(t, r.code, r.out+r.err)
	h.ok("profiles", "create", "apps", "--connector", "acme", "--kind", "qualys-tas")
	require.Contains(t, h.ok("run", "apps", "--wait"), "succeeded")
	require.Contains(t, h.ok("profiles", "show", "apps"), at.UIURL+"/namespaces/default/workflows/start-workflow?")

	second := exec.CommandContext(t.Context(), sluice, "dev")
	second.Env = bare(home)
	var errs bytes.Buffer
	second.Stderr = &errs
	require.Error(t, second.Run())
	require.Contains(t, errs.String(), "sluice: the embedded servers run already")

	require.NoError(t, dev.Process.Signal(syscall.SIGTERM))
	require.NoError(t, <-ended, "%s", &out)
	_, err = devstack.ReadEndpoints(home)
	require.ErrorIs(t, err, devstack.ErrNotRunning)
	left, err := filepath.Glob(filepath.Join(home, "run", "*.pid"))
	require.NoError(t, err)
	require.Empty(t, left, "noted as still running")
}
