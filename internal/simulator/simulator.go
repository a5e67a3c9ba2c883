// Package simulator is a stand-in for the vendor, over real HTTP: the token
// endpoints of Qualys, the searches of TotalAppSec, the API of Web Application
// Scanning and that of Vulnerability Management, on generated estates of any
// size, and what a connection test asks other applications; with limits, and with
// faults by switch.
//
// It knows nothing of the code that reads it. It states the truth about its
// estate from its own generator, so that an inventory can be held against it.
//
//	sim, err := simulator.New(simulator.Config{Applications: 1500, APICollections: 500, FindingsPerAsset: 10})
//	server := httptest.NewServer(sim.Handler())
//	for asset := range sim.Truth(simulator.Application) { ... }
package simulator

import (
	"fmt"
	"iter"
	"math"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"sluice/internal/simulator/account"
	"sluice/internal/simulator/estate"
	"sluice/internal/simulator/faults"
	"sluice/internal/simulator/fo"
	"sluice/internal/simulator/gateway"
	"sluice/internal/simulator/knowledge"
	"sluice/internal/simulator/limit"
	"sluice/internal/simulator/qualys"
	"sluice/internal/simulator/vm"
	"sluice/internal/simulator/was"
	"sluice/internal/simulator/wire"
)

// What users of the simulator handle, from the packages it is made of.
type (
	AssetType    = estate.AssetType
	Asset        = estate.Asset
	AssetFinding = estate.AssetFinding
	Defect       = estate.Defect
	Fault        = faults.Fault
	Settings     = qualys.Settings
	Dialect      = qualys.Dialect
	Credentials  = qualys.Credentials
	Counts       = wire.Counts
)

// The asset types and the dialects of searches.
const (
	Application   = estate.Application
	APICollection = estate.APICollection
	QPS           = qualys.QPS
	Gateway       = qualys.Gateway
)

// Default credentials. They protect nothing: the simulator listens on the
// loopback interface and holds invented data only.
const (
	DefaultClientID                 = "sluice-simulator"
	DefaultClientSecret             = "simulated-user-level-secret"
	DefaultSubscriptionClientID     = "sluice-simulator-subscription"
	DefaultSubscriptionClientSecret = "simulated-subscription-level-secret"
)

// Config describes a simulator. The zero value is an empty estate with default
// credentials.
type Config struct {
	// The estate: see estate.Config. The same configuration, Start included,
	// always serves the same bytes.
	Seed             uint64
	Applications     int
	APICollections   int
	FindingsPerAsset float64 // average
	MixedDates       bool
	MixedScalars     bool

	// Web Application Scanning: see was.Config.
	WebApps     int
	WebFindings int // of all web applications together

	// Vulnerability Management and the knowledge base: see vm.Config and
	// knowledge.Config. The QIDs of Web Application Scanning are in the knowledge
	// base when there are web applications.
	Hosts              int
	DetectionsPerHost  float64 // average
	LargeHost          LargeHost
	KnowledgeEntries   int     // of hosts; default 2000 when there are hosts
	UnpublishedEntries float64 // share of all entries that only Advance publishes

	// Start is what the simulator's clock shows when it is made. Default: the
	// real time.
	Start time.Time
	// Clock is what the simulator's clock runs by. Default: real time. A clock
	// that stands still makes dates exact; the simulator's own can still be
	// moved, by SetNow and Pass.
	Clock func() time.Time

	Credentials Credentials // each empty field has its default
	Users       []User      // default: account.Defaults, the first with the client of Credentials
	LockAfter   int         // failed sign-ins in a row that lock an account; 0 for none
	Settings    Settings
	WebSettings WebSettings
	VMSettings  VMSettings
	AppSettings AppSettings // of File Integrity Monitoring, Patch Management and Enterprise TruRisk Management

	// Limits of each API, for the whole subscription. Those of Vulnerability
	// Management are in VMSettings.
	QPSLimits     CallLimits // of Web Application Scanning and its neighbours
	GatewayLimits CallLimits // of TotalAppSec and the applications of AppSettings

	Defects []Defect
	Faults  []Fault
}

// Simulator is a running simulation. Safe for concurrent use.
type Simulator struct {
	config        Config
	estate        *estate.Estate
	faults        *faults.Plan
	directory     *account.Directory
	tokens        *account.Tokens
	qpsLimits     *limit.Group
	gatewayLimits *limit.Group
	counters      *wire.Counters
	server        *wire.Server
	service       *qualys.Service
	webEstate     *was.Estate
	web           *was.Service
	apps          *gateway.Service

	hostEstate *vm.Estate
	knowledge  *knowledge.Base
	vm         *fo.Service

	offset atomic.Int64 // simulated time less Config.Clock, nanoseconds
}

// New makes a simulator; nothing listens until Serve or a server of the
// caller's uses Handler.
func New(cfg Config) (*Simulator, error) {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	s := &Simulator{config: cfg, counters: wire.NewCounters()}
	now := cfg.Clock()
	if cfg.Start.IsZero() {
		cfg.Start = now
	}
	s.offset.Store(int64(cfg.Start.Sub(now)))
	fillCredentials(&cfg.Credentials)
	if err := cfg.Settings.Validate(); err != nil {
		return nil, err
	}
	var err error
	s.estate, err = estate.New(estate.Config{
		Seed:             cfg.Seed,
		Applications:     cfg.Applications,
		APICollections:   cfg.APICollections,
		FindingsPerAsset: cfg.FindingsPerAsset,
		Start:            cfg.Start,
		MixedDates:       cfg.MixedDates,
		MixedScalars:     cfg.MixedScalars,
	})
	if err != nil {
		return nil, err
	}
	if err := s.estate.SetDefects(cfg.Defects); err != nil {
		return nil, err
	}
	s.faults = faults.NewPlan(cfg.Seed)
	if err := s.faults.Set(cfg.Faults...); err != nil {
		return nil, err
	}
	s.tokens = account.NewTokens(s.Now, cfg.Credentials.ClientSecret, cfg.Credentials.SubscriptionClientSecret)
	if err := s.startAccounts(cfg); err != nil {
		return nil, err
	}
	if err := s.startLimits(cfg); err != nil {
		return nil, err
	}
	s.server = &wire.Server{Plan: s.faults, Now: s.Now, Counters: s.counters, Revoke: s.tokens.Revoke}
	s.service = qualys.New(s.server, s.estate, s.directory, s.tokens, s.gatewayLimits, cfg.Settings)
	if s.apps, err = gateway.New(s.server, s.directory, s.gatewayLimits, cfg.AppSettings); err != nil {
		return nil, err
	}
	if err := s.startWeb(cfg); err != nil {
		return nil, err
	}
	if err := s.startVM(cfg); err != nil {
		return nil, err
	}
	s.config = cfg
	return s, nil
}

func fillCredentials(c *Credentials) {
	for _, field := range []struct {
		value *string
		def   string
	}{
		{&c.ClientID, DefaultClientID},
		{&c.ClientSecret, DefaultClientSecret},
		{&c.SubscriptionClientID, DefaultSubscriptionClientID},
		{&c.SubscriptionClientSecret, DefaultSubscriptionClientSecret},
	} {
		if *field.value == "" {
			*field.value = field.def
		}
	}
}

// Handler serves the vendor's API, and under /simulator/ the control of the
// simulation, to callers on the loopback interface only.
func (s *Simulator) Handler() http.Handler {
	mux := http.NewServeMux()
	s.service.Register(mux)
	s.web.Register(mux)
	s.vm.Register(mux)
	s.apps.Register(mux)
	s.registerControl(mux)
	return mux
}

// Now is the time on the simulator's clock, in UTC.
func (s *Simulator) Now() time.Time {
	return s.config.Clock().Add(time.Duration(s.offset.Load())).UTC()
}

// SetNow sets the clock, which runs on from there.
func (s *Simulator) SetNow(t time.Time) {
	s.offset.Store(int64(t.Sub(s.config.Clock())))
}

// Pass lets time pass on the clock without waiting for it.
func (s *Simulator) Pass(d time.Duration) { s.offset.Add(int64(d)) }

// SetDefects replaces the defects of single records of TotalAppSec; none mends
// all.
func (s *Simulator) SetDefects(defects ...Defect) error { return s.estate.SetDefects(defects) }

// SetFaults replaces the faults of calls; none ends all.
func (s *Simulator) SetFaults(f ...Fault) error { return s.faults.Set(f...) }

// RevokeTokens ends every token given out so far.
func (s *Simulator) RevokeTokens() { s.tokens.Revoke() }

// Settings returns the present switches of the vendor's behaviour.
func (s *Simulator) Settings() Settings { return s.service.Settings() }

// Configure replaces the switches of the vendor's behaviour.
func (s *Simulator) Configure(settings Settings) error { return s.service.Configure(settings) }

// Credentials returns the pairs that the token endpoints take, unless ChangeUser
// has changed them.
func (s *Simulator) Credentials() Credentials { return s.config.Credentials }

// Counts returns what has been served so far.
func (s *Simulator) Counts() Counts {
	c := s.counters.Counts()
	c.TokensMinted, c.Faults = s.tokens.Minted(), s.faults.Counts()
	return c
}

// Generation is the number of Advances so far.
func (s *Simulator) Generation() int { return s.estate.World().Generation() }

// Truth yields the assets that the vendor shows now, ascending by id, as they
// should be in an inventory: malformed ones are included and marked. The
// sequence is of the moment Truth is called.
func (s *Simulator) Truth(t AssetType) iter.Seq[Asset] { return s.estate.World().Truth(t) }

// WholeTruth is Truth with the assets that Hide has taken out of scope.
func (s *Simulator) WholeTruth(t AssetType) iter.Seq[Asset] { return s.estate.World().WholeTruth(t) }

// Banner tells a person where the simulator is and how to sign in.
func (s *Simulator) Banner(baseURL string) string {
	c, w := s.config.Credentials, s.estate.World()
	user := s.DefaultUser()
	return fmt.Sprintf(`Simulated Qualys at %[1]s
  base URL        %[1]s
  client id       %[2]s
  client secret   %[3]s
  a subscription-level client, which TotalAppSec and WAS refuse:
  client id       %[4]s
  client secret   %[5]s
  user name       %[11]s
  password        %[12]s
  estate          %[6]d applications, %[7]d API collections, %[8]s findings each on average, seed %[9]d
                  %[13]d web applications with %[14]d findings
                  %[15]d hosts with %[16]s detections each on average
  dialect         %[10]s
  other users     %[17]s
  change it       curl -X POST -d '{"updated":0.05,"added":0.01,
                    "web":{"updatedWebApps":0.05,"new":0.02,"fixed":0.05},
                    "vm":{"scanned":0.2,"new":0.05,"fixed":0.1}}' %[1]s/simulator/advance
  narrow it       curl -X POST -d '{"hidden":0.4}' %[1]s/simulator/scope (0 gives all back)
  lock an account curl -X POST -d '{"name":"%[11]s","locked":true}' %[1]s/simulator/users
  its state       curl %[1]s/simulator/state
`, baseURL, c.ClientID, c.ClientSecret, c.SubscriptionClientID, c.SubscriptionClientSecret,
		w.Len(Application), w.Len(APICollection), average(s.config.FindingsPerAsset), s.config.Seed, s.Settings().Dialect,
		user.Name, user.Password, s.config.WebApps, s.config.WebFindings,
		s.config.Hosts, average(s.config.DetectionsPerHost), s.others())
}

// average writes one with two decimals at most: "33.33", "10".
func average(n float64) string {
	return strconv.FormatFloat(math.Round(n*100)/100, 'f', -1, 64)
}
