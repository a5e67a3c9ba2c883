// Package activities holds the steps of a run and of a connection test, as
// Temporal activities. Each is thin: it calls the packages that know how.
//
// An activity may run twice, or come back after it was given up. Nothing here
// relies on it running once: what is stored is stored under a token that each
// attempt claims, and an attempt that lost its token changes nothing.
package activities

import (
	"context"
	"sync"
	"sync/atomic"

	"go.uber.org/zap"

	"sluice/internal/catalog"
	"sluice/internal/config"
	"sluice/internal/secret"
	"sluice/internal/source"
	"sluice/internal/transform"
	"sluice/schema"
)

// Activities holds what the activities need. It is safe for concurrent use.
type Activities struct {
	store  *catalog.Store
	key    secret.Key
	limits config.Limits
	log    *zap.Logger

	sessions sessions
	readers  readers
	encoded  encodedBatches

	searchable atomic.Bool // the search attributes were seen to exist; they stay

	mu       sync.Mutex
	programs map[int32]*transform.Program // by map version; they never change
}

// New makes the activities of a worker.
func New(store *catalog.Store, key secret.Key, limits config.Limits, log *zap.Logger) *Activities {
	return &Activities{store: store, key: key, limits: limits, log: log, programs: make(map[int32]*transform.Program)}
}

// Close lets go what is kept open between two activities, when the worker has
// stopped. It is no method, since Temporal takes those for activities.
func Close(a *Activities) { a.readers.close(func(int64) bool { return true }) }

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
	models, err := transform.LoadModels(schema.Models())
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

// sessions keeps one session per connector, kind and version of the
// connector, so that its token is shared by all activities of the worker.
type sessions struct {
	mu   sync.Mutex
	open map[sessionKey]source.Session
}

type sessionKey struct {
	connectorID int64
	kind        string
	version     int32
}

// session returns the session for a connector's kind, opening its secrets.
func (a *Activities) session(ctx context.Context, connectorID int64, kind source.Kind) (source.Session, error) {
	connector, err := a.store.ConnectorByID(ctx, connectorID)
	if err != nil {
		return nil, err
	}
	key := sessionKey{connectorID, kind.Name(), connector.Version}
	a.sessions.mu.Lock()
	defer a.sessions.mu.Unlock()
	if s, ok := a.sessions.open[key]; ok {
		return s, nil
	}
	conn := source.Connection{Connector: connector.Name, Settings: connector.Settings, Secrets: make(map[string]string)}
	for field, stored := range connector.Secrets {
		plain, err := a.key.Open(secret.Place{ConnectorID: connector.ID, Field: field}, stored)
		if err != nil {
			return nil, sealedShut(connector.Name, err)
		}
		conn.Secrets[field] = plain
	}
	s, err := kind.Open(conn)
	if err != nil {
		return nil, err
	}
	for old := range a.sessions.open { // an older version of the same connector
		if old.connectorID == connectorID && old.kind == key.kind {
			delete(a.sessions.open, old)
		}
	}
	if a.sessions.open == nil {
		a.sessions.open = make(map[sessionKey]source.Session)
	}
	a.sessions.open[key] = s
	return s, nil
}
