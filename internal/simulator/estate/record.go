package estate

import "sluice/internal/simulator/random"

const maxFindings = 50_000 // of the first generation, per asset: leaves room for added ones inside findingStride

// Record is one asset in all its detail. It is meant to be reused: Load
// overwrites it and keeps its memory.
type Record struct {
	Type        AssetType
	Index       int
	ID          int64
	Hash        uint64 // source of every detail that never changes
	Created     int64  // Unix milliseconds
	Updated     int64  // Unix milliseconds
	CreatedForm DateForm
	UpdatedForm DateForm
	Renamed     int // how often the name has changed
	Findings    []Finding

	// Defect of the asset or, when DefectiveFinding is not -1, of that element
	// of Findings.
	Defect           DefectKind
	DefectiveFinding int

	events []event
}

// Finding is one finding of a Record.
type Finding struct {
	ID       int64
	Hash     uint64 // source of every detail that never changes
	Retitled int    // how often the title has changed
	Severity int    // 1 to 5
	First    int64  // first detected, Unix milliseconds
	Last     int64  // last detected, Unix milliseconds
}

// event is one generation's effect on one asset.
type event struct {
	hash   uint64
	at     int64
	silent bool
}

// Load fills r with an asset; index is between 0 and Len-1.
func (w *World) Load(r *Record, t AssetType, index int) {
	hash := w.hash(t, index)
	r.Type, r.Index, r.Hash = t, index, hash
	r.ID = w.ID(t, index)
	r.Created, r.Updated = w.Created(t, index), w.Updated(t, index)
	r.CreatedForm, r.UpdatedForm = w.createdForm(hash), w.updatedForm(hash)

	birth := w.birth(t, index)
	r.Renamed = 0
	r.events = r.events[:0]
	for i := birth; i < len(w.generations); i++ {
		g := &w.generations[i]
		eventHash := random.Mix(hash + uint64(i+1)<<40)
		if g.updated[t].Has(index) {
			r.events = append(r.events, event{hash: eventHash, at: g.at})
			if eventHash%8 == 0 {
				r.Renamed++
			}
		}
		if g.silent[t].Has(index) {
			r.events = append(r.events, event{hash: eventHash, at: g.at, silent: true})
		}
	}

	r.Findings = r.Findings[:0]
	w.loadFindings(r)

	r.Defect, r.DefectiveFinding = w.Defect(t, index), -1
	if r.Defect.ofFinding() {
		if len(r.Findings) == 0 {
			r.Defect = ""
		} else {
			r.DefectiveFinding = int(random.Mix(hash+5) % uint64(len(r.Findings)))
		}
	}
}

func (w *World) loadFindings(r *Record) {
	ordinal := 0
	first := min(w.spread.Draw(random.Mix(r.Hash+3)), maxFindings)
	for ; ordinal < first; ordinal++ {
		w.loadFinding(r, ordinal, r.Created, r.events)
	}
	if !w.withFindings {
		return
	}
	for n := range r.events {
		if e := &r.events[n]; !e.silent {
			for range (e.hash >> 8) % 4 {
				w.loadFinding(r, ordinal, e.at, r.events[n+1:])
				ordinal++
			}
		}
	}
}

// loadFinding appends the finding with the given ordinal of its asset, found
// first at the given time, unless one of the later events has ended it.
func (w *World) loadFinding(r *Record, ordinal int, found int64, later []event) {
	hash := random.Mix(r.Hash ^ uint64(ordinal+1)*0x9fb21c651e98df25)
	f := Finding{
		ID:    firstFindingID[r.Type] + int64(r.Index)*findingStride + int64(ordinal),
		Hash:  hash,
		First: found,
		Last:  r.Updated,
	}
	severity := severities[hash%uint64(len(severities))]
	for i := range later {
		e := &later[i]
		if e.silent {
			severity++ // every finding of the asset, so that the change is sure to show
			continue
		}
		bits := random.Mix(hash ^ e.hash)
		if bits%16 == 0 {
			return // gone
		}
		if (bits>>8)%8 == 0 {
			severity += 1 + (bits>>16)%4
		}
		if (bits>>24)%12 == 0 {
			f.Retitled++
		}
	}
	f.Severity = int(1 + severity%5)
	r.Findings = append(r.Findings, f)
}

// severities less one, weighted as scanners find them.
var severities = [...]uint64{0, 0, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 4, 4, 0}
