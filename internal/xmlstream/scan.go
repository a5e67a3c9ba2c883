package xmlstream

import (
	"bytes"
	"io"
	"unicode/utf8"
)

// What is refused although it could be read.
const (
	reasonOutside    = "there is text outside of the root element"
	reasonSecondRoot = "there is a second root element"
	reasonTwice      = "an attribute stands twice"
	reasonUnnamed    = "a declaration has no name"
	reasonMisplaced  = "a declaration stands behind the start of the root element"
)

// fill reads more into the window, behind what is there.
func (d *Decoder) fill() error {
	if d.readErr != nil {
		return d.readErr
	}
	copy(d.buf, d.buf[d.pos:d.end])
	d.base += int64(d.pos)
	d.pos, d.end = 0, d.end-d.pos
	for range 100 {
		n, err := d.r.Read(d.buf[d.end:])
		d.head = append(d.head, d.buf[d.end:d.end+min(n, cap(d.head)-len(d.head))]...)
		d.end += n
		d.readErr = err
		if n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	d.readErr = io.ErrNoProgress
	return d.readErr
}

// cut makes the end of the input an error.
func (d *Decoder) cut(err error) error {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return d.truncated(err)
}

// more fills the window where the document cannot end.
func (d *Decoder) more() error {
	if err := d.fill(); err != nil {
		return d.cut(err)
	}
	return nil
}

// starts reports whether the document goes on with these bytes.
func (d *Decoder) starts(with string) (bool, error) {
	for i := range len(with) {
		for d.pos+i == d.end {
			if err := d.more(); err != nil {
				return false, err
			}
		}
		if d.buf[d.pos+i] != with[i] {
			return false, nil
		}
	}
	return true, nil
}

// skipPast passes over the next n bytes, which are there, and on through mark.
func (d *Decoder) skipPast(n int, mark string) error {
	d.pos += n
	for {
		if i := bytes.Index(d.buf[d.pos:d.end], []byte(mark)); i >= 0 {
			d.pos += i + len(mark)
			return nil
		}
		d.pos = max(d.pos, d.end-len(mark)+1)
		if err := d.more(); err != nil {
			return err
		}
	}
}

// outside passes over white space outside of the root element.
func (d *Decoder) outside() error {
	for ; d.pos < d.end && d.buf[d.pos] != '<'; d.pos++ {
		if !isSpace(d.buf[d.pos]) {
			return d.malformed(reasonOutside)
		}
	}
	return nil
}

// markup reads what begins with a '<'.
func (d *Decoder) markup() (Kind, error) {
	if d.end-d.pos < 2 {
		if err := d.more(); err != nil {
			return 0, err
		}
	}
	switch d.buf[d.pos+1] {
	case '/':
		return d.endTag()
	case '?':
		return 0, d.instruction()
	case '!':
		return 0, d.declaration()
	}
	return d.startTag()
}

func (d *Decoder) instruction() error {
	for _, declaration := range []string{"<?xml ", "<?xml\n", "<?xml\t", "<?xml\r"} {
		if d.begun || d.declared {
			break
		}
		if is, err := d.starts(declaration); err != nil {
			return err
		} else if is {
			return d.xmlDeclaration()
		}
	}
	return d.skipPast(2, "?>")
}

// declaration reads a comment, the beginning of a CDATA section or a DOCTYPE.
func (d *Decoder) declaration() error {
	if is, err := d.starts("<!--"); err != nil {
		return err
	} else if is {
		return d.skipPast(4, "-->")
	}
	if is, err := d.starts("<![CDATA["); err != nil {
		return err
	} else if is && len(d.open) == 0 {
		return d.malformed(reasonOutside)
	} else if is {
		d.pos += len("<![CDATA[")
		d.cdata = true
		return nil
	}
	if d.begun {
		return d.malformed(reasonMisplaced)
	}
	if !isName[d.buf[d.pos+2]] { // it is there: starts has looked at it
		return d.malformed(reasonUnnamed)
	}
	return d.doctype()
}

// doctype passes over a DOCTYPE. In its internal subset declarations are
// nested, and '>' stands in quotes and comments.
func (d *Decoder) doctype() error {
	begin := d.InputOffset()
	var quote byte
	for depth := 0; ; d.pos++ {
		if d.InputOffset()-begin > int64(d.limits.Doctype) {
			return d.tooLarge("the DOCTYPE", d.limits.Doctype)
		}
		if d.pos == d.end {
			if err := d.more(); err != nil {
				return err
			}
		}
		switch c := d.buf[d.pos]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '<':
			comment, err := d.starts("<!--")
			if err != nil {
				return err
			}
			if comment {
				if err := d.skipPast(4, "-->"); err != nil {
					return err
				}
				d.pos-- // the '>'
				continue
			}
			depth++
		case c == '>':
			if depth--; depth == 0 {
				d.pos++
				return nil
			}
		}
	}
}

func (d *Decoder) endTag() (Kind, error) {
	if len(d.open) == 0 {
		return 0, d.malformed("an end tag stands without its start tag")
	}
	name := d.current()
	if tag := d.buf[d.pos+2 : d.end]; len(tag) > len(name) && tag[len(name)] == '>' && bytes.HasPrefix(tag, name) {
		d.pos += len(name) + 3
		return d.pop(), nil
	}
	size, err := d.tagSize()
	if err != nil {
		return 0, err
	}
	tag := d.buf[d.pos+2 : d.pos+size-1]
	if !bytes.HasPrefix(tag, name) || len(trimSpace(tag[len(name):])) > 0 {
		return 0, d.malformed("<%s> is ended by </%s>", name, bytes.ToValidUTF8(tag[:min(len(tag), d.limits.Name)], []byte("\uFFFD")))
	}
	d.pos += size
	return d.pop(), nil
}

func (d *Decoder) startTag() (Kind, error) {
	n := d.pos + 1
	for n < d.end && isName[d.buf[n]] {
		n++
	}
	if n < d.end && d.buf[n] == '>' && n-d.pos < d.limits.Tag { // hardly any element has attributes
		name := d.buf[d.pos+1 : n]
		if !validName(name) {
			return 0, d.malformed(reasonName)
		}
		d.pos = n + 1
		return Start, d.push(name)
	}
	size, err := d.tagSize()
	if err != nil {
		return 0, err
	}
	tag := d.buf[d.pos+1 : d.pos+size-1]
	if d.selfClosing = len(tag) > 0 && tag[len(tag)-1] == '/'; d.selfClosing {
		tag = tag[:len(tag)-1]
	}
	for n = 0; n < len(tag) && isName[tag[n]]; {
		n++
	}
	if !validName(tag[:n]) {
		return 0, d.malformed(reasonName)
	}
	if err := d.readAttributes(tag[n:]); err != nil {
		return 0, err
	}
	d.pos += size
	return Start, d.push(tag[:n])
}

// tagSize is the length of the tag that begins here, which it makes stand in
// the window completely.
func (d *Decoder) tagSize() (int, error) {
	var quote, last byte
	for n := 1; ; n++ {
		if n > d.limits.Tag {
			return 0, d.tooLarge("the size of a tag", d.limits.Tag)
		}
		if d.pos+n == d.end {
			if err := d.more(); err != nil {
				return 0, err
			}
		}
		switch c := d.buf[d.pos+n]; {
		case c == '<':
			return 0, d.malformed("there is a '<' inside of a tag")
		case quote != 0:
			if c == quote {
				quote, last = 0, c
			}
		case c == '>':
			return n + 1, nil
		case (c == '"' || c == '\'') && last != '=':
			return 0, d.malformed("there is a quote inside of a tag that begins no value")
		case c == '"' || c == '\'':
			quote = c
		case !isSpace(c):
			last = c
		}
	}
}

const reasonName = "a tag has no valid name"

// validName says whether a name made of name bytes is one. Which characters
// beyond ASCII are letters is not looked at.
func validName(name []byte) bool {
	if len(name) == 0 {
		return false
	}
	if c := name[0]; c == '-' || c == '.' || c >= '0' && c <= '9' {
		return false
	}
	return utf8.Valid(name)
}

var isName = func() (is [256]bool) {
	for c := range is {
		is[c] = c >= 0x80 || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
			c == '_' || c == ':' || c == '-' || c == '.'
	}
	return is
}()

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// whiteSpace is that of XML: none beyond ASCII.
const whiteSpace = " \n\t\r"

func trimSpace(b []byte) []byte { return bytes.Trim(b, whiteSpace) }
