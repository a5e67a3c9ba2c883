// Package was generates the web applications and findings of the simulated
// Qualys Web Application Scanning, serves them as its API 3.0 does, and states
// the truth about them.
//
// Every record is a pure function of (seed, index, generations so far): nothing
// is stored per record. A World is an immutable snapshot; Advance, Hide and
// SetDefects make a new one, and calls in flight keep the one they began with.
package was

import (
	"fmt"
	"time"

	"sluice/internal/simulator/account"
	"sluice/internal/simulator/random"
	"sluice/internal/simulator/snapshot"
)

const (
	maxRecords     = 1_000_000_000 // of either class; keeps random.Picker inside 64 bits
	maxGenerations = 10_000        // a record looks at every generation, so their number is bounded
)

// Config describes an estate.
type Config struct {
	Seed     uint64
	WebApps  int
	Findings int // of all web applications together; a few have very many

	// Start is the moment the simulation begins. All dates of the first
	// generation lie 30 days or more before it (its day in UTC counts), so that
	// a delta run with an overlap of hours finds nothing. Required.
	Start time.Time
}

func (c Config) validate() error {
	switch {
	case c.WebApps < 0 || c.WebApps > maxRecords:
		return fmt.Errorf("simulator: WebApps is %d; allowed are 0 to %d", c.WebApps, maxRecords)
	case c.Findings < 0 || c.Findings > maxRecords:
		return fmt.Errorf("simulator: Findings is %d; allowed are 0 to %d", c.Findings, maxRecords)
	case c.Findings > 0 && c.WebApps == 0:
		return fmt.Errorf("simulator: there are %d findings, but no web application to have them", c.Findings)
	case c.Start.IsZero():
		return fmt.Errorf("simulator: Start is not set; it is the moment the simulation begins")
	}
	return nil
}

// Change says what happens to the estate between two runs, in shares between 0
// and 1. Those of web applications are of all that were ever created, rounded
// up; those of findings are drawn finding by finding.
type Change struct {
	// UpdatedWebApps get the current time as their updatedDate; some get a new
	// name, some other tags.
	UpdatedWebApps float64 `json:"updatedWebApps"`
	AddedWebApps   float64 `json:"addedWebApps"`
	RemovedWebApps float64 `json:"removedWebApps"` // for good, with their findings

	New      float64 `json:"new"`      // findings, as a share of those ever made: status NEW
	Fixed    float64 `json:"fixed"`    // of open findings: FIXED; lastDetectedDate stays, lastTestedDate moves
	Reopened float64 `json:"reopened"` // of fixed findings: REOPENED
	// Retested is the share of the other open findings that a scan finds again:
	// lastDetectedDate, lastTestedDate and timesDetected move and nothing else.
	Retested float64 `json:"retested"`
	// Edited is the share of all findings that are ignored, taken back or given
	// another severity by a person: only updatedDate moves, by which findings
	// cannot be searched, so that no delta run sees it.
	Edited float64 `json:"edited"`
	Gone   float64 `json:"gone"` // of all findings: removed for good
}

// Validate checks the shares.
func (c Change) Validate() error {
	return random.CheckShares(map[string]float64{
		"updatedWebApps": c.UpdatedWebApps, "addedWebApps": c.AddedWebApps, "removedWebApps": c.RemovedWebApps,
		"new": c.New, "fixed": c.Fixed, "reopened": c.Reopened, "retested": c.Retested,
		"edited": c.Edited, "gone": c.Gone,
	})
}

// Estate is the changing whole; World is how it looks now. Safe for concurrent use.
type Estate struct{ world *snapshot.Latest[World] }

// NewEstate generates the first generation of an estate.
func NewEstate(cfg Config) (*Estate, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Estate{snapshot.Of(&World{
		salt:          random.Mix(random.Mix(cfg.Seed) + 0x3a5),
		epoch:         random.Epoch(cfg.Start),
		firstWebApps:  cfg.WebApps,
		firstFindings: cfg.Findings,
	})}, nil
}

// World returns the estate as it is now.
func (e *Estate) World() *World { return e.world.Load() }

// Advance makes a new generation at the given time.
func (e *Estate) Advance(at time.Time, c Change) error {
	if err := c.Validate(); err != nil {
		return err
	}
	return e.world.Change(func(w *World) error {
		number := len(w.generations) + 1
		if number > maxGenerations {
			return fmt.Errorf("simulator: an estate has at most %d generations; start a new one", maxGenerations)
		}
		salt := random.Mix(w.salt + uint64(number)<<8)
		before := w.WebApps()
		g := generation{
			salt:           salt,
			at:             at.Unix(),
			webApps:        min(before+random.Portion(c.AddedWebApps, before), maxRecords),
			findings:       min(w.Findings()+random.Portion(c.New, w.Findings()), maxRecords),
			updatedWebApps: random.NewPicker(random.Mix(salt+1), before, random.Portion(c.UpdatedWebApps, before)),
			removedWebApps: random.NewPicker(random.Mix(salt+2), before, random.Portion(c.RemovedWebApps, before)),
			change:         c,
		}
		// A fresh slice: worlds in use must not see the append.
		w.generations = append(w.generations[:number-1:number-1], g)
		return nil
	})
}

// Hide leaves a share of the web applications and their findings out of every
// answer, for all users and without an error. Zero gives them back.
func (e *Estate) Hide(share float64) error {
	if err := random.CheckShare("hidden", share); err != nil {
		return err
	}
	return e.world.Change(func(w *World) error {
		w.hidden = account.NewScope("hidden web applications", share)
		return nil
	})
}
