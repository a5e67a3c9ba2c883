package qualyswas

import (
	"context"
	"slices"
	"sync"

	"sluice/internal/fault"
	"sluice/internal/qualys"
	"sluice/internal/source"
)

// lanes reads several streams beside each other and delivers their chunks one
// stream after the other. What is read before its turn is bounded in bytes;
// the stream whose turn it is always gets on: each holds the right to make calls
// for as long as it reads, and they get it in their order, so that no two such
// groups of streams can wait for each other.
type lanes struct {
	hold  hold
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

// hold takes the right to make calls, one at a time, with the context it
// returns, until release is called; see governor.Governor.Hold.
type hold func(context.Context) (held context.Context, release func(), err error)

// lane is one stream.
type lane struct {
	reader source.Reader
	begun  bool
	held   bool           // it has, or had, the right to make calls
	chunks []source.Chunk // that wait for their turn
	ended  bool
	err    error
}

func newLanes(ctx context.Context, readers []source.Reader, hold hold, limit, ahead int) *lanes {
	l := &lanes{hold: hold, limit: limit, ahead: ahead}
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

// begin starts the next stream, as far as the limit allows, once the one before
// it may make calls. The caller holds the lock.
func (l *lanes) begin(ctx context.Context) {
	for i, lane := range l.all {
		if l.running >= l.limit || l.stopped || i > 0 && !l.all[i-1].held {
			return
		}
		if !lane.begun {
			lane.begun = true
			l.running++
			l.done.Go(func() { l.run(ctx, lane) })
		}
	}
}

// enter waits for the right to make calls. Who is refused it before its turn
// tries again then.
func (l *lanes) enter(ctx context.Context, own *lane) (context.Context, func(), error) {
	for {
		l.mu.Lock()
		turn := l.all[0] == own
		l.mu.Unlock()
		held, release, err := l.hold(ctx)
		if err == nil {
			l.mu.Lock()
			defer l.mu.Unlock()
			own.held = true
			l.begin(ctx)
			return held, release, nil
		}
		if f := fault.As(err); turn || f == nil || f.Class != fault.Throttled {
			return ctx, func() {}, err
		}
		l.mu.Lock()
		for l.all[0] != own && ctx.Err() == nil {
			l.changed.Wait()
		}
		l.mu.Unlock()
		if ctx.Err() != nil {
			return ctx, func() {}, err
		}
	}
}

// run reads a stream to its end.
func (l *lanes) run(ctx context.Context, own *lane) {
	defer own.reader.Close()
	held, release, err := l.enter(ctx, own)
	defer release()
	for {
		var chunk source.Chunk
		if err == nil {
			chunk, err = own.reader.Next(held)
		}
		chunk.Data = slices.Clone(chunk.Data)
		if err != nil || chunk.End {
			release() // who is next may wait for it
		}
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
