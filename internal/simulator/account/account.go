// Package account knows the users of the simulated vendor: their passwords and
// clients, what they may do, and which part of the estate each of them sees.
// Every API of the simulator asks it who a caller is.
package account

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"net/http"
	"strings"

	"sluice/internal/simulator/random"
)

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
	TermsNotAccepted bool `json:"termsNotAccepted,omitempty"` // has never signed in to accept them
	WithoutWAS       bool `json:"withoutWAS,omitempty"`       // no permission for Web Application Scanning
	WithoutVM        bool `json:"withoutVM,omitempty"`        // no permission for Vulnerability Management
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
		{Name: WithoutWASName, Password: WithoutWASPassword, WithoutWAS: true},
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

// Directory is the users and the tokens given out to them. Safe for concurrent
// use.
type Directory struct {
	users  []User
	tokens *Tokens
}

// NewDirectory checks the users: names and client ids are unique, shares are
// between 0 and 1.
func NewDirectory(users []User, tokens *Tokens) (*Directory, error) {
	names, clients := map[string]bool{}, map[string]bool{}
	for _, u := range users {
		switch {
		case u.Name == "" || u.Password == "":
			return nil, fmt.Errorf("simulator: user %q needs a name and a password", u.Name)
		case names[u.Name]:
			return nil, fmt.Errorf("simulator: there are two users named %q", u.Name)
		case u.ClientID != "" && clients[u.ClientID]:
			return nil, fmt.Errorf("simulator: there are two clients with the id %q", u.ClientID)
		}
		if err := random.CheckShare("hidden from "+u.Name, u.Hidden); err != nil {
			return nil, err
		}
		names[u.Name], clients[u.ClientID] = true, true
	}
	return &Directory{users: users, tokens: tokens}, nil
}

// Users lists all users.
func (d *Directory) Users() []User { return append([]User(nil), d.users...) }

// Named returns the user of a name.
func (d *Directory) Named(name string) (User, bool) {
	return d.find(func(u *User) bool { return u.Name == name })
}

// ByClient returns the user whose user-level client a pair is.
func (d *Directory) ByClient(id, secret string) (User, bool) {
	return d.find(func(u *User) bool { return u.ClientID != "" && equal(id, u.ClientID) && equal(secret, u.ClientSecret) })
}

// ByPassword returns the user whose name and password a pair is.
func (d *Directory) ByPassword(name, password string) (User, bool) {
	return d.find(func(u *User) bool { return equal(name, u.Name) && equal(password, u.Password) })
}

func (d *Directory) find(matches func(*User) bool) (User, bool) {
	for i := range d.users {
		if matches(&d.users[i]) {
			return d.users[i], true
		}
	}
	return User{}, false
}

// Why a caller is not known. Errors of a token are ErrNotAuthenticated and
// ErrExpired.
var (
	ErrNoCredentials    = errors.New("no credentials")
	ErrWrongCredentials = errors.New("wrong credentials")
)

// Authenticate returns the user that a request's Authorization header speaks
// for: by Basic, or by a Bearer token of a user-level client. An account that
// has expired or may not do something is returned as it is: what it is answered
// is the business of each API.
func (d *Directory) Authenticate(r *http.Request) (User, error) {
	if name, password, ok := r.BasicAuth(); ok {
		if u, known := d.ByPassword(name, password); known {
			return u, nil
		}
		return User{}, ErrWrongCredentials
	}
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return User{}, ErrNoCredentials
	}
	claims, err := d.tokens.Check(token)
	if err != nil {
		return User{}, err
	}
	u, known := d.find(func(u *User) bool { return u.ClientID != "" && u.ClientID == claims.Subject })
	if claims.Level != UserLevel || !known {
		return User{}, ErrNotAuthenticated
	}
	return u, nil
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
