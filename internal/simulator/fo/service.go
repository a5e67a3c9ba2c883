// Package fo serves the simulated vendor's FO API: the host list, the list of
// detections on hosts, the knowledge base, and what MSP says about itself.
//
// Shapes and rules are those of the vendor's documentation ("Qualys API (VM, PC)
// User Guide", its XML/DTD reference and its appendix of error codes) and of
// recorded answers; what is inferred is said so.
package fo

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"

	"sluice/internal/simulator/account"
	"sluice/internal/simulator/faults"
	"sluice/internal/simulator/knowledge"
	"sluice/internal/simulator/limit"
	"sluice/internal/simulator/vm"
	"sluice/internal/simulator/wire"
)

// Settings are the switches that are no faults: ways in which the real vendor
// may turn out to behave. A zero number means its default.
type Settings struct {
	// The highest version of each API that is known; a higher one answers 404.
	HostVersion      int `json:"hostVersion"`      // default 3
	DetectionVersion int `json:"detectionVersion"` // default 5
	KnowledgeVersion int `json:"knowledgeVersion"` // default 3

	// Limits of each API, for the whole subscription; below zero there is none.
	Requests      int `json:"requests"`      // within the window: default 300
	WindowSeconds int `json:"windowSeconds"` // of the rate limit, sliding: default 3600
	Concurrent    int `json:"concurrent"`    // default 2

	// PublicURL is how the vendor names itself in answers, in DTDs and in the
	// address of the next page: another host than the one that was called.
	PublicURL string `json:"publicURL"` // default DefaultPublicURL

	LateToWait      bool `json:"lateToWait"`      // X-RateLimit-ToWait-Sec comes only with the second refusal in a row
	WithoutUniqueID bool `json:"withoutUniqueID"` // detections have no UNIQUE_VULN_ID
	Comments        bool `json:"comments"`        // XML comments before, inside and after the root element
	EmptyList       bool `json:"emptyList"`       // an empty answer has an empty list, instead of none
}

// DefaultPublicURL is an address that nobody can have.
const DefaultPublicURL = "https://qualysapi.vendor.invalid"

// Validate checks the settings and fills in defaults.
func (s *Settings) Validate() error {
	for _, n := range []struct {
		name       string
		value      *int
		def, least int
	}{
		{"host list version", &s.HostVersion, 3, 2}, {"detection version", &s.DetectionVersion, 5, 2},
		{"knowledge base version", &s.KnowledgeVersion, 3, 2},
		{"number of requests", &s.Requests, 300, -1}, {"window of the rate limit", &s.WindowSeconds, 3600, 1},
		{"number of concurrent calls", &s.Concurrent, 2, -1},
	} {
		if *n.value == 0 {
			*n.value = n.def
		}
		if *n.value < n.least {
			return fmt.Errorf("simulator: the %s is %d; the least is %d", n.name, *n.value, n.least)
		}
	}
	if s.PublicURL == "" {
		s.PublicURL = DefaultPublicURL
	}
	return nil
}

// Service is the simulated API. Safe for concurrent use.
type Service struct {
	server    *wire.Server
	hosts     *vm.Estate
	knowledge *knowledge.Base
	directory *account.Directory

	settings atomic.Pointer[Settings]
	limiters map[faults.Endpoint]*limit.Limiter // fixed after New

	previousMu sync.Mutex
	previous   map[faults.Endpoint]page // last page answered, for the repeated page
}

// New makes a service.
func New(server *wire.Server, hosts *vm.Estate, base *knowledge.Base, directory *account.Directory, settings Settings) (*Service, error) {
	s := &Service{
		server:    server,
		hosts:     hosts,
		knowledge: base,
		directory: directory,
		limiters:  map[faults.Endpoint]*limit.Limiter{},
		previous:  map[faults.Endpoint]page{},
	}
	for _, e := range []faults.Endpoint{faults.VMHosts, faults.VMDetections, faults.KnowledgeBase, faults.About} {
		s.limiters[e] = new(limit.Limiter)
	}
	return s, s.Configure(settings)
}

// Settings returns the present switches.
func (s *Service) Settings() Settings { return *s.settings.Load() }

// Configure replaces the switches.
func (s *Service) Configure(settings Settings) error {
	if err := settings.Validate(); err != nil {
		return err
	}
	s.settings.Store(&settings)
	return nil
}

// Limits returns what the limits of each API have seen so far.
func (s *Service) Limits() map[faults.Endpoint]limit.Seen {
	out := map[faults.Endpoint]limit.Seen{}
	for name, l := range s.limiters {
		out[name] = l.Seen()
	}
	return out
}

// UseElsewhere makes calls by another tool of the subscription, as many as the
// limit lets in; known tells whether the API is one of these.
func (s *Service) UseElsewhere(api faults.Endpoint, calls int) (made int, known bool) {
	l := s.limiters[api]
	if l == nil {
		return 0, false
	}
	return l.UseElsewhere(calls, s.server.Now(), s.Settings().limits()), true
}

// Register adds the endpoints to a mux.
func (s *Service) Register(mux *http.ServeMux) {
	for _, a := range []struct {
		path    string
		api     api
		highest func(Settings) int
		serve   func(*exchange)
	}{
		{"asset/host/{$}", hostListAPI, func(v Settings) int { return v.HostVersion }, (*exchange).hostList},
		{"asset/host/vm/detection/{$}", detectionsAPI, func(v Settings) int { return v.DetectionVersion }, (*exchange).detections},
		{"knowledge_base/vuln/{$}", knowledgeAPI, func(v Settings) int { return v.KnowledgeVersion }, (*exchange).knowledgeBase},
	} {
		mux.Handle("/api/{version}/fo/"+a.path, s.server.Endpoint(a.api.endpoint, gate{words{s, a.api}, a.highest}, func(w *wire.Exchange) {
			s.serve(w, a.api, a.serve)
		}))
	}
	mux.Handle("/msp/about.php", s.server.Endpoint(faults.About, mspGate{words{s, aboutAPI}}, s.about))
}

// api is what distinguishes the APIs.
type api struct {
	endpoint                faults.Endpoint
	root, dtd, list, record string // of answers
	contentType             string
	parameters              map[string]bool // that are understood
}

var (
	hostListAPI = api{
		faults.VMHosts, "HOST_LIST_OUTPUT", "/fo/asset/host/dtd/list/output.dtd", "HOST_LIST", "HOST", contentXML, hostListParameters,
	}
	detectionsAPI = api{
		faults.VMDetections, "HOST_LIST_VM_DETECTION_OUTPUT", "/fo/asset/host/vm/detection/dtd/output.dtd", "HOST_LIST", "HOST",
		contentXML, detectionParameters,
	}
	knowledgeAPI = api{
		faults.KnowledgeBase, "KNOWLEDGE_BASE_VULN_LIST_OUTPUT", "/fo/knowledge_base/vuln/knowledge_base_vuln_list_output.dtd",
		"VULN_LIST", "VULN", contentTextXML, knowledgeParameters,
	}
	aboutAPI = api{faults.About, "ABOUT", "/about.dtd", "VERSIONS", "VERSION", contentTextXML, nil}
)

// exchange is one call that was let in.
type exchange struct {
	*Service
	*wire.Exchange
	settings Settings
	user     account.User
	api      api
	form     *form
}

// serve reads what a call asks for and answers it.
func (s *Service) serve(w *wire.Exchange, a api, answer func(*exchange)) {
	x := &exchange{Service: s, Exchange: w, settings: s.Settings(), api: a}
	var admitted bool
	if x.user, admitted = s.admit(w); !admitted { // a fault may have revoked the token just now
		return
	}
	var err error
	if x.form, err = readForm(w.R, a.parameters); err != nil {
		refuse(w, x.settings, err)
		return
	}
	answer(x)
}

// refused tells whether a parameter is wrong; the call is answered then.
func (x *exchange) refused() bool {
	if x.form.err != nil {
		refuse(x.Exchange, x.settings, x.form.err)
	}
	return x.form.err != nil
}

// gate decides about calls before any fault meets them: the version, then who
// calls, then the limits.
type gate struct {
	words
	highest func(Settings) int
}

func (g gate) Admit(x *wire.Exchange) (leave func(), admitted bool) {
	settings := g.Settings()
	if !knownVersion(x.R.PathValue("version"), g.highest(settings)) {
		x.Send(http.StatusNotFound, wire.HTML, []byte("<html><head><title>404 Not Found</title></head><body><h1>Not Found</h1></body></html>"))
		return nil, false
	}
	if _, admitted := g.admit(x); !admitted {
		return nil, false
	}
	if x.R.Header.Get("X-Requested-With") == "" { // mandatory (documented); the text is inferred
		simpleReturn(x, settings, http.StatusBadRequest, 1903, "Missing required header: X-Requested-With")
		return nil, false
	}
	return g.limit(g.api.endpoint, x)
}

// knownVersion tells whether "3.0" is served when the highest version is n.
func knownVersion(version string, n int) bool {
	for known := 2; known <= n; known++ {
		if version == strconv.Itoa(known)+".0" {
			return true
		}
	}
	return false
}

// admit finds out who calls, and answers when the account will not do.
func (s *Service) admit(x *wire.Exchange) (account.User, bool) {
	settings := s.Settings()
	caller, err := s.directory.Authenticate(x.R)
	access := caller.Access(account.VM)
	switch {
	case caller.Locked || errors.Is(err, account.ErrLocked):
		locked(x, settings)
	case err != nil:
		s.server.Counters.Unauthorized.Add(1)
		refuseCode(x, settings, 2000)
	case caller.Expired:
		refuseCode(x, settings, 2001)
	case caller.Inactive:
		refuseCode(x, settings, 2002)
	case caller.TermsNotAccepted:
		refuseCode(x, settings, 2003)
	case caller.SecureID && caller.Level == "":
		refuseCode(x, settings, 2011)
	case access == account.NotLicensed:
		refuseCode(x, settings, 2012)
	case access == account.NotPermitted:
		// Documented ("Troubleshooting Qualys API"): without API access, an account
		// is told that its password is wrong.
		refuseCode(x, settings, 2000)
	default:
		return caller.User, true
	}
	return caller.User, false
}

// mspGate is that of the oldest API: it takes a name and a password only
// (observed by other clients), has no versions, and needs no X-Requested-With.
type mspGate struct{ words }

func (g mspGate) Admit(x *wire.Exchange) (leave func(), admitted bool) {
	if _, _, basic := x.R.BasicAuth(); !basic {
		g.server.Counters.Unauthorized.Add(1)
		genericReturn(x, g.Settings(), http.StatusUnauthorized, 2000, returns[2000].text)
		return nil, false
	}
	if _, admitted := g.admit(x); !admitted {
		return nil, false
	}
	return g.limit(faults.About, x)
}

// about tells about the platform.
func (s *Service) about(x *wire.Exchange) {
	x.Send(http.StatusOK, contentTextXML, []byte(`<?xml version="1.0" encoding="UTF-8" ?>
<!DOCTYPE ABOUT SYSTEM "`+s.Settings().PublicURL+`/about.dtd">
<ABOUT>
  <API-VERSION MAJOR="1" MINOR="4" />
  <WEB-VERSION>10.38.2.0-1</WEB-VERSION>
  <SCANNER-VERSION>12.20.31-1</SCANNER-VERSION>
  <VULNSIGS-VERSION>2.6.300-2</VULNSIGS-VERSION>
</ABOUT>
`))
}
