package simulator_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator"
)

const (
	applicationsPath   = "/tas/rest/webapp/4.0/search"
	apiCollectionsPath = "/tas/rest/api/1.0/search"
)

var start = time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)

// vendor is a plain reader of the simulated API, written against the vendor's
// documentation and not against the simulator's code.
type vendor struct {
	t       testing.TB
	sim     *simulator.Simulator
	baseURL string
	token   string
}

// startVendor serves a simulator over HTTP and signs in.
func startVendor(t *testing.T, cfg simulator.Config) *vendor {
	if cfg.Start.IsZero() {
		cfg.Start = start
	}
	sim, err := simulator.New(cfg)
	require.NoError(t, err)
	server := httptest.NewServer(sim.Handler())
	t.Cleanup(server.Close)
	v := newVendor(t, sim, server.URL)
	if len(cfg.Faults) == 0 {
		v.token = v.mint()
	}
	return v
}

func newVendor(t testing.TB, sim *simulator.Simulator, baseURL string) *vendor {
	return &vendor{t: t, sim: sim, baseURL: baseURL}
}

type answer struct {
	status int
	header http.Header
	body   []byte
	err    error // of reading the body
}

// do makes a call; header is pairs of names and values.
func (v *vendor) do(method, path, body string, header ...string) (answer, error) {
	r, err := http.NewRequestWithContext(v.t.Context(), method, v.baseURL+path, strings.NewReader(body))
	require.NoError(v.t, err)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer func() { require.NoError(v.t, response.Body.Close()) }()
	a := answer{status: response.StatusCode, header: response.Header}
	a.body, a.err = io.ReadAll(response.Body)
	return a, nil
}

func (v *vendor) post(path, body string, header ...string) answer {
	a, err := v.do(http.MethodPost, path, body, header...)
	require.NoError(v.t, err)
	return a
}

func (v *vendor) mint() string {
	c := v.sim.Credentials()
	a := v.post("/auth/oidc", "", "clientId", c.ClientID, "clientSecret", c.ClientSecret)
	require.Equal(v.t, http.StatusCreated, a.status, string(a.body))
	return string(a.body)
}

// search posts a body to a search with the vendor's token.
func (v *vendor) search(path, body string) answer {
	return v.post(path, body, "Authorization", "Bearer "+v.token, "Content-Type", "application/json")
}

// envelope is a page in either dialect.
type envelope struct {
	ResponseCode         string            `json:"responseCode"`
	Count                int               `json:"count"`
	TotalCount           *int              `json:"totalCount"`
	HasMoreRecords       string            `json:"hasMoreRecords"`
	HasMore              int               `json:"hasMore"`
	LastID               *int64            `json:"lastId"`
	Data                 []json.RawMessage `json:"data"`
	ResponseErrorDetails struct {
		ErrorMessage    string `json:"errorMessage"`
		ErrorResolution string `json:"errorResolution"`
	} `json:"responseErrorDetails"`
}

func (e envelope) more() bool { return e.HasMoreRecords == "true" || e.HasMore == 1 }

func (v *vendor) page(path, body string) envelope {
	a := v.search(path, body)
	require.NoError(v.t, a.err)
	require.Equal(v.t, http.StatusOK, a.status, string(a.body))
	return v.envelope(a.body)
}

func (v *vendor) envelope(body []byte) envelope {
	var wrapped struct{ ServiceResponse json.RawMessage }
	require.NoError(v.t, json.Unmarshal(body, &wrapped), string(body))
	if wrapped.ServiceResponse != nil {
		body = wrapped.ServiceResponse
	}
	var e envelope
	require.NoError(v.t, json.Unmarshal(body, &e), string(body))
	return e
}

func pathOf(t simulator.AssetType) string {
	if t == simulator.APICollection {
		return apiCollectionsPath
	}
	return applicationsPath
}

// qpsBody asks for the page after an id; criteria are further ones, as JSON.
func qpsBody(limit int, after int64, criteria ...string) string {
	criteria = append(criteria, fmt.Sprintf(`{"field":"id","operator":"GREATER","value":"%d"}`, after))
	return fmt.Sprintf(`{"ServiceRequest":{"preferences":{"limitResults":%d,"verbose":true},"filters":{"Criteria":[%s]}}}`,
		limit, strings.Join(criteria, ","))
}

func gatewayBody(limit int, after int64, criteria ...string) string {
	criteria = append(criteria, fmt.Sprintf(`{"field":"id","operator":"GREATER","value":"%d"}`, after))
	return fmt.Sprintf(`{"filters":[%s],"limit":%d}`, strings.Join(criteria, ","), limit)
}

func updatedAfter(t time.Time) string {
	return `{"field":"updatedDate","operator":"GREATER","value":"` + t.UTC().Format("2006-01-02T15:04:05Z") + `"}`
}

// readAll pages through a search to its end and returns the records.
func (v *vendor) readAll(t simulator.AssetType, limit int, criteria ...string) []json.RawMessage {
	body := qpsBody
	if v.sim.Settings().Dialect == simulator.Gateway {
		body = gatewayBody
	}
	var records []json.RawMessage
	after := int64(0)
	for {
		e := v.page(pathOf(t), body(limit, after, criteria...))
		require.Equal(v.t, "SUCCESS", e.ResponseCode)
		require.Len(v.t, e.Data, e.Count)
		require.LessOrEqual(v.t, e.Count, limit)
		records = append(records, e.Data...)
		if !e.more() {
			require.Nil(v.t, e.LastID, "lastId is there only while there is more")
			return records
		}
		require.Equal(v.t, limit, e.Count, "only the last page is short")
		require.Greater(v.t, *e.LastID, after)
		after = *e.LastID
	}
}

// asset decodes a well-formed record into what belongs in an inventory.
func (v *vendor) asset(t simulator.AssetType, record json.RawMessage) simulator.Asset {
	var r struct {
		ID          any
		Name        string
		URL         string
		CreatedDate any
		UpdatedDate any
		OpenAPIFile *struct{ URL string } `json:"openApiFile"`
		Findings    []struct {
			ID       any
			Title    *string
			Severity any
		}
	}
	d := json.NewDecoder(bytes.NewReader(record))
	d.UseNumber()
	require.NoError(v.t, d.Decode(&r), string(record))
	a := simulator.Asset{
		Type: t, ID: fmt.Sprint(r.ID), Name: r.Name, URL: r.URL,
		Created: v.date(r.CreatedDate), Updated: v.date(r.UpdatedDate),
		Findings: []simulator.AssetFinding{},
	}
	if r.OpenAPIFile != nil {
		a.SpecificationURL = r.OpenAPIFile.URL
	}
	for _, f := range r.Findings {
		severity, err := strconv.Atoi(fmt.Sprint(f.Severity))
		require.NoError(v.t, err)
		finding := simulator.AssetFinding{ID: fmt.Sprint(f.ID), Severity: severity}
		require.Equal(v.t, t == simulator.Application, f.Title != nil, "only findings of applications have a title")
		if f.Title != nil {
			finding.Title = *f.Title
		}
		a.Findings = append(a.Findings, finding)
	}
	return a
}

// date reads any of the vendor's forms of a date.
func (v *vendor) date(value any) time.Time {
	switch d := value.(type) {
	case nil:
		return time.Time{}
	case json.Number:
		millis, err := d.Int64()
		require.NoError(v.t, err)
		return time.UnixMilli(millis).UTC()
	default:
		text := fmt.Sprint(d)
		for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05.000-0700"} {
			if parsed, err := time.Parse(layout, text); err == nil {
				return parsed.UTC()
			}
		}
		require.Failf(v.t, "not a date", "%s", text)
		return time.Time{}
	}
}

func (v *vendor) assets(t simulator.AssetType, limit int, criteria ...string) []simulator.Asset {
	var assets []simulator.Asset
	for _, record := range v.readAll(t, limit, criteria...) {
		assets = append(assets, v.asset(t, record))
	}
	return assets
}
