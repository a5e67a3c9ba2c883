package random

import "time"

// FiveYears in seconds.
const FiveYears = int64(5 * 365 * 24 * 3600)

// Epoch is the latest date, in Unix seconds, that anything of the first
// generation of an estate has: 30 days before the simulation begins (its day in
// UTC counts), so that a delta run with an overlap of hours finds nothing.
func Epoch(start time.Time) int64 {
	return start.UTC().Truncate(24*time.Hour).AddDate(0, 0, -30).Unix()
}

// Dates draws when something of the first generation was created, within the
// five years before the epoch, and when it was last updated. Unix seconds.
func Dates(hash uint64, epoch int64) (created, updated int64) {
	age := int64(Mix(hash+1) % uint64(FiveYears))
	created = epoch - age - 1
	return created, created + int64(Mix(hash+2)%uint64(age+1))
}
