package devstack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"
)

// The ports of a stack, when nobody else listens on them.
const (
	PostgresPort   = 54329
	TemporalPort   = 7233
	TemporalUIPort = 8233
)

// workerGrace is what a worker gets to hand over what it is doing.
const workerGrace = 20 * time.Second

// staleGrace is what a process left by an earlier start gets to stop by itself.
const staleGrace = 10 * time.Second

// Options say what a stack consists of. StateDir is required.
type Options struct {
	// StateDir holds data, logs and what is noted about the running stack. One stack a directory.
	StateDir string
	// DatabaseURL is a PostgreSQL of one's own, instead of a child process.
	DatabaseURL string
	// TemporalAddress is a Temporal server of one's own, instead of a child process.
	TemporalAddress string
	// Namespace of Temporal; default "default".
	Namespace string
	// TemporalBinary says where the server comes from; see [TemporalBinary]. Its Progress is taken
	// from the Options.
	TemporalBinary TemporalBinaryOptions
	// PostgresPort, TemporalPort and UIPort replace the package's ports of the same names. A port
	// that somebody listens on is replaced by a free one.
	PostgresPort, TemporalPort, UIPort int
	// Headless leaves the Temporal web UI out.
	Headless bool

	// AfterPostgres is called when the database answers, before anything uses it: for migrations.
	AfterPostgres func(ctx context.Context, databaseURL string) error

	// WorkerBinary is run with WorkerArgs as a supervised child; empty: no worker. It sees this
	// process's environment, the addresses of the stack (SLUICE_DATABASE_URL, TEMPORAL_ADDRESS,
	// TEMPORAL_NAMESPACE), and WorkerEnv ("NAME=value"), where the later ones win.
	WorkerBinary string
	WorkerArgs   []string
	WorkerEnv    []string
	// WorkerOutput receives what the worker prints; nil: <StateDir>/worker.log.
	WorkerOutput io.Writer

	// Log receives what is worth knowing; nil: nothing.
	Log *zap.Logger
	// Progress receives one line for people at each step; nil: Log does.
	Progress func(string)
}

// Stack is a running set of servers.
type Stack struct {
	opts      Options
	endpoints Endpoints
	lock      *os.File

	postgres *Postgres
	temporal *Temporal
	// supervisors of what this process runs; nil for what it does not.
	postgresUp, temporalUp, workerUp *Supervisor

	downOnce sync.Once
	downErr  error
	down     chan struct{}
}

// Up starts a stack and returns when all of it serves. ctx bounds the start; a stack runs until
// Down. When a step fails, what was started before is stopped.
func Up(ctx context.Context, opts Options) (_ *Stack, err error) {
	opts, err = opts.complete()
	if err != nil {
		return nil, err
	}
	s := &Stack{opts: opts, down: make(chan struct{})}
	if err := s.takeLock(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Down())
		}
	}()
	if err := unpublish(opts.StateDir); err != nil {
		return nil, err
	}
	if err := endRecorded(s.recordDir(), staleGrace); err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context) error{s.startPostgres, s.afterPostgres, s.startTemporal, s.startWorker} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return s, publish(opts.StateDir, s.endpoints)
}

func (o Options) complete() (Options, error) {
	if o.StateDir == "" {
		return o, errors.New("a stack needs a state directory")
	}
	var err error
	if o.StateDir, err = filepath.Abs(o.StateDir); err != nil {
		return o, err
	}
	if o.Namespace == "" {
		o.Namespace = "default"
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.Progress == nil {
		o.Progress = func(line string) { o.Log.Info(line) }
	}
	o.TemporalBinary.Progress = o.Progress
	for port, standard := range map[*int]int{&o.PostgresPort: PostgresPort, &o.TemporalPort: TemporalPort, &o.UIPort: TemporalUIPort} {
		if *port == 0 {
			*port = standard
		}
	}
	return o, nil
}

// Endpoints say where the parts are. They stay the same for the life of the stack.
func (s *Stack) Endpoints() Endpoints { return s.endpoints }

// Postgres is the database server; nil when it is not a child of this process.
func (s *Stack) Postgres() *Postgres { return s.postgres }

// Temporal is the Temporal server; nil when it is not a child of this process.
func (s *Stack) Temporal() *Temporal { return s.temporal }

// Worker is the worker that runs now or ran last; nil when the stack has none.
func (s *Stack) Worker() *Process {
	if s.workerUp == nil {
		return nil
	}
	return s.workerUp.Process()
}

// Wait returns when ctx ends or the stack is down.
func (s *Stack) Wait(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-s.down:
	}
}

// Down stops the worker, then Temporal, then PostgreSQL, each cleanly if it lets itself, and
// returns when all are gone. It may be called more than once.
func (s *Stack) Down() error {
	s.downOnce.Do(func() {
		defer close(s.down)
		errs := []error{unpublish(s.opts.StateDir)}
		if s.workerUp != nil {
			s.workerUp.Stop()
			errs = append(errs, s.workerUp.Process().stop(stopCleanly, workerGrace))
		}
		if s.temporalUp != nil {
			s.temporalUp.Stop()
		}
		if s.temporal != nil {
			errs = append(errs, s.temporal.Stop())
		}
		if s.postgresUp != nil {
			s.postgresUp.Stop()
		}
		if s.postgres != nil {
			errs = append(errs, s.postgres.Stop())
		}
		errs = append(errs, s.lock.Close())
		s.downErr = errors.Join(errs...)
	})
	return s.downErr
}

func (s *Stack) recordDir() string { return filepath.Join(s.opts.StateDir, "run") }

// takeLock makes this the only stack of its state directory until the process ends.
func (s *Stack) takeLock() error {
	dir := s.opts.StateDir
	if err := os.MkdirAll(s.recordDir(), 0o755); err != nil {
		return fmt.Errorf("cannot create the state directory: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("cannot open the lock of the state directory: %w", err)
	}
	switch err := lockFile(lock); {
	case errors.Is(err, errLocked):
		holder, _ := io.ReadAll(io.LimitReader(lock, 64))
		lock.Close()
		return alreadyRunning(dir, strings.TrimSpace(string(holder)))
	case err != nil:
		lock.Close()
		return fmt.Errorf("cannot lock %s: %w", lock.Name(), err)
	}
	if err := errors.Join(lock.Truncate(0), writeAtStart(lock, fmt.Sprintln(os.Getpid()))); err != nil {
		lock.Close()
		return err
	}
	s.lock = lock
	return nil
}

func writeAtStart(f *os.File, text string) error {
	_, err := f.WriteAt([]byte(text), 0)
	return err
}

// ErrAlreadyRunning says that another process runs a stack in the same state directory.
var ErrAlreadyRunning = errors.New("the embedded servers run already")

func alreadyRunning(dir, pid string) error {
	p, err := readPublished(dir)
	if err != nil {
		return fmt.Errorf("%w: process %s is starting or stopping them in %s; wait for it or end it", ErrAlreadyRunning, pid, dir)
	}
	database := "(address unknown)"
	if config, err := pgx.ParseConfig(p.DatabaseURL); err == nil {
		database = fmt.Sprintf("%s:%d", config.Host, config.Port)
	}
	ui := p.UIURL
	if ui == "" {
		ui = "none"
	}
	return fmt.Errorf("%w: process %d has them (PostgreSQL %s, Temporal %s, web UI %s); use those, or end it first",
		ErrAlreadyRunning, p.Owner.PID, database, p.TemporalAddress, ui)
}

func (s *Stack) startPostgres(ctx context.Context) error {
	if s.opts.DatabaseURL != "" {
		s.endpoints.DatabaseURL = s.opts.DatabaseURL
		return reachDatabase(ctx, s.opts.DatabaseURL)
	}
	err := onPreferredPorts([]int{s.opts.PostgresPort}, func(ports []int) (err error) {
		s.postgres, err = StartPostgres(ctx, PostgresOptions{
			Dir: filepath.Join(s.opts.StateDir, "postgres"), Port: ports[0], Durable: true,
			Progress: s.opts.Progress, recordDir: s.recordDir(),
		})
		return err
	})
	if err != nil {
		return err
	}
	s.postgresUp, err = Supervise(ctx, s.opts.Log, "postgres", s.announced("PostgreSQL", func(ctx context.Context) (*Process, error) {
		err := s.postgres.Start(ctx)
		return s.postgres.Process(), err
	}))
	if err != nil {
		return err
	}
	s.endpoints.DatabaseURL = s.postgres.URL()
	s.opts.Progress("PostgreSQL runs on " + s.postgres.Address())
	return nil
}

// reachDatabase checks that a database of the user's own answers.
func reachDatabase(ctx context.Context, databaseURL string) error {
	config, err := pgx.ParseConfig(databaseURL)
	if err != nil {
		return errors.New("SLUICE_DATABASE_URL is not a connection string such as postgres://user:password@host:5432/name")
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("cannot reach PostgreSQL at %s:%d (set by SLUICE_DATABASE_URL): %w",
			config.Host, config.Port, withoutPassword(err, config.Password))
	}
	return conn.Close(ctx)
}

func (s *Stack) afterPostgres(ctx context.Context) error {
	if s.opts.AfterPostgres == nil {
		return nil
	}
	return s.opts.AfterPostgres(ctx, s.endpoints.DatabaseURL)
}

func (s *Stack) startTemporal(ctx context.Context) error {
	s.endpoints.Namespace = s.opts.Namespace
	if s.opts.TemporalAddress != "" {
		s.endpoints.TemporalAddress = s.opts.TemporalAddress
		return nil
	}
	binary, err := TemporalBinary(ctx, s.opts.TemporalBinary)
	if err != nil {
		return err
	}
	// Other users of the machine may not read histories.
	dir := filepath.Join(s.opts.StateDir, "temporal")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	err = onPreferredPorts([]int{s.opts.TemporalPort, s.opts.UIPort}, func(ports []int) (err error) {
		s.temporal, err = StartTemporal(ctx, TemporalOptions{
			Binary: binary, DBFile: filepath.Join(dir, "temporal.db"), Port: ports[0], UIPort: ports[1],
			Headless: s.opts.Headless, Namespace: s.opts.Namespace,
			LogFile: filepath.Join(dir, "temporal.log"), recordDir: s.recordDir(),
		})
		return err
	})
	if err != nil {
		return err
	}
	s.temporalUp, err = Supervise(ctx, s.opts.Log, "temporal", s.announced("Temporal", func(ctx context.Context) (*Process, error) {
		err := s.temporal.Start(ctx)
		return s.temporal.Process(), err
	}))
	if err != nil {
		return err
	}
	s.endpoints.TemporalAddress, s.endpoints.UIURL = s.temporal.Address(), s.temporal.UIURL()
	s.opts.Progress("Temporal runs on " + s.temporal.Address())
	return nil
}

func (s *Stack) startWorker(ctx context.Context) error {
	if s.opts.WorkerBinary == "" {
		return nil
	}
	var err error
	s.workerUp, err = Supervise(ctx, s.opts.Log, "worker", s.announced("the worker", func(context.Context) (*Process, error) {
		cmd := exec.Command(s.opts.WorkerBinary, s.opts.WorkerArgs...)
		cmd.Env = append(os.Environ(),
			"SLUICE_DATABASE_URL="+s.endpoints.DatabaseURL,
			"TEMPORAL_ADDRESS="+s.endpoints.TemporalAddress,
			"TEMPORAL_NAMESPACE="+s.endpoints.Namespace)
		cmd.Env = append(cmd.Env, s.opts.WorkerEnv...)
		cmd.WaitDelay = time.Second // a grandchild must not hold the output open for ever
		cmd.Stdout, cmd.Stderr = s.opts.WorkerOutput, s.opts.WorkerOutput
		if s.opts.WorkerOutput == nil {
			log, err := openLog(filepath.Join(s.opts.StateDir, "worker.log"))
			if err != nil {
				return nil, fmt.Errorf("cannot open the log of the worker: %w", err)
			}
			defer log.Close()
			cmd.Stdout, cmd.Stderr = log, log
		}
		return startProcess(child{name: "worker", cmd: cmd, recordDir: s.recordDir()})
	}))
	return err
}

// announced makes a start that tells people of each time but the first.
func (s *Stack) announced(what string, start func(context.Context) (*Process, error)) func(context.Context) (*Process, error) {
	again := false
	return func(ctx context.Context) (*Process, error) {
		process, err := start(ctx)
		if err == nil && again {
			s.opts.Progress(what + " had ended and was started again")
		}
		again = true
		return process, err
	}
}
