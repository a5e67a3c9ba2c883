package schedule

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/internal/suggest"
)

// examples end the errors about when a schedule runs.
const examples = `write for example "every 6h", "daily at 02:30", "mon-fri at 06:00,18:00", "days 1,15 of jan,jul at 04:00", "cron 30 4 * * 1" or "once 2027-01-31 18:00"`

// maxText bounds the text of a When.
const maxText = 500

var spacedComma = regexp.MustCompile(`\s*,\s*`)

// maxEvery bounds intervals.
const maxEvery = 366 * 24 * time.Hour

// When says when a schedule runs, in one of the forms that the package's
// comment lists. The zero When says nothing.
type When struct {
	once  DateTime
	every time.Duration
	// The times of day, in ascending order, and the days that they are of.
	at                     []clock
	days, months, weekdays Set
	cron                   string
	cronCalendars          []Calendar
}

// clock is a time of day, in minutes.
type clock int

func (c clock) String() string { return fmt.Sprintf("%02d:%02d", c/60, c%60) }

// ParseWhen reads one of the forms; capitals and spaces do not matter.
func ParseWhen(text string) (When, error) {
	if len(text) > maxText {
		return When{}, fmt.Errorf("a schedule of %d characters is too long", len(text))
	}
	// A list may be written with spaces around its commas.
	words := strings.Fields(spacedComma.ReplaceAllString(strings.ToLower(text), ","))
	if len(words) == 0 {
		return When{}, fmt.Errorf("the schedule does not say when: %s", examples)
	}
	w, err := parseForm(words[0], words[1:])
	if err != nil {
		return When{}, fmt.Errorf("schedule %q: %w", bounded(text), err)
	}
	return w, nil
}

func parseForm(form string, rest []string) (w When, err error) {
	switch form {
	case "once":
		w.once, err = ParseDateTime(strings.Join(rest, " "))
		return w, err
	case "every":
		w.every, err = parseEvery(strings.Join(rest, " "))
		return w, err
	case "cron":
		w.cron = strings.Join(rest, " ")
		w.cronCalendars, err = parseCron(rest)
		return w, err
	}
	w.days, w.months, w.weekdays = allDays, allMonths, allWeekdays
	switch form {
	case "daily":
	case "days":
		if len(rest) == 0 {
			return w, fmt.Errorf("the days are missing: write for example \"days 1,15 at 04:00\"")
		}
		if w.days, err = parseList(dayNames, rest[0]); err != nil {
			return w, err
		}
		if rest = rest[1:]; len(rest) >= 2 && rest[0] == "of" {
			if w.months, err = parseList(monthNames, rest[1]); err != nil {
				return w, err
			}
			rest = rest[2:]
		}
	default:
		if w.weekdays, err = parseList(weekdayNames, form); err != nil {
			return w, unknownForm(form)
		}
	}
	if len(rest) != 2 || rest[0] != "at" {
		return w, fmt.Errorf("the times of day are missing or not alone at the end: end it with for example \"at 06:00\" or \"at 06:00,18:00\"")
	}
	w.at, err = parseClocks(rest[1])
	return w, err
}

func unknownForm(form string) error {
	hint := ""
	if near := suggest.Nearest(form, []string{"once", "every", "daily", "days", "cron", "mon", "tue", "wed", "thu", "fri", "sat", "sun", "mon-fri"}); near != "" {
		hint = fmt.Sprintf(" (did you mean %q?)", near)
	}
	return fmt.Errorf("it cannot begin with %q%s; %s", bounded(form), hint, examples)
}

func parseEvery(text string) (time.Duration, error) {
	if spanUnit(text) > 0 { // "every hour"
		text = "1 " + text
	}
	span, err := ParseDuration(text)
	if err != nil {
		return 0, err
	}
	if every := time.Duration(span); every >= time.Second && every <= maxEvery {
		return every, nil
	}
	return 0, fmt.Errorf("an interval of %s cannot be used: give 1s to %s", span, Duration(maxEvery))
}

func parseClocks(list string) ([]clock, error) {
	var at []clock
	for _, text := range strings.Split(list, ",") {
		hour, minute, ok := strings.Cut(text, ":")
		h, herr := strconv.ParseUint(hour, 10, 8)
		m, merr := strconv.ParseUint(minute, 10, 8)
		if !ok || herr != nil || merr != nil || h > 23 || m > 59 || len(minute) != 2 {
			return nil, fmt.Errorf("%q is not a time of day: give 00:00 to 23:59", bounded(text))
		}
		at = append(at, clock(h*60+m))
	}
	slices.Sort(at)
	return slices.Compact(at), nil
}

// IsZero says that it says nothing.
func (w When) IsZero() bool { return w.String() == "" }

func (w When) String() string {
	switch {
	case !w.once.IsZero():
		return "once " + w.once.String()
	case w.every > 0:
		return "every " + Duration(w.every).String()
	case w.cron != "":
		return "cron " + w.cron
	case len(w.at) == 0:
		return ""
	}
	var text string
	switch {
	case w.weekdays != allWeekdays:
		text = weekdayNames.format(w.weekdays)
	case w.days == allDays && w.months == allMonths:
		text = "daily"
	default:
		text = "days " + dayNames.format(w.days)
		if w.months != allMonths {
			text += " of " + monthNames.format(w.months)
		}
	}
	times := make([]string, len(w.at))
	for i, c := range w.at {
		times[i] = c.String()
	}
	return text + " at " + strings.Join(times, ",")
}

// MarshalText writes it as String does.
func (w When) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText reads what ParseWhen does.
func (w *When) UnmarshalText(text []byte) (err error) {
	*w, err = ParseWhen(string(text))
	return err
}

// calendars are the calendars that match when it recurs; none when it does
// not recur by the calendar.
func (w When) calendars() []Calendar {
	if w.cron != "" {
		return w.cronCalendars
	}
	// Times with the same minute share a calendar.
	var calendars []Calendar
	for _, c := range w.at {
		hour, minute := span(int(c/60), int(c/60), 1), span(int(c%60), int(c%60), 1)
		i := slices.IndexFunc(calendars, func(c Calendar) bool { return c.Minutes == minute })
		if i >= 0 {
			calendars[i].Hours |= hour
			continue
		}
		calendars = append(calendars, Calendar{Minutes: minute, Hours: hour, Days: w.days, Months: w.months, Weekdays: w.weekdays})
	}
	return calendars
}
