package qualyswas_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator"
	"sluice/internal/simulator/faults"
)

func TestACountThatIsNotReachedIsMadeAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault simulator.Fault
		doubt bool
	}{
		"the first count was too high": {simulator.Fault{Kind: faults.ShiftTotal, Endpoint: faults.WASCount, Call: 1, Shift: 7}, false},
		"every count is too high":      {simulator.Fault{Kind: faults.ShiftTotal, Endpoint: faults.WASCount, Shift: 7}, true},
		"a record is left out":         {simulator.Fault{Kind: faults.OmitRecord, Endpoint: faults.WASFindings, Call: 5}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := simulate(t, estate(), small, formats[0])
			require.NoError(t, v.SetFaults(c.fault))
			got := read(t, v, findings())
			require.NoError(t, got.err)
			require.NotZero(t, v.Counts().Faults[c.fault.Kind])
			require.Equal(t, c.doubt, strings.Contains(got.last.Doubt, "also when asked again"), got.last.Doubt)
		})
	}
}

// TestNothingIsLostWhenTheLastCountFails: the reader goes on where it was.
func TestNothingIsLostWhenTheLastCountFails(t *testing.T) {
	t.Parallel()
	v := simulate(t, estate(), small, formats[0])
	require.NoError(t, v.SetFaults(
		simulator.Fault{Kind: faults.ShiftTotal, Endpoint: faults.WASCount, Call: 1},
		simulator.Fault{Kind: faults.HTTPError, Endpoint: faults.WASCount, Call: 2},
	))
	reader, err := v.Read(t.Context(), findings())
	require.NoError(t, err)
	defer reader.Close()
	var got stream
	failures := 0
	for !got.last.End {
		chunk, err := reader.Next(t.Context())
		if err != nil {
			require.ErrorContains(t, err, "500")
			failures++
			continue
		}
		got.add(t, chunk)
	}
	require.Equal(t, 1, failures)
	require.Equal(t, v.findingsThat(anyFinding), got.sorted())
	require.Empty(t, got.last.Doubt)
}

// TestWhatIsDeletedMeanwhileIsNotMissed, and what appears is read.
func TestWhatIsDeletedMeanwhileIsNotMissed(t *testing.T) {
	t.Parallel()
	v := simulate(t, estate(), undivided, formats[0])
	reader, err := v.Read(t.Context(), findings())
	require.NoError(t, err)
	defer reader.Close()
	var got stream
	chunk, err := reader.Next(t.Context())
	require.NoError(t, err)
	got.add(t, chunk)
	_, err = v.Advance(simulator.Change{Web: simulator.WebChange{Gone: 0.3}})
	require.NoError(t, err)
	for !got.last.End {
		chunk, err := reader.Next(t.Context())
		require.NoError(t, err)
		got.add(t, chunk)
	}
	require.Empty(t, got.last.Doubt)
	require.Subset(t, got.ids(), v.findingsThat(anyFinding))
}
