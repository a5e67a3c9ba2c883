package qualys_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/fault"
	"sluice/internal/qualys"
	"sluice/internal/source"
	"sluice/internal/transport"
)

// vendor gives tokens for the client "id" of a level, and for the user
// "acme_ab", and keeps who called.
type vendor struct {
	url   string
	level string // "user" or "subscription"
	wrong atomic.Bool

	mu    sync.Mutex
	calls []string // path and what authorised it
}

func newVendor(t *testing.T, level string) *vendor {
	v := &vendor{level: level}
	v.url = serve(t, v.ServeHTTP)
	return v
}

func (v *vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	v.calls = append(v.calls, strings.TrimSpace(r.URL.Path+" "+strings.SplitN(r.Header.Get("Authorization"), ".", 2)[0]))
	v.mu.Unlock()
	levels := map[string]string{"/auth/oidc": "user", "/auth/oauth": "subscription"}
	refuse := func() {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"authentication_exceptions":[["Authentication Failure: 1 errors, 0 successes:authenticationFailure.InvalidCredentialsException"]]}`)
	}
	switch level := levels[r.URL.Path]; {
	case v.wrong.Load():
		refuse()
	case level != "" && (level != v.level || r.Header.Get("clientSecret") != "secret"):
		refuse()
	case level != "":
		fmt.Fprint(w, "client.b.c")
	case r.URL.Path == "/auth":
		body, _ := io.ReadAll(r.Body)
		form, err := url.ParseQuery(string(body))
		if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || form.Get("token") != "true" ||
			form.Get("username") != "acme_ab" || form.Get("password") != "pass word" {
			refuse()
			return
		}
		w.Header().Set("Content-Type", "application/json") // and yet it is none
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, "user.b.c")
	default:
		fmt.Fprint(w, "{}")
	}
}

func (v *vendor) called() (calls []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	calls, v.calls = v.calls, nil
	return calls
}

// TestEachServerGetsWhatTheConnectorHas: the gateway takes tokens only, those of
// the client where there is one; the API server gets what is said.
func TestEachServerGetsWhatTheConnectorHas(t *testing.T) {
	t.Parallel()
	user := []string{"username", "acme_ab", "password", "pass word"}
	with := func(settings ...string) source.Connection {
		return connection(append(append([]string{"platform", ""}, user...), settings...)...)
	}
	noClient := []string{"clientId", "", "clientSecret", ""}
	const basic = "Basic YWNtZV9hYjpwYXNzIHdvcmQ="
	for name, c := range map[string]struct {
		level      string
		connection source.Connection
		want       []string
	}{
		"user":                       {"", with(noClient...), []string{"/auth", "/g Bearer user", "/q " + basic}},
		"user, by token":             {"", with(append(noClient, "authentication", "jwt")...), []string{"/auth", "/g Bearer user", "/q Bearer user"}},
		"client":                     {"user", with(), []string{"/auth/oidc", "/g Bearer client", "/q Bearer client"}},
		"client of the subscription": {"subscription", with("clientLevel", "subscription"), []string{"/auth/oauth", "/g Bearer client", "/q Bearer client"}},
		"both":                       {"user", with("authentication", "basic"), []string{"/auth/oidc", "/g Bearer client", "/q " + basic}},
		"both, by token":             {"user", with("authentication", "jwt"), []string{"/auth/oidc", "/g Bearer client", "/auth", "/q Bearer user"}},
	} {
		v := newVendor(t, c.level)
		c.connection.Settings["baseURL"] = v.url
		client := open(t, c.connection)
		for range 2 { // what was got once is used again
			resp, err := client.Get(t.Context(), "/g")
			require.Equal(t, "{}", read(t, resp, err), name)
			resp, err = client.QPS(t.Context(), "/q", qualys.JSON, nil)
			require.Equal(t, "{}", read(t, resp, err), name)
		}
		calls := v.called()
		require.Equal(t, c.want, calls[:len(c.want)], name)
		require.Len(t, calls, len(c.want)+2, name)
	}
}

func TestAClientThatIsRefusedIsOfferedOnceAndTheOtherLevelIsAdvised(t *testing.T) {
	t.Parallel()
	for level, c := range map[string]struct {
		other, advice string
	}{
		"user":         {"subscription", "leave clientLevel out"},
		"subscription": {"user", "give clientLevel subscription"},
	} {
		v := newVendor(t, level)
		client := open(t, connection("platform", "", "baseURL", v.url, "clientLevel", c.other))
		check := client.CheckToken(t.Context())
		require.Equal(t, source.Unauthorised, check.Health)
		require.Contains(t, check.Advice, c.advice)
		require.Len(t, v.called(), 1, "a wrong secret may be neither's")

		check = client.CheckToken(t.Context())
		require.Equal(t, source.Unauthorised, check.Health)
		require.Contains(t, check.Message, "remembered")
		require.Empty(t, v.called(), "what was refused is not offered again")
	}
}

func TestAPasswordThatAuthRefusesIsExplained(t *testing.T) {
	t.Parallel()
	for exception, want := range map[string]struct {
		code, message, advice string
	}{
		"authenticationFailure.InvalidCredentialsException":   {qualys.CodeTokenRefused, "Qualys refused the user name and password", "check username and password"},
		"authenticationFailure.AccountLockedException":        {qualys.CodeAccountLocked, "the account is locked", "unlock"},
		"authenticationFailure.AccountDisabledException":      {qualys.CodeAccountInactive, "the account is not active", "activate"},
		"authenticationFailure.CredentialExpiredException":    {qualys.CodePasswordExpired, "the password has expired", "new password"},
		"authenticationFailure.AccountExpiredException":       {qualys.CodeAccountExpired, "the account has expired", "renew"},
		"authenticationFailure.SecondFactorRequiredException": {qualys.CodeSecondFactor, "SecureID", "without SecureID"},
		"pass word is no password of acme_ab":                 {qualys.CodeTokenRefused, "[redacted] is no password", "check username and password"},
	} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprintf(w, `{"authentication_exceptions":[["%s"]]}`, exception)
		})
		client := open(t, userConnection("platform", "", "baseURL", s))
		_, err := client.Get(t.Context(), "/x")
		f := fault.As(err)
		require.Contains(t, []fault.Class{fault.Auth, fault.Refused}, f.Class)
		require.Equal(t, want.code, f.Code)
		require.Contains(t, f.Message, want.message)
		require.Contains(t, f.Advice, want.advice)
		require.NotContains(t, f.Error()+f.Detail, "pass word")
		require.Equal(t, source.Unauthorised, client.CheckToken(t.Context()).Health)
	}
}

// TestAPasswordThatWasRefusedIsOfferedNowhereAgain: not to the other server, by
// another kind, or in another worker.
func TestAPasswordThatWasRefusedIsOfferedNowhereAgain(t *testing.T) {
	t.Parallel()
	callAPI := func(c *qualys.Client) error { _, err := c.FO(t.Context(), "/x", nil); return err }
	callGateway := func(c *qualys.Client) error { _, err := c.Get(t.Context(), "/x"); return err }
	for name, order := range map[string][]func(*qualys.Client) error{
		"the API server first": {callAPI, callGateway, callAPI},
		"the gateway first":    {callGateway, callAPI, callGateway},
	} {
		v := newVendor(t, "")
		v.wrong.Store(true)
		shared := newShared()
		for i, call := range order {
			c := userConnection("platform", "", "baseURL", v.url)
			c.Credential = shared.of
			f := fault.As(call(open(t, c)))
			require.Equal(t, fault.Auth, f.Class, name)
			if i > 0 {
				require.Contains(t, f.Message, "not tried again before", name)
			}
		}
		require.Len(t, v.called(), 1, name)
		require.Equal(t, []string{"user", "user/FO", "user/QPS", "user/gateway"}, shared.names())
	}
}

func TestWhatTheAPIServerSaysOfATokenOfAUser(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/auth" {
			fmt.Fprint(w, "a.b.c")
			return
		}
		w.WriteHeader(http.StatusUnauthorized)
	})
	_, err := open(t, userConnection("platform", "", "baseURL", s, "authentication", "jwt")).FO(t.Context(), "/x", nil)
	require.Equal(t, transport.CodeTokenNotAccepted, fault.As(err).Code)
	require.Contains(t, fault.As(err).Advice, "authentication basic")
}

// guarded is a server of a user of whom each place thinks what it likes: it
// refuses the name and password at those of refuse, and counts what is offered.
type guarded struct {
	mu      sync.Mutex
	refuse  map[string]bool // "/auth", "/qps", "/msp"
	offered map[string]int
}

func (g *guarded) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	place := "/" + strings.Split(r.URL.Path, "/")[1]
	if strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
		return
	}
	g.offered[place]++
	switch {
	case g.refuse[place]:
		w.WriteHeader(http.StatusUnauthorized)
	case place == "/auth":
		fmt.Fprint(w, "a.b.c")
	case place == "/msp":
		fmt.Fprint(w, "<ABOUT><WEB-VERSION>1</WEB-VERSION></ABOUT>")
	case place == "/qps":
		fmt.Fprint(w, "<ServiceResponse><responseCode>SUCCESS</responseCode></ServiceResponse>")
	}
}

// TestAnAccountWithoutAccessToVMIsAcceptedElsewhere, though VM says that its
// password is wrong, and whichever is tested first.
func TestAnAccountWithoutAccessToVMIsAcceptedElsewhere(t *testing.T) {
	t.Parallel()
	vm := func(c *qualys.Client) source.Health { return c.CheckVMCredentials(t.Context()).Health }
	run := func(c *qualys.Client) source.Health {
		_, err := c.FO(t.Context(), "/msp/x", nil)
		return qualys.CheckFrom("run", err, 0).Health
	}
	was := func(c *qualys.Client) source.Health { return c.CheckCredentials(t.Context()).Health }
	gateway := func(c *qualys.Client) source.Health { return c.CheckToken(t.Context()).Health }
	for name, order := range map[string][]func(*qualys.Client) source.Health{
		"VM first": {vm, was, gateway}, "a run of VM first": {run, was, gateway}, "VM last": {was, gateway, vm}, "VM between": {gateway, vm, was},
	} {
		g := &guarded{refuse: map[string]bool{"/msp": true}, offered: map[string]int{}}
		url, shared := serve(t, g.ServeHTTP), newShared()
		client := func() *qualys.Client {
			c := userConnection("platform", "", "baseURL", url)
			c.Credential = shared.of
			return open(t, c)
		}
		found := map[source.Health]int{}
		for _, test := range order {
			found[test(client())]++
		}
		require.Equal(t, map[source.Health]int{source.Healthy: 2, source.Unauthorised: 1}, found, name)
		check := client().CheckVMCredentials(t.Context())
		require.Contains(t, check.Message, "remembered", name)
		require.Contains(t, check.Advice, "may use this API", name)
		require.Equal(t, 1, g.offered["/msp"], name)
	}
}

// TestAWrongPasswordIsOfferedOnceByAllTests, whichever is first.
func TestAWrongPasswordIsOfferedOnceByAllTests(t *testing.T) {
	t.Parallel()
	g := &guarded{refuse: map[string]bool{"/msp": true, "/auth": true, "/qps": true}, offered: map[string]int{}}
	url, shared := serve(t, g.ServeHTTP), newShared()
	var all sync.WaitGroup
	for range 2 {
		for _, test := range []func(*qualys.Client) source.Check{
			func(c *qualys.Client) source.Check { return c.CheckVMCredentials(t.Context()) },
			func(c *qualys.Client) source.Check { return c.CheckCredentials(t.Context()) },
			func(c *qualys.Client) source.Check { return c.CheckToken(t.Context()) },
		} {
			c := userConnection("platform", "", "baseURL", url)
			c.Credential = shared.of
			client := open(t, c)
			all.Go(func() {
				if health := test(client).Health; health != source.Unauthorised {
					t.Error(health)
				}
			})
		}
	}
	all.Wait()
	offered := 0
	for _, n := range g.offered {
		offered += n
	}
	require.Equal(t, 1, offered, "accounts lock: %v", g.offered)
}
