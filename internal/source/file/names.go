package file

import (
	"strings"
	"unicode"
)

// nameInPath is how paths write a name: without dots, brackets, blanks and what
// cannot be seen.
func nameInPath(name string) string {
	if name == "*" {
		return "_"
	}
	if name != "" && strings.IndexFunc(name, unwritable) < 0 {
		return name
	}
	var b strings.Builder
	gap := false
	for _, r := range name {
		if unwritable(r) {
			gap = true
			continue
		}
		if gap && b.Len() > 0 {
			b.WriteByte('_')
		}
		gap = false
		b.WriteRune(r)
	}
	if b.Len() == 0 {
		return "_"
	}
	return b.String()
}

func unwritable(r rune) bool {
	return r == '.' || r == '[' || r == ']' || r == unicode.ReplacementChar || unicode.IsSpace(r) || !unicode.IsPrint(r)
}
