package azure_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator/azure"
)

// property is a member of an answer's properties; absent is not null.
func property(o tree, name string) any { return o["properties"].(tree)[name] }

func list(value any) []string {
	var out []string
	for _, one := range value.([]any) {
		out = append(out, one.(string))
	}
	return out
}

func TestAnEstateHasEverything(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 3, Services: 12, APIs: 1500})
	types, names, schemes, forms, defects := map[azure.Type]int{}, "", map[string]bool{}, map[string]int{}, map[azure.Defect]bool{}
	current, others, inWorkspaces, twins := 0, 0, 0, map[string]int{}
	specified, broken := 0, 0
	for api := range c.sim.Revisions() {
		if !api.Current {
			others++
			continue
		}
		current++
		types[api.Type]++
		names += api.DisplayName + api.Name
		schemes[api.Scheme] = true
		forms[string(api.Specification.Format)]++
		defects[api.Specification.Defect] = true
		if api.Workspace != "" {
			inWorkspaces++
		}
		if api.VersionSet == "" {
			twins[api.Service+"\x00"+api.DisplayName]++
		}
		if api.Specification.Format != "" {
			specified++
			if api.Specification.Broken() {
				broken++
			}
		}
	}
	require.Equal(t, 1500, current)
	require.Greater(t, others, 100)
	require.Greater(t, inWorkspaces, 30)
	for _, one := range []azure.Type{"http", "soap", "graphql", "websocket", "odata", "grpc", "mcp"} {
		require.NotZero(t, types[one], one)
	}
	for _, one := range []string{" ", "%", "#", "/", "ö", "注", "?", "+", "%20"} {
		require.Contains(t, names, one)
	}
	for _, one := range []string{"", "Segment", "Query", "Header"} {
		require.True(t, schemes[one], one)
	}
	for _, one := range []string{"openapi+json", "swagger+json", "wsdl", "graphql", "operations+json", ""} {
		require.NotZero(t, forms[one], one)
	}
	require.Greater(t, len(defects), 10)
	require.InDelta(t, 0.05, float64(broken)/float64(specified), 0.02)
	same := 0
	for _, n := range twins {
		if n > 1 {
			same++
		}
	}
	require.NotZero(t, same, "some APIs have another one's display name")
	empty := map[string]int{}
	for _, s := range c.services() {
		empty[s.Name] = 0
	}
	for api := range c.sim.APIs() {
		empty[api.Service]++
	}
	require.Contains(t, empty, c.services()[1].Name)
	require.Zero(t, empty[c.services()[1].Name], "a service without APIs")
}

func TestAnAPISaysWhatTheTruthSays(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 1, Services: 3, APIs: 150, Seed: 4})
	for _, want := range c.apis(func(azure.API) bool { return true }) {
		version := serviceVersion
		if want.Type == "mcp" {
			require.Equal(t, 404, c.get(at(want.ID, "", serviceVersion)).status)
			version = "2025-09-01-preview"
		}
		a := c.get(at(want.ID, "", version))
		require.Equal(t, 200, a.status, "%s: %s", want.ID, a.body)
		body := a.tree(t)
		require.Equal(t, want.ID, body["id"])
		require.Equal(t, want.Name, body["name"])
		require.Equal(t, want.ETag, a.header.Get("ETag"))
		p := body["properties"].(tree)
		require.Equal(t, want.DisplayName, p["displayName"])
		require.Equal(t, want.Path, p["path"])
		require.Equal(t, want.Protocols, list(p["protocols"]))
		require.Equal(t, want.KeyRequired, p["subscriptionRequired"])
		if want.Description == "" {
			require.Nil(t, p["description"])
		} else {
			require.Equal(t, want.Description, p["description"])
		}
		if want.Backend == "" {
			require.Nil(t, p["serviceUrl"])
		}
		if want.Type == "http" {
			require.NotContains(t, p, "type", "absent means http")
		} else {
			require.Equal(t, string(want.Type), p["type"])
		}
		if want.Current {
			require.Equal(t, true, p["isCurrent"])
		} else {
			require.NotContains(t, p, "isCurrent")
			require.Contains(t, body["name"], ";rev=")
		}
		require.Contains(t, p["authenticationSettings"], "oAuth2")
		require.NotNil(t, p["subscriptionKeyParameterNames"])
		require.NotContains(t, p, "isOnline", "only the list of revisions says it")
	}
}

func TestARowOfTheListIsPoorerThanTheAPI(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 1, Services: 1, APIs: 60})
	path := ofService(c.services()[0].Path, "/apis")
	sets := 0
	for _, row := range c.list(path) {
		require.Contains(t, row["properties"], "authenticationSettings")
		require.Nil(t, property(row, "authenticationSettings"))
		require.Nil(t, property(row, "subscriptionKeyParameterNames"))
		require.NotContains(t, row["properties"], "apiVersionSet")
		require.NotEqual(t, "mcp", property(row, "type"))
	}
	for _, row := range c.list(path + "&expandApiVersionSet=true") {
		if set, ok := property(row, "apiVersionSet").(tree); ok {
			require.Contains(t, []any{"Segment", "Query", "Header"}, set["versioningScheme"])
			sets++
		}
	}
	require.NotZero(t, sets)
	preview := c.list(at(c.services()[0].Path, "/apis", "2025-09-01-preview"))
	found := false
	for _, row := range preview {
		if property(row, "type") == "mcp" {
			found = true
			require.Contains(t, property(row, "mcpProperties"), "endpoints")
		}
	}
	require.True(t, found, "only the preview lists them")
}

func TestRevisionsHaveDatesAndSayWhetherTheyAreOnline(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 1, Services: 2, APIs: 80})
	for _, want := range c.apis(func(a azure.API) bool { return !a.Current && a.Type != "mcp" }) {
		root, _, _ := strings.Cut(want.ID, ";rev=")
		rows := c.list(ofService(root, "/revisions"))
		require.Greater(t, len(rows), 1)
		seen := false
		for _, row := range rows {
			if row["apiId"] != want.ID {
				continue
			}
			seen = true
			require.Equal(t, want.Created.Format("2006-01-02T15:04:05.000Z"), row["createdDateTime"])
			require.Equal(t, want.Updated.Format("2006-01-02T15:04:05.000Z"), row["updatedDateTime"])
			require.Equal(t, want.Online, row["isOnline"])
			require.Equal(t, false, row["isCurrent"])
			require.True(t, want.Updated.Before(start.Add(-29*24*time.Hour)))
		}
		require.True(t, seen, want.ID)
		require.True(t, strings.HasSuffix(want.PublicURL, want.Name[strings.Index(want.Name, ";rev="):]) || strings.Contains(want.PublicURL, "?"))
	}
}

func TestARevisionIsAskedForInEveryEscaping(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 1, Services: 1, APIs: 60})
	one := c.apis(func(a azure.API) bool {
		return !a.Current && a.Type == "http" && !strings.ContainsAny(a.Name, " %(ö,")
	})[0]
	for _, suffix := range []string{";rev=", "%3Brev=", "%3Brev%3D", "%3brev%3d"} {
		path := strings.Replace(one.ID, ";rev=", suffix, 1) + "?api-version=" + serviceVersion
		require.Equal(t, one.Name, c.found(path)["name"])
	}
	root, _, _ := strings.Cut(one.ID, ";")
	require.Equal(t, 404, c.get(root+";rev=99?api-version="+serviceVersion).status)
}

func TestHeadHasTheETagOnly(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 1, Services: 1, APIs: 5})
	one := c.apis(sound)[0]
	a := c.call(http.MethodHead, ofService(one.ID, ""))
	require.Equal(t, 200, a.status)
	require.Equal(t, one.ETag, a.header.Get("ETag"))
	require.Empty(t, a.body)
	require.Equal(t, 405, c.call(http.MethodHead, ofService(c.services()[0].Path, "/apis")).status)
	require.Equal(t, 405, c.call(http.MethodDelete, ofService(one.ID, "")).status)
}

func TestOperationsAreThoseOfTheDocument(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 1, Services: 2, APIs: 60})
	one := c.apis(func(a azure.API) bool { return sound(a) && len(a.Specification.Endpoints) > 5 })[0]
	rows := c.list(ofService(one.ID, "/operations"))
	require.Len(t, rows, len(one.Specification.Endpoints))
	for i, want := range one.Specification.Endpoints {
		require.Equal(t, want.OperationID, rows[i]["name"])
		require.Equal(t, want.Method, property(rows[i], "method"))
		require.Equal(t, want.Path, property(rows[i], "urlTemplate"))
	}
	item := c.found(ofService(one.ID, "/operations/"+rows[2]["name"].(string)))
	require.Len(t, property(item, "templateParameters"), 1)
	require.Equal(t, 404, c.get(ofService(one.ID, "/operations/none")).status)

	soap := c.apis(func(a azure.API) bool { return a.Type == "soap" })[0]
	require.Contains(t, property(c.list(ofService(soap.ID, "/operations"))[0], "urlTemplate"), "/?soapAction=")
	socket := c.apis(func(a azure.API) bool { return a.Type == "websocket" })[0]
	require.Empty(t, c.list(ofService(socket.ID, "/operations")))
}

func TestVersionSetsTagsAndProducts(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 1, Services: 1, APIs: 60})
	s := c.services()[0]
	sets := map[string]tree{}
	for _, row := range c.list(ofService(s.Path, "/apiVersionSets")) {
		sets[row["name"].(string)] = row
	}
	byTag := map[string][]string{}
	for _, row := range c.list(ofService(s.Path, "/apisByTags")) {
		id := row["api"].(tree)["id"].(string)
		byTag[id] = append(byTag[id], row["tag"].(tree)["name"].(string))
	}
	for _, api := range c.apis(func(a azure.API) bool { return a.Current && a.Workspace == "" && a.Type != "mcp" }) {
		if api.VersionSet != "" {
			require.Equal(t, api.Scheme, property(sets[api.VersionSet], "versioningScheme"))
		}
		require.ElementsMatch(t, api.Tags, names(c.list(ofService(api.ID, "/tags"))))
		require.ElementsMatch(t, api.Tags, byTag["/apis/"+api.Name])
		products := 0
		if api.KeyRequired {
			products = 1
		}
		require.Len(t, c.list(ofService(api.ID, "/products")), products)
	}
	for name := range sets {
		require.Equal(t, name, c.found(ofService(s.Path, "/apiVersionSets/"+name))["name"])
	}
	require.Len(t, c.list(ofService(s.Path, "/tags")), 5)
}

func TestWorkspacesHaveTheirOwnAPIs(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 1, Services: 7, APIs: 300})
	with, without := 0, 0
	for _, s := range c.services() {
		a := c.get(ofService(s.Path, "/workspaces"))
		if len(s.Workspaces) == 0 {
			require.Equal(t, 400, a.status)
			require.Equal(t, "MethodNotAllowedInPricingTier", a.code(t))
			without++
			continue
		}
		with++
		want := map[string]bool{}
		for api := range c.sim.Revisions() {
			if api.Service == s.Name && api.Workspace != "" && api.Type != "mcp" {
				want[api.ID] = true
			}
		}
		for _, row := range c.list(ofService(s.Path, "/workspaces")) {
			for _, api := range c.list(ofService(row["id"].(string), "/apis")) {
				require.True(t, want[api["id"].(string)], api["id"])
				require.Equal(t, "Microsoft.ApiManagement/service/workspaces/apis", api["type"])
				delete(want, api["id"].(string))
			}
		}
		require.Empty(t, want)
		require.Equal(t, 404, c.get(ofService(s.Path, "/workspaces/none/apis")).status)
	}
	require.NotZero(t, with)
	require.NotZero(t, without)
	require.Equal(t, azure.Tier("Consumption"), c.services()[1].Tier)
}
