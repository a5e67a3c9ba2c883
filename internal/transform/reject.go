package transform

import (
	"errors"
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

// unreadable is the reject of a record that could not be read to its end.
func (a *Applier) unreadable(err error) Reject {
	reject := Reject{AssetID: a.asset.ExternalID, Finding: -1}
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		const before = 32
		from := min(max(0, int(syntax.ByteOffset)-before), len(a.record))
		reject.Value = printable(a.record[from:])
		reject.Reason = "the record is not valid JSON: " + printable([]byte(strings.TrimPrefix(err.Error(), "jsontext: ")))
		return reject
	}
	reject.Value = printable(a.record)
	reject.Reason = "the record " + err.Error()
	return reject
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
