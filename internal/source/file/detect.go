package file

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"sluice/internal/transform"
)

// headBytes is how much of a file is looked at to detect how it is read.
const headBytes = 64 << 10

// foreign are files that are no text, by how they begin.
var foreign = []struct{ magic, what, advice string }{
	{"PK\x03\x04", "a ZIP archive or an Excel workbook", "save the sheet as CSV, or unpack it, and import that"},
	{"\xD0\xCF\x11\xE0", "an old Excel workbook", "save the sheet as CSV, and import that"},
	{"\x1F\x8B", "compressed by gzip", "unpack it on the way: 'gunzip -c FILE | sluice import - ...'"},
	{"\x28\xB5\x2F\xFD", "compressed by zstd", "unpack it on the way: 'zstd -dc FILE | sluice import - ...'"},
	{"BZh", "compressed by bzip2", "unpack it on the way: 'bunzip2 -c FILE | sluice import - ...'"},
	{"%PDF-", "a PDF", "export the records as CSV or JSON"},
	{"PAR1", "a Parquet file", "export the records as CSV or JSON"},
	{"SQLite format 3\x00", "an SQLite database", "export the records as CSV or JSON"},
}

// Detect says how a file is to be read, by its name, what it begins with and
// what is given, and returns its text, in UTF-8.
func Detect(name string, content io.Reader, given Options) (io.Reader, Options, error) {
	if err := given.Check(); err != nil {
		return nil, given, err
	}
	raw := bufio.NewReaderSize(content, headBytes)
	head, err := peek(raw)
	if err != nil {
		return nil, given, err
	}
	for _, f := range foreign {
		if bytes.HasPrefix(head, []byte(f.magic)) {
			return nil, given, refused("file-format", f.advice, "it is %s, and no text", f.what)
		}
	}
	found := given
	encoding, mark, order, err := detectEncoding(head, given.Encoding)
	if err != nil {
		return nil, given, err
	}
	found.Encoding = encoding
	next := nextOf(encoding, order)
	if !legible(head[mark:], next) {
		return nil, given, refused("file-format", "export the records as CSV, JSON or NDJSON", "it is no text")
	}
	if _, err := raw.Discard(mark); err != nil {
		return nil, given, err
	}
	text := bufio.NewReaderSize(&limited{r: decoded(raw, encoding, next), rest: MaxBytes}, headBytes)
	if head, err = peek(text); err != nil {
		return nil, given, err
	}
	if len(bytes.TrimSpace(head)) == 0 {
		return nil, given, refused("file-empty", "", "it is empty")
	}
	if found.Format == "" {
		if found.Format, err = detectFormat(name, head); err != nil {
			return nil, given, err
		}
	}
	if found.Format != CSV {
		return text, found, nil
	}
	if line, delimiter := separatorLine(head); line > 0 {
		if found.Delimiter == "" {
			found.Delimiter = delimiter
		}
		if _, err := text.Discard(line); err != nil {
			return nil, given, err
		}
		head = head[line:]
	}
	if found.Delimiter == "" {
		found.Delimiter = detectDelimiter(head)
	}
	return text, found, nil
}

// peek returns the head of what is read; it may be shorter than headBytes.
func peek(r *bufio.Reader) ([]byte, error) {
	head, err := r.Peek(headBytes)
	if err != nil && !errors.Is(err, io.EOF) {
		// What comes before a broken place is looked at when it is read.
		if len(head) == 0 {
			return nil, err
		}
	}
	return head, nil
}

func detectFormat(name string, head []byte) (string, error) {
	extension := strings.ToLower(filepath.Ext(name))
	switch extension {
	case ".csv", ".tsv", ".tab":
		return CSV, nil
	case ".ndjson", ".jsonl":
		return NDJSON, nil
	}
	switch bytes.TrimSpace(head)[0] {
	case '[':
		return JSON, nil
	case '{':
		if severalValues(head) {
			return NDJSON, nil
		}
		return JSON, nil
	case '<':
		return "", refused("file-format", "export the records as CSV or JSON", "it looks like XML or HTML")
	}
	if extension == ".json" {
		return JSON, nil
	}
	return CSV, nil
}

// severalValues says whether one JSON object ends in the head, and another one
// begins.
func severalValues(head []byte) bool {
	d := jsontext.NewDecoder(bytes.NewReader(head), transform.Lenient...)
	if d.SkipValue() != nil {
		return false
	}
	return d.PeekKind() == '{'
}

// separatorLine is the line by which some spreadsheets say the delimiter:
// "sep=;". It has no bytes where there is none.
func separatorLine(head []byte) (bytesOf int, delimiter string) {
	line, _, ok := bytes.Cut(head, []byte("\n"))
	given, says := strings.CutPrefix(strings.Trim(string(line), "\r\""), "sep=")
	if !ok || !says || utf8.RuneCountInString(given) != 1 || (Options{Delimiter: given}).Check() != nil {
		return 0, ""
	}
	return len(line) + 1, given
}

// linesToCompare is how many rows are looked at for the delimiter.
const linesToCompare = 20

// detectDelimiter takes the delimiter by which most rows have as many columns
// as the header, and the header most columns.
func detectDelimiter(head []byte) string {
	best, most, columns := ",", 0, 1
	if len(head) == headBytes { // the last line may be cut
		head = head[:bytes.LastIndexByte(head, '\n')+1]
	}
	for _, delimiter := range []string{",", ";", "\t", "|"} {
		r := csv.NewReader(bytes.NewReader(head))
		r.Comma, _ = utf8.DecodeRuneInString(delimiter)
		r.FieldsPerRecord, r.ReuseRecord = -1, true
		header, err := r.Read()
		if err != nil || len(header) == 1 {
			continue
		}
		width, alike := len(header), 1
		for range linesToCompare {
			if row, err := r.Read(); err == nil && len(row) == width {
				alike++
			} else if errors.Is(err, io.EOF) {
				break
			}
		}
		if alike > most || alike == most && width > columns {
			best, most, columns = delimiter, alike, width
		}
	}
	return best
}
