package qualys_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/fault"
	"sluice/internal/qualys"
	"sluice/internal/source"
	"sluice/internal/transport"
)

// connection is one with a client id and secret on US1, changed by settings;
// fields that are secret go where they belong, empty values take away.
func connection(settings ...string) source.Connection {
	c := source.Connection{
		Settings: map[string]string{"platform": "US1", "clientId": "id"},
		Secrets:  map[string]string{"clientSecret": "secret"},
	}
	for i := 0; i < len(settings); i += 2 {
		to := c.Settings
		if name := settings[i]; name == "clientSecret" || name == "password" {
			to = c.Secrets
		}
		if to[settings[i]] = settings[i+1]; settings[i+1] == "" {
			delete(to, settings[i])
		}
	}
	return c
}

// userConnection is one with a user name and password on US1, changed by
// settings.
func userConnection(settings ...string) source.Connection {
	return connection(append([]string{"clientId", "", "clientSecret", "", "username", "acme_ab", "password", "pass word"}, settings...)...)
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
		if p.Name != "GOV1" { // its API server is not published
			_, err = transport.CheckBaseURL(p.API)
			require.NoError(t, err, p.Name)
		}
	}
}

func TestTheEndpointFollowsFromTheSettings(t *testing.T) {
	t.Parallel()
	const (
		us1, us1API = "https://gateway.qg1.apps.qualys.com", "https://qualysapi.qualys.com"
		us2, us2API = "https://gateway.qg2.apps.qualys.com", "https://qualysapi.qg2.apps.qualys.com"
		private     = "https://gateway.cloud.example.com"
		gov         = "https://gateway.gov1.qualys.us"
		local       = "http://127.0.0.1:8080/x"
	)
	note := func(host string) string { return host + " is not the gateway of US1; " + us1 + " is used instead" }
	for name, c := range map[string]struct {
		platform, base, api string
		want                qualys.Endpoint
	}{
		"by platform":                 {"us platform 1", "", "", qualys.Endpoint{Gateway: us1, API: us1API, Platform: "US1"}},
		"by gateway":                  {"", us2 + "/", "", qualys.Endpoint{Gateway: us2, API: us2API, Platform: "US2"}},
		"by both":                     {"US2", us2, "", qualys.Endpoint{Gateway: us2, API: us2API, Platform: "US2"}},
		"by API server":               {"", us1API, "", qualys.Endpoint{Gateway: us1, API: us1API, Platform: "US1", Note: note("qualysapi.qualys.com")}},
		"by portal":                   {"US1", "https://qualysguard.qualys.com", "", qualys.Endpoint{Gateway: us1, API: us1API, Platform: "US1", Note: note("qualysguard.qualys.com")}},
		"its own API server again":    {"US2", "", us2API + "/", qualys.Endpoint{Gateway: us2, API: us2API, Platform: "US2"}},
		"another API server":          {"US2", "", "https://api.example.com", qualys.Endpoint{Gateway: us2, API: "https://api.example.com", Platform: "US2"}},
		"private cloud":               {"", private, "", qualys.Endpoint{Gateway: private, API: "https://qualysapi.cloud.example.com"}},
		"private cloud, API server":   {"", private, "https://vm.example.com:8443", qualys.Endpoint{Gateway: private, API: "https://vm.example.com:8443"}},
		"private cloud with a port":   {"", private + ":8443", "", qualys.Endpoint{Gateway: private + ":8443"}},
		"private cloud of other name": {"", "https://qualys.example.com", "", qualys.Endpoint{Gateway: "https://qualys.example.com"}},
		"not published":               {"GOV1", "", "", qualys.Endpoint{Gateway: gov, Platform: "GOV1"}},
		"not published, given":        {"GOV1", "", "https://api.example.com", qualys.Endpoint{Gateway: gov, API: "https://api.example.com", Platform: "GOV1"}},
		"this machine":                {"", local, "", qualys.Endpoint{Gateway: local, API: local}},
		"this machine, API server":    {"", local, "http://127.0.0.1:9090", qualys.Endpoint{Gateway: local, API: "http://127.0.0.1:9090"}},
	} {
		got, err := qualys.ResolveEndpoint(connection("platform", c.platform, "baseURL", c.base, "apiServer", c.api))
		require.NoError(t, err, name)
		require.Equal(t, c.want, got, name)
	}
}

func TestCheckSaysWhatIsWrongWithAConnector(t *testing.T) {
	t.Parallel()
	check := qualys.Provider().Check
	for name, c := range map[string]struct {
		connection source.Connection
		field      string
		says       []string
	}{
		"no endpoint":              {connection("platform", ""), "baseURL", []string{"baseURL and platform are both missing", "US1"}},
		"unknown platform":         {connection("platform", "USS1"), "platform", []string{`platform "USS1"`, "did you mean US1?"}},
		"platform and other":       {connection("baseURL", "https://gateway.qg2.apps.qualys.com"), "baseURL", []string{"does not belong to platform US1", "only one"}},
		"private API server":       {connection("platform", "", "baseURL", "https://qualysapi.example.com:8443"), "baseURL", []string{"baseURL is not a gateway", "https://gateway.example.com"}},
		"API server in clear":      {connection("apiServer", "http://api.example.com"), "apiServer", []string{"apiServer cannot be used", "in clear"}},
		"API server of another":    {connection("apiServer", "https://qualysapi.qg2.apps.qualys.com"), "apiServer", []string{"API server of US2", "leave it out"}},
		"gateway as API server":    {connection("apiServer", "https://gateway.qg2.apps.qualys.com"), "apiServer", []string{"gateway or portal of US2"}},
		"gateway, none published":  {connection("platform", "GOV1", "apiServer", "https://gateway.gov1.qualys.us"), "apiServer", []string{"gateway or portal of GOV1"}},
		"private gateway as API":   {connection("apiServer", "https://gateway.example.com"), "apiServer", []string{"is a gateway or portal", "https://qualysapi.example.com"}},
		"nothing to say who it is": {connection("clientId", "", "clientSecret", ""), "clientId", []string{"clientId and clientSecret are missing, and so are username and password", "User Level"}},
		"no id":                    {connection("clientId", ""), "clientId", []string{"clientId is missing", "User Level"}},
		"no secret":                {connection("clientSecret", ""), "clientSecret", []string{"clientSecret is missing"}},
		"no user name":             {userConnection("username", ""), "username", []string{"username is missing"}},
		"no password":              {userConnection("password", ""), "password", []string{"password is missing"}},
		"one pair and a half":      {connection("username", "acme_ab"), "password", []string{"password is missing"}},
		"id of two lines":          {connection("clientId", "a\r\nX-Evil: 1"), "clientId", []string{"clientId contains a blank, a line break"}},
		"secret with a blank":      {connection("clientSecret", "hunter2 hunter2"), "clientSecret", []string{"clientSecret contains a blank"}},
		"user name with a colon":   {userConnection("username", "a:b"), "username", []string{"username contains a colon"}},
		"user name with a blank":   {userConnection("username", "acme_ab "), "username", []string{"a blank around it"}},
		"user name of two lines":   {userConnection("username", "acme\nab"), "username", []string{"username contains a line break"}},
		"password of two lines":    {userConnection("password", "hunter2\n"), "password", []string{"password contains a line break"}},
		"password that is no text": {userConnection("password", "hunter2\xff"), "password", []string{"cannot be typed"}},
		"endless password":         {userConnection("password", strings.Repeat("hunter2", 1000)), "password", []string{"cannot be typed"}},
		"basic without a user":     {connection("authentication", "basic"), "authentication", []string{"authentication is basic, and username and password are missing"}},
		"oidc without a client":    {userConnection("authentication", "oidc"), "authentication", []string{"authentication is oidc, and clientId and clientSecret are missing"}},
		"unknown authentication":   {connection("authentication", "basik"), "authentication", []string{"did you mean basic?"}},
		"jwt without a user":       {connection("authentication", "jwt"), "authentication", []string{"authentication is jwt, and username and password are missing"}},
		"unknown level":            {connection("clientLevel", "subscripton"), "clientLevel", []string{"did you mean subscription?"}},
		"level without a client":   {userConnection("clientLevel", "user"), "clientLevel", []string{"clientLevel is user, and clientId and clientSecret are missing"}},
		"unknown dialect":          {connection("dialect", "gatewy"), "dialect", []string{"did you mean gateway?"}},
	} {
		err := check(c.connection)
		require.Error(t, err, name)
		require.Equal(t, fault.Refused, fault.As(err).Class, name)
		require.Equal(t, "connector-"+c.field, fault.As(err).Code, name)
		for _, says := range c.says {
			require.ErrorContains(t, err, says, name)
		}
		require.NotContains(t, err.Error(), "hunter2", name)
		_, err = qualys.NewClient(c.connection, transport.Options{})
		require.Error(t, err, name)
	}
	require.ErrorContains(t, check(connection("platform", "", "baseURL", "http://gateway.example.com")), "in clear")
}

func TestCheckTakesEveryWayToSayWhoItIs(t *testing.T) {
	t.Parallel()
	for _, c := range []source.Connection{
		connection(), connection("authentication", "oidc"),
		userConnection(), userConnection("authentication", "basic"), userConnection("password", `"pä ss:wörd€`),
		connection("username", "acme_ab", "password", "p", "authentication", "basic"),
		connection("username", "acme_ab", "password", "p", "authentication", "oidc"),
		connection("platform", "GOV1"),
		connection("clientLevel", "user"), connection("clientLevel", "subscription"), userConnection("authentication", "jwt"),
	} {
		require.NoError(t, qualys.Provider().Check(c))
	}
}

func TestProviderFields(t *testing.T) {
	t.Parallel()
	var secret []string
	for _, f := range qualys.Provider().Fields {
		require.NotEmpty(t, f.Help, f.Name)
		if f.Secret {
			secret = append(secret, f.Name)
		}
	}
	require.Equal(t, []string{"clientSecret", "password"}, secret)
}

func TestAClientSaysWhatItLacks(t *testing.T) {
	t.Parallel()
	open := func(c source.Connection) *qualys.Client {
		client, err := qualys.NewClient(c, transport.Options{})
		require.NoError(t, err)
		return client
	}
	const userPair, subscription = "username", "clientLevel"
	both := []string{userPair, "acme_ab", "password", "p"}
	for name, c := range map[string]struct {
		connection source.Connection
		says       map[string][]string // by application; those that are not there can be called
	}{
		"a user-level client": {connection(), nil},
		"a user": {userConnection(), map[string][]string{
			"TotalAppSec": {"clientId and clientSecret are missing: TotalAppSec takes no user name and password", "create a client"},
		}},
		"a user, by token": {userConnection("authentication", "jwt"), map[string][]string{
			"TotalAppSec": {"takes no user name and password"},
		}},
		"a subscription-level client": {connection(subscription, "subscription"), map[string][]string{
			"TotalAppSec": {"clientLevel is subscription: TotalAppSec takes no subscription-level clients", "create a user-level client"},
			"WAS":         {"clientLevel is subscription: WAS takes no subscription-level clients", "authentication basic"},
		}},
		"that, and a user": {connection(append(both, subscription, "subscription", "authentication", "basic")...), map[string][]string{
			"TotalAppSec": {"takes no subscription-level clients"},
		}},
		"no API server": {connection("platform", "GOV1"), map[string][]string{
			"WAS": {"apiServer is missing: the API server of platform GOV1 (https://gateway.gov1.qualys.us) is not known, and WAS needs it"},
			"VM":  {"apiServer is missing"},
		}},
	} {
		client := open(c.connection)
		for _, a := range []qualys.Access{qualys.TotalAppSec, qualys.WAS, qualys.VM, qualys.FIM, qualys.PM, qualys.ETM} {
			err := client.Need(a)
			if c.says[a.Application] == nil {
				require.NoError(t, err, "%s, %s", name, a.Application)
			}
			for _, says := range c.says[a.Application] {
				require.ErrorContains(t, err, says, name)
				require.Equal(t, fault.Refused, fault.As(err).Class)
			}
		}
	}
	gov := open(connection("platform", "GOV1"))
	_, fo := gov.FO(t.Context(), "/x", nil)
	_, qps := gov.QPS(t.Context(), "/x", qualys.XML, nil)
	_, count := gov.CountTags(t.Context())
	for _, err := range []error{fo, qps, count, gov.AcceptsToken(t.Context())} {
		require.ErrorContains(t, err, "apiServer is missing")
	}
}

// TestWrongHalvesAreStoredRight: what was put right is said once, and what is
// stored is right.
func TestWrongHalvesAreStoredRight(t *testing.T) {
	t.Parallel()
	p := qualys.Provider()
	for name, c := range map[string]struct {
		settings, want map[string]string
		note           string
	}{
		"nothing to put right": {map[string]string{"platform": "US1"}, map[string]string{"platform": "US1"}, ""},
		"a platform's long name": {
			map[string]string{"platform": "eu platform 2", "subscription": " main "}, map[string]string{"platform": "EU2", "subscription": "main"}, "",
		},
		"the API server as gateway": {
			map[string]string{"baseURL": "https://qualysapi.qualys.eu"}, map[string]string{"baseURL": "https://gateway.qg1.apps.qualys.eu"},
			"qualysapi.qualys.eu is not the gateway of EU1",
		},
		"the portal as gateway": {
			map[string]string{"baseURL": "https://qualysguard.qg3.apps.qualys.com/"}, map[string]string{"baseURL": "https://gateway.qg3.apps.qualys.com"},
			"qualysguard.qg3.apps.qualys.com is not the gateway of US3",
		},
		"the gateway as API server": {
			map[string]string{"platform": "US2", "apiServer": "https://gateway.qg2.apps.qualys.com"},
			map[string]string{"platform": "US2", "apiServer": "https://qualysapi.qg2.apps.qualys.com"},
			"gateway.qg2.apps.qualys.com is not the API server of US2",
		},
		"both the wrong way round": {
			map[string]string{"baseURL": "https://qualysapi.qualys.com", "apiServer": "https://gateway.qg1.apps.qualys.com"},
			map[string]string{"baseURL": "https://gateway.qg1.apps.qualys.com", "apiServer": "https://qualysapi.qualys.com"},
			"is used instead; gateway.qg1.apps.qualys.com is not the API server of US1",
		},
		"a private cloud's": {
			map[string]string{"baseURL": "https://qualysapi.cloud.example.com", "apiServer": "https://qualysguard.cloud.example.com"},
			map[string]string{"baseURL": "https://gateway.cloud.example.com", "apiServer": "https://qualysapi.cloud.example.com"},
			"the gateway of a private cloud, https://gateway.cloud.example.com, is used instead",
		},
		"what cannot be put right": {
			map[string]string{"baseURL": "https://qualysapi.example.com:8443"}, map[string]string{"baseURL": "https://qualysapi.example.com:8443"}, "",
		},
	} {
		note := p.Note(source.Connection{Settings: c.settings})
		require.Contains(t, note, c.note, name)
		require.Equal(t, c.note == "", note == "", name)
		p.Normalise(c.settings)
		require.Equal(t, c.want, c.settings, name)
		require.Empty(t, p.Note(source.Connection{Settings: c.settings}), name)
	}
}

func TestWhoseLimitsCallsCountAgainst(t *testing.T) {
	t.Parallel()
	of := qualys.Provider().Subscription
	for want, c := range map[string]source.Connection{
		"qualysapi.qualys.com":         connection(),
		"qualysapi.qg2.apps.qualys.eu": userConnection("platform", "", "baseURL", "https://gateway.qg2.apps.qualys.eu"),
		"gateway.gov1.qualys.us":       connection("platform", "GOV1"),
		"api.example.com:8443":         connection("platform", "", "baseURL", "https://gateway.example.com", "apiServer", "https://api.example.com:8443/x"),
		"Main, production":             connection("subscription", "Main, production"),
	} {
		require.Equal(t, want, of(c))
	}
}
