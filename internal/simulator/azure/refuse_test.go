package azure_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator/azure"
	"sluice/internal/simulator/faults"
)

func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 1, Services: 1, APIs: 5})
	s := c.services()[0]
	subscription, group := "/subscriptions/"+s.SubscriptionID, "/resourceGroups/"+s.ResourceGroup
	for _, test := range []struct {
		path, code string
		status     int
	}{
		{"/subscriptions", "MissingApiVersionParameter", 400},
		{"/subscriptions?api-version=2025-07-01", "InvalidApiVersionParameter", 400},
		{s.Path + "/apis", "MissingApiVersionParameter", 400},
		{s.Path + "/apis?api-version=2022-12-01", "InvalidApiVersionParameter", 400},
		{"/subscriptions/asdf/resourceGroups?api-version=2021-04-01", "InvalidSubscriptionId", 400},
		{"/subscriptions/00000000-0000-0000-0000-000000000000?api-version=2022-12-01", "SubscriptionNotFound", 404},
		{subscription + "/resourceGroups/none?api-version=2021-04-01", "ResourceGroupNotFound", 404},
		{subscription + group + "/providers/Microsoft.ApiManagement/service/none?api-version=2024-05-01", "ResourceNotFound", 404},
		{s.Path + "/apis/none?api-version=2024-05-01", "ResourceNotFound", 404},
		{s.Path + "/apis/none?export=true&format=swagger-link&api-version=2024-05-01", "ResourceNotFound", 404},
		{s.Path + "/apiVersionSets/none?api-version=2024-05-01", "ResourceNotFound", 404},
		{s.Path + "/nonsense?api-version=2024-05-01", "InvalidResourceType", 404},
		{s.Path + "/apis/x/nonsense?api-version=2024-05-01", "InvalidResourceType", 404},
		{subscription + "/providers/Microsoft.Storage/storageAccounts?api-version=2021-04-01", "InvalidResourceType", 404},
		{"/nonsense?api-version=2022-12-01", "InvalidResourceType", 404},
	} {
		a := c.get(test.path)
		require.Equal(t, test.status, a.status, "%s: %s", test.path, a.body)
		require.Equal(t, test.code, a.code(t), test.path)
	}
	require.Contains(t, string(c.get("/subscriptions?api-version=1").body), "2024-11-01", "the supported ones are named")
	require.Contains(t, string(c.get(s.Path+"/apis/none?api-version=2024-05-01").body), `"details": null`)
}

func TestAServiceRefusesVersionsThatAreTooOld(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 1, Services: 4})
	s := c.services()[3]
	require.Equal(t, "2021-08-01", s.MinAPIVersion)
	require.Equal(t, 400, c.get(at(s.Path, "/apis", "2020-12-01")).status)
	require.Equal(t, 200, c.get(at(s.Path, "/apis", "2021-08-01")).status)
	require.Equal(t, 200, c.get(at(s.Path, "", "2020-12-01")).status, "the service itself can be read")
}

func TestAScopeThatCannotBeRead(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 2, Services: 8, APIs: 40})
	s := c.services()[2]
	subscription := "/subscriptions/" + s.SubscriptionID
	group := subscription + "/resourceGroups/" + s.ResourceGroup
	services := ofService(subscription, "/providers/Microsoft.ApiManagement/service")
	for _, test := range []struct {
		name, scope, refused, stays string
	}{
		{"subscription", subscription, services, "/subscriptions?api-version=" + managerVersion},
		{"group", strings.ToUpper(group), ofService(s.Path, ""), services},
		{"service", s.Path, ofService(s.Path, "/apis"), services},
		{"workspace", s.Path + "/workspaces/" + s.Workspaces[0], ofService(s.Path, "/workspaces/"+s.Workspaces[0]+"/apis"), ofService(s.Path, "/apis")},
	} {
		c.configure(func(settings *azure.Settings) { settings.Unreadable = []string{test.scope} })
		a := c.get(test.refused)
		require.Equal(t, http.StatusForbidden, a.status, test.name)
		require.Equal(t, "AuthorizationFailed", a.code(t))
		require.Contains(t, string(a.body), "does not have authorization to perform action 'Microsoft.ApiManagement/service/")
		require.Equal(t, 200, c.get(test.stays).status, test.name)
	}
	for _, other := range c.services() {
		c.configure(func(settings *azure.Settings) { settings.Unreadable = []string{s.Path} })
		if other.Path != s.Path {
			require.Equal(t, 200, c.get(ofService(other.Path, "/apis")).status)
		}
	}
	all := len(c.list(services))
	c.configure(func(settings *azure.Settings) { settings.HideUnreadable = true })
	require.Len(t, c.list(services), all-1)
}

func TestAServiceThatIsActivating(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 1, Services: 1, APIs: 5})
	s := c.services()[0]
	c.configure(func(settings *azure.Settings) { settings.Activating = []string{s.Path} })
	require.Equal(t, "Activating", property(c.found(ofService(s.Path, "")), "provisioningState"))
	a := c.get(ofService(s.Path, "/apis"))
	require.Equal(t, 422, a.status)
	require.Equal(t, "ManagementApiRequestFailed", a.code(t))
}

func TestAnAPIThatVanishesBetweenTheListAndTheCall(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 1, Services: 1, APIs: 20})
	one := c.apis(sound)[0]
	c.configure(func(settings *azure.Settings) { settings.Vanished = []string{one.ID} })
	require.Contains(t, names(c.list(ofService(c.services()[0].Path, "/apis"))), one.Name)
	require.Equal(t, 404, c.get(ofService(one.ID, "")).status)
	require.Equal(t, 404, c.exported(one.ID, "openapi+json-link").status)
}

func TestErrorsBySwitch(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 1, Services: 1, APIs: 5})
	path := ofService(c.services()[0].Path, "/apis")
	for code, status := range map[string]int{
		"PreconditionFailed": 412, "PessimisticConcurrencyConflict": 409, "ManagementApiRequestFailed": 422, "AuthorizationFailed": 403, "TooManyRequests": 429,
	} {
		c.setFaults(fault(azure.APIs, faults.Fault{Kind: faults.ErrorBody, Code: code, Times: 1}))
		a := c.get(path)
		require.Equal(t, status, a.status)
		require.Equal(t, code, a.code(t))
		require.Equal(t, 200, c.get(path).status)
	}
	c.setFaults(fault(azure.APIs, faults.Fault{Kind: faults.Throttle, Status: 409}))
	require.Equal(t, "Conflict", c.get(path).code(t))
	c.setFaults(fault(azure.APIs, faults.Fault{Kind: faults.Throttle, RetryAfter: 90}))
	a := c.get(path)
	require.Equal(t, 429, a.status)
	require.Equal(t, "90", a.header.Get("Retry-After"))
	require.Equal(t, "SubscriptionRequestsThrottled", a.code(t))
	c.setFaults(fault("", faults.Fault{Kind: faults.HTTPError, Status: 502}))
	require.Equal(t, "BadGateway", c.get(path).code(t))
	require.Equal(t, 502, c.get("/subscriptions?api-version="+managerVersion).status, "every call")
	require.Equal(t, 502, c.signInForm("/"+azure.DefaultTenantID+v2).status)
	c.setFaults(fault(azure.APIs, faults.Fault{Kind: faults.HangUp}))
	_, err := c.do(http.MethodGet, c.arm+path, nil, "Authorization", "Bearer "+c.token)
	require.Error(t, err)
	require.NotZero(t, c.sim.Counts().Faults[faults.HangUp])

	for _, bad := range []azure.Fault{
		fault("nonsense", faults.Fault{Kind: faults.HangUp}),
		fault(azure.APIs, faults.Fault{Kind: "nonsense"}),
		fault(azure.APIs, faults.Fault{Kind: faults.HangUp, Endpoint: faults.Token}),
	} {
		require.Error(t, c.sim.SetFaults(bad))
	}
}

func TestReadsAreLimitedByATokenBucket(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 2, Services: 2, Settings: azure.Settings{ReadBucket: 3, ReadRefill: 0.5}})
	path := func(i int) string { return ofService(c.services()[i].Path, "/apis") }
	for want := 2; want >= 0; want-- {
		a := c.get(path(0))
		require.Equal(t, 200, a.status)
		require.Equal(t, string(rune('0'+want)), a.header.Get("x-ms-ratelimit-remaining-subscription-reads"))
	}
	a := c.get(path(0))
	require.Equal(t, 429, a.status)
	require.Equal(t, "2", a.header.Get("Retry-After"), "one read at half a read a second")
	require.Equal(t, "SubscriptionRequestsThrottled", a.code(t))
	require.Equal(t, 200, c.get(path(1)).status, "each subscription has its bucket")
	tenant := c.get("/subscriptions?api-version=" + managerVersion)
	require.Equal(t, "2", tenant.header.Get("x-ms-ratelimit-remaining-tenant-reads"))

	c.sim.Pass(time.Second)
	require.Equal(t, 429, c.get(path(0)).status, "too early")
	c.sim.Pass(time.Second)
	a = c.get(path(0))
	require.Equal(t, 200, a.status, "the wait that was asked for last is over")
	c.sim.Pass(time.Minute)
	require.Equal(t, "2", c.get(path(0)).header.Get("x-ms-ratelimit-remaining-subscription-reads"), "full again, and no more than that")
	require.EqualValues(t, 2, c.sim.Counts().Throttled)
}

func TestTheDocumentedBucketHolds250Reads(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 1, Settings: azure.Settings{ReadBucket: 250}})
	path := "/subscriptions?api-version=" + managerVersion
	for range 250 {
		require.Equal(t, 200, c.get(path).status)
	}
	require.Equal(t, 429, c.get(path).status)
	c.sim.Pass(time.Second)
	for range 25 {
		require.Equal(t, 200, c.get(path).status)
	}
	require.Equal(t, 429, c.get(path).status)
}
