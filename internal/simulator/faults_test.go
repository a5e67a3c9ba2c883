package simulator_test

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator"
	"sluice/internal/simulator/faults"
)

func setFaults(t *testing.T, v *vendor, f ...simulator.Fault) {
	t.Helper()
	require.NoError(t, v.sim.SetFaults(f...))
}

// statuses makes n searches and returns how each was answered.
func statuses(v *vendor, n int) []int {
	var out []int
	for range n {
		out = append(out, v.search(applicationsPath, qpsBody(1, 0)).status)
	}
	return out
}

func TestAFaultHappensWhenItIsDue(t *testing.T) {
	t.Parallel()
	cfg := estateConfig()
	cfg.Clock = func() time.Time { return start }
	v := startVendor(t, cfg)

	setFaults(t, v, simulator.Fault{Kind: faults.Throttle, Call: 3})
	require.Equal(t, []int{200, 200, 429, 200, 200, 200}, statuses(v, 6), "the third call")

	setFaults(t, v, simulator.Fault{Kind: faults.Throttle, Every: 2, Times: 2})
	require.Equal(t, []int{200, 429, 200, 429, 200, 200}, statuses(v, 6), "every second call, twice")

	setFaults(t, v, simulator.Fault{Kind: faults.Throttle, Endpoint: faults.APICollections})
	require.Equal(t, []int{200, 200}, statuses(v, 2), "another endpoint")

	setFaults(t, v, simulator.Fault{Kind: faults.Throttle, From: start.Add(time.Hour), Until: start.Add(2 * time.Hour)})
	require.Equal(t, []int{200}, statuses(v, 1), "before the window")
	v.sim.Pass(time.Hour)
	require.Equal(t, []int{429, 429}, statuses(v, 2), "in the window")
	v.sim.Pass(time.Hour)
	require.Equal(t, []int{200}, statuses(v, 1), "after the window")

	share := simulator.Fault{Kind: faults.Throttle, Share: 0.3}
	setFaults(t, v, share)
	drawn := statuses(v, 200)
	require.InDelta(t, 60, 200-len(slices.DeleteFunc(slices.Clone(drawn), func(s int) bool { return s == 429 })), 20)
	setFaults(t, v, share)
	require.Equal(t, drawn, statuses(v, 200), "drawn by the seed alone")

	setFaults(t, v)
	require.Equal(t, []int{200}, statuses(v, 1), "none")
}

func TestFaultsThatReplaceTheAnswer(t *testing.T) {
	t.Parallel()
	v := startVendor(t, estateConfig())
	for _, c := range []struct {
		fault   simulator.Fault
		status  int
		content string
		body    string
	}{
		{simulator.Fault{Kind: faults.HTTPError}, 500, "application/json", `"errorCode":"500 INTERNAL_SERVER_ERROR"`},
		{simulator.Fault{Kind: faults.HTTPError, Status: 503}, 503, "application/json", `"errorCode":"503 SERVICE_UNAVAILABLE"`},
		{simulator.Fault{Kind: faults.HTTPError, Status: 502, HTML: true}, 502, "text/html", `<h1>Bad Gateway</h1>`},
		{simulator.Fault{Kind: faults.ErrorBody}, 200, "application/json", `"responseCode":"OTHER_ERROR"`},
		{simulator.Fault{Kind: faults.ErrorBody, Code: "INVALID_CREDENTIALS"}, 200, "application/json", `"errorMessage":"Authentication failed"`},
		{simulator.Fault{Kind: faults.ErrorBody, Code: "MAINTENANCE"}, 200, "application/json", `"responseCode":"MAINTENANCE"`},
		{simulator.Fault{Kind: faults.LoginPage}, 200, "text/html", `type="password"`},
		{simulator.Fault{Kind: faults.Throttle}, 429, "application/json", `"errorCode":"429 TOO_MANY_REQUESTS"`},
		{simulator.Fault{Kind: faults.Redirect}, 307, "text/html", ``},
	} {
		served := v.sim.Counts().Faults[c.fault.Kind]
		setFaults(t, v, c.fault)
		a := v.search(applicationsPath, qpsBody(1, 0))
		require.Equal(t, c.status, a.status, "%v", c.fault)
		require.Contains(t, a.header.Get("Content-Type"), c.content)
		require.Contains(t, string(a.body), c.body)
		require.Equal(t, served+1, v.sim.Counts().Faults[c.fault.Kind])
	}
}

func TestAThrottledAnswerSaysHowLongToWaitOrNothing(t *testing.T) {
	t.Parallel()
	v := startVendor(t, estateConfig())
	setFaults(t, v, simulator.Fault{Kind: faults.Throttle, RetryAfter: 7})
	h := v.search(applicationsPath, "").header
	require.Equal(t, "7", h.Get("Retry-After"))
	require.Equal(t, "7", h.Get("X-RateLimit-ToWait-Sec"))
	require.Equal(t, "0", h.Get("X-RateLimit-Remaining"))
	setFaults(t, v, simulator.Fault{Kind: faults.Throttle})
	h = v.search(applicationsPath, "").header
	require.Empty(t, h.Get("Retry-After"))
	require.Empty(t, h.Get("X-RateLimit-Remaining"))
}

func TestARedirectNamesAnotherHost(t *testing.T) {
	t.Parallel()
	v := startVendor(t, estateConfig())
	setFaults(t, v, simulator.Fault{Kind: faults.Redirect, Location: "http://127.0.0.3:1/elsewhere"})
	require.Equal(t, "http://127.0.0.3:1/elsewhere", v.search(applicationsPath, "").header.Get("Location"))
}

func TestARevokedTokenEndsInTheMiddleOfARun(t *testing.T) {
	t.Parallel()
	v := startVendor(t, estateConfig())
	setFaults(t, v, simulator.Fault{Kind: faults.RevokeTokens, Call: 2})
	require.Equal(t, []int{200, 401, 401}, statuses(v, 3))
	v.token = v.mint()
	require.Equal(t, []int{200}, statuses(v, 1))
}

func TestConnectionsBreak(t *testing.T) {
	t.Parallel()
	v := startVendor(t, estateConfig())
	setFaults(t, v, simulator.Fault{Kind: faults.HangUp})
	_, err := v.do(http.MethodPost, applicationsPath, "", "Authorization", "Bearer "+v.token)
	require.Error(t, err)

	setFaults(t, v, simulator.Fault{Kind: faults.Cut})
	a := v.search(applicationsPath, qpsBody(100, 0))
	require.Error(t, a.err, "the reader is told that the body is not whole")
	requireHalfAPage(t, a.body)

	setFaults(t, v, simulator.Fault{Kind: faults.Truncate})
	a = v.search(applicationsPath, qpsBody(100, 0))
	require.NoError(t, a.err, "the reader is not told")
	requireHalfAPage(t, a.body)

	setFaults(t, v, simulator.Fault{Kind: faults.Truncate, Endpoint: faults.Token})
	require.Len(t, v.mint(), len(v.token)/2, "tokens too")
}

// requireHalfAPage checks that the body ends inside its 51st record.
func requireHalfAPage(t *testing.T, body []byte) {
	t.Helper()
	require.False(t, json.Valid(body))
	require.Equal(t, 51, strings.Count(string(body), `"owner":`))
	_, last, _ := strings.Cut(string(body[strings.LastIndex(string(body), `"owner":`):]), `"findings":[`)
	require.NotContains(t, last, "]}")
	d := json.NewDecoder(strings.NewReader(string(body)))
	var err error
	for err == nil {
		_, err = d.Token()
	}
	require.ErrorIs(t, err, io.EOF, "what there is, is well-formed")
}

func TestSlowAnswers(t *testing.T) {
	t.Parallel()
	v := startVendor(t, simulator.Config{Seed: 1, Applications: 1})
	whole := v.search(applicationsPath, "")

	setFaults(t, v, simulator.Fault{Kind: faults.Slow, Delay: 60 * time.Millisecond})
	began := time.Now()
	require.Equal(t, whole.body, v.search(applicationsPath, "").body)
	require.GreaterOrEqual(t, time.Since(began), 60*time.Millisecond)

	setFaults(t, v, simulator.Fault{Kind: faults.Trickle, Delay: time.Millisecond, Bytes: 8})
	began = time.Now()
	require.Equal(t, whole.body, v.search(applicationsPath, "").body)
	require.GreaterOrEqual(t, time.Since(began), time.Duration(len(whole.body)/8)*time.Millisecond)
}

func TestPagesThatDoNotAddUp(t *testing.T) {
	t.Parallel()
	v := startVendor(t, estateConfig())
	first := v.page(applicationsPath, qpsBody(20, 0))
	second := v.page(applicationsPath, qpsBody(20, *first.LastID))

	// readSecond asks for the first page and then, with the fault, for the second.
	readSecond := func(f simulator.Fault) envelope {
		setFaults(t, v)
		v.page(applicationsPath, qpsBody(20, 0))
		setFaults(t, v, f)
		return v.page(applicationsPath, qpsBody(20, *first.LastID))
	}
	require.Equal(t, first, readSecond(simulator.Fault{Kind: faults.RepeatPage}), "the page before")

	duplicate := readSecond(simulator.Fault{Kind: faults.Duplicate})
	require.Equal(t, first.Data[19], duplicate.Data[0], "the last record of the page before")
	require.Equal(t, second.Data[:19], duplicate.Data[1:])
	last := v.asset(simulator.Application, duplicate.Data[19])
	require.JSONEq(t, last.ID, jsonOf(t, duplicate.LastID), "nothing is lost: the next page follows on this one")

	omitted := readSecond(simulator.Fault{Kind: faults.OmitRecord})
	require.Equal(t, slices.Delete(slices.Clone(second.Data), 10, 11), omitted.Data)
	require.Equal(t, 19, omitted.Count, "without a sign")
	require.Equal(t, second.LastID, omitted.LastID)

	empty := readSecond(simulator.Fault{Kind: faults.EmptyForever})
	require.Empty(t, empty.Data)
	require.True(t, empty.more())
	require.Equal(t, first.LastID, empty.LastID)

	require.Equal(t, 21, readSecond(simulator.Fault{Kind: faults.ShiftCount}).Count)
	require.Equal(t, 225, *readSecond(simulator.Fault{Kind: faults.ShiftTotal, Shift: -5}).TotalCount)

	unmarked := readSecond(simulator.Fault{Kind: faults.WithoutMarker})
	require.Equal(t, second.Data, unmarked.Data)
	require.Empty(t, unmarked.HasMoreRecords)
	require.Nil(t, unmarked.LastID)
}

func jsonOf(t *testing.T, value any) string {
	text, err := json.Marshal(value)
	require.NoError(t, err)
	return string(text)
}

func TestOnTheFirstPageNothingCanBeRepeatedOrDuplicated(t *testing.T) {
	t.Parallel()
	v := startVendor(t, estateConfig())
	setFaults(t, v, simulator.Fault{Kind: faults.RepeatPage}, simulator.Fault{Kind: faults.Duplicate})
	first := v.page(applicationsPath, qpsBody(20, 0))
	require.Equal(t, 20, first.Count)
	require.Empty(t, v.sim.Counts().Faults)
}

func TestHostileBodies(t *testing.T) {
	t.Parallel()
	v := startVendor(t, estateConfig())
	setFaults(t, v, simulator.Fault{Kind: faults.EndlessBody, Bytes: 1_000_000})
	require.Equal(t, 1_000_000, strings.Count(string(v.search(applicationsPath, "").body), "a")-strings.Count("dataname", "a"))
	setFaults(t, v, simulator.Fault{Kind: faults.DeepNesting, Bytes: 50_000})
	require.Contains(t, string(v.search(applicationsPath, "").body), strings.Repeat("[", 50_000))
	setFaults(t, v, simulator.Fault{Kind: faults.GzipBomb, Bytes: 3_000_000})
	require.Greater(t, len(v.search(applicationsPath, "").body), 3_000_000, "unpacked by the HTTP client")
}

func TestAnEndlessBodyEndsWhenTheCallerHangsUp(t *testing.T) {
	t.Parallel()
	v := startVendor(t, estateConfig())
	setFaults(t, v, simulator.Fault{Kind: faults.EndlessBody})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, v.baseURL+applicationsPath, nil)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	head := make([]byte, 10<<20)
	for read := 0; read < len(head); {
		n, err := response.Body.Read(head[read:])
		require.NoError(t, err)
		read += n
	}
	require.NoError(t, response.Body.Close())
	// The server of the test waits for its calls when it closes: this test would
	// not end if the body did not.
}

func TestFaultsThatMakeNoSenseAreRefusedAndChangeNothing(t *testing.T) {
	t.Parallel()
	v := startVendor(t, estateConfig())
	good := simulator.Fault{Kind: faults.Throttle, Every: 2}
	setFaults(t, v, good)
	for want, f := range map[string]simulator.Fault{
		"unknown fault":          {Kind: "typo"},
		"unknown endpoint":       {Kind: faults.Cut, Endpoint: "typo"},
		"number below zero":      {Kind: faults.Cut, Every: -1},
		"allowed are 0 to 1":     {Kind: faults.Cut, Share: 2},
		"allowed are 500 to 599": {Kind: faults.HTTPError, Status: 404},
		"needs a delay":          {Kind: faults.Slow},
	} {
		require.ErrorContains(t, v.sim.SetFaults(good, f), want)
	}
	require.Equal(t, []int{200, 429}, statuses(v, 2))
}
