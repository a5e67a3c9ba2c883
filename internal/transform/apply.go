package transform

import (
	"bytes"
	"context"

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
	leftOut   []LeftOut
	repeated  int

	ctx           context.Context // of the evaluation of expressions
	variables     variables
	recordObject  jsonObject
	findingObject jsonObject
	captured      []captured
	result        []byte // of the expression evaluated last
	collector     collector
	cost          uint64 // of the record's expressions so far
	computed      int    // bytes that they gave

	trace *trace // of Explain and Diff only

	after   []*node  // by node: the one that followed it in its object last
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
	idFailed   bool // what failed, or also failed, is the id
	idFailure  failure
	leftOut    bool
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
	a := &Applier{
		program:      p,
		ctx:          context.Background(),
		captured:     make([]captured, p.captures),
		decoder:      jsontext.NewDecoder(new(bytes.Buffer)),
		assetScope:   scope{attributes: make([][]byte, len(p.asset.attributes))},
		findingScope: scope{attributes: make([][]byte, len(p.finding.attributes))},
		byID:         map[string]int{},
		after:        make([]*node, p.nodes),
		entered:      make([]uint64, p.nodes),
		filled:       make([]uint64, len(p.rules)),
		assets:       sliceArena[Asset]{size: 256},
		findings:     sliceArena[Finding]{size: 1024},
		attributes:   sliceArena[byte]{size: 64 << 10},
	}
	if p.captures > 0 {
		a.recordObject = jsonObject{of: p.recordType, scratch: &a.scratch, captured: a.captured, scope: &a.assetScope}
		a.findingObject = jsonObject{of: p.findingType, scratch: &a.scratch, captured: a.captured, scope: &a.findingScope}
		a.variables.record = &a.recordObject
	}
	return a
}

// Apply makes a record, one JSON object as the vendor sent it, into an asset
// with its findings; where a record is one finding, into its asset with that
// finding. Both results stay valid after the next call; the record is not kept.
//
// What cannot be mapped is rejected and never guessed at. A finding that
// cannot does not come with the asset. If a field of the asset cannot, or any field
// of a record that is one finding, the asset is nil and there is one reject,
// for the whole record. There is one reject for each rejected thing, of the
// first row of the map that fails.
//
// What the map's conditions leave out is neither: see LeftOut. Of a record that
// is left out as a whole both results are nil.
func (a *Applier) Apply(record []byte) (*Asset, []Reject) {
	if reject := a.walk(record); reject != nil {
		return nil, []Reject{*reject}
	}
	if a.assetScope.leftOut {
		return nil, nil
	}
	a.dropRepeats()
	for i := range a.rejects {
		a.rejects[i].AssetID = a.asset.ExternalID
	}
	for i := range a.leftOut {
		a.leftOut[i].AssetID = a.asset.ExternalID
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
	if a.assetScope.leftOut {
		return nil, nil
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
		a.leftOut = a.leftOut[:0]
		return a.unreadable(err)
	}
	p := a.program
	a.compute(&p.asset, &a.assetScope)
	a.end(&p.asset, &a.assetScope)
	failed := &a.assetScope
	if p.single {
		a.compute(&p.finding, &a.findingScope)
		a.findingScope.leftOut = a.assetScope.leftOut
		a.end(&p.finding, &a.findingScope)
		if f := &a.findingScope; f.failed && (!failed.failed || f.failure.index < failed.failure.index) {
			failed = f
		}
	}
	if failed.failed {
		a.leftOut = a.leftOut[:0]
		return a.whole(&failed.failure)
	}
	if a.assetScope.leftOut {
		a.leftOut = append(a.leftOut[:0], a.wholeLeftOut())
		return nil
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
	a.rewind()
	a.asset, a.entry = Asset{}, Vulnerability{}
	a.enter(&a.assetScope)
	if a.program.single {
		a.finding = Finding{}
		a.enter(&a.findingScope)
	}
	a.found, a.positions, a.rejects, a.leftOut = a.found[:0], a.positions[:0], nil, a.leftOut[:0]
	a.scratch.json = a.scratch.json[:0]
	a.cost, a.computed, a.scratch.read = 0, 0, 0
}

// enter begins a new scope.
func (a *Applier) enter(s *scope) {
	a.scopes++
	s.id, s.failed, s.idFailed, s.leftOut = a.scopes, false, false, false
	clear(s.attributes)
}

func (a *Applier) scope(finding bool) *scope {
	if finding {
		return &a.findingScope
	}
	return &a.assetScope
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
