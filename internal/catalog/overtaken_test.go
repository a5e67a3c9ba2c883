package catalog_test

import (
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"sluice/internal/catalog"
	"sluice/internal/lifecycle"
	"sluice/internal/source"
)

// course is a profile whose runs begin and end as a test says.
type course struct {
	t     *testing.T
	store *catalog.Store
	plan  catalog.Plan
}

func newCourse(t *testing.T, store *catalog.Store, connector catalog.Connector, name string) course {
	return course{t, store, planOf(t, store, profile(t, store, connector, name))}
}

// begin begins a run that goes by the plan with a change.
func (c course) begin(name string, change func(*catalog.Plan)) int64 {
	plan := c.plan
	plan.Streams = slices.Clone(plan.Streams)
	if change != nil {
		change(&plan)
	}
	id, _, holder, err := c.store.BeginRun(c.t.Context(), catalog.Execution{WorkflowID: name, FirstRunID: name}, plan)
	require.NoError(c.t, err)
	require.Nil(c.t, holder)
	return id
}

func (c course) end(run int64, how lifecycle.Outcome) {
	ending := catalog.Ending{Outcome: how}
	if how == lifecycle.Succeeded {
		ending.Complete = []string{"APPLICATION"}
	}
	require.NoError(c.t, c.store.FinishRun(c.t.Context(), run, ending))
}

// run is a run that succeeds.
func (c course) run(name string, change func(*catalog.Plan)) int64 {
	id := c.begin(name, change)
	c.end(id, lifecycle.Succeeded)
	return id
}

func replayOf(run int64) func(*catalog.Plan) {
	return func(p *catalog.Plan) { p.Mode, p.Replay = lifecycle.Replay, &catalog.Replay{Run: run} }
}

func (c course) since(replay, run int64) (since catalog.Since) {
	require.NoError(c.t, pgx.BeginFunc(c.t.Context(), c.store.Pool(), func(tx pgx.Tx) (err error) {
		since, err = catalog.SinceRun(c.t.Context(), tx, replay, run, "APPLICATION")
		return err
	}))
	require.False(c.t, since.Ended.IsZero())
	return since
}

func (c course) watermark() catalog.Watermark {
	marks, err := c.store.Watermarks(c.t.Context(), c.plan.ProfileID)
	require.NoError(c.t, err)
	return marks["APPLICATION"]
}

func TestARunIsOvertakenByWhatBringsSomethingNewer(t *testing.T) {
	store := open(t)
	conn := connector(t, store, "tas")
	c, other := newCourse(t, store, conn, "replayed"), newCourse(t, store, conn, "other")
	other.run("before", nil)
	dry := other.begin("dry", func(p *catalog.Plan) { p.Dry = true })
	replayed := c.run("replayed", nil)
	other.end(dry, lifecycle.Succeeded)
	other.run("another kind", func(p *catalog.Plan) { p.Kind = "qualys-was" })
	other.end(other.begin("nothing", nil), lifecycle.Failed)
	replay := c.begin("replay", replayOf(replayed))
	require.Equal(t, [2]bool{}, [2]bool{c.since(replay, replayed).Overtaken, c.since(replay, replayed).ReadAgain}, "none of them brings anything newer")
	nothing := other.begin("nothing again", nil)
	require.True(t, c.since(replay, replayed).Overtaken, "it may bring something")
	other.end(nothing, lifecycle.Failed)
	require.True(t, c.since(replay, replayed).Overtaken, "and once overtaken is overtaken, for all of the replay")
	c.end(replay, lifecycle.Succeeded)

	replay = c.begin("another replay", replayOf(replayed))
	require.False(t, c.since(replay, replayed).Overtaken)
	c.end(replay, lifecycle.Succeeded)
	c.run("delta", func(p *catalog.Plan) { p.Streams[0].Since = time.Now() })
	require.Equal(t, [2]bool{true, false}, [2]bool{c.since(replay, replayed).Overtaken, c.since(replay, replayed).ReadAgain})
	c.run("full", nil)
	require.Equal(t, [2]bool{true, true}, [2]bool{c.since(replay, replayed).Overtaken, c.since(replay, replayed).ReadAgain})
}

// Which of two runs beside each other began first says nothing of which has read
// last.
func TestARunIsOvertakenByOneThatWentOnBesideIt(t *testing.T) {
	store := open(t)
	conn := connector(t, store, "tas")
	c, other := newCourse(t, store, conn, "replayed"), newCourse(t, store, conn, "other")
	early := other.begin("early", nil)
	replayed := c.run("replayed", nil)
	replay := c.begin("replay", replayOf(replayed))
	require.True(t, c.since(replay, replayed).Overtaken)
	other.end(early, lifecycle.Succeeded)
	require.True(t, c.since(replay, replayed).Overtaken)
}

func TestAReplayOfADryRunOvertakesWhatWasBefore(t *testing.T) {
	store := open(t)
	c := newCourse(t, store, connector(t, store, "tas"), "replayed")
	older := c.run("older", nil)
	dry := c.run("dry", func(p *catalog.Plan) { p.Dry = true })
	c.run("replay of the dry one", replayOf(dry))
	before := c.watermark()
	replay := c.run("replay of the older one", replayOf(older))
	require.True(t, c.since(replay, older).Overtaken)
	require.Equal(t, before, c.watermark())
}

func TestAReplayOfADeltaDoesNotSpeakForAllOfAReference(t *testing.T) {
	store := open(t)
	c := newCourse(t, store, connector(t, store, "tas"), "replayed")
	c.plan.Streams[0].Role = source.Reference
	c.run("all", nil)
	full := time.Now().Add(-time.Hour)
	part := func(p *catalog.Plan) { p.Streams[0].Since, p.Streams[0].FullAt = full, full }
	delta := c.run("delta", part)
	was, err := store.MapByID(t.Context(), c.plan.Streams[0].MapID)
	require.NoError(t, err)
	other, err := store.LatestMap(t.Context(), "qualys-tas-api-collection")
	require.NoError(t, err)
	c.run("replay by another map", func(p *catalog.Plan) {
		part(p)
		replayOf(delta)(p)
		p.Streams[0].MapID = other.ID
	})
	for _, digest := range []string{was.Digest, other.Digest} {
		w, err := store.ReferenceWatermark(t.Context(), c.plan.ConnectorID, "APPLICATION", digest)
		require.NoError(t, err)
		require.Nil(t, w, "some of it is mapped by the one, and some by the other")
	}
}

// A run that was not complete has learned nothing, so that what its replay finds
// to be gone would be taken for known and unchanged when it is back.
func TestAReplayForgetsWhatTheReplayedRunDidNotLearn(t *testing.T) {
	store := open(t)
	c := newCourse(t, store, connector(t, store, "tas"), "replayed")
	fetch := func(run int64, remember map[string]string) int64 {
		ref := catalog.BatchRef{RunID: run, Stream: "APPLICATION", Batch: 1}
		point, err := store.ClaimFetch(t.Context(), ref)
		require.NoError(t, err)
		point.Chunk, point.Records = 1, 10
		require.NoError(t, store.SaveChunk(t.Context(), ref, catalog.Chunk{Records: 10, Data: []byte("x"), Remember: remember}, nil, point))
		return run
	}
	known := func() map[string]string {
		found, err := store.Recall(t.Context(), c.plan.ProfileID, "APPLICATION", []string{"gone", "there"})
		require.NoError(t, err)
		return found
	}
	complete := fetch(c.begin("complete", nil), map[string]string{"gone": "1", "there": "1"})
	c.end(complete, lifecycle.Succeeded)
	c.run("replay of it", replayOf(complete))
	c.run("and again", replayOf(complete))
	require.Equal(t, map[string]string{"gone": "1", "there": "1"}, known(), "what it has learned stays")
	guarded := fetch(c.begin("guarded", nil), map[string]string{"there": "2"})
	c.end(guarded, lifecycle.Partial)
	c.run("replay that accepts it", replayOf(guarded))
	require.Empty(t, known())
}
