package qualys_test

import (
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/qualys"
	"sluice/internal/transport"
)

// refusals are answers of success that refuse a token, by the API of the call.
var refusals = map[string]struct {
	body string
	call func(*testing.T, *qualys.Client) (*transport.Response, error)
}{
	"gateway": {
		`{"ServiceResponse":{"responseCode":"INVALID_CREDENTIALS","responseErrorDetails":{"errorMessage":"Authentication failed"}}}`,
		func(t *testing.T, c *qualys.Client) (*transport.Response, error) {
			return c.Post(t.Context(), "/x", nil)
		},
	},
	"QPS": {
		`<?xml version="1.0"?><ServiceResponse><responseCode>INVALID_CREDENTIALS</responseCode></ServiceResponse>`,
		func(t *testing.T, c *qualys.Client) (*transport.Response, error) {
			return c.QPS(t.Context(), "/x", qualys.XML, nil)
		},
	},
	"FO": {
		`<SIMPLE_RETURN><RESPONSE><CODE>2000</CODE><TEXT>Bad Login/Password</TEXT></RESPONSE></SIMPLE_RETURN>`,
		func(t *testing.T, c *qualys.Client) (*transport.Response, error) { return c.FO(t.Context(), "/x", nil) },
	},
}

func TestATokenThatABodyRefusesIsReplacedOnce(t *testing.T) {
	t.Parallel()
	for name, c := range refusals {
		for _, good := range []int64{1, 2, 9} { // the first token that is accepted
			var tokens, calls atomic.Int64
			address := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/auth/oidc" {
					fmt.Fprintf(w, "a.%d.c", tokens.Add(1))
					return
				}
				calls.Add(1)
				var token int64
				_, _ = fmt.Sscanf(r.Header.Get("Authorization"), "Bearer a.%d.c", &token)
				if token < good {
					_, _ = io.WriteString(w, c.body)
					return
				}
				_, _ = io.WriteString(w, `{"said":"INVALID_CREDENTIALS is text here"}`)
			})
			resp, err := c.call(t, open(t, connection("platform", "", "baseURL", address)))
			body := read(t, resp, err)
			if good == 9 {
				require.Equal(t, c.body, body, "%s: the caller reads it", name)
				require.EqualValues(t, 2, calls.Load(), name)
				continue
			}
			require.Contains(t, body, "is text here", name)
			require.Equal(t, good, calls.Load(), name)
			require.Equal(t, good, tokens.Load(), name)
		}
	}
}
