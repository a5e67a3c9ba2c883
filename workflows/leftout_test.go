package workflows_test

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

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

	full, err := s.run(workflows.Input{Profile: s.profile, Mode: lifecycle.Full})
	require.NoError(t, err)
	require.Equal(t, lifecycle.Succeeded, full.Outcome, full.Reason)
	require.Zero(t, full.Stale+full.Fixed)
	require.Less(t, full.Assets.Total(), int64(350), "of 350 assets some were left out")
	s.requireTruth() // which is all there
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
	require.Less(t, full.Findings.Total(), int64(2_400))
	s.requireWebTruth()
}

func TestWhatAMapLeavesOutFromTheStartIsNotInTheInventory(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{estate: estate})
	s.useMap("some", tasMap(t, "some", leaveOut, ""))
	result, err := s.run(workflows.Input{Profile: s.profile})
	require.NoError(t, err)
	require.Equal(t, lifecycle.Succeeded, result.Outcome, result.Reason)
	require.Zero(t, result.Assets.Rejected+result.Findings.Rejected, "what is left out is not rejected")
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
