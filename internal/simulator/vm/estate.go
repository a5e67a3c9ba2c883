// Package vm generates the hosts that the simulated vendor has scanned and the
// detections on them, and states the truth about them.
//
// Every host and detection is a pure function of (seed, index, changes so far):
// nothing is stored per host, so that an estate of any size costs the same few
// kilobytes. A World is an immutable snapshot; Advance, Hide and SetDefects make
// a new one, and requests in flight keep the one they began with.
package vm

import (
	"fmt"
	"math"
	"time"

	"sluice/internal/simulator/account"
	"sluice/internal/simulator/knowledge"
	"sluice/internal/simulator/random"
	"sluice/internal/simulator/snapshot"
)

const (
	maxHosts             = 10_000_000 // one address each in 10.0.0.0/8
	maxDetectionsPerHost = 10_000     // on average
	maxGenerations       = 10_000     // a host looks at every generation, so their number is bounded
)

// Config describes an estate.
type Config struct {
	Seed              uint64
	Hosts             int
	DetectionsPerHost float64 // average; some hosts have none, a few have many times as many
	Large             LargeHost
	// Knowledge has the QIDs that detections refer to. Required when there are hosts.
	Knowledge *knowledge.Base
	// Start is the moment the simulation begins. All dates of the first
	// generation lie 30 days or more before it. Required.
	Start time.Time
}

// LargeHost makes one host, in the middle of the estate, larger than the others;
// the zero value makes none.
type LargeHost struct {
	Detections  int // begun with
	ResultBytes int // of RESULTS of each of its detections, at least
}

func (c Config) validate() error {
	switch {
	case c.Hosts < 0 || c.Hosts > maxHosts:
		return fmt.Errorf("simulator: Hosts is %d; allowed are 0 to %d", c.Hosts, maxHosts)
	case math.IsNaN(c.DetectionsPerHost) || c.DetectionsPerHost < 0 || c.DetectionsPerHost > maxDetectionsPerHost:
		return fmt.Errorf("simulator: DetectionsPerHost is %v; allowed are 0 to %d", c.DetectionsPerHost, maxDetectionsPerHost)
	case c.Large.Detections < 0 || c.Large.Detections >= detectionStride/2 || c.Large.ResultBytes < 0:
		return fmt.Errorf("simulator: the large host has %d detections of %d bytes; allowed are 0 to %d detections",
			c.Large.Detections, c.Large.ResultBytes, detectionStride/2-1)
	case c.Start.IsZero():
		return fmt.Errorf("simulator: Start is not set; it is the moment the simulation begins")
	case c.Hosts > 0 && c.Knowledge == nil:
		return fmt.Errorf("simulator: hosts need a knowledge base, whose QIDs their detections have")
	}
	return nil
}

// Change says what happens to the estate between two runs. Shares are between 0
// and 1. Those of hosts are exact and rounded up: one above zero concerns at
// least one host. Those of detections are drawn for each one.
type Change struct {
	// Scanned hosts (a share of all ever created) have their dates moved, and
	// those of their detections; how often they were found grows. What follows
	// happens to detections of scanned hosts only.
	Scanned  float64 `json:"scanned,omitempty"`
	New      float64 `json:"new,omitempty"`      // new detections, as a share of those the host began with
	Fixed    float64 `json:"fixed,omitempty"`    // of those open
	Reopened float64 `json:"reopened,omitempty"` // of those fixed
	Ignored  float64 `json:"ignored,omitempty"`  // become ignored, or no longer
	Rescored float64 `json:"rescored,omitempty"` // get another severity, score and result

	// Renamed hosts get another DNS name, NetBIOS name and operating system, and
	// are scanned.
	Renamed float64 `json:"renamed,omitempty"`
	Added   float64 `json:"added,omitempty"` // new hosts, as a share of all
	Removed float64 `json:"removed,omitempty"`

	// What a delta run cannot see, since no date moves: Silent hosts have all
	// their detections rescored, and Purged detections (of all hosts) vanish
	// without having been fixed.
	Silent float64 `json:"silent,omitempty"`
	Purged float64 `json:"purged,omitempty"`
}

// Validate checks the shares.
func (c Change) Validate() error {
	return random.CheckShares(map[string]float64{
		"scanned": c.Scanned, "new": c.New, "fixed": c.Fixed, "reopened": c.Reopened, "ignored": c.Ignored,
		"rescored": c.Rescored, "renamed": c.Renamed, "added": c.Added, "removed": c.Removed,
		"silent": c.Silent, "purged": c.Purged,
	})
}

// Estate is the changing whole; World is how it looks now. Safe for concurrent use.
type Estate struct{ world *snapshot.Latest[World] }

// New generates the first generation of an estate.
func New(cfg Config) (*Estate, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	w := &World{
		salt:      random.Mix(cfg.Seed + 0x766d),
		knowledge: cfg.Knowledge,
		start:     cfg.Start.Unix(),
		epoch:     random.Epoch(cfg.Start),
		spread:    random.NewSpread(cfg.DetectionsPerHost),
		first:     cfg.Hosts,
		large:     cfg.Large,
	}
	if cfg.Knowledge != nil {
		for index := range cfg.Knowledge.Len() {
			if cfg.Knowledge.OfHosts(index) {
				w.entries = append(w.entries, index)
			}
		}
	}
	if cfg.Hosts > 0 && len(w.entries) == 0 {
		return nil, fmt.Errorf("simulator: the knowledge base has no entry for hosts; give it some")
	}
	w.multipliers = coprimes(len(w.entries), w.salt)
	return &Estate{snapshot.Of(w)}, nil
}

// World returns the estate as it is now.
func (e *Estate) World() *World { return e.world.Load() }

// Advance makes a new generation at the given time; the first estate is
// generation 0.
func (e *Estate) Advance(at time.Time, c Change) error {
	if err := c.Validate(); err != nil || c == (Change{}) {
		return err
	}
	return e.world.Change(func(w *World) error {
		number := len(w.generations) + 1
		if number > maxGenerations {
			return fmt.Errorf("simulator: an estate has at most %d generations; start a new one", maxGenerations)
		}
		before, last := w.Len(), w.start
		if number > 1 {
			last = w.generations[number-2].at
		}
		salt := random.Mix(w.salt + uint64(number)<<8)
		pick := func(n uint64, share float64) random.Picker {
			return random.NewPicker(random.Mix(salt+n), before, random.Portion(share, before))
		}
		g := generation{
			at: at.Unix(), since: max(at.Unix()-last, 0), change: c, salt: salt,
			scanned: pick(1, c.Scanned), renamed: pick(2, c.Renamed), removed: pick(3, c.Removed), silent: pick(4, c.Silent),
			len: min(before+random.Portion(c.Added, before), maxHosts),
		}
		// A fresh slice: worlds in use must not see the append.
		w.generations = append(w.generations[:number-1:number-1], g)
		return nil
	})
}

// Hide leaves a share of the hosts out of every answer, without an error, as the
// vendor does when a scope is narrowed. Zero gives them back.
func (e *Estate) Hide(share float64) error {
	if err := random.CheckShare("hidden", share); err != nil {
		return err
	}
	return e.world.Change(func(w *World) error {
		w.hidden = account.NewScope("hidden hosts", share)
		return nil
	})
}
