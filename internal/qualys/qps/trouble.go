package qps

import (
	"errors"
	"fmt"

	"sluice/internal/fault"
	"sluice/internal/qualys"
	"sluice/internal/source"
	"sluice/internal/transport"
)

// maxTries is how often the same page is asked for before something else is
// done. The caller tries again later; this is for what passes at once.
const maxTries = 3

// maxUnproven bounds how many records in a row are passed over without any
// answer between them: more than that is not a few bad records.
const maxUnproven = 5

// trouble says what can be done about a page that could not be read.
type trouble struct {
	err error // what it comes to if nothing helps
	// again says that asking once more may help.
	again bool
	// narrow says that one record may be in the way: fewer are asked for.
	narrow bool
	// nextRecord says that it is certainly the very next one.
	nextRecord bool
	// aside says that a record which cannot be had even alone is set aside.
	aside bool
	// refused says that the vendor did not take the request: the size of the
	// page may be why.
	refused bool
	why     string // for the one who reads about the record set aside
	head    []byte // of that record
	// lastID is what the vendor gave as the last id of the page, if it did.
	lastID string
}

// tries is how often a page of a size is asked for. On the way down to the
// record in question one try has to do, so that a vendor who is simply down
// is not asked dozens of times.
func (t trouble) tries(size int, c cursor) int {
	if !t.again || t.nextRecord && size > 1 || size > 1 && c.Window > 0 {
		return 1
	}
	return maxTries
}

var errPageTooLarge = &fault.Error{
	Class: fault.Contract, Code: transport.CodeTooLarge,
	Message: "a page whose ids are not numbers is too large to be held in memory",
}

// diagnose decides what an error means for the reading of pages.
func diagnose(err error) trouble {
	var u *unreadable
	if errors.As(err, &u) {
		f := &fault.Error{
			Class: fault.Contract, Code: qualys.CodeUnreadable,
			Message: "an answer of Qualys to a search cannot be read: " + u.reason,
			Detail:  fault.Head(u.head),
		}
		if u.cut {
			f.Class, f.Code = fault.Transient, transport.CodeCut
			f.Err = u.cause
		}
		return trouble{
			err: f, again: !u.inRecord || !u.large, narrow: u.inRecord || u.cut, nextRecord: u.inRecord && !u.cut,
			aside: u.inRecord, why: u.reason, head: u.head, lastID: u.lastID,
		}
	}
	f := fault.As(err)
	switch {
	case f == nil:
		return trouble{err: err}
	case f.Code == transport.CodeServerError, f.Code == qualys.CodeVendorError:
		return trouble{err: err, again: true, narrow: true, aside: true, why: f.Message}
	case f.Code == transport.CodeTooLarge:
		return trouble{err: err, narrow: true, aside: true, why: f.Message}
	case f.Code == transport.CodeTimeout, f.Code == codeMiscounted:
		return trouble{err: err, again: true, narrow: true}
	case f.Code == qualys.CodeNotUnderstood, f.Code == transport.CodeBadRequest:
		return trouble{err: err, refused: true}
	case f.Class == fault.Transient, f.Code == codeNothingNew, f.Code == codeNoMarker:
		return trouble{err: err, again: true}
	}
	return trouble{err: err}
}

// brokenRecord reports whether an answer broke within a record: those before
// it are whole.
func brokenRecord(err error) bool {
	var u *unreadable
	return errors.As(err, &u) && u.inRecord
}

// setAside gives up on the one record after the cursor. When its id can be
// told, the stream goes on after it at once: done is true and the chunk says
// so. When not, it is passed over by number, which the next answer has to
// prove right.
func (r *reader) setAside(t trouble) (chunk source.Chunk, done bool) {
	aside := source.SetAside{Reason: t.why, Head: fault.Head(t.head)}
	if id := guessID(t.head); numeric(id) && above(id, r.cur.After) && (t.lastID == "" || t.lastID == id) {
		aside.ExternalID = id
		r.cur.After, r.cur.Skip, r.cur.Window = id, 0, 0
		r.cur.Read++
		chunk := source.Chunk{SetAside: append(r.unproven, aside), Clock: r.clock}
		r.unproven = nil
		chunk.Cursor, chunk.Remaining = r.cur.String(), r.cur.remaining()
		return chunk, true
	}
	if len(r.unproven) == 0 {
		r.proven = r.cur
	}
	if len(r.unproven) == maxUnproven {
		r.unproven, r.cur = nil, r.proven
		return source.Chunk{}, false
	}
	r.unproven = append(r.unproven, aside)
	r.cur.Skip++
	r.cur.Read++
	r.cur.Window = 1
	return source.Chunk{}, false
}

// stuck says where the stream stands when not even one record can be had.
func (r *reader) stuck(err error) error {
	r.search.Vain.Searched(r.search.Path)
	f := fault.As(err)
	if f == nil {
		return err
	}
	at := "at the beginning"
	if r.cur.After != "" {
		at = "after record " + r.cur.After
	}
	where := *f
	where.Message = "Qualys cannot deliver what comes " + at + ", not even one record at a time: " + f.Message
	return &where
}

const (
	codeMiscounted = "miscounted"
	codeNothingNew = "nothing-new"
	codeNoMarker   = "no-end-marker"
)

func miscounted(p *openPage) error {
	return &fault.Error{
		Class: fault.Transient, Code: codeMiscounted,
		Message: fmt.Sprintf("Qualys counted %d records in a page and delivered %d", p.Count, p.Records),
	}
}

func nothingNew(p *openPage) error {
	if p.More == nil {
		return NoEndMarker()
	}
	return &fault.Error{
		Class: fault.Contract, Code: codeNothingNew,
		Message: fmt.Sprintf("Qualys says that there is more after record %q, and delivers nothing new", p.from.After),
		Advice:  "it may ignore the condition on ids; please report it with a sample",
	}
}

// NoEndMarker is the error of an answer that is neither an end nor promises
// more.
func NoEndMarker() error {
	return &fault.Error{
		Class: fault.Contract, Code: codeNoMarker,
		Message: "an answer of Qualys does not say whether there is more",
		Advice:  "the answer is in no known shape; please report it with a sample",
	}
}
