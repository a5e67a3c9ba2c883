package qps

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"sluice/internal/fault"
	"sluice/internal/qualys"
	"sluice/internal/source"
)

// reader walks a stream by id: each page asks for the records above the last
// id. It ends only at the vendor's own end marker.
type reader struct {
	search Search
	cur    cursor
	// pageSize is how many records are asked for unless some are in the way.
	pageSize int

	open  *openPage
	look  jsontext.Decoder // reused to find ids
	data  []byte           // of the chunk, reused
	clock time.Time        // of the latest answer

	// unproven are records passed over by skipping; only an answer to what
	// follows shows that it was they who were in the way. proven is where the
	// stream stood before them.
	unproven []source.SetAside
	proven   cursor
}

// openPage is a page being read.
type openPage struct {
	*page
	body io.Closer
	from cursor // with which the page was asked for
	size int    // how many records were asked for
	// opaque says that ids are not numbers: only the page's own lastId can
	// be gone on from, so that a chunk has to hold the whole page.
	opaque bool
	last   string // id of the last record that had a new one
	idless bool   // records without an id came after it
	// delivered says that an earlier chunk held records of this page.
	delivered bool
}

func (r *reader) Close() error {
	r.closePage()
	return nil
}

func (r *reader) closePage() {
	if r.open != nil {
		r.open.body.Close()
		r.open = nil
	}
}

// Next reads on until a chunk is full or a page ends. What asking again, or
// for less, can cure is tried here a few times.
func (r *reader) Next(ctx context.Context) (source.Chunk, error) {
	for try := 1; ; try++ {
		chunk, err := r.chunk(ctx)
		if err == nil {
			return chunk, nil
		}
		r.closePage()
		if ctx.Err() != nil {
			return source.Chunk{}, qualys.Stopped(ctx)
		}
		t, vain := diagnose(err), r.search.Vain.Is(r.search.Path)
		size := r.cur.size(r.pageSize)
		switch {
		case t.refused && size > modestPageSize:
			r.pageSize = modestPageSize
		case try < t.tries(size, r.cur) && !vain:
			if err := qualys.Pause(ctx, r.search.Backoff, try); err != nil {
				return source.Chunk{}, err
			}
			continue
		case !t.narrow || vain || size == 1 && !t.aside:
			return source.Chunk{}, t.err
		case size > 1 && t.nextRecord:
			r.cur.Window = 1
		case size > 1:
			r.cur.Window = size
		default:
			if chunk, done := r.setAside(t); done {
				return chunk, nil
			}
			if len(r.unproven) == 0 {
				return source.Chunk{}, r.stuck(t.err)
			}
		}
		try = 0
	}
}

// ask opens the page after the cursor.
func (r *reader) ask(ctx context.Context) error {
	q := Query{After: r.cur.After, Skip: r.cur.Skip, Size: r.cur.size(r.pageSize)}
	resp, err := r.search.Ask(ctx, q)
	if err != nil {
		return r.search.explain(err, "")
	}
	r.clock = resp.Clock
	r.open = &openPage{
		page: newPage(resp, r.search),
		body: resp.Body, from: r.cur, size: q.Size,
	}
	return nil
}

// chunk reads the next chunk. If the page breaks after some records, they are
// the chunk, and the rest is asked for anew by the next call. On an error the
// cursor is where it was.
func (r *reader) chunk(ctx context.Context) (source.Chunk, error) {
	if r.open == nil {
		if err := r.ask(ctx); err != nil {
			return source.Chunk{}, err
		}
	}
	p, start := r.open, r.cur
	chunk := source.Chunk{Data: r.data[:0], Clock: r.clock}
	defer func() { r.keep(chunk.Data) }()
	for {
		record, err := p.next()
		switch {
		case err == io.EOF:
			r.closePage()
			if err = r.endPage(p, &chunk); err == nil {
				return r.finish(p, chunk), nil
			}
		case err != nil:
			if brokenRecord(err) && ctx.Err() == nil && !p.opaque && r.cur.After != start.After {
				r.closePage()
				return r.finish(p, chunk), nil
			}
		default:
			err = r.take(p, &chunk, record)
		}
		if err != nil {
			r.cur = start
			return source.Chunk{}, err
		}
		if len(chunk.Data) >= r.search.ChunkBytes && !p.opaque {
			p.delivered = true
			return r.finish(p, chunk), nil
		}
	}
}

// keep holds on to a chunk's memory for the next one, unless a single huge
// record made it large.
func (r *reader) keep(data []byte) {
	r.data = data[:0]
	if cap(data) > 4*r.search.ChunkBytes {
		r.data = nil
	}
}

// take puts a record into the chunk, and moves the cursor to it.
func (r *reader) take(p *openPage, chunk *source.Chunk, record jsontext.Value) error {
	record, id := unwrap(&r.look, record)
	switch {
	case id == "":
		// It goes along: what it lacks is for the transform to say.
		p.idless = true
	case p.opaque, p.last == "" && !(numeric(id) && numeric("0"+p.from.After)):
		p.opaque, p.last, p.idless = true, id, false
		if len(chunk.Data) > 16*r.search.ChunkBytes {
			return errPageTooLarge
		}
	case !numeric(id) || p.last != "" && !above(id, p.last):
		return &fault.Error{
			Class: fault.Contract, Code: "order",
			Message: fmt.Sprintf("Qualys delivered record %q after record %s: without an ascending order of ids it cannot be known what is missing", clip(id, maxID), p.last),
		}
	case !above(id, p.from.After):
		chunk.Repeated++
		return nil
	default:
		p.last, p.idless = id, false
		r.cur.After, r.cur.Skip = id, 0
	}
	r.cur.passed(1)
	if tooDeep(record) {
		chunk.SetAside = append(chunk.SetAside, source.SetAside{
			ExternalID: id,
			Reason:     fmt.Sprintf("it is nested more than %d levels deep", maxDepth),
			Head:       fault.Head(p.redact(record[:min(len(record), headSize)])),
		})
		return nil
	}
	chunk.Data = appendRecord(chunk.Data, record)
	chunk.Records++
	return nil
}

// endPage judges a page that has been read to its end.
func (r *reader) endPage(p *openPage, chunk *source.Chunk) error {
	if err := r.search.refusal(&p.Envelope); err != nil {
		return err
	}
	if p.Count >= 0 && p.Count != p.Records {
		if !p.delivered || p.size == 1 {
			return miscounted(p)
		}
		// Which record is missing is not known: those delivered already are
		// delivered again, in smaller pages.
		*chunk = source.Chunk{Data: chunk.Data[:0], Clock: r.clock, Pages: 1}
		r.cur = p.from
		r.cur.Window = p.size
		return nil
	}
	chunk.Pages = 1
	if p.LastID != "" && (p.opaque || p.idless && numeric(p.LastID) && above(p.LastID, r.cur.After)) {
		r.cur.After, r.cur.Skip = clip(p.LastID, maxID), 0
	}
	switch {
	case p.Ended():
		chunk.End = true
	case p.Empty():
		chunk.End = true
		if p.from.After != "" {
			chunk.Doubt = "Qualys had said that there was more, and then answered with nothing and without an end marker"
		}
	case r.cur.After == p.from.After:
		return nothingNew(p)
	}
	return nil
}

// finish completes a chunk with what is known about the stream after it.
func (r *reader) finish(p *openPage, chunk source.Chunk) source.Chunk {
	r.search.Vain.Answered(r.search.Path)
	from := p.from
	from.heard(p.Total)
	r.cur.Total = from.Total
	chunk.SetAside = append(r.unproven, chunk.SetAside...)
	r.unproven = nil
	chunk.Cursor = r.cur.String()
	chunk.Remaining = r.cur.remaining()
	if chunk.End && chunk.Remaining > 0 && chunk.Doubt == "" {
		chunk.Doubt = fmt.Sprintf("Qualys counted %d records and marked the end after %d", r.cur.Total, r.cur.Read)
	}
	return chunk
}
