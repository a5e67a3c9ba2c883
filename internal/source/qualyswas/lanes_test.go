package qualyswas

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/source"
)

// script is a stream of so many chunks of a size, then its end or an error.
type script struct {
	name   string
	chunks int
	size   int
	fails  error

	running, most *atomic.Int64
	read          int
	closed        bool
}

func (s *script) Next(ctx context.Context) (source.Chunk, error) {
	if s.running != nil && s.read == 0 {
		for n := s.running.Add(1); ; {
			most := s.most.Load()
			if n <= most || s.most.CompareAndSwap(most, n) {
				break
			}
		}
	}
	s.read++
	if ctx.Err() != nil {
		return source.Chunk{}, context.Cause(ctx)
	}
	if s.read > s.chunks && s.fails != nil {
		return source.Chunk{}, s.fails
	}
	end := s.read == s.chunks && s.fails == nil
	if end && s.running != nil {
		s.running.Add(-1)
	}
	data := fmt.Sprintf("%s%d", s.name, s.read)
	return source.Chunk{Data: []byte(data + strings.Repeat(" ", s.size)), End: end}, nil
}

func (s *script) Close() error { s.closed = true; return nil }

// drain reads lanes to their end or first error.
func drain(ctx context.Context, l *lanes, n int) (got []string, err error) {
	for n > 0 {
		chunk, err := l.next(ctx)
		if err != nil {
			return got, err
		}
		got = append(got, strings.TrimSpace(string(chunk.Data)))
		if chunk.End {
			n--
		}
	}
	return got, nil
}

func TestLanesComeOneAfterTheOther(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{1, 2, 5} {
		for _, ahead := range []int{1, 100, 10_000} {
			var running, most atomic.Int64
			var readers []source.Reader
			var want []string
			for i := range 12 {
				s := &script{name: string(rune('a' + i)), chunks: 1 + i%4, size: 40, running: &running, most: &most}
				readers = append(readers, s)
				for c := range s.chunks {
					want = append(want, fmt.Sprintf("%s%d", s.name, c+1))
				}
			}
			l := newLanes(t.Context(), readers, limit, ahead)
			got, err := drain(t.Context(), l, len(readers))
			require.NoError(t, err)
			require.Equal(t, want, got)
			require.LessOrEqual(t, most.Load(), int64(limit))
			l.close()
			for _, r := range readers {
				require.True(t, r.(*script).closed)
			}
		}
	}
}

func TestAnErrorComesInItsTurn(t *testing.T) {
	t.Parallel()
	failure := errors.New("no")
	readers := []source.Reader{
		&script{name: "a", chunks: 3}, &script{name: "b", chunks: 1, fails: failure}, &script{name: "c", chunks: 2},
	}
	l := newLanes(t.Context(), readers, 3, 1000)
	defer l.close()
	got, err := drain(t.Context(), l, 3)
	require.ErrorIs(t, err, failure)
	require.Equal(t, []string{"a1", "a2", "a3", "b1"}, got)
}

// TestLanesStopWhenTheyAreTold, although nobody takes what they have read.
func TestLanesStopWhenTheyAreTold(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	endless := []source.Reader{&script{name: "a", chunks: 1 << 30}, &script{name: "b", chunks: 1 << 30}}
	l := newLanes(ctx, endless, 2, 50)
	_, err := l.next(ctx)
	require.NoError(t, err)
	stop := errors.New("stop")
	cancel(stop)
	for err == nil {
		_, err = l.next(ctx)
	}
	require.ErrorIs(t, err, stop)
	l.close()
	require.LessOrEqual(t, l.waiting, 50+2*20, "no more than allowed was read ahead")
}
