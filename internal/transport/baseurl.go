package transport

import (
	"net"
	"net/url"
	"strings"

	"sluice/internal/fault"
)

// CheckBaseURL returns the URL as requests need it (lower-case host, no
// trailing slash), or a Refused error that says what is wrong. A base URL is
// https, or http to a loopback address; it has no user, query or fragment.
func CheckBaseURL(raw string) (string, error) {
	bad := func(what string) (string, error) {
		return "", &fault.Error{
			Class: fault.Refused, Code: "base-url",
			Message: "the base URL " + what,
			Advice:  "give it as https://host, with a port or path if there is one",
		}
	}
	raw = strings.TrimSpace(raw)
	if raw == "" {
		return bad("is empty")
	}
	u, err := url.Parse(raw)
	if err != nil || len(raw) > 2048 {
		return bad("cannot be read") // not quoted: it may hold a password
	}
	switch {
	case u.User != nil:
		return bad("contains a user name or password, which belong into their own fields")
	case u.Scheme != "https" && u.Scheme != "http":
		return bad("does not begin with https://")
	case u.Hostname() == "":
		return bad("has no host")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return bad("has a query or fragment")
	case u.Scheme == "http" && !Loopback(u.Hostname()):
		return bad("is plain http, which would send the credentials in clear (allowed to this machine only)")
	}
	u.Host = strings.ToLower(u.Host)
	return strings.TrimRight(u.String(), "/"), nil
}

// Loopback reports whether a host name or address is this machine itself.
func Loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
