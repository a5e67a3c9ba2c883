package qualyswas

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"sluice/internal/fault"
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

// free lets everyone make calls.
func free(ctx context.Context) (context.Context, func(), error) { return ctx, func() {}, nil }

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
			l := newLanes(t.Context(), readers, free, limit, ahead)
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
	l := newLanes(t.Context(), readers, free, 3, 1000)
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
	l := newLanes(ctx, endless, free, 2, 50)
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

// TestGroupsOfLanesThatShareSlotsNeverWaitForEachOther, however few slots there
// are and however little may be read ahead.
func TestGroupsOfLanesThatShareSlotsNeverWaitForEachOther(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		slots := make(chan struct{}, rapid.IntRange(1, 4).Draw(t, "slots"))
		take := func(ctx context.Context) (context.Context, func(), error) {
			select {
			case slots <- struct{}{}:
				return ctx, sync.OnceFunc(func() { <-slots }), nil
			case <-ctx.Done():
				return nil, nil, context.Cause(ctx)
			}
		}
		limit, ahead := rapid.IntRange(1, 5).Draw(t, "limit"), rapid.IntRange(1, 100).Draw(t, "ahead")
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		var groups errgroup.Group
		for range rapid.IntRange(2, 4).Draw(t, "groups") {
			var readers []source.Reader
			for i := range rapid.IntRange(1, 8).Draw(t, "lanes") {
				readers = append(readers, &script{name: string(rune('a' + i)), chunks: rapid.IntRange(1, 6).Draw(t, "chunks"), size: 40})
			}
			groups.Go(func() error {
				l := newLanes(ctx, readers, take, limit, ahead)
				defer l.close()
				_, err := drain(ctx, l, len(readers))
				return err
			})
		}
		if err := groups.Wait(); err != nil {
			t.Fatal(err)
		}
		if len(slots) > 0 {
			t.Fatalf("%d slots are still held", len(slots))
		}
	})
}

// TestALaneThatIsRefusedASlotTriesAgainWhenItIsItsTurn: what comes before it is
// read meanwhile; in its turn, the wait is the caller's.
func TestALaneThatIsRefusedASlotTriesAgainWhenItIsItsTurn(t *testing.T) {
	t.Parallel()
	later := &fault.Error{Class: fault.Throttled, Code: "throttled", Message: "all slots are in use", Wait: time.Minute}
	lanesOf := func() []source.Reader {
		return []source.Reader{&script{name: "a", chunks: 2}, &script{name: "b", chunks: 2}}
	}
	var taken atomic.Int64
	one := func(ctx context.Context) (context.Context, func(), error) {
		if taken.Add(1) > 1 {
			taken.Add(-1)
			return nil, nil, later
		}
		return ctx, sync.OnceFunc(func() { taken.Add(-1) }), nil
	}
	l := newLanes(t.Context(), lanesOf(), one, 2, 1000)
	got, err := drain(t.Context(), l, 2)
	l.close()
	require.NoError(t, err)
	require.Equal(t, []string{"a1", "a2", "b1", "b2"}, got)
	require.Zero(t, taken.Load())

	never := func(context.Context) (context.Context, func(), error) { return nil, nil, later }
	l = newLanes(t.Context(), lanesOf(), never, 2, 1000)
	defer l.close()
	_, err = drain(t.Context(), l, 2)
	require.ErrorIs(t, err, later)
}
