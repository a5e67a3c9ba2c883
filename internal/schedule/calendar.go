package schedule

import "time"

// Set is a set of small whole numbers, 0 to 63.
type Set uint64

// Has says whether the set has v.
func (s Set) Has(v int) bool { return s&(1<<v) != 0 }

// Values lists the set in ascending order.
func (s Set) Values() []int {
	var values []int
	for v := range 64 {
		if s.Has(v) {
			values = append(values, v)
		}
	}
	return values
}

// span is the set of from, from+step, ... up to to.
func span(from, to, step int) Set {
	var s Set
	for v := from; v <= to; v += step {
		s |= 1 << v
	}
	return s
}

// The sets of everything.
var (
	allDays     = span(1, 31, 1)
	allMonths   = span(1, 12, 1)
	allWeekdays = span(0, 6, 1)
)

// Calendar matches the minutes of which every field is in its set.
type Calendar struct {
	Minutes  Set // 0 to 59
	Hours    Set // 0 to 23
	Days     Set // of the month, 1 to 31
	Months   Set // 1 to 12
	Weekdays Set // 0, Sunday, to 6
}

func (c Calendar) matchesDay(local time.Time) bool {
	return c.Months.Has(int(local.Month())) && c.Days.Has(local.Day()) && c.Weekdays.Has(int(local.Weekday()))
}

func (c Calendar) matches(local time.Time) bool {
	return c.Minutes.Has(local.Minute()) && c.Hours.Has(local.Hour()) && c.matchesDay(local)
}

// lastYear is the last year that is looked at, as Temporal does.
const lastYear = 2100

// nextMatch returns the first minute after a moment that some calendar
// matches, zero if there is none. It walks through the minutes of the days
// that match, so that where clocks change a time that a day does not have is
// left out, as Temporal does, and one that it has twice counts twice; of those
// Temporal takes both in some zones and one in others.
func nextMatch(calendars []Calendar, zone *time.Location, after time.Time) time.Time {
	matched := func(match func(Calendar) bool) bool {
		for _, c := range calendars {
			if match(c) {
				return true
			}
		}
		return false
	}
	first := after.In(zone)
	noon := time.Date(first.Year(), first.Month(), first.Day(), 12, 0, 0, 0, zone)
	for ; noon.Year() <= lastYear; noon = noon.AddDate(0, 0, 1) {
		if !matched(func(c Calendar) bool { return c.matchesDay(noon) }) {
			continue
		}
		// The day may begin and end some hours earlier or later than 12 hours from noon.
		for at := noon.Add(-15 * time.Hour); at.Before(noon.Add(15 * time.Hour)); at = at.Add(time.Minute) {
			if at.After(after) && matched(func(c Calendar) bool { return c.matches(at) }) {
				return at
			}
		}
	}
	return time.Time{}
}
