package qualyswas

import (
	"context"
	"slices"
	"sync"

	"sluice/internal/qualys"
	"sluice/internal/source"
)

// lanes reads several streams beside each other and delivers their chunks one
// stream after the other. What is read before its turn is bounded in bytes;
// the stream whose turn it is always gets on.
type lanes struct {
	limit int // of streams being read at the same time
	ahead int // bytes that may wait for their turn

	stop context.CancelCauseFunc
	done sync.WaitGroup

	mu      sync.Mutex
	changed sync.Cond
	all     []*lane // that have not been delivered to their end, in order
	running int
	waiting int // bytes that wait for their turn
	stopped bool
}

// lane is one stream.
type lane struct {
	reader source.Reader
	begun  bool
	chunks []source.Chunk // that wait for their turn
	ended  bool
	err    error
}

func newLanes(ctx context.Context, readers []source.Reader, limit, ahead int) *lanes {
	l := &lanes{limit: limit, ahead: ahead}
	l.changed.L = &l.mu
	for _, r := range readers {
		l.all = append(l.all, &lane{reader: r})
	}
	ctx, l.stop = context.WithCancelCause(ctx)
	context.AfterFunc(ctx, l.wake)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begin(ctx)
	return l
}

// wake lets everyone who waits look again.
func (l *lanes) wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.changed.Broadcast()
}

// begin starts streams, in order, as far as the limit allows. The caller holds
// the lock.
func (l *lanes) begin(ctx context.Context) {
	for _, lane := range l.all {
		if l.running >= l.limit || l.stopped {
			return
		}
		if !lane.begun {
			lane.begun = true
			l.running++
			l.done.Go(func() { l.run(ctx, lane) })
		}
	}
}

// run reads a stream to its end.
func (l *lanes) run(ctx context.Context, own *lane) {
	defer own.reader.Close()
	for {
		chunk, err := own.reader.Next(ctx)
		chunk.Data = slices.Clone(chunk.Data)
		l.mu.Lock()
		for err == nil && ctx.Err() == nil && l.waiting > 0 && l.waiting+len(chunk.Data) > l.ahead && !(l.all[0] == own && len(own.chunks) == 0) {
			l.changed.Wait()
		}
		if err == nil {
			own.chunks = append(own.chunks, chunk)
			l.waiting += len(chunk.Data)
		}
		own.err, own.ended = err, err != nil || chunk.End
		if own.ended {
			l.running--
			if err == nil {
				l.begin(ctx)
			}
		}
		l.changed.Broadcast()
		ended := own.ended
		l.mu.Unlock()
		if ended || ctx.Err() != nil {
			return
		}
	}
}

// next returns the next chunk of the first stream that has not been delivered
// to its end. A chunk with End is that stream's last; after the last stream's
// it is not called again.
func (l *lanes) next(ctx context.Context) (source.Chunk, error) {
	defer context.AfterFunc(ctx, l.wake)()
	l.mu.Lock()
	defer l.mu.Unlock()
	first := l.all[0]
	for len(first.chunks) == 0 && first.err == nil {
		if ctx.Err() != nil {
			return source.Chunk{}, qualys.Stopped(ctx)
		}
		l.changed.Wait()
	}
	if len(first.chunks) == 0 {
		return source.Chunk{}, first.err
	}
	chunk := first.chunks[0]
	first.chunks = slices.Delete(first.chunks, 0, 1)
	l.waiting -= len(chunk.Data)
	if chunk.End {
		l.all = l.all[1:]
	}
	l.changed.Broadcast()
	return chunk, nil
}

// close stops what is being read, and waits for it.
func (l *lanes) close() {
	l.mu.Lock()
	l.stopped = true
	l.mu.Unlock()
	l.stop(nil)
	l.wake()
	l.done.Wait()
}
