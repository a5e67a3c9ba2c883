package schedule

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// DateTime is a date and a time of day in the schedule's time zone, written
// "2027-01-31 18:00" or "2027-01-31 18:00:30".
type DateTime struct {
	clock time.Time // as if it were UTC
}

func dateTimeOf(t time.Time) DateTime {
	return DateTime{time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)}
}

// ParseDateTime reads a date and time of the years 2000 to 2099.
func ParseDateTime(text string) (DateTime, error) {
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, strings.ToUpper(strings.TrimSpace(text))); err == nil && t.Year() >= 2000 && t.Year() < 2100 && t.Nanosecond() == 0 {
			return DateTime{t}, nil
		}
	}
	return DateTime{}, fmt.Errorf("%q is not a date and time: give one of the schedule's time zone, such as 2027-01-31 18:00", bounded(text))
}

// IsZero says that there is none.
func (d DateTime) IsZero() bool { return d.clock.IsZero() }

func (d DateTime) String() string {
	switch {
	case d.IsZero():
		return ""
	case d.clock.Second() == 0:
		return d.clock.Format("2006-01-02 15:04")
	}
	return d.clock.Format(time.DateTime)
}

// MarshalText writes it as String does.
func (d DateTime) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what ParseDateTime does; empty is none.
func (d *DateTime) UnmarshalText(text []byte) (err error) {
	*d = DateTime{}
	if len(text) > 0 {
		*d, err = ParseDateTime(string(text))
	}
	return err
}

// in is the moment at which clocks in the zone show it, one of two where they
// are put back over it; the zero DateTime is the zero time.
func (d DateTime) in(zone *time.Location) (time.Time, error) {
	if d.IsZero() {
		return time.Time{}, nil
	}
	c := d.clock
	t := time.Date(c.Year(), c.Month(), c.Day(), c.Hour(), c.Minute(), c.Second(), 0, zone)
	if dateTimeOf(t) != d {
		return t, fmt.Errorf("%s does not exist in %s: clocks are put forward over it; give a time an hour later", d, zone)
	}
	return t, nil
}

// Duration is a time span in whole seconds, written "15m", "6h", "2d", "1h30m".
type Duration time.Duration

var spanPart = regexp.MustCompile(`^([0-9]{1,9}) *([a-z]+) *`)

var spanUnits = []struct {
	names string // between spaces
	unit  time.Duration
}{
	{" d day days ", 24 * time.Hour},
	{" h hour hours ", time.Hour},
	{" m min minute minutes ", time.Minute},
	{" s sec second seconds ", time.Second},
}

// maxSpan bounds all durations, well before they overflow.
const maxSpan = 100 * 365 * 24 * time.Hour

// ParseDuration reads a time span: days, hours, minutes and seconds.
func ParseDuration(text string) (Duration, error) {
	wrong := fmt.Errorf("%q is not a time span: give one such as 90s, 15m, 6h or 2d", bounded(text))
	rest := strings.ToLower(strings.TrimSpace(text))
	if rest == "" {
		return 0, wrong
	}
	var sum time.Duration
	for rest != "" {
		part := spanPart.FindStringSubmatch(rest)
		if part == nil {
			return 0, wrong
		}
		n, err := strconv.ParseInt(part[1], 10, 64)
		unit := spanUnit(part[2])
		if err != nil || unit == 0 || n > int64((maxSpan-sum)/unit) {
			return 0, wrong
		}
		sum += time.Duration(n) * unit
		rest = rest[len(part[0]):]
	}
	return Duration(sum), nil
}

func spanUnit(name string) time.Duration {
	for _, u := range spanUnits {
		if strings.Contains(u.names, " "+name+" ") {
			return u.unit
		}
	}
	return 0
}

func (d Duration) String() string {
	rest := time.Duration(d)
	if rest < 0 {
		return "-" + Duration(-rest).String()
	}
	text := ""
	for _, u := range spanUnits {
		if n := rest / u.unit; n > 0 {
			text += fmt.Sprintf("%d%c", n, u.names[1])
			rest -= n * u.unit
		}
	}
	if text == "" {
		return "0s"
	}
	return text
}

// Set and Type make it a flag's value.
func (d *Duration) Set(text string) (err error) {
	*d, err = ParseDuration(text)
	return err
}

// Type is what a flag's help calls it.
func (*Duration) Type() string { return "duration" }

// IsZero says that it is zero.
func (d Duration) IsZero() bool { return d == 0 }

// MarshalText writes it as String does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what ParseDuration does.
func (d *Duration) UnmarshalText(text []byte) error { return d.Set(string(text)) }

// bounded keeps what an error quotes short.
func bounded(text string) string {
	const most = 80
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "..."
}
