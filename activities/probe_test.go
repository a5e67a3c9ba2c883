package activities

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/catalog"
	"sluice/internal/source"
)

func TestAStepThatSeesLessThanInTheLastTestSaysSo(t *testing.T) {
	last := func(step string, seen int64) catalog.ConnectorCheck {
		return catalog.ConnectorCheck{At: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC), Check: source.Check{Step: step, Seen: seen}}
	}
	before := []catalog.ConnectorCheck{last("hosts", 100), last("tags in scope", 5)}
	checks := []source.Check{
		{Step: "hosts", Seen: 60, Health: source.Healthy, Message: "answered"},
		{Step: "detections", Seen: -1, Message: "answered"},
		{Step: "tags in scope", Seen: 5, Message: "answered"},
	}
	compare(checks, before)
	require.Equal(t, "answered; that is fewer than the 100 of the test of 2026-05-01 12:00 UTC", checks[0].Message)
	require.Contains(t, checks[0].Advice, "scope")
	require.Equal(t, source.Healthy, checks[0].Health, "what it sees, it can read")
	for _, c := range checks[1:] {
		require.Equal(t, "answered", c.Message, c.Step)
		require.Empty(t, c.Advice)
	}
}
