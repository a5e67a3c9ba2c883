package qualyswas

import (
	"cmp"
	"context"
	"fmt"

	"sluice/internal/fault"
	"sluice/internal/qualys"
	"sluice/internal/qualys/qps"
	"sluice/internal/source"
)

// reader reads a catalogue: it counts first, divides what there is into spans
// where that is worth it, and holds what arrived against what was counted.
// Records come span by span, and by ascending id within one.
type reader struct {
	session   *session
	of        catalogue
	narrowing narrowing
	since     string // of a delta run
	pos       position
	undivided bool // the vendor does not take conditions on spans

	lanes      *lanes // nil before the first call, and after an error
	spans      []span // of the lanes
	conditions []criterion
}

func newReader(s *session, of catalogue, req source.Request) (source.Reader, error) {
	pos, err := parsePosition(req.Cursor)
	if err != nil {
		return nil, err
	}
	if _, err := qps.NewReader(qps.Search{}, string(pos.At)); err != nil {
		return nil, err
	}
	return &reader{
		session: s, of: of, narrowing: narrowingOf(req.Filters), since: qualys.After(req.Since), pos: pos,
	}, nil
}

func (r *reader) Close() error {
	if r.lanes != nil {
		r.lanes.close()
		r.lanes = nil
	}
	return nil
}

// Next implements source.Reader. After an error it begins anew where the last
// chunk ended.
func (r *reader) Next(ctx context.Context) (source.Chunk, error) {
	chunk, err := r.next(ctx)
	if err == nil {
		return chunk, nil
	}
	r.Close()
	if f := fault.As(err); f != nil && f.Code == qualys.CodeNotUnderstood && r.pos.Span.To != "" && r.pos.read() == 0 && !r.undivided {
		// Everything else in the request was understood when it was counted.
		r.undivided, r.pos.Span = true, span{}
		return r.Next(ctx)
	}
	return source.Chunk{}, err
}

func (r *reader) next(ctx context.Context) (source.Chunk, error) {
	if r.lanes == nil {
		if err := r.begin(ctx); err != nil {
			return source.Chunk{}, err
		}
	}
	chunk, err := r.lanes.next(ctx)
	if err != nil {
		return source.Chunk{}, err
	}
	pos, spans := r.pos.after(chunk.Cursor), r.spans
	switch {
	case !chunk.End:
	case len(spans) > 1:
		spans = spans[1:]
		pos = pos.entering(spans[0], chunk.Doubt)
		chunk.End, chunk.Doubt = false, ""
	default:
		if chunk.Doubt, err = r.doubt(ctx, &pos, chunk.Doubt); err != nil {
			return source.Chunk{}, err
		}
	}
	r.pos, r.spans = pos, spans
	chunk.Cursor = pos.String()
	chunk.Remaining = max(0, pos.Total-pos.read())
	return chunk, nil
}

// begin counts what there is, and opens the searches from where the stream
// stands on.
func (r *reader) begin(ctx context.Context) (err error) {
	r.conditions, err = r.session.conditions(ctx, r.of, r.narrowing, r.since)
	if err != nil {
		return err
	}
	if r.pos.Total < 0 {
		if r.pos.Total, err = r.session.count(ctx, r.of, r.conditions); err != nil {
			return err
		}
	}
	if err := r.divide(ctx); err != nil {
		return err
	}
	readers := make([]source.Reader, len(r.spans))
	for i, s := range r.spans {
		at := ""
		if i == 0 {
			at = string(r.pos.At)
		}
		conditions := append(s.criteria(), r.conditions...)
		readers[i], err = qps.NewReader(r.session.search(r.of, conditions, r.narrowing.verbose), at)
		if err != nil {
			return err
		}
	}
	hold := func(ctx context.Context) (context.Context, func(), error) {
		return r.session.client.Hold(ctx, r.of.search)
	}
	r.lanes = newLanes(ctx, readers, hold, r.session.options.Concurrency, r.session.options.LookAhead)
	return nil
}

// divide lists the spans still to be read. One that has been begun stays as
// it is, since its position is one within it.
func (r *reader) divide(ctx context.Context) error {
	r.spans = []span{r.pos.Span}
	begun := len(r.pos.At) > 0
	left := r.pos.Total - r.pos.read()
	if r.of.assetType != Finding || r.undivided || begun && r.pos.Span.To == "" ||
		r.session.options.Concurrency < 2 || left < worthwhile*int64(r.session.options.PageSize) {
		if !begun {
			r.spans[0].To, r.pos.Span.To = "", ""
		} else if r.pos.Span.To != "" {
			r.spans = append(r.spans, span{From: r.pos.Span.To})
		}
		return nil
	}
	from := r.pos.Span.From
	if begun {
		from = r.pos.Span.To
	}
	conditions, err := r.session.inScope(ctx, webApps, r.narrowing)
	if err != nil {
		return err
	}
	spans, err := r.session.plan(ctx, from, left, conditions)
	if err != nil {
		return err
	}
	if begun {
		r.spans = append(r.spans, spans...)
	} else {
		r.spans, r.pos.Span = spans, spans[0]
	}
	return nil
}

// doubt says, at the end of the last span, why the end cannot be believed.
// What was counted at the beginning may have been deleted since, so that what
// does not add up is counted again. last is what is doubtful about that span.
func (r *reader) doubt(ctx context.Context, at *position, last string) (string, error) {
	suspicion := cmp.Or(at.Doubt, last)
	if suspicion == "" && at.read() >= at.Total {
		if n := r.narrowing; at.Total == 0 && r.since == "" && r.of.assetType == WebApp && !(n.tags.none() && n.webApps.none()) {
			return "no web application that the account sees is what the profile's filters ask for: check their names", nil
		}
		return "", nil
	}
	counted, err := r.session.count(ctx, r.of, r.conditions)
	if err != nil {
		return "", err
	}
	at.Total = counted
	if at.read() >= counted {
		return "", nil
	}
	doubt := fmt.Sprintf("Qualys counted %d %s, also when asked again, and marked the end after %d", counted, r.of.plural, at.read())
	if suspicion != "" {
		doubt += "; " + suspicion
	}
	return doubt, nil
}
