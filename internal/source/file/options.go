package file

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"sluice/internal/fault"
	"sluice/internal/suggest"
)

// The forms of files that are read.
const (
	CSV    = "csv"
	JSON   = "json"
	NDJSON = "ndjson" // JSON, a record a line
)

// Formats lists them.
func Formats() []string { return []string{CSV, JSON, NDJSON} }

// The encodings that text is read from.
const (
	UTF8        = "utf-8"
	UTF16       = "utf-16"
	Windows1252 = "windows-1252"
)

// Encodings lists them.
func Encodings() []string { return []string{UTF8, UTF16, Windows1252} }

// Bounds of what is read.
const (
	MaxBytes   = 1 << 30  // of a file's text, in UTF-8
	maxRecord  = 16 << 20 // bytes of a record, in the file and as JSON
	maxColumns = 2000
	maxHeader  = 64 << 10 // bytes of the names of all columns: each record repeats them
	// maxDelimiters bounds what could be columns in a row, before it is known
	// which of them are in quotes.
	maxDelimiters = 1_000_000
)

// Options say how a file is read. What is empty is detected.
type Options struct {
	Format    string
	Delimiter string // between the columns of CSV
	Encoding  string
	Records   string // of JSON, the list that has the records: "data.items"
}

// Check says which of the options cannot be.
func (o Options) Check() error {
	for _, given := range []struct {
		what, value string
		known       []string
	}{{"format", o.Format, Formats()}, {"encoding", o.Encoding, Encodings()}} {
		if given.value != "" && !slices.Contains(given.known, given.value) {
			return fmt.Errorf("unknown %s %q%s", given.what, given.value, suggest.Ending(given.value, given.known))
		}
	}
	if r, size := utf8.DecodeRuneInString(o.Delimiter); o.Delimiter != "" && (size < len(o.Delimiter) || r == utf8.RuneError || strings.ContainsRune("\"\r\n\x00 ", r)) {
		return fmt.Errorf("delimiter %q is not one character that can stand between columns: give ',', ';', '|' or 'tab'", o.Delimiter)
	}
	return nil
}

// Reading is what a run is told of the options.
func (o Options) Reading() map[string]string {
	return map[string]string{"format": o.Format, "delimiter": o.Delimiter, "records": o.Records}
}

// fromReading is what a run was told.
func fromReading(reading map[string]string) Options {
	return Options{Format: reading["format"], Delimiter: reading["delimiter"], Records: reading["records"], Encoding: UTF8}
}

// refused is the error for a file that cannot be read, or not further.
func refused(code, advice, format string, args ...any) error {
	return &fault.Error{Class: fault.Refused, Code: code, Message: fault.Head([]byte(fmt.Sprintf(format, args...))), Advice: advice}
}
