// Package qps reads searches of Qualys that answer page by page and are gone
// on with by id, as those of the QPS APIs: each page asks for the records
// above the last id, and the vendor says with each whether there is more.
//
// How a search is phrased is the kind's own; how its answers are read is the
// same for all, and lenient: the same things are called differently in
// different APIs of the vendor (see names.go).
package qps

import (
	"cmp"
	"context"
	"io"
	"time"

	"sluice/internal/fault"
	"sluice/internal/qualys"
	"sluice/internal/source"
	"sluice/internal/transport"
)

// A Query is one page to ask for, before it is phrased.
type Query struct {
	After string // only ids above this; empty for all
	Size  int    // records asked for
	Skip  int    // leave out so many of the first records
}

// A Search is what a kind says about one of its searches. Zero values take
// the defaults named.
type Search struct {
	// Ask sends the search; its answer is JSON, or has been made JSON.
	Ask func(ctx context.Context, q Query) (*transport.Response, error)
	// Explain, if any, adds what the kind knows to an error of the vendor.
	// code is what an answer of success said to be one; empty when the call
	// itself failed.
	Explain func(f *fault.Error, code string)

	// Path is where the search is sent, and Vain what is remembered of it from
	// one reader to the next; nil remembers nothing.
	Path string
	Vain *qualys.Vain

	PageSize   int           // records asked for at a time; default 1000
	ChunkBytes int           // a chunk ends above this; default 4 MiB
	MaxRecord  int64         // bytes of one record; default 64 MiB
	Backoff    time.Duration // before the second try of a page; default 250 ms
}

const (
	// DefaultPageSize is the largest page that the QPS APIs give (inferred).
	// Small pages cost a round trip each: over loopback, 100 records a page
	// are read at three quarters of the speed of 1000 (BenchmarkRead of
	// TotalAppSec), and with a second of latency at a tenth of it.
	DefaultPageSize = 1000
	// modestPageSize is asked for when a vendor refuses more: the default of
	// the QPS APIs (inferred), and within what all known clients ask for.
	modestPageSize = 100
)

func (s Search) withDefaults() Search {
	if s.Vain == nil {
		s.Vain = &qualys.Vain{}
	}
	s.PageSize = cmp.Or(s.PageSize, DefaultPageSize)
	s.ChunkBytes = cmp.Or(s.ChunkBytes, 4<<20)
	s.MaxRecord = cmp.Or(s.MaxRecord, 64<<20)
	s.Backoff = cmp.Or(s.Backoff, 250*time.Millisecond)
	return s
}

// NewReader reads a search from a cursor of an earlier reader on; empty reads
// all. It makes no call before the first Next. The stream ends only at the
// vendor's own end marker.
func NewReader(s Search, position string) (source.Reader, error) {
	cur, err := parseCursor(position)
	if err != nil {
		return nil, err
	}
	s = s.withDefaults()
	return &reader{search: s, cur: cur, pageSize: s.PageSize}, nil
}

// Envelope sends one query and returns what its answer says about its records,
// reading past them. A response code other than success is an error.
func (s Search) Envelope(ctx context.Context, q Query) (Envelope, error) {
	s = s.withDefaults()
	resp, err := s.Ask(ctx, q)
	if err != nil {
		return Envelope{}, s.explain(err, "")
	}
	defer resp.Body.Close()
	p := newPage(resp, s)
	for err == nil {
		_, err = p.next()
	}
	if err != io.EOF {
		return Envelope{}, diagnose(err).err
	}
	return p.Envelope, s.refusal(&p.Envelope)
}

// explain lets the kind add what it knows to an error of the vendor.
func (s Search) explain(err error, code string) error {
	f := fault.As(err)
	if f == nil || s.Explain == nil {
		return err
	}
	explained := *f // the vendor's client may hold on to its own
	s.Explain(&explained, code)
	return &explained
}
