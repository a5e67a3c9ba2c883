package devstack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
)

const (
	// temporalReady bounds a start; the slowest seen is some seconds, for a new file on a busy machine.
	temporalReady = 60 * time.Second
	// temporalGrace bounds a stop, which takes a second.
	temporalGrace = 15 * time.Second
)

// TemporalOptions say how to run a Temporal development server. Binary is required.
type TemporalOptions struct {
	// Binary is what [TemporalBinary] returned.
	Binary string
	// DBFile is the SQLite file that everything is kept in; empty: memory, and a server that is
	// started again is empty.
	DBFile string
	// Port of the gRPC frontend and UIPort of the web UI, on 127.0.0.1; 0 takes a free one, which
	// later starts of the same *Temporal keep.
	Port, UIPort int
	// Headless leaves the web UI out.
	Headless bool
	// Namespace is created when missing; default "default".
	Namespace string
	// LogFile is what the server itself logs to; empty: nowhere.
	LogFile string

	recordDir string // see child.recordDir
}

// Temporal is a Temporal development server that this process runs as a child.
type Temporal struct {
	opts    TemporalOptions
	foreign bool // the Temporal CLI, not our own build

	mu      sync.Mutex
	process *Process
}

// foreignSettings give a Temporal CLI what our own build has built in (temporald/server.go says why).
var foreignSettings = []string{
	"--sqlite-pragma", "journal_mode=wal",
	"--sqlite-pragma", "synchronous=1",
	"--dynamic-config-value", "history.transferProcessorMaxPollRPS=1000",
	"--dynamic-config-value", "system.forceSearchAttributesCacheRefreshOnRead=true",
	"--dynamic-config-value", "matching.enableFairness=true",
	"--dynamic-config-value", "system.enableCancelActivityWorkerCommand=true",
	"--dynamic-config-value", "frontend.WorkerCommandsEnabled=true",
}

// StartTemporal starts a server and returns when it serves: frontend, matching and history answer,
// and the web UI. ctx bounds the start only.
func StartTemporal(ctx context.Context, opts TemporalOptions) (*Temporal, error) {
	if opts.Namespace == "" {
		opts.Namespace = "default"
	}
	for _, port := range []*int{&opts.Port, &opts.UIPort} {
		if *port == 0 {
			free, err := freePort()
			if err != nil {
				return nil, err
			}
			*port = free
		}
	}
	version, err := temporalVersion(ctx, opts.Binary)
	if err != nil {
		return nil, err
	}
	if opts.DBFile != "" {
		if opts.DBFile, err = filepath.Abs(opts.DBFile); err != nil {
			return nil, err
		}
	}
	t := &Temporal{opts: opts, foreign: !version.ours}
	if err := t.Start(ctx); err != nil {
		return nil, err
	}
	return t, nil
}

// Address is the host and port of the gRPC frontend.
func (t *Temporal) Address() string { return net.JoinHostPort("127.0.0.1", portString(t.opts.Port)) }

// Namespace is the namespace that was asked for.
func (t *Temporal) Namespace() string { return t.opts.Namespace }

// UIURL is the address of the web UI; empty when it was left out.
func (t *Temporal) UIURL() string {
	if t.opts.Headless {
		return ""
	}
	return "http://" + net.JoinHostPort("127.0.0.1", portString(t.opts.UIPort))
}

// PID is the server's process id; 0 when it was never started.
func (t *Temporal) PID() int {
	if p := t.Process(); p != nil {
		return p.PID()
	}
	return 0
}

// Process is the running or last run server; it changes with every Start.
func (t *Temporal) Process() *Process {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.process
}

// Start starts the server again after Stop, Kill or its own death, on the same ports and file, and
// returns when it serves. It does nothing when the server runs.
func (t *Temporal) Start(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p := t.process; p != nil {
		select {
		case <-p.done:
		default:
			return nil
		}
	}
	cmd := exec.Command(t.opts.Binary, t.arguments()...)
	cmd.Env = childEnvironment(os.TempDir())
	if t.opts.LogFile != "" {
		log, err := openLog(t.opts.LogFile)
		if err != nil {
			return fmt.Errorf("cannot open the log of Temporal: %w", err)
		}
		defer log.Close()
		cmd.Stdout, cmd.Stderr = log, log
	}
	process, err := startProcess(child{name: "temporal", cmd: cmd, recordDir: t.opts.recordDir})
	if err != nil {
		return err
	}
	ready := func(ctx context.Context) error {
		// Another server may have been faster on one of the ports, and would answer as well.
		if !listens(process.PID(), t.opts.Port) || !t.opts.Headless && !listens(process.PID(), t.opts.UIPort) {
			return errors.New("nothing of this server listens there")
		}
		return t.serves(ctx)
	}
	if err := process.waitReady(ctx, temporalReady, ready); err != nil {
		process.Kill()
		return fmt.Errorf("the Temporal server on %s: %w%s", t.Address(), err, tail(t.opts.LogFile))
	}
	t.process = process
	return nil
}

// Stop asks the server to stop and waits until it has.
func (t *Temporal) Stop() error {
	p := t.Process()
	if p == nil {
		return nil
	}
	return p.stop(stopCleanly, temporalGrace)
}

// Kill ends the server at once, as a crash would (SIGKILL).
func (t *Temporal) Kill() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.process != nil {
		t.process.Kill()
	}
}

func (t *Temporal) arguments() []string {
	args := []string{"server", "start-dev", "--ip", "127.0.0.1", "--port", portString(t.opts.Port),
		"--namespace", t.opts.Namespace, "--log-level", "warn"}
	if t.opts.Headless {
		args = append(args, "--headless")
	} else {
		args = append(args, "--ui-port", portString(t.opts.UIPort))
	}
	if t.opts.DBFile != "" {
		args = append(args, "--db-filename", t.opts.DBFile)
	}
	if t.foreign {
		args = append(args, foreignSettings...)
	}
	return args
}

// serves is nil when each service that a workflow needs answers.
func (t *Temporal) serves(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	c, err := client.DialContext(ctx, client.Options{HostPort: t.Address(), Namespace: t.opts.Namespace, Logger: silent{}})
	if err != nil {
		return err
	}
	defer c.Close()
	frontend := c.WorkflowService()
	if _, err := frontend.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: t.opts.Namespace}); err != nil {
		return err
	}
	// Matching is asked about a task queue, history about a workflow; neither need exist.
	if _, err := frontend.DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
		Namespace:     t.opts.Namespace,
		TaskQueue:     &taskqueuepb.TaskQueue{Name: "ready"},
		TaskQueueType: enumspb.TASK_QUEUE_TYPE_WORKFLOW,
	}); err != nil {
		return err
	}
	_, err = frontend.DescribeWorkflowExecution(ctx, &workflowservice.DescribeWorkflowExecutionRequest{
		Namespace: t.opts.Namespace,
		Execution: &commonpb.WorkflowExecution{WorkflowId: "ready"},
	})
	if notFound := (*serviceerror.NotFound)(nil); err != nil && !errors.As(err, &notFound) {
		return err
	}
	return t.uiServes(ctx)
}

func (t *Temporal) uiServes(ctx context.Context) error {
	if t.opts.Headless {
		return nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.UIURL()+"/", nil)
	if err != nil {
		return err
	}
	resp, err := loopback.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the web UI answers %s", resp.Status)
	}
	return nil
}

// loopback talks to this machine, so no proxy of the environment's applies.
var loopback = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// silent drops the SDK's log lines about servers that are not up yet.
type silent struct{}

var _ log.Logger = silent{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}
