package apispec

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"
)

// decode returns a document as valid UTF-8 without a byte order mark, and
// whether anything but the mark had to be changed.
func decode(data []byte) ([]byte, bool) {
	data = bytes.TrimPrefix(data, []byte("\xEF\xBB\xBF"))
	if order := utf16Order(data); order != nil {
		return fromUTF16(data, order), true
	}
	if utf8.Valid(data) {
		return data, false
	}
	return bytes.ToValidUTF8(data, []byte("\uFFFD")), true
}

// utf16Order is nil when the data is not UTF-16. Without a mark it is known by
// its first character, which in a specification is ASCII.
func utf16Order(data []byte) binary.ByteOrder {
	switch {
	case len(data) < 2:
		return nil
	case data[0] == 0xFF && data[1] == 0xFE, data[0] != 0 && data[1] == 0:
		return binary.LittleEndian
	case data[0] == 0xFE && data[1] == 0xFF, data[0] == 0 && data[1] != 0:
		return binary.BigEndian
	}
	return nil
}

func fromUTF16(data []byte, order binary.ByteOrder) []byte {
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = order.Uint16(data[2*i:])
	}
	text := []byte(string(utf16.Decode(units)))
	return bytes.TrimPrefix(text, []byte("\uFEFF"))
}

// decodeXML returns an XML document in an encoding that package xmlstream
// knows, which reads the declaration of it.
func decodeXML(data []byte) []byte {
	order := utf16Order(data)
	if order == nil {
		return data
	}
	data = fromUTF16(data, order)
	if declaration := bytes.Index(data, []byte("?>")); declaration > 0 && bytes.HasPrefix(data, []byte("<?xml")) {
		return data[declaration+2:] // it says UTF-16
	}
	return data
}
