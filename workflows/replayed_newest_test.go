package workflows_test

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/activities"
	"sluice/internal/catalog"
	"sluice/internal/lifecycle"
	"sluice/internal/simulator"
	"sluice/schema"
	"sluice/workflows"
)

// Nothing is newer than what the newest run fetched: to map that by a map that
// names things otherwise is to fetch it by that map.
func TestAReplayOfTheNewestRunIsAsGoodAsFetchingAgain(t *testing.T) {
	t.Parallel()
	for kind, with := range map[string]struct {
		estate         simulator.Config
		assetType, mod string // the default map, and its row that names things
		row            string
	}{
		"qualys-tas": {estate, "APPLICATION", "qualys-tas-application", "from: id\n    to: asset.assetHeader.externalAssetId"},
		"qualys-was": {webEstate, "FINDING", "qualys-was-finding", "from: id\n    to: findingGroup.findings[].externalFindingId"},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, setup{estate: with.estate, kind: kind})
			body, err := fs.ReadFile(schema.Maps(), with.mod+".yaml")
			require.NoError(t, err)
			require.Contains(t, string(body), with.row)
			named := strings.Replace(with.row, "from: ", "expr: \"'x-' + string(record.", 1)
			named = strings.Replace(named, "\n", ")\"\n", 1)
			ours := strings.NewReplacer("name: "+with.mod, "name: ours", with.row, named).Replace(string(body))
			require.NoError(t, s.store.AddMap(t.Context(), []byte(ours)))
			use := func(name string) {
				_, err := s.store.UpdateProfile(t.Context(), s.profile, func(p *catalog.Profile) error {
					p.Maps[with.assetType] = name
					return nil
				})
				require.NoError(t, err)
			}
			_, err = s.run(workflows.Input{Profile: s.profile, Mode: lifecycle.Full})
			require.NoError(t, err)
			newest, before, watermark := s.lastRun().ID, s.content(), s.watermarks()[with.assetType]

			use("ours")
			guarded, err := s.replay(activities.ReplayInput{Run: newest})
			require.NoError(t, err)
			require.Equal(t, lifecycle.Partial, guarded.Outcome)
			require.Contains(t, guarded.Reason, "were not delivered any more, above the limit")
			again, err := s.replay(activities.ReplayInput{Run: newest, AcceptShrink: true})
			require.NoError(t, err)
			require.Equal(t, lifecycle.Succeeded, again.Outcome, again.Reason)
			require.Positive(t, again.Stale+again.Fixed)
			moved := s.watermarks()[with.assetType]
			require.Equal(t, watermark.Clock, moved.Clock)
			require.Equal(t, watermark.FullAt, moved.FullAt)
			auto, err := s.run(workflows.Input{Profile: s.profile, DryRun: true})
			require.NoError(t, err)
			require.Equal(t, lifecycle.Delta, auto.Mode, "the replay has read all by the new map")

			use(with.mod)
			_, err = s.replay(activities.ReplayInput{Run: newest, AcceptShrink: true})
			require.NoError(t, err)
			back := s.content()
			require.Subset(t, back, before, "back by the map that it was")
			require.Greater(t, len(back), len(before), "what the other map made is there, as gone")
			full, err := s.run(workflows.Input{Profile: s.profile, Mode: lifecycle.Full})
			require.NoError(t, err)
			require.Zero(t, full.Assets.Created+full.Assets.Updated+full.Assets.Returned+full.Findings.Created+full.Findings.Updated+full.Findings.Returned+full.Stale+full.Fixed)
			require.Equal(t, back, s.content())
		})
	}
}

func TestWhatAReplayMapsOtherwiseThanTheProfileIsReadAgain(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{estate: simulator.Config{Seed: 2, Applications: 20}})
	require.NoError(t, s.store.AddMap(t.Context(), []byte(tasMap(t, "ours", "", "  - expr: \"'x'\"\n    to: asset.assetDetail.attributes.x\n"))))
	_, err := s.run(workflows.Input{Profile: s.profile, Mode: lifecycle.Full})
	require.NoError(t, err)
	auto := func() lifecycle.Mode {
		dry, err := s.run(workflows.Input{Profile: s.profile, DryRun: true})
		require.NoError(t, err)
		return dry.Mode
	}
	newest := s.lastRun().ID
	require.Equal(t, lifecycle.Delta, auto())
	_, err = s.replay(activities.ReplayInput{Run: newest, Maps: map[string]string{"APPLICATION": "ours"}})
	require.NoError(t, err)
	require.Equal(t, lifecycle.Full, auto(), "it is as another map says")
	_, err = s.replay(activities.ReplayInput{Run: newest})
	require.NoError(t, err)
	require.Equal(t, lifecycle.Delta, auto(), "all of it is as the profile's map says again")
}

func TestAReplayOfWhatIsNotAllIsNotAllEither(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{estate: estate})
	_, err := s.run(workflows.Input{Profile: s.profile, Mode: lifecycle.Full})
	require.NoError(t, err)
	complete := s.watermarks()
	require.NoError(t, s.sim.SetFaults(simulator.Fault{Kind: "error-body", Code: "INVALID_REQUEST", Endpoint: "applications", Call: 3}))
	partial, err := s.run(workflows.Input{Profile: s.profile, Mode: lifecycle.Full})
	require.NoError(t, err)
	require.Equal(t, lifecycle.Partial, partial.Outcome)
	broken := s.lastRun().ID
	replayed, err := s.replay(activities.ReplayInput{Run: broken, AcceptShrink: true})
	require.NoError(t, err)
	require.Equal(t, lifecycle.Partial, replayed.Outcome)
	require.Contains(t, replayed.Reason, "did not fetch it to its end, so that there is no more to replay")
	require.Zero(t, replayed.Stale, "what was not fetched is not gone")
	require.Equal(t, complete["APPLICATION"].Clock, s.watermarks()["APPLICATION"].Clock)
	s.requireTruth()
}
