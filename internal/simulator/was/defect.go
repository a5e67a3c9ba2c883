package was

import (
	"fmt"
	"slices"

	"sluice/internal/simulator/random"
)

// DefectKind is one way in which a finding's record is not as it should be.
type DefectKind string

// The defects of single findings, which make them malformed.
const (
	SeverityWord DefectKind = "severity-word" // severity "blocker"
	IDMissing    DefectKind = "id-missing"    // no id
)

// DefectKinds lists all kinds.
func DefectKinds() []DefectKind { return []DefectKind{SeverityWord, IDMissing} }

// Defect gives a number of findings one kind of defect; no finding has two.
type Defect struct {
	Kind DefectKind `json:"kind"`
	// Count is the exact number of findings, among all ever made; Share (0 to 1,
	// rounded up) is used when Count is 0.
	Count int     `json:"count,omitempty"`
	Share float64 `json:"share,omitempty"`
}

type defectRule struct {
	kind DefectKind
	pick random.Picker
}

// SetDefects replaces all defects; none mends every finding. Findings added
// later are free of them. Searches go by what was meant.
func (e *Estate) SetDefects(defects ...Defect) error {
	for _, d := range defects {
		if !slices.Contains(DefectKinds(), d.Kind) {
			return fmt.Errorf("simulator: unknown defect of findings %q; known are %v", d.Kind, DefectKinds())
		}
		if err := random.CheckAmount(string(d.Kind), d.Count, d.Share); err != nil {
			return err
		}
	}
	return e.world.Change(func(w *World) error {
		w.defects = nil
		last := random.NewPicker(random.Mix(w.salt+1000), w.Findings(), 0)
		for _, d := range defects {
			last = last.After(random.Amount(d.Count, d.Share, w.Findings()))
			w.defects = append(w.defects, defectRule{d.Kind, last})
		}
		return nil
	})
}

// defect returns the defect of a finding, or "".
func (w *World) defect(index int) DefectKind {
	for i := range w.defects {
		if w.defects[i].pick.Has(index) {
			return w.defects[i].kind
		}
	}
	return ""
}
