package snapshot

import (
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAChangeLeavesSnapshotsInUseAsTheyAre(t *testing.T) {
	t.Parallel()
	l := Of(&[2]int{1, 2})
	before := l.Load()
	require.NoError(t, l.Change(func(n *[2]int) error { n[0] = 7; return nil }))
	require.Equal(t, [2]int{1, 2}, *before)
	require.Equal(t, [2]int{7, 2}, *l.Load())

	failed := errors.New("no")
	require.ErrorIs(t, l.Change(func(n *[2]int) error { n[0] = 8; return failed }), failed)
	require.Equal(t, [2]int{7, 2}, *l.Load(), "what has failed is not published")
}

func TestNoChangeIsLost(t *testing.T) {
	t.Parallel()
	l := Of(new(int))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				_ = l.Change(func(n *int) error { *n++; return nil }) // it never fails
			}
		})
	}
	all.Wait()
	require.Equal(t, 800, *l.Load())
}
