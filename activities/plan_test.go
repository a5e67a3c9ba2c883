package activities

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/catalog"
	"sluice/internal/lifecycle"
	"sluice/internal/source"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// watermark is of a stream that was read in full so long before noon.
func watermark(fullAge time.Duration, filters map[string][]string) catalog.Watermark {
	return catalog.Watermark{Clock: noon.Add(-time.Hour), FullAt: noon.Add(-fullAge), MapDigest: "does this", Filters: filters}
}

func TestWhenADeltaRunCanBeTrusted(t *testing.T) {
	plan := catalog.Plan{
		Filters: map[string][]string{"tags": {"a", "b"}}, Policy: catalog.Policy{FullEveryHours: 24},
		Streams: []catalog.PlannedStream{
			{Name: "KNOWLEDGEBASE", Role: source.Reference, MapID: 2},
			{Name: "HOST", Role: source.Assets, MapID: 1},
		},
	}
	digests := map[string]string{"KNOWLEDGEBASE": "does that", "HOST": "does this"}
	for name, c := range map[string]struct {
		last  catalog.Watermark
		asked lifecycle.Mode
		mode  lifecycle.Mode
	}{
		"nothing has changed":    {watermark(time.Hour, plan.Filters), lifecycle.Auto, lifecycle.Delta},
		"full is asked for":      {watermark(time.Hour, plan.Filters), lifecycle.Full, lifecycle.Full},
		"other filters":          {watermark(time.Hour, map[string][]string{"tags": {"a"}}), lifecycle.Auto, lifecycle.Full},
		"filters are new":        {watermark(time.Hour, map[string][]string{}), lifecycle.Auto, lifecycle.Full},
		"delta is asked for":     {watermark(25*time.Hour, nil), lifecycle.Delta, lifecycle.Delta},
		"the last full is old":   {watermark(25*time.Hour, plan.Filters), lifecycle.Auto, lifecycle.Full},
		"another map wrote them": {catalog.Watermark{FullAt: noon, MapDigest: "does something else", Filters: plan.Filters}, lifecycle.Auto, lifecycle.Full},
		"maps wrote them":        {catalog.Watermark{FullAt: noon, Filters: plan.Filters}, lifecycle.Auto, lifecycle.Full},
	} {
		mode, reason := decideMode(c.asked, plan, digests, map[string]catalog.Watermark{"HOST": c.last}, noon)
		require.Equal(t, c.mode, mode, "%s: %s", name, reason)
	}
	mode, _ := decideMode(lifecycle.Auto, plan, digests, nil, noon)
	require.Equal(t, lifecycle.Full, mode, "nothing was read yet")
}

func TestReferenceDataIsReadOnWhateverTheOthersNeed(t *testing.T) {
	full := catalog.Plan{Mode: lifecycle.Full, Policy: catalog.Policy{FullEveryHours: 24}}
	delta := catalog.Plan{Mode: lifecycle.Delta, Policy: full.Policy}
	fresh, old := watermark(time.Hour, nil), watermark(25*time.Hour, nil)
	for _, plan := range []catalog.Plan{full, delta} {
		require.True(t, readsOn(source.Reference, fresh, plan, lifecycle.Auto, noon))
		require.False(t, readsOn(source.Reference, old, plan, lifecycle.Auto, noon), "its own last full run is too old")
		require.True(t, readsOn(source.Reference, old, plan, lifecycle.Delta, noon), "asked for")
		require.False(t, readsOn(source.Reference, fresh, plan, lifecycle.Full, noon), "asked for")
	}
	for _, role := range []source.Role{source.Assets, source.Findings} {
		require.True(t, readsOn(role, fresh, delta, lifecycle.Auto, noon))
		require.False(t, readsOn(role, fresh, full, lifecycle.Auto, noon))
	}
}
