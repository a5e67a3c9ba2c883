package main

import (
	"encoding/json"
	"html"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// markedUp are the values that vendors write in HTML.
var markedUp = map[string]bool{"solution": true, "diagnosis": true, "consequence": true}

// printOne prints one thing: a line or some lines a value, a JSON object, or CSV.
func printOne[T any](a *app, row T, columns []column[T]) error {
	switch a.output {
	case formatJSON:
		return printJSON(a.out, row, "  ")
	case formatNDJSON:
		return printJSON(a.out, row, "")
	case formatCSV:
		return printCSV(a.out, []T{row}, columns)
	}
	shown := make(map[string]string)
	for _, c := range columns {
		shown[c.name] = forPeople(c.value(row))
	}
	var table [][]string
	for _, c := range columns {
		table = append(table, detailLines(c.name, c.value(row), shown)...)
	}
	return printTable(a.out, table)
}

// detailLines are a value as the lines of a table of one thing: its name and
// its text, or the members of a JSON object below its name. Members whose text
// is in shown, by name, are left out.
func detailLines(name string, value any, shown map[string]string) [][]string {
	object, _ := value.(json.RawMessage)
	var members map[string]json.RawMessage
	if json.Unmarshal(object, &members) != nil {
		return textLines(title(name), name, forPeople(value))
	}
	var lines [][]string
	for _, member := range slices.Sorted(maps.Keys(members)) {
		if text := memberText(members[member]); text != shown[member] {
			lines = append(lines, textLines("  "+harmless(member), member, text)...)
		}
	}
	if lines == nil {
		return nil
	}
	return append([][]string{{title(name)}}, lines...)
}

// textLines are a text with its label in front; a text without anything in it
// has none.
func textLines(label, name, text string) [][]string {
	if markedUp[name] {
		text = withoutMarkup(text)
	}
	var lines [][]string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, []string{label, harmless(line)})
			label = ""
		}
	}
	return lines
}

// memberText is a member of a JSON object as people read it.
func memberText(member json.RawMessage) string {
	var value any
	if json.Unmarshal(member, &value) != nil {
		return string(member)
	}
	switch v := value.(type) {
	case nil, string, bool:
		return forPeople(v)
	case []any:
		return named(member)
	}
	return string(member) // a number as it was written
}

var (
	space    = regexp.MustCompile(`\s+`)
	link     = regexp.MustCompile(`(?i)<a\s[^>]*?href\s*=\s*["']?([^"'\s>]+)[^>]*>(.*?)</a>`)
	newLine  = regexp.MustCompile(`(?i)</?(br|p|div|li|ul|ol|tr|h[1-6])\b[^>]*>`)
	otherTag = regexp.MustCompile(`</?[a-zA-Z][^>]*>`)
)

// withoutMarkup is the text of a piece of HTML: its paragraphs are lines, and
// links have their address behind them in brackets.
func withoutMarkup(markup string) string {
	text := space.ReplaceAllString(markup, " ")
	text = link.ReplaceAllString(text, "$2 ($1)")
	text = newLine.ReplaceAllString(text, "\n")
	return html.UnescapeString(otherTag.ReplaceAllString(text, ""))
}
