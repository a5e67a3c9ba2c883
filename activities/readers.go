package activities

import (
	"context"
	"sync"
	"time"

	"sluice/internal/source"
)

// parkedFor is how long a reader waits for the next batch of its stream.
const parkedFor = time.Minute

// readers keeps, from one batch of a stream to the next, the reader that
// stands where the next one begins. Its answer is still open: to ask the vendor
// again would cost a call, and the time it takes to answer. A worker that has
// none opens one at the cursor, so that nothing is lost with them.
type readers struct {
	mu     sync.Mutex
	parked map[readerKey]*openReader
}

type readerKey struct {
	runID  int64
	stream string
	// session is the one that opened it: when the connector has changed,
	// nothing is read on with what it was before.
	session source.Session
}

// openReader is a reader with the context that its answers live by.
type openReader struct {
	source.Reader
	life   context.Context
	end    context.CancelCauseFunc
	cursor string // where it stands, once parked
	expiry *time.Timer
}

// openAt opens a reader that outlives the activity that opens it.
func openAt(ctx context.Context, session source.Session, req source.Request) (*openReader, error) {
	life, end := context.WithCancelCause(context.WithoutCancel(ctx))
	reader, err := session.Read(life, req)
	if err != nil {
		end(nil)
		return nil, err
	}
	return &openReader{Reader: reader, life: life, end: end}, nil
}

func (r *openReader) close() {
	r.end(nil)
	_ = r.Reader.Close() // it was only read from
}

// park keeps a reader for whoever reads on at the cursor.
func (p *readers) park(key readerKey, r *openReader, cursor string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r.cursor = cursor
	r.expiry = time.AfterFunc(parkedFor, func() { p.drop(key, r) })
	if before := p.parked[key]; before != nil {
		before.expiry.Stop()
		defer before.close()
	}
	if p.parked == nil {
		p.parked = make(map[readerKey]*openReader)
	}
	p.parked[key] = r
}

// take returns the parked reader that stands at the cursor; nil when there is
// none.
func (p *readers) take(key readerKey, cursor string) *openReader {
	p.mu.Lock()
	r := p.parked[key]
	delete(p.parked, key)
	p.mu.Unlock()
	if r == nil {
		return nil
	}
	if !r.expiry.Stop() || r.cursor != cursor {
		r.close()
		return nil
	}
	return r
}

// drop closes a reader that nobody has come for.
func (p *readers) drop(key readerKey, r *openReader) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.parked[key] == r {
		delete(p.parked, key)
		r.close()
	}
}

// close closes those of the parked ones that are meant.
func (p *readers) close(meant func(readerKey) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, r := range p.parked {
		if meant(key) {
			r.expiry.Stop()
			r.close()
			delete(p.parked, key)
		}
	}
}
