package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"
	"unicode"

	"go.temporal.io/sdk/client"
	"golang.org/x/term"

	"sluice/internal/catalog"
	"sluice/internal/config"
	"sluice/internal/devstack"
	"sluice/internal/redact"
)

// app is one command's run: its surroundings, the global flags, and what it
// has opened.
type app struct {
	process
	output, logLevel, logFormat, home string // global flags

	store    *catalog.Store
	temporal client.Client
	secrets  *redact.Set // what the log must not have
	newKey   bool        // of --new-key: what is stored need not open
}

// close closes what was opened; what is needed again is opened again.
func (a *app) close() {
	if a.store != nil {
		a.store.Close()
	}
	if a.temporal != nil {
		a.temporal.Close()
	}
	a.store, a.temporal = nil, nil
}

// config is the environment with the global flags over it.
func (a *app) config() (config.Config, error) {
	cfg, err := config.From(a.env)
	if err != nil {
		return cfg, err
	}
	// Results are what people want to see: the log speaks up only in need,
	// unless it was asked for.
	if level, _ := a.env.LookupEnv("SLUICE_LOG_LEVEL"); level == "" {
		cfg.LogLevel = "warn"
	}
	for _, flag := range []struct {
		value string
		to    *string
	}{{a.logLevel, &cfg.LogLevel}, {a.logFormat, &cfg.LogFormat}, {a.home, &cfg.Home}} {
		if flag.value != "" {
			*flag.to = flag.value
		}
	}
	return cfg, nil
}

// located is the configuration with the addresses of the embedded default
// where the environment does not give them and 'sluice dev' runs.
func (a *app) located() (config.Config, devstack.Endpoints, error) {
	cfg, err := a.config()
	if err != nil {
		return cfg, devstack.Endpoints{}, err
	}
	return cfg.Located()
}

// catalog opens the database.
func (a *app) catalog(ctx context.Context) (*catalog.Store, error) {
	if a.store != nil {
		return a.store, nil
	}
	cfg, _, err := a.located()
	if err != nil {
		return nil, err
	}
	if cfg.DatabaseURL == "" {
		return nil, errNoDatabase(cfg.Home)
	}
	store, err := catalog.Open(ctx, cfg.DatabaseURL)
	if err != nil {
		return nil, err
	}
	if err := store.CheckSchema(ctx); err != nil {
		store.Close()
		return nil, err
	}
	a.store = store
	return store, nil
}

func errNoDatabase(home string) error {
	return fmt.Errorf("it is not known where the database is: start 'sluice dev' (nothing runs in %s), or set SLUICE_DATABASE_URL", absolute(home))
}

// dialBound is how long a person is kept waiting for a Temporal that may not
// be there.
const dialBound = 5 * time.Second

// dial connects to Temporal.
func (a *app) dial(ctx context.Context) (client.Client, error) {
	if a.temporal != nil {
		return a.temporal, nil
	}
	cfg, _, err := a.located()
	if err != nil {
		return nil, err
	}
	log, err := cfg.Logger(a.secrets)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, dialBound)
	defer cancel()
	if a.temporal, err = cfg.DialTemporal(ctx, log); err != nil {
		return nil, err
	}
	return a.temporal, nil
}

// both opens the database and Temporal.
func (a *app) both(ctx context.Context) (*catalog.Store, client.Client, error) {
	store, err := a.catalog(ctx)
	if err != nil {
		return nil, nil, err
	}
	temporal, err := a.dial(ctx)
	return store, temporal, err
}

// taskQueue is where the workers are asked.
func (a *app) taskQueue() string {
	cfg, err := a.config()
	if err != nil { // dialling has failed before
		return ""
	}
	return cfg.TaskQueue
}

// command is a command line that can be copied: it reaches the same home.
func (a *app) command(line string) string {
	text := a.program + " " + line
	if cfg, err := a.config(); err == nil && cfg.Home != ".sluice" {
		text = "SLUICE_HOME=" + shellWord(cfg.Home) + " " + text
	}
	return text
}

// shellWord quotes a word for a shell where it has to be.
func shellWord(word string) string {
	if word != "" && strings.IndexFunc(word, func(r rune) bool {
		return !strings.ContainsRune("-_./:,=@%+", r) && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// namespace is Temporal's namespace, for links to its web UI.
func (a *app) namespace(at devstack.Endpoints) string {
	if name, _ := a.env.LookupEnv("TEMPORAL_NAMESPACE"); name != "" {
		return name
	}
	if at.Namespace != "" {
		return at.Namespace
	}
	return client.DefaultNamespace
}

// isTerminal says whether a stream is a terminal, and which.
func isTerminal(stream any) (fd int, ok bool) {
	f, ok := stream.(*os.File)
	if !ok {
		return 0, false
	}
	return int(f.Fd()), term.IsTerminal(int(f.Fd()))
}
