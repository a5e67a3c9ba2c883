package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/rivo/uniseg"
)

// The formats of --output.
const (
	formatTable  = "table"
	formatJSON   = "json"
	formatNDJSON = "ndjson"
	formatCSV    = "csv"
)

// maxCell is the width at which a table's cell is cut, but for those of the
// last column; the other formats have all of it.
const maxCell = 60

// A column is one value of a row, named as in the JSON form: "externalId".
type column[T any] struct {
	name  string
	value func(T) any
}

// printList prints rows in the chosen format: a table, a JSON array, a JSON
// object a line, or CSV with a header.
func printList[T any](a *app, rows []T, columns []column[T]) error {
	switch a.output {
	case formatJSON:
		if rows == nil {
			rows = []T{}
		}
		return printJSON(a.out, rows, "  ")
	case formatNDJSON:
		for _, row := range rows {
			if err := printJSON(a.out, row, ""); err != nil {
				return err
			}
		}
		return nil
	case formatCSV:
		return printCSV(a.out, rows, columns)
	}
	if len(rows) == 0 {
		return nil
	}
	table := [][]string{make([]string, len(columns))}
	for i, c := range columns {
		table[0][i] = title(c.name)
	}
	for _, row := range rows {
		cells := make([]string, len(columns))
		for i, c := range columns {
			cells[i] = harmless(forPeople(c.value(row)))
			if i < len(columns)-1 {
				cells[i] = cut(cells[i], maxCell)
			}
		}
		table = append(table, cells)
	}
	return printTable(a.out, table)
}

// printListOr prints rows as printList does; where there are none, people are
// told so in the given words.
func printListOr[T any](a *app, rows []T, columns []column[T], format string, args ...any) error {
	if len(rows) == 0 && a.forTables() {
		a.note(format, args...)
		return nil
	}
	return printList(a, rows, columns)
}

// withoutEmpty leaves out of a table the columns, of those named, that no row
// has a value in. The other formats always have the same columns.
func withoutEmpty[T any](a *app, rows []T, columns []column[T], optional ...string) []column[T] {
	if !a.forTables() {
		return columns
	}
	return slices.DeleteFunc(slices.Clone(columns), func(c column[T]) bool {
		return slices.Contains(optional, c.name) && !slices.ContainsFunc(rows, func(row T) bool { return forPeople(c.value(row)) != "" })
	})
}

// forTables says whether people read the output, so that explanations around
// the result are welcome.
func (a *app) forTables() bool { return a.output == formatTable }

func printJSON(w io.Writer, value any, indent string) error {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", indent)
	if err := encoder.Encode(value); err != nil {
		return err
	}
	_, err := io.WriteString(w, escapeControls(b.String()))
	return err
}

// escapeControls writes as \uXXXX what the encoder leaves as it is and a
// terminal may obey; it means the same to whoever reads the JSON.
func escapeControls(text string) string {
	if strings.IndexFunc(text, func(r rune) bool { return isControl(r) && r != '\n' }) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if isControl(r) && r != '\n' {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func printCSV[T any](w io.Writer, rows []T, columns []column[T]) error {
	out := csv.NewWriter(w)
	cells := make([]string, len(columns))
	for i, c := range columns {
		cells[i] = c.name
	}
	if err := out.Write(cells); err != nil {
		return err
	}
	for _, row := range rows {
		for i, c := range columns {
			cells[i] = forSpreadsheet(c.value(row))
		}
		if err := out.Write(cells); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// printTable prints rows as columns of even width. Width is what a terminal
// shows: some characters take two cells, some none.
func printTable(w io.Writer, rows [][]string) error {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], uniseg.StringWidth(cell))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell)
			if i < len(row)-1 {
				line.WriteString(strings.Repeat(" ", widths[i]-uniseg.StringWidth(cell)+2))
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " "))
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// title is a column's name in a table: "externalId" is "EXTERNAL ID".
func title(name string) string {
	var b strings.Builder
	for _, r := range name {
		if unicode.IsUpper(r) {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToUpper(r))
	}
	return b.String()
}

// forPeople is a value as people read it; absent is empty.
func forPeople(value any) string {
	switch v := value.(type) {
	case time.Time:
		if v.IsZero() {
			return ""
		}
		return v.Local().Format(time.DateTime)
	case *time.Time:
		if v == nil {
			return ""
		}
		return forPeople(*v)
	case bool:
		if v {
			return "yes"
		}
		return "no"
	case *bool:
		if v == nil {
			return ""
		}
		return forPeople(*v)
	}
	return plain(value)
}

// plain is a value in full; absent is empty.
func plain(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case *string:
		if v == nil {
			return ""
		}
		return *v
	case time.Time:
		if v.IsZero() {
			return ""
		}
		return v.UTC().Format(time.RFC3339)
	case *time.Time:
		if v == nil {
			return ""
		}
		return plain(*v)
	case *int16:
		if v == nil {
			return ""
		}
		return strconv.Itoa(int(*v))
	case *int32:
		if v == nil {
			return ""
		}
		return strconv.Itoa(int(*v))
	case *int64:
		if v == nil {
			return ""
		}
		return strconv.FormatInt(*v, 10)
	case *float64:
		if v == nil {
			return ""
		}
		return strconv.FormatFloat(*v, 'f', -1, 64)
	case *bool:
		if v == nil {
			return ""
		}
		return strconv.FormatBool(*v)
	case []string:
		return strings.Join(v, ",")
	case json.RawMessage:
		return string(v)
	}
	return fmt.Sprint(value)
}

// jsonText is a value as JSON writes it, which may have been cut. A spreadsheet
// gets the text of a string without its quotes.
type jsonText string

func (t jsonText) unquoted() string {
	var text string
	cut, wasCut := strings.CutSuffix(string(t), "…")
	switch {
	case json.Unmarshal([]byte(t), &text) == nil:
		return text
	case wasCut && json.Unmarshal([]byte(cut+`"`), &text) == nil:
		return text + "…"
	}
	return string(t)
}

// forSpreadsheet is a value in full that a spreadsheet does not take for a
// formula.
func forSpreadsheet(value any) string {
	if v, ok := value.(jsonText); ok {
		value = v.unquoted()
	}
	text := plain(value)
	switch value.(type) {
	case int, int16, int32, int64, float64, *int16, *int32, *int64, *float64:
		return text // a number may be negative
	}
	if text != "" && strings.ContainsRune("=+-@\t\r\n", rune(text[0])) {
		text = "'" + text
	}
	return strings.Map(func(r rune) rune {
		if isControl(r) && r != '\n' && r != '\t' {
			return '\uFFFD'
		}
		return r
	}, text)
}

// harmless is a text from elsewhere without anything that a terminal would
// obey: controls, escapes and characters that turn the direction of writing
// are shown as Go writes them, such as \x1b.
func harmless(text string) string {
	text = strings.ToValidUTF8(text, string(unicode.ReplacementChar))
	if strings.IndexFunc(text, func(r rune) bool { return !isShown(r) }) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if isShown(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRune(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}

// isShown says whether a terminal just shows the character. The joiners, with
// which some scripts and emoji are written, do no harm.
func isShown(r rune) bool {
	const joiner, nonJoiner = '\u200d', '\u200c'
	return unicode.IsGraphic(r) || r == joiner || r == nonJoiner
}

// isControl says whether a terminal may obey the character, or a reader be
// misled by it.
func isControl(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }

// cut shortens a text to a width.
func cut(text string, width int) string {
	if uniseg.StringWidth(text) <= width {
		return text
	}
	var b strings.Builder
	used := 0
	for g := uniseg.NewGraphemes(text); g.Next(); {
		if used += g.Width(); used > width-1 {
			break
		}
		b.WriteString(g.Str())
	}
	return b.String() + "…"
}
