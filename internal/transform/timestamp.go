package transform

import "time"

const (
	microsPerMilli  = 1_000
	microsPerSecond = 1_000_000
	minMicros       = 0                       // 1970-01-01T00:00:00Z
	maxMicros       = 253_402_300_799_999_999 // 9999-12-31T23:59:59.999999Z
	reasonTimestamp = "is not a time: needed is ISO 8601 with an offset (2025-01-31T09:30:00Z, .000Z, +0000) or milliseconds since 1970"
	reasonUnsure    = "may be one time or another: milliseconds since 1970 have 12 digits or more, seconds have 10, and dates are read as in 2025-01-31T09:30:00Z"
	reasonYear      = "is a time outside of the years 1970 to 9999"
)

// parseTimestamp reads the forms in which vendors write times,
//
//	2025-01-31T09:30:00Z   2025-01-31T09:30:00.123Z
//	2025-01-31T09:30:00+0000 (also +00:00)   1738315800000   1738315800
//
// as microseconds since 1970, UTC. Digits beyond microseconds are cut off.
func parseTimestamp(b []byte) (micros int64, reason string) {
	if n, rest, ok := digits(b, len(b)); ok && len(rest) == 0 {
		return sinceEpoch(n)
	}
	t := clock{rest: b}
	year := t.number(4, 0, 9999)
	t.expect('-')
	month := t.number(2, 1, 12)
	t.expect('-')
	day := t.number(2, 1, 31)
	t.expect('T')
	hour := t.number(2, 0, 23)
	t.expect(':')
	minute := t.number(2, 0, 59)
	t.expect(':')
	second := t.number(2, 0, 59)
	fraction := t.fraction()
	offset := t.offset()
	if t.bad || len(t.rest) > 0 || day > fewestDays && day > daysIn(year, month) {
		return 0, reasonTimestamp
	}
	seconds := time.Date(int(year), time.Month(month), int(day), int(hour), int(minute), int(second), 0, time.UTC).Unix() - offset
	micros = seconds*microsPerSecond + fraction
	if micros < minMicros || micros > maxMicros {
		return 0, reasonYear
	}
	return micros, ""
}

// sinceEpoch reads a number as milliseconds since 1970 from 1973 on, and one that
// is too small for that as seconds from 2001 on. What is below both may be
// either of them, or a date as in 20250131; so may be 202501310930 and
// 20250131093000, although they would be milliseconds of 1976 and 2611.
func sinceEpoch(n int64) (micros int64, reason string) {
	const firstSeconds, firstUnsure, firstMillis = 1_000_000_000, 10_000_000_000, 100_000_000_000
	written := func(unit int64) bool { return n/unit >= 1900 && n/unit <= 2100 } // from the year on
	switch {
	case n > maxMicros/microsPerMilli:
		return 0, reasonYear
	case written(1_0000_0000) || written(1_0000_000000):
		return 0, reasonUnsure
	case n >= firstMillis || n == 0:
		return n * microsPerMilli, ""
	case n >= firstSeconds && n < firstUnsure:
		return n * microsPerSecond, ""
	}
	return 0, reasonUnsure
}

// clock reads the parts of an ISO 8601 time one after another.
type clock struct {
	rest []byte
	bad  bool
}

// number reads exactly n digits as a number between low and high.
func (c *clock) number(n int, low, high int64) int64 {
	v, rest, ok := digits(c.rest, n)
	if !ok || v < low || v > high {
		c.bad = true
		return low
	}
	c.rest = rest
	return v
}

func (c *clock) expect(char byte) {
	if c.bad || len(c.rest) == 0 || c.rest[0] != char {
		c.bad = true
		return
	}
	c.rest = c.rest[1:]
}

// fraction reads an optional fraction of a second of one to nine digits.
func (c *clock) fraction() (micros int64) {
	if c.bad || len(c.rest) == 0 || c.rest[0] != '.' {
		return 0
	}
	n := 1
	for n < len(c.rest) && c.rest[n] >= '0' && c.rest[n] <= '9' {
		n++
	}
	if n == 1 || n > 10 {
		c.bad = true
		return 0
	}
	micros, _, _ = digits(c.rest[1:], min(n-1, 6))
	for i := n - 1; i < 6; i++ {
		micros *= 10
	}
	c.rest = c.rest[n:]
	return micros
}

// offset reads Z, +0000 or +00:00, in seconds east of UTC.
func (c *clock) offset() (seconds int64) {
	if c.bad || len(c.rest) == 0 {
		c.bad = true
		return 0
	}
	sign := c.rest[0]
	c.rest = c.rest[1:]
	if sign == 'Z' {
		return 0
	}
	if sign != '+' && sign != '-' {
		c.bad = true
		return 0
	}
	seconds = c.number(2, 0, 23) * 3600
	if len(c.rest) == 3 {
		c.expect(':')
	}
	seconds += c.number(2, 0, 59) * 60
	if sign == '-' {
		return -seconds
	}
	return seconds
}

// digits reads n decimal digits, of which there may be at most 18.
func digits(b []byte, n int) (v int64, rest []byte, ok bool) {
	if n == 0 || n > 18 || len(b) < n {
		return 0, b, false
	}
	for _, c := range b[:n] {
		if c < '0' || c > '9' {
			return 0, b, false
		}
		v = v*10 + int64(c-'0')
	}
	return v, b[n:], true
}

const fewestDays = 28 // of a month

func daysIn(year, month int64) int64 {
	return int64(time.Date(int(year), time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day())
}
