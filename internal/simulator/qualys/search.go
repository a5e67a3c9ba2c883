package qualys

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"sync"

	"sluice/internal/simulator/account"
	"sluice/internal/simulator/estate"
	"sluice/internal/simulator/faults"
	"sluice/internal/simulator/gateway"
	"sluice/internal/simulator/wire"
)

const maxRequestBytes = 1 << 20

// search serves one of the two searches.
func (s *Service) search(t estate.AssetType) func(*exchange) {
	return func(x *exchange) {
		application := totalAppSec
		application.ClientsOnly = x.Settings().ClientsOnly
		if _, allowed := application.Authorise(x.Exchange, x.directory); !allowed {
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(x.W, x.R.Body, maxRequestBytes))
		if err != nil {
			gateway.Error(x.Exchange, http.StatusRequestEntityTooLarge, "Request body is too large or was not sent completely")
			return
		}
		settings := x.Settings()
		q, err := parseSearch(settings.Dialect, body)
		var refused *requestError
		switch {
		case errors.As(err, &refused):
			x.serviceError(x.Exchange, "INVALID_REQUEST", refused.message, refused.resolution)
		case err != nil:
			gateway.Error(x.Exchange, http.StatusBadRequest, err.Error())
		default:
			x.answer(t, q, settings)
		}
	}
}

// totalAppSec takes tokens of users only: of user-level clients (documented), and
// of names and passwords (inferred from its neighbours at the gateway, so that it
// can be switched).
var totalAppSec = gateway.Application{
	App: account.TAS, Permission: "TAS.API.ACCESS", UserLevel: true, Unlicensed: http.StatusForbidden,
}

// answer finds the page and writes it, with the faults that concern pages.
func (x *exchange) answer(t estate.AssetType, q search, settings Settings) {
	w := x.estate.World()
	pw := pageWriters.Get().(*pageWriter)
	defer pw.release()

	if last, ok := x.swapPrevious(t, q); ok && x.Meets(faults.RepeatPage) {
		q = last
	}
	p := q.find(w, t, pw.indexes)
	if !settings.OmitTotal {
		p.total = x.totals.of(w, t, &q)
	}
	for _, index := range p.indexes {
		if w.Defect(t, index) == estate.ServerError {
			gateway.Error(x.Exchange, http.StatusInternalServerError, "An unexpected error occurred")
			return
		}
	}
	if x.Fault(faults.Duplicate) != nil {
		if before := q.predecessor(w, t); before >= 0 {
			if len(p.indexes) == q.limit && q.limit > 1 {
				p.indexes = p.indexes[:q.limit-1]
				p.more, p.lastID = true, w.ID(t, p.indexes[len(p.indexes)-1])
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
		p.indexes, p.more, p.lastID = p.indexes[:0], true, max(q.after, 0)
	}
	pw.indexes = p.indexes
	x.writePage(w, t, &p, pw, settings)
}

// swapPrevious keeps the search and returns the one answered before it, if any.
func (x *exchange) swapPrevious(t estate.AssetType, q search) (last search, ok bool) {
	x.previousMu.Lock()
	defer x.previousMu.Unlock()
	last, ok = x.previous[t]
	x.previous[t] = q
	return last, ok
}

// writePage writes a page. Answers are streamed: their size does not matter.
func (x *exchange) writePage(w *estate.World, t estate.AssetType, p *page, pw *pageWriter, settings Settings) {
	pw.out = x.Body()
	pw.dialect, pw.wrap = settings.Dialect, settings.WrapRecords
	x.W.Header().Set("Content-Type", wire.JSON)

	h := header{count: len(p.indexes), total: p.total, withTotal: !settings.OmitTotal, more: p.more, lastID: p.lastID}
	h.count += x.Shift(faults.ShiftCount)
	if h.withTotal {
		h.total += x.Shift(faults.ShiftTotal)
	}
	h.withoutMarker = x.Meets(faults.WithoutMarker)
	if h.count == 0 && !h.more && settings.EmptyWithoutData {
		pw.emptyPage()
		pw.finish(x.Counters)
		return
	}
	broken := x.Broken()

	pw.header(&h)
	for n, index := range p.indexes {
		w.Load(&pw.record, t, index)
		if n > 0 {
			pw.buf = append(pw.buf, ',')
		}
		if broken && n == len(p.indexes)/2 {
			pw.halfRecord(w)
			break
		}
		pw.wrappedRecord(w)
	}
	if broken {
		pw.finish(x.Counters)
		x.BreakOff()
		return
	}
	pw.footer()
	pw.finish(x.Counters)
}

var pageWriters = sync.Pool{New: func() any {
	return &pageWriter{buf: make([]byte, 0, 2*flushAt), indexes: make([]int, 0, maxLimit+1)}
}}
