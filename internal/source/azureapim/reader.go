package azureapim

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"sluice/internal/source"
)

// reader reads the APIs of everything that a connector sees, in the order of
// their subscriptions, services and names.
type reader struct {
	session *session
	request source.Request
	delta   bool
	cursor  cursor
	blobs   blobs

	walk   *walk // nil before the first call, and after an error
	at     int   // the first of its APIs that is not under way
	unread []source.Scope
	ahead  []chan outcome  // of the APIs before at, in order
	life   context.Context // of what is under way
	end    func()          // stops it
	failed error           // to be told when what came before has been delivered
	chunk  []byte
}

// cursor is where a reader goes on: behind an API.
type cursor struct {
	After order `json:"after"`
}

func newReader(s *session, req source.Request) (*reader, error) {
	r := &reader{session: s, request: req, delta: !req.Since.IsZero()}
	if req.Cursor != "" {
		if err := json.Unmarshal([]byte(req.Cursor), &r.cursor); err != nil {
			return nil, fmt.Errorf("the cursor of APIs cannot be read: %w", err)
		}
	}
	return r, nil
}

// Close implements source.Reader: it waits until nothing is under way.
func (r *reader) Close() error {
	if r.end != nil {
		r.end()
	}
	for _, o := range r.ahead {
		<-o
	}
	r.walk, r.ahead, r.end = nil, nil, nil
	return nil
}

// Next implements source.Reader. After an error it begins anew behind the last
// API that was delivered.
func (r *reader) Next(ctx context.Context) (source.Chunk, error) {
	if err := r.failed; err != nil {
		r.failed = nil
		return source.Chunk{}, err
	}
	if r.walk == nil {
		if err := r.begin(ctx); err != nil {
			return source.Chunk{}, err
		}
	}
	return r.next(ctx)
}

// begin lists what there is and finds where to go on.
func (r *reader) begin(ctx context.Context) error {
	w, err := newWalk(ctx, r.session, narrowingOf(r.request.Filters))
	if err != nil {
		return err
	}
	r.walk, r.unread = w, w.unread
	r.at, _ = slices.BinarySearchFunc(w.apis, r.cursor, func(a listed, c cursor) int {
		if a.identity().order().compare(c.After) > 0 {
			return 1
		}
		return -1
	})
	return nil
}

// next collects APIs until the chunk is full. Several are read at the same
// time, and delivered in order.
func (r *reader) next(ctx context.Context) (source.Chunk, error) {
	out := source.Chunk{Unread: r.unread, Remember: map[string]string{}}
	r.chunk, r.unread = r.chunk[:0], nil
	bytes := 0
	for out.Pages < r.session.options.ChunkRecords && bytes+len(r.chunk) < r.session.options.ChunkBytes {
		r.start(ctx)
		if len(r.ahead) == 0 {
			out.End, out.Doubt = true, r.walk.narrowing.unmet()
			break
		}
		api := r.walk.apis[r.at-len(r.ahead)]
		got := <-r.ahead[0]
		r.ahead = r.ahead[1:]
		if got.err != nil {
			if err := r.fail(got.err, out.Pages > 0 || len(out.Unread) > 0); err != nil {
				return source.Chunk{}, err
			}
			break
		}
		bytes += r.add(&out, got)
		r.cursor = cursor{After: api.identity().order()}
	}
	text, err := json.Marshal(r.cursor)
	if err != nil {
		return source.Chunk{}, err // strings only
	}
	out.Data, out.Cursor = r.chunk, string(text)
	out.Remaining = -1
	if r.walk != nil {
		out.Remaining = int64(len(r.walk.apis) - r.at + len(r.ahead))
	}
	return out, nil
}

// fail ends what is under way. The error is told now, or at the next call when
// there is something to deliver first.
func (r *reader) fail(err error, later bool) error {
	r.Close()
	if !later {
		return err
	}
	r.failed = err
	return nil
}

// add adds an outcome to a chunk, and returns the size of its document.
func (r *reader) add(out *source.Chunk, got outcome) (bytes int) {
	out.Pages++
	if !got.clock.IsZero() {
		out.Clock = got.clock
	}
	if got.setAside != nil {
		out.SetAside = append(out.SetAside, *got.setAside)
	}
	if got.line == nil {
		return 0
	}
	out.Records++
	r.chunk = append(append(r.chunk, got.line...), '\n')
	if got.remember != "" {
		out.Remember[got.key] = got.remember
	}
	if got.document != nil {
		out.Documents = append(out.Documents, *got.document)
		bytes = len(got.document.Data)
	}
	return bytes
}

// start reads more APIs, as many at the same time as the options say.
func (r *reader) start(ctx context.Context) {
	if r.end == nil {
		r.life, r.end = context.WithCancel(ctx)
	}
	for len(r.ahead) < r.session.options.Concurrency && r.at < len(r.walk.apis) {
		api, got, life := r.walk.apis[r.at], make(chan outcome, 1), r.life
		go func() { got <- r.readAPI(life, api) }()
		r.ahead = append(r.ahead, got)
		r.at++
	}
}

// exclusive waits until no other export of a family is under way: first of
// this session's, and then of all workers'. So one of a worker at a time asks
// the others, which takes a connection to the database.
func (r *reader) exclusive(ctx context.Context, family string) (release func(), err error) {
	here, err := r.session.exports.acquire(ctx, family)
	if err != nil || r.request.Exclusive == nil {
		return here, err
	}
	everywhere, err := r.request.Exclusive(ctx, "azure-apim export "+family)
	if err != nil {
		here()
		return nil, err
	}
	return func() { everywhere(); here() }, nil
}
