package qualyswas

import (
	"encoding/json"
	"fmt"

	"sluice/internal/fault"
	"sluice/internal/qualys"
)

// position is where a stream stands. It travels as compact JSON.
type position struct {
	// Total is how many records there are in all, by the vendor's latest
	// word; negative before it was asked.
	Total int64 `json:"total"`
	// Before is how many records the spans before this one had.
	Before int64 `json:"before,omitempty"`
	// Span is the web applications whose findings are being read; all of them
	// where both ends are open.
	Span span `json:"span,omitzero"`
	// At is where the reading of the span stands; empty at its beginning.
	At json.RawMessage `json:"at,omitempty"`
	// Doubt is why one of the spans before cannot be believed to be complete.
	Doubt string `json:"doubt,omitempty"`
}

func (p position) String() string {
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings, numbers and JSON that was checked
	}
	return string(text)
}

func parsePosition(text string) (position, error) {
	p := position{Total: -1}
	if text == "" {
		return p, nil
	}
	err := json.Unmarshal([]byte(text), &p)
	if err != nil || p.Total < 0 || p.Before < 0 || !number(p.Span.From) || !number(p.Span.To) {
		return p, &fault.Error{
			Class: fault.Contract, Code: "cursor",
			Message: fmt.Sprintf("the stored position %q is not one of this kind", qualys.Short(text)), Err: err,
		}
	}
	return p, nil
}

// read is how many records have been delivered or set aside.
func (p position) read() int64 {
	var at struct {
		Read int64 `json:"read"`
	}
	if len(p.At) > 0 {
		_ = json.Unmarshal(p.At, &at) // checked when it was taken in
	}
	return p.Before + at.Read
}

// after is the position behind a chunk of the span being read.
func (p position) after(inSpan string) position {
	p.At = json.RawMessage(inSpan)
	return p
}

// entering is the position at the beginning of the span behind this one.
func (p position) entering(next span, doubt string) position {
	p.Before, p.Span, p.At = p.read(), next, nil
	if p.Doubt == "" {
		p.Doubt = doubt
	}
	return p
}
