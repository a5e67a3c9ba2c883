package azure_test

import (
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/azure"
	"sluice/internal/source"
)

// hosts are Entra, ARM and the blob storage on three servers.
type hosts struct{ authority, arm, blob *httptest.Server }

func serveHosts(t *testing.T, serve func(http.Handler) *httptest.Server) hosts {
	t.Helper()
	at := hosts{
		authority: serve(answer(200, `{"token_type":"Bearer","expires_in":"3599","access_token":"token"}`)),
		arm:       serve(answer(200, "{}")),
		blob:      serve(answer(200, `{"openapi":"3.0.1"}`)),
	}
	for _, server := range []*httptest.Server{at.authority, at.arm, at.blob} {
		server.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that clients break off
		t.Cleanup(server.Close)
	}
	return at
}

func (h hosts) connection() source.Connection {
	c := connection(h.arm.URL)
	_, blob, _ := strings.Cut(h.blob.URL, "://")
	c.Settings[azure.FieldAuthorityURL], c.Settings[azure.FieldBlobHost] = h.authority.URL, blob
	return c
}

// requireAll calls each of the three.
func (h hosts) requireAll(t *testing.T, c source.Connection) {
	t.Helper()
	reader := client(t, c, quick)
	_, err := reader.Get(t.Context(), "/subscriptions", azure.VersionSubscriptions, nil)
	require.NoError(t, err)
	data, err := reader.Download(t.Context(), h.blob.URL+"/a.json?sv=1&sig=x")
	require.NoError(t, err)
	require.Equal(t, `{"openapi":"3.0.1"}`, string(data))
}

// TestAProxyIsUsedForAllHosts: whoever has one has no other way out.
func TestAProxyIsUsedForAllHosts(t *testing.T) {
	t.Parallel()
	at := serveHosts(t, httptest.NewServer)
	var mu sync.Mutex
	seen := map[string]bool{}
	forward := &httputil.ReverseProxy{Rewrite: func(*httputil.ProxyRequest) {}}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen[r.URL.Host] = true
		mu.Unlock()
		if r.Method != http.MethodConnect {
			forward.ServeHTTP(w, r)
			return
		}
		there, err := net.Dial("tcp", r.Host)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		w.WriteHeader(http.StatusOK)
		here, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		go func() { _, _ = io.Copy(there, here); _ = there.Close() }()
		_, _ = io.Copy(here, there)
		_ = here.Close()
	}))
	t.Cleanup(proxy.Close)
	c := at.connection()
	c.Settings[source.FieldProxyURL] = proxy.URL
	at.requireAll(t, c)
	mu.Lock()
	defer mu.Unlock()
	for _, server := range []*httptest.Server{at.authority, at.arm, at.blob} {
		require.True(t, seen[server.Listener.Addr().String()], "%v", seen)
	}
}

// TestACertificateAuthorityIsTrustedForAllHosts, as of a proxy that inspects
// TLS.
func TestACertificateAuthorityIsTrustedForAllHosts(t *testing.T) {
	t.Parallel()
	at := serveHosts(t, httptest.NewTLSServer)
	c := at.connection()
	_, err := client(t, c, quick).Get(t.Context(), "/subscriptions", azure.VersionSubscriptions, nil)
	require.ErrorContains(t, err, "certificate")
	c.Settings[source.FieldCABundle] = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: at.arm.Certificate().Raw}))
	at.requireAll(t, c)
}

// TestNetworkSettingsThatCannotBeReadAreErrors, before any call.
func TestNetworkSettingsThatCannotBeReadAreErrors(t *testing.T) {
	t.Parallel()
	c := minimal()
	c.Settings[source.FieldProxyURL] = "ftp://proxy.example.com"
	_, err := azure.NewClient(c, quick)
	require.ErrorContains(t, err, source.FieldProxyURL)
}
