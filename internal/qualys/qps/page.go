package qps

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"sluice/internal/fault"
	"sluice/internal/qualys"
	"sluice/internal/transport"
	"sluice/internal/xmlstream"
)

// An Envelope is what an answer says about its records.
type Envelope struct {
	Count   int64 // records in this page, of a count call in all; negative when not said
	Total   int64 // records in all; negative when not said
	More    *bool // whether there is more after this page; nil when not said
	LastID  string
	Records int64 // how many there were

	code    string // responseCode
	message string
	hasData bool // the array of records was there
}

// lenient: a duplicate name or a bad byte in one record must not make a whole
// page unreadable.
var lenient = []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}

// maxEnvelope bounds what stands between two records, and every value of the
// envelope, in bytes.
const maxEnvelope = 1 << 20

var errTooLarge = errors.New("it is too large")

// page decodes one answer while it arrives. Members of the envelope may stand
// before or after the records.
type page struct {
	Envelope
	body      budget
	dec       *jsontext.Decoder
	maxRecord int64
	inArray   bool
	explain   func(error, string) error // of the search
	// redact blots out the request's secrets, should an answer repeat them.
	redact func([]byte) []byte
}

// budget is a reader that refuses to deliver more than it is allowed to. A
// decoder keeps a value in memory until it is complete, so this bounds memory.
type budget struct {
	r    io.Reader
	left int64
}

func (b *budget) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLarge
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.r.Read(p)
	b.left -= int64(n)
	return n, err
}

func newPage(resp *transport.Response, s Search) *page {
	p := &page{body: budget{r: resp.Body}, maxRecord: s.MaxRecord, explain: s.explain, redact: resp.Redact}
	p.Count, p.Total = -1, -1
	p.dec = jsontext.NewDecoder(&p.body, lenient...)
	return p
}

// next returns the next record as received, valid until the following call;
// io.EOF when the answer has been read to its end. Other errors are
// classified: a *fault.Error of the body, or an unreadable one of ours.
func (p *page) next() (jsontext.Value, error) {
	if !p.inArray {
		if err := p.walk(); err != nil {
			return nil, p.classify(err)
		}
	}
	p.body.left = maxEnvelope
	if p.dec.PeekKind() == ']' {
		if _, err := p.dec.ReadToken(); err != nil {
			return nil, p.classify(err)
		}
		p.inArray = false
		return nil, p.classify(p.walk()) // to the end: there is no second array
	}
	p.body.left = p.maxRecord
	record, err := p.dec.ReadValue()
	if err != nil {
		return nil, p.classify(err)
	}
	p.Records++
	return record, nil
}

// walk reads members of the envelope up to the first record, or to the end,
// where it returns io.EOF.
func (p *page) walk() error {
	for {
		p.body.left = maxEnvelope
		if p.dec.StackDepth() == 0 && p.dec.InputOffset() > 0 {
			// Reading on to the end of the body lets its connection be used
			// again. Errors no longer matter: the answer is complete.
			_, _ = io.CopyN(io.Discard, &p.body, 4<<10)
			return io.EOF
		}
		if p.dec.StackDepth() == 0 {
			if kind := p.dec.PeekKind(); kind != '{' && kind != jsontext.KindInvalid {
				return &fault.Error{
					Class: fault.Contract, Code: "not-an-envelope",
					Message: "Qualys answered a search with JSON that is not an object, so that nothing says whether it is complete",
				}
			}
			if _, err := p.dec.ReadToken(); err != nil {
				return err
			}
			continue
		}
		name, err := p.dec.ReadToken()
		if err != nil {
			return err
		}
		if name.Kind() == '}' {
			continue
		}
		done, err := p.member(name.String())
		if done || err != nil {
			return err
		}
	}
}

// member reads one member of the envelope. It is done at the first record.
func (p *page) member(name string) (done bool, err error) {
	switch kind := p.dec.PeekKind(); {
	case kind == '[' && arrays[name] && !p.hasData:
		p.hasData, p.inArray = true, true
		_, err = p.dec.ReadToken()
		return true, err
	case kind == '{' && containers[name]:
		_, err = p.dec.ReadToken()
		return false, err
	case !envelopeNames[name]:
		return false, p.dec.SkipValue()
	}
	value, err := p.dec.ReadValue()
	if err != nil {
		return false, err
	}
	text := unquote(value)
	if text == "null" {
		return false, nil
	}
	switch {
	case namesCode[name]:
		p.code = text
	case namesCount[name]:
		p.Count, err = number(name, text)
	case namesTotal[name]:
		p.Total, err = number(name, text)
	case namesLastID[name]:
		p.LastID = text
	case namesMore[name] && (yes[text] || no[text]):
		more := yes[text]
		p.More = &more
	case namesMore[name]:
		err = strange(name, text)
	case namesMessage[name] && p.message == "":
		said := qualys.Message([]byte(`{"` + name + `":` + string(value) + `}`))
		p.message = string(p.redact([]byte(said)))
	}
	return false, err
}

var envelopeNames = func() map[string]bool {
	all := map[string]bool{}
	for _, names := range []map[string]bool{namesCode, namesCount, namesTotal, namesMore, namesLastID, namesMessage} {
		for name := range names {
			all[name] = true
		}
	}
	return all
}()

func number(name, text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return -1, strange(name, text)
	}
	return n, nil
}

func strange(name, text string) error {
	return &fault.Error{
		Class: fault.Contract, Code: "envelope",
		Message: fmt.Sprintf("Qualys answered a search with %s %q, which has no known meaning", name, clip(text, 64)),
	}
}

// unquote returns a string's text, and any other value as it stands.
func unquote(v jsontext.Value) string {
	if v.Kind() != '"' {
		return string(v)
	}
	text, err := jsontext.AppendUnquote(nil, v)
	if err != nil {
		return ""
	}
	return string(text)
}

func clip(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// unreadable is an answer, or a record in it, that cannot be read.
type unreadable struct {
	reason string
	// cut says that the answer ended early: asking again may help. What is
	// broken otherwise will most likely be broken again.
	cut bool
	// large says that it is too large: it will be the next time, too.
	large bool
	// inRecord says that it happened in a record; head is its beginning.
	inRecord bool
	head     []byte
	lastID   string
	cause    error
}

func (u *unreadable) Error() string { return u.reason }
func (u *unreadable) Unwrap() error { return u.cause }

// headSize bounds what is kept of an unreadable record to find its id.
const headSize = 16 << 10

// classify turns a decoder's error into one of ours.
func (p *page) classify(err error) error {
	if errors.Is(err, io.EOF) && p.dec.InputOffset() > 0 {
		return io.EOF
	}
	f := fault.As(err)
	var said *returned
	switch {
	case errors.As(err, &said):
		return p.explain(said.fault, said.code)
	case f != nil && f.Class != fault.Transient && f.Code != transport.CodeTooLarge:
		return err
	}
	u := &unreadable{cause: err, inRecord: p.inArray, lastID: p.LastID}
	if p.inArray {
		// What is buffered and not yet consumed begins with the record.
		rest := p.dec.UnreadBuffer()
		u.head = append(u.head, p.redact(rest[:min(len(rest), headSize)])...)
	}
	var (
		syntax    *jsontext.SyntacticError
		syntaxXML *xmlstream.SyntaxError
		limitXML  *xmlstream.LimitError
	)
	switch {
	case f != nil:
		u.reason, u.cut = "the answer broke off", f.Class == fault.Transient
	case errors.As(err, &syntaxXML):
		u.reason = "it is not valid XML: " + syntaxXML.Reason
	case errors.As(err, &limitXML):
		u.reason, u.large = "in it "+limitXML.What+" exceeds "+strconv.Itoa(limitXML.Max), true
	case errors.Is(err, errTooLarge):
		u.large = true
		u.reason = "it is larger than " + strconv.FormatInt(p.maxRecord>>20, 10) + " MiB"
		if !p.inArray {
			u.reason = "what surrounds the records is larger than " + strconv.Itoa(maxEnvelope>>20) + " MiB"
		}
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		u.reason, u.cut = "the answer ends too early", true
	case errors.As(err, &syntax):
		u.reason = "it is not valid JSON: " + syntax.Err.Error()
	default:
		// The caller's own context has ended.
		return err
	}
	return u
}

// Ended reports the vendor's own end marker.
func (e *Envelope) Ended() bool { return e.More != nil && !*e.More }

// Empty reports the short form of an empty answer, which has a count of zero
// and nothing else (recorded of the QPS APIs).
func (e *Envelope) Empty() bool { return e.More == nil && e.Count == 0 && !e.hasData }

// refusal is the error that the response code stands for, or nil.
func (s Search) refusal(e *Envelope) error {
	if e.code == "" || successCodes[e.code] {
		return nil
	}
	return s.explain(qualys.Responded(e.code, e.message), e.code)
}

// appendRecord adds a record and a newline to data. A record becomes one line
// of valid UTF-8: line breaks between its tokens (they cannot be inside a
// string) become blanks, bytes that are no UTF-8 become U+FFFD.
func appendRecord(data []byte, record []byte) []byte {
	if !utf8.Valid(record) {
		record = []byte(strings.ToValidUTF8(string(record), "\uFFFD"))
	}
	begin := len(data)
	data = append(data, record...)
	blankLineBreaks(data[begin:])
	return append(data, '\n')
}
