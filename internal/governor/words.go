package governor

import (
	"fmt"
	"strings"
	"time"
)

// Codes of the errors of class Throttled that are made here.
const (
	CodeInUse  = "calls-in-use"  // as many run at the same time as may
	CodeUsedUp = "calls-used-up" // as many have begun in the window as may
	CodeWait   = "vendor-wait"   // the vendor asks for none
)

// The messages go on after "fo/asset/host/vm/detection: ".

func (s *State) wordsOfUse(now time.Time, limit int) string {
	var by []string
	for i, l := range s.Leases {
		if i == 3 {
			by = append(by, fmt.Sprintf("and %d more", len(s.Leases)-i))
			break
		}
		by = append(by, l.Who+" since "+clock(now, l.Since))
	}
	which := fmt.Sprintf("all %d calls that may run at the same time are in use", limit)
	if limit == 1 {
		which = "the only call that may run at a time is in use"
	}
	return which + s.wordsOfLimit(now, limit) + ", by " + strings.Join(by, ", ")
}

// wordsOfLimit says why there are fewer than the vendor's limit.
func (s *State) wordsOfLimit(now time.Time, limit int) string {
	switch {
	case s.cap(now) == limit:
		return " (fewer than usual, since the vendor refused one more at " + clock(now, s.CapSince) + ")"
	case s.Concurrent > limit:
		return fmt.Sprintf(" (%d left to other tools)", s.Concurrent-limit)
	}
	return ""
}

func (s *State) wordsOfTurn() string { return "others have waited longer for a call" }

func (s *State) wordsOfWait(now, at time.Time, reserve int) (code, message string) {
	if at.Equal(s.Blocked) {
		message = "the vendor asks for no call until " + clock(now, at)
		if s.Why != "" {
			message += ": " + s.Why
		}
		return CodeWait, message
	}
	usable := share(s.Calls, reserve)
	var besides []string
	if left := s.Calls - usable; left > 0 {
		besides = append(besides, fmt.Sprintf("%d left to other tools", left))
	}
	if others := s.Others.sum(); others > 0 {
		besides = append(besides, fmt.Sprintf("%d used by other tools", others))
	}
	message = fmt.Sprintf("the subscription's %d calls in %s are used up", s.Calls, s.Window)
	if len(besides) > 0 {
		message += " (" + strings.Join(besides, ", ") + ")"
	}
	return CodeUsedUp, message + " until " + clock(now, at)
}

// clock tells a time to people, with its day where that is another one.
func clock(now, at time.Time) string {
	now, at = now.UTC(), at.UTC()
	if now.Format(time.DateOnly) != at.Format(time.DateOnly) {
		return at.Format("2 January 15:04 UTC")
	}
	return at.Format("15:04:05 UTC")
}
