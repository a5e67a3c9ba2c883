package inventory_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/inventory"
	"sluice/internal/lifecycle"
	"sluice/internal/transform"
)

func TestANewRecordIsStoredFieldByField(t *testing.T) {
	e := newEstate(t)
	counts := e.write(app("1", finding("10", 5), transform.Finding{ExternalID: "11", Attributes: []byte(`{"cvss":9.8}`)}), transform.Asset{ExternalID: "2"})
	require.Equal(t, lifecycle.Counts{Created: 2}, counts.Assets)
	require.Equal(t, lifecycle.Counts{Created: 2}, counts.Findings)

	a := e.assets()["1"]
	require.Equal(t, "Über 1", *a.Name)
	require.Equal(t, "https://1.example", *a.BaseURL)
	require.Nil(t, a.SpecificationURL)
	require.Equal(t, time.Date(2025, 3, 1, 12, 0, 0, 123_000, time.UTC), a.SourceCreatedAt.UTC())
	require.Equal(t, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), a.SourceUpdatedAt.UTC())
	require.JSONEq(t, `{"tags":["ä","b"]}`, string(a.Attributes))
	require.Equal(t, "active", a.Status)
	require.NotNil(t, a.LastSeen)
	require.NotEmpty(t, a.Map, "lineage names the map")

	bare := e.assets()["2"]
	require.Nil(t, bare.Name)
	require.Nil(t, bare.SourceCreatedAt)
	require.Nil(t, bare.Attributes)

	f := e.findings()["1/10"]
	require.Equal(t, "SQL 注入 10", *f.Name)
	require.Equal(t, int16(5), *f.Severity)
	require.Equal(t, "open", f.Status)
	require.Nil(t, e.findings()["1/11"].Severity)
	require.JSONEq(t, `{"cvss":9.8}`, string(e.findings()["1/11"].Attributes))
	require.Equal(t, map[string]int{"asset created": 2, "finding created": 2}, e.changes())
}

func TestAnUnchangedRecordCausesNoRowVersion(t *testing.T) {
	e := newEstate(t)
	e.write(app("1", finding("10", 5)), app("2", finding("10", 1), finding("11", 2)))
	before := e.versions()
	e.run()
	counts := e.write(app("1", finding("10", 5)), app("2", finding("11", 2), finding("10", 1)))
	require.Equal(t, lifecycle.Counts{Unchanged: 2}, counts.Assets)
	require.Equal(t, lifecycle.Counts{Unchanged: 3}, counts.Findings)
	require.Equal(t, before, e.versions())
	require.Empty(t, e.changes())
}

func TestOnlyWhatChangedIsRewritten(t *testing.T) {
	e := newEstate(t)
	e.write(app("1", finding("10", 5), finding("11", 5)), app("2", finding("10", 1)))
	before := e.versions()
	e.run()
	renamed := app("2", finding("10", 1))
	renamed.Name = "new"
	counts := e.write(app("1", finding("10", 4), finding("11", 5), finding("12", 3)), renamed)
	require.Equal(t, lifecycle.Counts{Unchanged: 1, Updated: 1}, counts.Assets)
	require.Equal(t, lifecycle.Counts{Created: 1, Updated: 1, Unchanged: 2}, counts.Findings)
	require.Equal(t, "new", *e.assets()["2"].Name)
	require.Equal(t, int16(4), *e.findings()["1/10"].Severity)
	require.Equal(t, map[string]int{"asset updated": 1, "finding updated": 1, "finding created": 1}, e.changes())
	after := e.versions()
	kept := 0
	for _, v := range before {
		for _, w := range after {
			if v == w {
				kept++
			}
		}
	}
	require.Equal(t, 3, kept, "asset 1, finding 1/11 and finding 2/10 have kept their row versions")

	history, err := inventory.Changes(t.Context(), e.store.Pool(), e.assets()["2"].ID, 10)
	require.NoError(t, err)
	require.Contains(t, string(history[0].Before), "Über 2", "the history has what was replaced")
}

func TestWritingABatchTwiceChangesNothing(t *testing.T) {
	e := newEstate(t)
	batch := new(inventory.Batch)
	one := app("1", finding("10", 5))
	batch.Add(&one, nil)
	e.writeBatch(batch)
	before := e.versions()
	counts := e.writeBatch(batch)
	require.Equal(t, lifecycle.Counts{Unchanged: 1}, counts.Assets)
	require.Equal(t, before, e.versions())
}

func TestAnAssetThatComesTwiceInABatchCountsAsItCameLast(t *testing.T) {
	e := newEstate(t)
	counts := e.write(app("1", finding("10", 5)), app("1", finding("11", 4)))
	require.Equal(t, lifecycle.Counts{Created: 1}, counts.Assets)
	require.Len(t, e.findings(), 1)
	require.Contains(t, e.findings(), "1/11")
}

func TestManyAssetsGoInSeveralParts(t *testing.T) {
	e := newEstate(t)
	batch := new(inventory.Batch)
	for i := range 900 {
		a := app(fmt.Sprint(i))
		for f := range 30 {
			a.Findings = append(a.Findings, finding(fmt.Sprint(f), int16(1+f%5)))
		}
		batch.Add(&a, nil)
	}
	counts := e.writeBatch(batch)
	require.Equal(t, int64(900), counts.Assets.Created)
	require.Equal(t, int64(27_000), counts.Findings.Created)
	var orphans int
	require.NoError(t, e.store.Pool().QueryRow(t.Context(), "SELECT count(*) FROM findings WHERE asset_id NOT IN (SELECT id FROM assets)").Scan(&orphans))
	require.Zero(t, orphans)
}

func TestAFindingThatItsAssetNoLongerHasIsFixedByReconcileAndReopenedWhenItIsBack(t *testing.T) {
	e := newEstate(t)
	e.write(app("1", finding("10", 5), finding("11", 5)))
	e.run()
	e.write(app("1", finding("10", 5)))
	require.Equal(t, "open", e.findings()["1/11"].Status, "until the stream is known to be complete")
	require.Equal(t, int64(1), e.reconcile(nil).Fixed)
	require.Equal(t, "fixed", e.findings()["1/11"].Status)
	require.Equal(t, int64(0), e.reconcile(nil).Fixed, "again changes nothing")

	e.run()
	counts := e.write(app("1", finding("10", 5), finding("11", 5)))
	require.Equal(t, lifecycle.Counts{Unchanged: 1, Returned: 1}, counts.Findings)
	require.Equal(t, "open", e.findings()["1/11"].Status, "though its content is the same")
	require.Equal(t, map[string]int{"finding reopened": 1}, e.changes())
}

func TestAFindingIsNotGoneWhenNothingSaysSo(t *testing.T) {
	e := newEstate(t)
	e.write(app("1", finding("10", 5), finding("11", 5)), app("2", finding("20", 5)), app("3", finding("30", 5)))
	e.run()
	batch := new(inventory.Batch)
	rejected, unknown, unlisted := app("1", finding("10", 5)), app("2"), app("3")
	unlisted.FindingsListed = false
	batch.Add(&rejected, []string{"11"}) // finding 11 was rejected: it is there
	batch.Add(&unknown, []string{""})    // a finding without an id was rejected: it may be any
	batch.Add(&unlisted, nil)            // the record had no list of findings
	e.writeBatch(batch)
	require.Zero(t, e.reconcile(nil).Fixed)

	e.run()
	e.write(app("1", finding("10", 5)))
	require.Zero(t, e.reconcile(func(p *inventory.Policy) { p.FixAbsent = false }).Fixed, "the profile preserves absent findings")
	require.Equal(t, "open", e.findings()["1/11"].Status)
}

func TestAnAssetThatIsNotSeenGoesStaleThenRetiresAndComesBack(t *testing.T) {
	e := newEstate(t)
	e.write(app("1", finding("10", 5)), app("2"))
	e.reconcile(nil)

	e.run()
	e.write(app("2"))
	require.Equal(t, int64(1), e.reconcile(nil).Stale)
	require.Zero(t, e.reconcile(nil).Stale, "again changes nothing")
	require.Equal(t, "stale", e.assets()["1"].Status)
	require.Equal(t, "active", e.assets()["2"].Status)
	for _, retired := range []int64{0, 1, 0} {
		e.run()
		e.write(app("2"))
		done := e.reconcile(nil)
		require.Zero(t, done.Stale)
		require.Equal(t, retired, done.Retired)
	}
	require.Equal(t, "retired", e.assets()["1"].Status)

	e.run()
	counts := e.write(app("1", finding("10", 5)), app("2"))
	require.Equal(t, lifecycle.Counts{Unchanged: 1, Returned: 1}, counts.Assets)
	require.Equal(t, "active", e.assets()["1"].Status)
	require.Equal(t, map[string]int{"asset returned": 1}, e.changes())
}

func TestADeltaRunMissesNoAsset(t *testing.T) {
	e := newEstate(t)
	e.write(app("1"), app("2"))
	e.run()
	e.write(app("2"))
	require.Zero(t, e.reconcile(func(p *inventory.Policy) { p.Full = false }).Stale)
	require.Equal(t, "active", e.assets()["1"].Status)
}

func TestARejectedAssetWasSeen(t *testing.T) {
	e := newEstate(t)
	e.write(app("1"), app("2"))
	e.run()
	batch := new(inventory.Batch)
	two := app("2")
	batch.Add(&two, nil)
	batch.Saw("1")
	e.writeBatch(batch)
	require.Zero(t, e.reconcile(nil).Stale)
}

func TestAnAssetThatWasSetAsideWasSeen(t *testing.T) {
	e := newEstate(t)
	e.write(app("1"), app("2"), app("3"))
	e.run()
	e.write(app("1"))
	done := e.reconcile(func(p *inventory.Policy) { p.SetAside = []string{"2", "unknown"} })
	require.Equal(t, int64(1), done.Stale)
	require.Equal(t, "active", e.assets()["2"].Status, "its record could not be read, but it is there")
	require.Equal(t, "stale", e.assets()["3"].Status)
}

func TestWhatIsBelowAnUnreadScopeIsNotGone(t *testing.T) {
	e := newEstate(t)
	e.write(app("/s/1/a"), app("/s/1/b"), app("/s/11/c"), app("/s/2/d"))
	e.run()
	e.write(app("/s/2/d"))
	done := e.reconcile(func(p *inventory.Policy) { p.Unread = []string{"/s/1"} })
	require.Equal(t, int64(1), done.Stale)
	require.Equal(t, "active", e.assets()["/s/1/a"].Status)
	require.Equal(t, "stale", e.assets()["/s/11/c"].Status, "it is not below it")
	before := e.assets()["/s/1/a"].LastSeen
	require.True(t, before.Before(*e.assets()["/s/2/d"].LastSeen), "it was not seen either")
	e.run()
	e.write(app("/s/2/d"))
	require.Equal(t, int64(2), e.reconcile(nil).Stale, "now it was read")
	for range 4 {
		e.run()
		e.write(app("/s/2/d"))
		for range 2 { // doing it again changes nothing
			e.reconcile(func(p *inventory.Policy) { p.Unread = []string{"/s/1"} })
		}
	}
	require.Equal(t, "stale", e.assets()["/s/1/a"].Status, "no run has missed it since")
	require.Equal(t, "retired", e.assets()["/s/11/c"].Status)
}

// TestUnreadAssetsDoNotTripTheShrinkGuard: they are known, and not missing.
func TestUnreadAssetsDoNotTripTheShrinkGuard(t *testing.T) {
	e := newEstate(t)
	e.write(app("/s/1/a"), app("/s/1/b"), app("/s/2/c"), app("/s/2/d"), app("/s/2/e"))
	e.run()
	e.write(app("/s/2/c"), app("/s/2/d"))
	for range 2 {
		done := e.reconcile(func(p *inventory.Policy) { p.Unread, p.ShrinkPercent = []string{"/s/1"}, 20 })
		require.Empty(t, done.Guarded)
	}
	require.Equal(t, "active", e.assets()["/s/1/a"].Status)
	require.Equal(t, "stale", e.assets()["/s/2/e"].Status)
}

func TestAnAPIShowsItsSpecification(t *testing.T) {
	e := newEstate(t)
	e.scope.Class, e.scope.Nested = "api", false
	_, err := e.store.Pool().Exec(t.Context(), "INSERT INTO documents (hash, format, bytes, data) VALUES ('h', 'wsdl', 7, '')")
	require.NoError(t, err)
	_, err = e.store.Pool().Exec(t.Context(), "INSERT INTO document_endpoints VALUES ('h', 0, 'POST', '/', '', false, 1, 'unknown'), ('h', 1, 'POST', '/a', '', false, 1, 'unknown')")
	require.NoError(t, err)
	with := func(hash string) transform.Asset {
		return transform.Asset{ExternalID: "1", BaseURL: "https://x", SpecificationHash: hash, Attributes: []byte(`{"ready":true,"service":"apim","type":"soap"}`)}
	}
	e.write(with("h"), transform.Asset{ExternalID: "2", Attributes: []byte(`{"ready":"who knows"}`)})
	list := func(f inventory.Filter) []inventory.APIRow {
		f.Limit = 10
		rows, err := inventory.APIs(t.Context(), e.store.Pool(), f)
		require.NoError(t, err)
		return rows
	}
	all, yes := list(inventory.Filter{}), true
	require.Len(t, all, 2)
	require.Equal(t, int64(2), all[0].Endpoints)
	require.Equal(t, "wsdl", *all[0].Format)
	require.Nil(t, all[1].Ready)
	for _, f := range []inventory.Filter{{Ready: &yes}, {Service: "apim"}, {Type: "soap"}} {
		require.Len(t, list(f), 1)
	}
	api, err := inventory.API(t.Context(), e.store.Pool(), all[0].ID)
	require.NoError(t, err)
	require.Equal(t, "https://x", *api.URL)

	e.run()
	require.Equal(t, int64(1), e.write(with("other")).Assets.Updated, "another specification is a change")
	e.run()
	require.Equal(t, int64(2), e.reconcile(nil).Stale)
	require.Empty(t, list(inventory.Filter{Ready: &yes}), "what is gone is not ready to be scanned")
}

func TestAnAssetThatAnotherProfileSeesIsNotStale(t *testing.T) {
	e := newEstate(t)
	first, second := e.scope.ProfileID, e.profile("second")
	e.write(app("1"), app("2"))
	e.scope.ProfileID = second
	e.run()
	e.write(app("1"), app("2"))
	e.scope.ProfileID = first
	e.run()
	e.write(app("1"))
	require.Zero(t, e.reconcile(nil).Stale, "the second profile sees asset 2")
	e.scope.ProfileID = second
	e.run()
	e.write(app("1"))
	require.Equal(t, int64(1), e.reconcile(nil).Stale, "now nobody does")
}

func TestTheShrinkGuardMarksNothing(t *testing.T) {
	e := newEstate(t)
	var all []transform.Asset
	for i := range 10 {
		all = append(all, app(fmt.Sprint(i)))
	}
	e.write(all...)
	e.reconcile(func(p *inventory.Policy) { p.ShrinkPercent = 20 })

	e.run()
	e.write(all[:7]...)
	guarded := func(p *inventory.Policy) { p.ShrinkPercent = 20 }
	done := e.reconcile(guarded)
	require.Zero(t, done.Stale)
	require.Contains(t, done.Guarded, "3 of 10 known assets")
	require.Contains(t, done.Guarded, "accept it with 'sluice run nightly --accept-shrink'")
	require.Equal(t, "active", e.assets()["9"].Status)

	e.run()
	e.write(all[:7]...)
	done = e.reconcile(func(p *inventory.Policy) { p.ShrinkPercent, p.AcceptShrink = 20, true })
	require.Equal(t, int64(3), done.Stale)
	e.run()
	e.write(all[:6]...)
	require.Equal(t, int64(1), e.reconcile(guarded).Stale, "1 of 7 is within the limit: the three are known to be gone")
}

func TestListsAreFilteredAndPaged(t *testing.T) {
	e := newEstate(t)
	e.write(app("1", finding("10", 5), finding("11", 1)), app("50%_off", finding("12", 4)))
	list := func(f inventory.Filter) (ids []string) {
		f.Limit = max(f.Limit, 1)
		rows, err := inventory.Findings(t.Context(), e.store.Pool(), f)
		require.NoError(t, err)
		for _, r := range rows {
			ids = append(ids, r.ExternalID)
		}
		return ids
	}
	require.Equal(t, []string{"10", "12"}, list(inventory.Filter{MinSeverity: 4, Limit: 10}))
	first := e.findings()["1/10"]
	require.Equal(t, []string{"10"}, list(inventory.Filter{Limit: 1}))
	require.Equal(t, []string{"11"}, list(inventory.Filter{Limit: 1, After: first.ID}))
	require.Equal(t, []string{"10", "11"}, list(inventory.Filter{AssetID: first.AssetID, Limit: 10}))
	require.Empty(t, list(inventory.Filter{Status: "fixed", Limit: 10}))

	assets, err := inventory.Assets(t.Context(), e.store.Pool(), inventory.Filter{Name: "50%_", Limit: 10})
	require.NoError(t, err)
	require.Len(t, assets, 1, "the name is taken as it is, not as a pattern")

	_, err = inventory.Asset(t.Context(), e.store.Pool(), 999)
	require.ErrorIs(t, err, inventory.ErrNotFound)
	_, err = inventory.FindingByID(t.Context(), e.store.Pool(), first.ID)
	require.NoError(t, err)
}
