// Package gateway serves what the simulated vendor's applications have besides
// records: of File Integrity Monitoring the number of events, of Patch Management
// its version, of Enterprise TruRisk Management the list of reports. That much
// is what a connection test asks.
//
// Paths and shapes are those that the vendor's own programs and published
// clients rely on; what is inferred is said so.
package gateway

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"

	"sluice/internal/simulator/account"
	"sluice/internal/simulator/faults"
	"sluice/internal/simulator/limit"
	"sluice/internal/simulator/wire"
)

// Settings are the switches that are no faults.
type Settings struct {
	FIMEvents int `json:"fimEvents"` // their number; default 1200
	// ETMNotDeployed: the platform does not have Enterprise TruRisk Management,
	// and answers 404 (observed by other clients).
	ETMNotDeployed bool `json:"etmNotDeployed"`
}

const defaultFIMEvents = 1200

// Service is the applications. Safe for concurrent use.
type Service struct {
	server    *wire.Server
	directory *account.Directory
	limits    *limit.Group
	settings  atomic.Pointer[Settings]
}

// New makes a service; the limits are those of the gateway.
func New(server *wire.Server, directory *account.Directory, limits *limit.Group, settings Settings) (*Service, error) {
	s := &Service{server: server, directory: directory, limits: limits}
	return s, s.Configure(settings)
}

// Settings returns the present switches.
func (s *Service) Settings() Settings { return *s.settings.Load() }

// Configure replaces the switches.
func (s *Service) Configure(settings Settings) error {
	if settings.FIMEvents == 0 {
		settings.FIMEvents = defaultFIMEvents
	}
	if settings.FIMEvents < 0 {
		return fmt.Errorf("simulator: fimEvents is %d; it cannot be below 0", settings.FIMEvents)
	}
	s.settings.Store(&settings)
	return nil
}

// fimJSON is what File Integrity Monitoring calls its JSON (recorded).
const fimJSON = "application/vnd.qualys.fim.api.v2.0+json"

// The status for a module that is not in the subscription: 401 was observed of
// Enterprise TruRisk Management by other clients; the others are inferred.
var (
	fim = Application{App: account.FIM, Permission: "FIM.API.ACCESS", Unlicensed: http.StatusForbidden}
	pm  = Application{App: account.PM, Permission: "PM.API.ACCESS", Unlicensed: http.StatusForbidden}
	etm = Application{App: account.ETM, Permission: "ETM.API.ACCESS", Unlicensed: http.StatusUnauthorized}
)

// Register adds the applications' calls to a mux.
func (s *Service) Register(mux *http.ServeMux) {
	handle := func(pattern string, a Application, words Words, serve func(*wire.Exchange)) {
		words.Limits, words.Directory = s.limits, s.directory
		mux.Handle(pattern, s.server.Endpoint(words.API, words, func(x *wire.Exchange) {
			if _, allowed := a.Authorise(x, s.directory); allowed {
				serve(x)
			}
		}))
	}
	handle("POST /fim/v2/events/count", fim, Words{API: faults.FIMEvents, Content: fimJSON, Record: `{"count":`}, s.countEvents)
	// Documented: Patch Management has no headers of limits.
	handle("GET /pm/v1/details", pm, Words{API: faults.PMDetails, Content: wire.JSON, Record: `{"appVersion":`, Silent: true}, s.details)
	handle("POST /etm/api/rest/v1/reports/list", etm, Words{API: faults.ETMReports, Content: wire.JSON, Record: `{"data":[{"id":`}, s.listReports)
}

// countEvents answers how many events there are. The filter is QQL, a text
// (documented); it is not evaluated here.
func (s *Service) countEvents(x *wire.Exchange) {
	var request struct {
		Filter string `json:"filter"`
	}
	if readJSON(x, &request) {
		x.Send(http.StatusOK, fimJSON, []byte(`{"count":`+strconv.Itoa(s.Settings().FIMEvents)+`}`))
	}
}

// details answers the version of Patch Management.
func (s *Service) details(x *wire.Exchange) {
	x.Send(http.StatusOK, wire.JSON, []byte(`{"appVersion":"3.6.0.0-41"}`))
}

// maxReports is the largest page of reports (inferred).
const maxReports = 100

// listReports answers the latest reports.
func (s *Service) listReports(x *wire.Exchange) {
	if s.Settings().ETMNotDeployed {
		Error(x, http.StatusNotFound, "No such resource: "+x.R.URL.Path)
		return
	}
	request := struct {
		PageSize int `json:"pageSize"`
	}{PageSize: 10}
	switch {
	case !readJSON(x, &request):
	case request.PageSize < 1 || request.PageSize > maxReports:
		Error(x, http.StatusBadRequest, "Invalid pageSize: "+strconv.Itoa(request.PageSize))
	default:
		x.Send(http.StatusOK, wire.JSON, []byte(`{"data":[{"id":"5d1f0c1e-6a0b-4c53-9a55-0d3c2f6f8a10","name":"Simulated findings",`+
			`"status":"COMPLETED","reportFormat":"JSON"}]}`))
	}
}

const maxRequestBytes = 1 << 20

// readJSON reads a request, and answers the call when it cannot be understood. A
// request without a body asks for the defaults.
func readJSON(x *wire.Exchange, into any) bool {
	err := json.NewDecoder(http.MaxBytesReader(x.W, x.R.Body, maxRequestBytes)).Decode(into)
	if err != nil && err != io.EOF {
		Error(x, http.StatusBadRequest, "Malformed JSON request")
		return false
	}
	return true
}
