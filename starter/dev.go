package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"sluice/internal/catalog"
	"sluice/internal/config"
	"sluice/internal/devstack"
)

func newDev(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "dev",
		Short: "Run PostgreSQL, Temporal with its web UI, and a worker on this machine",
		Long: `Run everything that Sluice needs on this machine, as child processes: PostgreSQL,
Temporal with its web UI, and a worker. It goes on until Ctrl-C; what dies on
the way is started again. Data stays in the folder given by --home.

With SLUICE_DATABASE_URL or TEMPORAL_ADDRESS set, that one is used instead of a
child process.`,
		Example: "  sluice dev\n  sluice dev --home /var/tmp/sluice",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			stack, err := a.up(cmd.Context())
			if err != nil {
				return err
			}
			cfg, err := a.config()
			if err != nil {
				return err
			}
			a.say("\n%s", whereabouts(stack, absolute(cfg.Home)))
			a.say("Everything runs. Ctrl-C stops it. Next, in another terminal:\n  %s", a.command("connectors create --help"))
			stack.Wait(cmd.Context())
			a.say("\nstopping")
			return stack.Down()
		},
	}
}

// say prints a line of a command that tells what it does.
func (a *app) say(format string, args ...any) {
	fmt.Fprintf(a.out, format+"\n", args...)
}

// up starts the embedded default and returns when a worker answers.
func (a *app) up(ctx context.Context) (*devstack.Stack, error) {
	cfg, err := a.config()
	if err != nil {
		return nil, err
	}
	log, err := cfg.Logger(a.secrets)
	if err != nil {
		return nil, err
	}
	worker, err := workerBinary()
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	temporalAddress, _ := a.env.LookupEnv("TEMPORAL_ADDRESS")
	if bin, _ := a.env.LookupEnv("SLUICE_TEMPORAL_BIN"); bin != "" && temporalAddress == "" {
		// A wrong setting is told before anything is started.
		if _, err := devstack.TemporalBinary(ctx, devstack.TemporalBinaryOptions{}); err != nil {
			return nil, err
		}
	}
	namespace, _ := a.env.LookupEnv("TEMPORAL_NAMESPACE")
	stack, err := devstack.Up(ctx, devstack.Options{
		StateDir:        cfg.Home,
		DatabaseURL:     cfg.DatabaseURL,
		TemporalAddress: temporalAddress,
		Namespace:       namespace,
		TemporalBinary:  devstack.TemporalBinaryOptions{Root: checkout(), AnyVersion: true},
		AfterPostgres: func(ctx context.Context, databaseURL string) error {
			if _, err := catalog.Migrate(ctx, databaseURL); err != nil {
				return err
			}
			return a.provideMasterKey(ctx, cfg, databaseURL)
		},
		WorkerBinary: worker,
		WorkerEnv:    []string{"SLUICE_HOME=" + cfg.Home},
		WorkerArgs:   ownWorker(cfg),
		Log:          log,
		Progress:     func(line string) { a.say("%s", line) },
	})
	if err != nil {
		return nil, err
	}
	if err := a.awaitWorker(ctx, begun); err != nil {
		_ = stack.Down() // the worker's failure is what there is to say
		return nil, fmt.Errorf("%w: its log is %s", err, absolute(filepath.Join(cfg.Home, "worker.log")))
	}
	a.say("the worker runs")
	return stack, nil
}

// ownWorker are the arguments of the worker. With a database of its own no other
// worker has another master key: that secrets do not open was told already.
func ownWorker(cfg config.Config) []string {
	if cfg.DatabaseURL != "" {
		return nil
	}
	return []string{"--new-key"}
}

// workerBinary is sluice-worker beside the running program.
func workerBinary() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find sluice-worker: %w", err)
	}
	worker := filepath.Join(filepath.Dir(self), "sluice-worker")
	if _, err := os.Stat(worker); err != nil {
		return "", fmt.Errorf("there is no worker at %s: build it with 'make build'", worker)
	}
	return worker, nil
}

// checkout is where the sources are, for building the Temporal server; empty
// when neither the program nor the current folder is inside them.
func checkout() string {
	places := []string{"."}
	if self, err := os.Executable(); err == nil {
		places = append(places, filepath.Dir(self))
	}
	for _, dir := range places {
		if root, err := devstack.FindRoot(dir); err == nil {
			return root
		}
	}
	return ""
}

// workerStart is how long a worker that was just started gets to ask for work.
const workerStart = 30 * time.Second

// awaitWorker waits until a worker has asked for work since then.
func (a *app) awaitWorker(ctx context.Context, since time.Time) error {
	temporal, err := a.dial(ctx)
	if err != nil {
		return err
	}
	queue := a.taskQueue()
	deadline := time.After(workerStart)
	for {
		polled, err := polledSince(ctx, temporal, queue, since)
		if err != nil {
			return err
		}
		if polled {
			return nil
		}
		select {
		case <-deadline:
			return fmt.Errorf("no worker asks for work on task queue %q after %s", queue, workerStart)
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// polledSince says whether a worker has asked for work since then.
func polledSince(ctx context.Context, temporal client.Client, queue string, since time.Time) (bool, error) {
	d, err := temporal.DescribeTaskQueue(ctx, queue, enums.TASK_QUEUE_TYPE_WORKFLOW)
	if err != nil {
		return false, fmt.Errorf("ask Temporal about task queue %s: %w", queue, err)
	}
	for _, p := range d.GetPollers() {
		if p.GetLastAccessTime().AsTime().After(since) {
			return true, nil
		}
	}
	return false, nil
}

// whereabouts says where everything is, without the database's password.
func whereabouts(stack *devstack.Stack, home string) string {
	at := stack.Endpoints()
	ui := at.UIURL
	if ui == "" {
		ui = "that of your Temporal service"
	}
	database := withoutPassword(at.DatabaseURL)
	data := home
	text := fmt.Sprintf("  PostgreSQL    %s\n", database)
	if pg := stack.Postgres(); pg != nil {
		if home != filepath.Dir(pg.Dir()) { // as root it runs as another user
			data += ", and of PostgreSQL in " + pg.Dir()
		}
		text += fmt.Sprintf("  psql          PGPASSWORD=$(cat %s) psql %s\n", shellWord(filepath.Join(pg.Dir(), "password")), database)
	}
	return text + fmt.Sprintf(`  Temporal      %s, namespace %s
  Temporal UI   %s
  data          %s
  worker's log  %s
`, at.TemporalAddress, at.Namespace, ui, data, filepath.Join(home, "worker.log"))
}

// withoutPassword is a database URL that can be shown.
func withoutPassword(databaseURL string) string {
	u, err := url.Parse(databaseURL)
	if err != nil || u.Host == "" {
		return "the one that SLUICE_DATABASE_URL names"
	}
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	if u.User != nil {
		shown.User = url.User(u.User.Username())
	}
	return shown.String() // parameters may hold a password too
}
