package vm

import (
	"fmt"
	"slices"

	"sluice/internal/simulator/faults"
	"sluice/internal/simulator/random"
)

// DefectKind is one way in which a host's record is not as it should be.
type DefectKind string

// The defects of single hosts. They stay with the host: narrowing by ids
// isolates them.
const (
	MalformedXML       DefectKind = "malformed-xml"         // the record is no XML, and so is every answer with it from there on
	ControlCharacter   DefectKind = "control-character"     // U+0001, which XML does not allow
	InvalidUTF8        DefectKind = "invalid-utf8"          // bytes that are no UTF-8
	ServerError        DefectKind = "server-error"          // HTTP 500 for every answer with its record; ids alone come
	IDMissing          DefectKind = "id-missing"            // the host has no ID
	QIDMissing         DefectKind = "qid-missing"           // one detection has no QID
	SeverityOutOfRange DefectKind = "severity-out-of-range" // one detection has severity 9
	DateGarbage        DefectKind = "date-garbage"          // FIRST_FOUND_DATETIME of one detection is no date
)

// DefectKinds lists all kinds.
func DefectKinds() []DefectKind {
	return []DefectKind{
		MalformedXML, ControlCharacter, InvalidUTF8, ServerError, IDMissing, QIDMissing, SeverityOutOfRange, DateGarbage,
	}
}

// ofDetection tells whether the defect is one detection's rather than its host's.
func (k DefectKind) ofDetection() bool {
	return k == QIDMissing || k == SeverityOutOfRange || k == DateGarbage
}

// Defect gives a number of hosts one kind of defect; no host has two. A defect of
// a detection shows on the host's first one and not on hosts that have none.
type Defect struct {
	Kind DefectKind `json:"kind"`
	// Endpoint limits it to the host list or the list of detections.
	Endpoint faults.Endpoint `json:"endpoint,omitempty"`
	// Count is the exact number of hosts; Share (0 to 1, rounded up) is used when
	// Count is 0.
	Count int     `json:"count,omitempty"`
	Share float64 `json:"share,omitempty"`
}

type defectRule struct {
	kind     DefectKind
	endpoint faults.Endpoint
	pick     random.Picker
}

// SetDefects replaces all defects; none mends every host. Hosts added later are
// free of them.
func (e *Estate) SetDefects(defects ...Defect) error {
	for _, d := range defects {
		if !slices.Contains(DefectKinds(), d.Kind) {
			return fmt.Errorf("simulator: unknown defect of hosts %q; known are %v", d.Kind, DefectKinds())
		}
		if err := random.CheckAmount(string(d.Kind), d.Count, d.Share); err != nil {
			return err
		}
		if d.Endpoint != "" && d.Endpoint != faults.VMHosts && d.Endpoint != faults.VMDetections {
			return fmt.Errorf("simulator: defect %q cannot be of endpoint %q; use %q or %q", d.Kind, d.Endpoint, faults.VMHosts, faults.VMDetections)
		}
	}
	return e.world.Change(func(w *World) error {
		w.defects = nil
		last := random.NewPicker(random.Mix(w.salt+1000), w.Len(), 0)
		for _, d := range defects {
			last = last.After(random.Amount(d.Count, d.Share, w.Len()))
			w.defects = append(w.defects, defectRule{d.Kind, d.Endpoint, last})
		}
		return nil
	})
}

// defect returns the defect of a host, or "", and the endpoint it is limited to.
func (w *World) defect(index int) (DefectKind, faults.Endpoint) {
	for i := range w.defects {
		if w.defects[i].pick.Has(index) {
			return w.defects[i].kind, w.defects[i].endpoint
		}
	}
	return "", ""
}
