package catalog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/klauspost/compress/s2"
)

const (
	// MaxSample bounds the records of a sample, in bytes.
	MaxSample = 16 << 20
	// sampleKept is how long a sample that nobody has taken is kept.
	sampleKept = time.Hour
)

// SaveSample keeps some records of a profile's vendor, a record a line, for
// whoever asked for them to take.
func (s *Store) SaveSample(ctx context.Context, profileID int64, records []byte) (id int64, err error) {
	if len(records) > MaxSample {
		return 0, fmt.Errorf("the sample has %d bytes: %d is the limit", len(records), MaxSample)
	}
	err = s.pool.QueryRow(ctx, "INSERT INTO samples (profile_id, records) VALUES ($1, $2) RETURNING id", profileID, s2.Encode(nil, records)).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("keep a sample: %w", err)
	}
	return id, nil
}

// TakeSample returns the records of a sample, a record a line, and deletes it.
func (s *Store) TakeSample(ctx context.Context, id int64) ([]byte, error) {
	var packed []byte
	err := s.pool.QueryRow(ctx, "DELETE FROM samples WHERE id = $1 RETURNING records", id).Scan(&packed)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, fmt.Errorf("sample %d: %w: it was taken, or deleted after its time", id, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("take sample %d: %w", id, err)
	}
	records, err := s2.Decode(nil, packed)
	if err != nil {
		return nil, fmt.Errorf("unpack sample %d: %w", id, err)
	}
	return records, nil
}
