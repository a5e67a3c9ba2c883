// Package estate generates the applications and API collections that the
// simulated vendor serves, and states the truth about them.
//
// Every record is a pure function of (seed, asset type, index, generations so
// far): nothing is stored per record, so that an estate of any size costs the
// same few kilobytes. A World is an immutable snapshot; Advance, Hide and
// SetDefects make a new one, and requests in flight keep the one they began with.
package estate

import (
	"fmt"
	"math"
	"time"

	"sluice/internal/simulator/random"
	"sluice/internal/simulator/snapshot"
)

const (
	maxAssets           = 1_000_000_000 // keeps the arithmetic of pickers inside 64 bits
	maxFindingsPerAsset = 1_000
	maxGenerations      = 10_000 // a record looks at every generation, so their number is bounded
)

// AssetType is one of the two asset types of TotalAppSec.
type AssetType uint8

// The asset types; their texts are the vendor's own names.
const (
	Application   AssetType = iota // APPLICATION
	APICollection                  // APICOLLECTION
	assetTypes
)

// AssetTypes lists all asset types.
func AssetTypes() []AssetType { return []AssetType{Application, APICollection} }

// String returns the vendor's name of the asset type.
func (t AssetType) String() string {
	if t == APICollection {
		return "APICOLLECTION"
	}
	return "APPLICATION"
}

// MarshalText returns the vendor's name of the asset type.
func (t AssetType) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText accepts the vendor's name of an asset type.
func (t *AssetType) UnmarshalText(text []byte) error {
	parsed, err := ParseAssetType(string(text))
	*t = parsed
	return err
}

// ParseAssetType accepts the vendor's name of an asset type.
func ParseAssetType(text string) (AssetType, error) {
	for _, t := range AssetTypes() {
		if t.String() == text {
			return t, nil
		}
	}
	return 0, fmt.Errorf("unknown asset type %q: use %s or %s", text, Application, APICollection)
}

// Config describes an estate.
type Config struct {
	Seed             uint64
	Applications     int
	APICollections   int
	FindingsPerAsset float64 // average; some assets have none, a few have many times as many

	// Start is the moment the simulation begins. All dates of the first
	// generation lie 30 days or more before it (its day in UTC counts), so that
	// a delta run with an overlap of hours finds nothing. Required.
	Start time.Time

	// MixedDates writes dates in all four forms the vendor uses (ISO 8601 in
	// whole seconds, the same with milliseconds, with "+0000", and epoch
	// milliseconds) instead of the first alone.
	MixedDates bool
	// MixedScalars writes some ids and severities as JSON strings.
	MixedScalars bool
}

func (c Config) validate() error {
	switch {
	case c.Applications < 0 || c.Applications > maxAssets:
		return fmt.Errorf("simulator: Applications is %d; allowed are 0 to %d", c.Applications, maxAssets)
	case c.APICollections < 0 || c.APICollections > maxAssets:
		return fmt.Errorf("simulator: APICollections is %d; allowed are 0 to %d", c.APICollections, maxAssets)
	case math.IsNaN(c.FindingsPerAsset) || c.FindingsPerAsset < 0 || c.FindingsPerAsset > maxFindingsPerAsset:
		return fmt.Errorf("simulator: FindingsPerAsset is %v; allowed are 0 to %d", c.FindingsPerAsset, maxFindingsPerAsset)
	case c.Start.IsZero():
		return fmt.Errorf("simulator: Start is not set; it is the moment the simulation begins")
	}
	return nil
}

// Change says what happens to the estate between two runs. Shares are of the
// assets of each type that were ever created, between 0 and 1, and rounded up:
// a share above zero concerns at least one asset. Removed assets stay removed.
type Change struct {
	// Updated assets get the current time as their updatedDate; some get a new
	// name, and their findings partly change in title or severity, go, or are
	// joined by new ones.
	Updated float64 `json:"updated"`
	// Silent changes shift the severity of an asset's findings without moving
	// the asset's updatedDate: what a delta run cannot see.
	Silent  float64 `json:"silent"`
	Added   float64 `json:"added"`
	Removed float64 `json:"removed"`
}

func (c Change) validate() error {
	return random.CheckShares(map[string]float64{"updated": c.Updated, "silent": c.Silent, "added": c.Added, "removed": c.Removed})
}

// Estate is the changing whole; World is how it looks now. Safe for concurrent use.
type Estate struct{ world *snapshot.Latest[World] }

// New generates the first generation of an estate.
func New(cfg Config) (*Estate, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	w := &World{
		version:      1,
		seed:         cfg.Seed,
		mixedDates:   cfg.MixedDates,
		mixedScalars: cfg.MixedScalars,
		epoch:        random.Epoch(cfg.Start),
		spread:       random.NewSpread(cfg.FindingsPerAsset),
		withFindings: cfg.FindingsPerAsset > 0,
		first:        [assetTypes]int{cfg.Applications, cfg.APICollections},
	}
	for t := range w.salt {
		w.salt[t] = random.Mix(random.Mix(cfg.Seed) + uint64(t))
	}
	return &Estate{snapshot.Of(w)}, nil
}

// World returns the estate as it is now.
func (e *Estate) World() *World { return e.world.Load() }

// change publishes a new world made by edit from a copy of the present one.
func (e *Estate) change(edit func(*World) error) error {
	return e.world.Change(func(w *World) error {
		w.version++
		return edit(w)
	})
}

// Advance makes a new generation at the given time and returns its number; the
// first estate is generation 0.
func (e *Estate) Advance(at time.Time, c Change) (int, error) {
	if err := c.validate(); err != nil {
		return 0, err
	}
	var number int
	err := e.change(func(w *World) error {
		number = len(w.generations) + 1
		if number > maxGenerations {
			return fmt.Errorf("simulator: an estate has at most %d generations; start a new one", maxGenerations)
		}
		g := generation{at: at.Truncate(time.Second).UnixMilli()}
		for _, t := range AssetTypes() {
			before := w.Len(t)
			salt := random.Mix(w.salt[t] + uint64(number)<<8)
			g.updated[t] = random.NewPicker(random.Mix(salt+1), before, random.Portion(c.Updated, before))
			g.silent[t] = random.NewPicker(random.Mix(salt+2), before, random.Portion(c.Silent, before))
			g.removed[t] = random.NewPicker(random.Mix(salt+3), before, random.Portion(c.Removed, before))
			g.len[t] = min(before+random.Portion(c.Added, before), maxAssets)
		}
		// A fresh slice: worlds in use must not see the append.
		w.generations = append(w.generations[:len(w.generations):len(w.generations)], g)
		return nil
	})
	return number, err
}

// Hide leaves a share of the assets out of every answer, without an error, as
// the vendor does when the account's scope was narrowed. Zero gives them back.
func (e *Estate) Hide(share float64) error {
	if err := random.CheckShare("hidden", share); err != nil {
		return err
	}
	return e.change(func(w *World) error {
		w.hiddenShare = share
		for _, t := range AssetTypes() {
			w.hidden[t] = random.NewPicker(random.Mix(w.salt[t]+77), w.Len(t), random.Portion(share, w.Len(t)))
		}
		return nil
	})
}
