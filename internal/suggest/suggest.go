// Package suggest helps a person who misspelt a name.
package suggest

import (
	"strings"

	"github.com/agnivade/levenshtein"
)

// Nearest returns the known name that is nearest to name, or "" when none is
// near enough to be meant.
func Nearest(name string, known []string) string {
	best, distance := "", min(len(name), len(name)/3+2) // not by changing all of it
	for _, k := range known {
		if d := levenshtein.ComputeDistance(strings.ToLower(name), strings.ToLower(k)); d < distance {
			best, distance = k, d
		}
	}
	return best
}

// Ending ends an error message about an unknown name: "; did you mean X?" if
// a known name is near, and all known names if they are few.
func Ending(name string, known []string) string {
	text := ""
	if best := Nearest(name, known); best != "" {
		text = "; did you mean " + best + "?"
	}
	if len(known) > 0 && len(known) <= 25 {
		text += " (known: " + strings.Join(known, ", ") + ")"
	}
	return text
}
