package netns

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Marks by which Main knows what it is, as the second argument.
const (
	gateMark = "netns-gate"
	runMark  = "netns-run"
)

// Main must be the first call in TestMain: in a process that Start or Command
// has made, it does that process's work and ends it.
func Main() {
	if len(os.Args) < 3 {
		return
	}
	var err error
	code := 0
	switch {
	case os.Args[2] == gateMark:
		err = serveGate()
	case os.Args[2] == runMark && len(os.Args) > 4:
		code, err = standFor(os.Args[3], os.Args[4], os.Args[5:])
	default:
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "netns:", err)
		code = 125
	}
	os.Exit(code)
}

// gate is the process in the network.
type gate struct {
	up error // of the interface

	mu       sync.Mutex
	children map[int]bool // process groups
	closed   bool
}

// serveGate serves requests on the listener that it was started with, until it
// is told to end.
func serveGate() error {
	file := os.NewFile(3, "gate")
	listener, err := net.FileListener(file)
	if err != nil {
		return err
	}
	g := &gate{up: bringUp("lo"), children: map[int]bool{}}
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	go func() {
		<-end
		g.endAll()
		os.Exit(0)
	}()
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go g.serve(newLine(conn.(*net.UnixConn)))
	}
}

// bringUp brings a network interface up.
func bringUp(name string) error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	request, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, request); err != nil {
		return fmt.Errorf("bring up %s: %w", name, err)
	}
	return nil
}

// serve answers one request.
func (g *gate) serve(l *line) {
	defer l.Close()
	var r request
	if l.receive(&r) != nil {
		return // a caller that has gone away
	}
	defer closeAll(r.files)
	a, file := answer{}, (*os.File)(nil)
	var err error
	switch r.Do {
	case doOpen:
		err = g.up
	case doListen:
		file, err = listen(r.Address)
	case doDial:
		file, err = dial(r.Network, r.Address)
	case doRun:
		a.Exit, err = g.run(r, l)
	default:
		err = fmt.Errorf("the gate knows no %q", r.Do)
	}
	if err != nil {
		a = failed(err)
	}
	var files []*os.File
	if file != nil {
		files = append(files, file)
		defer file.Close()
	}
	_ = l.send(a, files...) // likewise
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}

func listen(address string) (*os.File, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	return listener.(*net.TCPListener).File()
}

func dial(network, address string) (*os.File, error) {
	conn, err := net.DialTimeout(network, address, dialBound)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return nil, fmt.Errorf("a network has TCP connections only, not %s", network)
	}
	return tcp.File()
}

// run runs a process until it ends, or whoever asked for it does, and returns its
// exit code.
func (g *gate) run(r request, l *line) (int, error) {
	if len(r.files) != maxFiles {
		return 0, errors.New("a process needs its three files")
	}
	cmd := exec.Command(r.Path, r.Args...)
	cmd.Env, cmd.Dir = r.Env, r.Dir
	cmd.Stdin, cmd.Stdout, cmd.Stderr = r.files[0], r.files[1], r.files[2]
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := g.start(cmd); err != nil {
		return 0, err
	}
	closeAll(r.files) // whoever reads what it writes waits for the last to close them
	go func() {
		for {
			var next request
			if l.receive(&next) != nil {
				g.end(cmd.Process.Pid)
				return
			}
			_ = cmd.Process.Signal(syscall.Signal(next.Signal)) // it may have ended
		}
	}()
	err := cmd.Wait()
	g.end(cmd.Process.Pid) // what it may have left
	g.forget(cmd.Process.Pid)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 0, err
	}
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return cmd.ProcessState.ExitCode(), nil
}

// start starts a process, in a group of its own, unless the gate is closing.
func (g *gate) start(cmd *exec.Cmd) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return errors.New("the network is closing")
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	g.children[cmd.Process.Pid] = true
	return nil
}

func (g *gate) end(group int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.children[group] {
		_ = syscall.Kill(-group, syscall.SIGKILL) // there may be none left
	}
}

func (g *gate) forget(group int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.children, group)
}

func (g *gate) endAll() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	for group := range g.children {
		_ = syscall.Kill(-group, syscall.SIGKILL) // likewise
	}
}

// standFor has the gate run a process, passes signals on to it, and returns its
// exit code.
func standFor(socket, path string, args []string) (int, error) {
	dir, err := os.Getwd()
	if err != nil {
		return 0, err
	}
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		return 0, err
	}
	l := newLine(conn)
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2)
	r := request{Do: doRun, Path: path, Args: args, Env: os.Environ(), Dir: dir}
	if err := l.send(r, os.Stdin, os.Stdout, os.Stderr); err != nil {
		return 0, err
	}
	go func() {
		for s := range signals {
			if l.send(request{Signal: int(s.(syscall.Signal))}) != nil {
				return
			}
		}
	}()
	var a answer
	if err := l.receive(&a); err != nil {
		return 0, fmt.Errorf("the network has ended: %w", err)
	}
	return a.Exit, a.err()
}
