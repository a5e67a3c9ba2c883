package transform

import (
	"bytes"
	"errors"
)

// What follows reads JSON that is known to be valid, in place.

var errTwice = errors.New("is there twice in the same object, and nobody knows which one is meant")

// memberOf returns the value of a field of an object; nil of an absent one.
func memberOf(json []byte, name string, s *scratch) (value []byte, err error) {
	err = eachMember(json, s, func(key, raw []byte) error {
		if string(key) != name {
			return nil
		}
		if value != nil {
			return errTwice
		}
		value = raw
		return nil
	})
	return value, err
}

// eachMember calls do for each field of an object. The name is valid only
// during the call.
func eachMember(json []byte, s *scratch, do func(name, value []byte) error) error {
	for i := skipSpace(json, 1); json[i] != '}'; {
		end := valueEnd(json, i)
		name := json[i+1 : end-1]
		if bytes.IndexByte(name, '\\') >= 0 {
			name, _, _ = s.scalar(json[i:end])
		}
		i = skipSpace(json, end) // at the colon
		i = skipSpace(json, i+1)
		end = valueEnd(json, i)
		if err := do(name, json[i:end]); err != nil {
			return err
		}
		if i = skipSpace(json, end); json[i] == ',' {
			i = skipSpace(json, i+1)
		}
	}
	return nil
}

func skipSpace(json []byte, i int) int {
	for json[i] == ' ' || json[i] == '\n' || json[i] == '\t' || json[i] == '\r' {
		i++
	}
	return i
}

// valueEnd returns the index behind the value that begins at i.
func valueEnd(json []byte, i int) int {
	for depth := 0; i < len(json); i++ {
		switch json[i] {
		case '"':
			for i++; json[i] != '"'; i++ {
				if json[i] == '\\' {
					i++
				}
			}
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i // a number at the end of its list
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ':', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
		}
	}
	return len(json)
}
