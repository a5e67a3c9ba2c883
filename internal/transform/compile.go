package transform

import (
	"crypto/sha256"
	"slices"
)

// A slot is a place in Asset, Finding or Vulnerability that a row can fill.
type slot uint8

const (
	assetID slot = iota
	assetName
	assetBaseURL
	assetSpecificationURL
	assetSpecificationHash
	assetCreatedAt
	assetUpdatedAt
	assetLastScannedAt
	assetIPAddress
	assetDNSName
	assetOperatingSystem
	assetAttribute
	entryQID
	entryTitle
	entrySeverity
	entryModifiedAt
	entryAttribute
	findingID
	findingName
	findingSeverity
	findingQID
	findingStatus
	findingFirstFoundAt
	findingLastFoundAt
	findingLastTestedAt
	findingTimesFound
	findingAttribute
)

var slots = map[string]slot{
	"asset.assetHeader.externalAssetId":                          assetID,
	"asset.assetDetail.name":                                     assetName,
	"asset.assetDetail.applicationAssetClass.baseUrl":            assetBaseURL,
	"asset.assetDetail.apiCollectionAssetClass.specificationUrl": assetSpecificationURL,
	"asset.assetDetail.apiAssetClass.url":                        assetBaseURL,
	"asset.assetDetail.apiAssetClass.specificationHash":          assetSpecificationHash,
	"asset.assetDetail.sourceCreatedAt":                          assetCreatedAt,
	"asset.assetDetail.sourceUpdatedAt":                          assetUpdatedAt,
	"asset.assetDetail.lastScannedAt":                            assetLastScannedAt,
	"asset.assetDetail.hostAssetClass.ipAddress":                 assetIPAddress,
	"asset.assetDetail.hostAssetClass.dnsName":                   assetDNSName,
	"asset.assetDetail.hostAssetClass.operatingSystem":           assetOperatingSystem,
	"asset.assetDetail.attributes.*":                             assetAttribute,
	"vulnerability.qid":                                          entryQID,
	"vulnerability.title":                                        entryTitle,
	"vulnerability.severity":                                     entrySeverity,
	"vulnerability.modifiedAt":                                   entryModifiedAt,
	"vulnerability.attributes.*":                                 entryAttribute,
	"findingGroup.findings[].externalFindingId":                  findingID,
	"findingGroup.findings[].name":                               findingName,
	"findingGroup.findings[].severity":                           findingSeverity,
	"findingGroup.findings[].qid":                                findingQID,
	"findingGroup.findings[].status":                             findingStatus,
	"findingGroup.findings[].firstFoundAt":                       findingFirstFoundAt,
	"findingGroup.findings[].lastFoundAt":                        findingLastFoundAt,
	"findingGroup.findings[].lastTestedAt":                       findingLastTestedAt,
	"findingGroup.findings[].timesFound":                         findingTimesFound,
	"findingGroup.findings[].attributes.*":                       findingAttribute,
}

// isID says that the slot is of what an asset, an entry or a finding is known by.
func (s slot) isID() bool { return s == assetID || s == entryQID || s == findingID }

func (s slot) ofFinding() bool { return s >= findingID }

func (s slot) isAttribute() bool {
	return s == assetAttribute || s == entryAttribute || s == findingAttribute
}

// A Program is a compiled map. It never changes and is safe for concurrent
// use; each goroutine applies it through an Applier of its own.
type Program struct {
	name   string
	source string
	target string
	digest [sha256.Size]byte
	single bool // a record is one finding

	rows     []Row
	rules    []rule // in the order of the map's rows
	root     *node
	nodes    int
	asset    level // or an entry
	finding  level
	findings *node // the list of findings; nil when no row reads it
	captures int   // fields that expressions read
	// Of a map with expressions: what they see.
	recordType  *objectType
	findingType *objectType
	ahead       bool // expressions of findings read the record, which may go on behind them
}

// A rule is a compiled row.
type rule struct {
	index       int // of the row
	label       string
	slot        slot
	finding     bool // it fills a field of a finding
	of          Type // what the value is read as
	id          bool // it fills the id
	expr        *expression
	read        reader
	required    bool   // a record, or finding, without a value is rejected
	missing     string // for this reason
	keepEmpty   bool   // an empty string is a value, not the absence of one
	hasFallback bool
	fallback    value
	attribute   int // index in its level's attributes
	// each, of a row that takes the values of all elements of a list, is the way
	// from an element to its value.
	each []step
}

// A level is what is done once for each asset or entry, or once for each finding.
type level struct {
	rules      []*rule
	ids        []*rule    // those of rules that fill the id
	computed   []*rule    // those of rules that have an expression, of ids first
	when       *condition // of those that are taken; nil for all
	attributes []string   // quoted names with a colon, sorted
}

// condition is what the map takes by. Its rule is only a name in rejects.
type condition struct{ rule rule }

// Compile checks a map and makes it a Program. Its error is of type Problems.
func Compile(m *Map, models *Models) (*Program, error) {
	checked := bind(m, models)
	if err := checked.problems.err(); err != nil {
		return nil, err
	}
	bindings := checked.bindings
	p := &Program{
		name:   m.Name,
		source: m.Source,
		target: m.Target,
		single: models.Get(m.Source).Records == RecordsAreFindings,
		rows:   slices.Clone(m.Rows),
		rules:  make([]rule, len(bindings)),
	}
	p.root = p.newNode("", "")
	for i := range bindings {
		b := &bindings[i]
		r := &p.rules[i]
		*r = b.rule
		r.index = i
		r.of = b.read
		r.finding = r.slot.ofFinding()
		r.id = r.slot.isID()
		r.required = (b.target.Required || b.source != nil && b.source.Required && !b.many) && !r.hasFallback
		r.missing = "is missing, and is needed"
		if !b.target.Required {
			r.missing = "is missing, and needed: source model " + m.Source + " says that it is always there"
		}
		l := p.level(r.finding)
		l.rules = append(l.rules, r)
		if r.id {
			l.ids = append(l.ids, r)
		}
		if r.expr = b.expr; r.expr == nil {
			from := b.from
			if b.many {
				from, r.each = b.from.split(b.to.depth())
				r.keepEmpty = false // in place of a list it is none
			}
			n := p.plant(from, r)
			n.rules = append(n.rules, r)
			continue
		}
		p.capture(r)
		if r.id {
			l.computed = slices.Insert(l.computed, 0, r)
		} else {
			l.computed = append(l.computed, r)
		}
	}
	p.asset.when = p.condition("when", checked.when, false)
	p.finding.when = p.condition("whenFindings", checked.whenFindings, true)
	if x := checked.expressions; x != nil {
		p.recordType, p.findingType = x.types.object(""), x.types.object(x.findings)
	}
	p.asset.nameAttributes(bindings)
	p.finding.nameAttributes(bindings)
	p.digest = sha256.Sum256(checked.canonical(p.rules))
	return p, nil
}

func (p *Program) level(finding bool) *level {
	if finding {
		return &p.finding
	}
	return &p.asset
}

// condition makes an expression the condition of its name; nil for none.
func (p *Program) condition(name string, x *expression, finding bool) *condition {
	if x == nil {
		return nil
	}
	c := &condition{rule{index: -1, label: name, finding: finding, expr: x}}
	p.capture(&c.rule)
	return c
}

// nameAttributes gives each attribute its place in the sorted names.
func (l *level) nameAttributes(bindings []binding) {
	for _, r := range l.rules {
		if r.slot.isAttribute() {
			l.attributes = append(l.attributes, bindings[r.index].to.last())
		}
	}
	slices.Sort(l.attributes)
	for _, r := range l.rules {
		if r.slot.isAttribute() {
			r.attribute, _ = slices.BinarySearch(l.attributes, bindings[r.index].to.last())
		}
	}
	for i, name := range l.attributes {
		l.attributes[i] = string(quote(nil, name)) + ":"
	}
}

// Name returns the map's name.
func (p *Program) Name() string { return p.name }

// Source returns the name of the source model.
func (p *Program) Source() string { return p.source }

// Target returns the name of the target model: "inventory", whose records
// Apply makes, or "knowledge", whose records ApplyVulnerability makes.
func (p *Program) Target() string { return p.target }
