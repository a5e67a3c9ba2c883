package azure_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/azure"
	"sluice/internal/fault"
	"sluice/internal/governor"
	"sluice/internal/source"
	"sluice/internal/transport"
)

func get(t *testing.T, limits azure.Limits, arm http.HandlerFunc) error {
	at := serveTenant(t, nil, arm)
	_, err := client(t, connection(at.url), limits).Get(t.Context(), "/subscriptions/s/x", azure.VersionAPIManagement, nil)
	return err
}

// TestErrorsAreClassified by status and code, and whether others can be read
// all the same.
func TestErrorsAreClassified(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status    int
		code      string
		class     fault.Class
		is        string
		skippable bool
	}{
		{400, "InvalidApiVersionParameter", fault.Refused, azure.CodeVersion, true},
		{400, "MethodNotAllowedInPricingTier", fault.Refused, azure.CodePricingTier, true},
		{400, "InvalidSubscriptionId", fault.Refused, transport.CodeBadRequest, true},
		{401, "AuthenticationFailed", fault.Auth, transport.CodeTokenNotAccepted, false},
		{401, "InvalidAuthenticationTokenAudience", fault.Refused, transport.CodeTokenNotAccepted, false},
		{401, "InvalidAuthenticationTokenTenant", fault.Refused, transport.CodeTokenNotAccepted, false},
		{403, "AuthorizationFailed", fault.Refused, transport.CodeForbidden, true},
		{404, "ResourceNotFound", fault.Refused, transport.CodeNotFound, true},
		{406, "", fault.Refused, azure.CodeNotAcceptable, true},
		{409, "PessimisticConcurrencyConflict", fault.Transient, azure.CodeBusy, true},
		{412, "PreconditionFailed", fault.Transient, azure.CodeBusy, true},
		{422, "ManagementApiRequestFailed", fault.Transient, azure.CodeBusy, true},
		{500, "InternalServerError", fault.Transient, transport.CodeServerError, true},
		{503, "ServiceUnavailable", fault.Transient, transport.CodeUnavailable, false},
		{302, "", fault.Refused, transport.CodeRedirected, false},
	} {
		err := get(t, quick, answer(c.status, fmt.Sprintf(`{"error":{"code":%q,"message":"why","details":null}}`, c.code)))
		f := fault.As(err)
		require.NotNil(t, f, c.code)
		require.Equal(t, []any{c.class, c.is, c.skippable}, []any{f.Class, f.Code, azure.Skippable(err)}, "%d %s", c.status, c.code)
		if c.code != "" {
			require.Contains(t, f.Message, c.code+": why")
			require.Equal(t, c.code+": why", azure.Said(err))
		}
	}
}

func TestCallsThatFailForAMomentAreTriedAgain(t *testing.T) {
	t.Parallel()
	for _, status := range []int{409, 412, 422, 500, 502, 503, 504} {
		var calls atomic.Int64
		require.NoError(t, get(t, quick, func(w http.ResponseWriter, r *http.Request) {
			if calls.Add(1) < 3 {
				answer(status, `{"error":{"code":"X"}}`)(w, r)
				return
			}
			_, _ = w.Write([]byte("{}"))
		}), status)
	}
	var calls atomic.Int64
	require.Error(t, get(t, quick, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		answer(500, "{}")(w, r)
	}))
	require.EqualValues(t, 3, calls.Load())
}

func TestShortWaitsAreSleptThroughAndLongOnesReturned(t *testing.T) {
	t.Parallel()
	throttled := `{"error":{"code":"SubscriptionRequestsThrottled","message":"Number of 'read' requests exceeded"}}`
	var calls atomic.Int64
	begin := time.Now()
	require.NoError(t, get(t, quick, func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) == 1 {
			answer(429, throttled, "x-ms-retry-after-ms", "120", "Retry-After", "60")(w, r)
			return
		}
		_, _ = w.Write([]byte("{}"))
	}))
	require.GreaterOrEqual(t, time.Since(begin), 120*time.Millisecond)

	calls.Store(0)
	at := serveTenant(t, nil, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		answer(429, throttled, "Retry-After", "90")(w, r)
	})
	reader := client(t, connection(at.url), quick)
	for range 2 {
		_, err := reader.Get(t.Context(), "/subscriptions/s/x", azure.VersionAPIManagement, nil)
		f := fault.As(err)
		require.Equal(t, fault.Throttled, f.Class)
		require.InDelta(t, 90, f.Wait.Seconds(), 5)
	}
	require.EqualValues(t, 1, calls.Load(), "an early call would start the wait anew")
	_, err := reader.Get(t.Context(), "/subscriptions/other/x", azure.VersionAPIManagement, nil)
	require.Equal(t, fault.Throttled, fault.As(err).Class)
	require.EqualValues(t, 2, calls.Load(), "another subscription has a bucket of its own")
}

func TestCallsSlowDownBeforeTheBucketIsEmpty(t *testing.T) {
	t.Parallel()
	at := serveTenant(t, nil, answer(200, "{}", "x-ms-ratelimit-remaining-subscription-reads", "24"))
	reader := client(t, connection(at.url), quick)
	begin := time.Now()
	for range 2 {
		_, err := reader.Get(t.Context(), "/subscriptions/s/x", azure.VersionAPIManagement, nil)
		require.NoError(t, err)
	}
	require.GreaterOrEqual(t, time.Since(begin), time.Second)
}

// TestALimitIsKeptWhoeverSharesIt: ARM counts by application, whatever the
// clients; a tenth is left to other tools, unless a connector says otherwise.
func TestALimitIsKeptWhoeverSharesIt(t *testing.T) {
	t.Parallel()
	for reserve, most := range map[string]int64{"": 225, "60": 100} {
		t.Run(reserve, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int64
			at := serveTenant(t, nil, func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				answer(200, "{}", "x-ms-ratelimit-remaining-subscription-reads", "200")(w, r)
			})
			connector := connection(at.url)
			connector.Settings[source.FieldReserve] = reserve
			subscription := azure.Provider().Subscription(connector)
			keeper := governor.New(governor.NewMemory(), governor.Options{
				Subscription: subscription, Reserve: source.Reserve(connector), Patience: time.Millisecond,
			})
			connector.Governor = keeper
			clients := []*azure.Client{client(t, connector, quick), client(t, connector, quick)}
			var err error
			for i := 0; err == nil && i < 300; i++ {
				_, err = clients[i%2].Get(t.Context(), "/subscriptions/s/x", azure.VersionAPIManagement, nil)
			}
			require.Equal(t, most, calls.Load())
			f := fault.As(err)
			require.Equal(t, fault.Throttled, f.Class)
			require.LessOrEqual(t, f.Wait, 10*time.Second+time.Second)
			require.Contains(t, f.Message, "250 calls in 10s")
			_, err = clients[0].Get(t.Context(), "/subscriptions", azure.VersionSubscriptions, nil)
			require.NoError(t, err, "the tenant's bucket is another")
		})
	}
}

// TestTheTokenEndpointHasLimitsOfItsOwn: when it asks to wait, ARM's bucket is
// not blocked.
func TestTheTokenEndpointHasLimitsOfItsOwn(t *testing.T) {
	t.Parallel()
	var refused atomic.Bool
	at := serveTenant(t, func(w http.ResponseWriter, r *http.Request) {
		if !refused.Swap(true) {
			answer(429, `{"error":"temporarily_unavailable","error_description":"AADSTS90055: too many"}`, "Retry-After", "300")(w, r)
			return
		}
		answer(200, `{"token_type":"Bearer","expires_in":"3599","access_token":"token"}`)(w, r)
	}, answer(200, "{}"))
	reader := client(t, connection(at.url), quick)
	_, err := reader.Get(t.Context(), "/subscriptions", azure.VersionSubscriptions, nil)
	f := fault.As(err)
	require.Equal(t, []any{fault.Throttled, 5 * time.Minute}, []any{f.Class, f.Wait})
	_, err = reader.Get(t.Context(), "/subscriptions", azure.VersionSubscriptions, nil)
	require.NoError(t, err)
}

func TestListsAreReadToTheirLastPage(t *testing.T) {
	t.Parallel()
	for _, last := range []string{``, `,"nextLink":""`, `,"nextLink":null`} {
		var at *tenant
		at = serveTenant(t, nil, func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Query().Get("$skip") {
			case "":
				fmt.Fprintf(w, "{\r\n  \"value\": [{\"id\":\"/a\"}],\r\n \"count\": 2, \"nextLink\": \"%s/subscriptions?api-version=1&$filter=a eq 'b'&%%24skip=1\"}", at.url)
			case "1":
				fmt.Fprintf(w, `{"value":[],"count":2,"nextLink":"%s/subscriptions?api-version=1&$skip=2"}`, strings.Replace(at.url, "127.0.0.1", "127.0.0.1", 1))
			default:
				fmt.Fprintf(w, `{"value":[{"id":"/B"}],"count":2%s}`, last)
			}
		})
		rows, err := list(t, at.url, quick)
		require.NoError(t, err)
		require.Equal(t, []string{`{"id":"/a"}`, `{"id":"/B"}`}, rows)
	}
}

func list(t testing.TB, url string, limits azure.Limits) (rows []string, err error) {
	err = client(t, connection(url), limits).List(t.Context(), "/subscriptions", azure.VersionSubscriptions, nil, func(row json.RawMessage) error {
		rows = append(rows, string(row))
		return nil
	})
	return rows, err
}

// TestListsThatCannotBeBelievedAreErrors, and bring no rows.
func TestListsThatCannotBeBelievedAreErrors(t *testing.T) {
	t.Parallel()
	for body, says := range map[string]string{
		`{"value":[{"id":"a"}],"nextLink":"https://evil.example.com/subscriptions?$skip=1"}`: "the token is not sent there",
		`{"value":[],"nextLink":"HOST@evil.example.com/x"}`:                                  "",
		`{"value":[],"nextLink":"HOST/subscriptions?$skip=1"}`:                               "leads back",
		`{"value":[],"nextLink":"::"}`:                                                       "cannot be read",
		`{"value":null}`:                                                                     "no list of values",
		`{}`:                                                                                 "no list of values",
		`[]`:                                                                                 "not as documented",
		`{"value":[{"id":"a"}`:                                                               "not as documented",
		`{"value":[{"id":"a"},{"id":"A"}],"count":3}`:                                        "counted 3, and 1 arrived",
		strings.Repeat("[", 1e6):                                                             "not as documented",
	} {
		var at *tenant
		at = serveTenant(t, nil, func(w http.ResponseWriter, r *http.Request) {
			answer(200, strings.ReplaceAll(body, "HOST", at.url))(w, r)
		})
		rows, err := list(t, at.url, quick)
		f := fault.As(err)
		require.NotNil(t, f, body)
		require.Equal(t, fault.Contract, f.Class)
		require.ErrorContains(t, err, says, body)
		require.Empty(t, rows)
	}
	pages := 0
	var at *tenant
	at = serveTenant(t, nil, func(w http.ResponseWriter, _ *http.Request) {
		pages++
		fmt.Fprintf(w, `{"value":[],"nextLink":"%s/subscriptions?$skip=%d"}`, at.url, pages)
	})
	limits := quick
	limits.MaxPages = 20
	_, err := list(t, at.url, limits)
	require.ErrorContains(t, err, "more than 20 pages")
	limits.MaxPages, limits.MaxList = 1000, 1000
	_, err = list(t, at.url, limits)
	require.ErrorContains(t, err, "more than 1000 bytes")
}

// TestAListThatChangesWhileItIsReadIsReadAgain: pages are cut by number, so
// that a row can slip between two of them.
func TestAListThatChangesWhileItIsReadIsReadAgain(t *testing.T) {
	t.Parallel()
	var round atomic.Int64
	var at *tenant
	at = serveTenant(t, nil, func(w http.ResponseWriter, r *http.Request) {
		switch first := r.URL.Query().Get("$skip") == ""; {
		case first && round.Add(1) == 1:
			fmt.Fprintf(w, `{"value":[{"id":"a"},{"id":"b"}],"count":4,"nextLink":"%s/subscriptions?$skip=2"}`, at.url)
		case first:
			fmt.Fprintf(w, `{"value":[{"id":"b"},{"id":"c"}],"count":3,"nextLink":"%s/subscriptions?$skip=2"}`, at.url)
		default:
			_, _ = w.Write([]byte(`{"value":[{"id":"d"}],"count":3}`)) // a was removed
		}
	})
	rows, err := list(t, at.url, quick)
	require.NoError(t, err)
	require.Equal(t, []string{`{"id":"b"}`, `{"id":"c"}`, `{"id":"d"}`}, rows)
}
