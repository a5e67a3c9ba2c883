package file

import (
	"bytes"
	"errors"
	"io"

	"sluice/internal/fault"
)

// A Position is a place in a file's text between two records.
type Position struct {
	Offset  int64    `json:"offset"`           // in bytes
	Records int64    `json:"records"`          // before it, those set aside included
	Row     int64    `json:"row,omitempty"`    // rows of CSV before it, the header included
	Line    int64    `json:"line,omitempty"`   // lines before it, but for JSON
	List    []string `json:"list,omitempty"`   // of JSON, the names that lead to the list it is in
	Inside  bool     `json:"inside,omitempty"` // of JSON: it is in a list

}

// A Record is one record of a file.
type Record struct {
	// Data is the record, an object of JSON in one line with its end. It is
	// valid until the next one is read. It is empty where there is a Reason.
	Data []byte
	// Reason says where a record is that cannot be read as one, and why not.
	Reason string
	Head   string // what it begins with, bounded
}

// A Scanner reads the records of a file one after the other.
type Scanner interface {
	// Next returns the next record, or io.EOF after the last one.
	Next() (Record, error)
	// Position is behind the last record.
	Position() Position
	// Names are those of the records' fields, as paths write them: all columns of
	// CSV, and those of JSON that were met so far.
	Names() []string
	// Renamed says which names paths write otherwise: by name, how.
	Renamed() map[string]string
}

// Scan reads a file's records from a position on. open reads its text, in
// UTF-8, from a place on. The options are complete, as Detect returns them.
func Scan(open func(from int64) io.Reader, o Options, at Position) (Scanner, error) {
	switch o.Format {
	case CSV:
		return scanCSV(open, o, at)
	case JSON:
		return scanJSON(open, o, at)
	case NDJSON:
		return scanNDJSON(open, at), nil
	}
	return nil, refused("file-format", "", "unknown format %q", o.Format)
}

// readAtOnce bounds what is read ahead of a record's end, in bytes.
const readAtOnce = 32 << 10

// bounded is a text of which no record is longer than maxRecord.
type bounded struct {
	r         io.Reader
	offset    int64 // of what was read
	begins    int64 // of the record that is read
	delimiter []byte
	possible  int // delimiters in the record
	ended     bool
	err       error
}

// record begins a record at a place.
func (b *bounded) record(begins int64) { b.begins, b.possible = begins, 0 }

// errTooLong says that a record has no end within its bounds.
var errTooLong = errors.New("too long")

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if b.offset-b.begins > maxRecord || b.possible > maxDelimiters {
		b.err = errTooLong
		return 0, b.err
	}
	n, err := b.r.Read(p[:min(len(p), readAtOnce)])
	b.offset += int64(n)
	if b.delimiter != nil {
		b.possible += bytes.Count(p[:n], b.delimiter)
	}
	if b.ended = errors.Is(err, io.EOF); err != nil && !b.ended {
		b.err = err
	}
	return n, err
}

// broken is what is wrong with the text itself, as far as it was read; what
// begins says which record it is.
func (b *bounded) broken(what string) error {
	if errors.Is(b.err, errTooLong) {
		return refused("file-record", "look for what is not closed there, such as a quote", "%s is longer than %d MiB, or has more than %d delimiters", what, maxRecord>>20, maxDelimiters)
	}
	return b.err
}

// setAside is a record that cannot be read as one.
func setAside(head []byte, reason string) Record {
	return Record{Reason: fault.Head([]byte(reason)), Head: fault.Head(head)}
}

// Lines reads a file's records, an object a line. Those that cannot be read are
// left out.
func Lines(s Scanner) io.Reader { return &lines{scanner: s} }

type lines struct {
	scanner Scanner
	rest    []byte // of the last record
}

// Read implements io.Reader.
func (l *lines) Read(p []byte) (int, error) {
	for len(l.rest) == 0 {
		record, err := l.scanner.Next()
		if err != nil {
			return 0, err
		}
		l.rest = record.Data
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}
