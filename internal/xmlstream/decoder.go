package xmlstream

import (
	"cmp"
	"io"
)

// Kind says what Next has read.
type Kind uint8

const (
	// Start is the start of an element: Name, Attr.
	Start Kind = iota + 1
	// End is the end of an element: Name. A self-closing element has one too.
	End
	// Text is a piece of text, never empty. Text between two tags comes in any
	// number of pieces.
	Text
)

// Limits bound what a Decoder accepts; zero values stand for the defaults.
type Limits struct {
	Depth      int // elements inside each other: 64
	Name       int // bytes of an element's name: 256
	Attributes int // of an element: 64
	Tag        int // bytes of a tag with its attributes: 16 KiB
	Doctype    int // bytes of a DOCTYPE with its internal subset: 64 KiB
}

const (
	windowSize = 64 << 10
	headSize   = 1 << 10
)

// A Decoder reads one XML document. Its memory is a window of 64 KiB (or four
// times Limits.Tag), up to three times that for decoded text, and the names of
// the open elements. It is used by one goroutine at a time.
type Decoder struct {
	r      io.Reader
	limits Limits
	err    error // sticky

	buf      []byte // buf[pos:end] is what was read and not used
	pos, end int
	base     int64 // offset of buf[0] in the document
	readErr  error // of r
	head     []byte

	names   []byte // of the open elements, one behind the other
	open    []int  // where in names each of them begins
	name    []byte
	attrs   []attribute
	values  []byte // decoded values of attributes
	text    []byte
	scratch []byte // decoded text

	declared    bool // there was an XML declaration
	begun       bool // the root element has
	selfClosing bool // the element just started ends at once
	cdata       bool // in a CDATA section
	skipping    bool // nobody looks at the text

	json writer
}

// NewDecoder reads a document from r.
func NewDecoder(r io.Reader, limits Limits) *Decoder {
	limits.Depth = cmp.Or(limits.Depth, 64)
	limits.Name = cmp.Or(limits.Name, 256)
	limits.Attributes = cmp.Or(limits.Attributes, 64)
	limits.Tag = cmp.Or(limits.Tag, 16<<10)
	limits.Doctype = cmp.Or(limits.Doctype, 64<<10)
	return &Decoder{
		r: r, limits: limits,
		buf:  make([]byte, max(windowSize, 4*limits.Tag)),
		head: make([]byte, 0, headSize),
	}
}

// Next reads on to the next start, end or piece of text. After the end of the
// root element, and whatever comments follow it, it returns io.EOF. All other
// errors are a *TruncatedError, *SyntaxError or *LimitError, and final.
func (d *Decoder) Next() (Kind, error) {
	if d.err != nil {
		return 0, d.err
	}
	d.attrs, d.text = d.attrs[:0], nil
	kind, err := d.next()
	d.err = err
	return kind, err
}

func (d *Decoder) next() (Kind, error) {
	if d.selfClosing {
		d.selfClosing = false
		return d.pop(), nil
	}
	for {
		if d.pos == d.end {
			if err := d.fill(); err == io.EOF && d.begun && len(d.open) == 0 {
				return 0, io.EOF
			} else if err != nil {
				return 0, d.cut(err)
			}
		}
		var kind Kind
		var err error
		switch {
		case d.base == 0 && d.pos == 0 && d.buf[0] >= 0x80:
			err = d.byteOrderMark()
		case d.cdata:
			kind, err = d.section()
		case d.buf[d.pos] == '<':
			kind, err = d.markup()
		case len(d.open) == 0:
			err = d.outside()
		default:
			kind, err = d.characters()
		}
		if kind != 0 || err != nil {
			return kind, err
		}
	}
}

// Child reads on to the next child element of the current element, and is false
// at the end of the current element. The child before it has to have been
// passed completely (Skip, ReadText, AppendJSON, AppendMember); text between
// the children is passed over. The first Child of a document is its root.
func (d *Decoder) Child() (bool, error) {
	for {
		kind, err := d.Next()
		if err != nil || kind != Text {
			return kind == Start, err
		}
	}
}

// Skip passes over the rest of the current element, through its end.
func (d *Decoder) Skip() error { return d.skipTo(len(d.open) - 1) }

func (d *Decoder) skipTo(depth int) error {
	d.skipping = true
	defer func() { d.skipping = false }()
	for len(d.open) > depth {
		if _, err := d.Next(); err != nil {
			return err
		}
	}
	return nil
}

// ReadText passes the rest of the current element, through its end, and returns
// its text with the white space around it removed; elements inside of it are
// passed over. It is a *LimitError when there are more than maxBytes of it;
// then, too, the element has been passed and reading can go on.
func (d *Decoder) ReadText(maxBytes int) (string, error) {
	var text []byte
	for depth := len(d.open); len(d.open) >= depth; {
		kind, err := d.Next()
		switch {
		case err != nil:
			return "", err
		case kind == Start:
			if err := d.Skip(); err != nil {
				return "", err
			}
		case kind == Text && len(text)+len(d.text) > maxBytes:
			limit := d.tooLarge("the text of "+string(d.current()), maxBytes)
			return "", cmp.Or(d.skipTo(depth-1), limit)
		case kind == Text:
			text = append(text, d.text...)
		}
	}
	return string(trimSpace(text)), nil
}

// Name is the name, with its prefix, of the element that Next started or ended.
// It is valid until the following call of Next.
func (d *Decoder) Name() []byte { return d.name }

// Attr is the decoded value of an attribute of the element that Next started.
// It is valid until the following call of Next.
func (d *Decoder) Attr(name string) ([]byte, bool) {
	for i := range d.attrs {
		if string(d.attrs[i].name) == name {
			return d.value(i), true
		}
	}
	return nil, false
}

// Text is the piece of text that Next has read, decoded: valid UTF-8 without
// NUL. It is valid until the following call of Next.
func (d *Decoder) Text() []byte { return d.text }

// Depth is the number of open elements: 1 after the start of the root.
func (d *Decoder) Depth() int { return len(d.open) }

// InputOffset is how many bytes of the document have been used (of ISO-8859-1:
// of its UTF-8 form).
func (d *Decoder) InputOffset() int64 { return d.base + int64(d.pos) }

// Head is the beginning of the document as received, at most 1 KiB of what has
// been read so far: for the diagnosis of an answer that is not what was
// expected.
func (d *Decoder) Head() []byte { return d.head }

// current is the name of the innermost open element.
func (d *Decoder) current() []byte {
	return d.names[d.open[len(d.open)-1]:]
}

// parent is the name of the element around the innermost open one.
func (d *Decoder) parent() []byte {
	if len(d.open) < 2 {
		return nil
	}
	return d.names[d.open[len(d.open)-2]:d.open[len(d.open)-1]]
}

func (d *Decoder) push(name []byte) error {
	switch {
	case len(name) > d.limits.Name:
		return d.tooLarge("the name of an element", d.limits.Name)
	case len(d.open) == d.limits.Depth:
		return d.tooLarge("the nesting of elements", d.limits.Depth)
	case len(d.open) == 0 && d.begun:
		return d.malformed(reasonSecondRoot)
	}
	d.begun = true
	d.open = append(d.open, len(d.names))
	d.names = append(d.names, name...)
	d.name = d.current()
	return nil
}

func (d *Decoder) pop() Kind {
	last := len(d.open) - 1
	d.name = d.names[d.open[last]:]
	d.names = d.names[:d.open[last]]
	d.open = d.open[:last]
	return End
}
