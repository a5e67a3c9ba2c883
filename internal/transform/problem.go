package transform

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// A Problem is one thing that is wrong with a map or a model.
type Problem struct {
	File   string `json:"file,omitempty"`   // as given to the parser; may be empty
	Line   int    `json:"line,omitempty"`   // from 1; 0 when not known
	Column int    `json:"column,omitempty"` // from 1; 0 when not known
	Row    int    `json:"row,omitempty"`    // row of the map, from 1; 0 when it is not about a row
	Key    string `json:"key,omitempty"`    // of the row or the map that it is about: "from"; empty when none
	// Message says what is wrong and what would be right.
	Message string `json:"message"`
	// Suggestion is what to write at Key instead; empty when nothing is near.
	// Message has it, too.
	Suggestion string `json:"suggestion,omitempty"`
}

func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
		if p.Column > 0 {
			fmt.Fprintf(&b, ":%d", p.Column)
		}
	}
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	if p.Row > 0 {
		fmt.Fprintf(&b, "row %d: ", p.Row)
	}
	b.WriteString(p.Message)
	return b.String()
}

// Problems are all the problems of a file; as an error, one a line.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, 0, min(len(p), maxProblems+1))
	for _, problem := range p[:min(len(p), maxProblems)] {
		lines = append(lines, problem.String())
	}
	if more := len(p) - maxProblems; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(lines, "\n")
}

// maxProblems is how many of them a person is told at once.
const maxProblems = 100

// err returns p as an error, or nil when there are none.
func (p Problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return p
}

// suggest ends a message about an unknown name: with the nearest known name
// if one is near, else with all of them if they are few.
func suggest(name string, known []string) string {
	best := nearest(name, known)
	switch {
	case best != "":
		return fmt.Sprintf("; did you mean %q?", best)
	case len(known) > 0 && len(known) <= 12:
		return "; known are " + strings.Join(known, ", ")
	}
	return ""
}

// nearest returns the known name that is nearest to name, or "" when none is
// near.
func nearest(name string, known []string) string {
	best, distance := "", min(len(name)/3+2, max(len(name)-1, 1))
	for _, k := range known {
		if d := len(k) - len(name); d >= distance || -d >= distance {
			continue // cannot be nearer, and the name may be long
		}
		d := levenshtein.ComputeDistance(strings.ToLower(name), strings.ToLower(k))
		if d == 2 && sameLetters(name, k) {
			d = 1 // two letters in the wrong order are one slip
		}
		if d < distance {
			best, distance = k, d
		}
	}
	return best
}

func sameLetters(a, b string) bool {
	x, y := []rune(strings.ToLower(a)), []rune(strings.ToLower(b))
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}
