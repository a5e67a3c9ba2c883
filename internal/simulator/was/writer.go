package was

import (
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"time"
)

// dialect is how a body is written.
type dialect uint8

const (
	xmlDialect dialect = iota
	jsonDialect
)

const (
	flushAt      = 64 << 10 // bytes collected before they are written
	keepBufferAt = 1 << 20  // larger buffers are not kept for the next page
)

// writer writes one answer in either dialect, from one description of it: a
// named value is an element of XML, indented as the vendor's are, or a member of
// a JSON object. In JSON, booleans are strings and numbers are numbers; a text
// is a CDATA section in XML (recorded).
type writer struct {
	buf     []byte
	dialect dialect
	padded  bool // white space around texts in XML
	depth   int
	first   bool // the next member of JSON is the first of its object or list

	out   io.Writer
	err   error // first error of out; what follows is not written
	bytes int64
}

func (w *writer) flushIfFull() {
	if len(w.buf) >= flushAt {
		w.flush()
	}
}

func (w *writer) flush() {
	if w.err == nil && len(w.buf) > 0 {
		_, w.err = w.out.Write(w.buf)
	}
	w.bytes += int64(len(w.buf))
	w.buf = w.buf[:0]
}

// member begins a value: in JSON with a comma and, unless it is an element of a
// list, its name; in XML with its tag.
func (w *writer) member(name string, inList bool) {
	if w.dialect == xmlDialect {
		w.newLine()
		w.buf = append(w.buf, '<')
		w.buf = append(w.buf, name...)
		w.buf = append(w.buf, '>')
		return
	}
	if !w.first {
		w.buf = append(w.buf, ',')
	}
	w.first = false
	if !inList {
		w.buf = append(w.buf, '"')
		w.buf = append(w.buf, name...)
		w.buf = append(w.buf, '"', ':')
	}
}

func (w *writer) newLine() {
	w.buf = append(w.buf, '\n')
	for range w.depth {
		w.buf = append(w.buf, ' ', ' ')
	}
}

func (w *writer) endTag(name string) {
	if w.dialect == xmlDialect {
		w.buf = append(w.buf, '<', '/')
		w.buf = append(w.buf, name...)
		w.buf = append(w.buf, '>')
	}
}

// open begins an object.
func (w *writer) open(name string) { w.begin(name, false, '{') }

func (w *writer) begin(name string, inList bool, bracket byte) {
	w.member(name, inList)
	w.depth++
	if w.dialect == jsonDialect {
		w.buf = append(w.buf, bracket)
		w.first = true
	}
}

// close ends an object.
func (w *writer) close(name string) { w.end(name, '}') }

func (w *writer) end(name string, bracket byte) {
	w.depth--
	if w.dialect == jsonDialect {
		w.buf = append(w.buf, bracket)
		w.first = false
		return
	}
	w.newLine()
	w.endTag(name)
}

// record begins an element of a list: in JSON an object with one member, the
// name of its type (documented).
func (w *writer) record(name string) {
	if w.dialect == xmlDialect {
		w.open(name)
		return
	}
	w.begin(name, true, '{')
	w.open(name)
}

func (w *writer) endRecord(name string) {
	w.close(name)
	if w.dialect == jsonDialect {
		w.end(name, '}')
	}
}

// list writes a list with its count; without an element there is the count only.
func (w *writer) list(name string, n int, each func(int)) {
	w.open(name)
	w.number("count", int64(n))
	if n > 0 {
		w.begin("list", false, '[')
		for i := range n {
			each(i)
		}
		w.end("list", ']')
	}
	w.close(name)
}

func (w *writer) number(name string, n int64) { w.scalar(name, false, strconv.FormatInt(n, 10)) }

// element is a number in a list that wraps its elements in nothing but, in XML,
// their type.
func (w *writer) element(name string, n int64) { w.scalar(name, true, strconv.FormatInt(n, 10)) }

// tenths writes a number that is integral or has one digit of a fraction.
func (w *writer) tenths(name string, n int) {
	text := strconv.Itoa(n / 10)
	if n%10 != 0 {
		text += "." + strconv.Itoa(n%10)
	}
	w.scalar(name, false, text)
}

func (w *writer) scalar(name string, inList bool, text string) {
	w.member(name, inList)
	w.buf = append(w.buf, text...)
	w.endTag(name)
}

// word writes a short text; in XML with entities.
func (w *writer) word(name, text string) {
	w.member(name, false)
	if w.dialect == jsonDialect {
		w.buf = appendJSON(w.buf, text)
		return
	}
	w.buf = append(w.buf, escape.Replace(text)...)
	w.endTag(name)
}

func (w *writer) boolean(name string, b bool) { w.word(name, strconv.FormatBool(b)) }

// date writes a date unless there is none.
func (w *writer) date(name string, seconds int64) {
	if seconds != 0 {
		w.word(name, date(seconds).Format(time.RFC3339))
	}
}

// text writes free text; in XML as CDATA.
func (w *writer) text(name, text string) {
	if w.dialect == jsonDialect {
		w.word(name, text)
		return
	}
	w.member(name, false)
	if w.padded {
		w.buf = append(w.buf, "\n\t "...)
	}
	w.buf = append(w.buf, "<![CDATA["...)
	if w.padded {
		w.buf = append(w.buf, " \n"...)
	}
	w.buf = append(w.buf, strings.ReplaceAll(text, "]]>", "]]]]><![CDATA[>")...)
	if w.padded {
		w.buf = append(w.buf, "\t\r\n "...)
	}
	w.buf = append(w.buf, "]]>"...)
	if w.padded {
		w.buf = append(w.buf, '\n')
	}
	w.endTag(name)
}

// comment writes one, in XML only.
func (w *writer) comment(text string) {
	if w.dialect == xmlDialect {
		w.buf = append(w.buf, "\n<!-- "+text+" -->"...)
	}
}

// escape replaces what the vendor does in XML; apostrophes too (recorded).
var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "'", "&apos;", `"`, "&quot;")

func appendJSON(b []byte, text string) []byte {
	if plain(text) { // most are
		b = append(b, '"')
		b = append(b, text...)
		return append(b, '"')
	}
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string always has a JSON form
	}
	return append(b, quoted...)
}

// plain tells whether a text is the same inside a JSON string.
func plain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
