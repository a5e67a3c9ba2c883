package was

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"sluice/internal/simulator/account"
	"sluice/internal/simulator/faults"
)

// class is a class of records as a call sees it: addressed by index, 0 to n-1,
// ascending by id.
type class[R any] struct {
	world    *World
	endpoint faults.Endpoint // of its searches
	name     string          // in paths
	n        int
	seek     func(after int64) int
	id       func(*R) int64
	load     func(index int) (R, bool) // false for one that is not shown
	write    func(*writer, *R, bool)
	fields   map[string]field[R]
	findings int64 // how many findings a record is
}

func webApps(w *World, scope account.Scope) *class[webApp] {
	return &class[webApp]{
		world: w, endpoint: faults.WASWebApps, name: webAppClass, n: w.WebApps(),
		seek: func(after int64) int { return seek(after, firstWebAppID, webAppStride, w.WebApps(), w.webAppID) },
		id:   func(a *webApp) int64 { return a.id },
		load: func(index int) (webApp, bool) {
			if !w.sees(scope, index) {
				return webApp{}, false
			}
			return w.webApp(index), true
		},
		write:  func(out *writer, a *webApp, verbose bool) { out.webApp(a, verbose) },
		fields: webAppFields,
	}
}

func findings(w *World, scope account.Scope) *class[finding] {
	return &class[finding]{
		world: w, endpoint: faults.WASFindings, name: findingClass, n: w.Findings(),
		seek:     func(after int64) int { return seek(after, firstFindingID, findingStride, w.Findings(), w.findingID) },
		id:       func(f *finding) int64 { return f.id },
		load:     func(index int) (finding, bool) { return w.finding(index, scope) },
		write:    func(out *writer, f *finding, verbose bool) { out.finding(w, f, verbose) },
		fields:   findingFields,
		findings: 1,
	}
}

// page is what a search finds: indexes of records.
type page struct {
	indexes []int
	more    bool
	lastID  int64 // of the last record, when there is more
}

// each calls do with every record that the query finds, until it is false.
func (c *class[R]) each(q *query[R], do func(index int, r *R) bool) {
	for index := c.seek(q.after); index < c.n; index++ {
		r, shown := c.load(index)
		if !shown || !q.holds(c.world, &r) {
			continue
		}
		if c.id(&r) >= q.before || !do(index, &r) {
			return
		}
	}
}

// find collects a page.
func (c *class[R]) find(q *query[R], limit, offset int) page {
	var p page
	var last int64
	c.each(q, func(index int, r *R) bool {
		switch {
		case offset > 0:
			offset--
		case len(p.indexes) == limit:
			p.more, p.lastID = true, last
			return false
		default:
			p.indexes = append(p.indexes, index)
			last = c.id(r)
		}
		return true
	})
	return p
}

// predecessor is the index of the last matching record before the page of the
// search, or -1.
func (c *class[R]) predecessor(q *query[R]) int {
	for index := c.seek(q.after) - 1; index >= 0; index-- {
		if r, shown := c.load(index); shown && q.holds(c.world, &r) {
			return index
		}
	}
	return -1
}

func searchWebApps(x *exchange)  { search(x, webApps(x.estate.World(), x.scope)) }
func searchFindings(x *exchange) { search(x, findings(x.estate.World(), x.scope)) }

// readQuery reads what records a call asks for, and answers the call when it
// cannot be understood.
func readQuery[R any](x *exchange, c *class[R]) (request request, q query[R], ok bool) {
	if request, ok = x.readRequest(); !ok {
		return request, q, false
	}
	q, err := compile(c.fields, request.criteria, request.fromID)
	return request, q, err == nil || x.refused(err)
}

// search serves a search of one class.
func search[R any](x *exchange, c *class[R]) {
	request, q, ok := readQuery(x, c)
	if !ok {
		return
	}
	p := c.find(&q, request.limit, request.offset)
	p = spoil(x, c, &q, request.limit, p)
	writePage(x, c, p, request.verbose, !x.Meets(faults.WithoutMarker))
}

// spoil applies the faults that concern which records are on a page.
func spoil[R any](x *exchange, c *class[R], q *query[R], limit int, p page) page {
	x.mu.Lock()
	previous, known := x.previous[c.endpoint]
	x.previous[c.endpoint] = p
	x.mu.Unlock()
	if known && x.Meets(faults.RepeatPage) {
		return previous
	}
	p.indexes = slices.Clone(p.indexes) // the kept page stays as it is
	if x.Fault(faults.Duplicate) != nil {
		if before := c.predecessor(q); before >= 0 {
			if len(p.indexes) == limit && limit > 1 {
				p.indexes = p.indexes[:limit-1]
				last, _ := c.load(p.indexes[len(p.indexes)-1])
				p.more, p.lastID = true, c.id(&last)
			}
			p.indexes = slices.Insert(p.indexes, 0, before)
			x.Plan.Served(faults.Duplicate)
		}
	}
	if len(p.indexes) > 0 && x.Meets(faults.OmitRecord) {
		middle := len(p.indexes) / 2
		p.indexes = slices.Delete(p.indexes, middle, middle+1)
	}
	if x.Meets(faults.EmptyForever) {
		p = page{more: true, lastID: max(q.after, 0)}
	}
	return p
}

// writePage answers with a page; marked, it says whether there is more. Answers
// are streamed: their size does not matter.
func writePage[R any](x *exchange, c *class[R], p page, verbose, marked bool) {
	count := len(p.indexes) + x.Shift(faults.ShiftCount)
	a := respond(x.Exchange, http.StatusOK, schemaOf(c.name), "SUCCESS")
	a.number("count", int64(count))
	bare := count == 0 && !p.more && x.Settings().EmptyWithoutData
	if !bare && marked {
		a.word("hasMoreRecords", strconv.FormatBool(p.more))
		if p.more {
			a.number("lastId", p.lastID)
		}
	}
	if bare {
		a.end()
		return
	}
	a.begin("data", false, '[')
	broken := x.Broken()
	for n, index := range p.indexes {
		// A repeated page may have records that are gone by now.
		r, shown := c.load(index)
		if !shown {
			continue
		}
		start := len(a.buf)
		c.write(a.writer, &r, verbose)
		if broken && n == len(p.indexes)/2 {
			a.buf = a.buf[:start+(len(a.buf)-start)/2]
			a.breakOff()
			return
		}
		if n == 0 && a.dialect == xmlDialect && x.Fault(faults.Comments) != nil {
			a.comment("keep-alive for data")
		}
		x.Counters.Records.Add(1)
		x.Counters.Findings.Add(c.findings)
		a.flushIfFull()
	}
	a.endOfData()
	x.Counters.Pages.Add(1)
	x.Counters.Bytes.Add(a.bytes + int64(len(a.buf)))
	a.end()
}

func (a *answer) endOfData() { a.writer.end("data", ']') }

// count serves a count: how many records there are on all pages (documented).
func count[R any](x *exchange, c *class[R]) {
	_, q, ok := readQuery(x, c)
	if !ok {
		return
	}
	n := 0
	c.each(&q, func(int, *R) bool { n++; return true })
	x.total(schemaOf(c.name), n)
}

// total answers with a number and nothing else.
func (x *exchange) total(schema string, n int) {
	a := respond(x.Exchange, http.StatusOK, schema, "SUCCESS")
	a.number("count", int64(n+x.Shift(faults.ShiftTotal)))
	a.end()
}

func countWebApps(x *exchange)  { count(x, webApps(x.estate.World(), x.scope)) }
func countFindings(x *exchange) { count(x, findings(x.estate.World(), x.scope)) }

// countTags serves the number of tags in the user's scope.
func countTags(x *exchange) {
	scope, n := x.user.Scope("tag"), 0
	for _, tag := range tags {
		if scope.Sees(tag.ID) {
			n++
		}
	}
	x.total(tagSchema, n)
}

func getWebApp(x *exchange)  { get(x, webApps(x.estate.World(), x.scope)) }
func getFinding(x *exchange) { get(x, findings(x.estate.World(), x.scope)) }

// get serves one record in all its detail. One out of the user's scope is not
// found (documented).
func get[R any](x *exchange, c *class[R]) {
	text := x.R.PathValue("id")
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		refuse(x.Exchange, http.StatusOK, "INVALID_REQUEST", "Invalid value format for id ("+strings.ToValidUTF8(text, "?")+").", "Specify the id as Long.")
		return
	}
	index := c.seek(id - 1)
	if index < c.n {
		if r, shown := c.load(index); shown && c.id(&r) == id {
			writePage(x, c, page{indexes: []int{index}}, true, false)
			return
		}
	}
	refuse(x.Exchange, x.Settings().NotFoundStatus, "OBJECT_NOT_FOUND", "Object with id "+text+" does not exist.", "")
}
