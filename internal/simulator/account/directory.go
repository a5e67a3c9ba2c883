package account

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"sluice/internal/simulator/random"
)

// Directory is the users, the client of their subscription, and the tokens
// given out to them. Safe for concurrent use.
type Directory struct {
	tokens *Tokens

	mu        sync.RWMutex
	users     []User // the last is the subscription's client, named by its id
	lockAfter int
	failed    map[string]int // sign-ins, by user
	inARow    map[string]int // of these, since the last that succeeded
}

// NewDirectory checks the users: names and client ids are unique, shares are
// between 0 and 1. The subscription has one client, which belongs to no user.
func NewDirectory(users []User, subscriptionClient, secret string, tokens *Tokens) (*Directory, error) {
	d := &Directory{
		tokens: tokens,
		users:  append(slices.Clone(users), User{Name: subscriptionClient, ClientID: subscriptionClient, ClientSecret: secret}),
		failed: map[string]int{}, inARow: map[string]int{},
	}
	return d, check(d.users)
}

func check(all []User) error {
	names, clients := map[string]bool{}, map[string]bool{}
	for i, u := range all {
		switch {
		case u.Name == "" || u.Password == "" && i < len(all)-1:
			return fmt.Errorf("simulator: user %q needs a name and a password", u.Name)
		case names[u.Name]:
			return fmt.Errorf("simulator: there are two users named %q", u.Name)
		case u.ClientID != "" && clients[u.ClientID]:
			return fmt.Errorf("simulator: there are two clients with the id %q", u.ClientID)
		}
		for _, app := range slices.Concat(u.NotPermitted, u.NotLicensed) {
			if !slices.Contains(Apps(), app) {
				return fmt.Errorf("simulator: there is no application %q; known are %v", app, Apps())
			}
		}
		if err := random.CheckShare("hidden from "+u.Name, u.Hidden); err != nil {
			return err
		}
		names[u.Name], clients[u.ClientID] = true, true
	}
	return nil
}

// Users lists all users, without the subscription's client.
func (d *Directory) Users() []User {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return slices.Clone(d.users[:len(d.users)-1])
}

// Named returns the user of a name, or the subscription's client by its id.
func (d *Directory) Named(name string) (User, bool) {
	return d.find(func(u *User) bool { return u.Name == name })
}

// Change changes a user; the subscription's client is named by its id. Tokens
// that were given out stay as good as the account is.
func (d *Directory) Change(name string, change func(*User)) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := slices.IndexFunc(d.users, func(u User) bool { return u.Name == name })
	if i < 0 {
		return fmt.Errorf("simulator: there is no user %q", name)
	}
	changed := slices.Clone(d.users)
	u := &changed[i]
	u.NotPermitted, u.NotLicensed = slices.Clone(u.NotPermitted), slices.Clone(u.NotLicensed)
	change(u)
	if err := check(changed); err != nil {
		return err
	}
	d.users = changed
	if !u.Locked {
		d.inARow[name] = 0
	}
	return nil
}

// LockAfter makes an account lock when so many sign-ins have failed in a row;
// 0 never.
func (d *Directory) LockAfter(failures int) error {
	if failures < 0 {
		return fmt.Errorf("simulator: an account cannot lock after %d failed sign-ins", failures)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lockAfter = failures
	return nil
}

// LocksAfter is what LockAfter set.
func (d *Directory) LocksAfter() int {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.lockAfter
}

// FailedSignIns tells how often a wrong password, or a wrong secret of the
// user's client, was offered, by user; the subscription's client is named by its
// id. Those of nobody who is known are under "".
func (d *Directory) FailedSignIns() map[string]int {
	d.mu.RLock()
	defer d.mu.RUnlock()
	out := map[string]int{}
	for name, n := range d.failed {
		out[name] = n
	}
	return out
}

func (d *Directory) find(matches func(*User) bool) (User, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for i := range d.users {
		if matches(&d.users[i]) {
			return d.users[i], true
		}
	}
	return User{}, false
}

// Why a caller is not known. Errors of a token are TokenErrors.
var (
	ErrNoCredentials    = errors.New("no credentials")
	ErrWrongCredentials = errors.New("wrong credentials")
)

// SignIn returns the user whose name and password a pair is; one whose account
// is locked, whatever the password.
func (d *Directory) SignIn(name, password string) (User, error) {
	u, known := d.find(func(u *User) bool { return u.Password != "" && equal(name, u.Name) })
	return d.offered(u, known && equal(password, u.Password))
}

// Client returns whose client of the level a pair is: a user, or, by its id, the
// subscription's client. One whose account is locked is returned whatever the
// secret.
func (d *Directory) Client(level Level, id, secret string) (User, error) {
	u, known := d.find(func(u *User) bool { return u.ClientID != "" && equal(id, u.ClientID) })
	if known && level != u.clientLevel() {
		return d.offered(User{Name: u.Name}, false) // it counts as the client's, wherever it is offered
	}
	return d.offered(u, known && equal(secret, u.ClientSecret))
}

func (u *User) clientLevel() Level {
	if u.Password == "" {
		return SubscriptionLevel
	}
	return UserLevel
}

// offered notes how a sign-in went: u is the zero User when nobody is known by
// that name.
func (d *Directory) offered(u User, right bool) (User, error) {
	if u.Locked {
		return u, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if right {
		d.inARow[u.Name] = 0
		return u, nil
	}
	d.failed[u.Name]++
	d.inARow[u.Name]++
	if u.Name != "" && d.lockAfter > 0 && d.inARow[u.Name] >= d.lockAfter {
		for i := range d.users {
			if d.users[i].Name == u.Name {
				d.users[i].Locked = true
			}
		}
	}
	return User{}, ErrWrongCredentials
}

// Caller is who makes a call, and how they say so.
type Caller struct {
	User
	Level Level // of the token; empty: by name and password
}

// Authenticate returns for whom a request's Authorization header speaks: by
// Basic, or by a Bearer token. An account that will not do is returned as it is,
// since each API says so in its own way; but a token of a user whose account has
// ended is not good any more (documented; of locked ones inferred).
func (d *Directory) Authenticate(r *http.Request) (Caller, error) {
	if name, password, ok := r.BasicAuth(); ok {
		u, err := d.SignIn(name, password)
		return Caller{User: u}, err
	}
	return d.bearer(r)
}

// Knows tells whether Authenticate would return a caller; it notes no sign-in.
func (d *Directory) Knows(r *http.Request) bool {
	if name, password, ok := r.BasicAuth(); ok {
		_, known := d.find(func(u *User) bool { return u.Password != "" && equal(name, u.Name) && equal(password, u.Password) })
		return known
	}
	_, err := d.bearer(r)
	return err == nil
}

func (d *Directory) bearer(r *http.Request) (Caller, error) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return Caller{}, ErrNoCredentials
	}
	claims, err := d.tokens.Check(token)
	if err != nil {
		return Caller{}, err
	}
	u, known := d.find(func(u *User) bool {
		if claims.Level == SignedIn {
			return u.Password != "" && u.Name == claims.Subject
		}
		return u.ClientID != "" && u.ClientID == claims.Subject && u.clientLevel() == claims.Level
	})
	switch {
	case !known || u.Expired || u.Inactive:
		return Caller{}, ErrNotAuthenticated
	case u.Locked:
		return Caller{}, ErrLocked
	}
	return Caller{User: u, Level: claims.Level}, nil
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
