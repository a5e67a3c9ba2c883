package transform

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// converts are the types that a row's convert can name.
var converts = []string{string(String), string(Int), string(Float), string(Bool), string(Timestamp), string(Severity)}

// A value is a source's value as its target takes it.
type value struct {
	text string // of string targets
	num  int64  // microseconds of a timestamp, a severity, an int, the bits of a float, 1 for true
	json []byte // of attributes; valid until the next record
}

// A reader reads a JSON value other than null. The reason, if not empty, says
// in words why it could not: "is not ...".
type reader func(s *scratch, raw []byte) (v value, reason string)

// scratch is the memory of one goroutine for reading values.
type scratch struct {
	unquoted []byte
	json     []byte // attributes of the record
	read     int    // bytes that expressions of the record went through
	altered  bool   // the expression that is evaluated has read a text with NUL, or not in UTF-8
	strings  stringArena
}

// Reasons for which values are rejected.
const (
	reasonString    = "is not text or a number"
	reasonScalar    = "is a list or an object, where a single value is needed"
	reasonLong      = "is longer than the target takes"
	reasonEmptyID   = "is empty, and an id is needed"
	reasonAlteredID = "has a NUL or is not valid UTF-8, and an id cannot be altered"
	reasonInt       = "is not an integer of at most 64 bits"
	reasonFloat     = "is not a number that a 64-bit float can hold"
	reasonDigits    = "is a number of more digits than a 64-bit float holds"
	reasonBool      = "is not true or false"
	reasonSeverity  = "is not a severity: an integer from 1 to 5"
	reasonNoRow     = "has no row in the table of values; add one (a default is for what is absent)"
	reasonJSON      = "repeats a name inside of it"
	reasonNumber    = "has a number with an exponent beyond 1000 or of more than 1000 characters"
)

// newReader returns the reader of a row without a table.
func newReader(b *binding) reader {
	read := typeReader(b)
	if b.target.Type != Any || b.read == Any {
		return read
	}
	of, limit := b.read, b.target.MaxBytes
	return func(s *scratch, raw []byte) (value, string) {
		v, reason := read(s, raw)
		if reason != "" {
			return value{}, reason
		}
		start := len(s.json)
		s.json = appendJSON(s.json, of, v)
		v.json = slices.Clip(s.json[start:])
		if len(v.json) > limit {
			return value{}, reasonLong
		}
		return v, ""
	}
}

func typeReader(b *binding) reader {
	limit := b.target.MaxBytes
	switch b.read {
	case String:
		if b.slot == assetID || b.slot == findingID {
			return idReader(limit)
		}
		if len(b.target.Values) > 0 {
			return choiceReader(b.target.Values)
		}
		return stringReader(limit, b.row.Convert != "")
	case Int:
		if b.target.Type == Int {
			return columnReader(b.slot)
		}
		return readInt
	case Float:
		return readFloat
	case Bool:
		return readBool
	case Timestamp:
		return readTimestamp
	case Severity:
		return readSeverity
	}
	return attributeReader(limit)
}

// newTable returns the reader of a row with a table of values.
func newTable(table map[string]value) reader {
	return func(s *scratch, raw []byte) (value, string) {
		text, _, ok := s.scalar(raw)
		if !ok {
			return value{}, reasonScalar
		}
		v, ok := table[string(text)]
		if !ok {
			return value{}, reasonNoRow
		}
		return v, ""
	}
}

// scalar returns the text of a string, and of a number or a bool as it is
// written. What PostgreSQL cannot hold in text, NUL and bytes that are not
// UTF-8, becomes U+FFFD; altered says that there was some. The text is valid
// until the next call.
func (s *scratch) scalar(raw []byte) (text []byte, altered, ok bool) {
	switch raw[0] {
	case '{', '[':
		return nil, false, false
	case '"':
	default:
		return raw, false, true
	}
	text = raw[1 : len(raw)-1]
	if bytes.IndexByte(text, '\\') < 0 && utf8.Valid(text) {
		return text, false, true // JSON has no raw control characters
	}
	var err error
	s.unquoted, err = jsontext.AppendUnquote(s.unquoted[:0], raw)
	if bytes.IndexByte(s.unquoted, 0) >= 0 {
		s.unquoted = bytes.ReplaceAll(s.unquoted, []byte{0}, []byte("\uFFFD"))
		altered = true
	}
	return s.unquoted, altered || err != nil, true
}

// idReader reads strings and numbers; a number keeps its exact digits.
func idReader(limit int) reader {
	return func(s *scratch, raw []byte) (value, string) {
		if raw[0] == 't' || raw[0] == 'f' {
			return value{}, reasonString
		}
		text, altered, ok := s.scalar(raw)
		switch {
		case !ok:
			return value{}, reasonScalar
		case altered:
			return value{}, reasonAlteredID
		case len(text) > limit:
			return value{}, reasonLong
		}
		return value{text: s.strings.keep(text)}, ""
	}
}

// stringReader reads strings and numbers, and true and false as text if bools
// is set.
func stringReader(limit int, bools bool) reader {
	return func(s *scratch, raw []byte) (value, string) {
		if !bools && (raw[0] == 't' || raw[0] == 'f') {
			return value{}, reasonString
		}
		text, _, ok := s.scalar(raw)
		switch {
		case !ok:
			return value{}, reasonScalar
		case len(text) > limit:
			return value{}, reasonLong
		}
		return value{text: s.strings.keep(text)}, ""
	}
}

// readInt reads a number without fraction, or a string of one.
func readInt(s *scratch, raw []byte) (value, string) {
	text, _, ok := s.scalar(raw)
	if !ok {
		return value{}, reasonScalar
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		return value{}, reasonInt
	}
	return value{num: n}, ""
}

// columnReader reads an integer of a column of 32 bits; a QID is never zero.
func columnReader(of slot) reader {
	low := int64(0)
	if of == findingQID || of == entryQID {
		low = 1
	}
	reason := fmt.Sprintf("is not an integer from %d to %d", low, math.MaxInt32)
	return func(s *scratch, raw []byte) (value, string) {
		v, wrong := readInt(s, raw)
		if wrong == "" && (v.num < low || v.num > math.MaxInt32) {
			wrong = reason
		}
		return v, wrong
	}
}

// choiceReader reads one of some strings.
func choiceReader(values []string) reader {
	reason := "is not one of " + strings.Join(values, ", ")
	return func(s *scratch, raw []byte) (value, string) {
		text, _, ok := s.scalar(raw)
		if !ok {
			return value{}, reasonScalar
		}
		for _, known := range values {
			if known == string(text) {
				return value{text: known}, ""
			}
		}
		return value{}, reason
	}
}

// readFloat reads a number, or a string of one.
func readFloat(s *scratch, raw []byte) (value, string) {
	text, _, ok := s.scalar(raw)
	if !ok {
		return value{}, reasonScalar
	}
	kind := jsontext.Value(text).Kind()
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil || kind != '0' || !jsontext.Value(text).IsValid() { // no hex, no NaN
		return value{}, reasonFloat
	}
	return value{num: int64(math.Float64bits(f))}, ""
}

// readBool reads true and false, or a string of them.
func readBool(s *scratch, raw []byte) (value, string) {
	text, _, ok := s.scalar(raw)
	switch {
	case !ok:
		return value{}, reasonScalar
	case string(text) == "true":
		return value{num: 1}, ""
	case string(text) == "false":
		return value{num: 0}, ""
	}
	return value{}, reasonBool
}

// readTimestamp reads the forms of parseTimestamp.
func readTimestamp(s *scratch, raw []byte) (value, string) {
	text, _, ok := s.scalar(raw)
	if !ok {
		return value{}, reasonScalar
	}
	micros, reason := parseTimestamp(text)
	return value{num: micros}, reason
}

// readSeverity reads 1 to 5, as a number or a string.
func readSeverity(s *scratch, raw []byte) (value, string) {
	text, _, ok := s.scalar(raw)
	if !ok {
		return value{}, reasonScalar
	}
	if len(text) != 1 || text[0] < '1' || text[0] > '5' {
		return value{}, reasonSeverity
	}
	return value{num: int64(text[0] - '0')}, ""
}

// appendJSON appends a value that was read as the given type.
func appendJSON(dst []byte, of Type, v value) []byte {
	switch of {
	case String:
		return quote(dst, v.text)
	case Float:
		return jsontext.AppendFloat(dst, math.Float64frombits(uint64(v.num)), 64)
	case Bool:
		return strconv.AppendBool(dst, v.num == 1)
	case Timestamp:
		dst = append(dst, '"')
		dst = moment(v.num).AppendFormat(dst, time.RFC3339Nano)
		return append(dst, '"')
	}
	return strconv.AppendInt(dst, v.num, 10)
}

// quote appends text, which is valid UTF-8 or becomes it, as a JSON string.
func quote(dst []byte, text string) []byte {
	dst, _ = jsontext.AppendQuote(dst, text) // its error only says that bytes were replaced
	return dst
}

// moment returns microseconds since 1970 as a time in UTC.
func moment(micros int64) time.Time { return time.UnixMicro(micros).UTC() }
