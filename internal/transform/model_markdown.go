package transform

import (
	"fmt"
	"strings"
)

// Markdown returns the model as a page of a reference manual.
func (m *Model) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n`%s`: %s data model.\n\n%s\n", inline(m.Title), m.Name, m.Role, strings.TrimSpace(m.Description))
	if m.Records == RecordsAreFindings {
		b.WriteString("\nA record is one finding, with a reference to its asset.\n")
	}
	if len(m.Classes) > 0 {
		fmt.Fprintf(&b, "\nAsset classes: %s.\n", strings.Join(m.Classes, ", "))
	}
	b.WriteString("\n| Field | Type | Required | Example | Description |\n|---|---|---|---|---|\n")
	for _, f := range m.Fields {
		required := "optional"
		if f.Required {
			required = "required"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", code(f.Path), f.Type, required, code(f.Example), f.markdown())
	}
	return b.String()
}

// markdown is all that is said of a field in words.
func (f *Field) markdown() string {
	parts := []string{inline(f.Description)}
	if len(f.Values) > 0 {
		parts = append(parts, "One of "+inline(strings.Join(f.Values, ", "))+".")
	}
	if f.Class != "" {
		parts = append(parts, "Of assets of class "+f.Class+".")
	}
	if f.MaxBytes > 0 {
		parts = append(parts, fmt.Sprintf("At most %d bytes.", f.MaxBytes))
	}
	if f.Note != "" {
		parts = append(parts, inline(f.Note))
	}
	if f.Evidence == "inferred" {
		parts = append(parts, "*(inferred)*")
	}
	return strings.Join(parts, " ")
}

// inlineEscapes keep text from being read as markup, or as the end of a cell.
var inlineEscapes = strings.NewReplacer(`\`, `\\`, "|", `\|`, "<", "&lt;", "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`)

func inline(text string) string {
	return inlineEscapes.Replace(strings.Join(strings.Fields(text), " "))
}

// code is text as it is, on one line; a backtick in it becomes an apostrophe.
func code(text string) string {
	if text == "" {
		return ""
	}
	text = strings.Join(strings.Fields(text), " ")
	return "`" + strings.NewReplacer("`", "'", "|", `\|`).Replace(text) + "`"
}
