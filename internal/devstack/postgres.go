package devstack

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// postgresUser owns the cluster and every database in it.
	postgresUser = "sluice"
	// postgresReady bounds a start, including the recovery after a crash in the middle of a load.
	postgresReady = 10 * time.Minute
	// postgresGrace bounds a fast shutdown, which ends with a checkpoint.
	postgresGrace = 30 * time.Second
)

// PostgresOptions say how to run a PostgreSQL server. Dir is required.
type PostgresOptions struct {
	// Dir holds data, password and log. A process of root cannot run PostgreSQL and lowers the
	// server's rights; when the other user cannot reach Dir, another directory below /var/tmp
	// stands in for it, always the same one (see [Postgres.Dir]).
	Dir string
	// Port to listen on, on 127.0.0.1; 0 takes a free one, which later starts of the same
	// *Postgres keep.
	Port int
	// Durable makes commits survive a crash of the machine. Without it the server is faster and
	// survives only its own death: for tests.
	Durable bool
	// Database is created when missing and is the one URL names; default "sluice".
	Database string
	// Progress receives one line for people before each step that takes long; nil: nobody.
	Progress func(string)

	recordDir string           // see child.recordDir
	search    postgresSearcher // where servers are looked for; nil: this machine
}

// Postgres is a PostgreSQL server that this process runs as a child.
type Postgres struct {
	opts     PostgresOptions
	server   postgresServer
	runAs    *credential
	dir      string
	port     int
	password string

	mu      sync.Mutex
	process *Process
}

// StartPostgres finds a PostgreSQL server, creates the cluster in opts.Dir when there is none, and
// returns when the database answers. ctx bounds the start only.
func StartPostgres(ctx context.Context, opts PostgresOptions) (*Postgres, error) {
	if opts.Database == "" {
		opts.Database = "sluice"
	}
	if opts.Progress == nil {
		opts.Progress = func(string) {}
	}
	if opts.search == nil {
		opts.search = machine{}
	}
	dir, err := postgresDir(opts.Dir)
	if err != nil {
		return nil, err
	}
	port := opts.Port
	if port == 0 {
		if port, err = freePort(); err != nil {
			return nil, err
		}
	}
	pg := &Postgres{opts: opts, dir: dir, port: port}
	if pg.server, err = findPostgres(ctx, opts.search, pg.clusterVersion(), opts.Progress); err != nil {
		return nil, err
	}
	// Only now: an installation of PostgreSQL brings the user that it runs as.
	if pg.runAs, err = serverUser(dir); err != nil {
		return nil, err
	}
	if err := pg.prepare(ctx); err != nil {
		return nil, err
	}
	if err := pg.Start(ctx); err != nil {
		return nil, err
	}
	return pg, nil
}

// URL is the connection string of the database, password included: for programs, not for logs.
func (pg *Postgres) URL() string {
	return pg.databaseURL(pg.opts.Database)
}

func (pg *Postgres) databaseURL(database string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(postgresUser, pg.password),
		Host:     net.JoinHostPort("127.0.0.1", portString(pg.port)),
		Path:     "/" + database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Address is the host and port the server listens on.
func (pg *Postgres) Address() string { return net.JoinHostPort("127.0.0.1", portString(pg.port)) }

// Dir is where data, password and log are; see [PostgresOptions].
func (pg *Postgres) Dir() string { return pg.dir }

// DataDir is PostgreSQL's data directory.
func (pg *Postgres) DataDir() string { return filepath.Join(pg.dir, "data") }

// LogFile is what the server itself logs to.
func (pg *Postgres) LogFile() string { return filepath.Join(pg.dir, "postgres.log") }

// PID is the process id of the postmaster; 0 when it was never started.
func (pg *Postgres) PID() int {
	if p := pg.Process(); p != nil {
		return p.PID()
	}
	return 0
}

// Process is the running or last run server; it changes with every Start.
func (pg *Postgres) Process() *Process {
	pg.mu.Lock()
	defer pg.mu.Unlock()
	return pg.process
}

// Start starts the server again after Stop, Kill or its own death, on the same port and data, and
// returns when the database answers. It does nothing when the server runs.
func (pg *Postgres) Start(ctx context.Context) error {
	pg.mu.Lock()
	defer pg.mu.Unlock()
	if p := pg.process; p != nil {
		select {
		case <-p.done:
		default:
			return nil
		}
	}
	pg.server.sweep(pg)
	log, err := openLog(pg.LogFile())
	if err != nil {
		return fmt.Errorf("cannot open the log of PostgreSQL: %w", err)
	}
	defer log.Close()
	cmd := pg.server.command(pg)
	cmd.Stdout, cmd.Stderr = log, log
	process, err := startProcess(child{name: "postgres", cmd: cmd, runAs: pg.server.credential(pg), recordDir: pg.opts.recordDir})
	if err != nil {
		return err
	}
	if err := process.waitReady(ctx, postgresReady, pg.ensureDatabase); err != nil {
		process.Kill()
		return fmt.Errorf("PostgreSQL on %s: %w%s", pg.Address(), err, tail(pg.LogFile()))
	}
	pg.process = process
	return nil
}

// Stop shuts the server down: clients are disconnected, everything is written.
func (pg *Postgres) Stop() error {
	p := pg.Process()
	if p == nil {
		return nil
	}
	return p.stop(stopFast, postgresGrace)
}

// Kill ends the server at once, as a crash would (SIGKILL), together with all its backends.
func (pg *Postgres) Kill() {
	pg.mu.Lock()
	defer pg.mu.Unlock()
	if pg.process != nil {
		pg.process.Kill()
		pg.server.sweep(pg)
	}
}

// Remove deletes everything the server has stored. Stop it before.
func (pg *Postgres) Remove() error { return os.RemoveAll(pg.dir) }

// ensureDatabase is nil when the server answers and the database is there.
func (pg *Postgres) ensureDatabase(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, pg.databaseURL("postgres"))
	if refused := (*pgconn.PgError)(nil); errors.As(err, &refused) && strings.HasPrefix(refused.Code, "28") {
		return permanent{fmt.Errorf("it refuses the password kept in %s, so this is not the server of these data: %s", pg.dir, refused.Message)}
	}
	if err != nil {
		return withoutPassword(err, pg.password)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var exists bool
	err = conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", pg.opts.Database).Scan(&exists)
	if err != nil || exists {
		return err
	}
	_, err = conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{pg.opts.Database}.Sanitize())
	return err
}

// clusterVersion is the major version of the data directory, or inDocker when a container keeps the
// data; empty when there is none yet.
func (pg *Postgres) clusterVersion() string {
	if _, err := os.Stat(pg.dockerMark()); err == nil {
		return inDocker
	}
	version, err := os.ReadFile(filepath.Join(pg.DataDir(), "PG_VERSION"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(version))
}

// prepare sees to it that there are a directory, a password and data.
func (pg *Postgres) prepare(ctx context.Context) error {
	if err := makeOwn(pg.dir, pg.runAs); err != nil {
		return err
	}
	file := filepath.Join(pg.dir, "password")
	text, err := os.ReadFile(file)
	switch {
	case err == nil:
		pg.password = strings.TrimSpace(string(text))
	case !errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("cannot read the password of PostgreSQL: %w", err)
	case pg.clusterVersion() != "":
		return fmt.Errorf("the password of the PostgreSQL data in %s is gone: restore %s, or delete %s to start empty", pg.DataDir(), file, pg.dir)
	default:
		pg.password = rand.Text()
		if err := os.WriteFile(file, []byte(pg.password+"\n"), 0o600); err != nil {
			return err
		}
		// initdb reads it as the user the server runs as.
		if err := pg.giveAway(file); err != nil {
			return err
		}
	}
	if pg.clusterVersion() != "" {
		return nil
	}
	return pg.server.create(ctx, pg, file)
}

// giveAway makes the server's user the owner of a file or directory.
func (pg *Postgres) giveAway(path string) error {
	if pg.runAs == nil {
		return nil
	}
	return os.Chown(path, int(pg.runAs.uid), int(pg.runAs.gid))
}

// settings are what the server runs with, beside the port: chosen for few connections that load much.
func (pg *Postgres) settings() []string {
	settings := []string{
		"timezone=UTC",
		"log_timezone=UTC",
		"log_checkpoints=off",
		"jit=off", // costs more than it gives in statements of some milliseconds
		"max_connections=200",
		"password_encryption=scram-sha-256",
		// Room between checkpoints: a first load writes each page's full image once, not again and again.
		"checkpoint_timeout=15min",
		"random_page_cost=1.1",
	}
	if pg.opts.Durable {
		return append(settings, "shared_buffers=512MB", "max_wal_size=4GB", "min_wal_size=256MB")
	}
	return append(settings, "shared_buffers=128MB", "max_wal_size=1GB",
		"fsync=off", "synchronous_commit=off", "full_page_writes=off")
}

// withoutPassword removes a password from an error's text.
func withoutPassword(err error, password string) error {
	if password == "" || !strings.Contains(err.Error(), password) {
		return err
	}
	return errors.New(strings.ReplaceAll(err.Error(), password, "xxxxx"))
}

// localServer is a PostgreSQL whose programs are in a directory of this machine.
type localServer struct {
	bin     string // directory of postgres and initdb
	version string // major version
}

func (s localServer) credential(pg *Postgres) *credential { return pg.runAs }

func (s localServer) command(pg *Postgres) *exec.Cmd {
	args := []string{"-D", pg.DataDir(), "-h", "127.0.0.1", "-p", portString(pg.port), "-c", "unix_socket_directories="}
	for _, setting := range pg.settings() {
		args = append(args, "-c", setting)
	}
	cmd := exec.Command(filepath.Join(s.bin, "postgres"), args...)
	cmd.Dir, cmd.Env = pg.dir, childEnvironment(pg.dir)
	return cmd
}

// sweep ends what a killed postmaster leaves.
func (s localServer) sweep(pg *Postgres) { clearDeadServer(pg.DataDir()) }

// create makes a new cluster under another name and renames it when it is whole.
func (s localServer) create(ctx context.Context, pg *Postgres, passwordFile string) error {
	unfinished := pg.DataDir() + ".new"
	if err := os.RemoveAll(unfinished); err != nil {
		return err
	}
	if err := os.Mkdir(unfinished, 0o700); err != nil {
		return err
	}
	if err := pg.giveAway(unfinished); err != nil {
		return err
	}
	args := []string{"-D", unfinished, "-U", postgresUser, "--pwfile", passwordFile,
		"--auth=scram-sha-256", "--encoding=UTF8", "--no-locale"}
	if !pg.opts.Durable {
		args = append(args, "--no-sync")
	}
	cmd := exec.Command(filepath.Join(s.bin, "initdb"), args...)
	cmd.Dir, cmd.Env = pg.dir, childEnvironment(pg.dir)
	if err := runToEnd(ctx, child{name: "initdb", cmd: cmd, runAs: pg.runAs}); err != nil {
		return fmt.Errorf("cannot create a PostgreSQL cluster in %s: %w", pg.dir, err)
	}
	return os.Rename(unfinished, pg.DataDir())
}
