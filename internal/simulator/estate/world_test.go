package estate

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSeekFindsTheFirstGreaterID(t *testing.T) {
	t.Parallel()
	e, err := New(Config{Seed: 9, Applications: 500, APICollections: 1, Start: Instant(1_700_000_000_000)})
	require.NoError(t, err)
	w := e.World()
	require.Zero(t, w.Seek(Application, -1))
	for index := range 500 {
		id := w.ID(Application, index)
		require.Equal(t, index+1, w.Seek(Application, id))
		require.Equal(t, index, w.Seek(Application, id-1))
	}
	require.Equal(t, 500, w.Seek(Application, 1<<62))
}
