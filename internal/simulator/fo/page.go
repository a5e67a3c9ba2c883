package fo

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"sluice/internal/simulator/faults"
	"sluice/internal/simulator/vm"
)

// page is what a list of hosts answers with: hosts by index, and the id with
// which the next page begins, 0 when there is none.
type page struct {
	indexes []int
	next    int64
}

func instant(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }

// find collects the page of a filter. Hosts are ascending by id (documented);
// wanted tells of a loaded host whether it belongs in the answer.
func (h *hostFilter) find(w *vm.World, wanted func(*vm.Record) bool) page {
	var p page
	var r vm.Record
	for index := w.From(h.first()); index < w.Len(); index++ {
		id := w.ID(index)
		if h.beyond(id) {
			break
		}
		if !h.matches(w, &r, index) || !wanted(&r) {
			continue
		}
		if h.limit > 0 && len(p.indexes) == h.limit {
			p.next = id
			break
		}
		p.indexes = append(p.indexes, index)
	}
	return p
}

// predecessor returns the last host before the page, or -1.
func (h *hostFilter) predecessor(w *vm.World, wanted func(*vm.Record) bool) int {
	before := *h
	before.min = 0
	var r vm.Record
	for index := w.From(h.first()) - 1; index >= 0; index-- {
		if before.matches(w, &r, index) && wanted(&r) {
			return index
		}
	}
	return -1
}

// spoil applies the faults that concern pages.
func (x *exchange) spoil(w *vm.World, h *hostFilter, p page, wanted func(*vm.Record) bool) page {
	x.previousMu.Lock()
	last, known := x.previous[x.api.endpoint]
	x.previous[x.api.endpoint] = p
	x.previousMu.Unlock()
	if known && x.Meets(faults.RepeatPage) {
		p = page{slices.Clone(last.indexes), last.next}
	}
	if x.Fault(faults.Duplicate) != nil {
		if before := h.predecessor(w, wanted); before >= 0 {
			x.Meets(faults.Duplicate)
			p.indexes = slices.Insert(slices.Clone(p.indexes), 0, before)
			if n := len(p.indexes) - 1; h.limit > 1 && n == h.limit {
				p.next = w.ID(p.indexes[n])
				p.indexes = p.indexes[:n]
			}
		}
	}
	if len(p.indexes) > 0 && x.Meets(faults.OmitRecord) {
		middle := len(p.indexes) / 2
		p.indexes = slices.Delete(slices.Clone(p.indexes), middle, middle+1)
	}
	if x.Meets(faults.EmptyForever) {
		p = page{next: max(h.first(), 1)}
	}
	if p.next > 0 && x.Meets(faults.WithoutMarker) {
		p.next = 0
	}
	return p
}

func defective(r *vm.Record, endpoint faults.Endpoint) vm.DefectKind {
	if r.DefectEndpoint != "" && r.DefectEndpoint != endpoint {
		return ""
	}
	return r.Defect
}

// warning says that there is more (documented: WARNING with code 1980 after the
// list; the address is that of the API under the vendor's own name, with the
// parameters of this call and the first id of the next page).
func (x *exchange) warning(d *document, next int64) {
	if next == 0 {
		return
	}
	values := url.Values{}
	for name, value := range x.form.values {
		values.Set(name, value)
	}
	values.Set("id_min", strconv.FormatInt(next, 10))
	limit := x.form.values["truncation_limit"]
	if limit == "" {
		limit = "1000"
	}
	d.open("WARNING")
	d.number("CODE", 1980)
	d.element("TEXT", limit+" record limit exceeded. Use URL to get next batch of results.")
	d.indent()
	d.startTag("URL")
	d.cdata(x.settings.PublicURL + x.R.URL.Path + "?" + values.Encode())
	d.endTag("URL")
	d.close("WARNING")
}

// start begins an answer.
func (x *exchange) start() (d *document, comments bool) {
	comments = x.settings.Comments || x.Meets(faults.Comments)
	d = &document{out: x.Body(), padded: x.Meets(faults.PaddedCDATA)}
	x.W.Header().Set("Content-Type", x.api.contentType)
	x.api.begin(d, x.settings, x.R.PathValue("version"), comments)
	if x.form.values["echo_request"] == "1" {
		x.echo(d)
	}
	x.api.respond(d, x.Now(), comments)
	return d, comments
}

// echo repeats the request (documented: echo_request=1).
func (x *exchange) echo(d *document) {
	d.open("REQUEST")
	d.date("DATETIME", x.Now())
	d.element("USER_LOGIN", x.user.Name)
	d.element("RESOURCE", x.settings.PublicURL+x.R.URL.Path)
	d.open("PARAM_LIST")
	for _, name := range slices.Sorted(maps.Keys(x.form.values)) {
		d.open("PARAM")
		d.element("KEY", name)
		d.element("VALUE", x.form.values[name])
		d.close("PARAM")
	}
	d.close("PARAM_LIST")
	d.close("REQUEST")
}

// finish writes what is left and counts the page; broken is of an answer that
// stops in the middle.
func (x *exchange) finish(d *document, records, findings int64, broken bool) {
	d.flush()
	x.Counters.Pages.Add(1)
	x.Counters.Records.Add(records)
	x.Counters.Findings.Add(findings)
	x.Counters.Bytes.Add(d.bytes)
	if broken {
		x.BreakOff()
	}
}

// list writes a list of hosts; render writes one, half of it when told so, and
// returns how many findings it has.
func (x *exchange) list(w *vm.World, p page, render func(d *document, r *vm.Record, half bool) int64) {
	var r vm.Record
	for _, index := range p.indexes {
		w.Load(&r, index)
		if defective(&r, x.api.endpoint) == vm.ServerError {
			genericReturn(x.Exchange, x.settings, http.StatusInternalServerError, 999, returns[999].text)
			return
		}
	}
	d, comments := x.start()
	broken := x.Broken()
	if len(p.indexes) == 0 && broken {
		x.finish(d, 0, 0, true)
		return
	}
	if len(p.indexes) > 0 || x.settings.EmptyList {
		d.open(x.api.list)
	}
	var findings int64
	for n, index := range p.indexes {
		if d.err != nil {
			break // the caller has gone away
		}
		w.Load(&r, index)
		half := broken && n == len(p.indexes)/2
		d.plain = index%5 == 1
		padded := d.padded
		d.padded = padded || index%7 == 3
		findings += render(d, &r, half)
		d.padded = padded
		if half {
			x.finish(d, int64(n), findings, true)
			return
		}
		if comments && n%3 == 0 {
			d.text("<!-- keep-alive: <" + x.api.record + "><ID>1</ID> is no record -->\n")
		}
		d.flushIfFull()
	}
	if len(p.indexes) > 0 || x.settings.EmptyList {
		d.close(x.api.list)
	}
	x.warning(d, p.next)
	x.api.end(d, comments)
	x.finish(d, int64(len(p.indexes)), findings, false)
}
