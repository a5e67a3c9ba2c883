package applications_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/fault"
	"sluice/internal/qualys"
	"sluice/internal/qualys/applications"
	"sluice/internal/source"
)

// probe tests an application of a connector.
func probe(t *testing.T, name string, c source.Connection) []source.Check {
	t.Helper()
	all := applications.Provider().Applications
	i := slices.IndexFunc(all, func(a source.Application) bool { return a.Name == name })
	require.GreaterOrEqual(t, i, 0)
	require.Empty(t, all[i].Kind)
	require.NotEmpty(t, all[i].Title)
	prober, err := all[i].Open(c)
	require.NoError(t, err)
	return prober.Probe(t.Context())
}

func clientAt(url string) source.Connection {
	return source.Connection{
		Settings: map[string]string{qualys.FieldBaseURL: url, qualys.FieldClientID: "id"},
		Secrets:  map[string]string{qualys.FieldClientSecret: "secret"},
	}
}

func userAt(url string) source.Connection {
	return source.Connection{
		Settings: map[string]string{qualys.FieldBaseURL: url, qualys.FieldUsername: "acme_ab"},
		Secrets:  map[string]string{qualys.FieldPassword: "pass word"},
	}
}

// answer is what a vendor says.
type answer struct {
	status int
	body   string
}

const version = `<ServiceResponse><responseCode>SUCCESS</responseCode><count>1</count></ServiceResponse>`

// calls are the applications' calls, as they are known of published clients,
// with an answer each.
var calls = map[string]struct {
	request *regexp.Regexp // method, path and body
	answer  string
	tells   string
}{
	"FIM": {regexp.MustCompile(`^POST /fim/v2/events/count \{"filter":"processedTime: \['20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ'\.\.'20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ'\]"\}$`), `{"count":17}`, "17 events"},
	"PM":  {regexp.MustCompile(`^GET /pm/v1/details $`), `{"appVersion":"1.2.3"}`, "version 1.2.3"},
	"ETM": {regexp.MustCompile(`^POST /etm/api/rest/v1/reports/list \{"pageSize":1\}$`), `{"data":[]}`, "reports"},
}

// vendor gives tokens, tells its version to those who have one that is
// accepted elsewhere, and answers an application's call.
func vendor(t *testing.T, name string, application answer, elsewhere int) string {
	var tokens atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch r.URL.Path {
		case "/auth", "/auth/oidc", "/auth/oauth":
			w.WriteHeader(http.StatusCreated)
			fmt.Fprintf(w, "a.%d.c", tokens.Add(1))
			return
		case "/qps/rest/portal/version":
			w.WriteHeader(elsewhere)
			_, _ = io.WriteString(w, version)
			return
		}
		if request := r.Method + " " + r.URL.Path + " " + string(body); !calls[name].request.MatchString(request) {
			t.Errorf("%s is asked for by %s", name, request)
		}
		if r.Header.Get("Authorization") != fmt.Sprintf("Bearer a.%d.c", tokens.Load()) {
			t.Errorf("%s got %s", name, r.Header.Get("Authorization"))
		}
		w.Header().Set("Content-Type", "application/vnd.qualys.api.v2.0+json")
		w.WriteHeader(application.status)
		_, _ = io.WriteString(w, application.body)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestAnApplicationThatAnswersIsHealthy(t *testing.T) {
	t.Parallel()
	for name, call := range calls {
		url := vendor(t, name, answer{200, call.answer}, 200)
		subscription := clientAt(url)
		subscription.Settings[qualys.FieldClientLevel] = qualys.ClientLevelSubscription
		byToken := userAt(url)
		byToken.Settings[qualys.FieldAuthentication] = qualys.AuthenticationJWT
		for _, c := range []source.Connection{clientAt(url), subscription, userAt(url), byToken} {
			checks := probe(t, name, c)
			require.Len(t, checks, 2)
			require.Equal(t, "token", checks[0].Step)
			for _, check := range checks {
				require.Equal(t, source.Healthy, check.Health, "%s: %s", name, check.Message)
				require.Empty(t, check.Advice)
				require.Positive(t, check.Latency)
				require.EqualValues(t, -1, check.Seen)
			}
			require.Contains(t, checks[1].Message, call.tells)
		}
	}
}

// TestAnApplicationsHealthIsThatOfItsAnswer: all that can be wrong with each of
// them.
func TestAnApplicationsHealthIsThatOfItsAnswer(t *testing.T) {
	t.Parallel()
	type want struct {
		health source.Health
		says   string
		advice string
	}
	for name := range calls {
		refused := want{source.Unauthorised, "the token is good elsewhere, and " + name + " does not take it", "permissions chosen for the client"}
		if name == "ETM" {
			refused = want{source.NotLicensed, "the token is good elsewhere, and ETM does not take it", "does not include ETM"}
		}
		const unauthorized = `{"status":401,"error":"Unauthorized","message":"Not authenticated"}`
		for what, c := range map[string]struct {
			answer    answer
			elsewhere int
			want      want
		}{
			"401, and good elsewhere": {answer{401, unauthorized}, 200, refused},
			"401, here and elsewhere": {answer{401, unauthorized}, 401, want{source.Unauthorised, "here or elsewhere", "user is active"}},
			"401, and who knows":      {answer{401, unauthorized}, 500, want{source.Unauthorised, "could not be found out", name}},
			"no permission":           {answer{403, `{"errorCode":"403 FORBIDDEN","message":"The user does not have the X.VIEW permission"}`}, 200, want{source.Unauthorised, "X.VIEW permission", "user's role"}},
			"not subscribed":          {answer{403, `{"errorCode":"403 FORBIDDEN","message":"The module is not enabled for the subscription"}`}, 200, want{source.NotLicensed, "not enabled", name}},
			"not there":               {answer{404, ``}, 200, want{source.NotLicensed, name + " is not there", "not deployed"}},
			"throttled":               {answer{429, `{"message":"Request limit exceeded"}`}, 200, want{source.Throttled, "Request limit exceeded", ""}},
			"unavailable":             {answer{503, `{}`}, 200, want{source.Unreachable, "503", "may pass"}},
			"broken":                  {answer{500, `{"message":"oops"}`}, 200, want{source.Unknown, "oops", ""}},
			"a request not taken":     {answer{400, `{"message":"bad filter"}`}, 200, want{source.Unknown, "bad filter", "report"}},
			"a login page":            {answer{200, `<html><title>Log in</title></html>`}, 200, want{source.Misconfigured, "web page", "login page"}},
			"a redirect":              {answer{302, ``}, 200, want{source.Misconfigured, "redirect", ""}},
			"something else":          {answer{200, `{"ok":true}`}, 200, want{source.Unknown, "not known here", "report"}},
			"no JSON":                 {answer{200, `17`}, 200, want{source.Unknown, "not known here", "report"}},
			"a refusal under 200":     {answer{200, `{"errorCode":"X","message":"The request was refused"}`}, 200, want{source.Unknown, "The request was refused", "report"}},
			"over, under 200":         {answer{200, `{"ServiceResponse":{"responseCode":"EVALUATION_EXPIRED"}}`}, 200, want{source.NotLicensed, "EVALUATION_EXPIRED", ""}},
		} {
			checks := probe(t, name, clientAt(vendor(t, name, c.answer, c.elsewhere)))
			require.Len(t, checks, 2, what)
			require.Equal(t, source.Healthy, checks[0].Health)
			require.Equal(t, c.want.health, checks[1].Health, "%s, %s: %+v", name, what, checks[1])
			require.Contains(t, checks[1].Message, c.want.says, what)
			require.Contains(t, checks[1].Advice, c.want.advice, what)
		}
	}
}

func TestWithoutATokenNothingElseIsAsked(t *testing.T) {
	t.Parallel()
	for name := range calls {
		var asked atomic.Int64
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			w.WriteHeader(http.StatusUnauthorized)
		}))
		t.Cleanup(s.Close)
		checks := probe(t, name, userAt(s.URL))
		require.Len(t, checks, 1)
		require.Equal(t, source.Unauthorised, checks[0].Health)
		require.EqualValues(t, 1, asked.Load(), "a wrong password is offered once")
	}
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	require.Equal(t, source.Unreachable, probe(t, "FIM", clientAt(s.URL))[0].Health)
}

// TestNothingOfATokenIsSaid, whatever the vendor repeats.
func TestNothingOfATokenIsSaid(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/auth/oidc" {
			fmt.Fprint(w, "head.planted.signature")
			return
		}
		echo, err := json.Marshal("got " + r.Header.Get("Authorization"))
		if err != nil {
			t.Error(err)
		}
		fmt.Fprintf(w, `{"message":%s}`, echo)
	}))
	t.Cleanup(s.Close)
	for name := range calls {
		check := probe(t, name, clientAt(s.URL))[1]
		require.Contains(t, check.Message, "[redacted]")
		require.NotContains(t, check.Message+check.Advice, "planted")
	}
}

func TestTheProviderIsThatOfQualys(t *testing.T) {
	t.Parallel()
	p := applications.Provider()
	require.Equal(t, qualys.Provider().Name, p.Name)
	var names []string
	for _, a := range p.Applications {
		names = append(names, a.Name)
		_, err := a.Open(source.Connection{Settings: map[string]string{qualys.FieldPlatform: "US1"}})
		require.Equal(t, fault.Refused, fault.As(err).Class)
	}
	require.Equal(t, []string{"FIM", "PM", "ETM"}, names)
}
