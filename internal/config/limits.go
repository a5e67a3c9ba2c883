package config

import "time"

// Limits bound what one activity does.
type Limits struct {
	// A batch ends at the first of these. Per page is too fine for Temporal,
	// where a step takes 50 to 100 ms on a default cluster; one long activity
	// is too coarse to see, cancel or hand over.
	BatchPages int64
	BatchBytes int64 // as received, before compression
	BatchTime  time.Duration
	// ShortWait is the longest wait for a vendor that an activity sleeps
	// through; a longer one is the workflow's, and holds no worker slot.
	ShortWait time.Duration
	// Stall is how long a stream may bring nothing, for errors that may pass,
	// before it is given up.
	Stall time.Duration
	// RawRetention is how long what a vendor sent is kept after its run.
	RawRetention time.Duration
	// LogRetention is how long logs, rejects and connection tests are kept.
	LogRetention time.Duration
}

// DefaultLimits are the limits that a worker has unless configured.
var DefaultLimits = Limits{
	BatchPages: 50, BatchBytes: 16 << 20, BatchTime: 45 * time.Second,
	ShortWait: 10 * time.Second, Stall: time.Hour, RawRetention: 7 * 24 * time.Hour,
	LogRetention: 90 * 24 * time.Hour,
}
