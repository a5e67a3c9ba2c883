package transform

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// An Applier applies a Program to records, one at a time. It is the scratch
// memory of one goroutine and must not be shared.
type Applier struct {
	program *Program
	scratch scratch

	decoder *jsontext.Decoder
	input   bytes.Buffer
	record  []byte

	asset        Asset
	entry        Vulnerability
	assetScope   scope // or that of an entry
	finding      Finding
	findingScope scope
	position     int // of the finding in its record

	found     []Finding
	positions []int // of found; -1 for a dropped one
	byID      map[string]int
	rejects   []Reject
	repeated  int

	entered []uint64 // by node: the scope in which it was met last
	filled  []uint64 // by rule: the scope in which it was filled last
	scopes  uint64

	assets     sliceArena[Asset]
	findings   sliceArena[Finding]
	attributes sliceArena[byte]
}

// scope is the reading of one asset or entry, or of one finding.
type scope struct {
	id         uint64
	failed     bool
	failure    failure
	attributes [][]byte // by level.attributes
}

// failure is why a scope is rejected. Of several, the one of the first row
// counts, so that it does not depend on the order of a record's fields.
type failure struct {
	index  int
	row    string
	value  string
	reason string
}

// NewApplier returns an Applier for one goroutine.
func (p *Program) NewApplier() *Applier {
	return &Applier{
		program:      p,
		decoder:      jsontext.NewDecoder(new(bytes.Buffer)),
		assetScope:   scope{attributes: make([][]byte, len(p.asset.attributes))},
		findingScope: scope{attributes: make([][]byte, len(p.finding.attributes))},
		byID:         map[string]int{},
		entered:      make([]uint64, p.nodes),
		filled:       make([]uint64, len(p.rules)),
		assets:       sliceArena[Asset]{size: 256},
		findings:     sliceArena[Finding]{size: 1024},
		attributes:   sliceArena[byte]{size: 64 << 10},
	}
}

// Apply makes a record, one JSON object as the vendor sent it, into an asset
// with its findings; where a record is one finding, into its asset with that
// finding. Both results stay valid after the next call; the record is not kept.
//
// What cannot be mapped is rejected and never guessed at. A finding that
// cannot is left out of the asset. If a field of the asset cannot, or any field
// of a record that is one finding, the asset is nil and there is one reject,
// for the whole record. There is one reject for each rejected thing, of the
// first row of the map that fails.
func (a *Applier) Apply(record []byte) (*Asset, []Reject) {
	if reject := a.walk(record); reject != nil {
		return nil, []Reject{*reject}
	}
	a.dropRepeats()
	for i := range a.rejects {
		a.rejects[i].AssetID = a.asset.ExternalID
	}
	asset := &a.assets.take(1)[0]
	*asset = a.asset
	asset.Attributes = a.attributeObject(&a.program.asset, &a.assetScope)
	if len(a.found) > 0 {
		asset.Findings = a.findings.take(len(a.found))
		copy(asset.Findings, a.found)
	}
	return asset, a.rejects
}

// ApplyVulnerability makes a record into an entry of the knowledge base;
// otherwise it is as Apply.
func (a *Applier) ApplyVulnerability(record []byte) (*Vulnerability, []Reject) {
	if reject := a.walk(record); reject != nil {
		return nil, []Reject{*reject}
	}
	entry := a.entry
	entry.Attributes = a.attributeObject(&a.program.asset, &a.assetScope)
	return &entry, nil
}

// walk reads a record to its end. It returns why the whole record is
// rejected, or nil.
func (a *Applier) walk(record []byte) *Reject {
	a.begin(record)
	if err := a.read(); err != nil {
		return a.unreadable(err)
	}
	p := a.program
	a.fillAbsent(&p.asset, &a.assetScope)
	failed := &a.assetScope
	if p.single {
		a.fillAbsent(&p.finding, &a.findingScope)
		if f := &a.findingScope; f.failed && (!failed.failed || f.failure.index < failed.failure.index) {
			failed = f
		}
	}
	if failed.failed {
		return a.whole(&failed.failure)
	}
	if p.single {
		a.finding.Attributes = a.attributeObject(&p.finding, &a.findingScope)
		a.found, a.positions = append(a.found, a.finding), append(a.positions, 0)
	}
	return nil
}

// Repeated returns how many findings were left out so far because the same
// record had them twice, alike in everything the map reads.
func (a *Applier) Repeated() int { return a.repeated }

func (a *Applier) begin(record []byte) {
	a.record = record
	a.input = *bytes.NewBuffer(record) // read in place
	a.decoder.Reset(&a.input, lenient...)
	a.asset, a.entry = Asset{}, Vulnerability{}
	a.enter(&a.assetScope)
	if a.program.single {
		a.finding = Finding{}
		a.enter(&a.findingScope)
	}
	a.found, a.positions, a.rejects = a.found[:0], a.positions[:0], nil
	a.scratch.json = a.scratch.json[:0]
}

// enter begins a new scope.
func (a *Applier) enter(s *scope) {
	a.scopes++
	s.id, s.failed = a.scopes, false
	clear(s.attributes)
}

func (a *Applier) scope(finding bool) *scope {
	if finding {
		return &a.findingScope
	}
	return &a.assetScope
}

// take gives a rule its source's value.
func (a *Applier) take(r *rule, s *scope, raw []byte) {
	if raw[0] == 'n' || len(raw) == len(`""`) && raw[0] == '"' && !r.keepEmpty {
		return // absent
	}
	v, reason := r.read(&a.scratch, raw)
	if reason != "" {
		a.fail(s, r.index, r.label, raw, reason)
		return
	}
	a.filled[r.index] = s.id
	a.put(r, s, v)
}

// put stores a value in the rule's target.
func (a *Applier) put(r *rule, s *scope, v value) {
	switch r.slot {
	case assetID:
		a.asset.ExternalID = v.text
	case assetName:
		a.asset.Name = v.text
	case assetBaseURL:
		a.asset.BaseURL = v.text
	case assetSpecificationURL:
		a.asset.SpecificationURL = v.text
	case assetSpecificationHash:
		a.asset.SpecificationHash = v.text
	case assetCreatedAt:
		a.asset.SourceCreatedAt = moment(v.num)
	case assetUpdatedAt:
		a.asset.SourceUpdatedAt = moment(v.num)
	case assetLastScannedAt:
		a.asset.LastScannedAt = moment(v.num)
	case assetIPAddress:
		a.asset.IPAddress = v.text
	case assetDNSName:
		a.asset.DNSName = v.text
	case assetOperatingSystem:
		a.asset.OperatingSystem = v.text
	case entryQID:
		a.entry.QID = int32(v.num)
	case entryTitle:
		a.entry.Title = v.text
	case entrySeverity:
		a.entry.Severity = int16(v.num)
	case entryModifiedAt:
		a.entry.ModifiedAt = moment(v.num)
	case findingID:
		a.finding.ExternalID = v.text
	case findingName:
		a.finding.Name = v.text
	case findingSeverity:
		a.finding.Severity = int16(v.num)
	case findingQID:
		a.finding.QID = int32(v.num)
	case findingStatus:
		a.finding.Status = v.text
	case findingFirstFoundAt:
		a.finding.FirstFoundAt = moment(v.num)
	case findingLastFoundAt:
		a.finding.LastFoundAt = moment(v.num)
	case findingLastTestedAt:
		a.finding.LastTestedAt = moment(v.num)
	case findingTimesFound:
		a.finding.TimesFound = int32(v.num)
	case assetAttribute, entryAttribute, findingAttribute:
		s.attributes[r.attribute] = v.json
	}
}

// fillAbsent ends a scope: targets without a value take their default, or
// fail if they are needed.
func (a *Applier) fillAbsent(l *level, s *scope) {
	for _, r := range l.rules {
		switch {
		case a.filled[r.index] == s.id:
		case r.hasFallback:
			a.put(r, s, r.fallback)
		case r.required:
			a.fail(s, r.index, r.label, nil, "is missing, and is needed")
		}
	}
}

func (a *Applier) fail(s *scope, index int, row string, raw []byte, reason string) {
	if s.failed && s.failure.index <= index {
		return
	}
	s.failed = true
	s.failure = failure{index, row, printable(raw), reason}
}

// attributeObject returns the attributes of a scope as a JSON object, or nil.
func (a *Applier) attributeObject(l *level, s *scope) []byte {
	size := len("{")
	for i, v := range s.attributes {
		if v != nil {
			size += len(l.attributes[i]) + len(v) + len(",")
		}
	}
	if size == len("{") {
		return nil
	}
	object := a.attributes.take(size)[:0]
	for i, v := range s.attributes {
		if v != nil {
			object = append(object, ',')
			object = append(object, l.attributes[i]...)
			object = append(object, v...)
		}
	}
	object[0] = '{'
	return append(object, '}')
}
