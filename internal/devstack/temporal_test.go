//go:build unix

package devstack

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/testsuite"
)

func startTemporal(t *testing.T, opts TemporalOptions) *Temporal {
	t.Helper()
	bin, err := pinnedTemporal()
	require.NoError(t, err)
	opts.Binary = bin
	server, err := StartTemporal(bounded(t), opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	return server
}

func dial(t *testing.T, address string) client.Client {
	t.Helper()
	c, err := client.DialContext(t.Context(), client.Options{HostPort: address, Logger: silent{}})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func TestTemporalKeepsItsWorkflowsAndAddressWhenStoppedOrKilled(t *testing.T) {
	t.Parallel()
	server := startTemporal(t, TemporalOptions{DBFile: filepath.Join(t.TempDir(), "a file?.db"), Headless: true})
	before, pid := server.Address(), server.PID()
	_, err := dial(t, before).ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "kept", TaskQueue: "q"}, "Any")
	require.NoError(t, err)

	for _, end := range map[string]func(){"kill": server.Kill, "stop": func() { require.NoError(t, server.Stop()) }} {
		end()
		gone(t, pid)
		require.NoError(t, server.Start(bounded(t)))
		require.Equal(t, before, server.Address())
		_, err = dial(t, before).DescribeWorkflowExecution(t.Context(), "kept", "")
		require.NoError(t, err)
	}
}

func TestTemporalServesItsWebUI(t *testing.T) {
	t.Parallel()
	server := startTemporal(t, TemporalOptions{})
	resp, err := http.Get(server.UIURL() + "/api/v1/namespaces/default")
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.True(t, strings.HasPrefix(server.UIURL(), "http://127.0.0.1:"))
}

func TestTemporalCreatesTheNamespaceAskedFor(t *testing.T) {
	t.Parallel()
	server := startTemporal(t, TemporalOptions{Namespace: "inventory", Headless: true})
	c, err := client.DialContext(t.Context(), client.Options{HostPort: server.Address(), Namespace: "inventory", Logger: silent{}})
	require.NoError(t, err)
	defer c.Close()
	_, err = c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "w", TaskQueue: "q"}, "Any")
	require.NoError(t, err)
}

func TestThePinnedServerTakesTheArgumentsOfTheTemporalCLI(t *testing.T) {
	t.Parallel()
	bin, err := pinnedTemporal()
	require.NoError(t, err)
	server, err := testsuite.StartDevServer(bounded(t), testsuite.DevServerOptions{
		ExistingPath:  bin,
		ClientOptions: &client.Options{Logger: silent{}},
		DBFilename:    filepath.Join(t.TempDir(), "temporal.db"),
		LogLevel:      "never",
		LogFormat:     "json",
		ExtraArgs:     []string{"--search-attribute", "Colour=Keyword", "--dynamic-config-value", "limit.maxIDLength=255"},
	})
	require.NoError(t, err)
	attributes, err := server.Client().OperatorService().ListSearchAttributes(t.Context(),
		&operatorservice.ListSearchAttributesRequest{Namespace: "default"})
	require.NoError(t, err)
	require.Contains(t, attributes.GetCustomAttributes(), "Colour")
	require.NoError(t, server.Stop())
}

func TestAServerThatEndsWhileStartingIsReportedWithItsLog(t *testing.T) {
	t.Parallel()
	broken := writeScript(t, "temporal", `
if [ "$1" = --version ]; then echo "temporal version 1.9.1 (Server 1.32.0, UI 2.54.1)"; exit; fi
echo "disk is full" >&2; exit 3`)
	_, err := StartTemporal(bounded(t), TemporalOptions{Binary: broken, LogFile: filepath.Join(t.TempDir(), "log")})
	require.ErrorContains(t, err, "exit status 3")
	require.ErrorContains(t, err, "disk is full")
}

// fakePath puts a `temporal` of some version first in PATH and returns its path.
func fakePath(t *testing.T, temporalVersion string) string {
	t.Helper()
	t.Setenv("SLUICE_TEMPORAL_BIN", "")
	bin := writeScript(t, "temporal", `echo "`+temporalVersion+`"`)
	t.Setenv("PATH", filepath.Dir(bin)+string(os.PathListSeparator)+os.Getenv("PATH"))
	return bin
}

func TestATemporalOnTheMachineIsUsedWhenItIsNewEnough(t *testing.T) {
	bin := fakePath(t, "temporal version 0.0.0-DEV (Server 1.29.1, UI 2.42.1)")
	got, err := TemporalBinary(t.Context(), TemporalBinaryOptions{AnyVersion: true})
	require.NoError(t, err)
	require.Equal(t, bin, got)

	_, err = TemporalBinary(t.Context(), TemporalBinaryOptions{})
	require.ErrorContains(t, err, "no Temporal server at hand", "tests and the bench never use it")
}

func TestATemporalOnTheMachineIsPassedOverWhenItIsTooOld(t *testing.T) {
	fakePath(t, "temporal version 1.1.1 (Server 1.25.1, UI 2.31.2)")
	var said []string
	_, err := TemporalBinary(t.Context(), TemporalBinaryOptions{AnyVersion: true, Progress: func(line string) { said = append(said, line) }})
	require.ErrorContains(t, err, "TEMPORAL_ADDRESS")
	require.Contains(t, strings.Join(said, "\n"), "older than "+minTemporalServer)
}

func TestSLUICE_TEMPORAL_BINWins(t *testing.T) {
	fakePath(t, "temporal version 1.9.1 (Server 1.32.0, UI 2.54.1)")
	own := writeScript(t, "own", `echo "temporal version 1.8.0 (Server 1.31.0, UI 2.50.0)"`)
	t.Setenv("SLUICE_TEMPORAL_BIN", own)
	got, err := TemporalBinary(t.Context(), TemporalBinaryOptions{AnyVersion: true})
	require.NoError(t, err)
	require.Equal(t, own, got)

	t.Setenv("SLUICE_TEMPORAL_BIN", filepath.Join(t.TempDir(), "missing"))
	_, err = TemporalBinary(t.Context(), TemporalBinaryOptions{AnyVersion: true})
	require.ErrorContains(t, err, "SLUICE_TEMPORAL_BIN")
}

// smallCheckout is a checkout whose nested module builds in a second.
func smallCheckout(t *testing.T, program string) string {
	t.Helper()
	root := t.TempDir()
	source := filepath.Join(root, "internal", "devstack", "temporald")
	require.NoError(t, os.MkdirAll(source, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(source, "go.mod"), []byte("module small\n\ngo 1.26.0\n"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(source, "main.go"), []byte(program), 0o644))
	return root
}

func TestTheServerIsBuiltOnceForAllWhoNeedItAndAgainWhenItsSourcesChange(t *testing.T) {
	t.Parallel()
	root := smallCheckout(t, "package main\n\nfunc main() {}\n")
	var builds sync.Map
	build := func(ctx context.Context, who int) (string, error) {
		return buildTemporal(ctx, root, func(line string) {
			if strings.HasPrefix(line, "built ") {
				builds.Store(fmt.Sprint(who), line)
			}
		})
	}
	paths := make(chan string, 3)
	for who := range 3 {
		go func() {
			path, err := build(t.Context(), who)
			paths <- fmt.Sprint(path, err)
		}()
	}
	first := <-paths
	require.Equal(t, first, <-paths)
	require.Equal(t, first, <-paths)
	require.Equal(t, 1, lengthOf(&builds))

	main := filepath.Join(root, "internal", "devstack", "temporald", "main.go")
	require.NoError(t, os.WriteFile(main, []byte("package main\n\nfunc main() { println() }\n"), 0o644))
	changed, err := build(t.Context(), 4)
	require.NoError(t, err)
	require.NotEqual(t, first, fmt.Sprint(changed, nil))
	require.FileExists(t, changed)
}

func lengthOf(m *sync.Map) (n int) {
	m.Range(func(any, any) bool { n++; return true })
	return n
}

func TestABuildThatFailsShowsWhatTheCompilerSaidAndWhatToDo(t *testing.T) {
	t.Parallel()
	root := smallCheckout(t, "package main\n\nfunc main() { undefinedThing() }\n")
	_, err := buildTemporal(t.Context(), root, func(string) {})
	require.ErrorContains(t, err, "undefined: undefinedThing")
	require.ErrorContains(t, err, "SLUICE_TEMPORAL_BIN")
	left, err := filepath.Glob(filepath.Join(root, ".sluice", "bin", "temporald-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestTheCheckoutIsFoundFromWithin(t *testing.T) {
	t.Parallel()
	root, err := FindRoot(filepath.Join("temporald"))
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(root, "internal", "devstack", "doc.go"))
	_, err = FindRoot(t.TempDir())
	require.ErrorContains(t, err, "not inside a checkout")
}
