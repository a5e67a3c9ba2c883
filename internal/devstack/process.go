package devstack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// Process is a running child of this process. It is the leader of a process group of its own, so a
// Ctrl-C on the terminal reaches only the parent, which then stops its children in order.
type Process struct {
	name string
	cmd  *exec.Cmd
	done chan struct{}
	err  error // how it ended; valid once done is closed
}

// credential names the user a child runs as; nil means the user of this process.
type credential struct{ uid, gid uint32 }

// child says what startProcess is to run.
type child struct {
	name      string      // for messages and for the name of its record
	cmd       *exec.Cmd   // prepared, not started
	runAs     *credential // nil: the user of this process
	recordDir string      // where its process id is recorded for the next start; empty: not recorded
}

// startProcess starts a child that Linux kills when this process dies, and records it.
func startProcess(c child) (*Process, error) {
	setChildAttributes(c.cmd, c.runAs)
	p := &Process{name: c.name, cmd: c.cmd, done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		// Linux sends the parent-death signal when the *thread* that forked ends. The thread is
		// locked to this goroutine, which lives exactly as long as the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.done)
		if err := c.cmd.Start(); err != nil {
			started <- fmt.Errorf("cannot start %s (%s): %w", c.name, c.cmd.Path, err)
			return
		}
		if err := c.record(); err != nil {
			killGroup(p.PID())
			p.err = c.cmd.Wait()
			started <- err
			return
		}
		started <- nil
		p.err = c.cmd.Wait()
		c.forget()
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

func (c child) recordFile() string { return filepath.Join(c.recordDir, c.name+".pid") }

// record notes the child's process id. One that has already ended needs no record.
func (c child) record() error {
	if c.recordDir == "" {
		return nil
	}
	err := recordProcess(c.recordFile(), c.cmd.Process.Pid)
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

func (c child) forget() {
	if c.recordDir != "" {
		_ = os.Remove(c.recordFile())
	}
}

// runToEnd runs a child that ends by itself. An error has the last lines of what it printed.
func runToEnd(ctx context.Context, c child) error {
	var out bytes.Buffer
	if c.cmd.Stdout == nil {
		c.cmd.Stdout = &out
	}
	if c.cmd.Stderr == nil {
		c.cmd.Stderr = c.cmd.Stdout
	}
	p, err := startProcess(c)
	if err != nil {
		return err
	}
	select {
	case <-p.done:
	case <-ctx.Done():
		p.Kill()
		return fmt.Errorf("%s was stopped: %w", c.name, context.Cause(ctx))
	}
	if p.err != nil {
		return fmt.Errorf("%s: %w\n%s", c.name, p.err, lastLines(out.String(), 12))
	}
	return nil
}

// PID is the child's process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the child has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err says how an ended child ended; nil when it is still running or ended with status 0.
func (p *Process) Err() error {
	select {
	case <-p.done:
		return p.err
	default:
		return nil
	}
}

// Kill ends the child and its process group with SIGKILL and waits until it is gone.
func (p *Process) Kill() {
	select {
	case <-p.done: // its id may already belong to another process
	default:
		killGroup(p.PID())
	}
	<-p.done
}

// stop asks the child with a signal to end, and kills it when it has not done so after grace.
func (p *Process) stop(signal os.Signal, grace time.Duration) error {
	select {
	case <-p.done:
		return nil
	default:
	}
	if err := p.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("cannot stop %s (pid %d): %w", p.name, p.PID(), err)
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.done:
		return nil
	case <-timer.C:
		p.Kill()
		return fmt.Errorf("%s (pid %d) did not stop within %s and was killed", p.name, p.PID(), grace)
	}
}

// waitReady calls ready until it returns nil, for as long as the process lives and ctx allows.
// The bound is a time within which a healthy server has always answered.
func (p *Process) waitReady(ctx context.Context, bound time.Duration, ready func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ready(ctx)
		if err == nil || errors.As(err, &permanent{}) {
			return err
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended while starting: %v", p.name, p.err)
		case <-ctx.Done():
			return fmt.Errorf("%s (pid %d) does not answer: %w (%w)", p.name, p.PID(), err, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// permanent is an error of a readiness check that waiting does not mend.
type permanent struct{ error }

// childEnvironment is what PostgreSQL and Temporal get to see: no variable of ours, which may hold
// secrets, and none that would configure them behind our back (PGDATA, TEMPORAL_*).
func childEnvironment(home string) []string {
	env := []string{"HOME=" + home, "LC_ALL=C", "TZ=UTC"}
	for _, name := range []string{"PATH", "TMPDIR", "LD_LIBRARY_PATH", "DOCKER_HOST", "DOCKER_CONTEXT", "SystemRoot"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// openLog opens a child's log file for appending; one above 16 MiB is set aside as ".old" first.
func openLog(file string) (*os.File, error) {
	if info, err := os.Stat(file); err == nil && info.Size() > 16<<20 {
		if err := os.Rename(file, file+".old"); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}

// tail returns the last lines of a log file for an error message, indented; empty when there are none.
func tail(file string) string {
	text, err := os.ReadFile(file)
	if err != nil || len(text) == 0 {
		return ""
	}
	return "\nThe last lines of " + file + ":\n" + lastLines(string(text), 12)
}
