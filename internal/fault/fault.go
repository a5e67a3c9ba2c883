// Package fault is the one taxonomy of what goes wrong between a vendor and
// the inventory. Every error that a vendor's answer or our reading of it
// causes is a *fault.Error of one class; the class alone decides whether
// work is tried again, waited for, or given up at once.
package fault

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Class says what to do about an error.
type Class string

const (
	// Throttled: the vendor asks us to wait; Error.Wait says how long.
	Throttled Class = "throttled"
	// Transient: the same request may succeed later (network, 5xx, cut answer).
	Transient Class = "transient"
	// Auth: the vendor does not accept who we are, even with a fresh token.
	// Never retried: accounts lock.
	Auth Class = "auth"
	// Refused: the vendor, or our own configuration, does not allow the
	// request (licence, permission, bad request). A person has to act.
	Refused Class = "refused"
	// Contract: the answer does not mean what we know. Never guessed at;
	// Error.Detail keeps the head of it for diagnosis.
	Contract Class = "contract"
)

// MaxDetail bounds the part of an answer that an error may carry, in bytes.
// Errors travel through workflow histories, which must stay small.
const MaxDetail = 1024

// Error is a classified error. Message says what happened and to what, Advice
// what a person can do about it; both are one sentence without a full stop.
type Error struct {
	Class   Class
	Code    string // stable and kebab-case, for scripts: "token-refused"
	Message string
	Advice  string
	Wait    time.Duration // Throttled only: how long the vendor asks to wait
	Detail  string        // head of the vendor's answer, at most MaxDetail bytes
	Err     error         // cause, if any
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Message)
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	if e.Advice != "" {
		fmt.Fprintf(&b, " (%s)", e.Advice)
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// As returns the *Error in err's chain, or nil.
func As(err error) *Error {
	var f *Error
	if errors.As(err, &f) {
		return f
	}
	return nil
}

// Retryable reports whether the same work may succeed later without a person.
// An error outside the taxonomy (the database is away, say) is retryable.
func Retryable(err error) bool {
	f := As(err)
	return f == nil || f.Class == Transient || f.Class == Throttled
}

// Head returns the first MaxDetail bytes of an answer as printable UTF-8.
func Head(body []byte) string {
	if len(body) > MaxDetail {
		body = body[:MaxDetail]
		for len(body) > 0 && !utf8.RuneStart(body[len(body)-1]) {
			body = body[:len(body)-1]
		}
	}
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return ' '
		}
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(body), "\uFFFD"))
}
