package inventory_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/inventory"
	"sluice/internal/source"
)

// replaying lets what is written from here on be a replay of a run.
func (e *estate) replaying(run int64, since inventory.Replayed) {
	e.run()
	_, err := e.store.Pool().Exec(e.t.Context(), `UPDATE runs SET plan = jsonb_build_object('replay', jsonb_build_object('run', $2::bigint)) WHERE id = $1`, e.scope.RunID, run)
	require.NoError(e.t, err)
	since.RunID = run
	require.NoError(e.t, e.store.Pool().QueryRow(e.t.Context(), "SELECT finished_at FROM runs WHERE id = $1", run).Scan(&since.Ended))
	e.scope.Replays = &since
}

func TestAReplayOfTheNewestRunBringsBackWhatThatRunItselfTookForGone(t *testing.T) {
	e := newEstate(t)
	e.write(app("1", finding("10", 4)), app("2"))
	e.run()
	e.write(app("one", finding("10", 4)), app("2")) // by a map that names them otherwise
	require.EqualValues(t, 1, e.reconcile(nil).Stale)

	e.replaying(e.scope.RunID, inventory.Replayed{})
	counts := e.write(app("1", finding("10", 4)), app("2"))
	require.EqualValues(t, 1, counts.Assets.Returned)
	require.Zero(t, counts.LeftAlone)
	require.EqualValues(t, 1, e.reconcile(nil).Stale)
	require.Nil(t, e.assets()["1"].StaleSince)
	require.NotNil(t, e.assets()["one"].StaleSince)
}

// Whatever is replayed how often: what the replayed run missed, it missed once.
func TestAReplayRetiresNothing(t *testing.T) {
	e := newEstate(t)
	e.write(app("1"), app("2"))
	e.run()
	e.write(app("2"))
	e.reconcile(nil)
	newest := e.scope.RunID
	for range 4 {
		e.replaying(newest, inventory.Replayed{})
		e.write(app("2"))
		require.Equal(t, inventory.Reconciled{}, e.reconcile(nil))
	}
	require.NotNil(t, e.assets()["1"].StaleSince)
}

func TestAnOvertakenReplayMakesNothingThatANewerRunHasNotSeen(t *testing.T) {
	for name, change := range map[string]func(*estate){
		"assets":   func(*estate) {},
		"findings": func(e *estate) { e.scope.Role, e.scope.Nested, e.scope.Stream = source.Findings, false, "FINDING" },
	} {
		t.Run(name, func(t *testing.T) {
			e := newEstate(t)
			change(e)
			e.write(app("1", finding("10", 4))) // 2, with 20, and 1's 11 were rejected
			first := e.scope.RunID
			e.run()
			e.write(app("1", finding("10", 4))) // and are not there any more

			e.replaying(first, inventory.Replayed{Overtaken: true, ReadAgain: true})
			counts := e.write(app("1", finding("10", 4), finding("11", 4)), app("2", finding("20", 4)))
			require.Zero(t, counts.Assets.Created+counts.Findings.Created)
			require.Positive(t, counts.LeftAlone)
			require.Len(t, e.assets(), 1)
			require.Len(t, e.findings(), 1)

			// A newer run that did not read all says nothing of what it did not bring.
			e.scope.Replays.ReadAgain = false
			require.EqualValues(t, 1, e.write(app("2", finding("20", 4))).Assets.Created)
		})
	}
}

func TestAReplayDoesNotFixWhatANewerRunSawMeanwhile(t *testing.T) {
	e := newEstate(t)
	e.write(app("1", finding("10", 4), finding("11", 4)))
	first := e.scope.RunID
	e.replaying(first, inventory.Replayed{})
	e.write(app("1", finding("10", 4))) // by a map that leaves the other to be none
	replay := e.scope

	e.scope.Replays = nil
	e.scope.ProfileID = e.profile("second")
	e.run()
	e.write(app("1", finding("10", 4), finding("11", 4)))

	e.scope = replay
	e.scope.Replays = &inventory.Replayed{RunID: first, Ended: time.Now(), Overtaken: true}
	require.Zero(t, e.reconcile(func(p *inventory.Policy) { p.Full = false }).Fixed)
	require.Equal(t, "open", e.findings()["1/11"].Status)
}

// A run that began before the replayed one, and ended after it, may have read later.
func TestAnOvertakenReplayLeavesAloneWhatARunBesideItBrought(t *testing.T) {
	e := newEstate(t)
	beside := e.scope
	e.scope.ProfileID = e.profile("second")
	e.run()
	e.write(app("1", finding("10", 3)))
	replayed := e.scope
	_, err := e.store.Pool().Exec(t.Context(), "UPDATE runs SET finished_at = clock_timestamp() WHERE id = $1", replayed.RunID)
	require.NoError(t, err)
	require.Less(t, beside.RunID, replayed.RunID)
	e.scope = beside
	e.write(app("1", finding("10", 4)))
	_, err = e.store.Pool().Exec(t.Context(), "UPDATE runs SET finished_at = clock_timestamp() WHERE id = $1", beside.RunID)
	require.NoError(t, err)

	e.scope = replayed
	e.replaying(replayed.RunID, inventory.Replayed{Overtaken: true})
	require.Positive(t, e.write(app("1", finding("10", 3))).LeftAlone)
	require.EqualValues(t, 4, *e.findings()["1/10"].Severity)
}

func TestAReplaySeesNothingLaterThanTheReplayedRun(t *testing.T) {
	e := newEstate(t)
	e.write(app("1"))
	_, err := e.store.Pool().Exec(t.Context(), "UPDATE runs SET started_at = now() - interval '9 days' WHERE id = $1", e.scope.RunID)
	require.NoError(t, err)
	before := e.assets()["1"].LastSeen
	e.replaying(e.scope.RunID, inventory.Replayed{})
	e.write(app("1"))
	require.Equal(t, before, e.assets()["1"].LastSeen)
}
