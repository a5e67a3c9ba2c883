package estate

import (
	"fmt"
	"slices"

	"sluice/internal/simulator/random"
)

// DefectKind is one way in which a record is not as it should be.
type DefectKind string

// The defects of single records. All but MissingOptional make the record, or
// one of its findings, malformed.
const (
	SeverityOutOfRange DefectKind = "severity-out-of-range" // one finding has severity 9
	SeverityWord       DefectKind = "severity-word"         // one finding has severity "blocker"
	FindingIDMissing   DefectKind = "finding-id-missing"    // one finding has no id
	IDMissing          DefectKind = "id-missing"            // the asset has no id
	IDNull             DefectKind = "id-null"               // the asset's id is null
	DateGarbage        DefectKind = "date-garbage"          // updatedDate is no date
	NameObject         DefectKind = "name-object"           // name is an object
	NameNUL            DefectKind = "name-nul"              // name contains U+0000, valid JSON that PostgreSQL cannot store
	FindingsNotList    DefectKind = "findings-not-list"     // findings is a string
	Undecodable        DefectKind = "undecodable"           // the record's text is no JSON, and so is every page with it
	ServerError        DefectKind = "server-error"          // HTTP 500 for every page with it
	MissingOptional    DefectKind = "missing-optional"      // fields a record can do without are absent: still a good record
)

// DefectKinds lists all kinds.
func DefectKinds() []DefectKind {
	return []DefectKind{
		SeverityOutOfRange, SeverityWord, FindingIDMissing, IDMissing, IDNull, DateGarbage,
		NameObject, NameNUL, FindingsNotList, Undecodable, ServerError, MissingOptional,
	}
}

// ofFinding tells whether the defect is one finding's rather than its asset's.
func (k DefectKind) ofFinding() bool {
	return k == SeverityOutOfRange || k == SeverityWord || k == FindingIDMissing
}

// Defect gives a number of records one kind of defect; no record has two. A
// defect of a finding chooses one finding of the record and does not show on
// records that have none.
type Defect struct {
	Kind DefectKind `json:"kind"`
	// AssetTypes it concerns; all when empty.
	AssetTypes []AssetType `json:"assetTypes,omitempty"`
	// Count is the exact number of records per asset type; Share (0 to 1,
	// rounded up) is used when Count is 0.
	Count int     `json:"count,omitempty"`
	Share float64 `json:"share,omitempty"`
}

type defectRule struct {
	kind DefectKind
	pick [assetTypes]random.Picker
}

// SetDefects replaces all defects; none mends every record. Assets added later
// are free of them.
func (e *Estate) SetDefects(defects []Defect) error {
	for _, d := range defects {
		if !slices.Contains(DefectKinds(), d.Kind) {
			return fmt.Errorf("simulator: unknown defect %q; known are %v", d.Kind, DefectKinds())
		}
		if err := random.CheckAmount(string(d.Kind), d.Count, d.Share); err != nil {
			return err
		}
	}
	return e.change(func(w *World) error {
		w.defects = nil
		var last [assetTypes]random.Picker
		for _, t := range AssetTypes() {
			last[t] = random.NewPicker(random.Mix(w.salt[t]+1000), w.Len(t), 0)
		}
		for _, d := range defects {
			rule := defectRule{kind: d.Kind}
			for _, t := range AssetTypes() {
				if len(d.AssetTypes) > 0 && !slices.Contains(d.AssetTypes, t) {
					continue
				}
				last[t] = last[t].After(random.Amount(d.Count, d.Share, w.Len(t)))
				rule.pick[t] = last[t]
			}
			w.defects = append(w.defects, rule)
		}
		return nil
	})
}

// Defect returns the defect of a record, or "".
func (w *World) Defect(t AssetType, index int) DefectKind {
	for i := range w.defects {
		if w.defects[i].pick[t].Has(index) {
			return w.defects[i].kind
		}
	}
	return ""
}
