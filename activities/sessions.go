package activities

import (
	"context"
	"sync"

	"golang.org/x/oauth2"

	"sluice/internal/catalog"
	"sluice/internal/redact"
	"sluice/internal/secret"
	"sluice/internal/source"
	"sluice/internal/source/kinds"
)

// sessions keeps one session per connector, kind and version of the connector,
// so that what it has learned is shared by all activities of the worker.
type sessions struct {
	mu   sync.Mutex
	open map[sessionKey]source.Session
}

type sessionKey struct {
	connectorID int64
	kind        string
	version     int32
}

// sessionOf returns the session for a connector's kind. One of an older version
// of the connector is given up, and with it the readers that were parked: the
// connector has changed, and nothing is read on with what it was before.
func (a *Activities) sessionOf(connector catalog.Connector, kind source.Kind) (source.Session, error) {
	key := sessionKey{connector.ID, kind.Name(), connector.Version}
	a.sessions.mu.Lock()
	defer a.sessions.mu.Unlock()
	if s, ok := a.sessions.open[key]; ok {
		return s, nil
	}
	connection, err := a.connect(connector)
	if err != nil {
		return nil, err
	}
	s, err := kind.Open(connection)
	if err != nil {
		return nil, err
	}
	for old, replaced := range a.sessions.open {
		if old.connectorID == key.connectorID && old.kind == key.kind {
			delete(a.sessions.open, old)
			a.readers.close(func(of readerKey) bool { return of.session == replaced })
		}
	}
	if a.sessions.open == nil {
		a.sessions.open = make(map[sessionKey]source.Session)
	}
	a.sessions.open[key] = s
	return s, nil
}

// connect makes the connection of a connector, opening its secrets. What is
// known of its subscription's limits, and of its credentials, is shared with all
// who use them, in any worker.
func (a *Activities) connect(connector catalog.Connector) (source.Connection, error) {
	connection := source.Connection{Connector: connector.Name, Settings: connector.Settings, Secrets: make(map[string]string)}
	for field, stored := range connector.Secrets {
		plain, err := a.key.Open(secret.Place{ConnectorID: connector.ID, Field: field}, stored)
		if err != nil {
			return connection, sealedShut(connector.Name, stored, err)
		}
		a.secrets.Add(plain)
		connection.Secrets[field] = plain
	}
	provider, err := kinds.FindProvider(connector.Provider)
	if err != nil {
		return connection, err
	}
	connection.Governor = a.governors.Governor(provider.Subscription(connection), source.Reserve(connection))
	connection.Credential = func(name string) source.Credential {
		return watched{a.store.Credential(connector, name, a.key), a.secrets}
	}
	return connection, nil
}

// watched is a credential whose tokens are secrets of this worker.
type watched struct {
	source.Credential
	secrets *redact.Set
}

// Token implements source.Credential.
func (w watched) Token(ctx context.Context) (*oauth2.Token, error) {
	token, err := w.Credential.Token(ctx)
	if token != nil {
		w.secrets.Add(token.AccessToken)
	}
	return token, err
}

// Save implements source.Credential.
func (w watched) Save(ctx context.Context, token *oauth2.Token) error {
	w.secrets.Add(token.AccessToken)
	return w.Credential.Save(ctx, token)
}
