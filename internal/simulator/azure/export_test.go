package azure_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator/azure"
	"sluice/internal/simulator/faults"
)

// kept fetches a specification as a careful reader does: OpenAPI, Swagger,
// without a link, and the native forms.
func (c *client) kept(api azure.API) (format string, data []byte) {
	c.t.Helper()
	linked := func(format string) ([]byte, bool) {
		a := c.exported(api.ID, format)
		if a.status != 200 {
			return nil, false
		}
		require.Equal(c.t, api.ETag, a.header.Get("ETag"))
		d := c.download(c.link(a))
		require.Equal(c.t, 200, d.status, "%s", d.body)
		return d.body, true
	}
	inline := func(format string) ([]byte, bool) {
		a := c.exported(api.ID, format)
		if a.status != 200 {
			return nil, false
		}
		return []byte(property(a.tree(c.t), "value").(string)), true
	}
	type attempt struct {
		keep, ask string
		fetch     func(string) ([]byte, bool)
	}
	attempts := map[azure.Type][]attempt{
		"http": {{"openapi+json", "openapi+json-link", linked}, {"swagger+json", "swagger-link", linked}, {"openapi+json", "openapi+json", inline}},
		"soap": {{"wsdl", "wsdl-link", linked}, {"wsdl", "wsdl", inline}},
		"graphql": {{"graphql", "graphql-link", linked}, {"graphql", "", func(string) ([]byte, bool) {
			document := property(c.found(ofService(api.ID, "/schemas/graphql")), "document").(tree)
			return []byte(document["value"].(string)), true
		}}},
	}
	for _, one := range attempts[api.Type] {
		if data, ok := one.fetch(one.ask); ok {
			return one.keep, data
		}
	}
	if len(c.list(ofService(api.ID, "/operations"))) > 0 {
		return "operations+json", nil
	}
	return "", nil
}

func TestEverySpecificationIsWhatTheTruthSays(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 2, Services: 5, APIs: 300, Odd: 0.1, Broken: 0.2})
	for api := range c.sim.Revisions() {
		if api.Type == "mcp" {
			continue
		}
		format, data := c.kept(api)
		require.Equal(t, string(api.Specification.Format), format, api.ID)
		require.Equal(t, string(api.Specification.Data), string(data), api.ID)
	}
	require.Zero(t, c.sim.Counts().WrongBlobs, "one after the other nothing is mixed up")
}

func TestAnExportedDocumentHasTheEndpointsOfTheTruth(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 1, Services: 2, APIs: 100})
	for _, api := range c.apis(sound) {
		var document struct {
			OpenAPI    string
			Paths      map[string]map[string]struct{ OperationID string }
			Servers    []struct{ URL string }
			Components struct{ SecuritySchemes map[string]any }
			Security   []any
		}
		require.NoError(t, json.Unmarshal(api.Specification.Data, &document))
		require.Equal(t, "3.0.1", document.OpenAPI)
		require.NotEmpty(t, document.Servers)
		require.Equal(t, api.KeyRequired, len(document.Security) == 2)
		require.Equal(t, api.KeyRequired, len(document.Components.SecuritySchemes) == 2)
		n := 0
		for _, operations := range document.Paths {
			n += len(operations)
		}
		require.Len(t, api.Specification.Endpoints, n)
		for _, e := range api.Specification.Endpoints {
			require.Equal(t, e.OperationID, document.Paths[e.Path][strings.ToLower(e.Method)].OperationID)
		}
	}
}

func TestFormatsOfAnExport(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 1, Services: 1, APIs: 60})
	one := c.apis(sound)[0]
	for format, want := range map[string]struct{ result, extension, beginning string }{
		"openapi+json-link": {"openapi+json-link", ".json", "{\n  \"openapi\": \"3.0.1\""},
		"openapi-link":      {"openapi-link", ".yaml", "openapi: \"3.0.1\"\n"},
		"swagger-link":      {"swagger-link-json", ".json", "{\n  \"swagger\": \"2.0\""},
		"wadl-link":         {"wadl-link", ".xml", `<?xml version="1.0"`},
	} {
		a := c.exported(one.ID, format)
		require.Equal(t, want.result, property(a.tree(t), "format"))
		link := c.link(a)
		require.Contains(t, link, want.extension+"?sv=2017-04-17&sr=b&sig=")
		require.True(t, strings.HasPrefix(string(c.download(link).body), want.beginning), format)
	}
	for _, format := range []string{"wsdl-link", "graphql-link", "swagger-json-link", "openapi json-link", "graphql", ""} {
		a := c.exported(one.ID, format)
		require.Equal(t, 400, a.status, format)
		require.Equal(t, "ValidationError", a.code(t))
	}
	plus := c.get(ofService(one.ID, "") + "&export=true&format=openapi+json-link")
	require.Equal(t, 400, plus.status, "a plus that is not escaped is a blank")
	cli := c.get(ofService(one.ID, "") + "&export=True&format=openapi%2Bjson-link")
	require.Equal(t, 200, cli.status)
}

func TestWhatCannotBeExported(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 1, Services: 3, APIs: 400, Odd: 0.1})
	all := []string{"openapi+json-link", "openapi-link", "swagger-link", "wadl-link", "wsdl-link", "graphql-link"}
	for _, kind := range []azure.Type{"websocket", "odata", "grpc"} {
		one := c.apis(func(a azure.API) bool { return a.Type == kind })[0]
		for _, format := range all {
			require.Equal(t, 400, c.exported(one.ID, format).status, "%s %s", kind, format)
		}
	}
	require.Len(t, c.list(ofService(c.apis(func(a azure.API) bool { return a.Type == "odata" })[0].ID, "/schemas")), 1)
	refused := 0
	for _, api := range c.apis(func(a azure.API) bool { return a.Type == "graphql" }) {
		if c.exported(api.ID, "graphql-link").status == http.StatusNotAcceptable {
			refused++
		}
	}
	require.NotZero(t, refused, "some schemas cannot be downloaded")
	failing := c.apis(func(a azure.API) bool { return a.Specification.Format == "operations+json" && a.Type == "http" })[0]
	for _, format := range []string{"openapi+json-link", "openapi+json", "swagger-link", "wadl"} {
		a := c.exported(failing.ID, format)
		require.Equal(t, 500, a.status)
		require.Equal(t, "InternalServerError", a.code(t))
	}
}

func TestShapesOfAnExport(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 1, Services: 1, APIs: 20})
	one := c.apis(sound)[0]
	export := func(format string) tree { return c.exported(one.ID, format).tree(t) }
	isLink := func(value any) {
		link, _ := value.(string)
		require.True(t, strings.HasPrefix(link, c.blob+"/"), "%v", value)
		require.Equal(t, one.Specification.Data, c.download(link).body)
	}
	a := export("openapi+json-link")
	require.Equal(t, one.ID, a["id"])
	require.NotContains(t, a, "value")
	isLink(property(a, "value").(tree)["link"])

	c.configure(func(s *azure.Settings) { s.Shape = azure.ShapeB })
	b := export("openapi+json-link")
	require.NotContains(t, b, "properties")
	isLink(b["value"].(tree)["link"])

	c.configure(func(s *azure.Settings) { s.Shape = azure.ShapeC })
	require.Len(t, export("openapi+json-link"), 1)
	isLink(export("openapi+json-link")["link"])

	c.configure(func(s *azure.Settings) { s.Shape = azure.ShapeInline })
	require.Equal(t, string(one.Specification.Data), property(export("openapi+json-link"), "value"))

	require.Equal(t, string(one.Specification.Data), property(export("openapi+json"), "value"), "without a link")
	c.configure(func(s *azure.Settings) { s.InlineShape = azure.InlineObject })
	object, err := json.Marshal(export("openapi+json")["value"])
	require.NoError(t, err)
	require.JSONEq(t, string(one.Specification.Data), string(object))
	require.IsType(t, "", export("openapi")["value"], "YAML is a text")
	c.configure(func(s *azure.Settings) { s.InlineShape = azure.InlineRaw })
	require.Equal(t, one.Specification.Data, c.exported(one.ID, "openapi+json").body)
}

func TestALinkIsNotEscapedAndEndsAfterFiveMinutes(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 1, Services: 1, APIs: 400, Odd: azure.None})
	for _, awkward := range []string{" ", "%", "#", "/", "ö", "注", "?", "+", `"`} {
		one := c.apis(func(a azure.API) bool {
			return a.Type == "http" && a.Specification.Format == "openapi+json" && strings.Contains(a.DisplayName, awkward)
		})[0]
		link := c.link(c.exported(one.ID, "openapi+json-link"))
		require.Contains(t, link, "/api-export/"+one.DisplayName+".json?sv=")
		require.Contains(t, link, "&se=2026-03-14T09:31:53Z&sp=r", "five minutes")
		require.Equal(t, one.Specification.Data, c.download(link).body)
	}
	link := c.link(c.exported(c.apis(sound)[0].ID, "openapi+json-link"))
	c.sim.Pass(5*time.Minute - time.Second)
	require.Equal(t, 200, c.download(link).status)
	c.sim.Pass(time.Second)
	a := c.download(link)
	require.Equal(t, 403, a.status)
	require.Contains(t, string(a.body), "<Code>AuthenticationFailed</Code>")
	require.Contains(t, string(a.body), "Signed expiry time [Sat, 14 Mar 2026 09:31:53 GMT] must be after signed start time [Sat, 14 Mar 2026 09:31:53 GMT]")
	c.configure(func(s *azure.Settings) { s.LinkLifetime = time.Second })
	link = c.link(c.exported(c.apis(sound)[0].ID, "openapi+json-link"))
	c.sim.Pass(time.Second)
	require.Equal(t, 403, c.download(link).status)
	require.EqualValues(t, 2, c.sim.Counts().LinksRefused)
}

func TestTheBlobHostRefusesWhatIsNotTheLink(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 1, Services: 1, APIs: 40})
	one := c.apis(sound)[0]
	link := c.link(c.exported(one.ID, "openapi+json-link"))
	require.Equal(t, 403, c.download(link, "Authorization", "Bearer "+c.token).status, "credentials must not be sent")
	signature := link[strings.Index(link, "sig=")+4 : strings.Index(link, "sig=")+8]
	for name, altered := range map[string]string{
		"signature": strings.Replace(link, "sig="+signature, "sig=AAAA", 1),
		"expiry":    strings.Replace(link, "se=2026", "se=2027", 1),
		"right":     strings.Replace(link, "sp=r", "sp=rw", 1),
		"path":      strings.Replace(link, "/api-export/", "/api-export/x", 1),
		"container": strings.Replace(link, "/api-export/", "/other/", 1),
	} {
		require.NotEqual(t, link, altered)
		require.Equal(t, 403, c.download(altered).status, name)
	}
	plain, err := c.do(http.MethodGet, c.blob+"/", nil)
	require.NoError(t, err)
	require.Equal(t, 403, plain.status)
	good := c.download(link)
	require.Equal(t, 200, good.status)
	require.Equal(t, "application/octet-stream", good.header.Get("Content-Type"))
	c.configure(func(s *azure.Settings) { s.BlobContentType = "text/plain" })
	require.Equal(t, "text/plain", c.download(link).header.Get("Content-Type"))
	arm, err := c.do(http.MethodGet, strings.Replace(escaped(link), c.blob, c.arm, 1), nil)
	require.NoError(t, err)
	require.Equal(t, 401, arm.status, "ARM is another host")
}

func TestExportsAtTheSameTimeAreMixedUp(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 1, Services: 1, APIs: 80, Broken: azure.None, Odd: azure.None})
	other := c.apis(func(a azure.API) bool {
		root, _, isOther := strings.Cut(a.ID, ";rev=")
		return isOther && a.Specification.Format == "openapi+json" && root != "" && !strings.ContainsAny(a.DisplayName, "?")
	})[0]
	root, _, _ := strings.Cut(other.ID, ";rev=")
	current := c.apis(func(a azure.API) bool { return a.ID == root })[0]
	pair := []azure.API{current, other}
	c.configure(func(s *azure.Settings) { s.ExportDelay = time.Millisecond })
	fetch := func() (documents [2]string) {
		// Both exports are over before either document is fetched.
		var links [2]string
		var both sync.WaitGroup
		for i := range pair {
			both.Go(func() { links[i] = c.link(c.exported(pair[i].ID, "openapi+json-link")) })
		}
		both.Wait()
		for i := range pair {
			documents[i] = string(c.download(links[i]).body)
		}
		return documents
	}
	got := fetch()
	require.Equal(t, got[0], got[1], "both get what was written last")
	require.Contains(t, []string{string(current.Specification.Data), string(other.Specification.Data)}, got[0])
	require.EqualValues(t, 1, c.sim.Counts().WrongBlobs)

	c.configure(func(s *azure.Settings) { s.OwnBlobs = true })
	got = fetch()
	require.Equal(t, string(current.Specification.Data), got[0])
	require.Equal(t, string(other.Specification.Data), got[1])
}

func TestVersionsShareABlobToo(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 1, Services: 1, APIs: 80})
	first := c.apis(func(a azure.API) bool {
		return a.Current && a.Version == "v1" && a.Specification.Format == "openapi+json"
	})
	for _, one := range first {
		for _, next := range c.apis(func(a azure.API) bool { return a.Current && a.VersionSet == one.VersionSet && a.Name != one.Name }) {
			require.Equal(t, one.DisplayName, next.DisplayName)
			if next.Specification.Format != "openapi+json" {
				continue
			}
			link := c.link(c.exported(one.ID, "openapi+json-link"))
			c.link(c.exported(next.ID, "openapi+json-link"))
			require.Equal(t, string(next.Specification.Data), string(c.download(link).body))
		}
	}
	require.NotZero(t, c.sim.Counts().WrongBlobs)
}

func TestFaultsOfExportsAndBlobs(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 1, Services: 1, APIs: 20})
	one := c.apis(sound)[0]
	link := c.link(c.exported(one.ID, "openapi+json-link"))

	c.setFaults(fault(azure.Export, faults.Fault{Kind: faults.HTTPError, Times: 2}))
	require.Equal(t, 500, c.exported(one.ID, "openapi+json-link").status)
	require.Equal(t, "InternalServerError", c.exported(one.ID, "openapi+json-link").code(t))
	require.Equal(t, 200, c.exported(one.ID, "openapi+json-link").status, "then it works")
	require.Equal(t, 200, c.get(ofService(one.ID, "")).status, "other calls work all along")

	with := func(f faults.Fault) { c.setFaults(fault(azure.Blob, f)) }
	with(faults.Fault{Kind: faults.Truncate})
	a := c.download(link)
	require.NoError(t, a.err)
	require.Equal(t, one.Specification.Data[:len(one.Specification.Data)/2], a.body, "as if complete")
	with(faults.Fault{Kind: faults.Cut})
	require.Error(t, c.download(link).err)
	with(faults.Fault{Kind: faults.EndlessBody, Bytes: 1 << 20})
	require.Greater(t, len(c.download(link).body), 1<<20)
	with(faults.Fault{Kind: faults.Redirect, Location: "http://127.0.0.2:9/elsewhere"})
	a = c.download(link)
	require.Equal(t, 307, a.status)
	require.Equal(t, "http://127.0.0.2:9/elsewhere", a.header.Get("Location"))
	with(faults.Fault{Kind: faults.HTTPError, Status: 503})
	require.Equal(t, 503, c.download(link).status)
	with(faults.Fault{Kind: faults.Throttle, RetryAfter: 2})
	a = c.download(link)
	require.Equal(t, 503, a.status)
	require.Equal(t, "2", a.header.Get("Retry-After"))
	with(faults.Fault{Kind: faults.HangUp})
	_, err := c.do(http.MethodGet, escaped(link), nil)
	require.Error(t, err)
	with(faults.Fault{Kind: faults.Slow, Delay: time.Millisecond})
	require.Equal(t, one.Specification.Data, c.download(link).body)
	with(faults.Fault{Kind: faults.ErrorBody, Code: "InternalError"})
	require.Contains(t, string(c.download(link).body), "<Code>InternalError</Code>")
}

func TestAnExportNeedsABlobHost(t *testing.T) {
	t.Parallel()
	c := connect(t, azure.Config{Subscriptions: 1, Services: 1, APIs: 10})
	one := c.apis(sound)[0]
	alone, err := azure.New(azure.Config{Subscriptions: 1, Services: 1, APIs: 10, Start: start, Clock: func() time.Time { return start }})
	require.NoError(t, err)
	server := httptest.NewServer(alone.Handler())
	t.Cleanup(server.Close)
	a, err := c.do(http.MethodGet, server.URL+ofService(one.ID, "")+"&export=true&format=swagger-link", nil, "Authorization", "Bearer "+c.token)
	require.NoError(t, err)
	require.Equal(t, 500, a.status)
	require.Contains(t, string(a.body), "call SetBlobURL")

	c.sim.SetBlobURL("https://blob.simulated.example")
	parsed, err := url.Parse(c.link(c.exported(one.ID, "openapi+json-link")))
	require.NoError(t, err)
	require.Equal(t, "blob.simulated.example", parsed.Host)
}
