package qualys_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/fault"
	"sluice/internal/qualys"
	"sluice/internal/source"
	"sluice/internal/transport"
)

func serve(t *testing.T, h http.HandlerFunc) string {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func open(t *testing.T, c source.Connection) *qualys.Client {
	t.Helper()
	client, err := qualys.NewClient(c, transport.Options{})
	require.NoError(t, err)
	return client
}

// read reads an answer to its end.
func read(t *testing.T, resp *transport.Response, err error) string {
	t.Helper()
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return string(body)
}

func TestATokenCallGoesOutAsDocumented(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/auth/oidc" {
			if r.Method != http.MethodPost || r.Header.Get("clientId") != "id" || r.Header.Get("clientSecret") != "secret" || r.URL.RawQuery != "" {
				w.WriteHeader(http.StatusUnauthorized)
			}
			_, _ = w.Write([]byte(" \"a.b.c\"\n"))
			return
		}
		if r.Header.Get("Authorization") != "Bearer a.b.c" || r.Header.Get("clientSecret") != "" {
			w.WriteHeader(http.StatusUnauthorized)
		}
		_, _ = w.Write([]byte("{}"))
	}))
	t.Cleanup(s.Close)
	c, err := qualys.NewClient(connection("platform", "", "baseURL", s.URL), transport.Options{})
	require.NoError(t, err)
	resp, err := c.Post(t.Context(), "/tas/x", nil)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
}

func TestFailedTokenCallsAreExplained(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		class  fault.Class
		says   []string
	}{
		"wrong secret":    {401, `{"authentication_exceptions":[["bad pair"]]}`, fault.Auth, []string{"refused the client id and secret", "bad pair", "shown once"}},
		"bad request":     {400, ``, fault.Auth, []string{"refused the client id and secret"}},
		"wrong host":      {404, ``, fault.Refused, []string{"no Qualys token endpoint", "base URL or platform"}},
		"a login page":    {200, `<html>`, fault.Contract, []string{"not a token", "login page"}},
		"an empty answer": {201, ``, fault.Contract, []string{"not a token"}},
		"a JSON object":   {200, `{"ok":true}`, fault.Contract, []string{"not a token"}},
		"out of order":    {500, `oops`, fault.Transient, []string{"500"}},
		"throttled":       {429, ``, fault.Throttled, []string{"429"}},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			_, _ = w.Write([]byte(c.body))
		}))
		t.Cleanup(s.Close)
		client, err := qualys.NewClient(connection("platform", "", "baseURL", s.URL), transport.Options{})
		require.NoError(t, err)
		_, err = client.Post(t.Context(), "/tas/x", nil)
		require.Equal(t, c.class, fault.As(err).Class, name)
		for _, says := range c.says {
			require.ErrorContains(t, err, says, name)
		}
	}
}

// TestCallsOfTheAPIServerGoOutAsDocumented, with either credential, and to the
// API server alone.
func TestCallsOfTheAPIServerGoOutAsDocumented(t *testing.T) {
	t.Parallel()
	gateway := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/auth/oidc" {
			t.Error("the gateway was called")
		}
		fmt.Fprint(w, "a.b.c")
	})
	api := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Requested-With") == "" {
			w.WriteHeader(http.StatusBadRequest)
		}
		w.Header().Set("X-RateLimit-Remaining", "298")
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "[%s %s|%s|%s|%s|%s]", r.Method, r.URL, r.Header.Get("Authorization"), r.Header.Get("Content-Type"), r.Header.Get("Accept"), body)
	})
	servers := []string{"platform", "", "baseURL", gateway, "apiServer", api}
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("acme_ab:pass word"))
	for name, c := range map[string]struct {
		connection source.Connection
		login      string
	}{
		"client":                    {connection(servers...), "Bearer a.b.c"},
		"user":                      {userConnection(servers...), basic},
		"both, the client first":    {connection(append(servers, "username", "acme_ab", "password", "pass word")...), "Bearer a.b.c"},
		"both, the user when asked": {connection(append(servers, "username", "acme_ab", "password", "pass word", "authentication", "basic")...), basic},
	} {
		client := open(t, c.connection)
		resp, err := client.QPS(t.Context(), "/qps/x/", qualys.JSON, []byte("{}"))
		require.Equal(t, "[POST /qps/x/|"+c.login+"|application/json|application/json|{}]", read(t, resp, err), name)
		resp, err = client.QPS(t.Context(), "/qps/x/", qualys.XML, []byte("<a/>"))
		require.Equal(t, "[POST /qps/x/|"+c.login+"|text/xml||<a/>]", read(t, resp, err), name)
		resp, err = client.FO(t.Context(), "/api/3.0/fo/x/", url.Values{"action": {"list"}, "ids": {"1-9,#"}})
		require.Equal(t, "[POST /api/3.0/fo/x/|"+c.login+"|application/x-www-form-urlencoded||action=list&ids=1-9%2C%23]", read(t, resp, err), name)
		require.Equal(t, "298", resp.Header.Get("X-RateLimit-Remaining"))
	}
}

func TestARevokedTokenIsRenewedOnTheAPIServer(t *testing.T) {
	t.Parallel()
	var tokens atomic.Int64
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/auth/oidc":
			fmt.Fprintf(w, "a.b.%d", tokens.Add(1))
		case r.Header.Get("Authorization") != "Bearer a.b.2":
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	client := open(t, connection("platform", "", "baseURL", s))
	resp, err := client.FO(t.Context(), "/x", nil)
	require.Empty(t, read(t, resp, err))
	resp, err = client.QPS(t.Context(), "/x", qualys.JSON, nil)
	require.Empty(t, read(t, resp, err))
	require.EqualValues(t, 2, tokens.Load())
}

// TestAWrongPasswordIsOfferedOnce, in whichever way the vendor says so.
func TestAWrongPasswordIsOfferedOnce(t *testing.T) {
	t.Parallel()
	const invalid = `<ServiceResponse><responseCode>INVALID_CREDENTIALS</responseCode><responseErrorDetails><errorMessage>Authentication failed</errorMessage></responseErrorDetails></ServiceResponse>`
	for name, c := range map[string]struct {
		status int
		body   string
		code   string
		advice string
	}{
		"by status":              {401, "", transport.CodeLoginRefused, "check username and password"},
		"by status and code":     {401, simpleReturn("2000", "Bad Login/Password"), transport.CodeLoginRefused, "check username and password"},
		"account expired":        {409, simpleReturn("2001", "This account has expired."), qualys.CodeAccountExpired, "renew the account"},
		"XML with another":       {403, invalid, transport.CodeLoginRefused, "check username and password"},
		"XML instead of JSON":    {200, invalid, transport.CodeLoginRefused, "check username and password"},
		"another document":       {200, simpleReturn("2001", "x"), qualys.CodeAccountExpired, "renew the account"},
		"JSON with error status": {400, `{"ServiceResponse":{"responseCode":"INVALID_CREDENTIALS"}}`, transport.CodeLoginRefused, "check username and password"},
	} {
		var calls atomic.Int64
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			calls.Add(1)
			w.WriteHeader(c.status)
			fmt.Fprint(w, c.body)
		})
		client := open(t, userConnection("platform", "", "baseURL", s))
		for range 3 {
			_, err := client.QPS(t.Context(), "/x", qualys.JSON, nil)
			f := fault.As(err)
			require.NotNil(t, f, name)
			require.Equal(t, fault.Auth, f.Class, name)
			require.Equal(t, c.code, f.Code, name)
			require.Contains(t, f.Advice, c.advice, name)
			require.NotContains(t, f.Message, "web page", name)
			_, err = client.FO(t.Context(), "/x", nil)
			require.Equal(t, c.code, fault.As(err).Code, name)
		}
		require.EqualValues(t, 1, calls.Load(), name)
	}
}

func TestCredentialsThatABodyRejectedAreNotOfferedAgain(t *testing.T) {
	t.Parallel()
	var calls, tokens atomic.Int64
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) { calls.Add(1) })
	client := open(t, userConnection("platform", "", "baseURL", s))
	rejection := qualys.Responded("INVALID_CREDENTIALS", "Authentication failed")
	client.RejectedFO(qualys.Returned("1905", "no credentials in this", 0))
	resp, err := client.FO(t.Context(), "/x", nil)
	require.Empty(t, read(t, resp, err))
	client.RejectedFO(fmt.Errorf("read page: %w", rejection))
	require.Equal(t, transport.CodeLoginRefused, rejection.Code)
	require.Contains(t, rejection.Advice, "check username and password, and that the account is on "+s)
	_, err = client.FO(t.Context(), "/x", nil)
	require.ErrorContains(t, err, "Authentication failed (remembered; not tried again before")
	require.EqualValues(t, 1, calls.Load())

	s = serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/auth/oidc" {
			fmt.Fprintf(w, "a.b.%d", tokens.Add(1))
		}
	})
	client = open(t, connection("platform", "", "baseURL", s))
	for range 2 {
		resp, err = client.FO(t.Context(), "/x", nil)
		require.Empty(t, read(t, resp, err))
		rejection = qualys.Responded("INVALID_CREDENTIALS", "")
		client.RejectedFO(rejection)
		require.Contains(t, rejection.Advice, "authentication basic")
	}
	require.EqualValues(t, 2, tokens.Load(), "a token is replaced")
}
