package simulator_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator"
	"sluice/internal/simulator/account"
	"sluice/internal/simulator/was"
)

// webEverything changes something of every sort.
var webEverything = simulator.Change{Web: simulator.WebChange{
	UpdatedWebApps: 0.2, AddedWebApps: 0.05, RemovedWebApps: 0.05,
	New: 0.1, Fixed: 0.15, Reopened: 0.4, Retested: 0.3, Edited: 0.1, Gone: 0.03,
}}

func (v *vendor) advance(c simulator.Change) {
	v.sim.Pass(6 * time.Hour)
	_, err := v.sim.Advance(c)
	require.NoError(v.t, err)
}

func text(record tree, path ...string) string {
	var value any = record
	for _, name := range path {
		object, _ := value.(tree)
		value = object[name]
	}
	out, _ := value.(string)
	return out
}

func whole(t *testing.T, text string) int {
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	return n
}

func instant(t *testing.T, text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, text)
	require.NoError(t, err)
	return at
}

func list(record tree, name string) []any {
	object, _ := record[name].(tree)
	elements, _ := object["list"].([]any)
	return elements
}

func tagsOf(t *testing.T, record tree) []was.Tag {
	var out []was.Tag
	for _, element := range list(record, "tags") {
		tag := element.(tree)["Tag"].(tree)
		out = append(out, was.Tag{ID: int64(whole(t, text(tag, "id"))), Name: text(tag, "name")})
	}
	return out
}

// webAppOf makes of a record what the truth says of it.
func webAppOf(t *testing.T, r tree, verbose bool) simulator.WebApp {
	a := simulator.WebApp{
		ID: text(r, "id"), Name: text(r, "name"), URL: text(r, "url"), OwnerID: int64(whole(t, text(r, "owner", "id"))),
		Tags: tagsOf(t, r), Created: instant(t, text(r, "createdDate")), Updated: instant(t, text(r, "updatedDate")),
	}
	if verbose {
		a.Owner, a.RiskScore = text(r, "owner", "username"), whole(t, text(r, "riskScore"))
		a.Scheduled, a.ScanStatus = text(r, "isScheduled") == "true", text(r, "lastScan", "status")
		a.Scanned, a.SwaggerFile = r["lastScan"] != nil, text(r, "swaggerFile", "name")
	}
	return a
}

// briefly is what a brief record says.
func briefly(a simulator.WebApp) simulator.WebApp {
	return simulator.WebApp{ID: a.ID, Name: a.Name, URL: a.URL, OwnerID: a.OwnerID, Tags: a.Tags, Created: a.Created, Updated: a.Updated}
}

func webFindingOf(t *testing.T, r tree, verbose bool) simulator.WebFinding {
	app := r["webApp"].(tree)
	f := simulator.WebFinding{
		ID: text(r, "id"), UniqueID: text(r, "uniqueId"), QID: whole(t, text(r, "qid")), Name: text(r, "name"), Type: text(r, "type"),
		Potential: text(r, "potential") == "true", FindingType: text(r, "findingType"), Group: text(r, "group"), Param: text(r, "param"),
		Severity: whole(t, text(r, "severity")), URL: text(r, "url"), Status: text(r, "status"),
		FirstDetected: instant(t, text(r, "firstDetectedDate")), LastDetected: instant(t, text(r, "lastDetectedDate")),
		LastTested: instant(t, text(r, "lastTestedDate")), TimesDetected: whole(t, text(r, "timesDetected")),
		WebAppID: text(app, "id"), WebAppName: text(app, "name"), WebAppURL: text(app, "url"), WebAppTags: tagsOf(t, app),
		Ignored: text(r, "isIgnored") == "true",
	}
	if !verbose {
		return f
	}
	f.Fixed, f.Updated = instant(t, text(r, "fixedDate")), instant(t, text(r, "updatedDate"))
	f.IgnoredReason, f.IgnoredComment = text(r, "ignoredReason"), text(r, "ignoredComment")
	f.IgnoredDate, f.DetectionScore = instant(t, text(r, "ignoredDate")), whole(t, text(r, "detectionScore"))
	f.Patch, f.ExternalRef, f.RetestStatus = int64(whole(t, text(r, "patch"))), text(r, "externalRef"), text(r, "retest", "retestStatus")
	if score := text(r, "cvssV3", "base"); score != "" {
		var err error
		f.CVSSBase, err = strconv.ParseFloat(score, 64)
		require.NoError(t, err)
		f.CVSSTemporal, err = strconv.ParseFloat(text(r, "cvssV3", "temporal"), 64)
		require.NoError(t, err)
	}
	f.OWASP, f.WASC = classification(t, r, "owasp", "OWASP"), classification(t, r, "wasc", "WASC")
	for _, id := range list(r, "cwe") {
		f.CWE = append(f.CWE, whole(t, id.(string)))
	}
	return f
}

func classification(t *testing.T, r tree, name, record string) *was.Classification {
	for _, element := range list(r, name) {
		c := element.(tree)[record].(tree)
		return &was.Classification{Code: whole(t, text(c, "code")), Name: text(c, "name"), URL: text(c, "url")}
	}
	return nil
}

// brieflyFound is what a brief record says.
func brieflyFound(f simulator.WebFinding) simulator.WebFinding {
	f.Fixed, f.Updated, f.IgnoredDate = time.Time{}, time.Time{}, time.Time{}
	f.IgnoredReason, f.IgnoredComment, f.ExternalRef, f.RetestStatus = "", "", "", ""
	f.DetectionScore, f.CVSSBase, f.CVSSTemporal, f.Patch = 0, 0, 0, 0
	f.OWASP, f.WASC, f.CWE = nil, nil, nil
	return f
}

// requireTruth reads everything that a user sees and holds it against the truth.
func (q *qps) requireTruth(limit int, verbose bool) {
	preferences := []string{fmt.Sprintf("verbose=%t", verbose)}
	wantApps, wantFindings := []simulator.WebApp{}, []simulator.WebFinding{}
	for a := range q.sim.WebApps(q.user) {
		if !verbose {
			a = briefly(a)
		}
		wantApps = append(wantApps, a)
	}
	for f := range q.sim.WebFindings(q.user) {
		if !verbose {
			f = brieflyFound(f)
		}
		wantFindings = append(wantFindings, f)
	}
	gotApps, gotFindings := []simulator.WebApp{}, []simulator.WebFinding{}
	for _, r := range q.readAll(webAppsPath, limit, preferences) {
		gotApps = append(gotApps, webAppOf(q.t.(*testing.T), r, verbose))
	}
	for _, r := range q.readAll(findingsPath, limit, preferences) {
		gotFindings = append(gotFindings, webFindingOf(q.t.(*testing.T), r, verbose))
	}
	require.NotEmpty(q.t, wantApps)
	require.NotEmpty(q.t, wantFindings)
	require.Equal(q.t, wantApps, gotApps)
	require.Equal(q.t, wantFindings, gotFindings)
}

func TestWebPagesEqualTheTruthForEveryUserDialectAndGeneration(t *testing.T) {
	t.Parallel()
	for _, media := range bothMedia {
		for _, user := range []string{account.DefaultName, account.NarrowName} {
			t.Run(media+" "+user, func(t *testing.T) {
				t.Parallel()
				v := startWeb(t)
				q := v.qps(media).as(user)
				for n, limit := range []int{17, 1000, 100, 333} {
					q.requireTruth(limit, n%2 == 0)
					v.advance(webEverything)
				}
			})
		}
	}
}

func TestBothDialectsSayTheSame(t *testing.T) {
	t.Parallel()
	v := startWeb(t)
	v.advance(webEverything)
	for _, path := range []string{webAppsPath, findingsPath} {
		want := v.qps(mediaXML).readAll(path, 100, []string{"verbose=true"})
		require.Equal(t, want, v.qps(mediaJSON).readAll(path, 100, []string{"verbose=true"}))
	}
}

func TestTheNarrowUserSeesAPartAndNothingSaysSo(t *testing.T) {
	t.Parallel()
	v := startWeb(t)
	wide, narrow := v.qps(mediaJSON).ids(webAppsPath), v.qps(mediaJSON).as(account.NarrowName).ids(webAppsPath)
	require.Len(t, wide, 60)
	require.InDelta(t, 36, len(narrow), 12)
	require.Subset(t, wide, narrow)
	for _, r := range v.qps(mediaXML).as(account.NarrowName).readAll(findingsPath, 1000, nil) {
		require.Contains(t, narrow, text(r, "webApp", "id"))
	}
}

func TestHidingNarrowsEveryUser(t *testing.T) {
	t.Parallel()
	v := startWeb(t)
	require.NoError(t, v.sim.Hide(0.5))
	require.InDelta(t, 30, len(v.qps(mediaXML).ids(webAppsPath)), 15)
	v.qps(mediaXML).requireTruth(100, false)
	require.NoError(t, v.sim.Hide(0))
	require.Len(t, v.qps(mediaXML).ids(webAppsPath), 60)
}

func TestEachWebChangeDoesWhatItSays(t *testing.T) {
	t.Parallel()
	only := func(c simulator.WebChange) (before, after map[string]simulator.WebFinding, now time.Time) {
		sim, err := simulator.New(webConfig())
		require.NoError(t, err)
		collect := func() map[string]simulator.WebFinding {
			out := map[string]simulator.WebFinding{}
			for f := range sim.WebFindings(simulator.User{}) {
				out[f.ID] = f
			}
			return out
		}
		before = collect()
		_, err = sim.Advance(simulator.Change{Web: c})
		require.NoError(t, err)
		return before, collect(), sim.Now().Truncate(time.Second)
	}
	// changed compares both sides and calls check with what differs.
	changed := func(c simulator.WebChange, check func(old, f simulator.WebFinding, now time.Time)) int {
		before, after, now := only(c)
		require.ElementsMatch(t, slices.Collect(maps.Keys(before)), slices.Collect(maps.Keys(after)))
		n := 0
		for id, f := range after {
			if old := before[id]; !(fmt.Sprint(old) == fmt.Sprint(f)) {
				n++
				check(old, f, now)
			}
		}
		return n
	}
	near := func(want, got time.Time) { require.WithinDuration(t, want, got, 2*time.Second) }

	n := changed(simulator.WebChange{Fixed: 0.5}, func(old, f simulator.WebFinding, now time.Time) {
		require.NotEqual(t, was.StatusFixed, old.Status)
		require.Equal(t, was.StatusFixed, f.Status)
		require.Equal(t, old.LastDetected, f.LastDetected, "a fix does not move it")
		near(now, f.LastTested)
		near(now, f.Fixed)
	})
	require.Greater(t, n, 100)
	n = changed(simulator.WebChange{Reopened: 1}, func(old, f simulator.WebFinding, now time.Time) {
		require.Equal(t, was.StatusFixed, old.Status)
		require.Equal(t, was.StatusReopened, f.Status)
		require.Zero(t, f.Fixed)
		near(now, f.LastDetected)
		near(now, f.LastTested)
		require.Equal(t, old.TimesDetected+1, f.TimesDetected)
	})
	require.Greater(t, n, 10)
	n = changed(simulator.WebChange{Retested: 0.3}, func(old, f simulator.WebFinding, now time.Time) {
		near(now, f.LastTested)
		if f.Type != was.InformationGathered {
			require.Equal(t, old.TimesDetected+1, f.TimesDetected)
		}
		f.LastDetected, f.LastTested, f.TimesDetected = old.LastDetected, old.LastTested, old.TimesDetected
		require.Equal(t, old, f, "nothing else moves")
	})
	require.Greater(t, n, 100)
	n = changed(simulator.WebChange{Edited: 0.3}, func(old, f simulator.WebFinding, now time.Time) {
		near(now, f.Updated)
		require.Equal(t, old.LastTested, f.LastTested, "no search sees it")
		require.True(t, old.Ignored != f.Ignored || old.Severity != f.Severity)
	})
	require.Greater(t, n, 100)

	before, after, now := only(simulator.WebChange{New: 0.2})
	require.Greater(t, len(after), len(before)+100)
	for id, f := range after {
		if _, known := before[id]; !known {
			near(now, f.FirstDetected)
			require.Contains(t, []string{was.StatusNew, ""}, f.Status)
		}
	}
	before, after, _ = only(simulator.WebChange{Gone: 0.2})
	require.InDelta(t, float64(len(before))*0.8, len(after), 40)
	before, after, _ = only(simulator.WebChange{RemovedWebApps: 0.5})
	require.Less(t, len(after), len(before), "a web application's findings go with it")
}

func TestADeltaOfWebAppsIsWhatWasUpdatedOrAdded(t *testing.T) {
	t.Parallel()
	v := startWeb(t)
	q := v.qps(mediaXML)
	before := v.sim.Now().Truncate(time.Second).Format(time.RFC3339)
	require.Empty(t, q.ids(webAppsPath, [3]string{"updatedDate", "GREATER", before}))
	v.advance(simulator.Change{Web: simulator.WebChange{UpdatedWebApps: 0.2, AddedWebApps: 0.1}})
	require.Len(t, q.ids(webAppsPath, [3]string{"updatedDate", "GREATER", before}), 12+6)
}

func TestFindingsAreSpreadOverWebAppsInNoOrder(t *testing.T) {
	t.Parallel()
	sim, err := simulator.New(webConfig())
	require.NoError(t, err)
	types, statuses, apps := map[string]int{}, map[string]int{}, []string{}
	ids := map[string]bool{}
	for f := range sim.WebFindings(simulator.User{}) {
		types[f.Type]++
		statuses[f.Status]++
		apps = append(apps, f.WebAppID)
		ids[f.ID] = true
		if f.Type == was.InformationGathered {
			require.Empty(t, f.URL+f.Status)
			require.Zero(t, f.TimesDetected)
		}
		require.False(t, f.Potential && f.Type != was.Vulnerability)
		require.False(t, f.FirstDetected.After(f.LastDetected) || f.LastDetected.After(f.LastTested))
		require.True(t, f.LastTested.Before(start.AddDate(0, 0, -29)))
	}
	require.Len(t, ids, 700)
	require.False(t, slices.IsSorted(apps))
	require.Len(t, types, 3)
	require.Len(t, statuses, 6, "five states, and none")
}
