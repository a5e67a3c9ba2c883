package xmlstream

import "fmt"

// A TruncatedError says that the document ended before its root element did.
// It wraps the error of the underlying reader, or io.ErrUnexpectedEOF when that
// reader ended without one.
type TruncatedError struct {
	Offset int64 // how many bytes there were
	Err    error
}

func (e *TruncatedError) Error() string {
	return fmt.Sprintf("the XML ends too early, after %d bytes: %v", e.Offset, e.Err)
}

func (e *TruncatedError) Unwrap() error { return e.Err }

// A SyntaxError says that the document is not well-formed, or not in a known
// encoding.
type SyntaxError struct {
	Offset int64 // about where
	Reason string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("the XML is not valid at byte %d: %s", e.Offset, e.Reason)
}

// A LimitError says that something is larger than it may be.
type LimitError struct {
	Offset int64
	What   string // what is too large, such as "the nesting of elements"
	Max    int
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("%s exceeds %d in the XML at byte %d", e.What, e.Max, e.Offset)
}

func (d *Decoder) truncated(err error) error {
	return &TruncatedError{Offset: d.base + int64(d.end), Err: err}
}

func (d *Decoder) malformed(format string, args ...any) error {
	return &SyntaxError{Offset: d.InputOffset(), Reason: fmt.Sprintf(format, args...)}
}

func (d *Decoder) tooLarge(what string, limit int) error {
	return &LimitError{Offset: d.InputOffset(), What: what, Max: limit}
}
