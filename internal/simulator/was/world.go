package was

import (
	"sluice/internal/simulator/account"
	"sluice/internal/simulator/random"
)

const (
	webAppStride    = 7 // ids ascend with gaps, as the vendor's do
	findingStride   = 5
	firstWebAppID   = 238_000_000
	firstFindingID  = 18_000_000
	webAppScopeName = "webapp"
)

// generation is what one Advance did; its size does not depend on the estate's.
type generation struct {
	salt              uint64
	at                int64 // Unix seconds
	webApps, findings int   // ever made, this generation's included
	updatedWebApps    random.Picker
	removedWebApps    random.Picker
	change            Change
}

// draw tells whether a share of findings includes the one with a hash.
func (g *generation) draw(hash, what uint64, share float64) bool {
	return share > 0 && random.Below(random.Mix(hash^g.salt+what), share)
}

// What is drawn for a finding in a generation.
const (
	drawFixed uint64 = iota + 1
	drawReopened
	drawRetested
	drawEdited
	drawGone
)

// World is an immutable snapshot of an estate. Web applications and findings
// are addressed by index, in ascending order of their ids. The findings of a
// web application are spread over the whole range.
type World struct {
	salt                        uint64
	epoch                       int64 // latest date of the first generation, Unix seconds
	firstWebApps, firstFindings int   // of the first generation
	generations                 []generation
	hidden                      account.Scope
	defects                     []defectRule
}

// WebApps is the number of web applications ever made, removed ones included.
func (w *World) WebApps() int { return w.webAppsIn(len(w.generations)) }

// Findings is the number of findings ever made, removed ones included.
func (w *World) Findings() int { return w.findingsIn(len(w.generations)) }

// webAppsIn is the number of web applications made up to a generation.
func (w *World) webAppsIn(generation int) int {
	if generation == 0 {
		return w.firstWebApps
	}
	return w.generations[generation-1].webApps
}

func (w *World) findingsIn(generation int) int {
	if generation == 0 {
		return w.firstFindings
	}
	return w.generations[generation-1].findings
}

// birth is the generation whose number of records is the first above an index.
func birth(index, generations int, in func(int) int) int {
	for g := range generations {
		if index < in(g) {
			return g
		}
	}
	return generations
}

func (w *World) webAppHash(index int) uint64 {
	return random.Mix(w.salt ^ uint64(index)*0xd1342543de82ef95)
}

func (w *World) findingHash(index int) uint64 {
	return random.Mix(w.salt ^ 0xf1 ^ uint64(index)*0x9fb21c651e98df25)
}

func (w *World) webAppID(index int) int64 {
	return firstWebAppID + int64(index)*webAppStride + int64(w.webAppHash(index)%webAppStride)
}

func (w *World) findingID(index int) int64 {
	return firstFindingID + int64(index)*findingStride + int64(w.findingHash(index)%findingStride)
}

// seek returns the index of the first of n records whose id is greater than id.
func seek(id, first, stride int64, n int, idOf func(int) int64) int {
	if id < first {
		return 0
	}
	index := (id - first) / stride
	if index >= int64(n) {
		return n
	}
	if idOf(int(index)) <= id {
		index++
	}
	return int(index)
}

func (w *World) webAppExists(index int) bool {
	for i := range w.generations {
		if w.generations[i].removedWebApps.Has(index) {
			return false
		}
	}
	return true
}

// sees tells whether a scope shows a web application that exists.
func (w *World) sees(scope account.Scope, index int) bool {
	if !w.webAppExists(index) {
		return false
	}
	id := w.webAppID(index)
	return w.hidden.Sees(id) && scope.Sees(id)
}

// ownerOf is the web application that a finding belongs to. The first ones have
// the most findings; some of a generation's new findings are in web applications
// as new as they are.
func (w *World) ownerOf(hash uint64, born int) int {
	n := w.webAppsIn(born)
	if born > 0 && hash>>40&1 == 0 {
		if before := w.webAppsIn(born - 1); before < n {
			return before + int(random.Mix(hash+7)%uint64(n-before))
		}
	}
	u := float64(random.Mix(hash+8)>>11) / (1 << 53)
	return int(u * u * float64(n))
}
