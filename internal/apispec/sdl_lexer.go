package apispec

import "bytes"

// Kinds of GraphQL tokens.
const (
	sdlEnd         = iota
	sdlName        // also of keywords
	sdlString      // and block string; its text is not kept
	sdlPunctuation // one character
	sdlOther       // numbers, and what GraphQL does not have
)

// sdlLexer cuts GraphQL into tokens. White space, commas and comments are none.
type sdlLexer struct {
	data []byte
	pos  int
	kind int
	text string
	cut  bool // the data ended inside of something
}

func (l *sdlLexer) is(punctuation string) bool {
	return l.kind == sdlPunctuation && l.text == punctuation
}

// next reads the next token into kind and text.
func (l *sdlLexer) next() {
	l.blank()
	l.text = ""
	if l.pos == len(l.data) {
		l.kind = sdlEnd
		return
	}
	start := l.pos
	switch b := l.data[l.pos]; {
	case isNameByte(b):
		for l.pos < len(l.data) && isNameByte(l.data[l.pos]) {
			l.pos++
		}
		l.kind, l.text = sdlName, string(l.data[start:l.pos])
	case b == '"':
		l.kind = sdlString
		l.quoted()
	case bytes.IndexByte([]byte("{}()[]:!@=|&$"), b) >= 0:
		l.pos++
		l.kind, l.text = sdlPunctuation, string(b)
	default:
		l.pos++
		l.kind = sdlOther
	}
}

func (l *sdlLexer) blank() {
	for ; l.pos < len(l.data); l.pos++ {
		switch l.data[l.pos] {
		case ' ', '\t', '\r', '\n', ',':
		case '#':
			end := bytes.IndexByte(l.data[l.pos:], '\n')
			if end < 0 {
				l.pos = len(l.data)
				return
			}
			l.pos += end
		default:
			return
		}
	}
}

// quoted passes a string, which ends with its line at the latest, or a block
// string in three quotes.
func (l *sdlLexer) quoted() {
	if bytes.HasPrefix(l.data[l.pos:], []byte(`"""`)) {
		for from := l.pos + 3; ; {
			end := bytes.Index(l.data[from:], []byte(`"""`))
			if end < 0 {
				l.pos, l.cut = len(l.data), true
				return
			}
			from += end + 3
			if l.data[from-4] != '\\' {
				l.pos = from
				return
			}
		}
	}
	for l.pos++; l.pos < len(l.data); l.pos++ {
		switch l.data[l.pos] {
		case '\\':
			l.pos++
		case '"':
			l.pos++
			return
		case '\n':
			return
		}
	}
	l.pos, l.cut = len(l.data), true
}

// isNameByte says whether a name can have the byte; digits alone are taken for
// names too, which changes nothing.
func isNameByte(b byte) bool {
	return b == '_' || '0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || b >= 0x80
}
