package simulator_test

import (
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator"
)

// The paths of the current versions.
const (
	hostsPath      = "/api/3.0/fo/asset/host/"
	detectionsPath = "/api/5.0/fo/asset/host/vm/detection/"
	knowledgePath  = "/api/3.0/fo/knowledge_base/vuln/"
)

// fo is a plain reader of the simulated FO API, with encoding/xml, written
// against the vendor's documentation and recordings.
type fo struct {
	*vendor
	user simulator.User
}

func vmConfig() simulator.Config {
	return simulator.Config{
		Seed: 42, Hosts: 120, DetectionsPerHost: 12, KnowledgeEntries: 300, Start: start,
		Clock:      func() time.Time { return start },
		VMSettings: simulator.VMSettings{Requests: -1, Concurrent: -1},
	}
}

// startVM serves a simulator of hosts.
func startVM(t testing.TB, cfg simulator.Config) *fo {
	sim, err := simulator.New(cfg)
	require.NoError(t, err)
	server := httptest.NewServer(sim.Handler())
	t.Cleanup(server.Close)
	return &fo{newVendor(t, sim, server.URL), sim.DefaultUser()}
}

func (f *fo) as(name string) *fo {
	user, known := f.sim.User(name)
	require.True(f.t, known, name)
	return &fo{f.vendor, user}
}

func basic(user, password string) string {
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth(user, password)
	return r.Header.Get("Authorization")
}

// call posts a form; parameters are "name=value".
func (f *fo) call(path string, parameters ...string) answer {
	a, err := f.try(path, parameters...)
	require.NoError(f.t, err)
	return a
}

func (f *fo) try(path string, parameters ...string) (answer, error) {
	return f.do(http.MethodPost, path, formOf(parameters), "Authorization", basic(f.user.Name, f.user.Password),
		"X-Requested-With", "test", "Content-Type", "application/x-www-form-urlencoded")
}

// formOf encodes parameters, with action=list unless one says otherwise.
func formOf(parameters []string) string {
	values := url.Values{"action": {"list"}}
	for _, p := range parameters {
		name, value, _ := strings.Cut(p, "=")
		values.Set(name, value)
	}
	return values.Encode()
}

// output is an answer of any of the lists.
type output struct {
	XMLName  xml.Name
	Datetime string      `xml:"RESPONSE>DATETIME"`
	Hosts    []foHost    `xml:"RESPONSE>HOST_LIST>HOST"`
	Entries  []foEntry   `xml:"RESPONSE>VULN_LIST>VULN"`
	IDs      []string    `xml:"RESPONSE>ID_SET>ID"`
	Ranges   []string    `xml:"RESPONSE>ID_SET>ID_RANGE"`
	Warning  *foWarning  `xml:"RESPONSE>WARNING"`
	Echo     []foKeyPair `xml:"REQUEST>PARAM_LIST>PARAM"`
}

type foWarning struct {
	Code int    `xml:"CODE"`
	Text string `xml:"TEXT"`
	URL  string `xml:"URL"`
}

type foKeyPair struct {
	Key   string `xml:"KEY"`
	Value string `xml:"VALUE"`
}

type simpleReturn struct {
	XMLName xml.Name    `xml:"SIMPLE_RETURN"`
	Code    int         `xml:"RESPONSE>CODE"`
	Text    string      `xml:"RESPONSE>TEXT"`
	Items   []foKeyPair `xml:"RESPONSE>ITEM_LIST>ITEM"`
}

// read decodes a good answer.
func (f *fo) read(path string, parameters ...string) output {
	a := f.call(path, parameters...)
	require.NoError(f.t, a.err)
	require.Equal(f.t, http.StatusOK, a.status, string(a.body))
	return f.decode(a.body)
}

func (f *fo) decode(body []byte) output {
	var o output
	require.NoError(f.t, xml.Unmarshal(body, &o), "%.2000s", body)
	return o
}

// refusal decodes an error.
func (f *fo) refusal(status int, a answer) simpleReturn {
	f.t.Helper()
	require.Equal(f.t, status, a.status, string(a.body))
	var r simpleReturn
	require.NoError(f.t, xml.Unmarshal(a.body, &r), string(a.body))
	return r
}

// pages reads a list of hosts to its end, page by page, as the warnings say.
func (f *fo) pages(path string, limit int, parameters ...string) (hosts []foHost, pages int) {
	parameters = append(parameters, "truncation_limit="+strconv.Itoa(limit))
	for next := "0"; ; pages++ {
		o := f.read(path, append(parameters, "id_min="+next)...)
		hosts = append(hosts, o.Hosts...)
		if o.Warning == nil {
			return hosts, pages + 1
		}
		require.Equal(f.t, 1980, o.Warning.Code)
		require.Len(f.t, o.Hosts, limit, "only the last page is short")
		address, err := url.Parse(o.Warning.URL)
		require.NoError(f.t, err)
		require.Equal(f.t, "qualysapi.vendor.invalid", address.Host, "another host than the one that was called")
		require.Equal(f.t, path, address.Path)
		require.Equal(f.t, "list", address.Query().Get("action"))
		require.Equal(f.t, strconv.Itoa(limit), address.Query().Get("truncation_limit"))
		require.NotEqual(f.t, next, address.Query().Get("id_min"))
		next = address.Query().Get("id_min")
	}
}

func (f *fo) date(text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse("2006-01-02T15:04:05Z", text)
	require.NoError(f.t, err)
	return t
}

func (f *fo) int(text string) int {
	n, err := strconv.Atoi(text)
	require.NoError(f.t, err)
	return n
}
