package file

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

var (
	markUTF8    = []byte("\xEF\xBB\xBF")
	markUTF16LE = []byte("\xFF\xFE")
	markUTF16BE = []byte("\xFE\xFF")
)

// detectEncoding says in which encoding a file that begins with head is, and
// how long the mark is that says so.
func detectEncoding(head []byte, given string) (name string, mark int, order unicode.Endianness, err error) {
	switch {
	case bytes.HasPrefix(head, markUTF8):
		name, mark = UTF8, len(markUTF8)
	case bytes.HasPrefix(head, markUTF16LE):
		name, mark, order = UTF16, len(markUTF16LE), unicode.LittleEndian
	case bytes.HasPrefix(head, markUTF16BE):
		name, mark, order = UTF16, len(markUTF16BE), unicode.BigEndian
	default:
		order = byteOrder(head)
		switch {
		case given != "":
			name = given
		case zeros(head, 0) != zeros(head, 1) && max(zeros(head, 0), zeros(head, 1)) > len(head)/4:
			name = UTF16
		case validUTF8(head):
			name = UTF8
		default:
			name = Windows1252
		}
		return name, 0, order, nil
	}
	if given != "" && given != name {
		return "", 0, order, refused("file-encoding", "leave --encoding out", "it begins with the mark of %s, and is said to be in %s", name, given)
	}
	return name, mark, order, nil
}

// zeros counts the zero bytes at even or odd places: most text has them in
// every other place of UTF-16.
func zeros(head []byte, odd int) (n int) {
	for i := odd; i < len(head); i += 2 {
		if head[i] == 0 {
			n++
		}
	}
	return n
}

func byteOrder(head []byte) unicode.Endianness {
	if zeros(head, 0) > zeros(head, 1) {
		return unicode.BigEndian
	}
	return unicode.LittleEndian
}

// validUTF8 allows that the last character was cut off.
func validUTF8(head []byte) bool {
	for len(head) > 0 {
		r, size := utf8.DecodeRune(head)
		if r == utf8.RuneError && size == 1 {
			return !utf8.FullRune(head)
		}
		head = head[size:]
	}
	return true
}

// decoded reads a file's text in UTF-8.
func decoded(r io.Reader, name string, order unicode.Endianness) io.Reader {
	switch name {
	case UTF16:
		return transform.NewReader(r, unicode.UTF16(order, unicode.IgnoreBOM).NewDecoder())
	case Windows1252:
		return transform.NewReader(r, charmap.Windows1252.NewDecoder())
	}
	return &validated{r: transform.NewReader(r, encoding.UTF8Validator), line: 1}
}

// validated knows where its text stops being UTF-8.
type validated struct {
	r      io.Reader
	offset int64
	line   int64
}

// Read implements io.Reader.
func (v *validated) Read(p []byte) (int, error) {
	n, err := v.r.Read(p)
	v.offset += int64(n)
	v.line += int64(bytes.Count(p[:n], []byte("\n")))
	if errors.Is(err, encoding.ErrInvalidUTF8) {
		err = refused("file-encoding", "say in which encoding it is, such as --encoding "+Windows1252, "it is not in %s: line %d, byte %d", UTF8, v.line, v.offset+1)
	}
	return n, err
}

// limited is a text of no more than so many bytes.
type limited struct {
	r    io.Reader
	rest int64
}

// Read implements io.Reader.
func (l *limited) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.rest -= int64(n); l.rest < 0 {
		return 0, refused("file-size", "split it, and import the parts with --partial", "its text is larger than %d MiB", MaxBytes>>20)
	}
	return n, err
}
