package netns

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Inside is the address that servers listen on in a network: one that nothing
// uses on the host.
const Inside = "127.88.0.1"

// Bounds of what takes a moment.
const (
	startBound = 30 * time.Second
	stopBound  = 10 * time.Second
	dialBound  = 10 * time.Second
)

// Network is a closed network. Safe for concurrent use.
type Network struct {
	t      testing.TB
	socket string // of the gate
}

// Start makes a network that ends with the test. The test is skipped, with the
// reason, where the machine makes no namespaces for this user.
func Start(t testing.TB) *Network {
	t.Helper()
	dir, err := os.MkdirTemp("", "netns") // t.TempDir is too long for a socket's name
	if err != nil {
		t.Fatalf("netns: %v", err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("netns: %v", err)
		}
	})
	n := &Network{t: t, socket: filepath.Join(dir, "gate")}
	if err := n.startGate(); refused(err) {
		t.Skipf("netns: this machine makes no network namespaces for this user: %v", err)
	} else if err != nil {
		t.Fatalf("netns: %v", err)
	}
	if _, err := n.ask(t.Context(), request{Do: doOpen}); refused(err) {
		t.Skipf("netns: this machine lets nothing be set up in a network namespace of this user: %v", err)
	} else if err != nil {
		t.Fatalf("netns: the gate does not answer; does TestMain begin with netns.Main()? %v", err)
	}
	return n
}

// refused tells whether an error is one of a machine that does not let us, by
// its policy or its limits.
func refused(err error) bool {
	for _, no := range []error{syscall.EPERM, syscall.EACCES, syscall.ENOSPC, syscall.EUSERS, syscall.EINVAL, syscall.ENOSYS} {
		if errors.Is(err, no) {
			return true
		}
	}
	return false
}

// startGate starts the gate, which is this program again, in new namespaces. In
// them it is root, and so may bring the interface up; for the host it stays the
// user it is.
func (n *Network) startGate() error {
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: n.socket, Net: "unix"})
	if err != nil {
		return err
	}
	defer listener.Close() // the gate has it then
	listener.SetUnlinkOnClose(false)
	file, err := listener.File()
	if err != nil {
		return err
	}
	defer file.Close()
	gate, err := again(gateMark)
	if err != nil {
		return err
	}
	gate.ExtraFiles = []*os.File{file}
	gate.Stderr = os.Stderr
	gate.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		Setpgid:     true,
		Pdeathsig:   syscall.SIGTERM,
	}
	if err := gate.Start(); err != nil {
		return err
	}
	n.t.Cleanup(func() {
		hard := time.AfterFunc(stopBound, func() { _ = gate.Process.Kill() })
		defer hard.Stop()
		_ = gate.Process.Signal(syscall.SIGTERM) // it may have ended
		_ = gate.Wait()                          // it ends by the signal
	})
	return nil
}

// again prepares this program once more, as Main knows it by a mark. Without
// Main it would run no tests.
func again(mark string, args ...string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return exec.Command(self, append([]string{"-test.run=^$", mark}, args...)...), nil
}

// Listen listens on a free port of Inside, in the network, until the test ends.
func (n *Network) Listen() net.Listener {
	n.t.Helper()
	answer, err := n.ask(n.t.Context(), request{Do: doListen, Address: net.JoinHostPort(Inside, "0")})
	if err != nil {
		n.t.Fatalf("netns: cannot listen inside: %v", err)
	}
	defer answer.files[0].Close()
	listener, err := net.FileListener(answer.files[0])
	if err != nil {
		n.t.Fatalf("netns: cannot listen inside: %v", err)
	}
	n.t.Cleanup(func() { _ = listener.Close() }) // the test may have closed it
	return listener
}

// Serve serves HTTP in the network until the test ends, and returns the base URL
// there. The handler runs in the test.
func (n *Network) Serve(handler http.Handler) string {
	n.t.Helper()
	listener := n.Listen()
	server := &http.Server{Handler: handler, ReadHeaderTimeout: startBound, ErrorLog: log.New(io.Discard, "", 0)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener) // until it is closed
	}()
	n.t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return "http://" + listener.Addr().String()
}

// Forward leads from an address in the network, which it returns, to one of the
// host, until the test ends.
func (n *Network) Forward(hostAddress string) string {
	n.t.Helper()
	listener := n.Listen()
	go func() {
		for {
			inside, err := listener.Accept()
			if err != nil {
				return
			}
			go lead(inside, hostAddress)
		}
	}()
	return listener.Addr().String()
}

// lead copies between a connection and an address of the host until both sides
// have ended.
func lead(inside net.Conn, hostAddress string) {
	defer inside.Close()
	outside, err := net.DialTimeout("tcp", hostAddress, dialBound)
	if err != nil {
		return
	}
	defer outside.Close()
	back := make(chan struct{})
	pass := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)           // either side may have gone away
		_ = to.(*net.TCPConn).CloseWrite() // so that the other side learns of the end
	}
	go func() {
		defer close(back)
		pass(inside, outside)
	}()
	pass(outside, inside)
	<-back
}

// Dial connects the host to an address in the network. It is what a proxy that
// stands between the two dials with.
func (n *Network) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	answer, err := n.ask(ctx, request{Do: doDial, Network: network, Address: address})
	if err != nil {
		return nil, fmt.Errorf("netns: cannot connect to %s inside: %w", address, err)
	}
	defer answer.files[0].Close()
	return net.FileConn(answer.files[0])
}

// Command prepares a process in the network, with the directory, environment and
// files of the exec.Cmd. That one is a process of the host that stands for it:
// signals are passed on, and killing it kills the other. It ends with the test.
func (n *Network) Command(path string, args ...string) *exec.Cmd {
	n.t.Helper()
	path, err := exec.LookPath(path)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		n.t.Fatalf("netns: %v", err)
	}
	cmd, err := again(runMark, append([]string{n.socket, path}, args...)...)
	if err != nil {
		n.t.Fatalf("netns: %v", err)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	return cmd
}

// ask has the gate do something.
func (n *Network) ask(ctx context.Context, r request) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, startBound)
	defer cancel()
	line, err := dialGate(ctx, n.socket)
	if err != nil {
		return nil, err
	}
	defer line.Close()
	defer context.AfterFunc(ctx, func() { _ = line.Close() })()
	if err := line.send(r); err != nil {
		return nil, err
	}
	answer := new(answer)
	if err := line.receive(answer); err != nil {
		return nil, errors.Join(context.Cause(ctx), err)
	}
	return answer, answer.err()
}
