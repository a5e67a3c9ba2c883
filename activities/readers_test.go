package activities

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/source"
)

// stream is a session whose readers tell whether they were closed.
type stream struct{ closed int }

func (s *stream) Read(context.Context, source.Request) (source.Reader, error) { return s, nil }
func (s *stream) Probe(context.Context) []source.Check                        { return nil }
func (s *stream) Next(context.Context) (source.Chunk, error)                  { return source.Chunk{}, nil }
func (s *stream) Close() error                                                { s.closed++; return nil }

func TestAReaderIsKeptForTheNextBatch(t *testing.T) {
	var kept readers
	var s stream
	activity, ends := context.WithCancel(t.Context())
	r, err := openAt(activity, &s, source.Request{})
	require.NoError(t, err)
	kept.park(readerKey{runID: 7, stream: "HOST"}, r, "after 5")
	ends()
	require.NoError(t, r.life.Err(), "it outlives the activity that opened it")

	require.Nil(t, kept.take(readerKey{runID: 7, stream: "DETECTION"}, "after 5"))
	require.Nil(t, kept.take(readerKey{runID: 8, stream: "HOST"}, "after 5"))
	require.Nil(t, kept.take(readerKey{runID: 7, stream: "HOST", session: &s}, "after 5"), "the connector has changed meanwhile")
	require.Same(t, r, kept.take(readerKey{runID: 7, stream: "HOST"}, "after 5"))
	require.Nil(t, kept.take(readerKey{runID: 7, stream: "HOST"}, "after 5"), "it is taken once")
	require.Zero(t, s.closed)
}

func TestAReaderThatStandsElsewhereIsClosed(t *testing.T) {
	var kept readers
	var s stream
	r, err := openAt(t.Context(), &s, source.Request{})
	require.NoError(t, err)
	kept.park(readerKey{runID: 7, stream: "HOST"}, r, "after 5")
	require.Nil(t, kept.take(readerKey{runID: 7, stream: "HOST"}, "after 9"), "another worker has read on meanwhile")
	require.Equal(t, 1, s.closed)
	require.Error(t, r.life.Err(), "its answers end")
}

func TestReadersThatNobodyComesForAreClosed(t *testing.T) {
	var kept readers
	var first, second, third stream
	park := func(s *stream, key readerKey) *openReader {
		r, err := openAt(t.Context(), s, source.Request{})
		require.NoError(t, err)
		kept.park(key, r, "")
		return r
	}
	park(&first, readerKey{runID: 7, stream: "HOST"})
	park(&second, readerKey{runID: 7, stream: "HOST"})
	require.Equal(t, 1, first.closed, "another attempt has come further")
	expired := park(&third, readerKey{runID: 8, stream: "HOST"})
	kept.drop(readerKey{runID: 8, stream: "HOST"}, expired)
	require.Equal(t, 1, third.closed)
	require.Nil(t, kept.take(readerKey{runID: 8, stream: "HOST"}, ""))
	kept.close(func(readerKey) bool { return true })
	require.Equal(t, 1, second.closed)
}
