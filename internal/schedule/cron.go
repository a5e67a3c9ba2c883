package schedule

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// cronShorthands are the names that cron has for some lines.
var cronShorthands = map[string]string{
	"@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
	"@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}

// cronField is one of the five fields of a cron line.
type cronField struct {
	name     string
	min, max int
	words    []string // names of the values from min on
}

var cronFields = []cronField{
	{"minute", 0, 59, nil},
	{"hour", 0, 23, nil},
	{"day of month", 1, 31, nil},
	{"month", 1, 12, monthNames.words},
	{"day of week", 0, 7, []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun"}},
}

// parseCron reads the five fields of a cron line as cron(8) does: where both
// the day of month and the day of week are restricted, either is enough,
// which takes two calendars.
func parseCron(fields []string) ([]Calendar, error) {
	if len(fields) == 1 && cronShorthands[fields[0]] != "" {
		fields = strings.Fields(cronShorthands[fields[0]])
	}
	if len(fields) > 0 && strings.Contains(fields[0], "tz=") {
		return nil, errors.New("a cron line has no time zone here: give it as the schedule's time zone")
	}
	if len(fields) != len(cronFields) {
		return nil, fmt.Errorf("a cron line has five fields, this one has %d: minute, hour, day of month, month, day of week, such as \"cron 30 4 * * mon-fri\"", len(fields))
	}
	var sets [5]Set
	for i, f := range cronFields {
		var err error
		if sets[i], err = f.parse(fields[i]); err != nil {
			return nil, err
		}
	}
	if sets[4].Has(7) { // Sunday has two numbers
		sets[4] = sets[4]&^(1<<7) | 1
	}
	c := Calendar{Minutes: sets[0], Hours: sets[1], Days: sets[2], Months: sets[3], Weekdays: sets[4]}
	restricted := func(field string) bool { return field[0] != '*' && field[0] != '?' }
	if !restricted(fields[2]) || !restricted(fields[4]) {
		return []Calendar{c}, nil
	}
	byDay, byWeekday := c, c
	byDay.Weekdays, byWeekday.Days = allWeekdays, allDays
	return []Calendar{byDay, byWeekday}, nil
}

// parse reads a field: *, 5, 1-5, */15, 1-30/2, and lists of them.
func (f cronField) parse(text string) (Set, error) {
	var set Set
	for _, part := range strings.Split(text, ",") {
		bounds, stepText, hasStep := strings.Cut(part, "/")
		step := 1
		if hasStep {
			var err error
			if step, err = strconv.Atoi(stepText); err != nil || step < 1 || step > f.max {
				return 0, fmt.Errorf("step %q of the %s is not a number from 1 to %d", bounded(stepText), f.name, f.max)
			}
		}
		from, to := f.min, f.max
		if bounds != "*" && bounds != "?" {
			low, high, isRange := strings.Cut(bounds, "-")
			var err error
			if from, err = f.value(low); err != nil {
				return 0, err
			}
			switch {
			case isRange:
				if to, err = f.value(high); err != nil {
					return 0, err
				}
				if high == "sun" && from > to { // it ends the week here
					to = f.max
				}
			case !hasStep:
				to = from
			}
			if to < from {
				return 0, fmt.Errorf("%s %q ends before it begins", f.name, bounded(bounds))
			}
		} else if f.max == 7 {
			to = 6
		}
		set |= span(from, to, step)
	}
	return set, nil
}

func (f cronField) value(text string) (int, error) {
	if i := slices.Index(f.words, text); i >= 0 {
		return f.min + i, nil
	}
	v, err := strconv.Atoi(text)
	if err != nil || v < f.min || v > f.max {
		return 0, fmt.Errorf("%s %q is not from %d to %d", f.name, bounded(text), f.min, f.max)
	}
	return v, nil
}
