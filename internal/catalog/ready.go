package catalog

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"sluice/internal/secret"
)

// Sealed is what a key can do with the secrets that are stored. References and
// tokens, of which workers get new ones, are none of them.
type Sealed struct {
	Connectors []string // that have a sealed secret, by name
	Shut       []string // of them, those with one that the key does not open
	Keys       []string // ids of the keys that those are sealed with, as far as they say
}

// AllShut says whether there are sealed secrets and none of them opens: the key
// is not the one that is used here.
func (s Sealed) AllShut() bool { return len(s.Shut) > 0 && len(s.Shut) == len(s.Connectors) }

// With says in words with which key the secrets that do not open are sealed.
func (s Sealed) With() string {
	if len(s.Keys) == 0 {
		return "another master key"
	}
	return "master key " + strings.Join(s.Keys, ", ")
}

// SealedSecrets looks which stored secrets a key opens.
func (s *Store) SealedSecrets(ctx context.Context, key secret.Key) (Sealed, error) {
	stored, err := s.StoredSecrets(ctx)
	if err != nil {
		return Sealed{}, err
	}
	var found Sealed
	add := func(to *[]string, text string) {
		if text != "" && !slices.Contains(*to, text) {
			*to = append(*to, text)
		}
	}
	for _, one := range stored {
		if one.Token || !secret.IsSealed(one.Stored) {
			continue
		}
		add(&found.Connectors, one.Connector)
		if _, err := key.Open(one.At, one.Stored); err != nil {
			add(&found.Shut, one.Connector)
			add(&found.Keys, secret.SealedWith(one.Stored))
		}
	}
	return found, nil
}

// CheckWorker checks that the login may do what workers do: read and write all
// tables.
func (s *Store) CheckWorker(ctx context.Context) error {
	var names []string
	for name := range relations {
		if name != versionTable {
			names = append(names, name)
		}
	}
	var login string
	var missing []string
	err := s.pool.QueryRow(ctx, `
		SELECT current_user, ARRAY(
			SELECT format('%s on %s', may, c.relname)
			  FROM pg_class c, unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) may
			 WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = ANY($1)
			   AND (may = 'SELECT' OR c.relkind = 'r') AND NOT has_table_privilege(c.oid, may)
			 ORDER BY c.relname, may)`, names).Scan(&login, &missing)
	if err != nil {
		return fmt.Errorf("look at the rights of the database's login: %w", err)
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("login %s may not do in the database what a worker does (%d rights are missing, such as %s): let it be a member of role %s, by GRANT %s TO %s;",
		login, len(missing), missing[0], WorkerRole, WorkerRole, pgx.Identifier{login}.Sanitize())
}
