package middle

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strconv"
	"testing"
)

// The replies of SOCKS5 (RFC 1928) for Options.Refuse.
const (
	SOCKSGeneralFailure  = 1
	SOCKSNotAllowed      = 2
	SOCKSHostUnreachable = 4
	SOCKSRefused         = 5
)

// The methods of SOCKS5.
const (
	socksNoAuthentication = 0
	socksUserAndPassword  = 2
	socksNone             = 0xff
)

// SOCKS5 starts a SOCKS5 proxy (RFC 1928, RFC 1929) that knows CONNECT.
func SOCKS5(t testing.TB, o Options) *Proxy {
	t.Helper()
	return start(t, "socks5", o, (*Proxy).serveSOCKS)
}

func (p *Proxy) serveSOCKS(c net.Conn) {
	in := bufio.NewReader(c)
	if p.greet(c, in) != nil {
		return
	}
	address, err := readDestination(in)
	if err != nil {
		return
	}
	reply := func(code int) error {
		_, err := c.Write([]byte{5, byte(code), 0, 1, 0, 0, 0, 0, 0, 0})
		return err
	}
	if p.options.Refuse != nil {
		if code := p.options.Refuse(address); code != 0 {
			_ = reply(code)
			return
		}
	}
	destination, err := p.dial(address)
	if err != nil {
		_ = reply(SOCKSHostUnreachable)
		return
	}
	if reply(0) != nil {
		p.drop(destination)
		return
	}
	p.join(c, in, destination)
}

var errRefused = errors.New("refused")

// greet agrees on a method, and checks user name and password.
func (p *Proxy) greet(c net.Conn, in io.Reader) error {
	head := make([]byte, 2)
	if _, err := io.ReadFull(in, head); err != nil {
		return err
	}
	methods := make([]byte, head[1])
	if _, err := io.ReadFull(in, methods); err != nil {
		return err
	}
	if head[0] != 5 {
		return errRefused
	}
	if p.options.Username == "" {
		_, err := c.Write([]byte{5, socksNoAuthentication})
		return err
	}
	offered := false
	for _, m := range methods {
		offered = offered || m == socksUserAndPassword
	}
	if !offered {
		p.count(func(n *Counts) { n.Refused++ })
		_, _ = c.Write([]byte{5, socksNone})
		return errRefused
	}
	if _, err := c.Write([]byte{5, socksUserAndPassword}); err != nil {
		return err
	}
	if _, err := io.ReadFull(in, head[:1]); err != nil {
		return err
	}
	user, err := readText(in)
	if err != nil {
		return err
	}
	password, err := readText(in)
	if err != nil {
		return err
	}
	if user != p.options.Username || password != p.options.Password {
		p.count(func(n *Counts) { n.Refused++; n.Offered++ })
		_, _ = c.Write([]byte{1, 1})
		return errRefused
	}
	_, err = c.Write([]byte{1, 0})
	return err
}

// readText reads a text with its length in front.
func readText(in io.Reader) (string, error) {
	var length [1]byte
	if _, err := io.ReadFull(in, length[:]); err != nil {
		return "", err
	}
	text := make([]byte, length[0])
	_, err := io.ReadFull(in, text)
	return string(text), err
}

// readDestination reads a CONNECT request.
func readDestination(in io.Reader) (string, error) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(in, head); err != nil {
		return "", err
	}
	if head[0] != 5 || head[1] != 1 {
		return "", errRefused
	}
	var host string
	switch head[3] {
	case 1, 4:
		ip := make(net.IP, map[byte]int{1: net.IPv4len, 4: net.IPv6len}[head[3]])
		if _, err := io.ReadFull(in, ip); err != nil {
			return "", err
		}
		host = ip.String()
	case 3:
		var err error
		if host, err = readText(in); err != nil {
			return "", err
		}
	default:
		return "", errRefused
	}
	var port [2]byte
	if _, err := io.ReadFull(in, port[:]); err != nil {
		return "", err
	}
	return net.JoinHostPort(host, strconv.Itoa(int(binary.BigEndian.Uint16(port[:])))), nil
}
