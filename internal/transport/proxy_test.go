package transport_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/fault"
	"sluice/internal/testenv/middle"
	"sluice/internal/transport"
)

func TestTheNameOfTheEndpointIsLookedUpByTheProxy(t *testing.T) {
	t.Parallel()
	ca := middle.NewCA(t)
	vendor := strings.TrimPrefix(secure(t, with(ca.Sign(t, middle.Leaf{Names: []string{"api.inside.invalid"}}))), "https://")
	inside := middle.Options{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		if address != "api.inside.invalid:443" {
			return nil, errors.New("unknown")
		}
		return (&net.Dialer{}).DialContext(ctx, network, vendor)
	}}
	for _, proxy := range []*middle.Proxy{middle.HTTP(t, inside), middle.SOCKS5(t, inside)} {
		_, err := call(t, transport.Options{BaseURL: "https://api.inside.invalid", Network: network(t, settings{"proxyURL": proxy.URL, "caBundle": ca.PEM})})
		require.NoError(t, err)
	}
}

func TestTheCertificateOfANameIsCheckedWhateverIPRestrictedSays(t *testing.T) {
	t.Parallel()
	vendor := secure(t, with(middle.NewCA(t).Sign(t, middle.Leaf{Names: []string{"localhost"}})))
	n := network(t, settings{"ipRestricted": "true"})
	_, err := call(t, transport.Options{BaseURL: vendor, Network: n})
	require.NoError(t, err)
	_, err = call(t, transport.Options{BaseURL: strings.Replace(vendor, "127.0.0.1", "localhost", 1), Network: n})
	require.Equal(t, transport.CodeCertificate, fault.As(err).Code)
}

func TestAWrongPasswordIsOfferedToAProxyOnce(t *testing.T) {
	t.Parallel()
	for name, proxy := range map[string]*middle.Proxy{
		"HTTP":   middle.HTTP(t, middle.Options{Username: "acme", Password: "right"}),
		"SOCKS5": middle.SOCKS5(t, middle.Options{Username: "acme", Password: "right"}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := network(t, settings{"proxyURL": proxy.URL, "proxyUsername": "acme", "proxyPassword": "wrong"})
			var wg sync.WaitGroup
			for i := range 8 { // by all clients of a connector, at the same time and later
				c, err := transport.New(transport.Options{BaseURL: fmt.Sprintf("https://api%d.example.com", i), Network: n})
				require.NoError(t, err)
				wg.Go(func() {
					for range 3 {
						_, err := c.Do(t.Context(), transport.Request{Method: http.MethodGet})
						if f := fault.As(err); f == nil || f.Code != transport.CodeProxyLogin || fault.Retryable(f) {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			require.Equal(t, 1, proxy.Counts().Offered)
			_, err := call(t, transport.Options{BaseURL: "https://api.example.com", Network: n})
			require.ErrorContains(t, err, "not tried again before")
		})
	}
}

func TestAProxyThatAcceptedIsUsedByAllAtTheSameTime(t *testing.T) {
	t.Parallel()
	var both sync.WaitGroup // an answer comes only when both requests are there
	both.Add(2)
	vendor := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		both.Done()
		both.Wait()
	}))
	ca := middle.NewCA(t)
	vendor.TLS = with(ca.Sign(t, middle.Leaf{Names: []string{"127.0.0.1"}}))
	vendor.StartTLS()
	t.Cleanup(vendor.Close)
	proxy := middle.HTTP(t, middle.Options{Username: "acme", Password: "right"})
	n := network(t, settings{"proxyURL": proxy.URL, "proxyUsername": "acme", "proxyPassword": "right", "caBundle": ca.PEM})
	var wg sync.WaitGroup
	for range 2 {
		c, err := transport.New(transport.Options{BaseURL: vendor.URL, Network: n})
		require.NoError(t, err)
		wg.Go(func() {
			resp, err := c.Do(t.Context(), transport.Request{Method: http.MethodGet})
			if err != nil {
				t.Error(err)
				return
			}
			resp.Body.Close()
		})
	}
	wg.Wait()
}

func TestCredentialsDoNotGoToAProxyInClear(t *testing.T) {
	t.Parallel()
	_, err := transport.New(transport.Options{BaseURL: "http://127.0.0.1:8080", Network: network(t, settings{"proxyURL": "http://proxy.example.com:3128"})})
	require.ErrorContains(t, err, "in clear")
	_, err = transport.New(transport.Options{BaseURL: "http://api.example.com", Network: network(t, settings{"proxyURL": "http://127.0.0.1:3128"})})
	require.ErrorContains(t, err, "in clear")
}
