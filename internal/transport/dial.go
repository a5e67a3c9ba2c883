package transport

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/proxy"

	"sluice/internal/fault"
)

// newTransport is how requests get to the endpoint.
func newTransport(o Options, host string) *http.Transport {
	n := o.Network
	dialer := &net.Dialer{Timeout: o.ConnectTimeout, KeepAlive: 30 * time.Second}
	t := &http.Transport{
		DialContext:            dialer.DialContext,
		TLSClientConfig:        n.tlsConfig(n.serverName, n.ipRestricted && isIP(host)),
		TLSHandshakeTimeout:    o.TLSTimeout,
		ResponseHeaderTimeout:  o.HeaderTimeout,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    8,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		ReadBufferSize:         64 << 10,
	}
	if n.proxy != nil {
		through := through{network: n, options: o, dialer: dialer}
		if strings.HasPrefix(n.proxy.Scheme, "socks5") {
			t.DialContext = through.socks
		} else {
			t.Proxy = http.ProxyURL(n.proxy)
			t.DialContext = through.dial
			t.DialTLSContext = through.dialTLS
			t.OnProxyConnectResponse = through.connected
		}
	}
	t.DialContext = hearing(t.DialContext)
	return t
}

// tlsConfig is for the endpoint, or for a proxy. That the other side asks for
// a certificate is noted, for when it then breaks off.
func (n Network) tlsConfig(serverName string, unchecked bool) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, RootCAs: n.roots, ServerName: serverName, InsecureSkipVerify: unchecked,
		GetClientCertificate: func(asked *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if way := wayOf(asked.Context()); way != nil {
				way.certificateAsked.Store(true)
			}
			if n.certificate == nil {
				return &tls.Certificate{}, nil
			}
			// Whoever issued it: one that is not accepted is refused with a
			// reason, one that is not shown is only missing.
			return n.certificate, nil
		},
	}
}

// A way is what is known of how far a request's connection has come. It is
// written by the goroutine that makes the connection, which may outlive the
// request.
type way struct {
	proxyReached     atomic.Bool // the TCP connection to an HTTP proxy
	proxyPassed      atomic.Bool // the proxy lets through
	certificateAsked atomic.Bool
	handshaking      atomic.Bool
	alerted          atomic.Bool // the first that came after the handshake was an alert

	// passed tells, once, that the proxy takes the user name and password.
	passed func()
}

type wayKey struct{}

func wayOf(ctx context.Context) *way {
	w, _ := ctx.Value(wayKey{}).(*way)
	return w
}

// on returns a context in which connections tell how far they have come.
func (w *way) on(ctx context.Context) context.Context {
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		TLSHandshakeStart: func() { w.handshaking.Store(true) },
		TLSHandshakeDone:  func(_ tls.ConnectionState, err error) { w.handshaking.Store(err != nil) },
	})
	return context.WithValue(ctx, wayKey{}, w)
}

// hearing makes connections on which one hears why the other side closed them.
func hearing(dial dialFunc) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		w := wayOf(ctx)
		if err != nil || w == nil {
			return c, err
		}
		return &hearingConn{Conn: c, way: w}, nil
	}
}

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// alertRecord begins a record of TLS 1.3 that has an alert in it: two bytes of
// content, one of type and sixteen of authentication (RFC 8446, 5.2). HTTP/2
// has no word of it in its errors.
var alertRecord = []byte{23, 3, 3, 0, 2 + 1 + 16}

// A hearingConn passes over that a request could not be written to a server
// that asked for a client certificate and has not answered yet. By TLS 1.3 it
// says that it refuses one only then, and closes the connection: what it said
// is there to be read.
type hearingConn struct {
	net.Conn
	way  *way
	read atomic.Bool // something after the handshake
}

func (c *hearingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 && !c.way.handshaking.Load() && !c.read.Swap(true) && bytes.HasPrefix(p[:n], alertRecord) {
		c.way.alerted.Store(true)
	}
	return n, err
}

func (c *hearingConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if err != nil && c.way.certificateAsked.Load() && !c.way.handshaking.Load() && !c.read.Load() {
		return len(p), nil
	}
	return n, err
}

// enterProxy waits until the proxy's user name and password may be offered,
// and returns what tells that they were accepted, and what to call with the
// outcome.
func (n Network) enterProxy(ctx context.Context) (passed func(), done func(error), err error) {
	if n.proxyLogin == nil {
		return func() {}, func(error) {}, nil
	}
	leave, err := n.proxyLogin.enter(ctx)
	if err != nil {
		return nil, nil, err
	}
	leave = sync.OnceFunc(leave)
	passed = sync.OnceFunc(func() {
		n.proxyLogin.noteAccepted(ctx)
		leave()
	})
	done = func(err error) {
		if f := fault.As(err); f != nil && f.Code == CodeProxyLogin {
			n.proxyLogin.noteRefused(ctx, f)
		}
		leave()
	}
	return passed, done, nil
}

// through makes connections through a proxy.
type through struct {
	network Network
	options Options
	dialer  *net.Dialer
}

// dial reaches an HTTP proxy.
func (t through) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := t.dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, t.network.proxyDialError(err)
	}
	if way := wayOf(ctx); way != nil {
		way.proxyReached.Store(true)
	}
	return c, nil
}

// dialTLS reaches an HTTP proxy that is spoken to in TLS. Its name is that of
// its address, whatever the endpoint's certificate has.
func (t through) dialTLS(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := t.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, t.options.TLSTimeout)
	defer cancel()
	secure := tls.Client(c, t.network.tlsConfig(t.network.proxy.Hostname(), false))
	if err := secure.HandshakeContext(ctx); err != nil {
		c.Close()
		return nil, t.network.proxyTLSError(ctx, err)
	}
	return secure, nil
}

// connected judges the answer of an HTTP proxy to CONNECT.
func (t through) connected(ctx context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode != http.StatusOK {
		return t.network.proxyStatusError(answer.StatusCode, answer.Header, t.options.BaseURL)
	}
	if way := wayOf(ctx); way != nil {
		way.proxyPassed.Store(true)
		way.certificateAsked.Store(false) // that was the proxy
		way.passed()
	}
	return nil
}

// socks reaches an address through a SOCKS5 proxy, which looks its name up.
func (t through) socks(ctx context.Context, network, address string) (net.Conn, error) {
	bounded, cancel := context.WithTimeout(ctx, 2*t.options.ConnectTimeout) // to the proxy, and from there on
	defer cancel()
	var login *proxy.Auth
	if user := t.network.proxy.User; user != nil {
		password, _ := user.Password()
		login = &proxy.Auth{User: user.Username(), Password: password}
	}
	reached := &reaching{dialer: t.dialer}
	socks, err := proxy.SOCKS5("tcp", withPort(t.network.proxy, "1080"), login, reached)
	if err != nil {
		return nil, t.network.proxyDialError(err)
	}
	c, err := socks.(proxy.ContextDialer).DialContext(bounded, network, address)
	if err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		if !reached.yes {
			return nil, t.network.proxyDialError(err)
		}
		return nil, t.network.socksError(err, t.options.BaseURL)
	}
	if way := wayOf(ctx); way != nil {
		way.passed()
	}
	return c, nil
}

// reaching is a dialer of one connection that says whether there was one.
type reaching struct {
	dialer *net.Dialer
	yes    bool
}

func (r *reaching) Dial(network, address string) (net.Conn, error) {
	return r.DialContext(context.Background(), network, address)
}

func (r *reaching) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := r.dialer.DialContext(ctx, network, address)
	r.yes = err == nil
	return c, err
}

func withPort(u *url.URL, otherwise string) string {
	if u.Port() != "" {
		return u.Host
	}
	return net.JoinHostPort(u.Hostname(), otherwise)
}
