package azure_test

import (
	"bytes"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator/azure"
	"sluice/internal/simulator/faults"
)

func names(objects []tree) []string {
	out := []string{}
	for _, o := range objects {
		out = append(out, o["name"].(string))
	}
	return out
}

func TestSubscriptionsComeByPages(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 5, Disabled: 1, Settings: azure.Settings{PageSize: 2}})
	seen := c.list("/subscriptions?api-version=2024-11-01")
	require.EqualValues(t, 3, c.sim.Counts().Calls[azure.Subscriptions])
	i := 0
	for want := range c.sim.Subscriptions() {
		require.Equal(t, want.Path, seen[i]["id"])
		require.Equal(t, want.ID, seen[i]["subscriptionId"])
		require.Equal(t, want.State, seen[i]["state"])
		require.Equal(t, azure.DefaultTenantID, seen[i]["tenantId"])
		i++
	}
	require.Equal(t, "Disabled", seen[4]["state"])
	require.Equal(t, seen[0], c.found(seen[0]["id"].(string)+"?api-version="+managerVersion))
}

func TestServicesAreFoundThreeWays(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 2, Services: 9})
	filter := url.QueryEscape("resourceType eq 'microsoft.apimanagement/SERVICE'")
	var byProvider, byFilter, byGroup []string
	for _, s := range c.list("/subscriptions?api-version=" + managerVersion) {
		id := s["id"].(string)
		byProvider = append(byProvider, names(c.list(id+"/providers/Microsoft.ApiManagement/service?api-version="+serviceVersion))...)
		rows := c.list(id + "/resources?api-version=2021-04-01&$filter=" + filter)
		for _, row := range rows {
			require.Equal(t, "Microsoft.ApiManagement/service", row["type"])
			require.NotContains(t, row, "properties", "no gatewayUrl")
		}
		byFilter = append(byFilter, names(rows)...)
		require.Greater(t, len(c.list(id+"/resources?api-version=2021-04-01")), len(rows), "other resources without the filter")
		for _, g := range c.list(id + "/resourcegroups?api-version=2021-04-01") {
			byGroup = append(byGroup, names(c.list(g["id"].(string)+"/providers/microsoft.apimanagement/Service?api-version="+serviceVersion))...)
		}
		a := c.get(id + "/resources?api-version=2021-04-01&$top=1&$filter=" + filter)
		require.Equal(t, 400, a.status, "they cannot be combined")
	}
	var want []string
	for _, s := range c.services() {
		want = append(want, s.Name)
	}
	require.ElementsMatch(t, want, byProvider)
	require.ElementsMatch(t, want, byFilter)
	require.ElementsMatch(t, want, byGroup)
}

func TestAServiceSaysItsTierAndGateway(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 1, Services: 7})
	tiers := map[azure.Tier]bool{}
	for _, s := range c.services() {
		a := c.get(ofService(s.Path, ""))
		body := a.tree(t)
		p := body["properties"].(tree)
		require.Equal(t, string(s.Tier), body["sku"].(tree)["name"])
		require.Equal(t, s.GatewayURL, p["gatewayUrl"])
		require.Equal(t, "Succeeded", p["provisioningState"])
		require.Contains(t, p, "gatewayRegionalUrl", "null members are there")
		require.NotContains(t, string(a.body), "\n", "compact")
		require.NotEmpty(t, a.header.Get("ETag"))
		hosts := p["hostnameConfigurations"].([]any)
		last := hosts[len(hosts)-1].(tree)
		require.Equal(t, true, last["defaultSslBinding"])
		if s.CustomHost != "" {
			require.Equal(t, s.CustomHost, last["hostName"])
		}
		tiers[s.Tier] = true
	}
	require.Len(t, tiers, 7)
}

func TestAListOfAPIsHasAllPagesAndItsCount(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 4, 101, 1000} {
		c := connect(t, azure.Config{Subscriptions: 1, Services: 1, APIs: n})
		s := c.services()[0]
		want := []string{}
		for api := range c.sim.Revisions() {
			if api.Type != "mcp" && api.Workspace == "" {
				want = append(want, api.Name)
			}
		}
		seen := c.list(ofService(s.Path, "/apis"))
		require.ElementsMatch(t, want, names(seen), "%d APIs, every revision", n)
		require.Equal(t, int64(max(1, (len(want)+99)/100)), c.sim.Counts().Calls[azure.APIs], "100 rows a page")
		page := c.found(ofService(s.Path, "/apis"))
		require.EqualValues(t, len(want), page["count"], "of all pages")
	}
}

func TestTopAndSkip(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 1, Services: 1, APIs: 40})
	path := ofService(c.services()[0].Path, "/apis")
	all := names(c.list(path))
	require.Equal(t, all, names(c.list(path+"&$top=7")), "pages of seven")
	page := c.found(path + "&%24top=3&%24skip=5")
	var got []string
	for _, element := range page["value"].([]any) {
		got = append(got, element.(tree)["name"].(string))
	}
	require.Equal(t, all[5:8], got)
	require.Contains(t, page["nextLink"], "$skip=8")
	c.configure(func(s *azure.Settings) { s.EncodedLinks = true })
	require.Contains(t, c.found(path + "&$top=3")["nextLink"], "%24skip=3")
	require.Equal(t, all, names(c.list(path+"&$top=7")))
	require.Empty(t, c.found(path + "&$skip=1000")["value"])
	for _, bad := range []string{"&$top=0", "&$top=x", "&$skip=-1"} {
		require.Equal(t, 400, c.get(path+bad).status, bad)
	}
}

func TestTheLastPageEndsInThreeWays(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 1, Services: 1, APIs: 3})
	path := ofService(c.services()[0].Path, "/apis")
	require.NotContains(t, c.found(path), "nextLink")
	c.configure(func(s *azure.Settings) { s.LastLink = "empty" })
	require.Equal(t, "", c.found(path)["nextLink"])
	c.configure(func(s *azure.Settings) { s.LastLink = "null" })
	page := c.found(path)
	require.Contains(t, page, "nextLink")
	require.Nil(t, page["nextLink"])
	require.Error(t, c.sim.Configure(azure.Settings{LastLink: "no"}))
}

func TestFilters(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 1, Services: 1, APIs: 120})
	path := ofService(c.services()[0].Path, "/apis")
	filtered := func(text string) int { return len(c.list(path + "&$filter=" + url.QueryEscape(text))) }
	current, all := 0, 0
	var one azure.API
	for api := range c.sim.Revisions() {
		if api.Type != "mcp" && api.Workspace == "" {
			all++
			if api.Current {
				current++
				one = api
			}
		}
	}
	require.Less(t, current, all)
	require.Equal(t, current, filtered("isCurrent eq true"))
	require.Equal(t, current, filtered("IsCurrent ne false"))
	require.Equal(t, all-current, filtered("isCurrent eq false"))
	require.Equal(t, 1, filtered("name eq '"+one.Name+"'"))
	require.Equal(t, 1, filtered("isCurrent eq true and name eq '"+strings.ToUpper(one.Name)+"'"))
	require.Equal(t, all, filtered("contains(path,'-')"))
	require.Equal(t, all, filtered("substringof('-', path)"))
	require.Equal(t, 1, filtered("startswith(name,'"+one.Name+"') and endswith(name, '"+one.Name+"')"))
	require.Equal(t, all, filtered("path ge 'a'")+filtered("path lt 'a'"))
	for _, bad := range []string{"isCurrent", "nonsense eq 'x'", "name eq x", "length(name) eq 3", "contains(name)", "name has 'x'"} {
		require.Equal(t, 400, c.get(path+"&$filter="+url.QueryEscape(bad)).status, bad)
	}
}

func TestAnswersOfAPIManagementArePrettyWithLineEndsOfWindows(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 1, Services: 1, APIs: 3})
	a := c.get(ofService(c.services()[0].Path, "/apis"))
	require.True(t, bytes.HasPrefix(a.body, []byte("{\r\n  \"value\": [\r\n    {\r\n      \"id\": ")), "%s", a.body[:60])
	require.Equal(t, bytes.Count(a.body, []byte("\n")), bytes.Count(a.body, []byte("\r\n")))
	require.Equal(t, "application/json; charset=utf-8", a.header.Get("Content-Type"))
	require.Equal(t, "no-cache", a.header.Get("Cache-Control"))
	require.NotEmpty(t, a.header.Get("x-ms-request-id"))
	require.Equal(t, start.Format(http.TimeFormat), a.header.Get("Date"))

	packed, err := c.do(http.MethodGet, c.arm+ofService(c.services()[0].Path, "/apis"), nil, "Authorization", "Bearer "+c.token, "Accept-Encoding", "gzip")
	require.NoError(t, err)
	require.Equal(t, "gzip", packed.header.Get("Content-Encoding"))
	require.Less(t, len(packed.body), len(a.body))
}

func TestFaultsOfPages(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 1, Services: 1, APIs: 50})
	path := ofService(c.services()[0].Path, "/apis") + "&$top=10"
	all := names(c.list(path))
	with := func(f faults.Fault) { c.setFaults(fault(azure.APIs, f)) }

	with(faults.Fault{Kind: faults.Duplicate, Call: 2})
	require.Len(t, c.list(path), len(all)+1)
	with(faults.Fault{Kind: faults.OmitRecord, Call: 1})
	require.Len(t, c.list(path), len(all)-1)
	with(faults.Fault{Kind: faults.WithoutMarker, Call: 2})
	require.Len(t, c.list(path), 20)
	with(faults.Fault{Kind: faults.ShiftCount, Shift: -2})
	require.EqualValues(t, len(all)-2, c.found(path)["count"])
	with(faults.Fault{Kind: faults.RepeatPage})
	next := c.found(path)["nextLink"].(string)
	require.True(t, strings.HasSuffix(next, "$skip=0"))
	with(faults.Fault{Kind: faults.EmptyForever})
	page := c.found(path + "&$skip=" + strconv.Itoa(len(all)))
	require.Empty(t, page["value"])
	require.NotEmpty(t, page["nextLink"])
	c.setFaults()
	c.configure(func(s *azure.Settings) { s.NextLinkHost = "evil.example:81" })
	require.True(t, strings.HasPrefix(c.found(path)["nextLink"].(string), "http://evil.example:81/subscriptions/"))
}

func TestIdsCanBeWrittenInAnotherCase(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 1, Services: 1, APIs: 2, Settings: azure.Settings{LowerCaseIDs: true}})
	s := c.services()[0]
	listed := c.list("/subscriptions/" + s.SubscriptionID + "/providers/Microsoft.ApiManagement/service?api-version=" + serviceVersion)[0]
	require.Equal(t, strings.Replace(s.Path, "resourceGroups", "resourcegroups", 1), listed["id"])
	require.Len(t, c.list(ofService(strings.ToUpper(s.Path), "/APIS")), len(c.list(ofService(s.Path, "/apis"))))
}
