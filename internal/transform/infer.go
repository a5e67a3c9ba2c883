package transform

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// Bounds of what Infer looks at.
const (
	maxInferRecords = 10_000
	maxInferBytes   = 64 << 20 // of all records
	maxInferRecord  = 8 << 20  // bytes of one
	maxInferDepth   = 8        // of objects and lists in which fields are looked for
	maxInferNotes   = 20
	maxExample      = 100 // bytes
	maxDistinct     = 20  // values that a field is known to have
)

// A Shape says what records are: one asset of a class each, or one finding.
// The zero Shape is found out.
type Shape struct {
	Class    string
	Findings bool
}

// An Inference is a source model and a first map that records suggest.
type Inference struct {
	Model   *Model   `json:"-"`
	Map     *Map     `json:"-"`
	Records int      `json:"records"`         // looked at
	Because string   `json:"because"`         // why they are taken for what they are
	Notes   []string `json:"notes,omitempty"` // what was guessed or left aside
}

// Infer proposes a source model of a name ("file.hosts"), and a map of it to
// the model "inventory", by records that are one JSON object a line. It looks at the
// first 10,000 of them, or 64 MiB, and believes only what it sees: a field is
// a number if every value reads as one. Only ids are required: what no record
// of a file lacks, one of the next may.
func Infer(name string, records io.Reader, models *Models, shape Shape) (*Inference, error) {
	if err := CheckModelName(name); err != nil {
		return nil, err
	}
	target := models.Get("inventory")
	if target == nil {
		return nil, errors.New(`there is no model "inventory" to propose a map for`)
	}
	s := &survey{root: newSighting(), decoder: jsontext.NewDecoder(new(bytes.Buffer))}
	if err := s.read(records); err != nil {
		return nil, err
	}
	if s.records == 0 {
		return nil, errors.New("there is no record to look at")
	}
	m := s.model(name)
	if len(m.Fields) == 0 {
		return nil, errors.New("the records have no field that a map could name")
	}
	proposed, because, err := s.propose(m, target, shape)
	if err != nil {
		return nil, err
	}
	return &Inference{Model: m, Map: proposed, Records: s.records, Because: because, Notes: s.notes}, nil
}

// survey is what is known of the records so far.
type survey struct {
	root    *sighting
	records int
	fields  int
	full    bool // there are more fields than a model may have
	notes   []string
	decoder *jsontext.Decoder
	scratch scratch
}

// sighting is what is known of a field, or of the elements of a list.
type sighting struct {
	seen    int // times it had a value
	objects int
	lists   int
	scalars int
	// Of the scalars, how many could be read as what.
	bools, ints, floats, times, severities, sinceEpoch int

	example  string
	distinct map[string]bool // nil when there are too many, or none
	children map[string]*sighting
	names    []string // of the children, as first met
	element  *sighting
}

func newSighting() *sighting {
	return &sighting{distinct: map[string]bool{}, children: map[string]*sighting{}}
}

func (s *survey) notef(format string, args ...any) {
	if len(s.notes) < maxInferNotes {
		s.notes = append(s.notes, fmt.Sprintf(format, args...))
	}
}

// noteFull says, once, that there are too many fields.
func (s *survey) noteFull(path string) {
	if !s.full {
		s.notef("fields beyond the first %d are left aside, such as %q", maxFields, cut(path))
	}
	s.full = true
}

func (s *survey) read(records io.Reader) error {
	lines := bufio.NewScanner(records)
	lines.Buffer(nil, maxInferRecord)
	size := 0
	for line := 1; lines.Scan(); line++ {
		record := bytes.TrimSpace(lines.Bytes())
		if line == 1 {
			record = bytes.TrimPrefix(record, []byte("\uFEFF"))
		}
		if len(record) == 0 {
			continue
		}
		if size += len(record); s.records == maxInferRecords || size > maxInferBytes {
			s.notef("only the first %d records were looked at", s.records)
			return nil
		}
		if err := s.valid(record); err != nil {
			return fmt.Errorf("the record in line %d %w", line, err)
		}
		s.records++
		s.look(s.root, record, 0)
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return fmt.Errorf("record %d is longer than %d bytes; one JSON object is needed on each line", s.records+1, maxInferRecord)
	} else if err != nil {
		return fmt.Errorf("read records: %w", err)
	}
	return nil
}

// valid says whether a line is one JSON object of a depth that is allowed.
func (s *survey) valid(record []byte) error {
	s.decoder.Reset(bytes.NewBuffer(record), Lenient...)
	if s.decoder.PeekKind() != '{' && record[0] != '{' {
		return errNotObject
	}
	if err := skipValue(s.decoder); errors.Is(err, errDepth) {
		return err
	} else if err != nil {
		var syntax *jsontext.SyntacticError
		if errors.As(err, &syntax) {
			return errors.New("is not valid JSON: " + syntaxError(syntax))
		}
		return err
	}
	if _, err := s.decoder.ReadToken(); !errors.Is(err, io.EOF) {
		return errTrailing
	}
	return nil
}

// look notes a value and what is in it.
func (s *survey) look(at *sighting, raw []byte, depth int) {
	if raw[0] == 'n' || string(raw) == `""` {
		return // absent
	}
	at.seen++
	switch raw[0] {
	case '{':
		at.objects++
		if depth < maxInferDepth {
			s.members(at, raw, depth)
		}
	case '[':
		at.lists++
		if depth < maxInferDepth {
			s.elements(at, raw, depth)
		}
	default:
		s.scalar(at, raw)
	}
}

func (s *survey) members(at *sighting, raw []byte, depth int) {
	met := map[string]bool{}
	_ = eachMember(raw, &s.scratch, func(name, value []byte) error {
		child := at.children[string(name)]
		if child == nil {
			if child = s.field(string(name)); child == nil {
				return nil
			}
			at.children[string(name)] = child
			at.names = append(at.names, string(name))
		}
		if !met[string(name)] { // the second of a name says nothing new
			met[string(name)] = true
			s.look(child, value, depth+1)
		}
		return nil
	})
}

// field makes room for one more field, if it can be named in a map.
func (s *survey) field(name string) *sighting {
	if p, err := ParsePath(name); err != nil || len(p.steps) != 1 || name == "*" || p.steps[0].list {
		s.notef("the field %q is left aside: a name in a path has no spaces, dots or brackets", cut(name))
		return nil
	}
	if s.fields == maxFields {
		s.noteFull(name)
		return nil
	}
	s.fields++
	return newSighting()
}

func (s *survey) elements(at *sighting, raw []byte, depth int) {
	for i := skipSpace(raw, 1); raw[i] != ']'; {
		end := valueEnd(raw, i)
		if at.element == nil {
			at.element = newSighting()
		}
		s.look(at.element, raw[i:end], depth+1)
		if i = skipSpace(raw, end); raw[i] == ',' {
			i = skipSpace(raw, i+1)
		}
	}
}

// scalar notes as what a value could be read.
func (s *survey) scalar(at *sighting, raw []byte) {
	at.scalars++
	count := func(n *int, read reader) {
		if _, reason := read(&s.scratch, raw); reason == "" {
			*n++
		}
	}
	count(&at.bools, readBool)
	count(&at.ints, readInt)
	count(&at.floats, readFloat)
	count(&at.times, readTimestamp)
	count(&at.severities, readSeverity)
	text, _, _ := s.scratch.scalar(raw)
	if len(text) > 1 && (text[0] == '0' && text[1] != '.' || text[0] == '+') { // 007 is no number
		at.ints, at.floats = -maxInferBytes, -maxInferBytes
	}
	const ofSeconds, ofMilliseconds = 10, 13
	if len(text) == ofSeconds || len(text) == ofMilliseconds {
		at.sinceEpoch++
	}
	if at.example == "" && len(text) <= maxExample {
		at.example = printable(text)
	}
	if at.distinct == nil {
		return
	}
	if len(text) > maxExample || len(at.distinct) == maxDistinct && !at.distinct[string(text)] {
		at.distinct = nil
		return
	}
	at.distinct[string(text)] = true
}
