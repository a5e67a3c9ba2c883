//go:build linux

package netns_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator"
	"sluice/internal/testenv/netns"
)

// insideMark makes this program a caller in a network: it gets the addresses
// that follow, and prints a line for each.
const insideMark = "netns-test-inside"

func TestMain(m *testing.M) {
	netns.Main()
	if len(os.Args) > 2 && os.Args[2] == insideMark {
		for _, address := range os.Args[3:] {
			fmt.Println(get(&http.Client{Timeout: 30 * time.Second}, address))
		}
		return
	}
	os.Exit(m.Run())
}

// get returns the first bytes of an answer, or "unreachable".
func get(client *http.Client, address string) string {
	response, err := client.Get(address)
	if err != nil {
		return "unreachable"
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 20))
	if err != nil {
		return err.Error()
	}
	return string(body)
}

// inside gets addresses from inside a network.
func inside(t *testing.T, n *netns.Network, addresses ...string) []string {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := n.Command(self, append([]string{"-test.run=^$", insideMark}, addresses...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	require.NoError(t, err)
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

func says(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) })
}

func TestWhatIsServedInsideIsReachedFromInsideOnly(t *testing.T) {
	t.Parallel()
	n, other := netns.Start(t), netns.Start(t)
	vendor := n.Serve(says("vendor"))
	require.Equal(t, "unreachable", get(http.DefaultClient, vendor), "from the host")
	require.Equal(t, []string{"vendor"}, inside(t, n, vendor))
	require.Equal(t, []string{"unreachable"}, inside(t, other, vendor), "from another network")
}

func TestNothingGetsOutButWhatIsForwarded(t *testing.T) {
	t.Parallel()
	n := netns.Start(t)
	host := httptest.NewServer(says("host"))
	t.Cleanup(host.Close)
	hidden := httptest.NewServer(says("hidden"))
	t.Cleanup(hidden.Close)
	led := "http://" + n.Forward(host.Listener.Addr().String())
	require.Equal(t, []string{"host", "unreachable", "unreachable"}, inside(t, n, led, hidden.URL, "http://192.0.2.1/"))
	require.Equal(t, "unreachable", get(http.DefaultClient, led), "the way out does not begin on the host")
}

func TestAProxyOfTheHostReachesTheNetworkByDial(t *testing.T) {
	t.Parallel()
	n := netns.Start(t)
	vendor := n.Serve(says("vendor"))
	client := &http.Client{Transport: &http.Transport{DialContext: n.Dial, DisableKeepAlives: true}}
	require.Equal(t, "vendor", get(client, vendor))

	_, err := n.Dial(t.Context(), "tcp", netns.Inside+":1")
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	ended, end := context.WithCancel(t.Context())
	end()
	_, err = n.Dial(ended, "tcp", netns.Inside+":1")
	require.ErrorIs(t, err, context.Canceled)
}

func TestASimulatedVendorInsideIsSteeredFromOutside(t *testing.T) {
	t.Parallel()
	n := netns.Start(t)
	sim, err := simulator.New(simulator.Config{Hosts: 1})
	require.NoError(t, err)
	vendor := n.Serve(sim.Handler())
	require.NoError(t, sim.SetFaults(simulator.Fault{Kind: "login-page"}))
	require.Equal(t, []string{"<!DOCTYPE html><html"}, inside(t, n, vendor+"/pm/v1/details"))
	require.Equal(t, int64(1), sim.Counts().Calls["pm-details"])
	require.Equal(t, []string{`{"now":`}, []string{inside(t, n, vendor+"/simulator/state")[0][:7]}, "it is controlled from inside too")
}

func TestAConnectionThatLeadsOutEndsInBothDirections(t *testing.T) {
	t.Parallel()
	n := netns.Start(t)
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { echo.Close() })
	go func() {
		conn, err := echo.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.Copy(conn, conn)
	}()
	conn, err := n.Dial(t.Context(), "tcp", n.Forward(echo.Addr().String()))
	require.NoError(t, err)
	defer conn.Close()
	sent := bytes.Repeat([]byte("0123456789"), 100_000)
	go func() {
		_, _ = conn.Write(sent)
		_ = conn.(*net.TCPConn).CloseWrite()
	}()
	got, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.True(t, bytes.Equal(sent, got))
}

func TestAProcessInsideIsLikeAnyOther(t *testing.T) {
	t.Parallel()
	n := netns.Start(t)
	dir := t.TempDir()
	cmd := n.Command("sh", "-c", `cat; pwd; echo "$COLOUR" >&2; exit 7`)
	var out, problems bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader("given\n"), &out, &problems
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "COLOUR=blue")
	var exit *exec.ExitError
	require.ErrorAs(t, cmd.Run(), &exit)
	require.Equal(t, 7, exit.ExitCode())
	real, err := filepath.EvalSymlinks(dir)
	require.NoError(t, err)
	require.Equal(t, "given\n"+real+"\n", out.String())
	require.Equal(t, "blue\n", problems.String())
}

func TestSignalsReachAProcessInside(t *testing.T) {
	t.Parallel()
	n := netns.Start(t)
	for _, c := range []struct {
		signal os.Signal
		script string
		code   int
	}{
		{syscall.SIGTERM, `trap 'exit 3' TERM; echo ready; while :; do sleep 0.01; done`, 3},
		{syscall.SIGTERM, `echo ready; exec sleep 1000`, 128 + 15},
		{syscall.SIGKILL, `echo ready; exec sleep 1000`, -1},
	} {
		cmd, out := begin(t, n, c.script)
		require.NoError(t, cmd.Process.Signal(c.signal))
		ended(t, out)
		_ = cmd.Wait() // its code says how it ended
		require.Equal(t, c.code, cmd.ProcessState.ExitCode())
	}
}

func TestWhatAProcessLeavesBehindEndsWithIt(t *testing.T) {
	t.Parallel()
	cmd, out := begin(t, netns.Start(t), `sleep 1000 & echo ready; exit 0`)
	ended(t, out)
	require.NoError(t, cmd.Wait())
}

// begin starts a script inside that says when it is ready. The end of its output
// is the end of it and of all that it has started.
func begin(t *testing.T, n *netns.Network, script string) (*exec.Cmd, io.Reader) {
	t.Helper()
	cmd := n.Command("sh", "-c", script)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	ready := make([]byte, len("ready\n"))
	_, err = io.ReadFull(out, ready)
	require.NoError(t, err)
	return cmd, out
}

func ended(t *testing.T, out io.Reader) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, out)
		done <- err
	}()
	select {
	case err := <-done:
		require.NoError(t, err)
	case <-time.After(30 * time.Second):
		require.Fail(t, "a process inside is still there")
	}
}

// victim makes this test program, in TestVictim, one that is killed.
const victim = "SLUICE_TEST_NETNS_VICTIM"

// TestVictim runs for TestNothingOutlivesATestThatIsKilled only.
func TestVictim(t *testing.T) {
	if os.Getenv(victim) == "" {
		t.Skip("this one is run by another test")
	}
	cmd := netns.Start(t).Command("sh", "-c", "echo ready; exec sleep 1000")
	cmd.Stdout = os.NewFile(3, "out")
	require.NoError(t, cmd.Run())
}

func TestNothingOutlivesATestThatIsKilled(t *testing.T) {
	t.Parallel()
	netns.Start(t) // where there are none, there is nothing to test
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self, "-test.run=^TestVictim$")
	cmd.Env = append(os.Environ(), victim+"=1", "TMPDIR="+t.TempDir())
	out, in, err := os.Pipe()
	require.NoError(t, err)
	defer out.Close()
	cmd.ExtraFiles = []*os.File{in}
	require.NoError(t, cmd.Start())
	require.NoError(t, in.Close())
	_, err = io.ReadFull(out, make([]byte, len("ready\n")))
	require.NoError(t, err)
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
	ended(t, out)
}

// TestNetworksNeedNoRoot runs this program's tests as a user without rights. It is
// alone: a process that another test started meanwhile would hold the copy of the
// program open, which then could not be run.
func TestNetworksNeedNoRoot(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("all tests have run without root")
	}
	netns.Start(t)
	dir, err := os.MkdirTemp("", "netns-test")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o777))
	self, err := os.Executable()
	require.NoError(t, err)
	program, err := os.ReadFile(self)
	require.NoError(t, err)
	binary := filepath.Join(dir, "tests")
	require.NoError(t, os.WriteFile(binary, program, 0o755))
	cmd := exec.Command(binary, "-test.v", "-test.run=Inside|Nothing")
	cmd.Dir, cmd.Env = dir, []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) {
		t.Skip("this machine does not let us be somebody else")
	}
	require.NoError(t, err, string(out))
	if strings.Contains(string(out), "makes no network namespaces") {
		t.Skip("this machine makes networks for root only")
	}
	require.Contains(t, string(out), "--- PASS: TestWhatIsServedInsideIsReachedFromInsideOnly")
}

func TestAnAddressInsideIsAnAddress(t *testing.T) {
	t.Parallel()
	vendor, err := url.Parse(netns.Start(t).Serve(says("")))
	require.NoError(t, err)
	require.Equal(t, netns.Inside, vendor.Hostname())
	require.True(t, net.ParseIP(netns.Inside).IsLoopback(), "so that it may be called without TLS")
}
