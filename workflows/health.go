package workflows

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"
)

// show puts what a test has found so far where the Temporal UI shows it.
func (t *connectionTest) show(ctx workflow.Context) {
	workflow.SetCurrentDetails(ctx, t.details(workflow.Now(ctx)))
}

// details is the table of health, as Markdown. What vendors have written is
// shown as it is, not as Markdown.
func (t *connectionTest) details(now time.Time) string {
	lines := []string{fmt.Sprintf("**%s** · connector %s", plain(t.headline()), plain(t.planned.Connector))}
	if t.planned.Pool != "" {
		lines[0] += " · from pool " + plain(t.planned.Pool)
	}
	for _, warning := range t.planned.Warnings {
		lines = append(lines, "", plain(warning))
	}
	if len(t.planned.Applications) > 0 {
		lines = append(lines, "", "| application | health | step | latency | sees | message |", "|---|---|---|---|---|---|")
	}
	var advice []string
	for _, application := range t.planned.Applications {
		checks, tested := t.checks[application]
		if !tested {
			lines = append(lines, fmt.Sprintf("| %s | being tested | | | | |", plain(application)))
		}
		for _, c := range checks {
			sees := ""
			if c.Seen >= 0 {
				sees = fmt.Sprint(c.Seen)
			}
			lines = append(lines, fmt.Sprintf("| %s | %s | %s | %s | %s | %s |",
				plain(application), c.Health, plain(c.Step), c.Latency.Round(time.Millisecond), sees, plain(c.Message)))
			if c.Advice != "" {
				advice = append(advice, fmt.Sprintf("- %s, %s: %s", plain(application), plain(c.Step), plain(c.Advice)))
			}
		}
	}
	lines = append(lines, "")
	lines = append(lines, slices.Compact(advice)...)
	return strings.Join(append(lines, "", fmt.Sprintf("As of %s UTC.", clock(now)), ""), "\n")
}

// headline says in one line what a test has come to.
func (t *connectionTest) headline() string {
	if t.ended != "" {
		return t.ended
	}
	through, healthy := 0, 0
	var broken []string
	for _, application := range t.planned.Applications {
		tested, well := t.through(application)
		switch {
		case well:
			through, healthy = through+1, healthy+1
		case tested:
			through++
			broken = append(broken, application)
		}
	}
	text := fmt.Sprintf("%d of %d applications healthy", healthy, len(t.planned.Applications))
	switch {
	case len(t.planned.Applications) == 0 || through < len(t.planned.Applications):
		return "testing: " + text
	case len(broken) > 0:
		return text + "; not so: " + strings.Join(broken, ", ")
	}
	return text
}
