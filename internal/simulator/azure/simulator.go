// Package azure is a stand-in for Microsoft Azure as far as a reader of API
// Management meets it, over real HTTP: the token endpoints of Entra, Azure
// Resource Manager with the resources of API Management, and the blob storage
// that exported specifications are fetched from. The estate is generated, of any
// size, with faults by switch.
//
// It knows nothing of the code that reads it. It states the truth about its
// estate from its own generator, so that an inventory can be held against it.
//
// What is documented, recorded or inferred of the service is said where it is
// done; what is inferred and matters is a switch of Settings.
//
//	sim, err := azure.New(azure.Config{Subscriptions: 3, Services: 12, APIs: 1500})
//	arm := httptest.NewServer(sim.Handler())      // Entra and ARM
//	blob := httptest.NewServer(sim.BlobHandler()) // the links lead here
//	sim.SetBlobURL(blob.URL)
package azure

import (
	"errors"
	"iter"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"sluice/internal/simulator/azure/estate"
	"sluice/internal/simulator/azure/spec"
)

// What users of the simulator handle, from the packages it is made of.
type (
	API           = estate.Truth
	Specification = estate.Specification
	Endpoint      = spec.Endpoint
	Defect        = spec.Defect
	Change        = estate.Change
	Type          = estate.Type
	Tier          = estate.Tier
)

// None as a share of Config means none at all, where 0 means the default.
const None = estate.None

// Config describes a simulator. The zero value is a tenant without
// subscriptions and with the default apps.
type Config struct {
	// The estate: see estate.Config. The same configuration, Start included,
	// always serves the same specifications.
	Seed               uint64
	Subscriptions      int
	Services           int
	APIs               int
	Broken, Odd, Twins float64
	Disabled           int

	// Start is what the simulator's clock shows when it is made. Default: the
	// real time.
	Start time.Time
	// Clock is what the simulator's clock runs by. Default: real time.
	Clock func() time.Time

	Apps     []App // default: DefaultApps
	Settings Settings
	Faults   []Fault
}

// Simulator is a running simulation. Safe for concurrent use.
type Simulator struct {
	clock    func() time.Time
	offset   atomic.Int64 // simulated time less clock, nanoseconds
	estate   *estate.Estate
	settings atomic.Pointer[Settings]
	blobURL  atomic.Pointer[string]
	apps     []App
	tokens   *tokens
	calls    *calls
	buckets  *buckets
	blobs    *blobs
	requests atomic.Uint64 // ids given out
}

// New makes a simulator; nothing listens until a server of the caller's uses
// Handler and BlobHandler.
func New(cfg Config) (*Simulator, error) {
	s := &Simulator{clock: cfg.Clock, apps: cfg.Apps, blobs: newBlobs()}
	if s.clock == nil {
		s.clock = time.Now
	}
	now := s.clock()
	if cfg.Start.IsZero() {
		cfg.Start = now
	}
	s.offset.Store(int64(cfg.Start.Sub(now)))
	if s.apps == nil {
		s.apps = DefaultApps()
	}
	if err := checkApps(s.apps); err != nil {
		return nil, err
	}
	var err error
	s.estate, err = estate.New(estate.Config{
		Seed: cfg.Seed, TenantID: s.apps[0].TenantID,
		Subscriptions: cfg.Subscriptions, Services: cfg.Services, APIs: cfg.APIs,
		Broken: cfg.Broken, Odd: cfg.Odd, Twins: cfg.Twins, Disabled: cfg.Disabled, Start: cfg.Start,
	})
	if err != nil {
		return nil, err
	}
	s.tokens = newTokens(s.Now)
	s.buckets = newBuckets(s.Now)
	s.calls = newCalls(cfg.Seed, s.Now, s.tokens.revoke)
	if err := s.SetFaults(cfg.Faults...); err != nil {
		return nil, err
	}
	return s, s.Configure(cfg.Settings)
}

// Handler serves Entra and ARM.
func (s *Simulator) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/oauth2/token") || strings.HasSuffix(r.URL.Path, "/oauth2/v2.0/token") {
			s.serveToken(w, r)
			return
		}
		s.serveARM(w, r)
	})
}

// BlobHandler serves the storage that links of exports lead to. As in reality,
// it is another host.
func (s *Simulator) BlobHandler() http.Handler { return http.HandlerFunc(s.serveBlob) }

// SetBlobURL tells where BlobHandler is reached: scheme and host, without a path.
func (s *Simulator) SetBlobURL(baseURL string) { s.blobURL.Store(&baseURL) }

// Now is the time on the simulator's clock, in UTC.
func (s *Simulator) Now() time.Time {
	return s.clock().Add(time.Duration(s.offset.Load())).UTC()
}

// Pass lets time pass on the clock without waiting for it.
func (s *Simulator) Pass(d time.Duration) { s.offset.Add(int64(d)) }

// Settings returns the present switches.
func (s *Simulator) Settings() Settings { return *s.settings.Load() }

// Configure replaces the switches.
func (s *Simulator) Configure(settings Settings) error {
	if err := settings.fill(); err != nil {
		return err
	}
	s.settings.Store(&settings)
	return nil
}

// Apps are the app registrations that the token endpoints know.
func (s *Simulator) Apps() []App { return slices.Clone(s.apps) }

// RevokeTokens ends every token given out so far.
func (s *Simulator) RevokeTokens() { s.tokens.revoke() }

// Advance changes the estate, as of now on the simulator's clock, and returns
// the number of the new generation.
func (s *Simulator) Advance(c Change) (int, error) {
	if err := s.estate.Advance(s.Now(), c); err != nil {
		return 0, err
	}
	return s.estate.World().Generation(), nil
}

// Subscription is one of the tenant's subscriptions.
type Subscription struct {
	Path string // its ARM id
	estate.Subscription
}

// Service is an API Management service.
type Service struct {
	Path           string // its ARM id
	SubscriptionID string
	ResourceGroup  string
	Location       string
	estate.Service
}

// Subscriptions yields the truth about subscriptions, in the order of lists.
// Here and below, the sequence is of the moment of the call, and says what there
// is, not what Settings.Unreadable leaves of it.
func (s *Simulator) Subscriptions() iter.Seq[Subscription] {
	world := s.estate.World()
	return func(yield func(Subscription) bool) {
		for _, one := range world.Subscriptions {
			if !yield(Subscription{Path: one.Path(), Subscription: *one}) {
				return
			}
		}
	}
}

// ResourceGroups yields the ARM ids of all resource groups.
func (s *Simulator) ResourceGroups() iter.Seq[string] {
	world := s.estate.World()
	return func(yield func(string) bool) {
		for _, g := range world.Groups {
			if !yield(g.Path()) {
				return
			}
		}
	}
}

// Services yields the truth about services.
func (s *Simulator) Services() iter.Seq[Service] {
	world := s.estate.World()
	return func(yield func(Service) bool) {
		for _, one := range world.Services {
			if !yield(Service{
				Path: one.Path(), SubscriptionID: one.Group.Subscription.ID, ResourceGroup: one.Group.Name,
				Location: one.Location(), Service: *one,
			}) {
				return
			}
		}
	}
}

// APIs yields the truth about all APIs in their current revision, those of
// workspaces and of every type included; specifications are written while it
// runs.
func (s *Simulator) APIs() iter.Seq[API] { return s.estate.World().Truth(false) }

// Revisions is APIs with the other revisions too.
func (s *Simulator) Revisions() iter.Seq[API] { return s.estate.World().Truth(true) }

// errNoBlobHost is why an export fails when nobody said where blobs are.
var errNoBlobHost = errors.New("simulator: the blob host is not known; call SetBlobURL with its address")
