package workflows_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"sluice/internal/lifecycle"
	"sluice/internal/simulator"
	"sluice/workflows"
)

var estate = simulator.Config{Seed: 7, Applications: 230, APICollections: 120, FindingsPerAsset: 6, MixedDates: true, MixedScalars: true}

// requireTruth holds the inventory against the simulator, record by record
// and field by field. It returns how many assets and findings it compared.
func (s *stage) requireTruth() (assets, findings int) {
	for _, t := range []struct {
		asset simulator.AssetType
		class string
	}{{simulator.Application, "application"}, {simulator.APICollection, "apiCollection"}} {
		stored := s.stored(t.class)
		for want := range s.sim.Truth(t.asset) {
			if want.Malformed != "" {
				continue
			}
			got, ok := stored[want.ID]
			require.True(s.t, ok, "%s %s is not in the inventory", t.class, want.ID)
			delete(stored, want.ID)
			assets++
			require.Equal(s.t, asset{want.Name, want.URL, want.SpecificationURL, want.Created.UTC(), want.Updated.UTC()}, got.asset, "%s %s", t.class, want.ID)
			good := make(map[string]finding)
			for _, f := range want.Findings {
				if f.Malformed == "" {
					good[f.ID] = finding{f.Title, f.Severity}
				}
			}
			findings += len(good)
			require.Equal(s.t, good, got.findings, "findings of %s %s", t.class, want.ID)
		}
		require.Empty(s.t, stored, "the inventory has %ss that the vendor has not", t.class)
	}
	return assets, findings
}

type asset struct {
	Name, URL, SpecificationURL string
	Created, Updated            time.Time
}

type finding struct {
	Title    string
	Severity int
}

type storedAsset struct {
	asset    asset
	findings map[string]finding
}

// stored reads the active assets and open findings of a class.
func (s *stage) stored(class string) map[string]*storedAsset {
	assets := make(map[string]*storedAsset)
	rows, err := s.store.Pool().Query(s.t.Context(), `
		SELECT external_id, coalesce(name, ''), coalesce(base_url, ''), coalesce(specification_url, ''),
		       coalesce(source_created_at, '0001-01-01Z'), coalesce(source_updated_at, '0001-01-01Z')
		  FROM assets WHERE class = $1 AND stale_since IS NULL`, class)
	require.NoError(s.t, err)
	var id string
	var a asset
	_, err = pgx.ForEachRow(rows, []any{&id, &a.Name, &a.URL, &a.SpecificationURL, &a.Created, &a.Updated}, func() error {
		require.NotContains(s.t, assets, id, "no asset is there twice")
		a.Created, a.Updated = a.Created.UTC(), a.Updated.UTC()
		assets[id] = &storedAsset{a, make(map[string]finding)}
		return nil
	})
	require.NoError(s.t, err)
	rows, err = s.store.Pool().Query(s.t.Context(), `
		SELECT a.external_id, f.external_id, coalesce(f.name, ''), f.severity
		  FROM findings f JOIN assets a ON a.id = f.asset_id WHERE a.class = $1 AND a.stale_since IS NULL AND f.absent_since IS NULL`, class)
	require.NoError(s.t, err)
	var findingID string
	var f finding
	_, err = pgx.ForEachRow(rows, []any{&id, &findingID, &f.Title, &f.Severity}, func() error {
		assets[id].findings[findingID] = f
		return nil
	})
	require.NoError(s.t, err)
	return assets
}

func TestFullAndDeltaRunsEqualTheVendorsTruth(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{estate: estate})

	first, err := s.run(workflows.Input{Profile: s.profile})
	require.NoError(t, err)
	require.Equal(t, lifecycle.Succeeded, first.Outcome, first.Reason)
	require.Equal(t, lifecycle.Full, first.Mode, "there was no complete run yet")
	assets, findings := s.requireTruth()
	require.Equal(t, lifecycle.Counts{Created: int64(assets)}, first.Assets)
	require.Equal(t, lifecycle.Counts{Created: int64(findings)}, first.Findings)
	require.Greater(t, s.batches(), 5, "the run went through several batches")

	again, err := s.run(workflows.Input{Profile: s.profile, Mode: lifecycle.Full})
	require.NoError(t, err)
	require.Equal(t, lifecycle.Counts{Unchanged: int64(assets)}, again.Assets)
	require.Equal(t, lifecycle.Counts{Unchanged: int64(findings)}, again.Findings)

	for round := range 3 {
		s.sim.Pass(24 * time.Hour)
		_, err = s.sim.Advance(simulator.Change{Updated: 0.1, Added: 0.05})
		require.NoError(t, err)
		delta, err := s.run(workflows.Input{Profile: s.profile})
		require.NoError(t, err)
		require.Equal(t, lifecycle.Delta, delta.Mode)
		require.Equal(t, lifecycle.Succeeded, delta.Outcome, delta.Reason)
		total, _ := s.requireTruth()
		require.Less(t, delta.Assets.Total(), int64(total)/2, "round %d read only what changed", round)
		require.Positive(t, delta.Assets.Created)
		require.Positive(t, delta.Findings.Updated)
		require.Positive(t, delta.Fixed)
	}

	// What a delta run cannot see, a full run does. (A run in between moves
	// the watermark well behind the last changes, which are read again for
	// as long as they are within the overlap.)
	s.sim.Pass(24 * time.Hour)
	_, err = s.run(workflows.Input{Profile: s.profile})
	require.NoError(t, err)
	s.sim.Pass(24 * time.Hour)
	_, err = s.sim.Advance(simulator.Change{Silent: 0.1, Removed: 0.05})
	require.NoError(t, err)
	delta, err := s.run(workflows.Input{Profile: s.profile})
	require.NoError(t, err)
	require.Zero(t, delta.Findings.Updated+delta.Stale)
	full, err := s.run(workflows.Input{Profile: s.profile, Mode: lifecycle.Full})
	require.NoError(t, err)
	require.Equal(t, lifecycle.Succeeded, full.Outcome, full.Reason)
	require.Positive(t, full.Findings.Updated)
	require.Positive(t, full.Stale)
	s.requireTruth()
}

func (s *stage) batches() int {
	var n int
	require.NoError(s.t, s.store.Pool().QueryRow(s.t.Context(), "SELECT count(*) FROM batches WHERE run_id = $1", s.lastRun().ID).Scan(&n))
	return n
}

func TestARerunWithoutChangeRewritesNothing(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{estate: estate})
	_, err := s.run(workflows.Input{Profile: s.profile})
	require.NoError(t, err)
	versions := func() string {
		var all string
		require.NoError(t, s.store.Pool().QueryRow(t.Context(), `
			SELECT md5(string_agg(v, ' ' ORDER BY v)) FROM (
			SELECT 'a' || id || ' ' || xmin || ' ' || xmax || ctid AS v FROM assets UNION ALL
			SELECT 'f' || id || ' ' || xmin || ' ' || xmax || ctid FROM findings) versions`).Scan(&all))
		return all
	}
	before := versions()
	_, err = s.run(workflows.Input{Profile: s.profile, Mode: lifecycle.Full})
	require.NoError(t, err)
	require.Equal(t, before, versions())
}

func TestTheProfileIsTakenFromTheWorkflowID(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{estate: simulator.Config{Applications: 3}})
	result, err := s.run(workflows.Input{})
	require.NoError(t, err)
	require.Equal(t, int64(3), result.Assets.Created)
}

func TestAnUnknownProfileFailsAtOnceWithTheKnownNames(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{})
	_, err := s.run(workflows.Input{Profile: "stgae-" + s.profile[6:]})
	require.ErrorContains(t, err, fmt.Sprintf("did you mean %s?", s.profile))
	_, err = s.run(workflows.Input{Profile: s.profile, Mode: "fast"})
	require.ErrorContains(t, err, "auto, full or delta")
}
