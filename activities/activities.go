// Package activities holds the steps of a run and of a connection test, as
// Temporal activities. Each is thin: it calls the packages that know how.
//
// An activity may run twice, or come back after it was given up. Nothing here
// relies on it running once: what is stored is stored under a token that each
// attempt claims, and an attempt that lost its token changes nothing.
package activities

import (
	"context"
	"fmt"
	"maps"
	"os"
	"sync"
	"sync/atomic"

	"go.uber.org/zap"

	"sluice/internal/catalog"
	"sluice/internal/config"
	"sluice/internal/governor"
	"sluice/internal/redact"
	"sluice/internal/secret"
	"sluice/internal/transform"
)

// Activities holds what the activities need. It is safe for concurrent use.
type Activities struct {
	store  *catalog.Store
	key    secret.Key
	limits config.Limits
	log    *zap.Logger
	// secrets are those that this worker has opened or been issued: nothing
	// that leaves the process has them in it.
	secrets *redact.Set
	// governors keep the calls of all connectors within their vendors' limits.
	governors *governor.Set

	sessions sessions
	readers  readers
	encoded  encodedBatches

	searchable atomic.Bool // the search attributes were seen to exist; they stay

	mu       sync.Mutex
	programs map[int32]*transform.Program // by map version; they never change
}

// New makes the activities of a worker. The secrets that they open, and the
// tokens that they are issued, are added to secrets, by which the log is
// redacted; nil: by nothing but themselves.
func New(store *catalog.Store, key secret.Key, limits config.Limits, log *zap.Logger, secrets *redact.Set) *Activities {
	if secrets == nil {
		secrets = redact.NewForLogs()
	}
	return &Activities{
		store: store, key: key, limits: limits, log: log, secrets: secrets,
		governors: governor.NewSet(store.Governor(), thisWorker(), limits.ShortWait),
		programs:  make(map[int32]*transform.Program),
	}
}

// thisWorker names this process, for people: host:pid.
func thisWorker() string {
	host, err := os.Hostname()
	if err != nil {
		host = "worker"
	}
	return fmt.Sprintf("%s:%d", host, os.Getpid())
}

// Close lets go what is kept open between two activities, when the worker has
// stopped. It is no method, since Temporal takes those for activities.
func Close(a *Activities) { a.readers.close(func(readerKey) bool { return true }) }

// program returns the compiled transform map of that version.
func (a *Activities) program(ctx context.Context, mapID int32) (*transform.Program, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if p, ok := a.programs[mapID]; ok {
		return p, nil
	}
	version, err := a.store.MapByID(ctx, mapID)
	if err != nil {
		return nil, err
	}
	models, err := a.store.Models(ctx)
	if err != nil {
		return nil, err
	}
	m, err := transform.ParseMap(version.Name, []byte(version.Body))
	if err != nil {
		return nil, err
	}
	p, err := transform.Compile(m, models)
	if err != nil {
		return nil, err
	}
	a.programs[mapID] = p
	return p, nil
}

// note writes a line to the run's log and the worker's. The run's log is for
// people: that it cannot be written is no reason to fail the run.
func (a *Activities) note(ctx context.Context, plan catalog.Plan, runID int64, level, message string, fields map[string]any) {
	message = a.secrets.Text(message)
	fields = maps.Clone(fields)
	for name, value := range fields {
		if text, ok := value.(string); ok {
			fields[name] = a.secrets.Text(text)
		}
	}
	log := a.log.With(zap.Int64("run", runID), zap.String("profile", plan.Profile), zap.String("connector", plan.Connector))
	for name, value := range fields {
		log = log.With(zap.Any(name, value))
	}
	switch level {
	case "error":
		log.Error(message)
	case "warn":
		log.Warn(message)
	default:
		log.Info(message)
	}
	if err := a.store.Log(context.WithoutCancel(ctx), plan.ConnectorID, runID, level, message, fields); err != nil {
		log.Warn("the run's log could not be written", zap.Error(err))
	}
}
