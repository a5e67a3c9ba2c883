// Package estate generates what a simulated Azure tenant has: subscriptions,
// resource groups, API Management services, and their APIs with revisions,
// versions and specifications. It states the truth about them.
//
// A World is an immutable snapshot; Advance makes a new one, and calls in flight
// keep the one they began with. Documents are written when they are asked for
// and never stored.
package estate

import (
	"fmt"
	"time"

	"sluice/internal/simulator/random"
	"sluice/internal/simulator/snapshot"
)

// Bounds of an estate.
const (
	maxSubscriptions = 10_000
	maxServices      = 100_000
	maxAPIs          = 1_000_000
)

// Config describes an estate.
type Config struct {
	Seed          uint64
	TenantID      string // of all subscriptions
	Subscriptions int
	Services      int // of all subscriptions together
	APIs          int // of all services together, those of workspaces included; each counts once, whatever its revisions

	// Broken is the share (0 to 1) of specifications with a defect: 0 means
	// DefaultBroken, None that there are none. Odd is the share of APIs with a
	// specification that some or all formats of the export fail for: 0 means
	// DefaultOdd. Twins is the share of APIs that have the display name of another
	// API of the service: 0 means DefaultTwins.
	Broken, Odd, Twins float64

	Disabled int // subscriptions whose state is Disabled: the last ones

	// Start is the moment the simulation begins. All dates of the first
	// generation lie 30 days or more before it. Required.
	Start time.Time
}

// Shares of a Config that says nothing, and the share that means none at all.
const (
	DefaultBroken = 0.05
	DefaultOdd    = 0.02
	DefaultTwins  = 0.01
	None          = -1.0
)

func (c *Config) fill() error {
	switch {
	case c.Subscriptions < 0 || c.Subscriptions > maxSubscriptions:
		return fmt.Errorf("simulator: Subscriptions is %d; allowed are 0 to %d", c.Subscriptions, maxSubscriptions)
	case c.Services < 0 || c.Services > maxServices:
		return fmt.Errorf("simulator: Services is %d; allowed are 0 to %d", c.Services, maxServices)
	case c.APIs < 0 || c.APIs > maxAPIs:
		return fmt.Errorf("simulator: APIs is %d; allowed are 0 to %d", c.APIs, maxAPIs)
	case c.Services > 0 && c.Subscriptions == 0:
		return fmt.Errorf("simulator: there are %d services, but no subscription to have them", c.Services)
	case c.APIs > 0 && c.Services == 0:
		return fmt.Errorf("simulator: there are %d APIs, but no service to have them", c.APIs)
	case c.Disabled < 0 || c.Disabled > c.Subscriptions:
		return fmt.Errorf("simulator: Disabled is %d; allowed are 0 to the number of subscriptions", c.Disabled)
	case c.Start.IsZero():
		return fmt.Errorf("simulator: Start is not set; it is the moment the simulation begins")
	}
	for _, s := range []struct {
		name  string
		share *float64
		def   float64
	}{{"Broken", &c.Broken, DefaultBroken}, {"Odd", &c.Odd, DefaultOdd}, {"Twins", &c.Twins, DefaultTwins}} {
		switch *s.share {
		case 0:
			*s.share = s.def
		case None:
			*s.share = 0
		}
		if err := random.CheckShare(s.name, *s.share); err != nil {
			return err
		}
	}
	return nil
}

// Change says what happens to the APIs between two runs, in shares between 0 and
// 1 of those there are, rounded up.
type Change struct {
	Added     float64 `json:"added"`
	Removed   float64 `json:"removed"`
	Edited    float64 `json:"edited"`    // the specification changes, and the ETag
	Silent    float64 `json:"silent"`    // the specification changes, and the ETag does not
	Described float64 `json:"described"` // the description changes, and the ETag; the specification does not
	Revised   float64 `json:"revised"`   // a new revision becomes the current one
}

func (c Change) validate() error {
	for _, s := range []struct {
		name  string
		value float64
	}{
		{"added", c.Added}, {"removed", c.Removed}, {"edited", c.Edited},
		{"silent", c.Silent}, {"described", c.Described}, {"revised", c.Revised},
	} {
		if err := random.CheckShare(s.name, s.value); err != nil {
			return err
		}
	}
	return nil
}

// Estate is the changing whole; World is how it looks now. Safe for concurrent use.
type Estate struct{ world *snapshot.Latest[World] }

// New generates the first generation of an estate.
func New(cfg Config) (*Estate, error) {
	if err := cfg.fill(); err != nil {
		return nil, err
	}
	return &Estate{snapshot.Of(build(cfg))}, nil
}

// World returns the estate as it is now.
func (e *Estate) World() *World { return e.world.Load() }

// Advance makes a new generation at the given time. What is removed is not
// changed besides; for the rest, the changes are drawn apart.
func (e *Estate) Advance(at time.Time, c Change) error {
	if err := c.validate(); err != nil {
		return err
	}
	return e.world.Change(func(w *World) error {
		w.generation++
		total := 0
		for _, s := range w.Services {
			total += len(w.apis[s.index])
		}
		added := random.Portion(c.Added, total)
		if added > 0 && total+added > maxAPIs {
			return fmt.Errorf("simulator: an estate has at most %d APIs; start a new one", maxAPIs)
		}
		salt := random.Mix(w.config.Seed + uint64(w.generation)<<20)
		pick := func(what uint64, share float64) random.Picker {
			return random.NewPicker(random.Mix(salt+what), total, random.Portion(share, total))
		}
		removed, edited, silent := pick(1, c.Removed), pick(2, c.Edited), pick(3, c.Silent)
		described, revised := pick(4, c.Described), pick(5, c.Revised)
		next := make([][]*API, len(w.apis))
		index := -1
		for _, s := range w.Services {
			for _, api := range w.apis[s.index] {
				index++
				if removed.Has(index) {
					continue
				}
				next[s.index] = append(next[s.index], api.change(at, edited.Has(index), silent.Has(index), described.Has(index), revised.Has(index)))
			}
		}
		for i := range added {
			s := w.Services[int(random.Mix(salt+uint64(i)<<8)%uint64(len(w.Services)))]
			b := builder{world: w, service: s, number: w.numbers[s.index], created: at.Unix()}
			next[s.index] = append(next[s.index], b.add(1)...)
			// A fresh slice: worlds in use must not see the new numbers.
			w.numbers = append([]int(nil), w.numbers...)
			w.numbers[s.index] = b.number
		}
		w.apis = next
		return nil
	})
}
