// Package qualys serves the simulated vendor's tokens, of clients and of names and
// passwords, and the two searches of TotalAppSec.
//
// What the vendor documents is marked "documented" (Qualys documentation:
// "Create and manage client credentials", "Qualys Dataflow for TotalAppSec",
// the WAS API guide for the QPS dialect). Request, paging and response shape of
// TotalAppSec are not public: they are inferred from the vendor's neighbouring
// APIs, which is why they can be switched.
package qualys

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"sluice/internal/simulator/account"
	"sluice/internal/simulator/estate"
	"sluice/internal/simulator/faults"
	"sluice/internal/simulator/gateway"
	"sluice/internal/simulator/limit"
	"sluice/internal/simulator/wire"
)

// Paths of the simulated API; all take POST (documented, for the searches as
// the data sources of the TotalAppSec connector).
const (
	SignInPath            = "/auth"
	TokenPath             = "/auth/oidc"
	SubscriptionTokenPath = "/auth/oauth"
	ApplicationsPath      = "/tas/rest/webapp/4.0/search"
	APICollectionsPath    = "/tas/rest/api/1.0/search"
)

// Dialect is the shape of search requests and answers.
type Dialect string

// The dialects (both inferred for TotalAppSec).
const (
	// QPS is the shape of the vendor's older portal APIs: ServiceRequest with
	// preferences and Criteria, ServiceResponse with hasMoreRecords as a string.
	QPS Dialect = "qps"
	// Gateway is the shape of its newer ones: plain filters and limit, hasMore 0 or 1.
	Gateway Dialect = "gateway"
)

// Settings are the switches that are no faults: ways in which the real vendor
// may turn out to behave.
type Settings struct {
	Dialect          Dialect       // default QPS
	TokenTTL         time.Duration // default 4 h (documented)
	AcceptForm       bool          // the token endpoints take credentials in the body too, as RFC 6749 has it
	OmitTotal        bool          // answers carry no totalCount
	WrapRecords      bool          // each record is wrapped in an object of its type's name, as in the older APIs
	ClientsOnly      bool          // TotalAppSec takes no tokens of a name and a password
	EmptyWithoutData bool          // an empty answer is a count of 0 and no more, instead of an empty list
}

// Validate checks the settings and fills in defaults.
func (s *Settings) Validate() error {
	if s.Dialect == "" {
		s.Dialect = QPS
	}
	if s.Dialect != QPS && s.Dialect != Gateway {
		return fmt.Errorf("simulator: unknown dialect %q: use %q or %q", s.Dialect, QPS, Gateway)
	}
	if s.TokenTTL == 0 {
		s.TokenTTL = 4 * time.Hour
	}
	if s.TokenTTL < time.Second {
		return fmt.Errorf("simulator: token lifetime %s is too short: the least is 1s", s.TokenTTL)
	}
	return nil
}

// Credentials are the client pairs the simulated vendor knows.
type Credentials struct {
	ClientID, ClientSecret                         string // user-level client: what TotalAppSec takes
	SubscriptionClientID, SubscriptionClientSecret string // subscription-level client: refused by it
}

// Service is the simulated vendor. Safe for concurrent use.
type Service struct {
	server    *wire.Server
	estate    *estate.Estate
	directory *account.Directory
	tokens    *account.Tokens
	limits    *limit.Group

	settings atomic.Pointer[Settings]
	totals   totals

	previousMu sync.Mutex
	previous   map[estate.AssetType]search // last search answered, for the repeated page
}

// New makes a service over an estate; the limits are those of the gateway. The
// settings must be valid.
func New(server *wire.Server, e *estate.Estate, directory *account.Directory, tokens *account.Tokens,
	limits *limit.Group, settings Settings) *Service {
	s := &Service{
		server:    server,
		estate:    e,
		directory: directory,
		tokens:    tokens,
		limits:    limits,
		previous:  map[estate.AssetType]search{},
	}
	s.settings.Store(&settings)
	return s
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

// Register adds the vendor's endpoints to a mux; whatever is not one of them
// answers 404 as the gateway would.
func (s *Service) Register(mux *http.ServeMux) {
	words := words{gateway.Words{Limits: s.limits, Directory: s.directory}, s}
	tokens := unlimited{words}
	mux.Handle(TokenPath, s.endpoint(faults.Token, tokens, s.token(account.UserLevel)))
	mux.Handle(SubscriptionTokenPath, s.endpoint(faults.SubscriptionToken, tokens, s.token(account.SubscriptionLevel)))
	mux.Handle(SignInPath, s.endpoint(faults.SignIn, tokens, (*exchange).signIn))
	for path, search := range map[string]struct {
		api       faults.Endpoint
		assetType estate.AssetType
	}{
		ApplicationsPath: {faults.Applications, estate.Application}, APICollectionsPath: {faults.APICollections, estate.APICollection},
	} {
		words.API = search.api
		mux.Handle(path, s.endpoint(search.api, words, s.search(search.assetType)))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		gateway.Error(s.server.Exchange(w, r), http.StatusNotFound, "No such resource: "+r.URL.Path)
	})
}

func (s *Service) endpoint(name faults.Endpoint, words wire.Words, serve func(*exchange)) http.Handler {
	post := s.server.Endpoint(name, words, func(x *wire.Exchange) { serve(&exchange{s, x}) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			gateway.Error(s.server.Exchange(w, r), http.StatusMethodNotAllowed, "Request method '"+r.Method+"' not supported")
			return
		}
		post.ServeHTTP(w, r)
	})
}
