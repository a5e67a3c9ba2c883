package inventory

import (
	"time"

	"sluice/internal/source"
	"sluice/internal/transform"
)

// Batch is records of a target model, encoded for PostgreSQL. It is built by
// one goroutine and then only read. The zero Batch is one of source.Assets.
type Batch struct {
	role    source.Role
	parts   []*part
	open    *part
	entries entries
	seen    []seenThing
	// RejectedAssets and RejectedFindings count what the map rejected,
	// LeftOutAssets and LeftOutFindings what its conditions leave out. Entries of
	// a knowledge base count as assets.
	RejectedAssets, RejectedFindings int64
	LeftOutAssets, LeftOutFindings   int64

	rejected    []string // assets whose records were rejected as a whole
	conflicting int64    // records that a later one of the same asset, or finding, has replaced in its part
}

// seenThing is an asset or a finding, by external ids, whose record was
// rejected or left out. Without a finding it is the asset with all its findings.
type seenThing struct{ asset, finding string }

// NewBatch returns an empty batch of a stream's records.
func NewBatch(role source.Role) *Batch { return &Batch{role: role} }

// part is what is written with one probe and one COPY per table.
type part struct {
	assets    []asset
	findings  []finding
	content   []byte // of assets and findings: their content columns, encoded for COPY
	index     map[string]int
	byKey     map[findingKey]int // of source.Findings: the place of each finding
	sightings bool               // some finding has one
}

type asset struct {
	externalID   string
	digest       digest
	content      span
	scanned      int64    // microseconds since 1970; 0 when not known
	findings     int      // how many of part.findings are its own
	listed       bool     // the record carried its findings
	keepFindings []string // of source.Assets: rejected findings, there though not to be written
}

type finding struct {
	asset      int // its place in part.assets; -1 when a later record has replaced it
	externalID string
	digest     digest
	content    span
	fixed      bool
	sighting   sighting
}

type span struct{ from, to int }

// findingKey finds a finding of a part: the place of its asset, and its id.
type findingKey struct {
	asset      int
	externalID string
}

// partFindings bounds a part. Writing is as fast with 2,000 findings in a
// COPY as with 50,000, so it is memory that decides.
const partFindings = 10_000

// Add encodes an asset with its findings. keep are external ids of findings
// that were rejected from the record ("" of one without a usable id) or left
// out: they are not written, but they are not gone either.
//
// An asset that comes twice in a batch of source.Assets counts as it came last.
// In one of source.Findings the findings of all its records count, each as it
// came last, and the asset as it came first.
func (b *Batch) Add(a *transform.Asset, keep []string) {
	p := b.open
	if p == nil || len(p.findings)+len(p.assets) >= partFindings {
		p = p.next()
		b.open = p
		b.parts = append(b.parts, p)
	}
	place, again := p.index[a.ExternalID]
	if !again {
		place = len(p.assets)
		p.index[a.ExternalID] = place
		p.assets = append(p.assets, p.encodeAsset(a))
	}
	if b.role == source.Findings {
		b.conflicting += p.merge(place, a.Findings)
		for _, id := range keep {
			b.SawFinding(a.ExternalID, id)
		}
		return
	}
	if again {
		p.forget(place)
		before := p.assets[place]
		p.assets[place] = p.encodeAsset(a)
		if before.recorded().conflicts(p.assets[place].recorded()) {
			b.conflicting++
		}
	}
	p.assets[place].keepFindings = keep
	for i := range a.Findings {
		p.findings = append(p.findings, p.encodeFinding(place, &a.Findings[i]))
	}
	p.assets[place].findings = len(a.Findings)
}

// merge adds findings to those that the asset has in the part, and counts those
// that differ from one that they replace.
func (p *part) merge(place int, findings []transform.Finding) (conflicting int64) {
	if p.byKey == nil {
		p.byKey = make(map[findingKey]int)
	}
	for i := range findings {
		key := findingKey{place, findings[i].ExternalID}
		f := p.encodeFinding(place, &findings[i])
		if at, again := p.byKey[key]; again {
			if p.findings[at].digest != f.digest {
				conflicting++
			}
			p.findings[at] = f
			continue
		}
		p.byKey[key] = len(p.findings)
		p.findings = append(p.findings, f)
		p.assets[place].findings++
	}
	return conflicting
}

// forget takes the asset's findings out of the part.
func (p *part) forget(place int) {
	for i := range p.findings {
		if p.findings[i].asset == place {
			p.findings[i].asset = -1
		}
	}
}

// AddVulnerability encodes an entry of the knowledge base. One that comes twice
// in a batch counts as it came last.
func (b *Batch) AddVulnerability(v *transform.Vulnerability) { b.entries.add(v) }

// Saw notes an asset whose record was left out: it is there. In a batch of
// source.Findings all its findings are.
func (b *Batch) Saw(externalID string) { b.seen = append(b.seen, seenThing{asset: externalID}) }

// SawRejected notes an asset whose record was rejected: it is there, too.
func (b *Batch) SawRejected(externalID string) {
	b.Saw(externalID)
	b.rejected = append(b.rejected, externalID)
}

// SawFinding notes a finding whose record was rejected or left out: it is there,
// and so is its asset. Without an id of the finding it may be any of the asset's.
func (b *Batch) SawFinding(assetID, findingID string) {
	b.seen = append(b.seen, seenThing{assetID, findingID})
}

// Assets is the number of assets in the batch, or of entries of the knowledge
// base. An asset of source.Findings may be in other batches too.
func (b *Batch) Assets() int64 {
	n := int64(len(b.entries.list))
	for _, p := range b.parts {
		n += int64(len(p.assets))
	}
	return n
}

// next returns a new part. It has room for about as much as the one before it,
// if there is one, since growing by and by costs more than twice the memory.
func (p *part) next() *part {
	if p == nil {
		return &part{index: make(map[string]int)}
	}
	const reserve = 16 // a sixteenth more
	return &part{
		assets:   make([]asset, 0, len(p.assets)+len(p.assets)/reserve),
		findings: make([]finding, 0, len(p.findings)+len(p.findings)/reserve),
		content:  make([]byte, 0, len(p.content)+len(p.content)/reserve),
		index:    make(map[string]int, len(p.assets)),
	}
}

func (p *part) encodeAsset(a *transform.Asset) asset {
	from := len(p.content)
	c := appendTime(p.content, a.SourceCreatedAt)
	c = appendTime(c, a.SourceUpdatedAt)
	c = appendText(c, a.Name)
	c = appendText(c, a.BaseURL)
	c = appendText(c, a.SpecificationURL)
	c = appendJSON(c, a.Attributes)
	digested := len(c)
	c = appendText(c, a.IPAddress)
	c = appendText(c, a.DNSName)
	c = appendText(c, a.OperatingSystem)
	// Columns that came later take part only where they hold something, so
	// that rows written before they were there keep their digests.
	if a.IPAddress != "" || a.DNSName != "" || a.OperatingSystem != "" {
		digested = len(c)
	}
	c = appendText(c, a.SpecificationHash)
	if a.SpecificationHash != "" {
		digested = len(c)
	}
	row := asset{externalID: a.ExternalID, digest: digestOf(c[from:digested]), listed: a.FindingsListed, scanned: micros(a.LastScannedAt)}
	c = appendTime(c, a.LastScannedAt)
	p.content = c
	row.content = span{from, len(c)}
	return row
}

func (p *part) encodeFinding(place int, f *transform.Finding) finding {
	from := len(p.content)
	c := appendSmallint(p.content, f.Severity)
	c = appendText(c, f.Name)
	c = appendJSON(c, f.Attributes)
	digested := len(c)
	c = appendText(c, f.Status)
	c = appendPositive(c, f.QID)
	c = appendTime(c, f.FirstFoundAt)
	if f.Status != "" || f.QID != 0 || !f.FirstFoundAt.IsZero() { // as with assets
		digested = len(c)
	}
	p.content = c
	row := finding{
		asset: place, externalID: f.ExternalID, digest: digestOf(c[from:digested]), content: span{from, len(c)}, fixed: f.Status == transform.Fixed,
		sighting: sighting{lastFound: micros(f.LastFoundAt), lastTested: micros(f.LastTestedAt), times: f.TimesFound},
	}
	p.sightings = p.sightings || row.sighting != sighting{}
	return row
}

// micros are the microseconds since 1970 of a moving time; 0 for none.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// The columns that the encode functions write, in their order.
const (
	assetContent    = "source_created_at, source_updated_at, name, base_url, specification_url, attributes, ip_address, dns_name, operating_system, specification_hash, last_scanned_at"
	assetContentN   = 11
	findingContent  = "severity, name, attributes, status, qid, first_found_at"
	findingContentN = 6
)
