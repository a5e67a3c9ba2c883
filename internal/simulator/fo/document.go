package fo

import (
	"io"
	"strconv"
	"strings"
	"time"
)

const flushAt = 64 << 10 // bytes collected before they are written

// document writes XML by appending to a buffer, an element a line. What is
// written out is forgotten, so that its size does not matter; without out,
// everything stays in buf.
type document struct {
	buf   []byte
	out   io.Writer
	err   error // first error of out; what follows is not written
	bytes int64
	depth int

	padded bool // white space around texts, inside and outside of CDATA
	plain  bool // texts are escaped instead of being CDATA
}

const indent = "                    "

func (d *document) flushIfFull() {
	if len(d.buf) >= flushAt && d.out != nil {
		d.flush()
	}
}

func (d *document) flush() {
	if d.err == nil && len(d.buf) > 0 {
		_, d.err = d.out.Write(d.buf)
	}
	d.bytes += int64(len(d.buf))
	d.buf = d.buf[:0]
}

// text appends what is XML already.
func (d *document) text(xml string) { d.buf = append(d.buf, xml...) }

func (d *document) indent() { d.buf = append(d.buf, indent[:min(2*d.depth, len(indent))]...) }

func (d *document) open(name string) {
	d.indent()
	d.startTag(name)
	d.buf = append(d.buf, '\n')
	d.depth++
}

func (d *document) close(name string) {
	d.depth--
	d.indent()
	d.endTag(name)
}

func (d *document) startTag(name string) {
	d.buf = append(d.buf, '<')
	d.buf = append(d.buf, name...)
	d.buf = append(d.buf, '>')
}

func (d *document) endTag(name string) {
	d.buf = append(d.buf, '<', '/')
	d.buf = append(d.buf, name...)
	d.buf = append(d.buf, '>', '\n')
}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;")

// element writes a text with what XML needs escaped; an empty one is left out.
func (d *document) element(name, value string) {
	if value == "" {
		return
	}
	d.indent()
	d.startTag(name)
	d.buf = append(d.buf, escaper.Replace(value)...)
	d.endTag(name)
}

// word writes a text that needs no escaping; an empty one is left out.
func (d *document) word(name, value string) {
	if value == "" {
		return
	}
	d.indent()
	d.startTag(name)
	d.buf = append(d.buf, value...)
	d.endTag(name)
}

// free writes a text that somebody entered or something reported: as CDATA, the
// vendor's habit, with or without white space around it, or escaped. An empty
// one is left out.
func (d *document) free(name, value string) {
	switch {
	case value == "":
	case d.plain:
		d.element(name, value)
	default:
		d.indent()
		d.startTag(name)
		d.cdata(value)
		d.endTag(name)
	}
}

// cdata appends a text as CDATA.
func (d *document) cdata(value string) {
	if d.padded {
		d.text("\n  ")
		d.indent()
	}
	d.text("<![CDATA[")
	if d.padded {
		d.text(" \n")
	}
	if strings.Contains(value, "]]>") {
		value = strings.ReplaceAll(value, "]]>", "]]]]><![CDATA[>")
	}
	d.text(value)
	if d.padded {
		d.text("\n\t ")
	}
	d.text("]]>")
	if d.padded {
		d.text("\n")
		d.indent()
	}
}

func (d *document) number(name string, n int64) {
	d.indent()
	d.startTag(name)
	d.buf = strconv.AppendInt(d.buf, n, 10)
	d.endTag(name)
}

// flag writes 0 or 1.
func (d *document) flag(name string, on bool) {
	if on {
		d.word(name, "1")
	} else {
		d.word(name, "0")
	}
}

// date writes a time in UTC; a zero one is left out.
func (d *document) date(name string, t time.Time) {
	if t.IsZero() {
		return
	}
	d.indent()
	d.startTag(name)
	d.buf = t.UTC().AppendFormat(d.buf, "2006-01-02T15:04:05Z")
	d.endTag(name)
}
