package simulator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/simulator"
)

func TestSearchCriteria(t *testing.T) {
	t.Parallel()
	v := startVendor(t, estateConfig())
	all := slices.Collect(v.sim.Truth(simulator.Application))
	one, two := all[10], all[20]
	day := one.Updated.Format("2006-01-02T15:04:05Z")
	for _, c := range []struct {
		field, operator, value string
		want                   func(a simulator.Asset) bool
	}{
		{"id", "EQUALS", one.ID, func(a simulator.Asset) bool { return a.ID == one.ID }},
		{"id", "NOT EQUALS", one.ID, func(a simulator.Asset) bool { return a.ID != one.ID }},
		{"id", "GREATER", one.ID, func(a simulator.Asset) bool { return a.ID > one.ID }},
		{"id", "LESSER", one.ID, func(a simulator.Asset) bool { return a.ID < one.ID }},
		{"id", "IN", one.ID + ", " + two.ID, func(a simulator.Asset) bool { return a.ID == one.ID || a.ID == two.ID }},
		{"name", "EQUALS", one.Name, func(a simulator.Asset) bool { return a.Name == one.Name }},
		{"name", "CONTAINS", "Portal", func(a simulator.Asset) bool { return strings.Contains(a.Name, "Portal") }},
		{"updatedDate", "GREATER", day, func(a simulator.Asset) bool { return a.Updated.After(one.Updated) }},
		{"updatedDate", "LESSER", day, func(a simulator.Asset) bool { return a.Updated.Before(one.Updated) }},
		{"createdDate", "GREATER", day, func(a simulator.Asset) bool { return a.Created.After(one.Updated) }},
	} {
		want := slices.DeleteFunc(slices.Clone(all), func(a simulator.Asset) bool { return !c.want(a) })
		require.NotEmpty(t, want)
		criterion, err := json.Marshal(map[string]string{"field": c.field, "operator": c.operator, "value": c.value})
		require.NoError(t, err)
		require.Equal(t, want, v.assets(simulator.Application, 1000, string(criterion)), "%s", criterion)
		require.Equal(t, want, v.assets(simulator.Application, 13, string(criterion)), "%s", criterion)
	}
}

func TestASingleCriterionNeedsNoListAndCriteriaAreAnded(t *testing.T) {
	t.Parallel()
	v := startVendor(t, estateConfig())
	all := slices.Collect(v.sim.Truth(simulator.Application))
	single := v.page(applicationsPath, fmt.Sprintf(
		`{"ServiceRequest":{"filters":{"Criteria":{"field":"id","operator":"EQUALS","value":%s}}}}`, all[3].ID))
	require.Equal(t, 1, single.Count)

	both := v.assets(simulator.Application, 100, `{"field":"id","operator":"LESSER","value":"`+all[9].ID+`"}`,
		`{"field":"id","operator":"GREATER","value":"`+all[4].ID+`"}`)
	require.Equal(t, all[5:9], both)
}

func TestPagesCanBeginAtAnOffsetOrAnID(t *testing.T) {
	t.Parallel()
	v := startVendor(t, estateConfig())
	all := slices.Collect(v.sim.Truth(simulator.Application))
	for _, preferences := range []string{`"startFromOffset":6`, `"startFromId":` + all[5].ID} {
		e := v.page(applicationsPath, `{"ServiceRequest":{"preferences":{"limitResults":"2",`+preferences+`}}}`)
		require.Equal(t, 2, e.Count)
		require.Equal(t, all[5], v.asset(simulator.Application, e.Data[0]))
	}
	require.NoError(t, v.sim.Configure(simulator.Settings{Dialect: simulator.Gateway}))
	e := v.page(applicationsPath, `{"limit":2,"offset":5}`)
	require.Equal(t, all[5], v.asset(simulator.Application, e.Data[0]))
}

func TestNoBodyAsksForEverythingAHundredAtATime(t *testing.T) {
	t.Parallel()
	v := startVendor(t, estateConfig())
	e := v.page(applicationsPath, "")
	require.Equal(t, 100, e.Count)
	require.True(t, e.more())
}

func TestTheEnvelopesOfBothDialects(t *testing.T) {
	t.Parallel()
	v := startVendor(t, simulator.Config{Seed: 1, Applications: 2})
	first := slices.Collect(v.sim.Truth(simulator.Application))[0].ID

	require.Regexp(t, `^\{"ServiceResponse":\{"responseCode":"SUCCESS","count":1,"totalCount":2,"hasMoreRecords":"true","lastId":`+first+
		`,"data":\[\{"id":`+first+`,.*\}\]\}\}$`, string(v.search(applicationsPath, qpsBody(1, 0)).body))

	require.NoError(t, v.sim.Configure(simulator.Settings{Dialect: simulator.Gateway, OmitTotal: true}))
	require.Regexp(t, `^\{"responseCode":"SUCCESS","count":1,"hasMore":1,"lastId":`+first+
		`,"data":\[\{"id":`+first+`,.*\}\]\}$`, string(v.search(applicationsPath, gatewayBody(1, 0)).body))

	require.NoError(t, v.sim.Configure(simulator.Settings{WrapRecords: true}))
	require.Regexp(t, `"data":\[\{"WebApp":\{"id":`+first+`,.*\}\}\]\}\}$`, string(v.search(applicationsPath, qpsBody(1, 0)).body))
}

func TestBothFormsOfAnEmptyAnswer(t *testing.T) {
	t.Parallel()
	v := startVendor(t, simulator.Config{})
	body := func(s simulator.Settings) string {
		require.NoError(t, v.sim.Configure(s))
		return string(v.search(apiCollectionsPath, "").body)
	}
	require.Equal(t, `{"ServiceResponse":{"responseCode":"SUCCESS","count":0,"totalCount":0,"hasMoreRecords":"false","data":[]}}`,
		body(simulator.Settings{}))
	require.Equal(t, `{"ServiceResponse":{"responseCode":"SUCCESS","count":0}}`,
		body(simulator.Settings{EmptyWithoutData: true}))
	require.Equal(t, `{"responseCode":"SUCCESS","count":0,"totalCount":0,"hasMore":0,"data":[]}`,
		body(simulator.Settings{Dialect: simulator.Gateway}))
	require.Equal(t, `{"responseCode":"SUCCESS","count":0}`,
		body(simulator.Settings{Dialect: simulator.Gateway, EmptyWithoutData: true}))
}

func TestRequestsTheVendorRefusesWithHTTP200(t *testing.T) {
	t.Parallel()
	criterion := func(c string) string { return `{"ServiceRequest":{"filters":{"Criteria":[` + c + `]}}}` }
	v := startVendor(t, estateConfig())
	for body, want := range map[string]string{
		criterion(`{"field":"id","operator":"GREATER","value":"abc123"}`):             "Criteria: Invalid value format for criteria 'id' (abc123).",
		criterion(`{"field":"updatedDate","operator":"GREATER","value":"yesterday"}`): "Invalid value format for criteria 'updatedDate'",
		criterion(`{"field":"colour","operator":"EQUALS","value":"red"}`):             "Unsupported field 'colour'",
		criterion(`{"field":"id","operator":"CONTAINS","value":"1"}`):                 "Operator 'CONTAINS' is not supported",
		`{"ServiceRequest":{"preferences":{"limitResults":1001}}}`:                    "Invalid limit of results (1001)",
		`{"ServiceRequest":{"preferences":{"limitResults":0}}}`:                       "Invalid limit of results (0)",
		`{"ServiceRequest":{"preferences":{"limitResults":"many"}}}`:                  "Invalid request",
		gatewayBody(10, 0): "Invalid request", // the other dialect
	} {
		e := v.page(applicationsPath, body)
		require.Equal(t, "INVALID_REQUEST", e.ResponseCode, body)
		require.Contains(t, e.ResponseErrorDetails.ErrorMessage, want)
		require.NotEmpty(t, e.ResponseErrorDetails.ErrorResolution)
		require.Empty(t, e.Data)
	}
	require.NoError(t, v.sim.Configure(simulator.Settings{Dialect: simulator.Gateway}))
	require.Equal(t, "INVALID_REQUEST", v.page(applicationsPath, qpsBody(10, 0)).ResponseCode)
}

func TestRequestsTheGatewayRefuses(t *testing.T) {
	t.Parallel()
	v := startVendor(t, estateConfig())
	require.Equal(t, http.StatusBadRequest, v.search(applicationsPath, `{"ServiceRequest":`).status)
	require.Equal(t, http.StatusRequestEntityTooLarge, v.search(applicationsPath, strings.Repeat(" ", 2<<20)).status)
	require.Equal(t, http.StatusNotFound, v.search("/tas/rest/webapp/5.0/search", "").status)
	get, err := v.do(http.MethodGet, applicationsPath, "")
	require.NoError(t, err)
	require.Equal(t, http.StatusMethodNotAllowed, get.status)
}
