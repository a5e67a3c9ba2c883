package was

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"sluice/internal/simulator/account"
	"sluice/internal/simulator/faults"
	"sluice/internal/simulator/limit"
	"sluice/internal/simulator/wire"
)

// Settings are the switches that are no faults: ways in which the real vendor
// behaves at times, or may turn out to.
type Settings struct {
	// EmptyWithoutData makes an empty answer a count of 0 and no more, instead
	// of one that says there is no more and has an empty list (both recorded).
	EmptyWithoutData bool `json:"emptyWithoutData"`
	// NotFoundStatus is the HTTP status of OBJECT_NOT_FOUND: 200 (the default)
	// or 404; which of the two is not known.
	NotFoundStatus int `json:"notFoundStatus"`
}

func (s *Settings) fill() error {
	if s.NotFoundStatus == 0 {
		s.NotFoundStatus = http.StatusOK
	}
	if s.NotFoundStatus != http.StatusOK && s.NotFoundStatus != http.StatusNotFound {
		return fmt.Errorf("simulator: notFoundStatus is %d; allowed are 200 and 404", s.NotFoundStatus)
	}
	return nil
}

// Service is the simulated API: the QPS calls of Web Application Scanning, the
// portal's version and the number of tags. Safe for concurrent use.
type Service struct {
	server    *wire.Server
	estate    *Estate
	directory *account.Directory
	limits    *limit.Group
	settings  atomic.Pointer[Settings]

	mu       sync.Mutex
	previous map[faults.Endpoint]page // last page found, for the repeated page
}

// New makes a service over an estate; the limits are those of the QPS APIs.
func New(server *wire.Server, e *Estate, directory *account.Directory, limits *limit.Group, settings Settings) (*Service, error) {
	s := &Service{server: server, estate: e, directory: directory, limits: limits, previous: map[faults.Endpoint]page{}}
	return s, s.Configure(settings)
}

// Settings returns the present switches.
func (s *Service) Settings() Settings { return *s.settings.Load() }

// Configure replaces the switches.
func (s *Service) Configure(settings Settings) error {
	if err := settings.fill(); err != nil {
		return err
	}
	s.settings.Store(&settings)
	return nil
}

// Classes of records, as paths name them.
const (
	webAppClass  = "was/webapp"
	findingClass = "was/finding"
)

// Register adds the API's calls to a mux. Searches take POST; counts GET and
// POST (documented). A path may end with a slash (recorded).
func (s *Service) Register(mux *http.ServeMux) {
	handle := func(methods, path string, name faults.Endpoint, serve func(*exchange)) {
		handler := s.server.Endpoint(name, words{s, name}, func(x *wire.Exchange) { s.serve(x, serve) })
		for method := range strings.SplitSeq(methods, " ") {
			mux.Handle(method+" "+path, handler)
			mux.Handle(method+" "+path+"/{$}", handler)
		}
	}
	handle("POST", "/qps/rest/3.0/search/"+webAppClass, faults.WASWebApps, scanning(searchWebApps))
	handle("POST", "/qps/rest/3.0/search/"+findingClass, faults.WASFindings, scanning(searchFindings))
	handle("GET POST", "/qps/rest/3.0/count/"+webAppClass, faults.WASCount, scanning(countWebApps))
	handle("GET POST", "/qps/rest/3.0/count/"+findingClass, faults.WASCount, scanning(countFindings))
	handle("GET", "/qps/rest/3.0/get/"+webAppClass+"/{id}", faults.WASGet, scanning(getWebApp))
	handle("GET", "/qps/rest/3.0/get/"+findingClass+"/{id}", faults.WASGet, scanning(getFinding))
	handle("GET POST", "/qps/rest/2.0/count/am/tag", faults.TagCount, countTags)
	handle("GET", "/qps/rest/portal/version", faults.PortalVersion, portalVersion)
}

// exchange is a call by a user who may make it.
type exchange struct {
	*Service
	*wire.Exchange
	user  account.User
	scope account.Scope // over web applications
}

// serve finds out who calls.
func (s *Service) serve(x *wire.Exchange, serve func(*exchange)) {
	caller, err := s.directory.Authenticate(x.R)
	var token account.TokenError
	if err == nil && caller.Level == account.SubscriptionLevel {
		err = account.ErrNotAuthenticated // documented: user-level clients only
	}
	switch {
	case errors.As(err, &token):
		// Inferred: a token is refused as the gateway does.
		x.Counters.Unauthorized.Add(1)
		x.Send(http.StatusUnauthorized, wire.JSON, []byte(`{"status":401,"error":"Unauthorized","message":"`+token.Error()+`"}`))
		return
	case err != nil || caller.Expired || caller.Inactive:
		// Recorded for a wrong password; inferred for an account that has ended.
		x.Counters.Unauthorized.Add(1)
		invalidCredentials(x)
		return
	case caller.Locked: // inferred, like what follows
		refuse(x, http.StatusOK, "INVALID_CREDENTIALS", "The account is locked", "Contact the Manager of the subscription.")
		return
	case caller.SecureID && caller.Level == "":
		refuse(x, http.StatusOK, "UNAUTHORIZED", "SecureID authentication is required for this account.", "Use another account.")
		return
	case caller.TermsNotAccepted:
		refuse(x, http.StatusOK, "UNAUTHORIZED", "The user has not accepted the service agreement.", "Sign in to the user interface once.")
		return
	}
	serve(&exchange{Service: s, Exchange: x, user: caller.User, scope: caller.Scope(webAppScopeName)})
}

// scanning refuses users who may not use Web Application Scanning. The code is
// documented, the wordings and the status are inferred.
func scanning(serve func(*exchange)) func(*exchange) {
	return func(x *exchange) {
		switch x.user.Access(account.WAS) {
		case account.NotLicensed:
			refuse(x.Exchange, http.StatusOK, "UNAUTHORIZED",
				"Web Application Scanning is not enabled for the subscription.", "Contact your account manager.")
		case account.NotPermitted:
			refuse(x.Exchange, http.StatusOK, "UNAUTHORIZED",
				"User "+x.user.Name+" is not authorized to access this API.", "Ask for the permission WAS API Access.")
		default:
			serve(x)
		}
	}
}

const maxRequestBytes = 1 << 20

// readRequest reads the body, and answers the call when it cannot be understood.
func (x *exchange) readRequest() (request, bool) {
	body, err := io.ReadAll(http.MaxBytesReader(x.W, x.R.Body, maxRequestBytes))
	if err != nil {
		refuse(x.Exchange, http.StatusRequestEntityTooLarge, "BAD_REQUEST", "The request is too large or was not sent completely.", "")
		return request{}, false
	}
	q, err := parseRequest(dialectOf(x.R.Header.Get("Content-Type")), body)
	return q, err == nil || x.refused(err)
}

// refused answers a request that is not valid; it is false.
func (x *exchange) refused(err error) bool {
	var refused *requestError
	if !errors.As(err, &refused) {
		panic(err) // there are no others
	}
	refuse(x.Exchange, http.StatusOK, refused.code, refused.message, refused.resolution)
	return false
}

// dialectOf a media type: requests go by Content-Type and answers by Accept, each
// on its own, so that JSON needs both headers (documented).
func dialectOf(mediaType string) dialect {
	if strings.Contains(mediaType, "json") {
		return jsonDialect
	}
	return xmlDialect
}
