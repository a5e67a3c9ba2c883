package middle

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
)

// HTTP starts an HTTP proxy: CONNECT for TLS, and requests with a whole URL
// for plain HTTP.
func HTTP(t testing.TB, o Options) *Proxy {
	t.Helper()
	scheme := "http"
	if o.TLS != nil {
		scheme = "https"
	}
	return start(t, scheme, o, (*Proxy).serveHTTP)
}

func (p *Proxy) serveHTTP(c net.Conn) {
	if p.options.TLS != nil {
		c = tls.Server(c, p.options.TLS)
	}
	in := bufio.NewReader(c)
	for {
		req, err := http.ReadRequest(in)
		if err != nil {
			if !errors.Is(err, io.EOF) {
				answer(c, http.StatusBadRequest, "")
			}
			return
		}
		if !p.admitted(req) {
			challenge := p.options.Challenge
			if challenge == "" {
				challenge = `Basic realm="middle"`
			}
			answer(c, http.StatusProxyAuthRequired, "Proxy-Authenticate: "+challenge+"\r\n")
			return
		}
		if req.Method == http.MethodConnect {
			p.connect(c, in, req.Host)
			return
		}
		if !p.forward(c, req) {
			return
		}
	}
}

// admitted checks user name and password.
func (p *Proxy) admitted(req *http.Request) bool {
	if p.options.Username == "" {
		return true
	}
	offered := req.Header.Get("Proxy-Authorization")
	right := "Basic " + base64.StdEncoding.EncodeToString([]byte(p.options.Username+":"+p.options.Password))
	if offered == right {
		return true
	}
	p.count(func(n *Counts) {
		n.Refused++
		if offered != "" {
			n.Offered++
		}
	})
	return false
}

func (p *Proxy) connect(c net.Conn, in io.Reader, address string) {
	if p.options.Refuse != nil {
		if status := p.options.Refuse(address); status != 0 {
			answer(c, status, "")
			return
		}
	}
	destination, err := p.dial(address)
	if err != nil {
		answer(c, http.StatusBadGateway, "")
		return
	}
	if _, err := io.WriteString(c, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		p.drop(destination)
		return
	}
	p.join(c, in, destination)
}

// forward sends a request on, and says whether another may follow.
func (p *Proxy) forward(c net.Conn, req *http.Request) bool {
	address := req.URL.Host
	if req.URL.Port() == "" {
		address = net.JoinHostPort(req.URL.Hostname(), "80")
	}
	if p.options.Refuse != nil {
		if status := p.options.Refuse(address); status != 0 {
			answer(c, status, "")
			return false
		}
	}
	destination, err := p.dial(address)
	if err != nil {
		answer(c, http.StatusBadGateway, "")
		return false
	}
	defer p.drop(destination)
	req.Header.Del("Proxy-Authorization")
	req.Header.Del("Proxy-Connection")
	if req.Write(destination) != nil {
		return false
	}
	resp, err := http.ReadResponse(bufio.NewReader(destination), req)
	if err != nil {
		answer(c, http.StatusBadGateway, "")
		return false
	}
	defer resp.Body.Close()
	return resp.Write(c) == nil && !resp.Close
}

func answer(c io.Writer, status int, header string) {
	_, _ = fmt.Fprintf(c, "HTTP/1.1 %d %s\r\nContent-Length: 0\r\nConnection: close\r\n%s\r\n", status, http.StatusText(status), header)
}
