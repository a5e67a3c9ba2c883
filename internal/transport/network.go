package transport

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"sluice/internal/source"
)

// A Network is how an endpoint is reached: by which proxy, and whose
// certificates are trusted. The zero value is directly, by the certificate
// authorities of the worker's system. It holds secrets and prints none.
type Network struct {
	proxy        *url.URL         // with user name and password; nil: none
	proxyLogin   *guard           // of these; nil: there are none
	roots        *x509.CertPool   // nil: those of the system
	expired      []string         // which of caBundle have ended
	certificate  *tls.Certificate // nil: none
	serverName   string           // empty: that of the address
	ipRestricted bool
}

// ReadNetwork reads the settings of a connector that say how its vendor is
// reached; see source.CommonFields. Its error names the field, as
// source.Provider.Check wants it, and quotes no secret.
func ReadNetwork(c source.Connection) (n Network, err error) {
	if err := n.readProxy(c); err != nil {
		return Network{}, err
	}
	if err := n.readTLS(c); err != nil {
		return Network{}, err
	}
	return n, nil
}

const adviceProxyURL = "give it as http://host:3128, https://host:443 or socks5://host:1080"

func (n *Network) readProxy(c source.Connection) error {
	raw := strings.TrimSpace(c.Settings[source.FieldProxyURL])
	user, password := c.Settings[source.FieldProxyUsername], c.Secrets[source.FieldProxyPassword]
	if raw == "" {
		for field, given := range map[string]string{source.FieldProxyUsername: user, source.FieldProxyPassword: password} {
			if given != "" {
				return source.WrongSetting(field, "is given and "+source.FieldProxyURL+" is not: without a proxy it has no effect", "give "+source.FieldProxyURL+", or leave both out")
			}
		}
		return nil
	}
	proxy, err := readProxyURL(raw)
	if err != nil {
		return err
	}
	n.proxy = proxy
	switch {
	case user == "" && password == "":
		return nil
	case user == "":
		return source.WrongSetting(source.FieldProxyUsername, "is missing: "+source.FieldProxyPassword+" has no effect without it", "give both, or none for a proxy that asks for none")
	case password == "":
		return source.WrongSetting(source.FieldProxyPassword, "is missing", "give it, or leave "+source.FieldProxyUsername+" out for a proxy that asks for none")
	}
	if err := checkProxyLogin(proxy.Scheme, user, password); err != nil {
		return err
	}
	proxy.User = url.UserPassword(user, password)
	n.proxyLogin = newGuard(c.Shared("proxy"))
	return nil
}

// readProxyURL never quotes what it was given: people put passwords into it.
func readProxyURL(raw string) (*url.URL, error) {
	bad := func(what, advice string) (*url.URL, error) {
		return nil, source.WrongSetting(source.FieldProxyURL, what, advice)
	}
	u, err := url.Parse(raw)
	if err != nil || len(raw) > 2048 {
		return bad("cannot be read", adviceProxyURL)
	}
	u.Scheme, u.Host = strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	switch u.Scheme {
	case "http", "https", "socks5", "socks5h":
	default:
		return bad("does not begin with http://, https:// or socks5://", adviceProxyURL)
	}
	port, portErr := strconv.ParseUint(u.Port(), 10, 16)
	switch {
	case u.User != nil:
		return bad("contains a user name or password", "give them as "+source.FieldProxyUsername+" and "+source.FieldProxyPassword+", where they are kept secret")
	case u.Hostname() == "":
		return bad("has no host", adviceProxyURL)
	case u.Port() != "" && (portErr != nil || port == 0):
		return bad("has a port that is none", adviceProxyURL)
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return bad("has a path, query or fragment, which a proxy has not", adviceProxyURL+"; the address of a PAC file is not one of a proxy")
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

// checkProxyLogin makes sure that a user name and password can be sent (RFC
// 7617 for HTTP, RFC 1929 for SOCKS5).
func checkProxyLogin(scheme, user, password string) error {
	const longestInSOCKS = 255 // bytes
	for field, value := range map[string]string{source.FieldProxyUsername: user, source.FieldProxyPassword: password} {
		if strings.ContainsFunc(value, unicode.IsControl) || !utf8.ValidString(value) || len(value) > 4096 {
			return source.WrongSetting(field, "contains a line break or another character that cannot be typed", "copy it again, without anything around it")
		}
		if strings.HasPrefix(scheme, "socks5") && len(value) > longestInSOCKS {
			return source.WrongSetting(field, fmt.Sprintf("has %d bytes, and SOCKS5 takes at most %d", len(value), longestInSOCKS), "")
		}
	}
	if strings.HasPrefix(scheme, "http") && strings.Contains(user, ":") {
		return source.WrongSetting(source.FieldProxyUsername, "contains a colon, which HTTP proxies take for the end of it", "the password has a field of its own")
	}
	return nil
}

// hostName is a DNS name.
var hostName = regexp.MustCompile(`^[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?$`)

func (n *Network) readTLS(c source.Connection) (err error) {
	if text := c.Settings[source.FieldCABundle]; strings.TrimSpace(text) != "" {
		if n.roots, n.expired, err = readBundle(text, time.Now()); err != nil {
			return err
		}
	}
	if text := c.Secrets[source.FieldTLSCertificate]; strings.TrimSpace(text) != "" && text != source.Elsewhere {
		if n.certificate, err = readPair(text, time.Now()); err != nil {
			return err
		}
	}
	n.serverName = strings.TrimSpace(c.Settings[source.FieldTLSServerName])
	if n.serverName != "" && !hostName.MatchString(n.serverName) && !isIP(n.serverName) {
		return source.WrongSetting(source.FieldTLSServerName, "is no host name", "give the name alone, as the vendor's certificate has it, such as api.example.com")
	}
	switch strings.ToLower(strings.TrimSpace(c.Settings[source.FieldIPRestricted])) {
	case "", "false":
	case "true":
		n.ipRestricted = true
	default:
		return source.WrongSetting(source.FieldIPRestricted, "is neither true nor false", "leave it out for false")
	}
	if n.ipRestricted && n.serverName != "" {
		return source.WrongSetting(source.FieldTLSServerName, "has no effect with "+source.FieldIPRestricted+" true, which does not look at the name in the certificate",
			"leave "+source.FieldIPRestricted+" out: with "+source.FieldTLSServerName+" the certificate can be checked")
	}
	return nil
}

// Effective returns an error when a setting can have no effect on calls of
// these base URLs, which are all that the connector calls.
func (n Network) Effective(baseURLs ...string) error {
	if !n.ipRestricted {
		return nil
	}
	for _, base := range baseURLs {
		if u, err := url.Parse(base); err == nil && u.Scheme == "https" && isIP(u.Hostname()) {
			return nil
		}
	}
	return source.WrongSetting(source.FieldIPRestricted, "has no effect: it is for servers that are given by IP address, and this one has a name",
		"leave it out; for a certificate of an authority of your own give "+source.FieldCABundle+", for one with another name "+source.FieldTLSServerName)
}

// Note says what is to be said loudly of the settings, wherever they are used;
// empty when there is nothing.
func (n Network) Note() string {
	var notes []string
	if n.ipRestricted {
		notes = append(notes, source.WarningIPRestricted)
	}
	if len(n.expired) > 0 {
		notes = append(notes, source.FieldCABundle+" has certificates that have ended and are of no use: "+strings.Join(n.expired, ", "))
	}
	return strings.Join(notes, "; ")
}

// String describes the network without its secrets.
func (n Network) String() string {
	if n.proxy == nil {
		return "directly"
	}
	return "by the proxy " + n.proxyAddress()
}

// GoString is as String.
func (n Network) GoString() string { return n.String() }

// proxyAddress is the proxy's URL without user name and password.
func (n Network) proxyAddress() string { return n.proxy.Scheme + "://" + n.proxy.Host }

// secrets are what must be in no error.
func (n Network) secrets() []string {
	if n.proxy == nil || n.proxy.User == nil {
		return nil
	}
	password, _ := n.proxy.User.Password()
	return []string{password}
}

func isIP(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}
