package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/lifecycle"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// running is a run that is half way through the first of two streams.
func running() lifecycle.Progress {
	return lifecycle.Progress{
		RunID: 12, Profile: "acme-apps", Connector: "acme", Mode: lifecycle.Full, State: lifecycle.Processing,
		Streams: []lifecycle.Stream{
			{Name: "APPLICATION", Phase: lifecycle.Fetching, Records: 1000, Expected: 2000, Began: noon.Add(-60 * time.Second), IdleSeconds: 10,
				Assets: lifecycle.Counts{Created: 950, Rejected: 2, LeftOut: 48}},
			{Name: "APICOLLECTION", Phase: lifecycle.Pending},
		},
	}
}

func TestCurrentDetailsShowHowFarARunIs(t *testing.T) {
	t.Parallel()
	require.Equal(t, "**Processing** · profile acme-apps · connector acme · full run 12\n"+`
| stream | | progress | rate | left |
|---|---|---|---|---|
| APPLICATION | fetching | `+"`██████████░░░░░░░░░░`"+` 50 % · 1000 of 2000 | 20/s | 50s |
| APICOLLECTION | pending | 0 records |  |  |

| | assets | findings |
|---|---|---|
| created | 950 | 0 |
| rejected | 2 | 0 |
| left out by the map | 48 | 0 |


As of 12:00:00 UTC.
`, details(running(), noon))
}

func TestCurrentDetailsSayWhatHoldsARunUp(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*lifecycle.Progress, *lifecycle.Stream)
		want   string
	}{
		{"a wait", func(_ *lifecycle.Progress, s *lifecycle.Stream) {
			s.WaitUntil, s.Waits = noon.Add(312*time.Second), "too many requests"
		}, "- APPLICATION: waiting 312 s for the vendor until 12:05:12 UTC: too many requests\n"},
		{"a pause", func(p *lifecycle.Progress, _ *lifecycle.Stream) {
			p.Paused = &lifecycle.Pause{Since: noon.Add(-time.Hour), Reason: "maintenance"}
		}, "**Processing, paused: maintenance**"},
		{"since when", func(p *lifecycle.Progress, _ *lifecycle.Stream) {
			p.Paused = &lifecycle.Pause{Since: noon.Add(-time.Hour), Reason: "maintenance"}
		}, "- Paused since 11:00:00 UTC, before the next batch; the update `resume` lets it go on.\n"},
		{"trouble that is over", func(_ *lifecycle.Progress, s *lifecycle.Stream) { s.Trouble = "the vendor answered 503" },
			"- APPLICATION: last trouble, got over: the vendor answered 503\n"},
		{"a failed stream", func(_ *lifecycle.Progress, s *lifecycle.Stream) { s.Error, s.Code = "no permission", "forbidden" },
			"- APPLICATION: failed (forbidden): no permission\n"},
		{"a doubt", func(_ *lifecycle.Progress, s *lifecycle.Stream) { s.Doubt = "2 are missing" }, "- APPLICATION: not complete: 2 are missing\n"},
		{"the end", func(p *lifecycle.Progress, _ *lifecycle.Stream) {
			p.State, p.Outcome, p.Reason = lifecycle.Processed, lifecycle.Partial, "one is missing"
		}, "**Processed, partial** · profile acme-apps · connector acme · full run 12\n\none is missing\n"},
		{"an end without all assets", func(p *lifecycle.Progress, _ *lifecycle.Stream) { p.State, p.Outcome = "", lifecycle.Failed }, "**failed** · "},
	} {
		p := running()
		c.change(&p, &p.Streams[0])
		require.Contains(t, details(p, noon), c.want, c.name)
	}
}

func TestWhatVendorsWroteIsNoMarkdown(t *testing.T) {
	t.Parallel()
	p := running()
	p.Streams[0].Error = "| a |\n# big <img src=x onerror=alert(1)> [click](javascript:alert(1)) `code` **bold** https://evil.example www.evil.example"
	require.Contains(t, details(p, noon),
		"\\| a \\| \\# big &lt;img src=x onerror=alert(1)&gt; \\[click\\](javascript:alert(1)) \\`code\\` \\*\\*bold\\*\\* https\\://evil.example www\\.evil.example\n")
}
