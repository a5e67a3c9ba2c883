package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/klauspost/compress/zstd"

	"sluice/internal/source"
)

// maxDocument bounds a document that is unpacked, in bytes: more than any kind
// keeps.
const maxDocument = 64 << 20

var (
	documentWriter, _ = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	documentReader, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxDocument))
)

// saveDocuments keeps the documents that are not kept yet, in the order of
// their hashes: two runs that find the same ones would otherwise wait for each
// other.
func saveDocuments(ctx context.Context, tx pgx.Tx, documents []source.Document) error {
	documents = slices.SortedFunc(slices.Values(documents), func(a, b source.Document) int { return strings.Compare(a.Hash, b.Hash) })
	for _, d := range documents {
		tag, err := tx.Exec(ctx, "INSERT INTO documents (hash, format, bytes, data) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
			d.Hash, d.Format, len(d.Data), documentWriter.EncodeAll(d.Data, nil))
		if err != nil {
			return fmt.Errorf("keep document %s: %w", d.Hash, err)
		}
		if tag.RowsAffected() == 0 {
			continue
		}
		_, err = tx.CopyFrom(ctx, pgx.Identifier{"document_endpoints"},
			[]string{"hash", "position", "method", "path", "operation_id", "deprecated", "parameters", "security"},
			pgx.CopyFromSlice(len(d.Endpoints), func(i int) ([]any, error) {
				e := d.Endpoints[i]
				return []any{d.Hash, i, storable(e.Method), storable(e.Path), storable(e.OperationID), e.Deprecated, e.Parameters, e.Security}, nil
			}))
		if err != nil {
			return fmt.Errorf("keep endpoints of document %s: %w", d.Hash, err)
		}
	}
	return nil
}

// storable is a text of a document as PostgreSQL takes it: documents are as
// their authors left them, NUL characters included.
func storable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// Document returns a document by its hash.
func (s *Store) Document(ctx context.Context, hash string) (source.Document, error) {
	d := source.Document{Hash: hash}
	var packed []byte
	err := s.pool.QueryRow(ctx, "SELECT format, data FROM documents WHERE hash = $1", hash).Scan(&d.Format, &packed)
	if errors.Is(err, pgx.ErrNoRows) {
		return d, fmt.Errorf("document %s: %w", hash, ErrNotFound)
	}
	if err != nil {
		return d, fmt.Errorf("read document %s: %w", hash, err)
	}
	if d.Data, err = documentReader.DecodeAll(packed, nil); err != nil {
		return d, fmt.Errorf("unpack document %s: %w", hash, err)
	}
	rows, err := s.pool.Query(ctx, `
		SELECT method, path, operation_id, deprecated, parameters, security FROM document_endpoints WHERE hash = $1 ORDER BY position`, hash)
	if err != nil {
		return d, fmt.Errorf("read endpoints of document %s: %w", hash, err)
	}
	d.Endpoints, err = pgx.CollectRows(rows, pgx.RowToStructByPos[source.Endpoint])
	return d, err
}

// Recall returns what complete runs of the profile have remembered of a stream
// under some keys.
func (s *Store) Recall(ctx context.Context, profileID int64, stream string, keys []string) (map[string]string, error) {
	rows, err := s.pool.Query(ctx, "SELECT key, value FROM memory WHERE profile_id = $1 AND stream = $2 AND key = ANY($3)", profileID, stream, keys)
	if err != nil {
		return nil, fmt.Errorf("recall %s: %w", stream, err)
	}
	recalled := make(map[string]string, len(keys))
	var key, value string
	_, err = pgx.ForEachRow(rows, []any{&key, &value}, func() error {
		recalled[key] = value
		return nil
	})
	return recalled, err
}

// remember keeps what a chunk's records are to be known by.
func remember(ctx context.Context, tx pgx.Tx, ref BatchRef, values map[string]string) error {
	if len(values) == 0 {
		return nil
	}
	keys, list := make([]string, 0, len(values)), make([]string, 0, len(values))
	for key, value := range values {
		keys, list = append(keys, key), append(list, value)
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO remembered (run_id, stream, key, value) SELECT $1, $2, k, v FROM unnest($3::text[], $4::text[]) AS given (k, v)
		ON CONFLICT (run_id, stream, key) DO UPDATE SET value = excluded.value`, ref.RunID, ref.Stream, keys, list)
	if err != nil {
		return fmt.Errorf("remember records of %s: %w", ref.Stream, err)
	}
	return nil
}

// learn adds what a run has remembered of a complete stream to the profile's
// memory. What a full run did not bring is forgotten: should it come back, as
// it was, from a service that could not be read or is seen again, it has to be
// delivered anew.
func learn(ctx context.Context, tx pgx.Tx, runID, profileID int64, stream PlannedStream) error {
	if stream.Full() {
		if _, err := tx.Exec(ctx, "DELETE FROM memory WHERE profile_id = $1 AND stream = $2", profileID, stream.Name); err != nil {
			return fmt.Errorf("forget what %s does not have any more: %w", stream.Name, err)
		}
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO memory (profile_id, stream, key, value)
		SELECT $2, stream, key, value FROM remembered WHERE run_id = $1 AND stream = $3
		ON CONFLICT (profile_id, stream, key) DO UPDATE SET value = excluded.value`, runID, profileID, stream.Name)
	if err != nil {
		return fmt.Errorf("learn from %s: %w", stream.Name, err)
	}
	return nil
}

// lockPoll is how often a lock that somebody else has is asked for.
const lockPoll = 100 * time.Millisecond

// Exclusive waits until nobody else holds the key, in this process or another
// one, and holds it until release is called. It needs a connection of its own
// for as long, so that one who waits keeps nobody from the database.
func (s *Store) Exclusive(ctx context.Context, key string) (release func(), err error) {
	conn, err := pgx.ConnectConfig(ctx, s.pool.Config().ConnConfig)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", key, err)
	}
	release = func() { _ = conn.Close(context.WithoutCancel(ctx)) } // which ends the lock
	for {
		var got bool
		if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock(hashtext('exclusive'), hashtext($1))", key).Scan(&got); err != nil {
			release()
			return nil, fmt.Errorf("lock %s: %w", key, err)
		}
		if got {
			return release, nil
		}
		select {
		case <-time.After(lockPoll):
		case <-ctx.Done():
			release()
			return nil, context.Cause(ctx)
		}
	}
}
