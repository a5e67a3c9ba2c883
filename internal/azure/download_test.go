package azure_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/azure"
	"sluice/internal/fault"
	"sluice/internal/transport"
)

const query = "?sv=2017-04-17&sr=b&sig=a%2Bb%2Fc%3D&se=2026-01-01T00:05:00Z&sp=r"

// blobs are served by a handler; reader downloads from them.
func blobs(t testing.TB, limits azure.Limits, handler http.HandlerFunc) (reader *azure.Client, base string) {
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return client(t, connection(server.URL), limits), server.URL
}

// TestLinksAreFollowedByTheLetter: blobs have the names that people gave, and
// the signed query must arrive as it was.
func TestLinksAreFollowedByTheLetter(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Swagger Petstore.json": "Swagger Petstore.json",
		"100% sure.json":        "100% sure.json",
		"C# and F#.json":        "C# and F#.json",
		"what? really?.json":    "what? really?.json",
		"a/b\\c.json":           "a/b\\c.json",
		"Büro 🚀.json":           "Büro 🚀.json",
		`<"'&;=+,>.json`:        `<"'&;=+,>.json`,
		"already%20fine.json":   "already fine.json",
	} {
		reader, base := blobs(t, quick, func(w http.ResponseWriter, r *http.Request) {
			require.Equal(t, "/api-export/"+want, r.URL.Path)
			require.Equal(t, query[1:], r.URL.RawQuery)
			require.Empty(t, r.Header.Get("Authorization"))
			require.Empty(t, r.Header.Get("Cookie"))
			w.Header().Set("Set-Cookie", "a=b")
			_, _ = w.Write([]byte("\xEF\xBB\xBF{}"))
		})
		for range 2 {
			data, err := reader.Download(t.Context(), base+"/api-export/"+name+query)
			require.NoError(t, err, name)
			require.Equal(t, "\xEF\xBB\xBF{}", string(data), "byte for byte")
		}
	}
}

func TestLinksToOtherPlacesAreNotFollowed(t *testing.T) {
	t.Parallel()
	reader, base := blobs(t, quick, func(http.ResponseWriter, *http.Request) { t.Error("called") })
	host := strings.TrimPrefix(base, "http://")
	for _, link := range []string{
		"", "x", "https: //a.blob.core.windows.net/x" + query, "//" + host + "/x", "http://169.254.169.254/latest", "http://localhost/x",
		"http://" + host + "@evil.example.com/x", "http://" + host + ".evil.example.com/x", "http://evil.example.com/" + host, "http://" + host + "0/x",
		"ftp://" + host + "/x", "file:///etc/passwd", "https://a.blob.core.windows.net/x" + query, base + "/x?sv=a\r\nHost: evil", base,
	} {
		_, err := reader.Download(t.Context(), link)
		f := fault.As(err)
		require.NotNil(t, f, link)
		require.Equal(t, azure.CodeLink, f.Code)
		require.NotContains(t, err.Error(), "sig=")
	}
}

// TestEachCloudHasItsBlobStorage: other hosts are not even looked up.
func TestEachCloudHasItsBlobStorage(t *testing.T) {
	t.Parallel()
	connector := connection("https://login.example.com")
	connector.Settings[azure.FieldBlobHost] = ""
	for cloud, suffix := range map[string]string{"": "blob.core.windows.net", "usgov": "blob.core.usgovcloudapi.net", "china": "blob.core.chinacloudapi.cn"} {
		connector.Settings[azure.FieldCloud] = cloud
		reader := client(t, connector, quick)
		for _, host := range []string{suffix, "a" + suffix, "a." + suffix + ".evil.example.com", "a." + suffix + ":8443", "a@b." + suffix, "a.BLOB.core.example.com", "a%2e." + suffix} {
			_, err := reader.Download(t.Context(), "https://"+host+"/x"+query)
			require.Equal(t, azure.CodeLink, fault.As(err).Code, host)
		}
		_, err := reader.Download(t.Context(), "http://a."+suffix+"/x"+query)
		require.Equal(t, azure.CodeLink, fault.As(err).Code, "plain http")
	}
}

func TestEndedLinksAskForNewOnesAndOthersAreTriedAgain(t *testing.T) {
	t.Parallel()
	const ended = `<?xml version="1.0" encoding="utf-8"?><Error><Code>AuthenticationFailed</Code><Message>Signature sig=a%2Bb</Message></Error>`
	for status, c := range map[int]struct {
		calls int64
		code  string
	}{
		403: {1, azure.CodeLinkEnded}, 404: {1, azure.CodeLinkEnded}, 500: {3, transport.CodeServerError}, 503: {3, transport.CodeUnavailable},
		429: {3, transport.CodeUnavailable}, 307: {1, transport.CodeRedirected},
	} {
		var calls atomic.Int64
		reader, base := blobs(t, quick, func(w http.ResponseWriter, _ *http.Request) {
			calls.Add(1)
			w.Header().Set("Location", "http://169.254.169.254/")
			w.Header().Set("Retry-After", "300")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(ended))
		})
		_, err := reader.Download(t.Context(), base+"/api-export/a.json"+query)
		f := fault.As(err)
		require.NotNil(t, f, status)
		require.Equal(t, []any{c.calls, c.code}, []any{calls.Load(), f.Code}, status)
		require.NotContains(t, fmt.Sprint(err, f.Detail), "sig=")
	}
}

func TestDocumentsAreBounded(t *testing.T) {
	t.Parallel()
	limits := quick
	limits.MaxDocument = 1 << 20
	reader, base := blobs(t, limits, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1<<20+1)) })
	_, err := reader.Download(t.Context(), base+"/x"+query)
	require.Equal(t, transport.CodeTooLarge, fault.As(err).Code)
	require.NotContains(t, err.Error(), "sig=")
}

func TestACutDocumentIsReadAgain(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	reader, base := blobs(t, quick, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10")
		if calls.Add(1) == 1 {
			_, _ = w.Write([]byte("01234"))
			return
		}
		_, _ = w.Write([]byte("0123456789"))
	})
	data, err := reader.Download(t.Context(), base+"/x"+query)
	require.NoError(t, err)
	require.Equal(t, "0123456789", string(data))
}

// FuzzLinks: whatever Azure sends for a link, no request goes to another host,
// and nothing of its query is told.
func FuzzLinks(f *testing.F) {
	reader, base := blobs(f, azure.Limits{Tries: 1}, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	for _, seed := range []string{"/api-export/Swagger Petstore.json", "/100%.json", "@evil.example.com/", "/%zz", "/#", "/?", ":80/", "/\x00", "/..//../x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, rest string) {
		_, err := reader.Download(t.Context(), base+rest+"?sv=1&sig=Th1sIsSigned")
		require.Error(t, err)
		require.NotNil(t, fault.As(err), "%v", err)
		require.NotContains(t, err.Error(), "Th1sIsSigned")
		code := fault.As(err).Code
		require.Contains(t, []string{azure.CodeLink, azure.CodeLinkEnded}, code, "%v", err)
		if code == azure.CodeLinkEnded {
			_, err := url.Parse(base)
			require.NoError(t, err)
		}
	})
}
