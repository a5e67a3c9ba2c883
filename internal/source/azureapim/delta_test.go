package azureapim_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	vendor "sluice/internal/simulator/azure"
	"sluice/internal/simulator/faults"
)

// older makes everything that is remembered older.
func (s *store) older(t *testing.T, by time.Duration) {
	for key, text := range s.memories {
		var m map[string]any
		require.NoError(t, json.Unmarshal([]byte(text), &m))
		at, err := time.Parse(time.RFC3339, m["exported"].(string))
		require.NoError(t, err)
		m["exported"] = at.Add(-by)
		changed, err := json.Marshal(m)
		require.NoError(t, err)
		s.memories[key] = string(changed)
	}
}

func TestADeltaRunBringsWhatChanged(t *testing.T) {
	t.Parallel()
	s, kept := simulate(t, estate(), quick), newStore()
	first := read(t, s, kept.full())
	requireTruth(t, first, s.truth(false))
	kept.remember(first.remember)
	before := s.truth(false)

	again := read(t, s, kept.delta())
	require.NoError(t, again.err)
	require.Empty(t, again.apis, "nothing has changed")
	require.True(t, again.last.End)

	s.Pass(time.Hour)
	_, err := s.Advance(vendor.Change{Added: 0.05, Removed: 0.05, Edited: 0.1, Described: 0.1, Revised: 0.1})
	require.NoError(t, err)
	changed := map[string]vendor.API{}
	for id, a := range s.truth(false) {
		if b, known := before[id]; !known || b.ETag != a.ETag {
			changed[id] = a
		}
	}
	requireTruth(t, read(t, s, kept.delta()), changed)
}

func TestAFullRunExportsNothingThatIsAsItWas(t *testing.T) {
	t.Parallel()
	s, kept := simulate(t, estate(), quick), newStore()
	first := read(t, s, kept.full())
	kept.remember(first.remember)
	exports := s.Counts().Calls[vendor.Export]

	second := read(t, s, kept.full())
	require.Equal(t, first.apis, second.apis, "all of them arrive, with what was known")
	require.Empty(t, second.documents)
	require.Equal(t, exports, s.Counts().Calls[vendor.Export])
	require.Equal(t, first.remember, second.remember, "the age of exports is kept")
}

// TestWhatTheETagDoesNotTellIsFoundByTheRecheck, in full and in delta runs.
func TestWhatTheETagDoesNotTellIsFoundByTheRecheck(t *testing.T) {
	t.Parallel()
	cfg := estate()
	cfg.Odd = vendor.None // what cannot be exported is tried again sooner
	s, kept := simulate(t, cfg, quick), newStore()
	kept.remember(read(t, s, kept.full()).remember)
	_, err := s.Advance(vendor.Change{Silent: 0.5})
	require.NoError(t, err)
	require.Empty(t, read(t, s, kept.delta()).apis)
	kept.older(t, 6*24*time.Hour)
	require.Empty(t, read(t, s, kept.delta()).apis)
	kept.older(t, 25*time.Hour)
	requireTruth(t, read(t, s, kept.delta()), s.truth(false))
	requireTruth(t, read(t, s, kept.full()), s.truth(false))
}

// TestWhatIsAroundAnAPIIsPartOfIt: its ETag says nothing of its tags.
func TestWhatIsAroundAnAPIIsPartOfIt(t *testing.T) {
	t.Parallel()
	cfg := estate()
	cfg.APIs = 20
	s, kept := simulate(t, cfg, quick), newStore()
	kept.remember(read(t, s, kept.full()).remember)
	require.NoError(t, s.SetFaults(vendor.Fault{Fault: faults.Fault{Kind: faults.ErrorBody, Code: "AuthorizationFailed"}, Of: vendor.VersionSets}))
	got := read(t, s, kept.delta())
	require.NoError(t, got.err)
	want := 0
	for _, a := range s.truth(false) {
		if a.VersionSet != "" {
			want++
		}
	}
	require.Len(t, got.apis, want)
	require.Empty(t, got.documents, "the specifications are as they were")
	for _, a := range got.apis {
		require.NotContains(t, strings.Join(a.Specification.Flags, " "), "not-refreshed")
	}
}

// TestAnExportThatFailsForAMomentKeepsTheDocumentThatThereWas, and is tried
// again soon.
func TestAnExportThatFailsForAMomentKeepsTheDocumentThatThereWas(t *testing.T) {
	t.Parallel()
	cfg := estate()
	cfg.APIs, cfg.Odd = 30, vendor.None
	s, kept := simulate(t, cfg, quick), newStore()
	first := read(t, s, filtered(kept.full(), "types", "http"))
	kept.remember(first.remember)
	_, err := s.Advance(vendor.Change{Edited: 1})
	require.NoError(t, err)
	require.NoError(t, s.SetFaults(vendor.Fault{Fault: faults.Fault{Kind: faults.HTTPError}, Of: vendor.Export}))
	failing := read(t, s, filtered(kept.delta(), "types", "http"))
	require.NoError(t, failing.err)
	require.Len(t, failing.apis, len(first.apis))
	for i, a := range failing.apis {
		require.Equal(t, first.apis[i].Specification.Hash, a.Specification.Hash)
		require.True(t, slices.Contains(a.Specification.Flags, "not-refreshed"))
		require.Contains(t, a.Specification.Reason, "earlier export")
	}
	kept.remember(failing.remember)
	require.NoError(t, s.SetFaults())
	require.Empty(t, read(t, s, filtered(kept.delta(), "types", "http")).apis, "not at once")
	kept.older(t, 2*time.Hour)
	mended := read(t, s, filtered(kept.delta(), "types", "http"))
	require.Len(t, mended.apis, len(first.apis))
	for i, a := range mended.apis {
		require.NotEqual(t, first.apis[i].Specification.Hash, a.Specification.Hash)
		require.False(t, slices.Contains(a.Specification.Flags, "not-refreshed"))
	}
}

func TestWhatWasRememberedWronglyIsNotBelieved(t *testing.T) {
	t.Parallel()
	cfg := estate()
	cfg.APIs = 20
	s, kept := simulate(t, cfg, quick), newStore()
	for key := range read(t, s, kept.full()).remember {
		kept.memories[key] = `{"etag": 4`
	}
	requireTruth(t, read(t, s, kept.delta()), s.truth(false))
}
