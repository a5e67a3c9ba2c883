// Package schedule says when a profile runs by itself: a single occurrence or
// a recurring one, between a start and an end, in a time zone. It is pure: it
// reads, checks, writes and computes; package scheduler brings it to Temporal.
//
// When a schedule runs is written in words:
//
//	once 2027-01-31 18:00
//	every 15m                         also 6h, 2d, 1h30m
//	daily at 02:30,14:30
//	mon-fri at 06:00
//	days 1,15 of jan,jul at 04:00     without "of": every month
//	cron 30 4 * * mon-fri
package schedule

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Spec is a profile's schedule, as it is stored and written in files.
type Spec struct {
	When When `json:"when" yaml:"when"`
	// TimeZone is the IANA name of the zone that all dates and times of the
	// schedule are in; empty is UTC.
	TimeZone string `json:"timeZone,omitempty" yaml:"timeZone,omitempty"`
	// Start and End are the first and last moment at which it may run; zero is
	// no bound.
	Start DateTime `json:"start,omitzero" yaml:"start,omitempty"`
	End   DateTime `json:"end,omitzero" yaml:"end,omitempty"`
	// Jitter is the longest time by which an occurrence is put off, so that
	// many profiles do not start at once; nil is a twentieth of the interval
	// and at most MaxDefaultJitter.
	Jitter *Duration `json:"jitter,omitempty" yaml:"jitter,omitempty"`
	// CatchUp is how late an occurrence is still run when Temporal was away at
	// its time; zero is DefaultCatchUp.
	CatchUp Duration `json:"catchUp,omitzero" yaml:"catchUp,omitempty"`
}

const (
	// MaxDefaultJitter bounds the jitter of a schedule that does not say its own.
	MaxDefaultJitter = 5 * time.Minute
	// DefaultCatchUp is the catch-up window of a schedule that does not say its own.
	DefaultCatchUp = 10 * time.Minute

	maxJitter  = 24 * time.Hour
	minCatchUp = 10 * time.Second // Temporal takes no shorter one
	maxCatchUp = 365 * 24 * time.Hour
)

// Timetable is a Spec with everything worked out, in the terms of whoever
// keeps it.
type Timetable struct {
	Zone *time.Location
	// Once is the single occurrence; zero: it recurs.
	Once time.Time
	// Every is the interval of one that recurs at Phase + n·Every after the
	// Unix epoch; zero: it recurs by Calendars.
	Every, Phase time.Duration
	// Calendars match the minutes at which it recurs; one that matches is enough.
	Calendars []Calendar
	// Start and End are inclusive; zero: no bound.
	Start, End      time.Time
	Jitter, CatchUp time.Duration
}

// Timetable works the schedule out. It fails on what has no meaning, such as
// an unknown time zone; Validate finds more.
func (s Spec) Timetable() (Timetable, error) {
	if s.When.IsZero() {
		return Timetable{}, errors.New("the schedule does not say when: " + examples)
	}
	t := Timetable{Every: s.When.every, Calendars: s.When.calendars(), CatchUp: time.Duration(s.CatchUp)}
	var err error
	if t.Zone, err = loadZone(s.TimeZone); err != nil {
		return t, err
	}
	for _, moment := range []struct {
		at DateTime
		to *time.Time
	}{{s.When.once, &t.Once}, {s.Start, &t.Start}, {s.End, &t.End}} {
		if *moment.to, err = moment.at.in(t.Zone); err != nil {
			return t, err
		}
	}
	if t.Every > 0 && !t.Start.IsZero() {
		t.Phase = time.Duration(t.Start.Unix()%int64(t.Every/time.Second)) * time.Second // the first run is at Start
	}
	if t.CatchUp == 0 {
		t.CatchUp = DefaultCatchUp
	}
	if s.Jitter != nil {
		t.Jitter = time.Duration(*s.Jitter)
	} else {
		t.Jitter = min(t.interval()/20, MaxDefaultJitter)
	}
	return t, nil
}

// interval is the shortest time between two occurrences. It does not depend
// on today, so that the same Spec always gives the same Timetable.
func (t Timetable) interval() time.Duration {
	if !t.Once.IsZero() {
		return 0
	}
	if t.Every > 0 {
		return t.Every
	}
	unbounded := t
	unbounded.Start, unbounded.End = time.Time{}, time.Time{}
	times := unbounded.Next(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), 60)
	shortest := time.Duration(0)
	for i := 1; i < len(times); i++ {
		if gap := times[i].Sub(times[i-1]); shortest == 0 || gap < shortest {
			shortest = gap
		}
	}
	return shortest
}

// Next returns up to n occurrences after a moment, without jitter. Fewer mean
// that there are no more of them.
func (t Timetable) Next(after time.Time, n int) []time.Time {
	var times []time.Time
	for len(times) < n {
		if after = t.next(after); after.IsZero() {
			break
		}
		times = append(times, after)
	}
	return times
}

func (t Timetable) next(after time.Time) time.Time {
	if before := t.Start.Add(-time.Second); !t.Start.IsZero() && after.Before(before) {
		after = before
	}
	var at time.Time
	switch {
	case !t.Once.IsZero():
		if t.Once.After(after) {
			at = t.Once
		}
	case t.Every > 0:
		every, phase := int64(t.Every/time.Second), int64(t.Phase/time.Second)
		at = time.Unix(((after.Unix()-phase)/every+1)*every+phase, 0).In(t.Zone)
	default:
		at = nextMatch(t.Calendars, t.Zone, after)
	}
	if !t.End.IsZero() && at.After(t.End) {
		return time.Time{}
	}
	return at
}

// Next returns up to n occurrences after a moment, without jitter; none of a
// Spec that Validate refuses.
func (s Spec) Next(after time.Time, n int) []time.Time {
	t, err := s.Timetable()
	if err != nil {
		return nil
	}
	return t.Next(after, n)
}

// IsSingle says whether the schedule has a single occurrence.
func (s Spec) IsSingle() bool { return !s.When.once.IsZero() }

// Validate says why a schedule cannot be used from now on: an end before its
// start, an occurrence in the past, an unknown time zone, or a calendar that
// never comes true.
func (s Spec) Validate(now time.Time) error {
	t, err := s.Timetable()
	if err != nil {
		return err
	}
	switch {
	case s.IsSingle() && !(s.Start.IsZero() && s.End.IsZero()):
		return fmt.Errorf("a schedule that runs once has no start and end: leave them out of %q", s.When)
	case s.IsSingle() && !t.Once.After(now):
		return fmt.Errorf("%q is in the past: it is %s in %s; give a later date and time, or use 'sluice run' to run now", s.When, dateTimeOf(now.In(t.Zone)), t.Zone)
	case !t.End.IsZero() && !t.Start.IsZero() && !t.End.After(t.Start):
		return fmt.Errorf("the schedule ends (%s) before it starts (%s): give an end after the start", s.End, s.Start)
	case !t.End.IsZero() && !t.End.After(now):
		return fmt.Errorf("the schedule's end %s is in the past: it is %s in %s; give a later end, or none", s.End, dateTimeOf(now.In(t.Zone)), t.Zone)
	case t.Jitter < 0 || t.Jitter > maxJitter:
		return fmt.Errorf("jitter %s cannot be used: give 0s to %s", Duration(t.Jitter), Duration(maxJitter))
	case t.CatchUp < minCatchUp || t.CatchUp > maxCatchUp:
		return fmt.Errorf("catch-up window %s cannot be used: give %s to %s", Duration(t.CatchUp), Duration(minCatchUp), Duration(maxCatchUp))
	}
	if len(t.Next(now, 1)) > 0 {
		return nil
	}
	unbounded := t
	unbounded.Start, unbounded.End = time.Time{}, time.Time{}
	if next := unbounded.Next(now, 1); len(next) > 0 {
		return fmt.Errorf("%q never comes between its start and its end: without them it would next be at %s", s.When, dateTimeOf(next[0].In(t.Zone)))
	}
	return fmt.Errorf("%q never comes: there is no such day (like 30 February); give days that the months have, for example \"days 28 of feb at 04:00\"", s.When)
}

// String says for people when it runs: "mon-fri at 06:00 in Europe/Berlin,
// from 2027-01-01 00:00".
func (s Spec) String() string {
	text := s.When.String()
	if s.When.every == 0 || !s.Start.IsZero() || !s.End.IsZero() {
		text += " in " + zoneName(s.TimeZone)
	}
	var more []string
	if !s.Start.IsZero() {
		more = append(more, "from "+s.Start.String())
	}
	if !s.End.IsZero() {
		more = append(more, "until "+s.End.String())
	}
	if s.Jitter != nil {
		more = append(more, "jitter "+s.Jitter.String())
	}
	if s.CatchUp != 0 {
		more = append(more, "catch-up "+s.CatchUp.String())
	}
	return strings.Join(append([]string{text}, more...), ", ")
}

// Equal says whether two schedules are the same; nil is no schedule.
func Equal(a, b *Spec) bool {
	if a == nil || b == nil {
		return a == b
	}
	return zoneName(a.TimeZone) == zoneName(b.TimeZone) && a.String() == b.String()
}
