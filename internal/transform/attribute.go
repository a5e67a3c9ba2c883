package transform

import (
	"bytes"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Attributes are kept as JSON that a digest is taken of, so that equal values
// must be equal bytes: names are sorted at every level, strings are escaped in
// one way, whitespace is gone; numbers keep their digits. What PostgreSQL's
// jsonb cannot hold is replaced (NUL, invalid UTF-8) or rejected (numbers
// beyond its range).

var attributeFormat = []jsontext.Options{
	jsontext.ReorderRawObjects(true),
	jsontext.AllowInvalidUTF8(true),
	jsontext.CanonicalizeRawInts(false),
	jsontext.CanonicalizeRawFloats(false),
}

const (
	maxExponent    = 1000 // jsonb keeps numbers in full: 1e1000 is a thousand digits
	maxNumberBytes = 1000
)

// attributeReader reads a JSON value of any kind, of at most limit bytes.
func attributeReader(limit int) reader {
	return func(s *scratch, raw []byte) (value, string) {
		if len(raw) > limit {
			return value{}, reasonLong
		}
		start := len(s.json)
		if raw[0] == '"' && bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) {
			s.json = append(s.json, raw...) // most are, and there is only one way to write it
			return value{json: slices.Clip(s.json[start:])}, ""
		}
		var err error
		s.json, err = jsontext.AppendFormat(s.json, raw, attributeFormat...)
		if err != nil {
			s.json = s.json[:start]
			return value{}, reasonJSON
		}
		formatted := slices.Clip(s.json[start:])
		if !storable(formatted) {
			return value{}, reasonNumber
		}
		return value{json: formatted}, ""
	}
}

// storable makes formatted JSON fit for jsonb: an escaped NUL becomes an
// escaped U+FFFD in place. It reports whether all numbers are in range.
func storable(json []byte) bool {
	for i := 0; i < len(json); {
		switch c := json[i]; {
		case c == '"':
			i = stringEnd(json, i)
		case c == '-' || c >= '0' && c <= '9':
			end := i + 1
			for end < len(json) && bytes.IndexByte([]byte("+-.eE0123456789"), json[end]) >= 0 {
				end++
			}
			if !numberInRange(json[i:end]) {
				return false
			}
			i = end
		default:
			i++
		}
	}
	return true
}

// stringEnd returns the index behind the string that starts at i, in which it
// replaces NUL.
func stringEnd(json []byte, i int) int {
	for i++; json[i] != '"'; i++ {
		if json[i] != '\\' {
			continue
		}
		i++
		if bytes.HasPrefix(json[i:], []byte("u0000")) {
			copy(json[i:], "ufffd")
		}
	}
	return i + 1
}

func numberInRange(number []byte) bool {
	if len(number) > maxNumberBytes {
		return false
	}
	i := bytes.IndexAny(number, "eE")
	if i < 0 {
		return true
	}
	exponent, err := strconv.Atoi(string(number[i+1:]))
	return err == nil && exponent >= -maxExponent && exponent <= maxExponent
}
