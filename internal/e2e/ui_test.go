//go:build e2e

package e2e

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"sluice/internal/catalog"
	"sluice/internal/lifecycle"
)

// The editors and buttons of the Temporal UI.
const (
	editor      = `[aria-label="Data"]`
	startButton = `[data-testid="start-workflow-button"]`
)

// startForm is the address of the form that starts a profile's run, filled in
// but for the input.
func (s *stand) startForm(profile string) string {
	return s.ui + "/namespaces/default/workflows/start-workflow?" + url.Values{
		"workflowId": {"ingest/" + profile}, "taskQueue": {"sluice"}, "workflowType": {"IngestionWorkflow"},
	}.Encode()
}

// list is the address of the list of runs that a query finds.
func (s *stand) list(query string) string {
	return s.ui + "/namespaces/default/workflows?" + url.Values{"query": {query}}.Encode()
}

func TestAPersonWithNothingButTheTemporalUI(t *testing.T) {
	s := newStand(t, "acme-apps", "acme-other")
	for _, step := range []struct {
		name string
		do   func(*testing.T, *stand, *browser)
	}{
		{"starts a run and watches it reach Processed", startAndWatch},
		{"finds it by its search attributes", find},
		{"pauses, resumes and cancels another", pauseResumeCancel},
		{"cancels one with a reason", cancelWithReason},
		{"is told what is wrong with a name", misspell},
	} {
		if !t.Run(step.name, func(t *testing.T) { step.do(t, s, newBrowser(t)) }) {
			return
		}
	}
}

func startAndWatch(t *testing.T, s *stand, b *browser) {
	b.open(s.startForm("acme-apps"))
	b.shows("Task Queue is Active")
	b.enter(editor, `{"profile": "acme-apps", "mode": "full"}`, "h1")
	b.shot("start")
	b.click("button", "Start Workflow")
	b.click("a", "Workflow started successfully")
	b.tab("User Metadata", "/user-metadata")
	b.refreshedShows("Processing · profile acme-apps · connector acme · full run")
	b.refreshedShows("s for the vendor until")
	b.shot("details")
	b.tab("Timeline", "/timeline")
	b.shows("Fetch • APPLICATION batch")
	b.shot("timeline")
	b.tab("User Metadata", "/user-metadata")
	b.refreshedShows("Processed, succeeded · profile acme-apps")
	require.Equal(t, lifecycle.Succeeded, s.lastRun(t, "acme-apps").Outcome)
}

func find(t *testing.T, s *stand, b *browser) {
	b.open(s.list(`SluiceProfile="acme-apps" AND SluiceOutcome="succeeded"`))
	b.shows("ingest/acme-apps")
	b.shot("list")
	b.open(s.list(`SluiceProfile="acme-apps" AND SluiceOutcome="failed"`))
	b.shows("No Workflows")
}

func pauseResumeCancel(t *testing.T, s *stand, b *browser) {
	b.startByOneClick(s, "acme-other")
	b.update(pause, `{"reason": "maintenance at the vendor"}`, "update")
	b.tab("User Metadata", "/user-metadata")
	b.refreshedShows("Processing, paused: maintenance at the vendor")
	b.refreshedShows("before the next batch; the update resume lets it go on")
	b.shot("paused")
	b.tab("Queries", "/query")
	b.click("button", "Run Query")
	b.shows(`"paused"`)
	b.shot("query")
	b.update(resume, "", "")
	b.tab("User Metadata", "/user-metadata")
	b.refreshedShows("Processing · profile acme-other")
	b.click("button", "Request Cancellation")
	b.click(`[data-testid="cancel-confirmation-modal"] [data-testid="confirm-modal-button"]`, "")
	b.shows("CANCELED")
	run := s.lastRun(t, "acme-other")
	require.Equal(t, lifecycle.Cancelled, run.Outcome)
	require.Positive(t, run.Assets.Total(), "what was written stays")
}

func cancelWithReason(t *testing.T, s *stand, b *browser) {
	b.startByOneClick(s, "acme-other")
	run := evaluate[string](b, "location.href")
	b.open(s.startForm("acme-other"))
	b.shows("Task Queue is Active")
	b.click("button", "Start Workflow")
	b.shows("already running")
	b.open(run)
	b.update(cancel, `{"reason": "wrong connector"}`, "")
	b.shows("CANCELED")
	last := s.lastRun(t, "acme-other")
	require.Equal(t, lifecycle.Cancelled, last.Outcome)
	require.Contains(t, last.Reason, "wrong connector")
	b.open(s.list(`SluiceProfile="acme-other" AND SluiceOutcome="cancelled"`))
	b.shows("2 CANCELED")
}

func misspell(_ *testing.T, s *stand, b *browser) {
	b.startByOneClick(s, "acme-aps")
	b.shows("FAILED")
	b.shows("did you mean acme-apps?")
	b.shot("failed")
}

// tab goes to a tab of a run's page, by its name and the end of its address. The tabs move while the page fills, so a
// click may miss.
func (b *browser) tab(name, path string) {
	b.t.Helper()
	b.until("the tab "+name+" is open", func() bool {
		if strings.HasSuffix(evaluate[string](b, "location.pathname"), path) {
			return true
		}
		b.click("a", name)
		return false
	})
}

// startByOneClick starts a run without input, from the link that names the
// profile, and goes to its page.
func (b *browser) startByOneClick(s *stand, profile string) {
	b.t.Helper()
	b.open(s.startForm(profile))
	b.shows("Task Queue is Active")
	b.click("button", "Start Workflow")
	b.click("a", "Workflow started successfully")
	b.shows("ingest/" + profile)
}

// The descriptions of the updates, by which the form offers them.
const (
	pause  = "Hold the run before its next batch"
	resume = "Let a paused run go on"
	cancel = "End the run as cancelled"
)

// update sends an update to the run whose page is open.
func (b *browser) update(description, input, shot string) {
	b.t.Helper()
	const modal = `[data-testid="update-confirmation-modal"] `
	b.do("reload", chromedp.Reload()) // the form keeps what it was given last
	b.click("button", "More Actions")
	b.click(`[data-testid="update-button"]`, "")
	b.click(modal+`[data-testid="update-select-button"]`, "")
	b.click(modal+`[role="option"]`, description)
	if input != "" {
		b.enter(modal+`[role="textbox"]`, input, modal+`[data-testid="update-id"]`)
	}
	if shot != "" {
		b.shot(shot)
	}
	b.click(modal+`[data-testid="confirm-modal-button"]`, "")
	b.shows("Update successful")
}

// lastRun waits until the newest run of a profile has ended, and returns it.
func (s *stand) lastRun(t *testing.T, profile string) catalog.Run {
	var run catalog.Run
	require.Eventually(t, func() bool {
		runs, err := s.store.Runs(t.Context(), profile, 1)
		require.NoError(t, err)
		if len(runs) > 0 {
			run = runs[0]
		}
		return run.Outcome != ""
	}, time.Minute, 100*time.Millisecond)
	return run
}
