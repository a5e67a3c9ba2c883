// Package account knows the users of the simulated vendor: their passwords and
// clients, what they may do, and which part of the estate each of them sees.
// Every API of the simulator asks it who a caller is.
package account

import (
	"hash/fnv"
	"math"
	"slices"

	"sluice/internal/simulator/random"
)

// App is an application of the vendor, which a user may be allowed to use or
// not.
type App string

// The applications.
const (
	VM  App = "vm"  // Vulnerability Management, with its knowledge base
	WAS App = "was" // Web Application Scanning
	TAS App = "tas" // TotalAppSec
	FIM App = "fim" // File Integrity Monitoring
	PM  App = "pm"  // Patch Management
	ETM App = "etm" // Enterprise TruRisk Management
)

// Apps lists all applications.
func Apps() []App { return []App{VM, WAS, TAS, FIM, PM, ETM} }

// User is an account of the simulated vendor.
type User struct {
	Name     string `json:"name"`
	Password string `json:"-"`

	// The user's user-level client, with whose tokens the user can be
	// represented; none when empty.
	ClientID     string `json:"clientId,omitempty"`
	ClientSecret string `json:"-"`

	// Hidden is the share (0 to 1) of web applications and hosts that are out
	// of the user's scope. As with the vendor, nothing is said about them: they
	// are missing from answers.
	Hidden float64 `json:"hidden,omitempty"`

	Expired          bool `json:"expired,omitempty"`          // the account has ended
	Inactive         bool `json:"inactive,omitempty"`         // the account was deactivated
	Locked           bool `json:"locked,omitempty"`           // too many sign-ins failed
	TermsNotAccepted bool `json:"termsNotAccepted,omitempty"` // has never signed in to accept them
	SecureID         bool `json:"secureID,omitempty"`         // a password alone does not do

	NotPermitted []App `json:"notPermitted,omitempty"` // what the user has no permission for
	NotLicensed  []App `json:"notLicensed,omitempty"`  // what is not in the user's subscription
}

// Access is whether somebody may use an application.
type Access int

// NotLicensed comes before NotPermitted where both hold.
const (
	Permitted Access = iota
	NotPermitted
	NotLicensed
)

// Access of the user to an application.
func (u *User) Access(app App) Access {
	switch {
	case slices.Contains(u.NotLicensed, app):
		return NotLicensed
	case slices.Contains(u.NotPermitted, app):
		return NotPermitted
	}
	return Permitted
}

// Default users. They protect nothing: the simulator listens on the loopback
// interface and holds invented data only.
const (
	DefaultName     = "sluice_sim"
	DefaultPassword = "simulated-user-password"

	NarrowName         = "sluice_narrow" // sees 60 % of the estate
	NarrowPassword     = "simulated-narrow-password"
	NarrowClientID     = "sluice-simulator-narrow"
	NarrowClientSecret = "simulated-narrow-secret"

	ExpiredName     = "sluice_expired"
	ExpiredPassword = "simulated-expired-password"

	NewName     = "sluice_new" // has not accepted the terms
	NewPassword = "simulated-new-password"

	WithoutWASName     = "sluice_vm_only"
	WithoutWASPassword = "simulated-vm-only-password"
)

// Defaults are the users of a simulator that is given none; the pair is the
// client of the first.
func Defaults(clientID, clientSecret string) []User {
	return []User{
		{Name: DefaultName, Password: DefaultPassword, ClientID: clientID, ClientSecret: clientSecret},
		{Name: NarrowName, Password: NarrowPassword, ClientID: NarrowClientID, ClientSecret: NarrowClientSecret, Hidden: 0.4},
		{Name: ExpiredName, Password: ExpiredPassword, Expired: true},
		{Name: NewName, Password: NewPassword, TermsNotAccepted: true},
		{Name: WithoutWASName, Password: WithoutWASPassword, NotPermitted: []App{WAS}},
	}
}

// Scope tells which objects of one class a user sees. The zero value sees all.
type Scope struct {
	salt   uint64
	hidden uint64 // objects whose hash is below it
}

// Scope of the user over a class of objects, such as "webapp" or "host".
func (u *User) Scope(class string) Scope { return NewScope(u.Name+"\x00"+class, u.Hidden) }

// NewScope makes a scope that leaves out a share (0 to 1) of the objects; the
// name decides which ones.
func NewScope(name string, hidden float64) Scope {
	if hidden <= 0 {
		return Scope{}
	}
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(name)) // a hash takes everything
	s := Scope{salt: sum.Sum64(), hidden: math.MaxUint64}
	if hidden < 1 {
		s.hidden = uint64(hidden * math.MaxUint64)
	}
	return s
}

// Sees tells whether the object with an id is in the scope.
func (s Scope) Sees(id int64) bool {
	if s.hidden == 0 {
		return true
	}
	return random.Mix(s.salt^uint64(id)*0x9e3779b97f4a7c15) > s.hidden
}
