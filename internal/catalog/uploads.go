package catalog

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/klauspost/compress/s2"
)

// An Upload is a file that somebody has sent to be imported.
type Upload struct {
	ID        int64             `json:"id"`
	ProfileID int64             `json:"-"`
	Name      string            `json:"name"`    // as people know it: "scans.csv"
	Reading   map[string]string `json:"reading"` // how it is read
	Bytes     int64             `json:"bytes"`   // of its text, in UTF-8
	Records   int64             `json:"records"` // that the sender counted
	SHA256    string            `json:"sha256"`  // of its text, in hexadecimal digits
	CreatedAt time.Time         `json:"createdAt"`
	EndedAt   *time.Time        `json:"endedAt"` // nil: it was not sent to its end
}

// partBytes is how long the parts are that uploads are stored in.
const partBytes = 4 << 20

// An UploadWriter stores what is written to it as an upload, part by part. It
// is used by one goroutine at a time.
type UploadWriter struct {
	ctx    context.Context
	store  *Store
	upload Upload
	hash   hash.Hash
	part   []byte // not stored yet
	packed []byte
}

// BeginUpload begins an upload for a profile. It is nothing to be read before
// End.
func (s *Store) BeginUpload(ctx context.Context, u Upload) (*UploadWriter, error) {
	u.Name, u.Bytes = storable(u.Name), 0
	err := s.pool.QueryRow(ctx, "INSERT INTO uploads (profile_id, name, reading) VALUES ($1, $2, $3) RETURNING id, created_at",
		u.ProfileID, u.Name, u.Reading).Scan(&u.ID, &u.CreatedAt)
	if err != nil {
		return nil, fmt.Errorf("begin to send %s: %w", u.Name, err)
	}
	return &UploadWriter{ctx: ctx, store: s, upload: u, hash: sha256.New(), part: make([]byte, 0, partBytes)}, nil
}

// Write implements io.Writer.
func (w *UploadWriter) Write(p []byte) (int, error) {
	written := len(p)
	w.hash.Write(p)
	for len(p) > 0 {
		n := min(len(p), partBytes-len(w.part))
		w.part, p = append(w.part, p[:n]...), p[n:]
		if len(w.part) == partBytes {
			if err := w.flush(); err != nil {
				return 0, err
			}
		}
	}
	return written, nil
}

func (w *UploadWriter) flush() error {
	if len(w.part) == 0 {
		return nil
	}
	w.packed = s2.Encode(w.packed[:cap(w.packed)], w.part)
	_, err := w.store.pool.Exec(w.ctx, "INSERT INTO upload_parts (upload_id, starts_at, bytes, data) VALUES ($1, $2, $3, $4)",
		w.upload.ID, w.upload.Bytes, len(w.part), w.packed)
	if err != nil {
		return fmt.Errorf("send %s: %w", w.upload.Name, err)
	}
	w.upload.Bytes += int64(len(w.part))
	w.part = w.part[:0]
	return nil
}

// End completes the upload, which has so many records.
func (w *UploadWriter) End(records int64) (Upload, error) {
	if err := w.flush(); err != nil {
		return w.upload, err
	}
	u := &w.upload
	u.Records, u.SHA256 = records, hex.EncodeToString(w.hash.Sum(nil))
	err := w.store.pool.QueryRow(w.ctx, "UPDATE uploads SET bytes = $2, records = $3, sha256 = $4, ended_at = now() WHERE id = $1 RETURNING ended_at",
		u.ID, u.Bytes, u.Records, u.SHA256).Scan(&u.EndedAt)
	if err != nil {
		return *u, fmt.Errorf("send %s: %w", u.Name, err)
	}
	return *u, nil
}

// Abandon deletes an upload that is not to be read.
func (w *UploadWriter) Abandon() error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.ctx), 10*time.Second)
	defer cancel()
	if _, err := w.store.pool.Exec(ctx, "DELETE FROM uploads WHERE id = $1", w.upload.ID); err != nil {
		return fmt.Errorf("delete what was sent of %s: %w", w.upload.Name, err)
	}
	return nil
}

// Upload returns an upload that was sent to its end.
func (s *Store) Upload(ctx context.Context, id int64) (Upload, error) {
	rows, err := s.pool.Query(ctx, `
		SELECT id, profile_id, name, reading, bytes, records, sha256, created_at, ended_at FROM uploads WHERE id = $1 AND ended_at IS NOT NULL`, id)
	if err != nil {
		return Upload{}, fmt.Errorf("read upload %d: %w", id, err)
	}
	u, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Upload])
	if errors.Is(err, pgx.ErrNoRows) {
		return u, fmt.Errorf("upload %d: %w: it was deleted after its time, or never sent to its end; import the file again", id, ErrNotFound)
	}
	if err != nil {
		return u, fmt.Errorf("read upload %d: %w", id, err)
	}
	return u, nil
}

// OpenUpload reads the text of an upload, from a place in it on. No more than
// a part of it is in memory at a time.
func (s *Store) OpenUpload(ctx context.Context, u Upload, from int64) io.ReadCloser {
	return &uploadReader{ctx: ctx, store: s, upload: u, next: from}
}

type uploadReader struct {
	ctx    context.Context
	store  *Store
	upload Upload
	next   int64  // place that is read next
	rest   []byte // of the part that was read last, up to there
	part   []byte
}

// Read implements io.Reader.
func (r *uploadReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		if r.next >= r.upload.Bytes {
			return 0, io.EOF
		}
		if err := r.load(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	r.next += int64(n)
	return n, nil
}

// load reads the part that the next place is in.
func (r *uploadReader) load() error {
	var starts int64
	var packed []byte
	err := r.store.pool.QueryRow(r.ctx, "SELECT starts_at, data FROM upload_parts WHERE upload_id = $1 AND starts_at <= $2 ORDER BY starts_at DESC LIMIT 1",
		r.upload.ID, r.next).Scan(&starts, &packed)
	if errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("upload %d: %w: it was deleted meanwhile; import the file again", r.upload.ID, ErrNotFound)
	}
	if err == nil {
		r.part, err = s2.Decode(r.part[:cap(r.part)], packed)
	}
	if err == nil && r.next-starts >= int64(len(r.part)) {
		err = errors.New("a part of it is missing")
	}
	if err != nil {
		return fmt.Errorf("read upload %d at byte %d: %w", r.upload.ID, r.next, err)
	}
	r.rest = r.part[r.next-starts:]
	return nil
}

// Close implements io.Closer.
func (r *uploadReader) Close() error { return nil }
