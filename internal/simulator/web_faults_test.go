package simulator_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sluice/internal/simulator"
	"sluice/internal/simulator/account"
	"sluice/internal/simulator/faults"
	"sluice/internal/simulator/limit"
)

func (v *vendor) faults(f ...simulator.Fault) { require.NoError(v.t, v.sim.SetFaults(f...)) }

func TestWhoMayCallWebApplicationScanning(t *testing.T) {
	t.Parallel()
	v := startWeb(t)
	q := v.qps(mediaXML)
	const count, version, tags = "/qps/rest/3.0/count/was/webapp", "/qps/rest/portal/version", "/qps/rest/2.0/count/am/tag"
	wrong := [3]string{"INVALID_CREDENTIALS", "Authentication failed", "Verify both, user and password credentials."}

	require.Equal(t, "60", q.ok("GET", count, "")["count"])
	require.Equal(t, "8", q.ok("GET", tags, "")["count"])
	require.Len(t, records(q.ok("GET", version, "")), 2)
	require.Equal(t, wrong, q.as(account.ExpiredName).refused("GET", version, ""))
	require.Equal(t, "UNAUTHORIZED", q.as(account.NewName).refused("GET", version, "")[0])
	require.Equal(t, "UNAUTHORIZED", q.as(account.WithoutWASName).refused("GET", count, "")[0])
	require.Equal(t, "SUCCESS", q.as(account.WithoutWASName).ok("GET", version, "")["responseCode"])

	stranger := &qps{v, mediaJSON, simulator.User{Name: account.DefaultName, Password: "guess"}}
	require.Equal(t, wrong, stranger.refused("GET", version, ""))
	a := v.post(count, "")
	require.Contains(t, string(a.body), "<responseCode>INVALID_CREDENTIALS</responseCode>")
	require.Contains(t, string(a.body), "/qps/xsd/2.0/am/hostasset.xsd", "the schema of another API, as recorded")

	// A token speaks for the user whose client it is.
	a = v.post(count, "", "Authorization", "Bearer "+v.token)
	require.Equal(t, "60", q.read(a)["count"])
	a = v.post("/auth/oidc", "", "clientId", account.NarrowClientID, "clientSecret", account.NarrowClientSecret)
	require.Equal(t, http.StatusCreated, a.status)
	a = v.post(count, "", "Authorization", "Bearer "+string(a.body))
	require.Equal(t, q.as(account.NarrowName).ok("GET", count, "")["count"], q.read(a)["count"])
	c := v.sim.Credentials()
	a = v.post("/auth/oauth", "", "clientId", c.SubscriptionClientID, "clientSecret", c.SubscriptionClientSecret)
	require.Equal(t, http.StatusUnauthorized, v.post(count, "", "Authorization", "Bearer "+string(a.body)).status)
	v.sim.RevokeTokens()
	a = v.post(count, "", "Authorization", "Bearer "+v.token)
	require.Equal(t, http.StatusUnauthorized, a.status)
	require.JSONEq(t, `{"status":401,"error":"Unauthorized","message":"Not authenticated"}`, string(a.body))
}

func TestAnswersCarryTheHeadersThatWereRecorded(t *testing.T) {
	t.Parallel()
	h := startWeb(t).qps(mediaXML).call("POST", webAppsPath, "").header
	require.Equal(t, "false", h.Get("Evaluation"))
	require.Equal(t, "Apache", h.Get("Server"))
	require.Regexp(t, `^Qualys:USPOD03:[0-9a-f-]{36}:[0-9a-f-]{36}$`, h.Get("X-Powered-By"))
	for name := range h {
		require.NotContains(t, strings.ToLower(name), "ratelimit")
	}
}

func TestFaultsThatReplaceAnAnswerOfWebApplicationScanning(t *testing.T) {
	t.Parallel()
	v := startWeb(t)
	for _, media := range bothMedia {
		q := v.qps(media)
		call := func(f simulator.Fault) answer {
			v.faults(f)
			return q.call("POST", findingsPath, "")
		}
		for _, code := range []string{"OTHER_ERROR", "INVALID_CREDENTIALS", "INVALID_REQUEST", "UNAUTHORIZED"} {
			v.faults(simulator.Fault{Kind: faults.ErrorBody, Code: code})
			require.Equal(t, code, q.refused("POST", findingsPath, "")[0])
		}
		a := call(simulator.Fault{Kind: faults.HTTPError, Status: 503, HTML: true})
		require.Equal(t, 503, a.status)
		require.Contains(t, string(a.body), "<html>")
		require.Equal(t, 500, call(simulator.Fault{Kind: faults.HTTPError}).status)
		require.Contains(t, string(call(simulator.Fault{Kind: faults.LoginPage}).body), "<form")

		a = call(simulator.Fault{Kind: faults.Throttle})
		require.Equal(t, http.StatusTooManyRequests, a.status)
		require.Empty(t, a.header.Get("Retry-After"))
		a = call(simulator.Fault{Kind: faults.Throttle, Status: 409, RetryAfter: 7})
		require.Equal(t, http.StatusConflict, a.status)
		require.Equal(t, "7", a.header.Get("Retry-After"))

		for _, kind := range []faults.Kind{faults.EndlessBody, faults.DeepNesting} {
			require.Greater(t, len(call(simulator.Fault{Kind: kind, Bytes: 5000}).body), 5000)
		}
		require.Equal(t, http.StatusTemporaryRedirect, call(simulator.Fault{Kind: faults.Redirect}).status)
	}
	v.faults(simulator.Fault{Kind: faults.ErrorBody, Endpoint: faults.WASCount})
	q := v.qps(mediaXML)
	require.Equal(t, "OTHER_ERROR", q.refused("GET", "/qps/rest/3.0/count/was/finding", "")[0])
	require.Equal(t, "60", q.ok("POST", webAppsPath, "")["count"], "other endpoints are spared")
}

func TestFaultsThatSpoilAPageOfFindings(t *testing.T) {
	t.Parallel()
	v := startWeb(t)
	for _, media := range bothMedia {
		q := v.qps(media)
		page := func(after string, f ...simulator.Fault) tree {
			v.faults(f...)
			return q.ok("POST", findingsPath, q.body([]string{"limitResults=10"}, [3]string{"id", "GREATER", after}))
		}
		ids := func(page tree) (out []string) {
			for _, record := range records(page) {
				out = append(out, text(record, "id"))
			}
			return out
		}
		first := page("0")
		second := page(text(first, "lastId"))

		duplicate := page(text(first, "lastId"), simulator.Fault{Kind: faults.Duplicate})
		require.Equal(t, append(ids(first)[9:], ids(second)[:9]...), ids(duplicate), "the last record of the page before comes again")
		require.Equal(t, ids(second)[8], text(duplicate, "lastId"), "and none is lost")
		require.Equal(t, ids(first), ids(page("0", simulator.Fault{Kind: faults.Duplicate})), "there is none before the first")

		omitted := page("0", simulator.Fault{Kind: faults.OmitRecord})
		require.Equal(t, append(append([]string{}, ids(first)[:5]...), ids(first)[6:]...), ids(omitted))
		require.Equal(t, text(first, "lastId"), text(omitted, "lastId"))

		require.Equal(t, "12", page("0", simulator.Fault{Kind: faults.ShiftCount, Shift: 2})["count"])
		require.NotContains(t, page("0", simulator.Fault{Kind: faults.WithoutMarker}), "hasMoreRecords")
		empty := page("0", simulator.Fault{Kind: faults.EmptyForever})
		require.Equal(t, "true", empty["hasMoreRecords"])
		require.Empty(t, records(empty))
		page("0")
		require.Equal(t, ids(first), ids(page(text(first, "lastId"), simulator.Fault{Kind: faults.RepeatPage})))
		v.faults(simulator.Fault{Kind: faults.ShiftTotal, Shift: -3})
		require.Equal(t, "697", q.ok("GET", "/qps/rest/3.0/count/was/finding", "")["count"])

		v.faults(simulator.Fault{Kind: faults.Cut})
		require.Error(t, q.call("POST", findingsPath, "").err)
		v.faults(simulator.Fault{Kind: faults.Truncate})
		for _, path := range []string{findingsPath, "/qps/rest/3.0/count/was/finding"} {
			a := q.call("POST", path, "")
			require.NoError(t, a.err)
			_, err := parseXML(a.body)
			require.False(t, err == nil && media == mediaXML || json.Valid(a.body), string(a.body))
		}
	}
}

func TestCommentsAndPaddingChangeNothingThatIsSaid(t *testing.T) {
	t.Parallel()
	v := startWeb(t)
	q := v.qps(mediaXML)
	want := q.readAll(findingsPath, 100, []string{"verbose=true"})
	v.faults(simulator.Fault{Kind: faults.Comments}, simulator.Fault{Kind: faults.PaddedCDATA})
	body := string(q.call("POST", findingsPath, "").body)
	require.Equal(t, 4, strings.Count(body, "<!-- "), "before, inside twice, and after the root element")
	require.Contains(t, body, "<name>\n\t <![CDATA[ \n")
	require.Equal(t, want, q.readAll(findingsPath, 100, []string{"verbose=true"}))
	require.Positive(t, v.sim.Counts().Faults[faults.PaddedCDATA])
}

func TestOneCallTooManyAtATimeIsRefused(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusTooManyRequests, http.StatusConflict} {
		v := startWeb(t, func(c *simulator.Config) {
			c.QPSLimits = simulator.CallLimits{Concurrent: 2, Status: status}
		})
		q := v.qps(mediaJSON)
		// Two calls that hang, and a third.
		v.faults(simulator.Fault{Kind: faults.Slow, Delay: time.Hour, Times: 2})
		ctx, hangUp := context.WithCancel(t.Context())
		var hanging sync.WaitGroup
		for range 2 {
			hanging.Go(func() {
				r, err := http.NewRequestWithContext(ctx, http.MethodPost, v.baseURL+findingsPath, nil)
				assert.NoError(t, err)
				r.SetBasicAuth(q.user.Name, q.user.Password)
				_, err = http.DefaultClient.Do(r) // there is no answer to close
				assert.ErrorIs(t, err, context.Canceled)
			})
		}
		require.Eventually(t, func() bool { return v.sim.Counts().Faults[faults.Slow] == 2 }, 10*time.Second, time.Millisecond)
		a := q.call("POST", findingsPath, "")
		require.Equal(t, status, a.status)
		require.Equal(t, "LIMIT_EXCEEDED", q.read(a)["responseCode"])
		require.Equal(t, int64(3), v.sim.Counts().MaxConcurrent[faults.WASFindings])
		require.NoError(t, v.sim.LimitQPS(simulator.CallLimits{Concurrent: 3}))
		require.Equal(t, "100", q.ok("POST", findingsPath, "")["count"])
		hangUp()
		hanging.Wait()
	}
}

func TestAnotherProcessCanSteerWebApplicationScanning(t *testing.T) {
	t.Parallel()
	v := startWeb(t)
	v.control("advance", `{"web":{"addedWebApps":0.1,"new":0.1}}`)
	v.control("settings", `{"web":{"emptyWithoutData":true},"qpsLimits":{"concurrent":4}}`)
	v.control("settings", `{"qpsLimits":{"status":409}}`)
	require.Equal(t, simulator.WebSettings{EmptyWithoutData: true, NotFoundStatus: 200}, v.sim.WebSettings())
	require.Equal(t, simulator.CallLimits{WindowSeconds: 3600, Concurrent: 4, Status: 409, Headers: limit.SayNothing}, v.sim.QPSLimits())
	state := v.state()
	require.Equal(t, 66, state.WebApps)
	require.Equal(t, 770, state.WebFindings)
	require.Equal(t, account.DefaultName, state.Users[0].Name)
	for query, want := range map[string]int{
		"type=WEBAPP":                     len(v.qps(mediaXML).ids(webAppsPath)),
		"type=WEBAPP&user=sluice_narrow":  len(v.qps(mediaXML).as(account.NarrowName).ids(webAppsPath)),
		"type=FINDING":                    len(v.qps(mediaXML).ids(findingsPath)),
		"type=FINDING&user=sluice_narrow": len(v.qps(mediaXML).as(account.NarrowName).ids(findingsPath)),
	} {
		a, err := v.do(http.MethodGet, "/simulator/truth?"+query, "")
		require.NoError(t, err)
		require.Equal(t, want, strings.Count(string(a.body), "\n"), query)
	}
	for _, c := range [][3]string{
		{"advance", `{"web":{"fixed":2}}`, "allowed are 0 to 1"},
		{"settings", `{"web":{"limit":2}}`, "unknown field"},
		{"settings", `{"qpsLimits":{"status":500}}`, "allowed are 409 and 429"},
	} {
		a := v.post("/simulator/"+c[0], c[1])
		require.Equal(t, http.StatusBadRequest, a.status, c)
		require.Contains(t, string(a.body), c[2])
	}
	require.Equal(t, 1, v.sim.Generation())
	a, err := v.do(http.MethodGet, "/simulator/truth?type=WEBAPP&user=nobody", "")
	require.NoError(t, err)
	require.Equal(t, http.StatusBadRequest, a.status)
}

func TestUsersThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	for text, users := range map[string][]simulator.User{
		"needs a name and a password": {{Name: "a"}},
		"two users named":             {{Name: "a", Password: "p"}, {Name: "a", Password: "q"}},
		"two clients with the id":     {{Name: "a", Password: "p", ClientID: "c"}, {Name: "b", Password: "q", ClientID: "c"}},
		"allowed are 0 to 1":          {{Name: "a", Password: "p", Hidden: 1.5}},
		"no application \"mail\"":     {{Name: "a", Password: "p", NotLicensed: []account.App{"mail"}}},
	} {
		_, err := simulator.New(simulator.Config{Users: users})
		require.ErrorContains(t, err, text)
	}
}
