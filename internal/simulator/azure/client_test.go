package azure_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator/azure"
	"sluice/internal/simulator/faults"
)

var start = time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)

const (
	serviceVersion = "2024-05-01"
	managerVersion = "2022-12-01"
	managerScope   = "https://management.azure.com/.default"
)

// client is a plain reader of the simulated service, written against the
// service's documentation and not against the simulator's code.
type client struct {
	t         testing.TB
	sim       *azure.Simulator
	arm, blob string // addresses
	token     string
	http      *http.Client
}

// connect serves a simulator whose clock stands still, and signs in.
func connect(t *testing.T, cfg azure.Config) *client {
	t.Helper()
	if cfg.Start.IsZero() {
		cfg.Start = start
	}
	if cfg.Clock == nil {
		cfg.Clock = func() time.Time { return start }
	}
	if cfg.Settings.ReadBucket == 0 {
		cfg.Settings.ReadBucket = -1
	}
	sim, err := azure.New(cfg)
	require.NoError(t, err)
	arm, blob := httptest.NewServer(sim.Handler()), httptest.NewServer(sim.BlobHandler())
	t.Cleanup(arm.Close)
	t.Cleanup(blob.Close)
	sim.SetBlobURL(blob.URL)
	c := &client{t: t, sim: sim, arm: arm.URL, blob: blob.URL, http: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	c.token = c.signIn(azure.DefaultTenantID, azure.DefaultClientID, azure.DefaultSecret)
	return c
}

type tree = map[string]any

type answer struct {
	status int
	header http.Header
	body   []byte
	err    error // of reading the body
}

func (a answer) tree(t testing.TB) tree {
	t.Helper()
	var out tree
	require.NoError(t, json.Unmarshal(a.body, &out), "%s", a.body)
	return out
}

// code is the error's, of ARM.
func (a answer) code(t testing.TB) string {
	t.Helper()
	inner, ok := a.tree(t)["error"].(tree)
	require.True(t, ok, "%s", a.body)
	require.NotEmpty(t, inner["message"])
	return inner["code"].(string)
}

// do makes a call; header is pairs of names and values.
func (c *client) do(method, address string, body io.Reader, header ...string) (answer, error) {
	r, err := http.NewRequestWithContext(c.t.Context(), method, address, body)
	require.NoError(c.t, err)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := c.http.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	a := answer{status: response.StatusCode, header: response.Header}
	a.body, a.err = io.ReadAll(response.Body)
	return a, nil
}

// signInForm posts a form to a token endpoint.
func (c *client) signInForm(path string, pairs ...string) answer {
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	a, err := c.do(http.MethodPost, c.arm+path, strings.NewReader(form.Encode()), "Content-Type", "application/x-www-form-urlencoded")
	require.NoError(c.t, err)
	return a
}

func (c *client) signIn(tenant, id, secret string) string {
	a := c.signInForm("/"+tenant+"/oauth2/v2.0/token", "grant_type", "client_credentials", "client_id", id, "client_secret", secret, "scope", managerScope)
	require.Equal(c.t, http.StatusOK, a.status, "%s", a.body)
	return a.tree(c.t)["access_token"].(string)
}

// call makes a call of ARM with the token.
func (c *client) call(method, path string) answer {
	c.t.Helper()
	a, err := c.do(method, c.arm+path, nil, "Authorization", "Bearer "+c.token, "Accept", "application/json")
	require.NoError(c.t, err)
	require.NoError(c.t, a.err)
	return a
}

func (c *client) get(path string) answer { c.t.Helper(); return c.call(http.MethodGet, path) }

// found is the body of a call that works.
func (c *client) found(path string) tree {
	c.t.Helper()
	a := c.get(path)
	require.Equal(c.t, http.StatusOK, a.status, "%s: %s", path, a.body)
	return a.tree(c.t)
}

// list follows the links of a list to its end.
func (c *client) list(path string) []tree {
	c.t.Helper()
	var out []tree
	for pages := 0; path != ""; pages++ {
		require.Less(c.t, pages, 100)
		page := c.found(path)
		for _, element := range page["value"].([]any) {
			out = append(out, element.(tree))
		}
		next, _ := page["nextLink"].(string)
		path = strings.TrimPrefix(next, c.arm)
	}
	return out
}

// at is a path below an ARM id, as a client has to escape it.
func at(id, below, version string) string {
	segments := strings.Split(strings.Trim(id+below, "/"), "/")
	for i := range segments {
		segments[i] = strings.ReplaceAll(url.PathEscape(segments[i]), ";", "%3B")
	}
	return "/" + strings.Join(segments, "/") + "?api-version=" + version
}

func ofService(id, below string) string { return at(id, below, serviceVersion) }

func (c *client) services() []azure.Service {
	var out []azure.Service
	for s := range c.sim.Services() {
		out = append(out, s)
	}
	return out
}

// apis of the truth that are of some kind.
func (c *client) apis(fits func(azure.API) bool) []azure.API {
	var out []azure.API
	for api := range c.sim.Revisions() {
		if fits(api) {
			out = append(out, api)
		}
	}
	require.NotEmpty(c.t, out, "the estate has none; take another seed or a larger one")
	return out
}

func sound(api azure.API) bool {
	return api.Type == "http" && !api.Specification.Broken() && api.Specification.Format == "openapi+json" && api.Current && api.Workspace == ""
}

// exported asks for an export.
func (c *client) exported(id, format string) answer {
	c.t.Helper()
	return c.get(ofService(id, "") + "&export=true&format=" + url.QueryEscape(format))
}

// link is where the document of an answer in shape A is.
func (c *client) link(a answer) string {
	c.t.Helper()
	require.Equal(c.t, http.StatusOK, a.status, "%s", a.body)
	return a.tree(c.t)["properties"].(tree)["value"].(tree)["link"].(string)
}

// escaped is a link as it can be called: only the path is escaped.
func escaped(link string) string {
	path, query, _ := strings.Cut(link, "?sv=")
	scheme, rest, _ := strings.Cut(path, "://")
	host, path, _ := strings.Cut(rest, "/")
	segments := strings.Split(path, "/")
	for i := range segments {
		segments[i] = url.PathEscape(segments[i])
	}
	return fmt.Sprintf("%s://%s/%s?sv=%s", scheme, host, strings.Join(segments, "/"), query)
}

func (c *client) download(link string, header ...string) answer {
	c.t.Helper()
	a, err := c.do(http.MethodGet, escaped(link), nil, header...)
	require.NoError(c.t, err)
	return a
}

func (c *client) configure(change func(*azure.Settings)) {
	c.t.Helper()
	settings := c.sim.Settings()
	change(&settings)
	require.NoError(c.t, c.sim.Configure(settings))
}

func (c *client) setFaults(list ...azure.Fault) {
	c.t.Helper()
	require.NoError(c.t, c.sim.SetFaults(list...))
}

func fault(of azure.Call, f faults.Fault) azure.Fault { return azure.Fault{Of: of, Fault: f} }
