// Package config is the one place that says what can be configured, by which
// environment variable, and how what is configured is reached: PostgreSQL's
// address, Temporal, the master key, the log.
package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.temporal.io/sdk/contrib/envconfig"
)

// A Variable documents one environment variable.
type Variable struct {
	Name, Default, Help string
}

// Variables lists what the environment can set. Temporal's own TEMPORAL_*
// variables and configuration file work as in Temporal's tools.
var Variables = []Variable{
	{"SLUICE_HOME", ".sluice", "folder for the embedded default: its data, master key and addresses"},
	{"SLUICE_DATABASE_URL", "the embedded PostgreSQL, while 'sluice dev' runs", "postgres://user:password@host:5432/database"},
	{"SLUICE_MASTER_KEY", "", "the key that seals secrets: 32 bytes in base64; of several, the first seals and all open"},
	{"SLUICE_MASTER_KEY_FILE", "SLUICE_HOME/master.key", "or a file that holds it"},
	{"SLUICE_MASTER_KEY_COMMAND", "", "or a command that prints it, such as 'pass show sluice', run without a shell"},
	{"SLUICE_TASK_QUEUE", "sluice", "Temporal task queue of the workers"},
	{"SLUICE_POOL", "", "the worker pool that a worker serves; empty: all that is in no pool"},
	{"SLUICE_LOG_LEVEL", "info; of the commands of sluice: warn", "debug, info, warn or error"},
	{"SLUICE_LOG_FORMAT", "console", "console or json"},
	{"SLUICE_BATCH_PAGES", strconv.FormatInt(DefaultLimits.BatchPages, 10), "pages after which a batch ends"},
	{"SLUICE_BATCH_BYTES", strconv.FormatInt(DefaultLimits.BatchBytes, 10), "bytes, as received, after which a batch ends"},
	{"SLUICE_BATCH_TIME", DefaultLimits.BatchTime.String(), "time after which a batch ends"},
	{"SLUICE_STALL_AFTER", DefaultLimits.Stall.String(), "time without progress after which a stream fails"},
	{"SLUICE_RAW_RETENTION", DefaultLimits.RawRetention.String(), "how long what vendors sent is kept after its run"},
	{"SLUICE_LOG_RETENTION", DefaultLimits.LogRetention.String(), "how long logs, rejects and connection tests are kept"},
	{"SLUICE_CLIENT_SECRET, SLUICE_PASSWORD", "", "a connector's secrets, for 'sluice connectors create' and 'update'"},
	{"SLUICE_TEMPORAL_BIN", "", "a Temporal CLI for 'sluice dev' to use instead of building a server"},
	{"TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, ...", "the embedded Temporal, while 'sluice dev' runs", "Temporal's standard variables"},
}

// Config is what the environment says.
type Config struct {
	Home        string
	DatabaseURL string // empty: not set
	TaskQueue   string
	Pool        string // of a worker; empty: none
	LogLevel    string
	LogFormat   string
	Limits      Limits
	// TemporalAddress and TemporalNamespace are where Temporal is when the
	// environment does not say; empty: not known.
	TemporalAddress, TemporalNamespace string

	env Environment
}

// Environment is where variables are looked up.
type Environment = envconfig.EnvLookup

// FromEnvironment reads the configuration from the process's environment; see
// From.
func FromEnvironment() (Config, error) { return From(envconfig.EnvLookupOS) }

// From reads the configuration from an environment; a value that cannot be
// used is an error that names its variable.
func From(env Environment) (Config, error) {
	c := Config{env: env, Limits: DefaultLimits}
	c.Home = c.get("SLUICE_HOME", ".sluice")
	c.DatabaseURL = c.get("SLUICE_DATABASE_URL", "")
	c.TaskQueue = c.get("SLUICE_TASK_QUEUE", "sluice")
	c.Pool = c.get("SLUICE_POOL", "")
	c.LogLevel = c.get("SLUICE_LOG_LEVEL", "info")
	c.LogFormat = c.get("SLUICE_LOG_FORMAT", "console")
	for _, number := range []struct {
		name string
		to   *int64
	}{{"SLUICE_BATCH_PAGES", &c.Limits.BatchPages}, {"SLUICE_BATCH_BYTES", &c.Limits.BatchBytes}} {
		if text := c.get(number.name, ""); text != "" {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil || n < 1 {
				return c, fmt.Errorf("%s is %q: it must be a whole number above 0", number.name, text)
			}
			*number.to = n
		}
	}
	for _, span := range []struct {
		name string
		to   *time.Duration
	}{{"SLUICE_BATCH_TIME", &c.Limits.BatchTime}, {"SLUICE_STALL_AFTER", &c.Limits.Stall}, {"SLUICE_RAW_RETENTION", &c.Limits.RawRetention}, {"SLUICE_LOG_RETENTION", &c.Limits.LogRetention}} {
		if text := c.get(span.name, ""); text != "" {
			d, err := time.ParseDuration(text)
			if err != nil || d <= 0 {
				return c, fmt.Errorf("%s is %q: it must be a time such as 45s or 12h", span.name, text)
			}
			*span.to = d
		}
	}
	return c, nil
}

func (c Config) get(name, otherwise string) string {
	if v, _ := c.env.LookupEnv(name); v != "" {
		return v
	}
	return otherwise
}

// Help lists the variables as a text for --help.
func Help() string {
	var b strings.Builder
	for _, v := range Variables {
		fmt.Fprintf(&b, "  %s\n      %s", v.Name, v.Help)
		if v.Default != "" {
			fmt.Fprintf(&b, " (default: %s)", v.Default)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
