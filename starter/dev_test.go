package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
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
	require.Eventually(t, out.has("connectors create simulated"), within, every)
	require.Contains(t, out.String(), "3 applications, 2 API collections, 2 findings each on average")
	base := regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(out.String())
	resp, err := http.Get(base + "/simulator/state")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Regexp(t, "SLUICE_CLIENT_SECRET=simulated-user-level-secret .*sluice connectors create simulated --base-url "+regexp.QuoteMeta(base), out.String())
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
			`TAS +TAS applications +healthy +1500 `, `WAS +WAS findings +healthy +6000 `, `VMDR +hosts +healthy +500 `,
			`demo-tas +Registered\n`, `demo-was +Processed +succeeded`, `demo-vm +Processed +succeeded`,
			`demo-tas +\d+ +succeeded +\+2000 ~0 =0 .*rejected 6`, `demo-was +\d+ +succeeded +\+300 ~0 =0 +\+6000 ~0 =0 +\+\d+ ~0 =0`, `demo-vm +\d+ +succeeded +\+500 ~0 =0 +\+\d+ ~0 =0 +\+0 ~0 =\d+`,
			`demo-tas +\d+ +succeeded +\+20 ~99 =0`, `demo-was +\d+ +succeeded +\+3 ~15 =0`, `demo-vm +\d+ +succeeded +\+5 `,
			`API Management +.+ healthy `, `demo-apim +\d+ +succeeded +\+120 ~0 =0`, `demo-apim +\d+ +succeeded +\+3 ~\d+ =0`, `(GET|POST) +/\S+ +\S+ +no +\d+ `,
			`Temporal UI +http://127.0.0.1:`, `sluice status\n`,
		} {
			require.Regexp(t, said, string(out))
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

	require.Contains(t, out.String(), "created a master key in "+filepath.Join(home, "master.key"))
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

	// So does a worker, such as one of a pool.
	var served sayings
	pool := exec.Command(filepath.Join(filepath.Dir(sluice), "sluice-worker"), "--pool", "emea")
	pool.Env = bare(home)
	pool.Stdout, pool.Stderr = &served, &served
	require.NoError(t, pool.Start())
	require.Eventually(t, served.has("worker started"), within, every, "%s", &served)
	require.NoError(t, pool.Process.Signal(syscall.SIGTERM))
	require.NoError(t, pool.Wait(), "%s", &served)

	var worker struct{ PID int }
	noted, err := os.ReadFile(filepath.Join(home, "run", "worker.pid"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(noted, &worker))
	require.NoError(t, syscall.Kill(worker.PID, syscall.SIGKILL))
	require.Eventually(t, out.has("the worker had ended and was started again"), within, every)

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

func TestDevMakesAMasterKeyOnlyWhereNoneWasUsed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	delete(h.env, "SLUICE_MASTER_KEY")
	own := filepath.Join(h.env["SLUICE_HOME"], "master.key")
	provide := func(more environment) (said string, err error) {
		var out bytes.Buffer
		env := maps.Clone(h.env)
		maps.Copy(env, more)
		a := &app{process: process{program: "sluice", out: &out, err: &out, env: env}}
		cfg, err := a.config()
		require.NoError(t, err)
		err = a.provideMasterKey(t.Context(), cfg, h.env["SLUICE_DATABASE_URL"])
		return out.String(), err
	}

	elsewhere := filepath.Join(t.TempDir(), "key")
	_, err := provide(environment{"SLUICE_MASTER_KEY_FILE": elsewhere})
	require.ErrorContains(t, err, "SLUICE_MASTER_KEY_FILE names "+elsewhere+", which is not there")
	require.NoFileExists(t, elsewhere)
	said, err := provide(nil)
	require.NoError(t, err)
	require.Equal(t, "created a master key in "+own+": keep a copy\n", said)

	_, connector := h.withConnector(smallEstate) // its secret is sealed
	said, err = provide(nil)
	require.NoError(t, err)
	require.Empty(t, said)
	require.NoError(t, os.Chmod(own, 0o644))
	said, err = provide(nil)
	require.NoError(t, err)
	require.Contains(t, said, "others on this machine can read the master key: chmod 600 "+own)

	said, err = provide(environment{"SLUICE_MASTER_KEY": base64.StdEncoding.EncodeToString(make([]byte, 32))})
	require.NoError(t, err)
	require.Contains(t, said, "the secrets of connectors "+connector+" were sealed with another master key")
	require.NoError(t, os.Rename(own, elsewhere))
	_, err = provide(nil)
	require.ErrorContains(t, err, "the secrets of connectors "+connector+" are sealed with it: put your copy of it there")
	require.NoFileExists(t, own)
}
