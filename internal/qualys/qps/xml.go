package qps

import (
	"bytes"
	"io"
	"regexp"

	"github.com/go-json-experiment/json/jsontext"

	"sluice/internal/fault"
	"sluice/internal/qualys"
	"sluice/internal/transport"
	"sluice/internal/xmlstream"
)

// How the XML dialect of the QPS APIs corresponds to the JSON one. That lists
// name the type of each element, and numbers in lists stand bare, is recorded
// of JSON; that XML names a number's type in small letters is inferred.
const (
	rootXML    = "ServiceResponse"
	recordsXML = "data"
	// attributeXML is of the elements of lists of URLs (Qualys documentation:
	// "WAS API user guide", UrlEntry); it becomes a member, and the text one
	// named value.
	attributeXML = "regex"
)

// listsXML are the elements whose children are the elements of a list.
var listsXML = set(recordsXML, "list", "set")

// xmlAnswer reads an answer in XML as the JSON that the vendor would have
// sent, but that numbers and booleans are strings. It holds one record in
// memory, at most.
type xmlAnswer struct {
	resp      *transport.Response
	head      head
	d         *xmlstream.Decoder
	maxRecord int64

	step func() error // converts some more
	buf  []byte       // converted
	pos  int          // of buf: delivered
	err  error        // what follows buf
	// comma says that the next member or record is not the first.
	comma bool
	text  []byte // scratch
}

// head keeps the beginning of what is read through it.
type head struct {
	io.ReadCloser
	kept []byte
}

func (h *head) Read(p []byte) (int, error) {
	n, err := h.ReadCloser.Read(p)
	h.kept = append(h.kept, p[:min(n, headSize-len(h.kept))]...)
	return n, err
}

// FromXML gives a response whose body is XML the JSON body that it would have
// had in the JSON dialect. Records of more than maxRecord bytes cannot be
// read.
func FromXML(resp *transport.Response, maxRecord int64) {
	a := &xmlAnswer{resp: resp, head: head{ReadCloser: resp.Body}, maxRecord: maxRecord}
	a.d = xmlstream.NewDecoder(&a.head, xmlstream.Limits{})
	a.step = a.root
	resp.Body = a
}

func (a *xmlAnswer) Close() error { return a.head.Close() }

func (a *xmlAnswer) Read(p []byte) (int, error) {
	for a.pos == len(a.buf) {
		if a.err != nil {
			return 0, a.err
		}
		if cap(a.buf) > 4<<20 {
			a.buf = nil // one huge record made it large
		}
		a.buf, a.pos = a.buf[:0], 0
		a.err = a.step()
	}
	n := copy(p, a.buf[a.pos:])
	a.pos += n
	return n, nil
}

// root reads the root element. Another one than that of an answer is an error.
func (a *xmlAnswer) root() error {
	_, err := a.d.Child()
	if err == nil && string(a.d.Name()) == rootXML {
		a.buf = append(a.buf, `{"`+rootXML+`":{`...)
		a.step = a.member
		return nil
	}
	if err != nil && !webPage.Match(a.head.kept) {
		return err
	}
	// The document is small, and its beginning is what counts.
	_, _ = io.CopyN(io.Discard, &a.head, headSize)
	begin := a.resp.Redact(a.head.kept)
	if code, text, wait, ok := qualys.ParseReturn(begin); ok {
		return &returned{code, qualys.Returned(code, text, wait)}
	}
	f := &fault.Error{
		Class: fault.Contract, Code: transport.CodeMarkup,
		Message: "Qualys answered a search with something else than a " + rootXML,
		Advice:  "check the base URL or platform: this is usually a login page, or a proxy's notice",
		Detail:  fault.Head(begin),
	}
	if said := qualys.Message(begin); said != "" {
		f.Message += ": " + said
	}
	return f
}

// webPage is the beginning of a web page.
var webPage = regexp.MustCompile(`(?i)^\s*(<!doctype html|<html)`)

// member converts the next member of the envelope, or begins the records.
func (a *xmlAnswer) member() error {
	more, err := a.d.Child()
	switch {
	case err != nil:
		return err
	case !more:
		a.buf = append(a.buf, "}}"...)
		a.step = a.end
		return nil
	}
	a.separate()
	records := string(a.d.Name()) == recordsXML
	a.buf = appendName(a.buf, a.d.Name())
	if records {
		a.buf = append(a.buf, '[')
		a.comma, a.step = false, a.record
		return nil
	}
	a.buf, err = a.value(a.buf, maxEnvelope)
	return err
}

// record converts the next record.
func (a *xmlAnswer) record() error {
	more, err := a.d.Child()
	switch {
	case err != nil:
		return err
	case !more:
		a.buf = append(a.buf, ']')
		a.comma, a.step = true, a.member
		return nil
	}
	a.separate()
	a.buf, err = a.element(a.buf, a.maxRecord)
	return err
}

// separate writes the comma before a member or record.
func (a *xmlAnswer) separate() {
	if a.comma {
		a.buf = append(a.buf, ',')
	}
	a.comma = true
}

// end reads what follows the root element, so that the connection can be used
// again. The answer is complete: what is wrong there does not matter.
func (a *xmlAnswer) end() error {
	_, _ = io.CopyN(io.Discard, &a.head, 4<<10)
	return io.EOF
}

// element appends an element of a list: an object with its type, or a bare
// number or text where the type is none of Qualys's own.
func (a *xmlAnswer) element(dst []byte, limit int64) ([]byte, error) {
	name := string(a.d.Name())
	if name[0] < 'a' || name[0] > 'z' {
		dst, err := a.value(appendName(append(dst, '{'), a.d.Name()), limit)
		if err == nil {
			dst = append(dst, '}')
		}
		return dst, err
	}
	begin := len(dst)
	dst, err := a.value(dst, limit)
	if err != nil || name != "long" && name != "int" {
		return dst, err
	}
	if bare := jsontext.Value(bytes.Trim(dst[begin:], `"`)); bare.Kind() == '0' && bare.IsValid() {
		dst = append(dst[:begin], bare...)
	}
	return dst, nil
}

// value appends the element whose start was read, and passes it. What has been
// converted may be no longer than limit, in bytes.
func (a *xmlAnswer) value(dst []byte, limit int64) ([]byte, error) {
	brackets, list := "{}", listsXML[string(a.d.Name())]
	if list {
		brackets = "[]"
	}
	opened, begin := false, len(a.text)
	member := func() { // begins one
		if opened {
			dst = append(dst, ',')
		} else {
			dst = append(dst, brackets[0])
		}
		opened = true
	}
	if attribute, there := a.d.Attr(attributeXML); there {
		member()
		dst = appendText(appendName(dst, []byte(attributeXML)), attribute)
	}
	for ended := false; !ended; {
		kind, err := a.d.Next()
		switch {
		case err != nil:
			return dst, err
		case kind == xmlstream.Text:
			a.text = append(a.text, a.d.Text()...)
		case kind == xmlstream.Start:
			if len(bytes.TrimSpace(a.text[begin:])) == 0 {
				a.text = a.text[:begin]
			}
			member()
			if list {
				dst, err = a.element(dst, limit)
			} else {
				dst, err = a.value(appendName(dst, a.d.Name()), limit)
			}
			if err != nil {
				return dst, err
			}
		default:
			ended = true
		}
		if int64(len(dst)+len(a.text)) > limit {
			return dst, errTooLarge
		}
	}
	text := bytes.TrimSpace(a.text[begin:])
	a.text = a.text[:begin]
	switch {
	case !opened && list:
		return append(dst, "[]"...), nil
	case !opened:
		return appendText(dst, text), nil
	case len(text) > 0:
		member()
		dst = appendText(appendName(dst, []byte("value")), text)
	}
	return append(dst, brackets[1]), nil
}

func appendName(dst, name []byte) []byte { return append(appendText(dst, name), ':') }

func appendText(dst, text []byte) []byte {
	dst, _ = jsontext.AppendQuote(dst, text) // the decoder delivers valid UTF-8
	return dst
}

// returned is what an answer says that is an error of the vendor instead.
type returned struct {
	code  string
	fault *fault.Error
}

func (r *returned) Error() string { return r.fault.Error() }
func (r *returned) Unwrap() error { return r.fault }
