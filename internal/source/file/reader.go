package file

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"sluice/internal/source"
)

// reader reads an upload in chunks.
type reader struct {
	limits  Limits
	upload  *source.Upload
	at      Position
	scanner Scanner // nil before the first chunk
	text    io.Closer
	data    []byte
}

func newReader(l Limits, req source.Request) (*reader, error) {
	if req.Upload == nil {
		return nil, refused("no-upload", "import a file: 'sluice import FILE --profile NAME'", "the run was given no file to read")
	}
	r := &reader{limits: l, upload: req.Upload}
	if req.Cursor != "" {
		if err := json.Unmarshal([]byte(req.Cursor), &r.at); err != nil {
			return nil, fmt.Errorf("read the cursor of %s: %w", req.AssetType, err)
		}
	}
	return r, nil
}

// Next implements source.Reader.
func (r *reader) Next(ctx context.Context) (source.Chunk, error) {
	if err := r.open(ctx); err != nil {
		return source.Chunk{}, err
	}
	r.data = r.data[:0]
	c := source.Chunk{Pages: 1}
	for c.Records+len(c.SetAside) < r.limits.ChunkRecords && len(r.data) < r.limits.ChunkBytes && !c.End {
		record, err := r.scanner.Next()
		switch {
		case errors.Is(err, io.EOF):
			c.End = true
		case err != nil:
			return source.Chunk{}, err
		case record.Reason != "":
			c.SetAside = append(c.SetAside, source.SetAside{Reason: record.Reason, Head: record.Head})
		default:
			r.data = append(r.data, record.Data...)
			c.Records++
		}
	}
	r.at = r.scanner.Position()
	cursor, err := json.Marshal(r.at)
	if err != nil {
		return source.Chunk{}, fmt.Errorf("write the cursor: %w", err)
	}
	c.Data, c.Cursor, c.Remaining = r.data, string(cursor), max(0, r.upload.Records-r.at.Records)
	if c.End && r.at.Records != r.upload.Records {
		c.Doubt = fmt.Sprintf("%s had %d records when it was sent, and %d were read", r.upload.Name, r.upload.Records, r.at.Records)
	}
	return c, nil
}

// open begins to read where the last chunk ended.
func (r *reader) open(ctx context.Context) (err error) {
	if r.scanner != nil {
		return nil
	}
	r.scanner, err = Scan(func(from int64) io.Reader {
		if r.text != nil {
			_ = r.text.Close() // it was only read from
		}
		text := r.upload.Open(ctx, from)
		r.text = text
		return text
	}, fromReading(r.upload.Reading), r.at)
	return err
}

// Close implements source.Reader.
func (r *reader) Close() error {
	if r.text == nil {
		return nil
	}
	return r.text.Close()
}
