package file

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// csvScanner reads CSV.
type csvScanner struct {
	in      *bounded
	r       *csv.Reader
	names   []string // of the columns
	columns [][]byte // their names, in quotes
	renamed map[string]string
	from    Position // where the reader began
	at      Position
	line    int64 // that the row begins in
	record  []byte
}

func scanCSV(open func(int64) io.Reader, o Options, at Position) (*csvScanner, error) {
	s := &csvScanner{renamed: make(map[string]string)}
	s.begin(open(0), o, Position{})
	if err := s.header(); err != nil {
		return nil, err
	}
	if at.Offset > s.at.Offset {
		s.begin(open(at.Offset), o, at)
	}
	s.r.FieldsPerRecord = len(s.columns)
	return s, nil
}

// begin reads on from a position.
func (s *csvScanner) begin(r io.Reader, o Options, at Position) {
	delimiter, _ := utf8.DecodeRuneInString(o.Delimiter)
	s.in = &bounded{r: r, delimiter: []byte(o.Delimiter)}
	s.r = csv.NewReader(s.in)
	s.r.Comma, s.r.FieldsPerRecord, s.r.ReuseRecord = delimiter, -1, true
	s.from, s.at = at, at
}

// Position implements Scanner.
func (s *csvScanner) Position() Position { return s.at }

// Renamed implements Scanner.
func (s *csvScanner) Renamed() map[string]string { return s.renamed }

// Names implements Scanner.
func (s *csvScanner) Names() []string { return s.names }

// header reads the names of the columns.
func (s *csvScanner) header() error {
	names, err := s.row()
	switch {
	case errors.Is(err, io.EOF):
		return refused("file-header", "", "it has no header row")
	case err != nil && s.in.err == nil:
		return refused("file-header", "", "its header row, line %d, cannot be read: %s", s.line, unquoted(err))
	case err != nil:
		return err
	case len(names) > maxColumns:
		return refused("file-header", "is it the right delimiter? --delimiter says which", "it has %d columns, and %d are the most", len(names), maxColumns)
	}
	bytesOf, first := 0, make(map[string]int)
	for i, name := range names {
		name = strings.TrimSpace(name)
		if bytesOf += len(name); bytesOf > maxHeader {
			return refused("file-header", "is the first row the header?", "the names of its columns are longer than %d KiB", maxHeader>>10)
		}
		if name == "" {
			return refused("file-header", "every column needs a name in the first row", "column %d has no name", i+1)
		}
		path := nameInPath(name)
		if before, ok := first[path]; ok {
			return refused("file-header", "give each its own name", "columns %d and %d are both called %s", before, i+1, path)
		}
		if first[path] = i + 1; path != name {
			s.renamed[name] = path
		}
		quoted, err := jsontext.AppendQuote(nil, path)
		if err != nil {
			return refused("file-header", "", "the name of column %d is not valid UTF-8", i+1)
		}
		s.names, s.columns = append(s.names, strings.Clone(path)), append(s.columns, append(quoted, ':'))
	}
	if len(names) == 1 && strings.ContainsRune(names[0], '\r') {
		return refused("file-header", "save it with line ends of LF or CRLF", "its lines end by CR alone")
	}
	return nil
}

// row reads a row and moves the position behind it. An error that leaves in.err
// unset is of that row alone.
func (s *csvScanner) row() ([]string, error) {
	s.in.record(s.r.InputOffset())
	values, err := s.r.Read()
	if s.in.err != nil {
		return nil, s.in.broken(fmt.Sprintf("row %d, from line %d on,", s.at.Row+1, s.at.Line+1))
	}
	if errors.Is(err, io.EOF) {
		return nil, err
	}
	s.at.Offset = s.from.Offset + s.r.InputOffset()
	s.at.Row++
	var parse *csv.ParseError
	if errors.As(err, &parse) && !errors.Is(err, csv.ErrFieldCount) {
		s.line, s.at.Line = s.from.Line+int64(parse.StartLine), s.from.Line+int64(parse.Line)
		return nil, err
	}
	last := len(values) - 1
	begins, _ := s.r.FieldPos(0)
	ends, _ := s.r.FieldPos(last)
	s.line, s.at.Line = s.from.Line+int64(begins), s.from.Line+int64(ends+strings.Count(values[last], "\n"))
	return values, err
}

// unquoted is what the library says of a row, in our words.
func unquoted(err error) string {
	switch {
	case errors.Is(err, csv.ErrBareQuote):
		return "a value that is not in quotes has one in it"
	case errors.Is(err, csv.ErrQuote):
		return "a value goes on behind its closing quote (a quote inside of one is written twice)"
	}
	return err.Error()
}

// Next implements Scanner.
func (s *csvScanner) Next() (Record, error) {
	for {
		values, err := s.row()
		switch {
		case s.in.err != nil || errors.Is(err, io.EOF):
			return Record{}, err
		case errors.Is(err, csv.ErrFieldCount):
			s.at.Records++
			return setAside([]byte(strings.Join(values, string(s.r.Comma))),
				fmt.Sprintf("row %d (line %d) has %d values, and the header %d", s.at.Row, s.line, len(values), len(s.columns))), nil
		case errors.Is(err, csv.ErrQuote) && s.in.ended && s.r.InputOffset() == s.in.offset:
			return Record{}, refused("file-record", "close it, or write it twice if it is part of the value", "row %d, from line %d on, has a quote that is not closed before the end of the file", s.at.Row, s.line)
		case err != nil:
			s.at.Records++
			return setAside(nil, fmt.Sprintf("row %d (line %d): %s", s.at.Row, s.line, unquoted(err))), nil
		}
		ok, reason := s.encode(values)
		if reason != "" {
			s.at.Records++
			return setAside(nil, fmt.Sprintf("row %d (line %d) %s", s.at.Row, s.line, reason)), nil
		}
		if ok {
			s.at.Records++
			return Record{Data: s.record}, nil
		}
	}
}

// encode makes a row a record; ok says whether it has any value, and a reason
// why it can be none.
func (s *csvScanner) encode(values []string) (ok bool, reason string) {
	s.record = append(s.record[:0], '{')
	for i, value := range values {
		if value == "" {
			continue
		}
		if ok {
			s.record = append(s.record, ',')
		}
		ok = true
		if s.record = append(s.record, s.columns[i]...); !fits(len(s.record), value) {
			return false, fmt.Sprintf("is longer than %d MiB as JSON", maxRecord>>20)
		}
		var err error
		if s.record, err = jsontext.AppendQuote(s.record, value); err != nil {
			return false, "is not valid UTF-8"
		}
	}
	s.record = append(s.record, '}', '\n')
	return ok, ""
}

// fits says whether a value, in quotes, makes a record that has so many bytes no
// longer than it may be. A control character takes six bytes there.
func fits(bytesOf int, value string) bool {
	const escape, short = len(`\u0001`), len(`\n`)
	if bytesOf += len(`""`); bytesOf+escape*len(value) <= maxRecord {
		return true
	}
	for i := range len(value) {
		switch c := value[i]; {
		case c < ' ' && !strings.ContainsRune("\b\f\n\r\t", rune(c)):
			bytesOf += escape
		case c < ' ', c == '"', c == '\\':
			bytesOf += short
		default:
			bytesOf++
		}
	}
	return bytesOf <= maxRecord
}
