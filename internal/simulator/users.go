package simulator

import (
	"fmt"
	"strings"

	"sluice/internal/simulator/account"
)

// User is an account of the simulated vendor.
type User = account.User

func (s *Simulator) startAccounts(cfg Config) error {
	if cfg.Users == nil {
		cfg.Users = account.Defaults(cfg.Credentials.ClientID, cfg.Credentials.ClientSecret)
	}
	var err error
	s.directory, err = account.NewDirectory(cfg.Users, cfg.Credentials.SubscriptionClientID, cfg.Credentials.SubscriptionClientSecret, s.tokens)
	if err != nil {
		return err
	}
	return s.LockAfter(cfg.LockAfter)
}

// Users are the accounts of the vendor.
func (s *Simulator) Users() []User { return s.directory.Users() }

// User returns the account of a name.
func (s *Simulator) User(name string) (User, bool) { return s.directory.Named(name) }

// DefaultUser is the account that sees everything, with the client of
// Credentials, unless Config.Users says otherwise: it is the first of them.
func (s *Simulator) DefaultUser() User {
	if users := s.directory.Users(); len(users) > 0 {
		return users[0]
	}
	return account.User{}
}

// ChangeUser changes an account: its password, what it may do, whether it is
// locked. The subscription-level client is named by its client id.
func (s *Simulator) ChangeUser(name string, change func(*User)) error {
	return s.directory.Change(name, change)
}

// LockAfter makes an account lock when so many sign-ins have failed in a row; 0
// never.
func (s *Simulator) LockAfter(failures int) error { return s.directory.LockAfter(failures) }

// FailedSignIns tells how often a wrong password, or a wrong secret of the
// user's client, was offered, by user; the subscription-level client is named by
// its client id. Those of nobody who is known are under "".
func (s *Simulator) FailedSignIns() map[string]int { return s.directory.FailedSignIns() }

// others names the other users, with what is special about each.
func (s *Simulator) others() string {
	var lines []string
	for i, u := range s.directory.Users() {
		if i == 0 {
			continue // named above
		}
		special := "sees everything"
		switch {
		case u.Locked:
			special = "is locked"
		case u.Expired:
			special = "has expired"
		case u.Inactive:
			special = "is inactive"
		case u.TermsNotAccepted:
			special = "has not accepted the terms"
		case u.SecureID:
			special = "needs a second factor"
		case len(u.NotPermitted) > 0:
			special = fmt.Sprintf("may not use %s", u.NotPermitted)
		case len(u.NotLicensed) > 0:
			special = fmt.Sprintf("has no licence of %s", u.NotLicensed)
		case u.Hidden > 0:
			special = fmt.Sprintf("does not see %.0f %% of the web applications and hosts", 100*u.Hidden)
		}
		lines = append(lines, fmt.Sprintf("%s, password %s: %s", u.Name, u.Password, special))
	}
	return strings.Join(lines, "\n                  ")
}
