package fo

import (
	"context"
	"io"
	"net/url"
)

// Count is how many ids a list with details None shows.
func (s *Session) Count(ctx context.Context, listing *Call, form url.Values) (int64, error) {
	ids, _, err := s.list(ctx, listing, form, 0, openEnd, 0, false)
	if err != nil {
		return -1, s.Explained(listing, err)
	}
	return int64(ids.count), nil
}

// Peek asks for a list, and reads its answer as far as the first record.
func (s *Session) Peek(ctx context.Context, call *Call, form url.Values) error {
	a, err := s.open(ctx, call, form)
	if err != nil {
		return s.Explained(call, err)
	}
	defer a.close()
	if _, err := a.element(); err != io.EOF {
		return s.Explained(call, err)
	}
	return nil
}

// Explained makes an error of reading one that tells a person what happened;
// nil stays nil.
func (s *Session) Explained(call *Call, err error) error {
	if err == nil {
		return nil
	}
	return diagnose(call, err).err
}
