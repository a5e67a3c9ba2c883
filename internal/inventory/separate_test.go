package inventory_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/inventory"
	"sluice/internal/lifecycle"
	"sluice/internal/source"
	"sluice/internal/transform"
)

// newSeparateEstate is an estate whose findings come apart from their assets,
// in full runs.
func newSeparateEstate(t testing.TB) *estate {
	e := newEstate(t)
	e.scope.Role, e.scope.Nested, e.scope.Full, e.scope.Stream = source.Findings, false, true, "FINDING"
	return e
}

// writeAssets writes assets as the stream of assets does, in the same run.
func (e *estate) writeAssets(assets ...transform.Asset) inventory.Counts {
	scope := e.scope
	defer func() { e.scope = scope }()
	e.scope.Role, e.scope.Full, e.scope.Stream = source.Assets, false, "APPLICATION"
	return e.write(assets...)
}

// found is a finding's record: its asset with that one finding.
func found(asset string, f transform.Finding) transform.Asset {
	return transform.Asset{ExternalID: asset, Name: "seen with " + f.ExternalID, Findings: []transform.Finding{f}}
}

func withStatus(f transform.Finding, status string) transform.Finding {
	f.Status = status
	return f
}

var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// sighted is the finding as the source saw it last at a time.
func sighted(f transform.Finding, at time.Time, times int32) transform.Finding {
	f.LastFoundAt, f.LastTestedAt, f.TimesFound = at, at.Add(time.Minute), times
	return f
}

func TestAFindingOfAnUnknownAssetCreatesIt(t *testing.T) {
	e := newSeparateEstate(t)
	counts := e.write(found("1", transform.Finding{
		ExternalID: "10", Name: "XSS", Severity: 4, QID: 150001, Status: "ACTIVE", FirstFoundAt: noon.AddDate(0, -1, 0),
		LastFoundAt: noon, LastTestedAt: noon.Add(time.Hour), TimesFound: 3,
	}))
	require.Equal(t, lifecycle.Counts{Created: 1}, counts.Assets)
	require.Equal(t, lifecycle.Counts{Created: 1}, counts.Findings)
	require.Equal(t, "seen with 10", *e.assets()["1"].Name)
	f := e.findings()["1/10"]
	require.Equal(t, "open", f.Status)
	require.Equal(t, "ACTIVE", *f.VendorStatus)
	require.Equal(t, int32(150001), *f.QID)
	require.Equal(t, noon.AddDate(0, -1, 0), f.FirstFoundAt.UTC())
	require.Equal(t, noon, f.LastFoundAt.UTC())
	require.Equal(t, noon.Add(time.Hour), f.LastTestedAt.UTC())
	require.Equal(t, int32(3), *f.TimesFound)
}

func TestAFindingLeavesItsAssetAsItIs(t *testing.T) {
	e := newSeparateEstate(t)
	e.writeAssets(app("1"))
	before := e.versions()
	counts := e.write(found("1", finding("10", 4)))
	require.Equal(t, lifecycle.Counts{}, counts.Assets, "an asset that is there is nothing that this stream did")
	require.Equal(t, "Über 1", *e.assets()["1"].Name)
	require.Subset(t, e.versions(), before)
}

func TestAnAssetThatAFindingSeesIsBack(t *testing.T) {
	e := newSeparateEstate(t)
	e.writeAssets(app("1"), app("2"))
	e.run()
	e.writeAssets(app("2"))
	assets := e.scope
	e.scope.Role, e.scope.Stream = source.Assets, "APPLICATION"
	require.Equal(t, int64(1), e.reconcile(nil).Stale)
	e.scope = assets

	counts := e.write(found("1", finding("10", 4)))
	require.Equal(t, lifecycle.Counts{Returned: 1}, counts.Assets)
	require.Equal(t, "active", e.assets()["1"].Status)
	require.Equal(t, "Über 1", *e.assets()["1"].Name)
}

func TestRecordsOfAnAssetAreMergedInABatch(t *testing.T) {
	e := newSeparateEstate(t)
	counts := e.write(
		found("1", finding("10", 1)), found("2", finding("10", 2)), found("1", finding("11", 3)),
		found("1", sighted(finding("10", 5), noon, 1)))
	require.Equal(t, lifecycle.Counts{Created: 2}, counts.Assets)
	require.Equal(t, lifecycle.Counts{Created: 3}, counts.Findings)
	require.Equal(t, "seen with 10", *e.assets()["1"].Name, "the asset is as its first record has it")
	findings := e.findings()
	require.Len(t, findings, 3)
	require.Equal(t, int16(5), *findings["1/10"].Severity, "of the same finding the last record counts")
	require.Equal(t, int32(1), *findings["1/10"].TimesFound)
	require.Equal(t, int16(2), *findings["2/10"].Severity)
}

func TestAnUnchangedFindingCausesNoRowVersion(t *testing.T) {
	e := newSeparateEstate(t)
	records := []transform.Asset{found("1", sighted(finding("10", 4), noon, 3)), found("1", finding("11", 4)), found("2", withStatus(finding("20", 1), "NEW"))}
	e.write(records...)
	before := e.versions()
	e.run()
	counts := e.write(records[2], records[1], records[0])
	require.Equal(t, lifecycle.Counts{Unchanged: 3}, counts.Findings)
	require.Equal(t, before, e.versions())
	require.Empty(t, e.changes())
	require.Zero(t, e.reconcile(nil).Fixed)
	require.Equal(t, before, e.versions())
}

func TestAFindingOfWhichOnlyTheSightingMovedIsUnchanged(t *testing.T) {
	e := newSeparateEstate(t)
	e.write(found("1", sighted(finding("10", 4), noon, 3)), found("1", finding("11", 4)))
	rows := e.versionsOf("findings", "id")
	e.run()
	counts := e.write(found("1", sighted(finding("10", 4), noon.Add(time.Hour), 4)), found("1", sighted(finding("11", 4), noon, 1)))
	require.Equal(t, lifecycle.Counts{Unchanged: 2}, counts.Findings)
	require.Equal(t, rows, e.versionsOf("findings", "id"))
	require.Empty(t, e.changes())
	findings := e.findings()
	require.Equal(t, noon.Add(time.Hour), findings["1/10"].LastFoundAt.UTC())
	require.Equal(t, int32(4), *findings["1/10"].TimesFound)
	require.Equal(t, noon, findings["1/11"].LastFoundAt.UTC(), "the first sighting of a finding that was there")

	sightings := e.versionsOf("finding_sightings", "finding_id")
	e.run()
	times, last := finding("10", 4), finding("11", 4)
	times.TimesFound, last.LastFoundAt = 4, noon
	e.write(found("1", times), found("1", last), found("1", finding("12", 4)))
	require.Equal(t, sightings, e.versionsOf("finding_sightings", "finding_id"), "what a record does not say stays")
}

func TestAnAssetOfWhichOnlyTheLastScanMovedIsUnchanged(t *testing.T) {
	e := newEstate(t)
	at := func(at time.Time, name string) transform.Asset {
		a := app("1")
		a.Name, a.LastScannedAt = name, at
		return a
	}
	e.write(at(noon, "x"))
	for _, c := range []struct {
		record transform.Asset
		counts lifecycle.Counts
		want   time.Time
		moves  bool
	}{
		{at(noon, "x"), lifecycle.Counts{Unchanged: 1}, noon, false},
		{at(noon.Add(time.Hour), "x"), lifecycle.Counts{Unchanged: 1}, noon.Add(time.Hour), true},
		{at(time.Time{}, "x"), lifecycle.Counts{Unchanged: 1}, noon.Add(time.Hour), false},
		{at(noon, "y"), lifecycle.Counts{Updated: 1}, noon, true},
		{at(time.Time{}, "z"), lifecycle.Counts{Updated: 1}, noon, true},
	} {
		e.run()
		before := e.versions()
		require.Equal(t, c.counts, e.write(c.record).Assets)
		require.Equal(t, c.want, e.assets()["1"].LastScannedAt.UTC())
		if c.counts.Unchanged == 1 {
			require.Empty(t, e.changes())
		}
		if !c.moves {
			require.Equal(t, before, e.versions())
		}
	}
}

func TestHostsAreStoredFieldByField(t *testing.T) {
	e := newEstate(t)
	host := transform.Asset{ExternalID: "1", IPAddress: "192.0.2.1", DNSName: "db.example.com", OperatingSystem: "Debian 12"}
	e.write(host, transform.Asset{ExternalID: "2", IPAddress: "192.0.2.2"})
	a := e.assets()["1"]
	require.Equal(t, "192.0.2.1", *a.IPAddress)
	require.Equal(t, "db.example.com", *a.DNSName)
	require.Equal(t, "Debian 12", *a.OperatingSystem)
	require.Equal(t, "db.example.com", *a.Name, "a host without a name is shown by its DNS name")
	require.Equal(t, "192.0.2.2", *e.assets()["2"].Name, "or by its address")

	host.OperatingSystem = "Debian 13"
	e.run()
	require.Equal(t, lifecycle.Counts{Updated: 1}, e.write(host).Assets)
	require.Equal(t, "Debian 13", *e.assets()["1"].OperatingSystem)
	history, err := inventory.Changes(t.Context(), e.store.Pool(), a.ID, 1)
	require.NoError(t, err)
	require.Contains(t, string(history[0].Before), "Debian 12")
}

func TestTheLogSaysWhatAStatusMeans(t *testing.T) {
	e := newSeparateEstate(t)
	e.write(found("1", withStatus(finding("10", 4), "NEW")))
	for _, c := range []struct{ status, change, shown string }{
		{"ACTIVE", "updated", "open"},
		{"FIXED", "fixed", "fixed"},
		{"FIXED", "", "fixed"},
		{"REOPENED", "reopened", "open"},
		{"PROTECTED", "updated", "open"},
		{"", "updated", "open"},
		{"FIXED", "fixed", "fixed"},
		{"", "reopened", "open"},
	} {
		e.run()
		counts := e.write(found("1", withStatus(finding("10", 4), c.status))).Findings
		want := map[string]int{}
		if c.change != "" {
			want["finding "+c.change] = 1
		}
		require.Equal(t, want, e.changes(), c.status)
		require.Equal(t, c.shown, e.findings()["1/10"].Status, c.status)
		require.Equal(t, c.change == "reopened", counts.Returned == 1, c.status)
		require.Equal(t, c.change == "", counts.Unchanged == 1, c.status)
	}
}

func TestAnAssetWithManyFindingsIsWrittenInManyBatches(t *testing.T) {
	e := newSeparateEstate(t)
	const all, each = 2000, 150
	write := func(severity func(i int) int16) (counts inventory.Counts) {
		for from := 0; from < all; from += each {
			a := transform.Asset{ExternalID: "1"}
			for i := from; i < min(from+each, all); i++ {
				a.Findings = append(a.Findings, sighted(finding(fmt.Sprint(i), severity(i)), noon, 1))
			}
			c := e.write(a, found("2", finding(fmt.Sprint(from), 1)))
			counts.Findings.Add(c.Findings)
		}
		return counts
	}
	require.Equal(t, int64(all+14), write(func(int) int16 { return 1 }).Findings.Created)
	before := e.versions()
	e.run()
	require.Equal(t, lifecycle.Counts{Unchanged: all + 14}, write(func(int) int16 { return 1 }).Findings)
	require.Equal(t, before, e.versions())
	e.run()
	require.Equal(t, lifecycle.Counts{Unchanged: all/2 + 14, Updated: all / 2}, write(func(i int) int16 { return int16(1 + i%2) }).Findings)
	require.Zero(t, e.reconcile(nil).Fixed)
}
