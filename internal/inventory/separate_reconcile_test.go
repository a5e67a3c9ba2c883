package inventory_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/inventory"
	"sluice/internal/transform"
)

// statuses are the findings by what they are shown as.
func (e *estate) statuses() map[string]string {
	shown := make(map[string]string)
	for key, f := range e.findings() {
		shown[key] = f.Status
	}
	return shown
}

// seenOf counts what a run has kept of what it saw.
func (e *estate) seenOf(runID int64) (n int) {
	require.NoError(e.t, e.store.Pool().QueryRow(e.t.Context(), "SELECT count(*) FROM seen_findings WHERE run_id = $1", runID).Scan(&n))
	return n
}

func TestAFindingThatAFullRunDidNotSeeIsFixed(t *testing.T) {
	e := newSeparateEstate(t)
	e.write(found("1", finding("10", 5)), found("1", finding("11", 5)), found("1", withStatus(finding("12", 5), "FIXED")), found("2", finding("20", 5)))
	require.Zero(t, e.reconcile(nil).Fixed)

	e.run()
	e.writeAssets(app("3"))
	e.write(found("1", finding("10", 5)))
	e.write(found("1", finding("13", 5))) // the same asset in another batch
	require.Equal(t, "open", e.findings()["1/11"].Status, "until the stream is known to be complete")
	require.Equal(t, int64(1), e.reconcile(nil).Fixed)
	require.Equal(t, map[string]string{"1/10": "open", "1/11": "fixed", "1/12": "fixed", "1/13": "open", "2/20": "open"}, e.statuses(),
		"asset 2 was not seen: nothing is known of its findings")
	require.Nil(t, e.findings()["1/12"].FixedAt, "the source had said so")
	require.Equal(t, map[string]int{"asset created": 1, "finding created": 1, "finding fixed": 1}, e.changes())
	require.Zero(t, e.reconcile(nil).Fixed, "again changes nothing")

	e.run()
	e.write(found("1", finding("11", 5)))
	require.Equal(t, "open", e.findings()["1/11"].Status)
	require.Equal(t, map[string]int{"finding reopened": 1}, e.changes())
}

func TestAnAssetThatWasSeenWithoutFindingsHasNone(t *testing.T) {
	e := newSeparateEstate(t)
	e.write(found("1", finding("10", 5)))
	e.run()
	e.writeAssets(app("1"))
	require.Equal(t, int64(1), e.reconcile(nil).Fixed)
}

func TestAFindingThatWasAbsentAndIsDeliveredAsFixedStaysFixed(t *testing.T) {
	e := newSeparateEstate(t)
	e.write(found("1", finding("10", 5)))
	e.run()
	e.writeAssets(app("1"))
	e.reconcile(nil)
	e.run()
	counts := e.write(found("1", withStatus(finding("10", 5), "FIXED"))).Findings
	require.Equal(t, int64(1), counts.Updated)
	require.Equal(t, "fixed", e.findings()["1/10"].Status)
	require.Nil(t, e.findings()["1/10"].FixedAt)
	require.Equal(t, map[string]int{"finding updated": 1}, e.changes())
}

func TestWhatARunDoesNotProveIsNotFixed(t *testing.T) {
	for name, change := range map[string]func(*inventory.Policy){
		"a delta run":                             func(p *inventory.Policy) { p.Full = false },
		"the profile preserves absent findings":   func(p *inventory.Policy) { p.FixAbsent = false },
		"a stream in which something was unknown": func(p *inventory.Policy) { p.Full = false },
	} {
		t.Run(name, func(t *testing.T) {
			e := newSeparateEstate(t)
			e.write(found("1", finding("10", 5)), found("1", finding("11", 5)))
			e.run()
			e.write(found("1", finding("10", 5)))
			require.Equal(t, inventory.Reconciled{}, e.reconcile(change))
			require.Equal(t, "open", e.findings()["1/11"].Status)
		})
	}
}

func TestRejectedFindingsWereSeen(t *testing.T) {
	e := newSeparateEstate(t)
	for asset := range 5 {
		for f := range 3 {
			e.write(found(fmt.Sprint(asset), finding(fmt.Sprint(f), 5)))
		}
	}
	e.run()
	e.writeAssets(app("4"))
	batch := inventory.NewBatch(e.scope.Role)
	one := found("0", finding("0", 5))
	batch.Add(&one, []string{"1"}) // a record with several findings, one rejected
	two := found("1", finding("0", 5))
	batch.Add(&two, []string{""}) // one without an id, which may be any
	batch.SawFinding("2", "2")    // a record that is one finding
	batch.SawFinding("2", "99")   // one that was never stored
	batch.SawFinding("none", "1") // of an asset that was never stored
	batch.Saw("3")                // the asset itself was rejected, with its findings
	e.writeBatch(batch)
	require.Equal(t, int64(1+0+2+0+3), e.reconcile(nil).Fixed)
	var open []string
	for key, status := range e.statuses() {
		if status == "open" {
			open = append(open, key)
		}
	}
	require.ElementsMatch(t, []string{"0/0", "0/1", "1/0", "1/1", "1/2", "2/2", "3/0", "3/1", "3/2"}, open)
}

func TestWhatAnotherProfileFoundMeanwhileIsNotFixed(t *testing.T) {
	e := newSeparateEstate(t)
	e.write(found("1", finding("10", 5)), found("1", finding("11", 5)))
	e.run()
	e.write(found("1", finding("10", 5)))

	other := *e
	other.scope.ProfileID = e.profile("second")
	other.run()
	other.write(found("1", finding("12", 5))) // came into being after the full run had read asset 1
	require.Equal(t, int64(1), e.reconcile(nil).Fixed)
	require.Equal(t, map[string]string{"1/10": "open", "1/11": "fixed", "1/12": "open"}, e.statuses())

	other.run()
	e.runs = other.runs
	e.run()
	e.write(found("1", finding("10", 5)))
	require.Equal(t, int64(1), e.reconcile(nil).Fixed, "a run that was over before this one began has no say")
}

func TestOtherAssetsAreNotJudged(t *testing.T) {
	e := newSeparateEstate(t)
	first := e.scope
	e.write(found("1", finding("10", 5)))
	e.scope.Class = "apiCollection"
	e.write(found("1", finding("10", 5)))
	e.scope = first
	e.scope.ProfileID = e.profile("second")
	e.write(found("2", finding("20", 5)))
	e.scope = first
	e.run()
	e.writeAssets(app("1"))
	require.Equal(t, int64(1), e.reconcile(nil).Fixed)
	require.Equal(t, "open", e.findings()["2/20"].Status, "the other profile's")
}

func TestTheShrinkGuardFixesNothing(t *testing.T) {
	e := newSeparateEstate(t)
	write := func(from, to int) {
		for i := from; i < to; i++ {
			a := found("1", finding(fmt.Sprint(i), 5))
			e.write(a)
		}
	}
	guarded := func(p *inventory.Policy) { p.ShrinkPercent = 20 }
	write(0, 40)
	for i := range 30 { // these are no open ones
		e.write(found("1", withStatus(finding(fmt.Sprint("fixed ", i), 5), "FIXED")))
	}
	require.Empty(t, e.reconcile(guarded).Guarded)

	e.run()
	write(0, 29)
	write(40, 100) // new ones do not make up for it
	done := e.reconcile(guarded)
	require.Zero(t, done.Fixed)
	require.Contains(t, done.Guarded, "11 of 40 known open findings")
	require.Contains(t, done.Guarded, "accept it with 'sluice run nightly --accept-shrink'")
	require.Equal(t, "open", e.findings()["1/39"].Status)

	e.run()
	write(0, 29)
	write(40, 100)
	done = e.reconcile(func(p *inventory.Policy) { p.ShrinkPercent, p.AcceptShrink = 20, true })
	require.Equal(t, int64(11), done.Fixed)
	require.Empty(t, done.Guarded)

	e.run()
	write(10, 29)
	write(40, 100)
	require.Equal(t, int64(10), e.reconcile(func(p *inventory.Policy) { p.ShrinkPercent = 1 }).Fixed, "so few are not guarded")
}

func TestWhatARunSawIsForgottenWhenItEnds(t *testing.T) {
	e := newSeparateEstate(t)
	e.write(found("1", finding("10", 5)))
	run := e.scope.RunID
	require.Equal(t, 1, e.seenOf(run))
	require.NoError(t, e.store.BreakLease(t.Context(), run, "failed", "test"))
	require.Zero(t, e.seenOf(run))

	e.run()
	e.scope.Full = false
	e.write(found("1", finding("10", 5)))
	require.Zero(t, e.seenOf(e.scope.RunID), "a delta run keeps nothing")
}

func TestDeletingAConnectorDeletesAllThatCameFromIt(t *testing.T) {
	e := newSeparateEstate(t)
	e.write(found("1", sighted(finding("10", 5), noon, 1)))
	e.writeKnowledge(transform.Vulnerability{QID: 7})
	require.NoError(t, e.store.DeleteProfile(t.Context(), "first"))
	require.NoError(t, e.store.DeleteConnector(t.Context(), "tas"))
	require.Empty(t, e.versions())
}

func TestWhereNoStreamSaysWhichAssetsAreThereAnAssetWithoutFindingsHasNone(t *testing.T) {
	e := newSeparateEstate(t)
	all := func(p *inventory.Policy) { p.AllAssets = true }
	e.write(found("1", finding("10", 5)), found("2", finding("20", 5)), found("3", finding("30", 5)))
	require.Zero(t, e.reconcile(all).Fixed)

	first := e.scope.ProfileID
	e.scope.ProfileID = e.profile("second")
	e.run()
	e.write(found("3", finding("30", 5)))
	e.scope.ProfileID = first
	e.run()
	e.write(found("1", finding("10", 5)))
	require.Equal(t, int64(1), e.reconcile(all).Fixed)
	require.Equal(t, map[string]string{"1/10": "open", "2/20": "fixed", "3/30": "open"}, e.statuses(), "asset 3 is for another profile to judge")
	require.Zero(t, e.reconcile(all).Fixed, "again changes nothing")

	e.run()
	require.Equal(t, int64(1), e.reconcile(all).Fixed, "nothing was seen: nothing is there")
	require.Equal(t, map[string]string{"1/10": "fixed", "2/20": "fixed", "3/30": "open"}, e.statuses())

	e.run()
	e.write(found("2", finding("20", 5)))
	require.Equal(t, "open", e.statuses()["2/20"])
}

func TestThatNothingWasSeenIsNotBelieved(t *testing.T) {
	e := newSeparateEstate(t)
	for i := range 12 {
		e.write(found(fmt.Sprint(i), finding("1", 5)))
	}
	e.run()
	done := e.reconcile(func(p *inventory.Policy) { p.AllAssets, p.ShrinkPercent = true, 50 })
	require.Zero(t, done.Fixed)
	require.Contains(t, done.Guarded, "12 of 12 known open findings were not delivered any more")
	require.Contains(t, done.Guarded, "that a file has only a part of what there is")
	require.Equal(t, int64(12), e.reconcile(func(p *inventory.Policy) { p.AllAssets, p.AcceptShrink = true, true }).Fixed)
}
