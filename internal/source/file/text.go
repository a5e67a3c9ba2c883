package file

import (
	"bytes"
	"encoding/binary"
	"io"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/transform"
)

var (
	markUTF8    = []byte("\xEF\xBB\xBF")
	markUTF16LE = []byte("\xFF\xFE")
	markUTF16BE = []byte("\xFE\xFF")
)

// detectEncoding says in which encoding a file that begins with head is, and
// how long the mark is that says so.
func detectEncoding(head []byte, given string) (name string, mark int, order binary.ByteOrder, err error) {
	switch {
	case bytes.HasPrefix(head, markUTF8):
		name, mark = UTF8, len(markUTF8)
	case bytes.HasPrefix(head, markUTF16LE):
		name, mark, order = UTF16, len(markUTF16LE), binary.LittleEndian
	case bytes.HasPrefix(head, markUTF16BE):
		name, mark, order = UTF16, len(markUTF16BE), binary.BigEndian
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

func byteOrder(head []byte) binary.ByteOrder {
	if zeros(head, 0) > zeros(head, 1) {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// validUTF8 allows that the last character was cut off.
func validUTF8(head []byte) bool {
	for len(head) > 0 {
		_, size := nextUTF8(head)
		if size <= 0 {
			return size == 0
		}
		head = head[size:]
	}
	return true
}

// A next reads the character that a text begins with. Its size in bytes is 0
// where the text ends within it, and below 0 where so many bytes are none.
type next func(text []byte) (r rune, size int)

// nextOf reads the characters of an encoding.
func nextOf(name string, order binary.ByteOrder) next {
	switch name {
	case UTF16:
		return func(text []byte) (rune, int) { return nextUTF16(text, order) }
	case Windows1252:
		return nextWindows1252
	}
	return nextUTF8
}

func nextUTF8(text []byte) (rune, int) {
	r, size := utf8.DecodeRune(text)
	switch {
	case r != utf8.RuneError || size > 1:
		return r, size
	case !utf8.FullRune(text):
		return r, 0
	}
	return r, -1
}

func nextWindows1252(text []byte) (rune, int) {
	r := charmap.Windows1252.DecodeByte(text[0])
	if r == utf8.RuneError {
		return r, -1
	}
	return r, 1
}

func nextUTF16(text []byte, order binary.ByteOrder) (rune, int) {
	const unit = 2
	if len(text) < unit {
		return utf8.RuneError, 0
	}
	r := rune(order.Uint16(text))
	if !utf16.IsSurrogate(r) {
		return r, unit
	}
	if len(text) < 2*unit {
		return utf8.RuneError, 0
	}
	if r = utf16.DecodeRune(r, rune(order.Uint16(text[unit:]))); r == utf8.RuneError {
		return r, -unit
	}
	return r, 2 * unit
}

// legible says whether a head is of characters that a text has, but for a few.
func legible(head []byte, n next) bool {
	const few, share = 10, 20 // or one in so many
	all, illegible := 0, 0
	for len(head) > 0 {
		r, size := n(head)
		if size == 0 {
			break
		}
		if all++; size < 0 || unicode.IsControl(r) && !unicode.IsSpace(r) {
			illegible++
		}
		head = head[max(size, -size):]
	}
	return illegible <= few || illegible*share <= all
}

// decoded reads a text in UTF-8.
func decoded(r io.Reader, encoding string, n next) io.Reader {
	return transform.NewReader(r, &decoder{encoding: encoding, next: n})
}

// A decoder writes a text in UTF-8, up to what is not of its encoding: put down
// as U+FFFD, two ids could become one.
type decoder struct {
	transform.NopResetter
	encoding        string
	next            next
	line, character int64 // before the next character
}

// Transform implements transform.Transformer.
func (d *decoder) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		r, size := d.next(src[nSrc:])
		switch {
		case size == 0 && !atEOF:
			return nDst, nSrc, transform.ErrShortSrc
		case size <= 0:
			return nDst, nSrc, d.broken()
		case nDst+utf8.RuneLen(r) > len(dst):
			return nDst, nSrc, transform.ErrShortDst
		}
		nDst += utf8.EncodeRune(dst[nDst:], r)
		nSrc += size
		if d.character++; r == '\n' {
			d.line, d.character = d.line+1, 0
		}
	}
	return nDst, nSrc, nil
}

func (d *decoder) broken() error {
	advice := "save it in " + UTF8 + ", and import that"
	if d.encoding == UTF8 {
		advice = "say in which encoding it is, such as --encoding " + Windows1252
	}
	return refused("file-encoding", advice, "it is not in %s: line %d, character %d", d.encoding, d.line+1, d.character+1)
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
