package azure_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/azure"
	"sluice/internal/source"
)

const secret = "s3cret~With&Special+Characters"

// quick makes tries quick.
var quick = azure.Limits{Tries: 3, Backoff: time.Millisecond}

// tenant answers token requests, and everything else by a function.
type tenant struct {
	url    string
	tokens atomic.Int64
	forms  chan string // of token requests
}

func serveTenant(t testing.TB, token, arm http.HandlerFunc) *tenant {
	t.Helper()
	at := &tenant{forms: make(chan string, 100)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/token") {
			arm(w, r)
			return
		}
		_ = r.ParseForm()
		at.forms <- r.URL.Path + "?" + r.PostForm.Encode()
		if at.tokens.Add(1); token != nil {
			token(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		fmt.Fprintf(w, `{"token_type":"Bearer","expires_in":"3599","access_token":"token-%d"}`, at.tokens.Load())
	}))
	t.Cleanup(server.Close)
	at.url = server.URL
	return at
}

func connection(url string) source.Connection {
	return source.Connection{
		Connector: "test",
		Settings: map[string]string{
			azure.FieldTenantID: "5d1a2f0e-6b7c-4d3e-8f90-a1b2c3d4e5f6", azure.FieldClientID: "c0ffee00-1234-4abc-8def-000000000001",
			azure.FieldAuthorityURL: url, azure.FieldARMURL: url, azure.FieldBlobHost: strings.TrimPrefix(url, "http://"),
		},
		Secrets: map[string]string{azure.FieldClientSecret: secret},
	}
}

func client(t testing.TB, c source.Connection, limits azure.Limits) *azure.Client {
	t.Helper()
	got, err := azure.NewClient(c, limits)
	require.NoError(t, err)
	return got
}

// answer writes a status and body.
func answer(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}
