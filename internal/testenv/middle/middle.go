// Package middle gives tests what stands between a worker and a vendor in
// closed networks: an HTTP proxy, a SOCKS5 proxy, and a certificate authority.
//
//	proxy := middle.HTTP(t, middle.Options{Username: "acme", Password: "s3cret"})
//	settings["proxyURL"] = proxy.URL
//
//	ca := middle.NewCA(t)
//	server.TLS = &tls.Config{Certificates: []tls.Certificate{ca.Sign(t, middle.Leaf{Names: []string{"127.0.0.1"}}).TLS}}
//	settings["caBundle"] = ca.PEM
package middle

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
)

// Options are how a proxy behaves. The zero value lets everyone through.
type Options struct {
	// Username and Password are asked for when the first is not empty.
	Username, Password string
	// Dial opens connections to destinations; nil: as this machine does. It is
	// where a destination is put into another network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Listener takes the place of one on 127.0.0.1, at a port of its own.
	Listener net.Listener
	// TLS makes an HTTP proxy one that is spoken to in TLS.
	TLS *tls.Config
	// Challenge is what an HTTP proxy says that it asks for; default: Basic.
	Challenge string
	// Refuse answers the request for a destination (host:port) instead of
	// opening it: a status of HTTP, a reply of SOCKS5; 0 opens it.
	Refuse func(address string) int
	// Silent proxies accept connections and never say anything.
	Silent bool
}

// A Proxy runs until the end of the test.
type Proxy struct {
	// URL of the proxy, such as http://127.0.0.1:3128 or
	// socks5://127.0.0.1:1080, without user name and password.
	URL string

	options  Options
	listener net.Listener
	handle   func(net.Conn)

	mu     sync.Mutex
	counts Counts
	open   map[net.Conn]struct{}
	closed bool
	wg     sync.WaitGroup
}

// Counts are what a proxy has seen so far.
type Counts struct {
	Connections int      // accepted
	Refused     int      // requests without the right user name and password
	Offered     int      // of those, with wrong ones
	Opened      []string // destinations (host:port) that connections were opened to
}

// Counts returns what the proxy has seen so far.
func (p *Proxy) Counts() Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	counts := p.counts
	counts.Opened = slices.Clone(counts.Opened)
	return counts
}

func (p *Proxy) count(f func(*Counts)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(&p.counts)
}

// start serves connections until the end of the test.
func start(t testing.TB, scheme string, o Options, handle func(*Proxy, net.Conn)) *Proxy {
	t.Helper()
	if o.Dial == nil {
		o.Dial = (&net.Dialer{}).DialContext
	}
	if o.Listener == nil {
		var err error
		if o.Listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatalf("middle: %v", err)
		}
	}
	p := &Proxy{URL: scheme + "://" + o.Listener.Addr().String(), options: o, listener: o.Listener, open: map[net.Conn]struct{}{}}
	p.handle = func(c net.Conn) { handle(p, c) }
	p.wg.Go(p.serve)
	t.Cleanup(p.Close)
	return p
}

func (p *Proxy) serve() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		if !p.keep(c) {
			return
		}
		p.count(func(n *Counts) { n.Connections++ })
		p.wg.Go(func() {
			defer p.drop(c)
			if p.options.Silent {
				_, _ = io.Copy(io.Discard, c)
				return
			}
			p.handle(c)
		})
	}
}

// keep notes a connection for Close; after Close it closes it.
func (p *Proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		c.Close()
		return false
	}
	p.open[c] = struct{}{}
	return true
}

func (p *Proxy) drop(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, c)
	c.Close()
}

// Close ends the proxy and all connections through it. It may be called again.
func (p *Proxy) Close() {
	p.listener.Close()
	p.mu.Lock()
	p.closed = true
	for c := range p.open {
		c.Close()
	}
	p.mu.Unlock()
	p.wg.Wait()
}

// dial opens a connection to a destination.
func (p *Proxy) dial(address string) (net.Conn, error) {
	c, err := p.options.Dial(context.Background(), "tcp", address)
	if err != nil {
		return nil, err
	}
	if !p.keep(c) {
		return nil, net.ErrClosed
	}
	p.count(func(n *Counts) { n.Opened = append(n.Opened, address) })
	return c, nil
}

// join carries bytes both ways until both sides have ended. What has been read
// ahead of the client is in from.
func (p *Proxy) join(client net.Conn, from io.Reader, destination net.Conn) {
	defer p.drop(destination)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(destination, from)
		closeWrite(destination)
	}()
	_, _ = io.Copy(client, destination)
	closeWrite(client)
	<-done
}

// closeWrite tells the other side that nothing more comes.
func closeWrite(c net.Conn) {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
		return
	}
	c.Close()
}
