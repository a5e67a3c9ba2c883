package transform

import (
	"errors"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// maxRejectText bounds the values and messages that a reject carries, in bytes.
const maxRejectText = 256

func (f *failure) reject(assetID, findingID string, position int) Reject {
	return Reject{
		AssetID:   assetID,
		FindingID: findingID,
		Finding:   position,
		Row:       f.row,
		Value:     f.value,
		Reason:    f.reason,
	}
}

// whole is the reject of the record that was read last.
func (a *Applier) whole(f *failure) *Reject {
	reject := f.reject(a.asset.ExternalID, "", -1)
	switch {
	case a.program.single:
		reject.FindingID, reject.Finding = a.finding.ExternalID, 0
	case a.entry.QID != 0:
		reject.AssetID = strconv.Itoa(int(a.entry.QID))
	}
	return &reject
}

// unreadable is the reject of a record that could not be read to its end.
func (a *Applier) unreadable(err error) *Reject {
	var syntax *jsontext.SyntacticError
	if !errors.As(err, &syntax) {
		return a.whole(&failure{value: printable(a.record), reason: "the record " + err.Error()})
	}
	const before = 32
	from := min(max(0, int(syntax.ByteOffset)-before), len(a.record))
	return a.whole(&failure{
		value:  printable(a.record[from:]),
		reason: "the record is not valid JSON: " + syntaxError(syntax),
	})
}

// syntaxError says where JSON is wrong: without the path to it where that is no
// help, as of what is nested very deep.
func syntaxError(err *jsontext.SyntacticError) string {
	const longPath = 100
	if len(err.JSONPointer) > longPath {
		err = &jsontext.SyntacticError{ByteOffset: err.ByteOffset, Err: err.Err}
	}
	return printable([]byte(strings.TrimPrefix(err.Error(), "jsontext: ")))
}

// printable returns the head of untrusted text, fit for a terminal and for
// PostgreSQL: characters that cannot be printed are replaced by U+FFFD.
func printable(b []byte) string {
	const ellipsis = "…"
	var text strings.Builder
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		switch {
		case unicode.IsSpace(r):
			r = ' '
		case !unicode.IsPrint(r):
			r = utf8.RuneError
		}
		if text.Len()+utf8.RuneLen(r) > maxRejectText-len(ellipsis) {
			text.WriteString(ellipsis)
			break
		}
		text.WriteRune(r)
		b = b[size:]
	}
	return text.String()
}
