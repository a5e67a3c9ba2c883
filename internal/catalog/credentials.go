package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/oauth2"

	"sluice/internal/fault"
	"sluice/internal/secret"
	"sluice/internal/source"
)

// Credential is what workers share of a credential of a connector: a row that
// is worth nothing to another version of the connector. One who still has an
// older version writes nothing. A key that cannot seal shares no token.
func (s *Store) Credential(c Connector, name string, key secret.Key) source.Credential {
	return &credential{store: s, key: key, connector: c.ID, version: c.Version, name: name}
}

type credential struct {
	store     *Store
	key       secret.Key
	connector int64
	version   int32
	name      string
}

var _ source.Credential = (*credential)(nil)

// Ends are kept as seconds from now on PostgreSQL's clock, and given back so, so
// that the clocks of workers may differ.

// Token implements source.Credential. A token that the key does not open is
// none: it was sealed with a key that is gone.
func (c *credential) Token(ctx context.Context) (*oauth2.Token, error) {
	sealed, left, err := c.sealed(ctx)
	if err != nil || sealed == "" {
		return nil, err
	}
	token := c.open(sealed)
	if token != nil && left != nil {
		token.Expiry = time.Now().Add(seconds(*left))
	}
	return token, nil
}

// sealed returns the token as it is stored, empty when there is none, and for
// how many seconds it is good; nil: without end.
func (c *credential) sealed(ctx context.Context) (sealed string, left *float64, err error) {
	err = c.store.pool.QueryRow(ctx, `
		SELECT token, extract(epoch FROM token_ends_at - now())::float8 FROM credentials
		 WHERE connector_id = $1 AND name = $2 AND version = $3 AND (token_ends_at IS NULL OR token_ends_at > now())`,
		c.connector, c.name, c.version).Scan(&sealed, &left)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil, nil
	}
	return sealed, left, c.failed("read the token of", err)
}

// sharedToken is what is sealed of a token.
type sharedToken struct {
	Access string `json:"access"`
	Type   string `json:"type,omitempty"`
}

func (c *credential) open(sealed string) *oauth2.Token {
	text, err := c.key.Open(c.place(), sealed)
	if err != nil {
		return nil
	}
	var shared sharedToken
	if err := json.Unmarshal([]byte(text), &shared); err != nil {
		return nil
	}
	return &oauth2.Token{AccessToken: shared.Access, TokenType: shared.Type}
}

func (c *credential) place() secret.Place { return secret.TokenPlace(c.connector, c.name) }

// Save implements source.Credential.
func (c *credential) Save(ctx context.Context, token *oauth2.Token) error {
	if len(c.key.IDs()) == 0 {
		return nil
	}
	text, err := json.Marshal(sharedToken{token.AccessToken, token.TokenType})
	if err != nil {
		return c.failed("share the token of", err)
	}
	var left *float64
	if !token.Expiry.IsZero() {
		s := time.Until(token.Expiry).Seconds()
		left = &s
	}
	_, err = c.store.pool.Exec(ctx, `
		INSERT INTO credentials AS kept (connector_id, name, version, token, token_ends_at)
		VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5))
		ON CONFLICT (connector_id, name) DO UPDATE
		   SET version = excluded.version, token = excluded.token, token_ends_at = excluded.token_ends_at,
		       accepted = kept.accepted AND kept.version = excluded.version,
		       refusal = CASE WHEN kept.version = excluded.version THEN kept.refusal END,
		       refused_until = CASE WHEN kept.version = excluded.version THEN kept.refused_until END
		 WHERE kept.version <= excluded.version`,
		c.connector, c.name, c.version, c.key.Seal(c.place(), string(text)), left)
	return c.failed("share the token of", err)
}

// Forget implements source.Credential.
func (c *credential) Forget(ctx context.Context, accessToken string) error {
	sealed, _, err := c.sealed(ctx)
	if err != nil || sealed == "" {
		return err
	}
	if token := c.open(sealed); token == nil || token.AccessToken != accessToken {
		return nil
	}
	_, err = c.store.pool.Exec(ctx, "UPDATE credentials SET token = '', token_ends_at = NULL WHERE connector_id = $1 AND name = $2 AND token = $3",
		c.connector, c.name, sealed)
	return c.failed("forget the token of", err)
}

// refusal is what is kept of a vendor's refusal.
type refusal struct {
	Class   fault.Class `json:"class"`
	Code    string      `json:"code"`
	Message string      `json:"message"`
	Advice  string      `json:"advice,omitempty"`
	Held    float64     `json:"held,omitempty"` // seconds
}

// Standing implements source.Credential.
func (c *credential) Standing(ctx context.Context) (accepted bool, refused *fault.Error, err error) {
	var kept *refusal
	err = c.store.pool.QueryRow(ctx, `
		SELECT accepted, CASE WHEN refused_until > now() THEN refusal END FROM credentials
		 WHERE connector_id = $1 AND name = $2 AND version = $3`, c.connector, c.name, c.version).Scan(&accepted, &kept)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil, nil
	}
	if kept != nil {
		refused = &fault.Error{Class: kept.Class, Code: kept.Code, Message: kept.Message, Advice: kept.Advice}
	}
	return accepted, refused, c.failed("read the standing of", err)
}

// Held implements source.Credential.
func (c *credential) Held(ctx context.Context) (time.Duration, error) {
	var held float64
	err := c.store.pool.QueryRow(ctx, `
		SELECT coalesce((refusal->>'held')::float8, 0) FROM credentials
		 WHERE connector_id = $1 AND name = $2 AND version = $3`, c.connector, c.name, c.version).Scan(&held)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	return seconds(held), c.failed("read the refusals of", err)
}

// Accept implements source.Credential. While a refusal holds nothing is
// offered: what the vendor accepts then was offered before, and is no news.
func (c *credential) Accept(ctx context.Context) error {
	_, err := c.store.pool.Exec(ctx, `
		INSERT INTO credentials AS kept (connector_id, name, version, accepted) VALUES ($1, $2, $3, true)
		ON CONFLICT (connector_id, name) DO UPDATE
		   SET version = excluded.version, accepted = true, refusal = NULL, refused_until = NULL,
		       token = CASE WHEN kept.version = excluded.version THEN kept.token ELSE '' END,
		       token_ends_at = CASE WHEN kept.version = excluded.version THEN kept.token_ends_at END
		 WHERE kept.version < excluded.version
		    OR kept.version = excluded.version AND (NOT kept.accepted OR kept.refusal IS NOT NULL)
		       AND (kept.refused_until IS NULL OR kept.refused_until <= now())`,
		c.connector, c.name, c.version)
	return c.failed("note that the vendor accepted", err)
}

// Refuse implements source.Credential. Once it is over, the credential counts
// as never accepted.
func (c *credential) Refuse(ctx context.Context, f *fault.Error, until time.Time) error {
	held := time.Until(until).Seconds()
	kept := refusal{f.Class, f.Code, fault.Head([]byte(f.Message)), fault.Head([]byte(f.Advice)), held}
	_, err := c.store.pool.Exec(ctx, `
		INSERT INTO credentials AS kept (connector_id, name, version, refusal, refused_until)
		VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5))
		ON CONFLICT (connector_id, name) DO UPDATE
		   SET version = excluded.version, accepted = false, refusal = excluded.refusal, refused_until = excluded.refused_until,
		       token = CASE WHEN kept.version = excluded.version THEN kept.token ELSE '' END,
		       token_ends_at = CASE WHEN kept.version = excluded.version THEN kept.token_ends_at END
		 WHERE kept.version <= excluded.version`,
		c.connector, c.name, c.version, kept, held)
	return c.failed("note that the vendor refused", err)
}

// Exclusive implements source.Credential.
func (c *credential) Exclusive(ctx context.Context) (release func(), err error) {
	return c.store.Exclusive(ctx, fmt.Sprintf("credential %d/%s", c.connector, c.name))
}

func (c *credential) failed(doing string, err error) error {
	if err != nil {
		return fmt.Errorf("%s credential %s: %w", doing, c.name, err)
	}
	return nil
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
