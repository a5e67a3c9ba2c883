package catalog_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"sluice/internal/catalog"
	"sluice/internal/lifecycle"
	"sluice/internal/source"
	"sluice/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

var migrated = testenv.NewTemplate(func(ctx context.Context, url string) error {
	_, err := catalog.Migrate(ctx, url)
	return err
})

func open(t *testing.T) *catalog.Store {
	t.Parallel()
	store, err := catalog.Open(t.Context(), migrated.Database(t))
	require.NoError(t, err)
	t.Cleanup(store.Close)
	return store
}

func connector(t *testing.T, store *catalog.Store, name string) catalog.Connector {
	c, err := store.CreateConnector(t.Context(), catalog.Connector{Name: name, Provider: "qualys", Active: true, Settings: map[string]string{"platform": "US1"}},
		func(int64) (map[string]string, error) { return map[string]string{"clientSecret": "sealed:v1:xyz"}, nil })
	require.NoError(t, err)
	return c
}

func profile(t *testing.T, store *catalog.Store, c catalog.Connector, name string) catalog.Profile {
	require.NoError(t, store.CreateProfile(t.Context(), catalog.Profile{Name: name, ConnectorID: c.ID, Kind: "qualys-tas",
		AssetTypes: []string{"APPLICATION"}, Maps: map[string]string{"APPLICATION": "qualys-tas-application"}, Active: true, Policy: catalog.DefaultPolicy}))
	p, err := store.Profile(t.Context(), name)
	require.NoError(t, err)
	return p
}

// begun is a run of a new profile, with one stream.
func begun(t *testing.T, store *catalog.Store) (catalog.Plan, catalog.BatchRef) {
	p := profile(t, store, connector(t, store, "tas"), "nightly")
	plan := planOf(t, store, p)
	runID, _, holder, err := store.BeginRun(t.Context(), catalog.Execution{WorkflowID: "ingest/nightly", FirstRunID: "first"}, plan)
	require.NoError(t, err)
	require.Nil(t, holder)
	return plan, catalog.BatchRef{RunID: runID, Stream: "APPLICATION", Batch: 1}
}

func planOf(t *testing.T, store *catalog.Store, p catalog.Profile) catalog.Plan {
	m, err := store.LatestMap(t.Context(), "qualys-tas-application")
	require.NoError(t, err)
	return catalog.Plan{ProfileID: p.ID, Profile: p.Name, ConnectorID: p.ConnectorID, Connector: p.Connector, Kind: p.Kind, Policy: p.Policy,
		Mode: lifecycle.Full, Streams: []catalog.PlannedStream{{Name: "APPLICATION", Class: "application", MapID: m.ID, Nested: true}}}
}

func TestMigratingTwiceAndFromSeveralProcessesIsSafe(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t)
	var group errgroup.Group
	for range 3 {
		group.Go(func() error { _, err := catalog.Migrate(t.Context(), url); return err })
	}
	require.NoError(t, group.Wait())
	applied, err := catalog.Migrate(t.Context(), url)
	require.NoError(t, err)
	require.Zero(t, applied.Applied)
	store, err := catalog.Open(t.Context(), url)
	require.NoError(t, err)
	defer store.Close()
	m, err := store.LatestMap(t.Context(), "qualys-tas-application")
	require.NoError(t, err)
	require.Equal(t, int32(1), m.Version, "an unchanged default map is no new version")
	require.True(t, m.Builtin)
}

func TestAnUnreachableDatabaseIsOneLineWithoutThePassword(t *testing.T) {
	t.Parallel()
	_, err := catalog.Open(t.Context(), "postgres://me:hunter2@127.0.0.1:1/db")
	require.ErrorContains(t, err, "127.0.0.1:1")
	require.ErrorContains(t, err, "SLUICE_DATABASE_URL")
	require.NotContains(t, err.Error(), "hunter2")
	require.NotContains(t, err.Error(), "\n")
	_, err = catalog.Open(t.Context(), "postgres://me:hunter2@:x:/db")
	require.Error(t, err)
	require.NotContains(t, err.Error(), "hunter2")
}

func TestAnEmptyDatabaseSaysToMigrate(t *testing.T) {
	t.Parallel()
	store, err := catalog.Open(t.Context(), testenv.Postgres(t))
	require.NoError(t, err)
	defer store.Close()
	require.ErrorContains(t, store.CheckSchema(t.Context()), "sluice migrate")
}

func TestProfileNamesFitIntoWorkflowIDs(t *testing.T) {
	for _, good := range []string{"a", "tas-nightly", "x.y_z-9"} {
		require.NoError(t, catalog.CheckProfileName(good))
	}
	for _, bad := range []string{"", "A", "a b", "-a", "a/b", "ä", "a\n", string(make([]byte, 64))} {
		require.Error(t, catalog.CheckProfileName(bad), "%q", bad)
	}
}

func TestAProfileHasOneRunAtATime(t *testing.T) {
	store := open(t)
	plan, ref := begun(t, store)

	again, kept, holder, err := store.BeginRun(t.Context(), catalog.Execution{WorkflowID: "ingest/nightly", FirstRunID: "first"}, catalog.Plan{ProfileID: plan.ProfileID})
	require.NoError(t, err)
	require.Nil(t, holder)
	require.Equal(t, ref.RunID, again, "a retry finds the run that it began")
	require.Equal(t, plan.Streams, kept.Streams, "with the plan as it was")

	_, _, holder, err = store.BeginRun(t.Context(), catalog.Execution{WorkflowID: "ingest/nightly-2", FirstRunID: "second"}, plan)
	require.NoError(t, err)
	require.Equal(t, ref.RunID, holder.RunID)
	require.Equal(t, "ingest/nightly", holder.WorkflowID)
	require.ErrorContains(t, store.DeleteProfile(t.Context(), "nightly"), "cancel")

	require.NoError(t, store.BreakLease(t.Context(), ref.RunID, lifecycle.Failed, "terminated"))
	run, err := store.Run(t.Context(), ref.RunID)
	require.NoError(t, err)
	require.Equal(t, lifecycle.Failed, run.Outcome)
	second, _, holder, err := store.BeginRun(t.Context(), catalog.Execution{WorkflowID: "ingest/nightly-2", FirstRunID: "second"}, plan)
	require.NoError(t, err)
	require.Nil(t, holder)
	require.Greater(t, second, ref.RunID)

	// The first run comes back and finds that it may not write any more.
	_, err = store.ClaimFetch(t.Context(), ref)
	require.ErrorIs(t, err, catalog.ErrSuperseded)
	_, _, err = store.ClaimWrite(t.Context(), ref)
	require.ErrorIs(t, err, catalog.ErrSuperseded)
}

func TestOfManyStartersOneGetsTheLease(t *testing.T) {
	store := open(t)
	plan := planOf(t, store, profile(t, store, connector(t, store, "tas"), "nightly"))
	results := make(chan bool, 8)
	var group errgroup.Group
	for i := range cap(results) {
		group.Go(func() error {
			_, _, holder, err := store.BeginRun(t.Context(), catalog.Execution{WorkflowID: "w", FirstRunID: string(rune('a' + i))}, plan)
			results <- err == nil && holder == nil
			return err
		})
	}
	require.NoError(t, group.Wait())
	won := 0
	for range cap(results) {
		if <-results {
			won++
		}
	}
	require.Equal(t, 1, won)
}

func TestFetchingGoesOnAfterTheLastStoredChunk(t *testing.T) {
	store := open(t)
	_, ref := begun(t, store)
	point, err := store.ClaimFetch(t.Context(), ref)
	require.NoError(t, err)
	require.Equal(t, int32(1), point.Batch)

	after := point
	after.Cursor, after.Chunk, after.Records, after.Pages = "c1", 1, 10, 1
	chunk := catalog.Chunk{Records: 10, RawBytes: 100, Data: []byte("data")}
	require.NoError(t, store.SaveChunk(t.Context(), ref, chunk, []catalog.Reject{{Finding: -1, AssetID: "7", Reason: "unreadable"}}, after))

	// Another attempt takes over; the first one is too late.
	retry, err := store.ClaimFetch(t.Context(), ref)
	require.NoError(t, err)
	require.Equal(t, "c1", retry.Cursor)
	require.Equal(t, int32(1), retry.Chunk)
	require.Equal(t, int64(10), retry.Records)
	after.Cursor, after.Chunk = "c2", 2
	require.ErrorIs(t, store.SaveChunk(t.Context(), ref, chunk, nil, after), catalog.ErrSuperseded)

	size, err := store.BatchSize(t.Context(), ref)
	require.NoError(t, err)
	require.Equal(t, catalog.BatchSize{Records: 10, RawBytes: 100}, size)
	rejects, err := store.Rejects(t.Context(), ref.RunID, 10, 0)
	require.NoError(t, err)
	require.Len(t, rejects, 1)
	require.Equal(t, "fetch", rejects[0].Stage)

	ref.Batch = 3
	_, err = store.ClaimFetch(t.Context(), ref)
	require.ErrorIs(t, err, catalog.ErrSuperseded, "batch 2 comes first")
	ref.Batch = 2
	point, err = store.ClaimFetch(t.Context(), ref)
	require.NoError(t, err)
	require.Zero(t, point.Chunk)
	require.Equal(t, "c1", point.Cursor)
	ref.Batch = 1
	_, err = store.ClaimFetch(t.Context(), ref)
	require.ErrorIs(t, err, catalog.ErrSuperseded, "batch 1 is closed")
}

func TestABatchIsWrittenOnce(t *testing.T) {
	store := open(t)
	_, ref := begun(t, store)
	old, written, err := store.ClaimWrite(t.Context(), ref)
	require.NoError(t, err)
	require.False(t, written)
	token, _, err := store.ClaimWrite(t.Context(), ref)
	require.NoError(t, err)

	count := func(pgx.Tx) (catalog.BatchCounts, error) {
		return catalog.BatchCounts{Assets: lifecycle.Counts{Created: 3, LeftOut: 6}, Findings: lifecycle.Counts{Updated: 2, Rejected: 1, LeftOut: 7}, LeftAlone: 8, Conflicting: 9}, nil
	}
	rejects := []catalog.Reject{{Ordinal: 4, Finding: 2, AssetID: "1", FindingID: "9", Reason: "severity"}}
	_, err = store.WriteBatch(t.Context(), ref, old, rejects, count)
	require.ErrorIs(t, err, catalog.ErrSuperseded, "an attempt that was given up")
	_, err = store.WriteBatch(t.Context(), ref, token, rejects, func(pgx.Tx) (catalog.BatchCounts, error) {
		return catalog.BatchCounts{}, context.DeadlineExceeded
	})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	none, err := store.Rejects(t.Context(), ref.RunID, 10, 0)
	require.NoError(t, err)
	require.Empty(t, none, "neither did what was not written, nor its rejects")

	counts, err := store.WriteBatch(t.Context(), ref, token, rejects, count)
	require.NoError(t, err)
	_, err = store.WriteBatch(t.Context(), ref, token, rejects, count)
	require.ErrorIs(t, err, catalog.ErrSuperseded, "the batch is written")
	_, written, err = store.ClaimWrite(t.Context(), ref)
	require.NoError(t, err)
	require.True(t, written)
	stored, err := store.BatchCountsOf(t.Context(), ref)
	require.NoError(t, err)
	require.Equal(t, counts, stored)

	run, err := store.Run(t.Context(), ref.RunID)
	require.NoError(t, err)
	require.Equal(t, lifecycle.Counts{Created: 3, LeftOut: 6}, run.Assets)
	require.Equal(t, lifecycle.Counts{Updated: 2, Rejected: 1, LeftOut: 7}, run.Findings)
	require.EqualValues(t, 8, run.LeftAlone)
	conflicting, err := store.Conflicting(t.Context(), ref.RunID, ref.Stream)
	require.NoError(t, err)
	require.EqualValues(t, 9, conflicting)
	list, err := store.Rejects(t.Context(), ref.RunID, 10, 0)
	require.NoError(t, err)
	require.Len(t, list, 1)

	require.NoError(t, store.FinishRun(t.Context(), ref.RunID, catalog.Ending{Outcome: lifecycle.Succeeded, AssetsIn: true}))
	run, err = store.Run(t.Context(), ref.RunID)
	require.NoError(t, err)
	phases, err := store.Phases(t.Context(), ref.RunID)
	require.NoError(t, err)
	require.Equal(t, phases[0].Written, run.AssetsInAt, "findings may come after the assets")
	require.True(t, run.FinishedAt.After(*run.AssetsInAt))
}

func TestFinishMovesTheWatermarksOfCompleteStreamsOnly(t *testing.T) {
	store := open(t)
	plan, ref := begun(t, store)
	clock := time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)
	point, err := store.ClaimFetch(t.Context(), ref)
	require.NoError(t, err)
	point.Clock, point.Ended = &clock, true
	require.NoError(t, store.SaveChunk(t.Context(), ref, catalog.Chunk{}, nil, point))

	end := catalog.Ending{Outcome: lifecycle.Succeeded, AssetsIn: true, Complete: []string{"APPLICATION"}}
	require.NoError(t, store.FinishRun(t.Context(), ref.RunID, end))
	require.NoError(t, store.FinishRun(t.Context(), ref.RunID, catalog.Ending{Outcome: lifecycle.Failed}), "again does nothing")
	marks, err := store.Watermarks(t.Context(), plan.ProfileID)
	require.NoError(t, err)
	require.Equal(t, clock, marks["APPLICATION"].Clock.UTC())
	require.Equal(t, clock, marks["APPLICATION"].FullAt.UTC())

	p, err := store.Profile(t.Context(), "nightly")
	require.NoError(t, err)
	standing, err := store.StandingOf(t.Context(), p)
	require.NoError(t, err)
	require.True(t, standing.AssetsIn)
	require.Nil(t, standing.Holder)
	require.Equal(t, lifecycle.Succeeded, standing.Last.Outcome)

	// A delta run moves the clock, not the time of the last full run.
	plan.Mode, plan.Streams[0].Since = lifecycle.Delta, clock
	plan.Filters = map[string][]string{"severities": {"4", "5"}}
	later := clock.Add(time.Hour)
	runID, _, _, err := store.BeginRun(t.Context(), catalog.Execution{WorkflowID: "w", FirstRunID: "delta"}, plan)
	require.NoError(t, err)
	ref.RunID = runID
	point, err = store.ClaimFetch(t.Context(), ref)
	require.NoError(t, err)
	point.Clock = &later
	require.NoError(t, store.SaveChunk(t.Context(), ref, catalog.Chunk{}, nil, point))
	require.NoError(t, store.FinishRun(t.Context(), runID, end))
	marks, err = store.Watermarks(t.Context(), plan.ProfileID)
	require.NoError(t, err)
	require.Equal(t, later, marks["APPLICATION"].Clock.UTC())
	require.Equal(t, clock, marks["APPLICATION"].FullAt.UTC())
	require.Empty(t, marks["APPLICATION"].Filters, "what the full run went by: what its filters kept out is still to be read")

	// Profiles of a connector share what findings refer to.
	shared, err := store.ReferenceWatermark(t.Context(), plan.ConnectorID, "APPLICATION", marks["APPLICATION"].MapDigest)
	require.NoError(t, err)
	require.Equal(t, later, shared.Clock.UTC())
	none, err := store.ReferenceWatermark(t.Context(), plan.ConnectorID, "APPLICATION", "of something else")
	require.NoError(t, err)
	require.Nil(t, none, "it was read by another map")
}

func TestWhoReadsOnWhereAnotherProfileStoppedHasNotReadEverything(t *testing.T) {
	store := open(t)
	plan, ref := begun(t, store)
	clock := time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)
	finish := func(runID int64, clock time.Time) {
		ref.RunID = runID
		point, err := store.ClaimFetch(t.Context(), ref)
		require.NoError(t, err)
		point.Clock = &clock
		require.NoError(t, store.SaveChunk(t.Context(), ref, catalog.Chunk{}, nil, point))
		require.NoError(t, store.FinishRun(t.Context(), runID, catalog.Ending{Outcome: lifecycle.Succeeded, Complete: []string{"APPLICATION"}}))
	}
	finish(ref.RunID, clock)

	c, err := store.ConnectorByID(t.Context(), plan.ConnectorID)
	require.NoError(t, err)
	second := planOf(t, store, profile(t, store, c, "second"))
	second.Streams[0].Role, second.Streams[0].Since, second.Streams[0].FullAt = source.Reference, clock.Add(-time.Hour), clock
	second.Filters = map[string][]string{"severities": {"4", "5"}}
	later := clock.Add(24 * time.Hour)
	runID, _, _, err := store.BeginRun(t.Context(), catalog.Execution{WorkflowID: "ingest/second", FirstRunID: "second"}, second)
	require.NoError(t, err)
	finish(runID, later)
	first, err := store.MapByID(t.Context(), plan.Streams[0].MapID)
	require.NoError(t, err)
	shared, err := store.ReferenceWatermark(t.Context(), plan.ConnectorID, "APPLICATION", first.Digest)
	require.NoError(t, err)
	require.Equal(t, later, shared.Clock.UTC())
	require.Equal(t, clock, shared.FullAt.UTC(), "everything was read by the first profile")
	require.Equal(t, second.Filters, shared.Filters)
}

func TestCleaningUpDeletesWhatIsPastItsRetention(t *testing.T) {
	store := open(t)
	plan, ref := begun(t, store)
	point, err := store.ClaimFetch(t.Context(), ref)
	require.NoError(t, err)
	point.Chunk = 1
	require.NoError(t, store.SaveChunk(t.Context(), ref, catalog.Chunk{Records: 1, Data: []byte("x")}, []catalog.Reject{{Finding: -1}}, point))
	require.NoError(t, store.Log(t.Context(), plan.ConnectorID, ref.RunID, "info", "old", nil))
	for range 2 {
		c, err := store.ConnectorByID(t.Context(), plan.ConnectorID)
		require.NoError(t, err)
		require.NoError(t, store.SaveChecks(t.Context(), c, "TAS", []source.Check{{Step: "token", Seen: -1}}))
	}
	retention := catalog.Retention{Raw: time.Hour, Log: 48 * time.Hour}
	clean := func(in time.Duration) catalog.Cleaned {
		done, err := store.CleanUp(t.Context(), retention, time.Now().Add(in))
		require.NoError(t, err)
		return done
	}
	require.Equal(t, catalog.Cleaned{Log: 1, Checks: 1}, clean(72*time.Hour), "of a run under way only the log; the last test stays")
	require.NoError(t, store.FinishRun(t.Context(), ref.RunID, catalog.Ending{Outcome: lifecycle.Succeeded}))
	require.Zero(t, clean(0), "nothing is old enough")
	require.Equal(t, catalog.Cleaned{Chunks: 1}, clean(2*time.Hour))
	require.Equal(t, catalog.Cleaned{Rejects: 1}, clean(72*time.Hour))
	require.Zero(t, clean(72*time.Hour))
	run, err := store.Run(t.Context(), ref.RunID)
	require.NoError(t, err)
	require.Equal(t, lifecycle.Succeeded, run.Outcome, "the history stays")
}

func TestPhasesSayHowEachStreamWent(t *testing.T) {
	store := open(t)
	_, ref := begun(t, store)
	point, err := store.ClaimFetch(t.Context(), ref)
	require.NoError(t, err)
	point.Chunk, point.Pages, point.Records, point.Ended = 1, 2, 30, true
	require.NoError(t, store.SaveChunk(t.Context(), ref, catalog.Chunk{Records: 30, Data: []byte("x")}, nil, point))
	token, _, err := store.ClaimWrite(t.Context(), ref)
	require.NoError(t, err)
	_, err = store.WriteBatch(t.Context(), ref, token, nil, func(pgx.Tx) (catalog.BatchCounts, error) {
		return catalog.BatchCounts{Assets: lifecycle.Counts{LeftOut: 4}, Findings: lifecycle.Counts{Created: 70, Rejected: 1, LeftOut: 9}, Conflicting: 2}, nil
	})
	require.NoError(t, err)
	phases, err := store.Phases(t.Context(), ref.RunID)
	require.NoError(t, err)
	require.Len(t, phases, 1)
	require.NotNil(t, phases[0].Written)
	phases[0].Begun, phases[0].Written = nil, nil
	require.Equal(t, catalog.Phase{Stream: "APPLICATION", Batches: 1, Pages: 2, Records: 30, Repeated: 2, Findings: 80, Assets: lifecycle.Counts{LeftOut: 4}, Ended: true}, phases[0])
}

func TestLogsAreReadByRunAndByConnector(t *testing.T) {
	store := open(t)
	plan, ref := begun(t, store)
	require.NoError(t, store.Log(t.Context(), plan.ConnectorID, 0, "info", "tested", nil))
	require.NoError(t, store.Log(t.Context(), plan.ConnectorID, ref.RunID, "warn", "waiting", map[string]any{"seconds": 5}))
	run, err := store.RunLog(t.Context(), ref.RunID, catalog.LogFilter{Limit: 10})
	require.NoError(t, err)
	require.Len(t, run, 1)
	require.Equal(t, "waiting", run[0].Message)
	all, err := store.ConnectorLog(t.Context(), plan.ConnectorID, catalog.LogFilter{Limit: 10})
	require.NoError(t, err)
	require.Equal(t, "tested", all[0].Message)
	require.Equal(t, "waiting", all[1].Message)
	warnings, err := store.ConnectorLog(t.Context(), plan.ConnectorID, catalog.LogFilter{Levels: []string{"warn", "error"}, Limit: 10})
	require.NoError(t, err)
	require.Equal(t, all[1:], warnings)
	later, err := store.ConnectorLog(t.Context(), plan.ConnectorID, catalog.LogFilter{After: all[0].ID, Limit: 10})
	require.NoError(t, err)
	require.Equal(t, all[1:], later)
}

func TestTheServerNoticesThatAHostHasVanished(t *testing.T) {
	store := open(t)
	for setting, want := range map[string]string{"tcp_keepalives_idle": "30", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "3"} {
		require.Equal(t, want, store.Pool().Config().ConnConfig.RuntimeParams[setting], "also of the connections that locks are held by")
		var got string
		require.NoError(t, store.Pool().QueryRow(t.Context(), "SHOW "+setting).Scan(&got))
		require.Equal(t, want, got)
	}
}
