package middle_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/testenv/middle"
)

// TestProxiesLetOnlyThoseThroughWhoTheyKnow holds them against Go's own client.
func TestProxiesLetOnlyThoseThroughWhoTheyKnow(t *testing.T) {
	t.Parallel()
	ca := middle.NewCA(t)
	vendor := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	vendor.TLS = &tls.Config{Certificates: []tls.Certificate{ca.Sign(t, middle.Leaf{Names: []string{"127.0.0.1"}}).TLS}}
	vendor.StartTLS()
	t.Cleanup(vendor.Close)
	o := middle.Options{Username: "acme", Password: "s3cret"}
	for name, proxy := range map[string]*middle.Proxy{"HTTP": middle.HTTP(t, o), "SOCKS5": middle.SOCKS5(t, o)} {
		call := func(login *url.Userinfo) error {
			at, err := url.Parse(proxy.URL)
			require.NoError(t, err)
			at.User = login
			client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(at), TLSClientConfig: &tls.Config{RootCAs: ca.Pool}, DisableKeepAlives: true}}
			resp, err := client.Get(vendor.URL)
			if err == nil {
				err = resp.Body.Close()
			}
			return err
		}
		require.NoError(t, call(url.UserPassword("acme", "s3cret")), name)
		require.Error(t, call(url.UserPassword("acme", "wrong")), name)
		require.Error(t, call(nil), name)
		counts := proxy.Counts()
		require.Equal(t, middle.Counts{Connections: 3, Refused: 2, Offered: 1, Opened: []string{strings.TrimPrefix(vendor.URL, "https://")}}, counts, name)
		proxy.Close()
		require.Error(t, call(url.UserPassword("acme", "s3cret")), name)
	}
}

func TestCertificatesAreSignedByTheAuthority(t *testing.T) {
	t.Parallel()
	ca := middle.NewCA(t)
	for _, client := range []bool{false, true} {
		pair := ca.Sign(t, middle.Leaf{Names: []string{"api.example.com"}, Client: client})
		_, err := tls.X509KeyPair([]byte(pair.PEM()), []byte(pair.PEM()))
		require.NoError(t, err)
		usage := map[bool]x509.ExtKeyUsage{false: x509.ExtKeyUsageServerAuth, true: x509.ExtKeyUsageClientAuth}[client]
		_, err = pair.TLS.Leaf.Verify(x509.VerifyOptions{Roots: ca.Pool, DNSName: "api.example.com", KeyUsages: []x509.ExtKeyUsage{usage}})
		require.NoError(t, err)
	}
}
