package catalog

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"sluice/internal/secret"
)

// A StoredSecret is what is stored of a connector's secret, or of the token
// that was got with one of its credentials.
type StoredSecret struct {
	Connector string
	At        secret.Place
	Token     bool
	Stored    string // sealed, or a reference
}

// StoredSecrets lists what is stored of all connectors' secrets and tokens, by
// connector and field.
func (s *Store) StoredSecrets(ctx context.Context) ([]StoredSecret, error) {
	rows, err := s.pool.Query(ctx, storedSecrets+" ORDER BY connector, token, field")
	if err != nil {
		return nil, fmt.Errorf("list stored secrets: %w", err)
	}
	return collectSecrets(rows)
}

const storedSecrets = `
	SELECT c.name AS connector, c.id, s.key AS field, s.value AS stored, false AS token FROM connectors c, jsonb_each_text(c.secrets) s
	UNION ALL
	SELECT c.name, c.id, t.name, t.token, true FROM credentials t JOIN connectors c ON c.id = t.connector_id WHERE t.token <> ''`

func collectSecrets(rows pgx.Rows) ([]StoredSecret, error) {
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (StoredSecret, error) {
		var s StoredSecret
		err := row.Scan(&s.Connector, &s.At.ConnectorID, &s.At.Field, &s.Stored, &s.Token)
		if s.Token {
			s.At = secret.TokenPlace(s.At.ConnectorID, s.At.Field)
		}
		return s, err
	})
	if err != nil {
		return nil, fmt.Errorf("list stored secrets: %w", err)
	}
	return all, nil
}

// Resealed counts what Reseal did.
type Resealed struct {
	Secrets int `json:"secrets"`
	Tokens  int `json:"tokens"`
	Dropped int `json:"droppedTokens"` // since no key opens them; workers get new ones
	Kept    int `json:"kept"`          // were sealed with the first key already
}

// Reseal seals all secrets and tokens that are not sealed with the key's first
// one with that, in one transaction, while nobody else can change them. One
// that does not open is an error, and nothing is changed. A dry run changes
// nothing either way. Connectors get a new version, so that one who read a
// connector before cannot write the old texts back.
func (s *Store) Reseal(ctx context.Context, key secret.Key, dryRun bool) (Resealed, error) {
	var done Resealed
	first := key.IDs()[0]
	tx, err := s.pool.Begin(ctx)
	if err != nil {
		return done, fmt.Errorf("seal secrets again: %w", err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // after a commit it does nothing
	if !dryRun {
		// It waits for whoever is writing, and lets others read.
		if _, err := tx.Exec(ctx, "LOCK TABLE connectors, credentials IN SHARE ROW EXCLUSIVE MODE"); err != nil {
			return done, fmt.Errorf("seal secrets again: %w", err)
		}
	}
	rows, err := tx.Query(ctx, storedSecrets)
	if err != nil {
		return done, fmt.Errorf("seal secrets again: %w", err)
	}
	all, err := collectSecrets(rows)
	if err != nil {
		return done, err
	}
	secrets := make(map[int64]map[string]string) // new ones, by connector
	tokens := make(map[secret.Place]string)
	var shut []error
	for _, one := range all {
		switch {
		case !secret.IsSealed(one.Stored):
			continue
		case secret.SealedWith(one.Stored) == first:
			done.Kept++
			continue
		}
		plain, err := key.Open(one.At, one.Stored)
		switch {
		case err != nil && one.Token:
			done.Dropped++
			tokens[one.At] = ""
		case err != nil:
			shut = append(shut, fmt.Errorf("connector %s: %w", one.Connector, err))
		case one.Token:
			done.Tokens++
			tokens[one.At] = key.Seal(one.At, plain)
		default:
			done.Secrets++
			if secrets[one.At.ConnectorID] == nil {
				secrets[one.At.ConnectorID] = make(map[string]string)
			}
			secrets[one.At.ConnectorID][one.At.Field] = key.Seal(one.At, plain)
		}
	}
	if len(shut) > 0 {
		return Resealed{}, fmt.Errorf("nothing was changed, since not all secrets open: %w", errors.Join(shut...))
	}
	if dryRun {
		return done, nil
	}
	var batch pgx.Batch
	for _, id := range slices.Sorted(maps.Keys(secrets)) {
		// What is known of the credentials goes on to be known.
		batch.Queue("UPDATE credentials t SET version = c.version + 1 FROM connectors c WHERE c.id = $1 AND t.connector_id = c.id AND t.version = c.version", id)
		batch.Queue("UPDATE connectors SET secrets = secrets || $2, version = version + 1 WHERE id = $1", id, secrets[id])
	}
	for at, token := range tokens {
		batch.Queue("UPDATE credentials SET token = $3 WHERE connector_id = $1 AND 'token/' || name = $2", at.ConnectorID, at.Field, token)
	}
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return Resealed{}, fmt.Errorf("seal secrets again: %w", err)
	}
	if err := tx.Commit(ctx); err != nil {
		return Resealed{}, fmt.Errorf("seal secrets again: %w", err)
	}
	return done, nil
}
