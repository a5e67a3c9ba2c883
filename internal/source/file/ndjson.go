package file

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// ndjsonScanner reads JSON, a record a line.
type ndjsonScanner struct {
	in   *bounded
	r    *bufio.Reader
	line []byte
	objects
	at Position
}

func scanNDJSON(open func(int64) io.Reader, at Position) *ndjsonScanner {
	in := &bounded{r: open(at.Offset), offset: at.Offset}
	return &ndjsonScanner{in: in, r: bufio.NewReaderSize(in, readAtOnce), at: at}
}

// Position implements Scanner.
func (s *ndjsonScanner) Position() Position { return s.at }

// Next implements Scanner.
func (s *ndjsonScanner) Next() (Record, error) {
	for {
		line, err := s.read()
		if err != nil {
			return Record{}, err
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		s.at.Records++
		record, reason := s.object(line)
		if reason != "" {
			return setAside(line, fmt.Sprintf("line %d %s", s.at.Line, reason)), nil
		}
		return Record{Data: record}, nil
	}
}

// read reads a line and moves the position behind it.
func (s *ndjsonScanner) read() ([]byte, error) {
	s.in.record(s.at.Offset)
	s.line = s.line[:0]
	for {
		part, err := s.r.ReadSlice('\n')
		s.line = append(s.line, part...)
		switch {
		case err == nil, errors.Is(err, io.EOF) && len(s.line) > 0:
			s.at.Offset += int64(len(s.line))
			s.at.Line++
			return s.line, nil
		case errors.Is(err, bufio.ErrBufferFull):
		case s.in.err != nil:
			return nil, s.in.broken(fmt.Sprintf("line %d", s.at.Line+1))
		default:
			return nil, err
		}
	}
}
