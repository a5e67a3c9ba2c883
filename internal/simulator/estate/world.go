package estate

import "sluice/internal/simulator/random"

const (
	idStride      = 8 // ids ascend with gaps, as a real vendor's do
	findingStride = 100_000
)

// Where the ids of each asset type begin. Ids are unique per type only.
var (
	firstID        = [assetTypes]int64{20_000_000, 5_000_000}
	firstFindingID = [assetTypes]int64{100_000_000, 1_000_000_000_100_000}
)

// generation is what one Advance did; its size does not depend on the estate's.
type generation struct {
	at      int64 // Unix milliseconds, whole seconds
	len     [assetTypes]int
	updated [assetTypes]random.Picker
	silent  [assetTypes]random.Picker
	removed [assetTypes]random.Picker
}

// World is an immutable snapshot of an estate. Assets are addressed by index,
// 0 to Len-1, in ascending order of their ids.
type World struct {
	version      uint64
	seed         uint64
	mixedDates   bool
	mixedScalars bool
	epoch        int64 // latest date of the first generation, Unix seconds
	spread       *random.Spread
	withFindings bool
	salt         [assetTypes]uint64
	first        [assetTypes]int // assets of the first generation
	generations  []generation
	hiddenShare  float64
	hidden       [assetTypes]random.Picker
	defects      []defectRule
}

// Version differs between any two worlds of one estate.
func (w *World) Version() uint64 { return w.version }

// Generation is the number of Advances so far.
func (w *World) Generation() int { return len(w.generations) }

// HiddenShare is the share of assets out of scope.
func (w *World) HiddenShare() float64 { return w.hiddenShare }

// MixedScalars tells whether some ids and severities are strings on the wire.
func (w *World) MixedScalars() bool { return w.mixedScalars }

// Len is the number of assets ever created; some may be removed or hidden.
func (w *World) Len(t AssetType) int {
	if n := len(w.generations); n > 0 {
		return w.generations[n-1].len[t]
	}
	return w.first[t]
}

// Exists tells whether the asset has not been removed.
func (w *World) Exists(t AssetType, index int) bool {
	for i := range w.generations {
		if w.generations[i].removed[t].Has(index) {
			return false
		}
	}
	return index >= 0 && index < w.Len(t)
}

// Visible tells whether the vendor shows the asset: it exists and is in scope.
func (w *World) Visible(t AssetType, index int) bool {
	return !w.hidden[t].Has(index) && w.Exists(t, index)
}

// ID returns the vendor's id of an asset.
func (w *World) ID(t AssetType, index int) int64 {
	return firstID[t] + int64(index)*idStride + int64(w.hash(t, index)%idStride)
}

// Seek returns the index of the first asset whose id is greater than id; it is
// Len or more when there is none.
func (w *World) Seek(t AssetType, id int64) int {
	if id < firstID[t] {
		return 0
	}
	index := (id - firstID[t]) / idStride
	if index >= int64(w.Len(t)) {
		return w.Len(t)
	}
	if w.ID(t, int(index)) <= id {
		index++
	}
	return int(index)
}

func (w *World) hash(t AssetType, index int) uint64 {
	return random.Mix(w.salt[t] ^ uint64(index)*0xd1342543de82ef95)
}

// birth is the generation that made the asset.
func (w *World) birth(t AssetType, index int) int {
	if index < w.first[t] {
		return 0
	}
	for i := range w.generations {
		if index < w.generations[i].len[t] {
			return i + 1
		}
	}
	return len(w.generations)
}

// Created is the asset's createdDate in Unix milliseconds.
func (w *World) Created(t AssetType, index int) int64 {
	if birth := w.birth(t, index); birth > 0 {
		return w.generations[birth-1].at
	}
	created, _ := w.firstDates(w.hash(t, index))
	return created
}

// Updated is the asset's updatedDate in Unix milliseconds.
func (w *World) Updated(t AssetType, index int) int64 {
	birth := w.birth(t, index)
	for i := len(w.generations) - 1; i >= birth; i-- {
		if w.generations[i].updated[t].Has(index) {
			return w.generations[i].at
		}
	}
	if birth > 0 {
		return w.generations[birth-1].at
	}
	_, updated := w.firstDates(w.hash(t, index))
	return updated
}

// firstDates are the dates of an asset of the first generation in Unix
// milliseconds; some are not whole seconds.
func (w *World) firstDates(hash uint64) (created, updated int64) {
	created, updated = random.Dates(hash, w.epoch)
	created, updated = created*1000, updated*1000
	if w.createdForm(hash) != ISOSeconds {
		created += int64(hash % 500)
	}
	if w.updatedForm(hash) != ISOSeconds {
		updated += 500 + int64(hash%500)
	}
	return created, updated
}

// DateForm is how a date is written.
type DateForm uint8

// The vendor's four forms. Only the first is used unless dates are mixed.
const (
	ISOSeconds      DateForm = iota // "2025-05-21T10:00:00Z"
	ISOMilliseconds                 // "2025-05-21T10:00:00.123Z"
	ISOOffset                       // "2025-05-21T10:00:00.123+0000"
	EpochMillis                     // 1747821600123
)

func (w *World) createdForm(hash uint64) DateForm { return w.dateForm(hash >> 20) }
func (w *World) updatedForm(hash uint64) DateForm { return w.dateForm(hash >> 22) }

func (w *World) dateForm(bits uint64) DateForm {
	if !w.mixedDates {
		return ISOSeconds
	}
	return DateForm(bits & 3)
}
