// Package lifecycle holds the states of profiles and the outcomes of runs,
// and the rules that decide them. It is pure: what it decides on is handed
// to it, so that the workflow, the worker and the CLI decide alike.
package lifecycle

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice/internal/source"
)

// State is where a profile stands. It never says how well a run went: that is
// its Outcome.
type State string

const (
	Registered State = "Registered" // nothing will start it by itself
	Scheduled  State = "Scheduled"  // something will start it
	Processing State = "Processing" // a run is fetching assets
	Processed  State = "Processed"  // a run has brought all assets in
)

// Outcome is how a run ended.
type Outcome string

const (
	Succeeded Outcome = "succeeded"
	// Partial: what arrived is in the inventory, but something is missing or
	// could not be believed; the reason says what.
	Partial   Outcome = "partial"
	Failed    Outcome = "failed"
	Cancelled Outcome = "cancelled"
	// Skipped: another run of the profile was under way.
	Skipped Outcome = "skipped"
)

// Mode is how much a run reads.
type Mode string

const (
	// Auto is Full when a delta run could miss something, else Delta.
	Auto  Mode = "auto"
	Full  Mode = "full"
	Delta Mode = "delta"
	// Replay is of a run over what another one fetched; nobody asks for it as a mode.
	Replay Mode = "replay"
)

// ParseMode reads a mode; the empty string is Auto.
func ParseMode(s string) (Mode, error) {
	switch m := Mode(s); m {
	case "":
		return Auto, nil
	case Auto, Full, Delta:
		return m, nil
	}
	return "", fmt.Errorf("unknown mode %q: use auto, full or delta", s)
}

// ParseSince reads the date from which a run is to read again, in UTC:
// "2027-01-31", or "2027-01-31T18:00:00Z" with any offset; empty is the zero
// time, no date. Such a run reads what changed since, so that mode full is
// refused with it.
func ParseSince(text string, mode Mode, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	since, err := time.Parse(time.DateOnly, text)
	if err != nil {
		since, err = time.Parse(time.RFC3339, text)
	}
	switch {
	case err != nil || since.Year() < 1970:
		return time.Time{}, fmt.Errorf("%.40q is not a date to read again from: give one such as 2027-01-31 or 2027-01-31T18:00:00Z", text)
	case since.After(now):
		return time.Time{}, fmt.Errorf("cannot read again from %s: it is in the future", text)
	case mode == Full:
		return time.Time{}, fmt.Errorf("a full run reads everything: leave out the date %s, or the mode", text)
	}
	return since.UTC(), nil
}

// Facts are what is known of a profile, from their owners: the catalog for
// runs, Temporal for what is running and scheduled.
type Facts struct {
	// Fetching says that a run is under way whose assets are not all in.
	Fetching bool
	// AssetsIn says that some run has completed its assets since the profile
	// was created; the run under way may be that run.
	AssetsIn bool
	// WillStart says that something will start the profile.
	WillStart bool
}

// Of derives a profile's state.
func Of(f Facts) State {
	switch {
	case f.Fetching:
		return Processing
	case f.AssetsIn:
		return Processed
	case f.WillStart:
		return Scheduled
	}
	return Registered
}

// Sum is the state of a connector: the most active one of its profiles.
func Sum(profiles []State) State {
	for _, s := range []State{Processing, Processed, Scheduled} {
		if slices.Contains(profiles, s) {
			return s
		}
	}
	return Registered
}

// Judge decides the outcome of a run that was not cancelled from what its
// streams came to. One failed stream does not spoil the others: the run is
// partial as long as some stream brought its assets or findings in.
func Judge(streams []Stream) (Outcome, string) {
	var failed, doubts []string
	brought := false // assets or findings
	for _, s := range streams {
		brought = brought || s.Error == "" && s.Role != source.Reference
		if s.Error != "" {
			failed = append(failed, s.Name+": "+s.Error)
		}
		if s.Doubt != "" {
			doubts = append(doubts, s.Name+": "+s.Doubt)
		}
		for _, scope := range s.Unread {
			doubts = append(doubts, fmt.Sprintf("%s: %s could not be read: %s", s.Name, scope.ID, scope.Reason))
		}
		if s.SetAside > 0 {
			doubts = append(doubts, fmt.Sprintf("%s: %d records could not be read and were set aside", s.Name, s.SetAside))
		}
	}
	switch {
	case len(failed) > 0 && !brought:
		return Failed, strings.Join(failed, "; ")
	case len(failed)+len(doubts) > 0:
		return Partial, strings.Join(append(failed, doubts...), "; ")
	}
	return Succeeded, ""
}
