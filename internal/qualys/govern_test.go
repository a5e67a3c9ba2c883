package qualys_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/fault"
	"sluice/internal/governor"
	"sluice/internal/qualys"
	"sluice/internal/source"
	"sluice/internal/transport"
)

// governed is a client whose calls are counted in a store.
func governed(t *testing.T, c source.Connection) (*qualys.Client, func() map[string]governor.Status) {
	store := governor.NewMemory()
	c.Governor = governor.New(store, governor.Options{Subscription: "s", Patience: 50 * time.Millisecond})
	return open(t, c), func() map[string]governor.Status {
		all, err := governor.Statuses(t.Context(), store, "s", 0)
		require.NoError(t, err)
		byName := map[string]governor.Status{}
		for _, s := range all {
			byName[s.API] = s
		}
		return byName
	}
}

// limited answers with headers of limits.
func limited(status int, body string, headers map[string]string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/auth" {
			fmt.Fprint(w, "a.b.c")
			return
		}
		for name, value := range headers {
			w.Header()[http.CanonicalHeaderKey(name)] = []string{value}
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

var (
	sixHeaders = map[string]string{
		"X-RateLimit-Limit": "300", "X-RateLimit-Window-Sec": "3600", "X-RateLimit-Remaining": "120", "X-RateLimit-ToWait-Sec": "0",
		"X-Concurrency-Limit-Limit": "4", "X-Concurrency-Limit-Running": "0",
	}
	gatewayHeaders = map[string]string{"X-RateLimit-Limit": "300", "X-RateLimit-Window-Sec": "60", "X-RateLimit-Remaining": "299", "X-ConcurrencyLimit-Limit": "2"}
)

// TestEachCallIsKnownByItsPathWithoutTheVersion: that is what the vendor limits.
func TestEachCallIsKnownByItsPathWithoutTheVersion(t *testing.T) {
	t.Parallel()
	client, statuses := governed(t, userConnection("platform", "", "baseURL", serve(t, limited(200, "{}", sixHeaders))))
	for _, path := range []string{"/api/3.0/fo/asset/host/vm/detection/", "/api/2.0/fo/asset/host/vm/detection/", "/api/2.0/fo/knowledge_base/vuln/"} {
		resp, err := client.FO(t.Context(), path, nil)
		read(t, resp, err)
	}
	for _, path := range []string{"/qps/rest/3.0/search/was/finding", "/qps/rest/2.0/count/am/tag", "/qps/rest/portal/version"} {
		resp, err := client.QPS(t.Context(), path, qualys.JSON, nil)
		read(t, resp, err)
	}
	for _, path := range []string{"/tas/rest/webapp/4.0/search", "/fim/v2/events/count"} {
		resp, err := client.Post(t.Context(), path, nil)
		read(t, resp, err)
	}
	require.Equal(t, []string{
		"am/count/tag", "fim/events/count", "fo/asset/host/vm/detection", "fo/knowledge_base/vuln", "portal/version", "tas/webapp/search", "was/search/finding",
	}, slices.Sorted(maps.Keys(statuses())), "and token calls are not limited")
}

func TestWhatAnswersSayOfLimitsIsNoted(t *testing.T) {
	t.Parallel()
	client, statuses := governed(t, userConnection("platform", "", "baseURL", serve(t, limited(200, "{}", sixHeaders))))
	resp, err := client.FO(t.Context(), "/api/3.0/fo/x/", nil)
	require.NoError(t, err)
	status := statuses()["fo/x"]
	require.Equal(t, []int{300, 4, 180}, []int{status.Calls, status.Concurrent, status.Used + status.Others})
	require.Equal(t, time.Hour, status.Window)
	require.Len(t, status.Running, 1, "until the answer is closed")
	require.NoError(t, resp.Body.Close())
	require.NoError(t, resp.Body.Close())
	require.Empty(t, statuses()["fo/x"].Running)

	client, statuses = governed(t, userConnection("platform", "", "baseURL", serve(t, limited(200, "{}", gatewayHeaders))))
	resp, err = client.Get(t.Context(), "/pm/v1/details")
	read(t, resp, err)
	status = statuses()["pm/details"]
	require.Equal(t, []int{300, 2}, []int{status.Calls, status.Concurrent}, "in the gateway's spelling")
	require.Equal(t, time.Minute, status.Window)
}

// TestALimitKeepsAllFromCalling, by whatever answer it is told.
func TestALimitKeepsAllFromCalling(t *testing.T) {
	t.Parallel()
	fo := func(c *qualys.Client) (*transport.Response, error) { return c.FO(t.Context(), "/api/3.0/fo/x/", nil) }
	search := func(c *qualys.Client) (*transport.Response, error) {
		return c.QPS(t.Context(), "/qps/rest/3.0/search/was/finding", qualys.JSON, nil)
	}
	gateway := func(c *qualys.Client) (*transport.Response, error) { return c.Post(t.Context(), "/x", nil) }
	for name, c := range map[string]struct {
		vendor http.HandlerFunc
		call   func(*qualys.Client) (*transport.Response, error)
		wait   time.Duration
		said   string
	}{
		"no calls left":         {limited(200, "{}", map[string]string{"X-RateLimit-Limit": "300", "X-RateLimit-Window-Sec": "3600", "X-RateLimit-Remaining": "0", "X-RateLimit-ToWait-Sec": "500"}), fo, 500 * time.Second, ""},
		"too often, by header":  {limited(409, simpleReturn("1965", "later"), map[string]string{"X-RateLimit-ToWait-Sec": "500"}), fo, 500 * time.Second, "code 1965: later"},
		"too often, by body":    {limited(409, simpleReturn("1965", "later", "SECONDS_TO_WAIT", "600"), nil), fo, 600 * time.Second, "code 1965: later"},
		"too often, under 200":  {limited(200, simpleReturn("1965", "later", "SECONDS_TO_WAIT", "600"), nil), fo, 600 * time.Second, "code 1965: later"},
		"QPS, under 200":        {limited(200, `{"ServiceResponse":{"responseCode":"LIMIT_EXCEEDED"}}`, nil), search, time.Minute, "LIMIT_EXCEEDED"},
		"gateway, Retry-After":  {limited(429, `{"message":"slow down"}`, map[string]string{"Retry-After": "77"}), gateway, 77 * time.Second, "slow down"},
		"gateway, ToWait":       {limited(429, `{}`, map[string]string{"X-RateLimit-ToWait-Sec": "88"}), gateway, 88 * time.Second, "429"},
		"gateway, without word": {limited(429, ``, nil), gateway, time.Minute, "429"},
	} {
		var calls atomic.Int64
		client, statuses := governed(t, userConnection("platform", "", "baseURL", serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/auth" {
				calls.Add(1)
			}
			c.vendor(w, r)
		})))
		if resp, err := c.call(client); err == nil {
			require.NoError(t, resp.Body.Close())
		}
		_, err := c.call(client)
		f := fault.As(err)
		require.NotNil(t, f, name)
		require.Equal(t, fault.Throttled, f.Class, name)
		require.Greater(t, f.Wait, c.wait-10*time.Second, name)
		require.Less(t, f.Wait, c.wait+time.Minute, name)
		require.EqualValues(t, 1, calls.Load(), "%s: it is not asked again", name)
		for _, status := range statuses() {
			require.Contains(t, status.Why, c.said, name)
			require.Empty(t, status.Running, name)
		}
	}
}

// TestTooManyAtOnceLowersWhatRuns: it is no matter of time, and says nothing of
// the rate although its headers may.
func TestTooManyAtOnceLowersWhatRuns(t *testing.T) {
	t.Parallel()
	headers := map[string]string{
		"X-RateLimit-Limit": "0", "X-RateLimit-Remaining": "0", "X-RateLimit-ToWait-Sec": "0",
		"X-Concurrency-Limit-Limit": "2", "X-Concurrency-Limit-Running": "2",
	}
	for name, c := range map[string]struct {
		status int
		body   string
	}{
		"1960":            {409, simpleReturn("1960", "busy", "CALLS_TO_FINISH", "1")},
		"1960, under 200": {200, simpleReturn("1960", "busy", "CALLS_TO_FINISH", "1")},
		"1920":            {409, simpleReturn("1920", "busy")},
		"gateway's words": {429, `{"message":"Concurrent request limit exceeded"}`},
		"WAS's words":     {429, `{"ServiceResponse":{"responseCode":"LIMIT_EXCEEDED","responseErrorDetails":{"errorMessage":"Concurrency limit exceeded"}}}`},
		"WAS's, in XML":   {429, `<ServiceResponse><responseCode>LIMIT_EXCEEDED</responseCode><responseErrorDetails><errorMessage>Concurrency limit exceeded</errorMessage></responseErrorDetails></ServiceResponse>`},
	} {
		client, statuses := governed(t, userConnection("platform", "", "baseURL", serve(t, limited(c.status, c.body, headers))))
		resp, err := client.FO(t.Context(), "/api/3.0/fo/x/", nil)
		if err == nil {
			require.NoError(t, resp.Body.Close())
		} else {
			require.Equal(t, qualys.CodeTooMany, fault.As(err).Code, name)
			require.Less(t, fault.As(err).Wait, time.Minute, "%s: it ends with one of the calls", name)
		}
		status := statuses()["fo/x"]
		require.Equal(t, 2, status.Concurrent, name)
		require.Zero(t, status.Calls, name)
		require.False(t, status.Lowered.IsZero(), name)
	}
}

// TestNoMoreRunAtOnceThanTheVendorTells: first by what is standard or set, then
// by its headers; a call that is sent again runs in the same slot.
func TestNoMoreRunAtOnceThanTheVendorTells(t *testing.T) {
	t.Parallel()
	for setting, c := range map[string]struct{ first, told int }{"": {2, 3}, "4": {4, 3}} {
		var running, most, tokens atomic.Int64
		told := strconv.Itoa(c.told)
		began, release := make(chan struct{}, 100), make(chan struct{})
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/auth/oidc" {
				fmt.Fprintf(w, "a.b.%d", tokens.Add(1))
				return
			}
			n := running.Add(1)
			defer running.Add(-1)
			most.Store(max(most.Load(), n))
			began <- struct{}{}
			<-release
			w.Header().Set("X-Concurrency-Limit-Limit", told)
		})
		c1 := connection("platform", "", "baseURL", s)
		if setting != "" {
			c1.Settings["concurrency"] = setting
		}
		store := governor.NewMemory()
		c1.Governor = governor.New(store, governor.Options{Subscription: "s", Patience: time.Minute})
		client := open(t, c1)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		ended := make(chan error, 12)
		for range 12 {
			go func() {
				resp, err := client.FO(ctx, "/api/3.0/fo/x/", nil)
				if err == nil {
					err = resp.Body.Close()
				}
				ended <- err
			}()
		}
		for range c.first {
			<-began
		}
		require.EqualValues(t, c.first, running.Load(), "before the vendor has said")
		close(release)
		for range 12 {
			require.NoError(t, <-ended)
		}
		require.LessOrEqual(t, most.Load(), int64(max(c.first, c.told)))
	}
}

// TestCallsOfTheAPIServerTakeTurnsBeforeALimitIsTold, so that what is held
// before counts from then on.
func TestCallsOfTheAPIServerTakeTurnsBeforeALimitIsTold(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/qps/rest/3.0/search/was/finding", "/api/3.0/fo/asset/host/vm/detection/"} {
		client, statuses := governed(t, userConnection("platform", "", "baseURL", "http://127.0.0.1:1"))
		for range qualys.DefaultConcurrency {
			_, release, err := client.Hold(t.Context(), path)
			require.NoError(t, err)
			t.Cleanup(release)
		}
		running := 0
		for _, status := range statuses() {
			running += len(status.Running)
		}
		require.Equal(t, qualys.DefaultConcurrency, running, path)
		_, _, err := client.Hold(t.Context(), path)
		require.Error(t, err, "%s: one too many", path)
	}
}
