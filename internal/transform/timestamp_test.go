package transform

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestTimestampForms(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"2025-01-31T09:30:00Z":           "2025-01-31T09:30:00Z",
		"2025-01-31T09:30:00.1Z":         "2025-01-31T09:30:00.1Z",
		"2025-01-31T09:30:00.123Z":       "2025-01-31T09:30:00.123Z",
		"2025-01-31T09:30:00.123456789Z": "2025-01-31T09:30:00.123456Z",
		"2025-01-31T09:30:00+0000":       "2025-01-31T09:30:00Z",
		"2025-01-31T09:30:00.5-0130":     "2025-01-31T11:00:00.5Z",
		"2025-01-31T09:30:00+05:30":      "2025-01-31T04:00:00Z",
		"2025-01-31T09:30:00-00:00":      "2025-01-31T09:30:00Z",
		"2025-01-31T09:30:00+14:00":      "2025-01-30T19:30:00Z",
		"2025-01-31T09:30:00+05:45":      "2025-01-31T03:45:00Z",
		"2025-01-31T09:30:00-12:00":      "2025-01-31T21:30:00Z",
		"2025-12-31T23:30:00-2359":       "2026-01-01T23:29:00Z",
		"2024-02-29T23:59:59Z":           "2024-02-29T23:59:59Z",
		"1970-01-01T00:00:00Z":           "1970-01-01T00:00:00Z",
		"9999-12-31T23:59:59.999999Z":    "9999-12-31T23:59:59.999999Z",
		"0":                              "1970-01-01T00:00:00Z",
		"1738315800":                     "2025-01-31T09:30:00Z",
		"1000000000":                     "2001-09-09T01:46:40Z",
		"9999999999":                     "2286-11-20T17:46:39Z",
		"100000000000":                   "1973-03-03T09:46:40Z",
		"1738315800123":                  "2025-01-31T09:30:00.123Z",
		"253402300799999":                "9999-12-31T23:59:59.999Z",
	} {
		micros, reason := parseTimestamp([]byte(given))
		require.Empty(t, reason, given)
		require.Equal(t, want, moment(micros).Format(time.RFC3339Nano), given)
	}
}

func TestWhatIsNoTimestamp(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"2025-01-31":                      reasonTimestamp,
		"2025-01-31T09:30:00":             reasonTimestamp, // of which zone?
		"2025-01-31 09:30:00Z":            reasonTimestamp,
		"2025-02-29T00:00:00Z":            reasonTimestamp,
		"2025-13-01T00:00:00Z":            reasonTimestamp,
		"2025-00-01T00:00:00Z":            reasonTimestamp,
		"2025-01-31T24:00:00Z":            reasonTimestamp,
		"2025-01-31T09:60:00Z":            reasonTimestamp,
		"2025-01-31T09:30:60Z":            reasonTimestamp,
		"2025-01-31T09:30:00.Z":           reasonTimestamp,
		"2025-01-31T09:30:00.1234567890Z": reasonTimestamp,
		"2025-01-31T09:30:00Zx":           reasonTimestamp,
		"2025-01-31T09:30:00+00":          reasonTimestamp,
		"2025-01-31T09:30:00+0000x":       reasonTimestamp,
		"2025-01-31T09:30:00+24:00":       reasonTimestamp,
		"2025-01-31T09:30:00+01:60":       reasonTimestamp,
		"2025-01-31T09:30:00 +0100":       reasonTimestamp,
		"2025-01-31T09:30:00\u221201:00":  reasonTimestamp, // a minus that is none
		"2025-01-31T09:30:00z":            reasonTimestamp,
		"2025-01-31t09:30:00Z":            reasonTimestamp,
		"2025-01-31T09:30:00 GMT":         reasonTimestamp,
		"2025-01-31T09:30:00 CET":         reasonTimestamp,
		"2025-01-31T09:30:00+01:00[CET]":  reasonTimestamp,
		"2025-01-31T09:30:00,5Z":          reasonTimestamp,
		"-1":                              reasonTimestamp,
		"1.7e12":                          reasonTimestamp,
		"":                                reasonTimestamp,
		"never":                           reasonTimestamp,
		"1234567890123456789012":          reasonTimestamp,
		"253402300800000":                 reasonYear,
		"20250131":                        reasonUnsure,
		"202501310930":                    reasonUnsure,
		"20250131093000":                  reasonUnsure,
		"999999999":                       reasonUnsure,
		"17383158000":                     reasonUnsure,
		"1":                               reasonUnsure,
		"1969-12-31T23:59:59Z":            reasonYear,
		"1970-01-01T00:30:00+0100":        reasonYear,
		"9999-12-31T23:59:59-0100":        reasonYear,
	} {
		_, reason := parseTimestamp([]byte(given))
		require.Equal(t, want, reason, given)
	}
}

func TestEveryFormOfATimeIsTheSameTime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		millis := rapid.Int64Range(86_400_000, 253_402_300_799_999-86_400_000).Draw(t, "millis")
		minutes := rapid.IntRange(-14*60, 14*60).Draw(t, "minutes east")
		at := time.UnixMilli(millis).In(time.FixedZone("", minutes*60))
		for _, form := range []string{
			at.UTC().Format("2006-01-02T15:04:05.000Z"),
			at.Format("2006-01-02T15:04:05.000-0700"),
			at.Format("2006-01-02T15:04:05.000-07:00"),
		} {
			micros, reason := parseTimestamp([]byte(form))
			require.Empty(t, reason, form)
			require.Equal(t, millis*microsPerMilli, micros, form)
		}
	})
}
