package transport_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/fault"
	"sluice/internal/source"
	"sluice/internal/testenv/middle"
	"sluice/internal/transport"
)

// secure is a vendor in TLS that says by which protocol it was called.
func secure(t *testing.T, config *tls.Config) string {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto) }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS, s.EnableHTTP2 = config, true
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

// with shows a certificate.
func with(p middle.Pair) *tls.Config { return &tls.Config{Certificates: []tls.Certificate{p.TLS}} }

// saying accepts connections, says something, and nothing more.
func saying(t *testing.T, text string) string {
	t.Helper()
	return accepting(t, func(c net.Conn) {
		_, _ = io.WriteString(c, text)
		_, _ = io.Copy(io.Discard, c)
	})
}

// accepting accepts connections.
func accepting(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				stop := context.AfterFunc(ctx, func() { c.Close() })
				defer stop()
				serve(c)
			})
		}
	})
	t.Cleanup(func() { l.Close(); cancel(); wg.Wait() })
	return l.Addr().String()
}

// settings are a connection's, secrets among them.
type settings map[string]string

func (s settings) connection() source.Connection {
	c := source.Connection{Connector: "shop", Settings: map[string]string{}, Secrets: map[string]string{}}
	for _, f := range source.CommonFields() {
		if value, given := s[f.Name]; given && f.Secret {
			c.Secrets[f.Name] = value
		} else if given {
			c.Settings[f.Name] = value
		}
	}
	return c
}

func network(t *testing.T, s settings) transport.Network {
	t.Helper()
	n, err := transport.ReadNetwork(s.connection())
	require.NoError(t, err)
	return n
}

func call(t *testing.T, o transport.Options) (string, error) {
	t.Helper()
	o.Vendor = "Acme"
	c, err := transport.New(o)
	require.NoError(t, err)
	resp, err := c.Do(t.Context(), transport.Request{Method: http.MethodGet, Path: "/x"})
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

func TestEveryWayToFailOnTheWayHasItsOwnMessage(t *testing.T) {
	t.Parallel()
	ca, other := middle.NewCA(t), middle.NewCA(t)
	right := ca.Sign(t, middle.Leaf{Names: []string{"127.0.0.1", "api.example.com"}})
	vendor := secure(t, with(right))
	plain := server(t, func(http.ResponseWriter, *http.Request) {})
	asking := func(version uint16) string {
		return secure(t, &tls.Config{Certificates: with(right).Certificates, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.Pool, MaxVersion: version})
	}
	trusting := func(more settings) settings {
		s := settings{"caBundle": ca.PEM}
		for name, value := range more {
			s[name] = value
		}
		return s
	}
	through := func(p *middle.Proxy) settings { return trusting(settings{"proxyURL": p.URL}) }
	at := func(url string) settings { return trusting(settings{"proxyURL": url}) }
	login := func(s settings) settings {
		s["proxyUsername"], s["proxyPassword"] = "acme", "hunt&r2/é"
		return s
	}
	locked := middle.Options{Username: "acme", Password: "another"}
	refusing := func(code int) middle.Options { return middle.Options{Refuse: func(string) int { return code }} }
	noProxyTLS := middle.Options{TLS: with(other.Sign(t, middle.Leaf{Names: []string{"127.0.0.1"}}))}
	ntlm := locked
	ntlm.Challenge = "NTLM"

	for name, c := range map[string]struct {
		base     string
		settings settings
		class    fault.Class
		code     string
		says     string
		advises  string
	}{
		"nothing listens":   {"https://" + middle.Nobody(t), nil, fault.Transient, transport.CodeConnectionRefused, "refuses the connection", "proxyURL"},
		"unknown host":      {"https://gateway.invalid", nil, fault.Transient, transport.CodeUnknownHost, "gateway.invalid cannot be resolved", "name service"},
		"no TLS":            {strings.Replace(plain, "http:", "https:", 1), nil, fault.Refused, transport.CodeNoTLS, "does not speak TLS", "port"},
		"no HTTP either":    {"https://" + saying(t, "220 ready\r\n"), nil, fault.Refused, transport.CodeNoTLS, "does not speak TLS", "port"},
		"silent":            {"https://" + saying(t, ""), nil, fault.Transient, transport.CodeTimeout, "TLS handshake in time", "port"},
		"unknown authority": {vendor, nil, fault.Refused, transport.CodeCertificate, "is not trusted", "caBundle"},
		"another authority": {vendor, settings{"caBundle": other.PEM}, fault.Refused, transport.CodeCertificate, "is not trusted", "caBundle"},
		"expired": {secure(t, with(ca.Sign(t, middle.Leaf{Name: "api", Names: []string{"127.0.0.1"}, NotAfter: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}))),
			trusting(nil), fault.Refused, transport.CodeCertificateExpired, "has expired: api (until 2026-03-04)", "renewed"},
		"not valid yet": {secure(t, with(ca.Sign(t, middle.Leaf{Names: []string{"127.0.0.1"}, NotAfter: time.Now().Add(96 * time.Hour)}))),
			trusting(nil), fault.Refused, transport.CodeCertificateExpired, "not valid yet", "clock"},
		"another name": {secure(t, with(ca.Sign(t, middle.Leaf{Names: []string{"api.example.com"}}))),
			trusting(nil), fault.Refused, transport.CodeCertificateName, "for another name", "tlsServerName"},
		"another name than given": {vendor, trusting(settings{"tlsServerName": "www.example.com"}), fault.Refused, transport.CodeCertificateName, "valid for", "tlsServerName"},
		"old TLS": {secure(t, &tls.Config{Certificates: with(right).Certificates, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}),
			trusting(nil), fault.Refused, transport.CodeTLS, "TLS", "TLS 1.2"},
		"client certificate wanted, TLS 1.2":  {asking(tls.VersionTLS12), trusting(nil), fault.Refused, transport.CodeClientCertificate, "wants a client certificate", "tlsCertificate"},
		"client certificate wanted, TLS 1.3":  {asking(tls.VersionTLS13), trusting(nil), fault.Refused, transport.CodeClientCertificate, "wants a client certificate", "tlsCertificate"},
		"client certificate refused, TLS 1.2": {asking(tls.VersionTLS12), trusting(settings{"tlsCertificate": other.Sign(t, middle.Leaf{Client: true}).PEM()}), fault.Refused, transport.CodeClientCertRefused, "does not accept the client certificate", "tlsCertificate"},
		"client certificate refused, TLS 1.3": {asking(tls.VersionTLS13), trusting(settings{"tlsCertificate": other.Sign(t, middle.Leaf{Client: true}).PEM()}), fault.Refused, transport.CodeClientCertRefused, "does not accept the client certificate", "tlsCertificate"},

		"proxy: nothing listens":        {vendor, login(at("http://" + middle.Nobody(t))), fault.Transient, transport.CodeProxyUnreachable, "refuses the connection", "proxyURL"},
		"proxy: unknown host":           {vendor, login(at("http://proxy.invalid:3128")), fault.Transient, transport.CodeProxyUnknownHost, "proxy.invalid:3128 cannot be reached: its host name cannot be resolved", "proxyURL"},
		"proxy: wants a login":          {vendor, through(middle.HTTP(t, locked)), fault.Refused, transport.CodeProxyLogin, "wants a user name and password (407", "proxyUsername and proxyPassword"},
		"proxy: refuses the login":      {vendor, login(through(middle.HTTP(t, locked))), fault.Refused, transport.CodeProxyLogin, "refused the user name and password (407", "check proxyUsername and proxyPassword"},
		"proxy: takes NTLM only":        {vendor, login(through(middle.HTTP(t, ntlm))), fault.Refused, transport.CodeProxyLogin, "but NTLM", "Basic"},
		"proxy: refuses the endpoint":   {vendor, login(through(middle.HTTP(t, refusing(403)))), fault.Refused, transport.CodeProxyRefused, "does not let through to " + vendor + " (403", "administrators"},
		"proxy: does not get through":   {vendor, login(through(middle.HTTP(t, refusing(502)))), fault.Transient, transport.CodeProxyGateway, "does not get through to " + vendor + " (502", "network"},
		"proxy: nobody behind it":       {"https://" + middle.Nobody(t), login(through(middle.HTTP(t, middle.Options{}))), fault.Transient, transport.CodeProxyGateway, "does not get through", "network"},
		"proxy: is none":                {vendor, login(at("http://" + saying(t, "220 ready\r\n"))), fault.Refused, transport.CodeProxyProtocol, "no HTTP", "proxyURL"},
		"proxy: closes":                 {vendor, login(at("http://" + accepting(t, func(net.Conn) {}))), fault.Transient, transport.CodeProxyUnreachable, "did not answer", "proxyURL"},
		"proxy: vendor's certificate":   {vendor, settings{"proxyURL": middle.HTTP(t, middle.Options{}).URL}, fault.Refused, transport.CodeCertificate, "the certificate of 127.0.0.1", "caBundle"},
		"proxy in TLS: not trusted":     {vendor, login(through(middle.HTTP(t, noProxyTLS))), fault.Refused, transport.CodeProxyCertificate, "certificate that is not trusted", "caBundle"},
		"proxy in TLS: speaks none":     {vendor, login(at(strings.Replace(middle.HTTP(t, middle.Options{}).URL, "http", "https", 1))), fault.Refused, transport.CodeProxyProtocol, "does not speak TLS", "http://"},
		"proxy, plain: wants a login":   {plain, through(middle.HTTP(t, locked)), fault.Refused, transport.CodeProxyLogin, "wants a user name and password (407", "proxyUsername"},
		"proxy, plain: refuses a login": {plain, login(through(middle.HTTP(t, locked))), fault.Refused, transport.CodeProxyLogin, "refused the user name and password (407", "proxyUsername"},

		"SOCKS: nothing listens":      {vendor, login(at("socks5://" + middle.Nobody(t))), fault.Transient, transport.CodeProxyUnreachable, "refuses the connection", "proxyURL"},
		"SOCKS: unknown host":         {vendor, login(at("socks5h://proxy.invalid")), fault.Transient, transport.CodeProxyUnknownHost, "proxy.invalid cannot be reached: its host name cannot be resolved", "proxyURL"},
		"SOCKS: silent":               {vendor, login(through(middle.SOCKS5(t, middle.Options{Silent: true}))), fault.Transient, transport.CodeProxyUnreachable, "did not answer", "SOCKS5"},
		"SOCKS: wants a login":        {vendor, through(middle.SOCKS5(t, locked)), fault.Refused, transport.CodeProxyLogin, "wants a user name and password", "proxyUsername"},
		"SOCKS: refuses the login":    {vendor, login(through(middle.SOCKS5(t, locked))), fault.Refused, transport.CodeProxyLogin, "refused the user name and password", "proxyUsername"},
		"SOCKS: refuses the endpoint": {vendor, login(through(middle.SOCKS5(t, refusing(middle.SOCKSNotAllowed)))), fault.Refused, transport.CodeProxyRefused, "does not let through to " + vendor, "administrators"},
		"SOCKS: does not get through": {vendor, login(through(middle.SOCKS5(t, refusing(middle.SOCKSHostUnreachable)))), fault.Transient, transport.CodeProxyGateway, "does not get through to " + vendor, "network"},
		"SOCKS: is none":              {vendor, login(at("socks5://" + saying(t, "220 ready\r\n"))), fault.Refused, transport.CodeProxyProtocol, "no SOCKS5", "proxyURL"},
		"SOCKS: vendor's certificate": {vendor, settings{"proxyURL": middle.SOCKS5(t, middle.Options{}).URL}, fault.Refused, transport.CodeCertificate, "the certificate of 127.0.0.1", "caBundle"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := call(t, transport.Options{BaseURL: c.base, Network: network(t, c.settings), ConnectTimeout: 300 * time.Millisecond, TLSTimeout: 500 * time.Millisecond})
			f := fault.As(err)
			require.NotNil(t, f, "%v", err)
			require.Equal(t, []string{string(c.class), c.code}, []string{string(f.Class), f.Code}, f.Error())
			require.Contains(t, f.Error(), c.says)
			require.Contains(t, f.Advice, c.advises)
			require.NotContains(t, f.Error(), "hunt")
			require.True(t, transport.NotReached(f))
		})
	}
}

func TestEveryWayToGetThere(t *testing.T) {
	t.Parallel()
	ca := middle.NewCA(t)
	vendor := secure(t, with(ca.Sign(t, middle.Leaf{Names: []string{"127.0.0.1"}})))
	named := secure(t, with(ca.Sign(t, middle.Leaf{Names: []string{"api.example.com"}})))
	plain := server(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Proto, r.Header.Get("Proxy-Authorization"))
	})
	asking := secure(t, &tls.Config{Certificates: with(ca.Sign(t, middle.Leaf{Names: []string{"127.0.0.1"}})).Certificates, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.Pool})
	login := middle.Options{Username: "acme", Password: "hunt&r2/é:"}
	inTLS := login
	inTLS.TLS = with(ca.Sign(t, middle.Leaf{Names: []string{"127.0.0.1"}}))

	for name, proxy := range map[string]*middle.Proxy{
		"directly": nil, "HTTP": middle.HTTP(t, login), "HTTP in TLS": middle.HTTP(t, inTLS), "SOCKS5": middle.SOCKS5(t, login), "HTTP for all": middle.HTTP(t, middle.Options{}),
	} {
		for endpoint, c := range map[string]struct {
			base  string
			more  settings
			proto string
		}{
			"authority of one's own": {vendor, nil, "HTTP/2.0"},
			"name of its own":        {named, settings{"tlsServerName": "api.example.com"}, "HTTP/2.0"},
			"client certificate":     {asking, settings{"tlsCertificate": ca.Sign(t, middle.Leaf{Client: true}).PEM()}, "HTTP/2.0"},
			"not checked":            {named, settings{"ipRestricted": "true"}, "HTTP/2.0"},
			"plain":                  {plain, nil, "HTTP/1.1"},
		} {
			t.Run(name+", "+endpoint, func(t *testing.T) {
				t.Parallel()
				s := settings{"caBundle": ca.PEM}
				if proxy != nil {
					s["proxyURL"], s["proxyUsername"], s["proxyPassword"] = proxy.URL, login.Username, login.Password
				}
				for field, value := range c.more {
					s[field] = value
				}
				got, err := call(t, transport.Options{BaseURL: c.base, Network: network(t, s)})
				require.NoError(t, err)
				require.Equal(t, c.proto, got, "and the vendor does not see who we are at the proxy")
				if proxy != nil {
					require.Contains(t, proxy.Counts().Opened, strings.TrimPrefix(strings.TrimPrefix(c.base, "https://"), "http://"))
				}
			})
		}
	}
}
