package file

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"sluice/internal/transform"
)

// listDepth is in how many objects the list of records is looked for.
const listDepth = 4

// jsonScanner reads the one list of objects that a file of JSON is, or has.
type jsonScanner struct {
	in      *bounded
	decoder *jsontext.Decoder
	objects
	base   int64    // of the decoder's place 0, in the text
	wanted string   // the list to read; empty: the only one of objects
	names  []string // that lead to where the decoder is
	list   []string // that lead to the list that is read, or was
	inside bool     // of the list
	lists  int      // that were read
	empty  bool     // there is a list without anything in it
	at     Position
}

func scanJSON(open func(int64) io.Reader, o Options, at Position) (*jsonScanner, error) {
	s := &jsonScanner{wanted: o.Records, at: at}
	if !at.Inside {
		s.in = &bounded{r: open(0)}
		s.decoder = jsontext.NewDecoder(s.in, transform.Lenient...)
		s.at = Position{}
		return s, nil
	}
	// The text goes on inside of the list: what leads there is put before it.
	var lead strings.Builder
	for _, name := range at.List {
		quoted, err := jsontext.AppendQuote(nil, name)
		if err != nil {
			return nil, fmt.Errorf("read on in list %s: %w", strings.Join(at.List, "."), err)
		}
		lead.WriteString("{" + string(quoted) + ":")
	}
	lead.WriteString("[null")
	s.base = at.Offset - int64(lead.Len())
	s.in = &bounded{r: io.MultiReader(strings.NewReader(lead.String()), open(at.Offset))}
	s.decoder = jsontext.NewDecoder(s.in, transform.Lenient...)
	for range 2*len(at.List) + len("[n") {
		if _, err := s.token(); err != nil {
			return nil, err
		}
	}
	s.names, s.list, s.inside, s.lists = slices.Clone(at.List), at.List, true, 1
	return s, nil
}

// Position implements Scanner.
func (s *jsonScanner) Position() Position { return s.at }

// Next implements Scanner.
func (s *jsonScanner) Next() (Record, error) {
	if !s.inside {
		if err := s.find(); err != nil {
			return Record{}, err
		}
	}
	for s.decoder.PeekKind() == ']' {
		if _, err := s.token(); err != nil {
			return Record{}, err
		}
		s.inside = false
		if err := s.find(); err != nil {
			return Record{}, err
		}
	}
	s.in.record(s.decoder.InputOffset())
	value, err := s.decoder.ReadValue()
	if err != nil {
		return Record{}, s.wrong(err)
	}
	s.at.Offset = s.base + s.decoder.InputOffset()
	s.at.Records++
	s.at.List, s.at.Inside = s.list, true
	record, reason := s.object(value)
	if reason != "" {
		return setAside(value, fmt.Sprintf("record %d %s", s.at.Records, reason)), nil
	}
	return Record{Data: record}, nil
}

// wrong is the error for a file that cannot be read on.
func (s *jsonScanner) wrong(err error) error {
	if s.in.err != nil {
		return s.in.broken(fmt.Sprintf("record %d", s.at.Records+1))
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return refused("file-json", "it may have been cut off", "it ends in the middle, behind record %d", s.at.Records)
	}
	place, reason := said(err)
	return refused("file-json", "", "it is not valid JSON behind record %d, at byte %d: %s", s.at.Records, s.base+place+1, reason)
}

// token reads one token outside of records.
func (s *jsonScanner) token() (jsontext.Token, error) {
	s.in.record(s.decoder.InputOffset())
	t, err := s.decoder.ReadToken()
	if err != nil {
		err = s.wrong(err)
	}
	return t, err
}

// find reads on until a list of records begins, or to the end of the file: then
// its error is io.EOF.
func (s *jsonScanner) find() error {
	for {
		depth := s.decoder.StackDepth()
		if depth == 0 && s.decoder.InputOffset() > 0 {
			return s.end()
		}
		kind, n := s.decoder.StackIndex(depth)
		isName := kind == '{' && n%2 == 0
		t, err := s.token()
		if err != nil {
			return err
		}
		switch t.Kind() {
		case '"':
			if isName {
				s.names[len(s.names)-1] = t.String()
			}
		case '{':
			if s.names = append(s.names, ""); len(s.names) > listDepth {
				err = s.skip()
			}
		case '}':
			s.names = s.names[:len(s.names)-1]
		case '[':
			if s.isRecords() {
				return s.enter()
			}
			err = s.skip()
		}
		if err != nil {
			return err
		}
	}
}

// isRecords says whether the list that has just begun is the one to read.
func (s *jsonScanner) isRecords() bool {
	if s.wanted != "" {
		return strings.Join(s.names, ".") == s.wanted
	}
	first := s.decoder.PeekKind()
	s.empty = s.empty || first == ']'
	return first == '{' || len(s.names) == 0
}

// enter begins the list of records.
func (s *jsonScanner) enter() error {
	if s.lists++; s.lists > 1 {
		return refused("file-records", "say which by --records, such as --records "+strings.Join(s.list, "."),
			"it has several lists of objects, %s and %s: which one has the records?", strings.Join(s.list, "."), strings.Join(s.names, "."))
	}
	s.list, s.inside = slices.Clone(s.names), true
	return nil
}

// skip reads to the end of the object or list that has just begun.
func (s *jsonScanner) skip() error {
	for depth := s.decoder.StackDepth(); s.decoder.StackDepth() >= depth; {
		t, err := s.token()
		if err != nil {
			return err
		}
		if t.Kind() == '}' && s.decoder.StackDepth() < depth {
			s.names = s.names[:len(s.names)-1]
		}
	}
	return nil
}

// end is what there is to say when the file's value has ended.
func (s *jsonScanner) end() error {
	s.in.record(s.decoder.InputOffset())
	_, err := s.decoder.ReadToken()
	switch {
	case s.in.err != nil:
		return s.wrong(err)
	case !errors.Is(err, io.EOF):
		return refused("file-json", "if it has a record a line, give --format "+NDJSON, "it goes on behind the end of its JSON, at byte %d", s.base+s.decoder.InputOffset()+1)
	case s.lists == 0 && s.wanted != "":
		return refused("file-records", "names that lead to a list have dots between them: data.items", "it has no list %s", s.wanted)
	case s.lists == 0 && !s.empty:
		return refused("file-records", "if it has a record a line, give --format "+NDJSON, "it has no list of objects")
	}
	return io.EOF
}
