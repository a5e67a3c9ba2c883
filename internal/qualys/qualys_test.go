package qualys_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/fault"
	"sluice/internal/qualys"
	"sluice/internal/source"
	"sluice/internal/transport"
)

func connection(settings ...string) source.Connection {
	c := source.Connection{
		Settings: map[string]string{"platform": "US1", "clientId": "id"},
		Secrets:  map[string]string{"clientSecret": "secret"},
	}
	for i := 0; i < len(settings); i += 2 {
		c.Settings[settings[i]] = settings[i+1]
	}
	return c
}

func TestEveryPlatformIsFoundByItsNames(t *testing.T) {
	t.Parallel()
	require.Len(t, qualys.Platforms, 14)
	for _, p := range qualys.Platforms {
		for _, name := range []string{p.Name, strings.ToLower(p.Name), p.Title, strings.ToUpper(p.Title), strings.ReplaceAll(p.Title, " ", "-")} {
			found, ok := qualys.FindPlatform(name)
			require.True(t, ok, name)
			require.Equal(t, p, found)
		}
		_, err := transport.CheckBaseURL(p.Gateway)
		require.NoError(t, err, p.Name)
	}
}

func TestTheEndpointFollowsFromTheSettings(t *testing.T) {
	t.Parallel()
	const us1, us2 = "https://gateway.qg1.apps.qualys.com", "https://gateway.qg2.apps.qualys.com"
	for _, c := range []struct {
		platform, base string
		want           qualys.Endpoint
	}{
		{"us platform 1", "", qualys.Endpoint{Gateway: us1, Platform: "US1"}},
		{"", us2 + "/", qualys.Endpoint{Gateway: us2, Platform: "US2"}},
		{"US2", us2, qualys.Endpoint{Gateway: us2, Platform: "US2"}},
		{"", "https://gateway.cloud.example.com", qualys.Endpoint{Gateway: "https://gateway.cloud.example.com"}},
		{"", "https://qualysapi.qualys.com", qualys.Endpoint{Gateway: us1, Platform: "US1", Note: "qualysapi.qualys.com is not the gateway of US1; " + us1 + " is used instead"}},
		{"US1", "https://qualysguard.qualys.com", qualys.Endpoint{Gateway: us1, Platform: "US1", Note: "qualysguard.qualys.com is not the gateway of US1; " + us1 + " is used instead"}},
	} {
		got, err := qualys.ResolveEndpoint(connection("platform", c.platform, "baseURL", c.base))
		require.NoError(t, err)
		require.Equal(t, c.want, got)
	}
}

func TestCheckSaysWhatIsWrongWithAConnector(t *testing.T) {
	t.Parallel()
	check := qualys.Provider().Check
	require.NoError(t, check(connection()))
	for name, c := range map[string]struct {
		connection source.Connection
		says       []string
	}{
		"no endpoint":        {connection("platform", ""), []string{"baseURL and platform are both missing", "US1"}},
		"unknown platform":   {connection("platform", "USS1"), []string{`platform "USS1"`, "did you mean US1?"}},
		"platform and other": {connection("baseURL", "https://gateway.qg2.apps.qualys.com"), []string{"does not belong to platform US1", "only one"}},
		"plain http":         {connection("platform", "", "baseURL", "http://gateway.example.com"), []string{"in clear"}},
		"private API server": {connection("platform", "", "baseURL", "https://qualysapi.example.com"), []string{"baseURL is not a gateway", "https://gateway.example.com"}},
		"no id":              {connection("clientId", ""), []string{"clientId is missing", "User Level"}},
		"id of two lines":    {connection("clientId", "a\r\nX-Evil: 1"), []string{"clientId contains a blank, a line break"}},
		"no secret":          {source.Connection{Settings: connection().Settings}, []string{"clientSecret is missing"}},
		"unknown dialect":    {connection("dialect", "gatewy"), []string{"did you mean gateway?"}},
	} {
		err := check(c.connection)
		require.Error(t, err, name)
		require.Equal(t, fault.Refused, fault.As(err).Class, name)
		for _, says := range c.says {
			require.ErrorContains(t, err, says, name)
		}
		_, err = qualys.NewClient(c.connection, transport.Options{})
		require.Error(t, err, name)
	}
}

func TestProviderFields(t *testing.T) {
	t.Parallel()
	secret, required := []string{}, []string{}
	for _, f := range qualys.Provider().Fields {
		require.NotEmpty(t, f.Help, f.Name)
		if f.Secret {
			secret = append(secret, f.Name)
		}
		if f.Required {
			required = append(required, f.Name)
		}
	}
	require.Equal(t, []string{"clientSecret"}, secret)
	require.Equal(t, []string{"clientId", "clientSecret"}, required)
}

func TestMessagesOfDocumentedErrorBodies(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"authentication_exceptions":[["Authentication Failure: 1 errors"]]}`:                                                          "Authentication Failure: 1 errors",
		`{"status":401,"error":"Unauthorized","message":"JWT expired"}`:                                                                 "JWT expired",
		`{"errorCode":"403 FORBIDDEN","message":"The joe user does not have it. ","timestamp":1654169949515}`:                           "The joe user does not have it",
		`{"ServiceResponse":{"responseCode":"INVALID_REQUEST","responseErrorDetails":{"errorMessage":"Bad.","errorResolution":"Do."}}}`: "Bad. Do",
		`{"responseCode":"FAILED","responseMessage":"no"}`:                                                                              "no",
		`{"error":"invalid_client"}`:             "invalid_client",
		`{"message":{"nested":1}}`:               "",
		`<html>`:                                 "",
		``:                                       "",
		`[]`:                                     "",
		`{"authentication_exceptions":[[[[]]]]}`: "",
	} {
		require.Equal(t, want, qualys.Message([]byte(body)), body)
	}
	long := qualys.Message([]byte(`{"message":"` + strings.Repeat("ä", 900) + `"}`))
	require.Len(t, []rune(long), 301)
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
