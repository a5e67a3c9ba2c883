package vm

import (
	"sluice/internal/simulator/account"
	"sluice/internal/simulator/knowledge"
	"sluice/internal/simulator/random"
)

const (
	firstHostID      = 10_000_000
	firstDetectionID = 1_000_000_000
	detectionStride  = 100_000 // UNIQUE_VULN_IDs of one host
	month            = int64(30 * 24 * 3600)

	// Ids come in runs with gaps between them, as a vendor's do: runOfIDs in
	// idStride.
	runOfIDs = 4
	idStride = 32
)

// generation is what one Advance did; its size does not depend on the estate's.
type generation struct {
	at     int64 // Unix seconds; when scans were processed
	since  int64 // seconds since the generation before
	change Change
	salt   uint64
	len    int

	scanned, renamed, removed, silent random.Picker
}

// World is an immutable snapshot of an estate. Hosts are addressed by index, 0
// to Len-1, ascending by id.
type World struct {
	salt        uint64
	knowledge   *knowledge.Base
	entries     []int    // indexes in knowledge that detections can have
	multipliers []uint64 // that permute entries
	start       int64    // Unix seconds
	epoch       int64    // latest date of the first generation, Unix seconds
	spread      *random.Spread
	first       int // hosts of the first generation
	large       LargeHost
	generations []generation
	hidden      account.Scope
	defects     []defectRule
}

// Len is the number of hosts ever created; some may be removed or hidden.
func (w *World) Len() int {
	if n := len(w.generations); n > 0 {
		return w.generations[n-1].len
	}
	return w.first
}

// Exists tells whether a host has not been removed.
func (w *World) Exists(index int) bool {
	for i := range w.generations {
		if w.generations[i].removed.Has(index) {
			return false
		}
	}
	return index >= 0 && index < w.Len()
}

// Visible tells whether the vendor shows a host to somebody: it exists and is in
// the scope.
func (w *World) Visible(index int, scope account.Scope) bool {
	id := w.ID(index)
	return scope.Sees(id) && w.hidden.Sees(id) && w.Exists(index)
}

// ID returns the vendor's id of a host.
func (w *World) ID(index int) int64 {
	run := int64(index / runOfIDs)
	return firstHostID + run*idStride + int64(random.Mix(w.salt^uint64(run))%(idStride-runOfIDs)) + int64(index%runOfIDs)
}

// From returns the index of the first host whose id is not below id; it is Len
// or more when there is none.
func (w *World) From(id int64) int {
	if id <= firstHostID {
		return 0
	}
	run := (id - firstHostID) / idStride
	if run >= int64(w.Len()/runOfIDs+1) {
		return w.Len()
	}
	index := int(run) * runOfIDs
	for n := 0; n < runOfIDs && w.ID(index) < id; n++ {
		index++
	}
	return index
}

func (w *World) hash(index int) uint64 {
	return random.Mix(w.salt ^ uint64(index+1)*0xd1342543de82ef95)
}

// birth is the generation that made the host.
func (w *World) birth(index int) int {
	if index < w.first {
		return 0
	}
	for i := range w.generations {
		if index < w.generations[i].len {
			return i + 1
		}
	}
	return len(w.generations)
}

// coprimes are some numbers that share no divisor with n: multiplying by one
// permutes the numbers below n.
func coprimes(n int, salt uint64) []uint64 {
	if n == 0 {
		return nil
	}
	var out []uint64
	for i := range uint64(16) {
		m := random.Mix(salt+i)%uint64(n) + 1
		for gcd(m, uint64(n)) != 1 {
			m++
		}
		out = append(out, m)
	}
	return out
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
