package transform

import "time"

const (
	microsPerMilli  = 1_000
	microsPerSecond = 1_000_000
	minMicros       = 0                       // 1970-01-01T00:00:00Z
	maxMicros       = 253_402_300_799_999_999 // 9999-12-31T23:59:59.999999Z
	reasonTimestamp = "is not a time: needed is ISO 8601 with an offset (2025-01-31T09:30:00Z, .000Z, +0000) or milliseconds since 1970"
	reasonYear      = "is a time outside of the years 1970 to 9999"
)

// parseTimestamp reads the four forms in which Qualys services write times,
//
//	2025-01-31T09:30:00Z   2025-01-31T09:30:00.123Z
//	2025-01-31T09:30:00+0000 (also +00:00)   1738315800000
//
// as microseconds since 1970, UTC. Digits beyond microseconds are cut off.
func parseTimestamp(b []byte) (micros int64, reason string) {
	if millis, rest, ok := digits(b, len(b)); ok && len(rest) == 0 {
		if millis > maxMicros/microsPerMilli {
			return 0, reasonYear
		}
		return millis * microsPerMilli, ""
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
	if t.bad || len(t.rest) > 0 || day > daysIn(year, month) {
		return 0, reasonTimestamp
	}
	seconds := time.Date(int(year), time.Month(month), int(day), int(hour), int(minute), int(second), 0, time.UTC).Unix() - offset
	micros = seconds*microsPerSecond + fraction
	if micros < minMicros || micros > maxMicros {
		return 0, reasonYear
	}
	return micros, ""
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

func daysIn(year, month int64) int64 {
	return int64(time.Date(int(year), time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day())
}
