package xmlstream

import "errors"

// AppendJSON appends the element whose Start was just read to dst as a JSON
// value, and passes it, through its end:
//
//   - an element with children is an object, its members in the order of the
//     children;
//   - an element with text alone is a string, without the white space around
//     it; an empty element is the empty string;
//   - an element of Table.Objects is always an object: its attributes, its
//     children, and its text, if any, under the name "value"; it is {} when it
//     has none of them;
//   - a child of Table.Lists stands in an array under its name, even when it is
//     the only one; where there is none, the name is absent.
//
// What a table does not foresee is kept where that is possible: of children
// that repeat without being lists, an array is made (wherever they stand among
// the others: an array stands where its first element did), and text beside
// children is a "value". Attributes of elements that are not in Table.Objects
// are left out, since otherwise a new attribute would change the shape of what
// is known; those of namespaces and schemas (xmlns, xsi) always are.
//
// The value is valid JSON in UTF-8, on one line and without NUL. Its element's
// own entry in Table.Lists is not looked at: the caller knows that it repeats.
//
// When the value would be longer than maxBytes, the error is a *LimitError; the
// element has been passed even so, and reading can go on. After this and any
// other error what was converted so far is in dst, cut anywhere: good for
// telling a person which element it was.
func (d *Decoder) AppendJSON(dst []byte, s *Shapes, maxBytes int) ([]byte, error) {
	is, children := s.of(d.name, d.parent(), s.children(d.parent()))
	return d.appendElement(dst, s, is, children, maxBytes)
}

// AppendMember appends the element whose Start was just read to dst as a member
// of a JSON object: a comma, unless dst ends with the object's opening brace,
// its name, and its value as by AppendJSON, of at most maxBytes; one of
// Table.Lists is an array of one. It is for elements that are too large to be
// converted as a whole. That a name is there only once is up to the caller, as
// is cutting dst back after an error.
func (d *Decoder) AppendMember(dst []byte, s *Shapes, maxBytes int) ([]byte, error) {
	if len(dst) > 0 && dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	dst = append(append(append(dst, '"'), d.name...), `":`...)
	is, children := s.of(d.name, d.parent(), s.children(d.parent()))
	if !is.list {
		return d.appendElement(dst, s, is, children, maxBytes)
	}
	dst, err := d.appendElement(append(dst, '['), s, is, children, maxBytes)
	if err != nil {
		return dst, err
	}
	return append(dst, ']'), nil
}

// errOver says that the writer has gone over a limit.
var errOver = errors.New("over a limit")

func (d *Decoder) appendElement(dst []byte, s *Shapes, is, children shape, maxBytes int) ([]byte, error) {
	depth := len(d.open)
	d.json.reset(dst, maxBytes)
	err := d.element(s, is, children)
	dst, d.json.dst = d.json.dst, nil
	if err == errOver {
		err = d.tooLarge(d.json.over, d.json.overMax)
		if failed := d.skipTo(depth - 1); failed != nil {
			err = failed
		}
	}
	return dst, err
}

// element writes the current element, up to its end.
func (d *Decoder) element(s *Shapes, is, children shape) error {
	w := &d.json
	object := w.begin()
	if is.object {
		w.openObject(&object)
		d.writeAttributes(&object)
	}
	for w.over == "" {
		kind, err := d.Next()
		switch {
		case err != nil:
			return err
		case kind == Text:
			w.text(&object, d.text)
		case kind == Start:
			w.openObject(&object)
			is, grandchildren := s.of(d.name, d.parent(), children)
			m := w.beginMember(&object, d.name, is.list)
			if err := d.element(s, is, grandchildren); err != nil {
				return err
			}
			w.endMember(m)
		case kind == End:
			w.end(&object)
			if w.over == "" {
				return nil
			}
		}
	}
	return errOver
}

func (d *Decoder) writeAttributes(object *value) {
	for i := range d.attrs {
		if foreign(d.attrs[i].name) {
			continue
		}
		m := d.json.beginMember(object, d.attrs[i].name, false)
		d.json.quoted(d.value(i))
		d.json.endMember(m)
	}
}

// appendEscaped appends text, which is valid UTF-8, as it stands in a JSON
// string.
func appendEscaped(dst, text []byte) []byte {
	begin := 0
	for i, c := range text {
		if !escaped[c] {
			continue
		}
		dst = append(dst, text[begin:i]...)
		begin = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, `\n`...)
		case '\t':
			dst = append(dst, `\t`...)
		case '\r':
			dst = append(dst, `\r`...)
		default:
			const hex = "0123456789abcdef"
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xF])
		}
	}
	return append(dst, text[begin:]...)
}

var escaped = func() (is [256]bool) {
	for c := range byte(' ') {
		is[c] = true
	}
	is['"'], is['\\'] = true, true
	return is
}()
