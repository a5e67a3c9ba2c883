package fo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"sluice/internal/fault"
	"sluice/internal/qualys"
	"sluice/internal/transport"
	"sluice/internal/xmlstream"
)

// Elements that all lists have in common (Qualys documentation: the DTDs of
// the VM/PC API user guide).
const (
	elementResponse = "RESPONSE"
	elementWarning  = "WARNING"
	// codeTruncated is the warning that an answer has been cut at its limit
	// and goes on at the id_min of a URL.
	codeTruncated = "1980"
)

const (
	maxShortText = 4 << 10 // bytes of a code, id or sentence
	headSize     = 16 << 10
	// drain is how much behind the root element is read, so that the
	// connection can be used again.
	drain = 4 << 10
)

// An answer is one answer to a Call, read while it arrives.
type answer struct {
	call   *Call
	resp   *transport.Response
	head   head
	xml    *xmlstream.Decoder
	clock  time.Time
	inside bool // RESPONSE was there

	// next is the first id of what was left out; 0 when nothing was.
	next uint64
	// doubt is what the vendor warned of, if it is nothing known.
	doubt string
}

// head keeps the beginning of what is read through it, and reads no more than
// it is allowed to: a record that does not end is given up.
type head struct {
	r     io.Reader
	kept  []byte
	allow int64 // bytes at a time
	left  int64
}

var errEndless = errors.New("one record does not end")

func (h *head) Read(p []byte) (int, error) {
	if h.left <= 0 {
		return 0, errEndless
	}
	n, err := h.r.Read(p)
	h.left -= int64(n)
	h.kept = append(h.kept, p[:min(n, headSize-len(h.kept))]...)
	return n, err
}

func newAnswer(call *Call, resp *transport.Response, limits Limits) *answer {
	allow := 4*int64(limits.Record) + 1<<20
	a := &answer{call: call, resp: resp, clock: resp.Clock, head: head{r: resp.Body, allow: allow, left: allow}}
	a.xml = xmlstream.NewDecoder(&a.head, xmlstream.Limits{})
	return a
}

// goOn allows the next record, or part of one, to be read.
func (a *answer) goOn() { a.head.left = a.head.allow }

func (a *answer) close() { a.resp.Body.Close() }

// begin reads the root element. Another one than a list's is an error, by what
// it says.
func (a *answer) begin() error {
	_, err := a.xml.Child()
	name := string(a.xml.Name())
	switch {
	case a.isPage():
		return &fault.Error{
			Class: fault.Contract, Code: transport.CodeMarkup,
			Message: fmt.Sprintf("Qualys answered the %s call with a web page instead of XML", a.call.Title),
			Advice:  "it may be a notice of maintenance or of a proxy; check the platform or " + qualys.FieldAPIServer,
			Detail:  a.detail(),
		}
	case err != nil:
		return a.broken(err)
	case name == a.call.Root:
		return nil
	case strings.HasSuffix(name, "_RETURN"):
		// The document is small, and its head is what counts.
		_, _ = io.CopyN(io.Discard, &a.head, headSize)
		if code, text, wait, ok := qualys.ParseReturn(a.resp.Redact(a.head.kept)); ok {
			f := qualys.Returned(code, text, wait)
			f.Message = string(a.resp.Redact([]byte(f.Message))) // again: escapes are undone by now
			return f
		}
	}
	return &fault.Error{
		Class: fault.Contract, Code: qualys.CodeUnreadable,
		Message: fmt.Sprintf("Qualys answered the %s call with a document %s instead of %s", a.call.Title, qualys.Short(name), a.call.Root),
		Detail:  a.detail(),
	}
}

// isPage says whether the answer begins like HTML.
func (a *answer) isPage() bool {
	begin := strings.ToLower(strings.TrimSpace(string(a.head.kept[:min(len(a.head.kept), 256)])))
	return strings.HasPrefix(begin, "<!doctype html") || strings.HasPrefix(begin, "<html")
}

func (a *answer) detail() string { return a.shown(a.head.kept) }

// shown is the beginning of a part of the answer as people may see it, without
// the secrets of the request.
func (a *answer) shown(part []byte) string {
	return fault.Head(a.resp.Redact(part[:min(len(part), headSize)]))
}

// text reads the text of the current element, through its end, as shown.
func (a *answer) text() (string, error) {
	text, err := a.xml.ReadText(maxShortText)
	return string(a.resp.Redact([]byte(text))), err
}

// element reads on to the next element of the list and returns its name. The
// element before it has to have been passed. It is io.EOF when the root
// element has ended.
func (a *answer) element() (string, error) {
	for {
		a.goOn()
		more, err := a.xml.Child()
		if err != nil {
			return "", a.broken(err)
		}
		depth, name := a.xml.Depth(), string(a.xml.Name())
		switch {
		case !more && depth == 0:
			return "", a.end()
		case !more:
		case depth == 2 && name == elementResponse:
			a.inside = true
		case depth == 3 && name == a.call.List:
		case depth == 3 && name == elementWarning:
			err = a.warning()
		case depth == 4:
			return name, nil
		default:
			err = a.xml.Skip()
		}
		if err != nil {
			return "", a.broken(err)
		}
	}
}

// end is called behind the root element.
func (a *answer) end() error {
	if !a.inside {
		return &fault.Error{
			Class: fault.Contract, Code: qualys.CodeUnreadable,
			Message: fmt.Sprintf("an answer of Qualys to the %s call has no %s", a.call.Title, elementResponse),
			Detail:  a.detail(),
		}
	}
	_, _ = io.CopyN(io.Discard, a.resp.Body, drain) // comments may follow; they do not matter
	return io.EOF
}

// warning reads a WARNING. Of its URL only id_min counts: it may name another
// host, and what else is asked for is ours to know.
func (a *answer) warning() error {
	fields := map[string]string{}
	for {
		more, err := a.xml.Child()
		if err != nil {
			return err
		}
		if !more {
			break
		}
		name := string(a.xml.Name())
		if fields[name], err = a.text(); err != nil {
			return err
		}
	}
	// Entities are left in CDATA sections now and then.
	address, err := url.Parse(strings.ReplaceAll(fields["URL"], "&amp;", "&"))
	if err == nil {
		a.next, err = strconv.ParseUint(address.Query().Get("id_min"), 10, 64)
	}
	switch {
	case err == nil && a.next > 0:
	case fields["CODE"] == codeTruncated:
		return &fault.Error{
			Class: fault.Contract, Code: qualys.CodeUnreadable,
			Message: fmt.Sprintf("Qualys says that an answer to the %s call was truncated, and not with which id it goes on", a.call.Title),
			Detail:  fault.Head([]byte(fields["URL"])),
		}
	default:
		a.doubt = fmt.Sprintf("Qualys warned with code %s: %s", qualys.Short(fields["CODE"]), qualys.Short(fields["TEXT"]))
	}
	return nil
}

// An unreadable is an answer, or a record in it, that cannot be read.
type unreadable struct {
	reason string
	cut    bool   // it ended early: asking again may help
	inside bool   // it happened inside of a record
	id     uint64 // of that record; 0 when it is not known
	head   string // of the answer
	cause  error
}

func (u *unreadable) Error() string { return u.reason }
func (u *unreadable) Unwrap() error { return u.cause }

// broken turns an error of the decoder into one of ours. Errors that are
// classified, and the end of the caller's own context, stay as they are.
func (a *answer) broken(err error) error {
	var (
		early  *xmlstream.TruncatedError
		limit  *xmlstream.LimitError
		syntax *xmlstream.SyntaxError
	)
	var u *unreadable
	if errors.As(err, &u) {
		return err
	}
	u = &unreadable{head: a.detail(), cause: err}
	switch {
	case errors.Is(err, errEndless):
		u.reason = errEndless.Error()
	case errors.As(err, &early):
		f := fault.As(early.Err)
		if f == nil && !errors.Is(early.Err, io.ErrUnexpectedEOF) || f != nil && f.Class != fault.Transient || errors.Is(err, context.Canceled) {
			return early.Err
		}
		u.reason, u.cut = "the answer ends too early", true
		if f != nil {
			u.cause = f
		}
	case errors.As(err, &limit):
		u.reason = limit.Error()
	case errors.As(err, &syntax):
		u.reason = syntax.Error()
	default:
		return err
	}
	return u
}
