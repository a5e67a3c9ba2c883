package qualys

import (
	"io"
	"strconv"
	"time"

	"sluice/internal/simulator/estate"
	"sluice/internal/simulator/random"
	"sluice/internal/simulator/wire"
)

const (
	flushAt      = 64 << 10 // bytes collected before they are written
	keepBufferAt = 1 << 20  // larger buffers are not kept for the next page
)

// pageWriter renders pages by appending to a buffer. It is reused.
type pageWriter struct {
	buf     []byte
	out     io.Writer
	err     error // first error of out; what follows is not written
	dialect Dialect
	wrap    bool
	record  estate.Record
	indexes []int

	bytes, records, findings int64 // of this page
}

func (p *pageWriter) release() {
	p.out, p.err = nil, nil
	p.bytes, p.records, p.findings = 0, 0, 0
	p.buf = p.buf[:0]
	if cap(p.buf) <= keepBufferAt {
		pageWriters.Put(p)
	}
}

func (p *pageWriter) flushIfFull() {
	if len(p.buf) >= flushAt {
		p.flush()
	}
}

func (p *pageWriter) flush() {
	if p.err == nil && len(p.buf) > 0 {
		_, p.err = p.out.Write(p.buf)
	}
	p.bytes += int64(len(p.buf))
	p.buf = p.buf[:0]
}

// finish writes what is left and counts the page.
func (p *pageWriter) finish(c *wire.Counters) {
	p.flush()
	c.Pages.Add(1)
	c.Records.Add(p.records)
	c.Findings.Add(p.findings)
	c.Bytes.Add(p.bytes)
}

// header is what precedes the records of a page.
type header struct {
	count, total  int
	withTotal     bool
	more          bool
	lastID        int64
	withoutMarker bool
}

// header writes everything up to the first record. lastId is there only while
// there is more, and hasMoreRecords is a string (both documented for the QPS
// APIs); totalCount is inferred.
func (p *pageWriter) header(h *header) {
	b := p.buf
	if p.dialect == QPS {
		b = append(b, `{"ServiceResponse":`...)
	}
	b = append(b, `{"responseCode":"SUCCESS","count":`...)
	b = strconv.AppendInt(b, int64(h.count), 10)
	if h.withTotal {
		b = append(b, `,"totalCount":`...)
		b = strconv.AppendInt(b, int64(h.total), 10)
	}
	switch {
	case h.withoutMarker:
	case p.dialect == QPS && h.more:
		b = append(b, `,"hasMoreRecords":"true"`...)
	case p.dialect == QPS:
		b = append(b, `,"hasMoreRecords":"false"`...)
	case h.more:
		b = append(b, `,"hasMore":1`...)
	default:
		b = append(b, `,"hasMore":0`...)
	}
	if h.more && !h.withoutMarker {
		b = append(b, `,"lastId":`...)
		b = strconv.AppendInt(b, h.lastID, 10)
	}
	p.buf = append(b, `,"data":[`...)
}

// emptyPage is the other form of an empty answer: a count and nothing else
// (documented for the QPS APIs).
func (p *pageWriter) emptyPage() {
	const empty = `{"responseCode":"SUCCESS","count":0}`
	if p.dialect == QPS {
		p.buf = append(p.buf, `{"ServiceResponse":`+empty+`}`...)
	} else {
		p.buf = append(p.buf, empty...)
	}
}

func (p *pageWriter) footer() {
	p.buf = append(p.buf, `]}`...)
	if p.dialect == QPS {
		p.buf = append(p.buf, '}')
	}
}

func (p *pageWriter) wrappedRecord(w *estate.World) {
	if p.wrap {
		if p.record.Type == estate.Application {
			p.buf = append(p.buf, `{"WebApp":`...)
		} else {
			p.buf = append(p.buf, `{"Api":`...)
		}
	}
	p.asset(w, len(p.record.Findings))
	p.buf = append(p.buf, `]}`...)
	if p.wrap {
		p.buf = append(p.buf, '}')
	}
	p.records++
	p.findings += int64(len(p.record.Findings))
	p.flushIfFull()
}

// halfRecord writes a record that stops in the middle.
func (p *pageWriter) halfRecord(w *estate.World) {
	p.asset(w, len(p.record.Findings)/2)
}

// asset writes the loaded record with its first findings, up to the bracket
// that would close their list.
func (p *pageWriter) asset(w *estate.World, findings int) {
	r := &p.record
	b := append(p.buf, '{')
	switch r.Defect {
	case estate.IDMissing:
	case estate.IDNull:
		b = append(b, `"id":null,`...)
	case estate.Undecodable:
		b = append(b, `"id":`...)
		b = strconv.AppendInt(b, r.ID, 10)
		b = append(b, `,"note":"an "unescaped" quote",}{`...)
	default:
		b = append(b, `"id":`...)
		b = appendID(b, r.ID, w.MixedScalars() && r.Hash>>50&3 == 0)
		b = append(b, ',')
	}
	b = appendName(b, r)
	if r.HasURL() {
		b = append(b, `,"url":"`...)
		b = r.AppendURL(b, estate.JSON)
		b = append(b, '"')
	}
	if r.Defect == estate.DateGarbage {
		b = append(b, `,"updatedDate":"the day before yesterday"`...)
	} else {
		b = append(b, `,"updatedDate":`...)
		b = appendDate(b, r.Updated, r.UpdatedForm)
	}
	if r.Defect != estate.MissingOptional {
		b = appendDetails(b, r)
	}
	if r.Defect == estate.FindingsNotList {
		// The caller closes a list after the findings: one of another name takes it.
		b = append(b, `,"findings":"none","notes":[`...)
		p.buf = b
		return
	}
	b = append(b, `,"findings":[`...)
	p.buf = b
	for i := range r.Findings[:findings] {
		if i > 0 {
			p.buf = append(p.buf, ',')
		}
		p.buf = appendFinding(p.buf, r, i, w.MixedScalars())
		p.flushIfFull()
	}
}

func appendID(b []byte, id int64, quoted bool) []byte {
	if !quoted {
		return strconv.AppendInt(b, id, 10)
	}
	b = append(b, '"')
	b = strconv.AppendInt(b, id, 10)
	return append(b, '"')
}

func appendName(b []byte, r *estate.Record) []byte {
	b = append(b, `"name":`...)
	if r.Defect == estate.NameObject {
		b = append(b, `{"value":`...)
	}
	b = append(b, '"')
	b = r.AppendName(b, estate.JSON)
	if r.Defect == estate.NameNUL {
		b = append(b, `\u0000`...)
	}
	b = append(b, '"')
	if r.Defect == estate.NameObject {
		b = append(b, '}')
	}
	return b
}

// appendDetails writes the fields a record can do without.
func appendDetails(b []byte, r *estate.Record) []byte {
	b = append(b, `,"createdDate":`...)
	b = appendDate(b, r.Created, r.CreatedForm)
	b = append(b, `,"uuid":"`...)
	b = random.AppendUUID(b, r.Hash)
	b = append(b, `","owner":{"id":`...)
	b = strconv.AppendUint(b, 4_000_000+r.Hash>>36&0xffff, 10)
	b = append(b, `,"username":"`...)
	b = r.AppendOwner(b, estate.JSON)
	b = append(b, `"},"riskScore":`...)
	b = strconv.AppendUint(b, r.Hash>>30%1001, 10)
	b = append(b, `,"tags":[`...)
	for n := range r.Tags() {
		if n > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"id":`...)
		b = strconv.AppendUint(b, 7_000_000+r.Hash>>40%1000+uint64(n), 10)
		b = append(b, `,"name":"`...)
		b = r.AppendTag(b, estate.JSON, n)
		b = append(b, `"}`...)
	}
	b = append(b, ']')
	switch r.Specification() {
	case estate.SpecificationNull:
		b = append(b, `,"openApiFile":null`...)
	case estate.SpecificationFile:
		b = append(b, `,"openApiFile":{"name":"openapi","url":"`...)
		b = r.AppendSpecificationURL(b, estate.JSON)
		b = append(b, `"}`...)
	}
	return b
}

// appendFinding writes one finding; those of API collections have no title
// (documented by the fields the vendor's own connector maps).
func appendFinding(b []byte, r *estate.Record, n int, mixed bool) []byte {
	f := &r.Findings[n]
	defect := estate.DefectKind("")
	if n == r.DefectiveFinding {
		defect = r.Defect
	}
	b = append(b, '{')
	if defect != estate.FindingIDMissing {
		b = append(b, `"id":`...)
		b = appendID(b, f.ID, mixed && f.Hash>>50&3 == 0)
		b = append(b, ',')
	}
	if r.Type == estate.Application {
		b = append(b, `"title":"`...)
		b = f.AppendTitle(b, estate.JSON)
		b = append(b, `",`...)
	}
	b = append(b, `"severity":`...)
	switch {
	case defect == estate.SeverityOutOfRange:
		b = append(b, '9')
	case defect == estate.SeverityWord:
		b = append(b, `"blocker"`...)
	case mixed && f.Hash>>52&1 == 0:
		b = append(b, '"', byte('0'+f.Severity), '"')
	default:
		b = append(b, byte('0'+f.Severity))
	}
	if r.Defect != estate.MissingOptional {
		b = appendFindingDetails(b, f)
	}
	return append(b, '}')
}

var findingStatuses = [...]string{"ACTIVE", "ACTIVE", "ACTIVE", "NEW", "NEW", "REOPENED", "PROTECTED", "ACTIVE"}

func appendFindingDetails(b []byte, f *estate.Finding) []byte {
	b = append(b, `,"uniqueId":"`...)
	b = random.AppendUUID(b, f.Hash)
	b = append(b, `","qid":`...)
	b = strconv.AppendUint(b, 150_000+f.Hash>>4%700, 10)
	b = append(b, `,"status":"`...)
	b = append(b, findingStatuses[f.Hash>>40%uint64(len(findingStatuses))]...)
	b = append(b, `","cveIds":[`...)
	if bits := f.Hash >> 44 & 7; bits < 2 {
		b = append(b, `"CVE-20`...)
		b = strconv.AppendUint(b, 10+f.Hash>>46%16, 10)
		b = append(b, '-')
		b = strconv.AppendUint(b, 10_000+f.Hash>>30%50_000, 10)
		b = append(b, '"')
	}
	b = append(b, `],"cvss":`...)
	score := f.Hash >> 34 % 101
	b = strconv.AppendUint(b, score/10, 10)
	if score%10 != 0 { // integral scores come without a fraction (documented for WAS)
		b = append(b, '.', byte('0'+score%10))
	}
	b = append(b, `,"description":"`...)
	b = f.AppendDescription(b, estate.JSON)
	b = append(b, `","firstDetectedDate":`...)
	b = appendDate(b, f.First, estate.ISOSeconds)
	b = append(b, `,"lastDetectedDate":`...)
	return appendDate(b, f.Last, estate.ISOSeconds)
}

func appendDate(b []byte, millis int64, form estate.DateForm) []byte {
	if form == estate.EpochMillis {
		return strconv.AppendInt(b, millis, 10)
	}
	layout := time.RFC3339 // has a fast path in package time
	switch form {
	case estate.ISOMilliseconds:
		layout = "2006-01-02T15:04:05.000Z07:00"
	case estate.ISOOffset:
		layout = "2006-01-02T15:04:05.000-0700"
	}
	b = append(b, '"')
	b = estate.Instant(millis).AppendFormat(b, layout)
	return append(b, '"')
}
