package workflows_test

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/activities"
	"sluice/internal/catalog"
	"sluice/internal/lifecycle"
	"sluice/schema"
	"sluice/workflows"
)

// tasMap is the default map of TAS applications under a name, with more lines
// before its rows and behind them.
func tasMap(t *testing.T, name, before, behind string) string {
	body, err := fs.ReadFile(schema.Maps(), "qualys-tas-application.yaml")
	require.NoError(t, err)
	text := strings.Replace(string(body), "name: qualys-tas-application", "name: "+name, 1)
	return strings.Replace(text, "rows:\n", before+"rows:\n", 1) + behind
}

// useMap saves a map, as its next version, and lets the profile's applications
// be mapped by it.
func (s *stage) useMap(name, body string) {
	require.NoError(s.t, s.store.AddMap(s.t.Context(), []byte(body)))
	_, err := s.store.UpdateProfile(s.t.Context(), s.profile, func(p *catalog.Profile) error {
		p.Maps["APPLICATION"] = name
		return nil
	})
	require.NoError(s.t, err)
}

// leaveOut are conditions that leave out a tenth of the applications, and the
// lesser findings of the others.
const leaveOut = "when: \"!record.id.endsWith('3')\"\nwhenFindings: finding.severity >= 3\n"

func TestWhatAMapLeavesOutIsNotTakenForGone(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{estate: estate})
	_, err := s.run(workflows.Input{Profile: s.profile})
	require.NoError(t, err)
	s.useMap("some", tasMap(t, "some", leaveOut, ""))

	dry, err := s.run(workflows.Input{Profile: s.profile, Mode: lifecycle.Full, DryRun: true})
	require.NoError(t, err)
	full, err := s.run(workflows.Input{Profile: s.profile, Mode: lifecycle.Full})
	require.NoError(t, err)
	require.Equal(t, lifecycle.Succeeded, full.Outcome, full.Reason)
	require.Zero(t, full.Stale+full.Fixed)
	require.EqualValues(t, 350, full.Assets.Total(), "all that there is")
	require.Less(t, full.Assets.Judged(), int64(350), "of which some is left out")
	require.Positive(t, full.Findings.LeftOut)
	s.requireTruth() // which is all there

	require.Equal(t, []lifecycle.Counts{full.Assets, full.Findings}, []lifecycle.Counts{dry.Assets, dry.Findings}, "a dry run tells")
	require.Equal(t, []lifecycle.Counts{full.Assets, full.Findings}, []lifecycle.Counts{s.lastRun().Assets, s.lastRun().Findings}, "and so does the history")
	replayed, err := s.replay(activities.ReplayInput{Run: full.RunID})
	require.NoError(t, err)
	require.Equal(t, []lifecycle.Counts{full.Assets, full.Findings}, []lifecycle.Counts{replayed.Assets, replayed.Findings}, "and a replay")
}

func TestAFindingThatAMapLeavesOutIsNotTakenForFixed(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{estate: webEstate, kind: "qualys-was", settings: map[string]string{"pageSize": "200"}})
	_, err := s.run(workflows.Input{Profile: s.profile})
	require.NoError(t, err)
	body, err := fs.ReadFile(schema.Maps(), "qualys-was-finding.yaml")
	require.NoError(t, err)
	some := strings.Replace(strings.Replace(string(body), "name: qualys-was-finding", "name: some", 1), "rows:\n", "when: record.severity >= 3\nrows:\n", 1)
	require.NoError(t, s.store.AddMap(t.Context(), []byte(some)))
	_, err = s.store.UpdateProfile(t.Context(), s.profile, func(p *catalog.Profile) error {
		p.Maps["FINDING"] = "some"
		return nil
	})
	require.NoError(t, err)

	full, err := s.run(workflows.Input{Profile: s.profile, Mode: lifecycle.Full})
	require.NoError(t, err)
	require.Equal(t, lifecycle.Succeeded, full.Outcome, full.Reason)
	require.Zero(t, full.Stale+full.Fixed)
	require.EqualValues(t, 2_400, full.Findings.Total())
	require.Positive(t, full.Findings.LeftOut)
	s.requireWebTruth()
}

func TestEntriesThatAMapLeavesOutAreCounted(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{estate: webEstate, kind: "qualys-was", settings: map[string]string{"pageSize": "200"}})
	body, err := fs.ReadFile(schema.Maps(), "qualys-knowledgebase.yaml")
	require.NoError(t, err)
	some := strings.Replace(strings.Replace(string(body), "name: qualys-knowledgebase", "name: some", 1), "rows:\n", "when: record.?SEVERITY_LEVEL.orValue(0) != 3\nrows:\n", 1)
	require.NoError(t, s.store.AddMap(t.Context(), []byte(some)))
	s.mapBy(map[string]string{"KNOWLEDGEBASE": "some"})
	result, err := s.run(workflows.Input{Profile: s.profile})
	require.NoError(t, err)
	phases, err := s.store.Phases(t.Context(), result.RunID)
	require.NoError(t, err)
	for _, p := range phases {
		if p.Stream != "KNOWLEDGEBASE" {
			require.Zero(t, p.Assets.LeftOut, p.Stream)
			continue
		}
		require.Positive(t, p.Assets.LeftOut)
		require.Equal(t, p.Records, p.Assets.Total(), "taken, or left out")
	}
}

func TestWhatAMapLeavesOutFromTheStartIsNotInTheInventory(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{estate: estate})
	s.useMap("some", tasMap(t, "some", leaveOut, ""))
	result, err := s.run(workflows.Input{Profile: s.profile})
	require.NoError(t, err)
	require.Equal(t, lifecycle.Succeeded, result.Outcome, result.Reason)
	require.Zero(t, result.Assets.Rejected+result.Findings.Rejected, "what is left out is not rejected")
	require.Positive(t, result.Assets.LeftOut)
	stored := s.stored("application")
	require.NotEmpty(t, stored)
	require.Less(t, len(stored), 230)
	for id, a := range stored {
		require.False(t, strings.HasSuffix(id, "3"))
		for _, f := range a.findings {
			require.GreaterOrEqual(t, f.Severity, 3)
		}
	}
}
