package estate

import (
	"iter"
	"time"
)

// Asset is what a faithful reader has in its inventory for one asset.
type Asset struct {
	Type             AssetType      `json:"type"`
	ID               string         `json:"id"` // decimal
	Name             string         `json:"name"`
	URL              string         `json:"url,omitempty"`              // "" for API collections and where absent
	SpecificationURL string         `json:"specificationUrl,omitempty"` // API collections only; "" where absent
	Created          time.Time      `json:"created,omitzero"`
	Updated          time.Time      `json:"updated"`
	Findings         []AssetFinding `json:"findings"`
	// Malformed is the defect for which the asset as a whole cannot be taken;
	// "" for a good one. The other fields then say what was meant.
	Malformed DefectKind `json:"malformed,omitempty"`
}

// AssetFinding is one finding of an Asset.
type AssetFinding struct {
	ID       string `json:"id"`              // decimal
	Title    string `json:"title,omitempty"` // "" for API collections
	Severity int    `json:"severity"`        // 1 to 5
	// Malformed is the defect for which the finding cannot be taken, "" for a
	// good one; its asset and the other findings are good.
	Malformed DefectKind `json:"malformed,omitempty"`
}

// Truth yields the assets the vendor shows now, ascending by id, malformed ones
// included. It takes constant memory.
func (w *World) Truth(t AssetType) iter.Seq[Asset] { return w.assets(t, w.Visible) }

// WholeTruth is Truth without regard to scope: hidden assets are included.
func (w *World) WholeTruth(t AssetType) iter.Seq[Asset] { return w.assets(t, w.Exists) }

func (w *World) assets(t AssetType, include func(AssetType, int) bool) iter.Seq[Asset] {
	return func(yield func(Asset) bool) {
		var r Record
		for index := range w.Len(t) {
			if !include(t, index) {
				continue
			}
			w.Load(&r, t, index)
			if !yield(r.asset()) {
				return
			}
		}
	}
}

func (r *Record) asset() Asset {
	a := Asset{
		Type:     r.Type,
		ID:       decimal(r.ID),
		Name:     string(r.AppendName(nil, Raw)),
		Created:  Instant(r.Created),
		Updated:  Instant(r.Updated),
		Findings: make([]AssetFinding, len(r.Findings)),
	}
	if r.HasURL() {
		a.URL = string(r.AppendURL(nil, Raw))
	}
	if r.Specification() == SpecificationFile {
		a.SpecificationURL = string(r.AppendSpecificationURL(nil, Raw))
	}
	switch {
	case r.Defect == MissingOptional:
		a.Created = time.Time{}
	case r.DefectiveFinding < 0:
		a.Malformed = r.Defect
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		a.Findings[i] = AssetFinding{ID: decimal(f.ID), Severity: f.Severity}
		if r.Type == Application {
			a.Findings[i].Title = string(f.AppendTitle(nil, Raw))
		}
		if i == r.DefectiveFinding {
			a.Findings[i].Malformed = r.Defect
		}
	}
	return a
}
