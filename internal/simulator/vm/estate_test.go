package vm

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator/knowledge"
)

func testEstate(t *testing.T, hosts int) *Estate {
	start := time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)
	base, err := knowledge.New(knowledge.Config{Entries: 10, Start: start})
	require.NoError(t, err)
	e, err := New(Config{Seed: 9, Hosts: hosts, DetectionsPerHost: 5, Knowledge: base, Start: start})
	require.NoError(t, err)
	return e
}

func TestFromFindsTheFirstHostThatIsNotBelow(t *testing.T) {
	t.Parallel()
	for _, hosts := range []int{0, 1, 3, 4, 5, 501} {
		w := testEstate(t, hosts).World()
		require.Zero(t, w.From(-1))
		for index := range hosts {
			id := w.ID(index)
			require.Equal(t, index, w.From(id))
			require.Equal(t, index+1, w.From(id+1), "%d of %d", index, hosts)
		}
		require.GreaterOrEqual(t, w.From(1<<60), hosts)
	}
}

func TestAnEstateThatCannotBeIsRefused(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 14, 0, 0, 0, 0, time.UTC)
	empty, err := knowledge.New(knowledge.Config{Web: true, Start: start})
	require.NoError(t, err)
	for want, c := range map[string]Config{
		"Hosts is -1":             {Hosts: -1, Start: start},
		"DetectionsPerHost is -1": {DetectionsPerHost: -1, Start: start},
		"the large host has":      {Large: LargeHost{Detections: 1 << 30}, Start: start},
		"Start is not set":        {},
		"need a knowledge base":   {Hosts: 1, Start: start},
		"no entry for hosts":      {Hosts: 1, Knowledge: empty, Start: start},
	} {
		_, err := New(c)
		require.ErrorContains(t, err, want)
	}
	for want, c := range map[string]knowledge.Config{
		"-1 entries": {Entries: -1, Start: start}, "allowed are 0 to 1": {Unpublished: 2, Start: start}, "Start is not set": {},
	} {
		_, err := knowledge.New(c)
		require.ErrorContains(t, err, want)
	}
}

func TestAChangeLeavesWorldsInUseAsTheyAre(t *testing.T) {
	t.Parallel()
	e := testEstate(t, 50)
	before := e.World()
	n := before.Len()
	for day := range 3 {
		require.NoError(t, e.Advance(time.Date(2026, 4, day+1, 0, 0, 0, 0, time.UTC), Change{Added: 0.5, Removed: 0.5}))
	}
	require.Equal(t, n, before.Len())
	require.True(t, before.Exists(0) && before.Exists(49))
	require.Greater(t, e.World().Len(), 100)
}
