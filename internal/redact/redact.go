// Package redact keeps secrets out of what people and machines get to read:
// logs, errors, answers that are kept for diagnosis. It goes by value, and
// knows the spellings in which URLs, JSON, XML and headers repeat one.
package redact

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Mark stands where a secret was.
const Mark = "[redacted]"

// shortest is the length, in bytes, of the shortest value that is redacted:
// shorter ones are in too many words.
const shortest = 4

// A Set is values that must not be read. It is safe for concurrent use; a nil
// one is empty.
type Set struct {
	lenient bool
	mu      sync.Mutex // held by who adds
	known   map[string]struct{}
	forms   map[string]form
	current atomic.Pointer[index]
}

// New returns a set of secrets.
func New(secret ...string) *Set {
	s := &Set{}
	s.Add(secret...)
	return s
}

// NewForLogs returns an empty set for texts on any matter, such as logs: it
// leaves out values that are no secret any more than a word is, those below
// eight bytes and those of up to sixteen small letters. Whoever can enter a
// secret would otherwise blot a word like "healthy" out of all that is said of
// anything, and could tell from what is missing there whether a guess at
// another's secret is right. The answer to a request is searched for what that
// request has sent, whatever it is (New): there a word in it is more likely the
// secret.
func NewForLogs() *Set { return &Set{lenient: true} }

// isWord says whether a set for logs leaves a value out.
func isWord(value string) bool {
	const (
		short    = 8  // bytes
		longWord = 16 // letters
	)
	letters := strings.IndexFunc(value, func(r rune) bool { return r < 'a' || r > 'z' }) < 0
	return len(value) < short || letters && len(value) <= longWord
}

// Add adds secrets. One of several lines, such as a private key, is redacted
// as a whole and by line. Values below four bytes are left out, and more by a set
// for logs.
func (s *Set) Add(secret ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.known)
	for _, value := range secret {
		s.add(value)
		if lines := strings.Split(value, "\n"); len(lines) > 1 {
			for _, line := range lines {
				s.addLine(strings.TrimSpace(line))
			}
		}
	}
	if len(s.known) > before {
		s.current.Store(newIndex(s.forms))
	}
}

func (s *Set) add(value string) {
	if _, known := s.known[value]; known || len(value) < shortest || s.lenient && isWord(value) {
		return
	}
	if s.known == nil {
		s.known, s.forms = map[string]struct{}{}, map[string]form{}
	}
	s.known[value] = struct{}{}
	for text, f := range spellings(value) {
		if len(text) >= shortest {
			s.forms[text] = s.forms[text] | f
		}
	}
}

// addLine adds a line of a secret that says something by itself.
func (s *Set) addLine(line string) {
	const tellsNothing = 16 // bytes
	if len(line) >= tellsNothing && !strings.HasPrefix(line, "-----") {
		s.add(line)
	}
}

// version changes when something is added.
func (s *Set) version() *index {
	if s == nil {
		return nil
	}
	return s.current.Load()
}

// Text returns a text without the secrets.
func (s *Set) Text(text string) string {
	found := find(s.version(), text)
	if len(found) == 0 {
		return text
	}
	return string(replace(text, found))
}

// Bytes is as Text. It does not change b, and may return it.
func (s *Set) Bytes(b []byte) []byte {
	text := string(b)
	found := find(s.version(), text)
	if len(found) == 0 {
		return b
	}
	return replace(text, found)
}

// span is a part of a text, in bytes.
type span struct{ begin, end int }

func replace(text string, found []span) []byte {
	out := make([]byte, 0, len(text)+len(found)*len(Mark))
	at := 0
	for _, part := range found {
		out = append(out, text[at:part.begin]...)
		out = append(out, Mark...)
		at = part.end
	}
	return append(out, text[at:]...)
}

// merge sorts spans and makes one of those that overlap or touch.
func merge(found []span) []span {
	slices.SortFunc(found, func(a, b span) int { return a.begin - b.begin })
	merged := found[:1]
	for _, next := range found[1:] {
		if last := &merged[len(merged)-1]; next.begin <= last.end {
			last.end = max(last.end, next.end)
		} else {
			merged = append(merged, next)
		}
	}
	return merged
}
