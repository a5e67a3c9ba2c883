package inventory

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"time"

	"sluice/internal/transform"
)

// Batch is records of the target model, encoded for PostgreSQL. It is built
// by one goroutine and then only read.
type Batch struct {
	parts []*part
	open  *part
	seen  []string // external ids of rejected assets
	// RejectedAssets and RejectedFindings count what the map rejected.
	RejectedAssets, RejectedFindings int64
}

// part is what is written with one probe and one COPY per table.
type part struct {
	assets   []asset
	findings []finding
	content  []byte // of assets and findings: their content columns, encoded for COPY
	index    map[string]int
}

type asset struct {
	externalID   string
	digest       digest
	content      span
	first, last  int      // its findings in part.findings
	listed       bool     // the record carried its findings
	keepFindings []string // rejected findings: there, though not to be written
}

type finding struct {
	externalID string
	digest     digest
	content    span
}

type span struct{ from, to int }

// partFindings bounds a part. Writing is as fast with 2,000 findings in a
// COPY as with 50,000, so it is memory that decides.
const partFindings = 10_000

// Add encodes an asset with its findings. keep are external ids of findings
// that were rejected from the record: they are not written, but they are not
// gone either. An asset that comes twice in a batch counts as it came last.
func (b *Batch) Add(a *transform.Asset, keep []string) {
	p := b.open
	if p == nil || len(p.findings)+len(p.assets) >= partFindings {
		p = p.next()
		b.open = p
		b.parts = append(b.parts, p)
	}
	if again, ok := p.index[a.ExternalID]; ok {
		// The earlier one's findings stay behind, unreferenced.
		p.assets[again] = p.encode(a, keep)
		return
	}
	p.index[a.ExternalID] = len(p.assets)
	p.assets = append(p.assets, p.encode(a, keep))
}

// Saw notes an asset whose record was rejected: it is there.
func (b *Batch) Saw(externalID string) { b.seen = append(b.seen, externalID) }

// Assets is the number of assets in the batch.
func (b *Batch) Assets() int64 {
	var n int64
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

func (p *part) encode(a *transform.Asset, keep []string) asset {
	from := len(p.content)
	c := appendTime(p.content, a.SourceCreatedAt)
	c = appendTime(c, a.SourceUpdatedAt)
	c = appendText(c, a.Name)
	c = appendText(c, a.BaseURL)
	c = appendText(c, a.SpecificationURL)
	c = appendJSON(c, a.Attributes)
	p.content = c
	row := asset{
		externalID: a.ExternalID, digest: digestOf(c[from:]), content: span{from, len(c)},
		first: len(p.findings), listed: a.FindingsListed, keepFindings: keep,
	}
	for i := range a.Findings {
		f := &a.Findings[i]
		from := len(p.content)
		c := appendSmallint(p.content, f.Severity)
		c = appendText(c, f.Name)
		c = appendJSON(c, f.Attributes)
		p.content = c
		p.findings = append(p.findings, finding{externalID: f.ExternalID, digest: digestOf(c[from:]), content: span{from, len(c)}})
	}
	row.last = len(p.findings)
	return row
}

// The columns that encode writes, in its order.
const (
	assetContent     = "source_created_at, source_updated_at, name, base_url, specification_url, attributes"
	assetContentN    = 6
	findingContent   = "severity, name, attributes"
	findingContentN  = 3
	copyHeader       = "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	copyTrailer      = "\xff\xff"
	jsonbVersion     = 1
	microsecondsY2K  = 946_684_800_000_000 // PostgreSQL counts from 2000-01-01
	nullField        = math.MaxUint32      // length -1
	lengthOfBigint   = 8
	lengthOfUUID     = 16
	lengthOfSmallint = 2
)

func digestOf(content []byte) digest {
	sum := sha256.Sum256(content)
	return digest(sum[:16])
}

// The append functions encode one field of PostgreSQL's binary COPY format: a
// length, then the value as its type's binary form. An absent value is null.

func appendText[T string | []byte](b []byte, s T) []byte {
	if len(s) == 0 {
		return binary.BigEndian.AppendUint32(b, nullField)
	}
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}

func appendJSON(b, object []byte) []byte {
	if len(object) == 0 {
		return binary.BigEndian.AppendUint32(b, nullField)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(object)+1))
	return append(append(b, jsonbVersion), object...)
}

func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return binary.BigEndian.AppendUint32(b, nullField)
	}
	return appendBigint(b, t.UnixMicro()-microsecondsY2K)
}

func appendBigint(b []byte, n int64) []byte {
	b = binary.BigEndian.AppendUint32(b, lengthOfBigint)
	return binary.BigEndian.AppendUint64(b, uint64(n))
}

func appendInt(b []byte, n int32) []byte {
	b = binary.BigEndian.AppendUint32(b, 4)
	return binary.BigEndian.AppendUint32(b, uint32(n))
}

func appendSmallint(b []byte, n int16) []byte {
	if n == 0 {
		return binary.BigEndian.AppendUint32(b, nullField)
	}
	b = binary.BigEndian.AppendUint32(b, lengthOfSmallint)
	return binary.BigEndian.AppendUint16(b, uint16(n))
}

func appendDigest(b []byte, d digest) []byte {
	b = binary.BigEndian.AppendUint32(b, lengthOfUUID)
	return append(b, d[:]...)
}

func appendRow(b []byte, fields int) []byte {
	return binary.BigEndian.AppendUint16(b, uint16(fields))
}
