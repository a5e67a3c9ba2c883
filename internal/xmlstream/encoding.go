package xmlstream

import (
	"bytes"
	"io"
	"slices"
	"strings"
)

// byteOrderMark reads what can only be a byte order mark at the beginning of a
// document.
func (d *Decoder) byteOrderMark() error {
	if is, err := d.starts("\xEF\xBB\xBF"); err != nil {
		return err
	} else if is {
		d.pos += 3
		return nil
	}
	if d.buf[0] >= 0xFE {
		return d.malformed("its encoding is UTF-16, which is not known here")
	}
	return d.malformed(reasonOutside)
}

// maxDeclaration bounds an XML declaration, in bytes.
const maxDeclaration = 1 << 10

// xmlDeclaration reads <?xml version="1.0" encoding="..."?>.
func (d *Decoder) xmlDeclaration() error {
	n := -1
	for {
		if n = bytes.Index(d.buf[d.pos:min(d.end, d.pos+maxDeclaration)], []byte("?>")); n >= 0 {
			break
		}
		if d.end-d.pos >= maxDeclaration {
			return d.tooLarge("the XML declaration", maxDeclaration)
		}
		if err := d.more(); err != nil {
			return err
		}
	}
	encoding := encodingOf(d.buf[d.pos : d.pos+n])
	d.pos += n + len("?>")
	d.declared = true
	switch name := strings.ToLower(string(encoding)); name {
	case "", "utf-8", "utf8", "us-ascii", "ascii":
	case "iso-8859-1", "latin1", "latin-1":
		d.transcode()
	default:
		return d.malformed("its encoding %q is not known here", name)
	}
	return nil
}

// encodingOf is the encoding that an XML declaration names, or nothing.
func encodingOf(declaration []byte) []byte {
	_, rest, _ := bytes.Cut(declaration, []byte("encoding"))
	rest, is := bytes.CutPrefix(trimSpace(rest), []byte("="))
	rest = trimSpace(rest)
	if !is || len(rest) == 0 {
		return nil
	}
	name, _, _ := bytes.Cut(rest[1:], rest[:1]) // between quotes
	return name
}

// transcode makes what is still to be read UTF-8.
func (d *Decoder) transcode() {
	rest := bytes.Clone(d.buf[d.pos:d.end])
	d.r = &latin1{r: io.MultiReader(bytes.NewReader(rest), &resumed{d.r, d.readErr})}
	d.end, d.readErr = d.pos, nil
	d.head = slices.Clip(d.head) // it has them as received
}

// resumed goes on with a reader that has possibly ended.
type resumed struct {
	r   io.Reader
	err error
}

func (r *resumed) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	return r.r.Read(p)
}

// latin1 reads ISO-8859-1 as UTF-8.
type latin1 struct{ r io.Reader }

func (l *latin1) Read(p []byte) (int, error) {
	// What is read into the second half cannot be overtaken: each byte becomes
	// two at most.
	half := p[len(p)-len(p)/2:]
	n, err := l.r.Read(half)
	w := 0
	for _, c := range half[:n] {
		if c < 0x80 {
			p[w] = c
			w++
			continue
		}
		p[w], p[w+1] = 0xC0|c>>6, 0x80|c&0x3F
		w += 2
	}
	return w, err
}
