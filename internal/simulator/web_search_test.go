package simulator_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator"
	"sluice/internal/simulator/was"
)

func TestCriteriaOfFindingsSelectWhatTheySay(t *testing.T) {
	t.Parallel()
	v := startWeb(t)
	v.advance(webEverything)
	var all []simulator.WebFinding
	for f := range v.sim.WebFindings(v.sim.DefaultUser()) {
		all = append(all, f)
	}
	one := all[len(all)/2]
	i := slices.IndexFunc(all, func(f simulator.WebFinding) bool {
		return f.Type != was.InformationGathered && f.LastTested.Before(start)
	})
	median := all[i].LastTested
	tagged := func(f simulator.WebFinding, is func(was.Tag) bool) bool { return slices.ContainsFunc(f.WebAppTags, is) }
	date := median.Format(time.RFC3339)

	for _, c := range []struct {
		field, operator, value string
		holds                  func(simulator.WebFinding) bool
	}{
		{"id", "EQUALS", one.ID, func(f simulator.WebFinding) bool { return f.ID == one.ID }},
		{"id", "NOT EQUALS", one.ID, func(f simulator.WebFinding) bool { return f.ID != one.ID }},
		{"id", "LESSER", one.ID, func(f simulator.WebFinding) bool { return number(f.ID) < number(one.ID) }},
		{"id", "GREATER", one.ID, func(f simulator.WebFinding) bool { return number(f.ID) > number(one.ID) }},
		{"id", "IN", one.ID + ", " + all[0].ID + ",7", func(f simulator.WebFinding) bool { return f.ID == one.ID || f.ID == all[0].ID }},
		{"uniqueId", "EQUALS", one.UniqueID, func(f simulator.WebFinding) bool { return f.UniqueID == one.UniqueID }},
		{"qid", "IN", fmt.Sprint(one.QID, ",", all[3].QID), func(f simulator.WebFinding) bool { return f.QID == one.QID || f.QID == all[3].QID }},
		{"name", "CONTAINS", "XML External Entity (XXE), CDATA ]]>", func(f simulator.WebFinding) bool { return strings.Contains(f.Name, "CDATA ]]>") }},
		{"type", "EQUALS", "SENSITIVE_CONTENT", func(f simulator.WebFinding) bool { return f.Type == was.SensitiveContent }},
		{"url", "CONTAINS", "it's", func(f simulator.WebFinding) bool { return strings.Contains(f.URL, "it's") }},
		{"status", "IN", "NEW,REOPENED", func(f simulator.WebFinding) bool { return f.Status == "NEW" || f.Status == "REOPENED" }},
		{"status", "NOT EQUALS", "FIXED", func(f simulator.WebFinding) bool { return f.Status != "FIXED" }},
		{"patch", "GREATER", "0", func(f simulator.WebFinding) bool { return f.Patch > 0 }},
		{"severity", "IN", "4,5", func(f simulator.WebFinding) bool { return f.Severity >= 4 }},
		{"severity.level", "LESSER", "2", func(f simulator.WebFinding) bool { return f.Severity < 2 }},
		{"webApp.id", "EQUALS", one.WebAppID, func(f simulator.WebFinding) bool { return f.WebAppID == one.WebAppID }},
		{"webApp.id", "IN", one.WebAppID + "," + all[0].WebAppID, func(f simulator.WebFinding) bool { return f.WebAppID == one.WebAppID || f.WebAppID == all[0].WebAppID }},
		{"webApp.name", "EQUALS", one.WebAppName, func(f simulator.WebFinding) bool { return f.WebAppName == one.WebAppName }},
		{"webApp.tags", "NONE", "", func(f simulator.WebFinding) bool { return len(f.WebAppTags) == 0 }},
		{"webApp.tags.name", "EQUALS", "Owner's choice", func(f simulator.WebFinding) bool {
			return tagged(f, func(tag was.Tag) bool { return tag.Name == "Owner's choice" })
		}},
		{"webApp.tags.id", "NOT EQUALS", "7000011", func(f simulator.WebFinding) bool {
			return !tagged(f, func(tag was.Tag) bool { return tag.ID == 7_000_011 })
		}},
		{"externalRef", "IS EMPTY", "", func(f simulator.WebFinding) bool { return f.ExternalRef == "" }},
		{"ignoredReason", "EQUALS", "RISK_ACCEPTED", func(f simulator.WebFinding) bool { return f.IgnoredReason == "RISK_ACCEPTED" }},
		{"isIgnored", "EQUALS", "true", func(f simulator.WebFinding) bool { return f.Ignored }},
		{"isIgnored", "NOT EQUALS", "true", func(f simulator.WebFinding) bool { return !f.Ignored }},
		{"group", "EQUALS", "XSS", func(f simulator.WebFinding) bool { return f.Group == "XSS" }},
		{"findingType", "NOT EQUALS", "QUALYS", func(f simulator.WebFinding) bool { return f.FindingType != "QUALYS" }},
		{"owasp.name", "EQUALS", "Injection", func(f simulator.WebFinding) bool { return f.OWASP != nil && f.OWASP.Name == "Injection" }},
		{"wasc.code", "EQUALS", "19", func(f simulator.WebFinding) bool { return f.WASC != nil && f.WASC.Code == 19 }},
		{"cwe.id", "EQUALS", "285", func(f simulator.WebFinding) bool { return slices.Contains(f.CWE, 285) }},
		{"firstDetectedDate", "LESSER", date, func(f simulator.WebFinding) bool { return f.FirstDetected.Before(median) }},
		{"lastDetectedDate", "GREATER", date, func(f simulator.WebFinding) bool { return f.LastDetected.After(median) }},
		{"lastTestedDate", "GREATER", date, func(f simulator.WebFinding) bool { return f.LastTested.After(median) }},
		{"lastTestedDate", "EQUALS", date, func(f simulator.WebFinding) bool { return f.LastTested.Equal(median) }},
		{"ignoredDate", "GREATER", "2000-01-01", func(f simulator.WebFinding) bool { return !f.IgnoredDate.IsZero() }},
		{"timesDetected", "GREATER", "20", func(f simulator.WebFinding) bool { return f.TimesDetected > 20 }},
	} {
		want := []string{}
		for _, f := range all {
			if c.holds(f) {
				want = append(want, f.ID)
			}
		}
		require.NotEmpty(t, want, "%+v", c)
		require.Less(t, len(want), len(all), "%+v", c)
		criteria := [3]string{c.field, c.operator, c.value}
		for _, media := range bothMedia {
			q := v.qps(media)
			require.Equal(t, want, q.ids(findingsPath, criteria), "%s %q", media, criteria)
			total := q.ok(http.MethodPost, strings.Replace(findingsPath, "search", "count", 1), q.body(nil, criteria))
			require.Equal(t, tree{"responseCode": "SUCCESS", "count": strconv.Itoa(len(want))}, total)
		}
	}
}

func number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

func TestCriteriaOfWebAppsSelectWhatTheySay(t *testing.T) {
	t.Parallel()
	v := startWeb(t)
	var all []simulator.WebApp
	for a := range v.sim.WebApps(v.sim.DefaultUser()) {
		all = append(all, a)
	}
	one := all[20]
	for _, c := range []struct {
		field, operator, value string
		holds                  func(simulator.WebApp) bool
	}{
		{"id", "IN", one.ID, func(a simulator.WebApp) bool { return a.ID == one.ID }},
		{"name", "EQUALS", one.Name, func(a simulator.WebApp) bool { return a.Name == one.Name }},
		{"name", "NOT EQUALS", one.Name, func(a simulator.WebApp) bool { return a.Name != one.Name }},
		{"url", "CONTAINS", "#/", func(a simulator.WebApp) bool { return strings.Contains(a.URL, "#/") }},
		{"tags", "NONE", "", func(a simulator.WebApp) bool { return len(a.Tags) == 0 }},
		{"tags.name", "CONTAINS", "&", func(a simulator.WebApp) bool {
			return slices.ContainsFunc(a.Tags, func(tag was.Tag) bool { return strings.Contains(tag.Name, "&") })
		}},
		{"tags.id", "IN", "7000011,7000086", func(a simulator.WebApp) bool {
			return slices.ContainsFunc(a.Tags, func(tag was.Tag) bool { return tag.ID == 7_000_011 || tag.ID == 7_000_086 })
		}},
		{"createdDate", "GREATER", one.Created.Format(time.RFC3339), func(a simulator.WebApp) bool { return a.Created.After(one.Created) }},
		{"updatedDate", "LESSER", one.Updated.Format(time.RFC3339), func(a simulator.WebApp) bool { return a.Updated.Before(one.Updated) }},
		{"isScheduled", "EQUALS", "true", func(a simulator.WebApp) bool { return a.Scheduled }},
		{"isScanned", "EQUALS", "false", func(a simulator.WebApp) bool { return !a.Scanned }},
		{"lastScan", "NONE", "", func(a simulator.WebApp) bool { return !a.Scanned }},
		{"lastScan.status", "EQUALS", "FINISHED", func(a simulator.WebApp) bool { return a.ScanStatus == "FINISHED" }},
	} {
		want := []string{}
		for _, a := range all {
			if c.holds(a) {
				want = append(want, a.ID)
			}
		}
		require.NotEmpty(t, want, "%+v", c)
		require.Less(t, len(want), len(all), "%+v", c)
		require.Equal(t, want, v.qps(mediaXML).ids(webAppsPath, [3]string{c.field, c.operator, c.value}), "%+v", c)
	}
}

func TestSeveralCriteriaMustAllHold(t *testing.T) {
	t.Parallel()
	q := startWeb(t).qps(mediaJSON)
	severe := q.ids(findingsPath, [3]string{"severity", "EQUALS", "5"})
	active := q.ids(findingsPath, [3]string{"status", "EQUALS", "ACTIVE"})
	both := q.ids(findingsPath, [3]string{"severity", "EQUALS", "5"}, [3]string{"status", "EQUALS", "ACTIVE"})
	var want []string
	for _, id := range severe {
		if slices.Contains(active, id) {
			want = append(want, id)
		}
	}
	require.NotEmpty(t, want)
	require.Equal(t, want, both)
}

func TestRequestsAreTakenInTheFormsThatClientsSend(t *testing.T) {
	t.Parallel()
	v := startWeb(t)
	x, j := v.qps(mediaXML), v.qps(mediaJSON)
	require.Equal(t, "60", x.ok("POST", webAppsPath+"/", "")["count"], "no body, and a slash at the end")
	require.Equal(t, "60", x.ok("POST", webAppsPath, "<ServiceRequest><preferences></preferences></ServiceRequest>")["count"])
	require.Equal(t, "1", j.ok("POST", webAppsPath, `{"ServiceRequest":{"filters":{"Criteria":{"field":"id","operator":"EQUALS","value":`+x.ids(webAppsPath)[9]+`}}}}`)["count"],
		"one criterion without a list, and a number as a number")
	require.Equal(t, "60", j.ok("GET", "/qps/rest/3.0/count/was/webapp", "")["count"])

	first := records(x.ok("POST", webAppsPath, x.body([]string{"limitResults=1", "startFromOffset=7"})))
	require.Equal(t, x.ids(webAppsPath)[6], first[0]["id"], "offsets begin at 1")
	from := records(x.ok("POST", webAppsPath, x.body([]string{"startFromId=" + text(first[0], "id")})))
	require.Equal(t, first[0]["id"], from[0]["id"])
	require.Equal(t, "100", x.ok("POST", findingsPath, "")["count"], "the default of limitResults")

	// JSON needs both headers: each decides on its own.
	a := v.post(webAppsPath, j.body([]string{"limitResults=2"}), "Authorization", "Bearer "+v.token, "Content-Type", mediaJSON)
	require.Equal(t, "2", j.read(a)["count"])
	require.Equal(t, mediaXML, a.header.Get("Content-Type"))
}

func TestRequestsThatMakeNoSenseAreRefusedUnderHTTP200(t *testing.T) {
	t.Parallel()
	v := startWeb(t)
	for _, media := range bothMedia {
		q := v.qps(media)
		criterion := func(path, field, operator, value string) [3]string {
			return q.refused("POST", path, q.body(nil, [3]string{field, operator, value}))
		}
		require.Equal(t, [3]string{"INVALID_REQUEST", "Criteria: Invalid value format for criteria 'webApp.id' (abc123).", "Specify criteria value(s) as Long."},
			criterion(findingsPath, "webApp.id", "IN", "abc123"))
		require.Equal(t, [3]string{"INVALID_REQUEST", "Criteria: Invalid value format for criteria 'isScanned' (undefined).", "Values expected: true, false."},
			criterion(webAppsPath, "isScanned", "EQUALS", "undefined"))
		for _, c := range [][5]string{
			{findingsPath, "updatedDate", "GREATER", "2026-01-01T00:00:00Z", "Unsupported field 'updatedDate'"},
			{findingsPath, "severity", "CONTAINS", "5", "Invalid operator 'CONTAINS' for criteria 'severity'"},
			{findingsPath, "status", "EQUALS", "OPEN", "criteria 'status' (OPEN)"},
			{findingsPath, "lastTestedDate", "GREATER", "yesterday", "criteria 'lastTestedDate' (yesterday)"},
			{webAppsPath, "tags.name", "IN", "a,b", "Invalid operator 'IN'"},
		} {
			answer := criterion(c[0], c[1], c[2], c[3])
			require.Equal(t, "INVALID_REQUEST", answer[0])
			require.Contains(t, answer[1], c[4])
		}
		for _, preference := range []string{"limitResults=0", "limitResults=1001", "limitResults=many", "startFromOffset=0", "verbose=yes"} {
			answer := q.refused("POST", webAppsPath, q.body([]string{preference}))
			require.Equal(t, "INVALID_REQUEST", answer[0])
			require.Contains(t, answer[1], "Invalid value for preference")
		}
		require.Contains(t, []string{"INVALID_REQUEST", "INVALID_XML"}, q.refused("POST", webAppsPath, q.body([]string{"limit=5"}))[0])
		require.Contains(t, []string{"INVALID_REQUEST", "INVALID_XML"}, q.refused("POST", webAppsPath, `{"a":`)[0])
	}
}

func TestAnEmptyAnswerHasTwoForms(t *testing.T) {
	t.Parallel()
	v := startWeb(t)
	for _, media := range bothMedia {
		q := v.qps(media)
		none := q.body(nil, [3]string{"id", "EQUALS", "1234"})
		require.NoError(t, v.sim.ConfigureWeb(simulator.WebSettings{}))
		require.Equal(t, tree{"responseCode": "SUCCESS", "count": "0", "hasMoreRecords": "false", "data": []any{}}, q.ok("POST", webAppsPath, none))
		require.NoError(t, v.sim.ConfigureWeb(simulator.WebSettings{EmptyWithoutData: true}))
		require.Equal(t, tree{"responseCode": "SUCCESS", "count": "0"}, q.ok("POST", webAppsPath, none))
	}
}

func TestOneRecordIsFoundByItsIDUnlessOutOfScope(t *testing.T) {
	t.Parallel()
	v := startWeb(t)
	q, narrow := v.qps(mediaXML), v.qps(mediaXML).as("sluice_narrow")
	seen := narrow.ids(webAppsPath)
	for _, record := range q.readAll(webAppsPath, 100, []string{"verbose=true"}) {
		path := "/qps/rest/3.0/get/was/webapp/" + text(record, "id")
		answer := q.ok("GET", path, "")
		require.Equal(t, []tree{record}, records(answer))
		require.NotContains(t, answer, "hasMoreRecords")
		if !slices.Contains(seen, text(record, "id")) {
			require.Equal(t, "OBJECT_NOT_FOUND", narrow.refused("GET", path, "")[0])
		}
	}
	finding := q.readAll(findingsPath, 1000, []string{"verbose=true"})[300]
	path := "/qps/rest/3.0/get/was/finding/"
	require.Equal(t, []tree{finding}, records(q.ok("GET", path+text(finding, "id"), "")))
	require.Equal(t, "OBJECT_NOT_FOUND", q.refused("GET", path+"99", "")[0])
	require.Equal(t, "INVALID_REQUEST", q.refused("GET", path+"abc", "")[0])
	require.NoError(t, v.sim.ConfigureWeb(simulator.WebSettings{NotFoundStatus: 404}))
	require.Equal(t, http.StatusNotFound, q.call("GET", path+"99", "").status)
}
