package fo

import (
	"errors"
	"fmt"

	"sluice/internal/fault"
	"sluice/internal/qualys"
	"sluice/internal/transport"
)

const (
	codeOrder     = "order"
	codeBackwards = "backwards"
	codeForeign   = "not-asked-for"
)

// maxTries is how often the same is asked for before something else is done.
// The caller tries again later; this is for what passes at once.
const maxTries = 3

// maxUnproven bounds how many records in a row are given up without any answer
// between them: more than that is not a few bad records.
const maxUnproven = 5

// trouble says what can be done about an answer that could not be read.
type trouble struct {
	err error // what it comes to if nothing helps
	// again says that asking once more may help.
	again bool
	// narrow says that one record may be in the way: fewer are asked for.
	narrow bool
	// id is the record in which the answer broke; 0 when it is not known.
	id uint64
	// certain says that it will most likely break there again.
	certain bool
	// aside says that a record which cannot be had even alone is set aside.
	aside bool
	why   string // for the one who reads about the record set aside
	head  string
}

// diagnose decides what an error means for the reading of a list.
func diagnose(call *Call, err error) trouble {
	var u *unreadable
	if errors.As(err, &u) {
		f := &fault.Error{
			Class: fault.Contract, Code: qualys.CodeUnreadable,
			Message: fmt.Sprintf("an answer of Qualys to the %s call cannot be read: %s", call.Title, u.reason),
			Detail:  u.head,
		}
		if u.cut {
			f.Class, f.Code = fault.Transient, transport.CodeCut
		}
		return trouble{err: f, again: true, narrow: true, id: u.id, certain: u.id > 0 && !u.cut, aside: u.inside, why: u.reason, head: u.head}
	}
	f := fault.As(err)
	switch {
	case f == nil:
		return trouble{err: err}
	case f.Code == transport.CodeServerError, f.Code == qualys.CodeVendorError:
		return trouble{err: err, again: true, narrow: true, aside: true, why: f.Message}
	case f.Code == transport.CodeTooLarge:
		return trouble{err: err, narrow: true, aside: true, why: f.Message}
	case f.Code == transport.CodeTimeout, f.Code == transport.CodeUnavailable:
		return trouble{err: err, again: true, narrow: true}
	case f.Class == fault.Transient, f.Code == transport.CodeMarkup, f.Code == codeBackwards, f.Code == codeForeign:
		return trouble{err: err, again: true}
	}
	return trouble{err: err}
}

// backwards is the error of a truncation warning that would lead in a circle.
func backwards(call *Call, next uint64) error {
	return &fault.Error{
		Class: fault.Contract, Code: codeBackwards,
		Message: fmt.Sprintf("Qualys says that the %s goes on with id %d, which is behind where it was", call.Title, next),
	}
}

// foreign is the error of an answer with nothing but what belongs elsewhere:
// its end says nothing about what was asked for.
func foreign(call *Call, low, high uint64) error {
	asked := fmt.Sprintf("from %d on", low)
	if high != openEnd {
		asked = fmt.Sprintf("from %d to %d", low, high)
	}
	return &fault.Error{
		Class: fault.Contract, Code: codeForeign,
		Message: fmt.Sprintf("Qualys answered the %s call for ids %s with nothing but other ids", call.Title, asked),
	}
}
