//go:build !linux

package netns

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os/exec"
	"testing"
)

// Inside is the address that servers listen on in a network.
const Inside = "127.88.0.1"

// Network is a closed network; there are none on this system.
type Network struct{}

var errUnsupported = errors.New("netns: there are no network namespaces on this system")

// Main does nothing on this system.
func Main() {}

// Start skips the test.
func Start(t testing.TB) *Network {
	t.Helper()
	t.Skip(errUnsupported)
	return nil
}

// Listen is not reached on this system, like what follows.
func (*Network) Listen() net.Listener { panic(errUnsupported) }

func (*Network) Serve(http.Handler) string { panic(errUnsupported) }

func (*Network) Forward(string) string { panic(errUnsupported) }

func (*Network) Dial(context.Context, string, string) (net.Conn, error) { return nil, errUnsupported }

func (*Network) Command(string, ...string) *exec.Cmd { panic(errUnsupported) }
