package xmlstream

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// maxReference bounds a reference with its '&' and ';', in bytes. What is
// longer is none, and stays as written.
const maxReference = 32

// characters reads a piece of text outside of CDATA sections.
func (d *Decoder) characters() (Kind, error) {
	window := d.buf[d.pos:d.end]
	n := bytes.IndexByte(window, '<')
	if n < 0 {
		return d.piece(window, true, false)
	}
	return d.piece(window[:n], true, true)
}

// section reads a piece of a CDATA section.
func (d *Decoder) section() (Kind, error) {
	window := d.buf[d.pos:d.end]
	n := bytes.Index(window, []byte("]]>"))
	if n < 0 {
		n = len(window)
		for n > 0 && n > len(window)-2 && window[n-1] == ']' {
			n--
		}
		if n == 0 {
			return 0, d.more()
		}
		return d.piece(window[:n], false, false)
	}
	kind, err := d.piece(window[:n], false, true)
	d.pos += len("]]>")
	d.cdata = false
	return kind, err
}

// piece makes raw, which begins the window, the current text. What may go on
// behind raw is left in the window, unless raw is complete.
func (d *Decoder) piece(raw []byte, references, complete bool) (Kind, error) {
	used := len(raw)
	if !d.skipping {
		d.text = raw
		if n := plain(raw, references); n < len(raw) {
			d.scratch = append(d.scratch[:0], raw[:n]...)
			d.scratch, used = decode(d.scratch, raw[n:], references, complete)
			d.text = d.scratch
			used += n
		}
	}
	d.pos += used
	if used == 0 && !complete {
		return 0, d.more()
	}
	if len(d.text) == 0 {
		return 0, nil
	}
	return Text, nil
}

// plain is how many bytes at the beginning of raw stand for themselves.
func plain(raw []byte, references bool) int {
	special := &specialInCDATA
	if references {
		special = &specialInText
	}
	for i, c := range raw {
		if special[c] {
			return i
		}
	}
	return len(raw)
}

var specialInCDATA = func() (special [256]bool) {
	special[0], special['\r'] = true, true
	for c := 0x80; c < 0x100; c++ {
		special[c] = true
	}
	return special
}()

var specialInText = func() [256]bool {
	special := specialInCDATA
	special['&'] = true
	return special
}()

// decode appends the text that raw stands for, and returns how much of raw it
// has used: all of it when that is complete, else all but an end of less than
// maxReference bytes that may go on.
func decode(dst, raw []byte, references, complete bool) ([]byte, int) {
	for i := 0; i < len(raw); {
		if n := plain(raw[i:], references); n > 0 {
			dst = append(dst, raw[i:i+n]...)
			i += n
			continue
		}
		switch c := raw[i]; c {
		case 0:
			dst = utf8.AppendRune(dst, utf8.RuneError)
			i++
		case '\r':
			if i+1 == len(raw) && !complete {
				return dst, i
			}
			dst = append(dst, '\n')
			if i++; i < len(raw) && raw[i] == '\n' {
				i++
			}
		case '&':
			size := referenceSize(raw[i:])
			if size == 0 && !complete && len(raw)-i < maxReference {
				return dst, i
			}
			size = max(size, 1)
			dst = appendReference(dst, raw[i:i+size])
			i += size
		default:
			if !complete && !utf8.FullRune(raw[i:]) {
				return dst, i
			}
			r, size := utf8.DecodeRune(raw[i:])
			dst = utf8.AppendRune(dst, r)
			i += size
		}
	}
	return dst, len(raw)
}

// referenceSize is the length of the reference that raw begins with: 0 when its
// end is not there, 1 when it is a mere ampersand.
func referenceSize(raw []byte) int {
	for i := 1; i < min(len(raw), maxReference); i++ {
		switch c := raw[i]; {
		case c == ';':
			return i + 1
		case c >= 0x80 || !isName[c] && (c != '#' || i > 1):
			return 1
		}
	}
	if len(raw) >= maxReference {
		return 1
	}
	return 0
}

// appendReference appends what a reference stands for, or the reference as
// written when that is not known.
func appendReference(dst, reference []byte) []byte {
	switch string(reference) {
	case "&lt;":
		return append(dst, '<')
	case "&gt;":
		return append(dst, '>')
	case "&amp;":
		return append(dst, '&')
	case "&apos;":
		return append(dst, '\'')
	case "&quot;":
		return append(dst, '"')
	}
	if len(reference) < 4 || reference[1] != '#' {
		return append(dst, reference...)
	}
	digits, base := reference[2:len(reference)-1], 10
	if digits[0] == 'x' {
		digits, base = digits[1:], 16
	}
	for _, c := range digits {
		if c > '9' && (base == 10 || c|0x20 < 'a' || c|0x20 > 'f') || c < '0' {
			return append(dst, reference...)
		}
	}
	if len(digits) == 0 {
		return append(dst, reference...)
	}
	n, err := strconv.ParseUint(string(digits), base, 32)
	if err != nil || n == 0 || n > utf8.MaxRune {
		n = utf8.RuneError
	}
	return utf8.AppendRune(dst, rune(n)) // a surrogate becomes U+FFFD
}
