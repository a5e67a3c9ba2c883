package qualystas_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/qualys"
	"sluice/internal/simulator"
	"sluice/internal/simulator/faults"
	"sluice/internal/source"
)

func healths(checks []source.Check) []source.Health {
	var out []source.Health
	for _, c := range checks {
		out = append(out, c.Health)
	}
	return out
}

func TestProbeOfAWorkingConnector(t *testing.T) {
	t.Parallel()
	v := simulate(t, wholeEstate(), small)
	checks := v.Probe(t.Context())
	require.Equal(t, []source.Health{source.Healthy, source.Healthy, source.Healthy}, healths(checks))
	require.Equal(t, []string{"token", "TAS applications", "TAS API collections"}, []string{checks[0].Step, checks[1].Step, checks[2].Step})
	require.Equal(t, []int64{-1, 250, 130}, []int64{checks[0].Seen, checks[1].Seen, checks[2].Seen})
	for _, c := range checks {
		require.Positive(t, c.Latency)
		require.NotEmpty(t, c.Message)
	}
}

func TestProbeSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault  simulator.Fault
		health source.Health
		says   string
	}{
		"throttled":         {simulator.Fault{Kind: faults.Throttle}, source.Throttled, "429"},
		"unavailable":       {simulator.Fault{Kind: faults.HTTPError, Status: 503}, source.Unreachable, "503"},
		"broken":            {simulator.Fault{Kind: faults.HTTPError}, source.Unknown, "could not be processed"},
		"no permission":     {simulator.Fault{Kind: faults.ErrorBody, Code: "INSUFFICIENT_PERMISSION"}, source.Unauthorised, "INSUFFICIENT"},
		"not licensed":      {simulator.Fault{Kind: faults.ErrorBody, Code: "EVALUATION_EXPIRED"}, source.NotLicensed, "EVALUATION"},
		"login page":        {simulator.Fault{Kind: faults.LoginPage}, source.Misconfigured, "web page"},
		"redirect":          {simulator.Fault{Kind: faults.Redirect}, source.Misconfigured, "redirect"},
		"closed connection": {simulator.Fault{Kind: faults.HangUp}, source.Unreachable, "cannot be reached"},
		"no marker":         {simulator.Fault{Kind: faults.WithoutMarker}, source.Unknown, "does not say"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := simulate(t, wholeEstate(), small)
			c.fault.Endpoint = faults.APICollections
			require.NoError(t, v.SetFaults(c.fault))
			checks := v.Probe(t.Context())
			require.Equal(t, []source.Health{source.Healthy, source.Healthy, c.health}, healths(checks))
			require.Contains(t, checks[2].Message, c.says)
			require.EqualValues(t, -1, checks[2].Seen)
		})
	}
}

func TestProbeOfADialectTheVendorDoesNotSpeak(t *testing.T) {
	t.Parallel()
	v := simulate(t, wholeEstate(), small)
	s := open(t, v.url, small, map[string]string{qualys.FieldDialect: qualys.DialectGateway})
	checks := s.Probe(t.Context())
	require.Equal(t, []source.Health{source.Healthy, source.Misconfigured, source.Misconfigured}, healths(checks))
	require.Contains(t, checks[1].Advice, "dialect")
}

func TestProbeOfAWrongCredential(t *testing.T) {
	t.Parallel()
	v := simulate(t, wholeEstate(), small)
	checks := open(t, v.url, small, map[string]string{qualys.FieldClientSecret: "wrong"}).Probe(t.Context())
	require.Equal(t, []source.Health{source.Unauthorised}, healths(checks))
	require.Contains(t, checks[0].Message, "refused the client id and secret")
	require.Contains(t, checks[0].Advice, "user-level client")
}

func TestASubscriptionLevelClientIsRefusedWithWhatToDo(t *testing.T) {
	t.Parallel()
	v := simulate(t, wholeEstate(), small)
	s := open(t, v.url, small, map[string]string{
		qualys.FieldClientID:     simulator.DefaultSubscriptionClientID,
		qualys.FieldClientSecret: simulator.DefaultSubscriptionClientSecret,
	})
	checks := s.Probe(t.Context())
	require.Equal(t, []source.Health{source.Unauthorised}, healths(checks))
	require.Contains(t, checks[0].Message, "refused the client id and secret")
	require.Contains(t, checks[0].Advice, "user-level client")
}

func TestProbeOfAnEmptyScopeSaysWhyThatMayBe(t *testing.T) {
	t.Parallel()
	v := simulate(t, simulator.Config{}, small)
	checks := v.Probe(t.Context())
	require.Equal(t, []source.Health{source.Healthy, source.Healthy, source.Healthy}, healths(checks))
	require.Zero(t, checks[1].Seen)
	require.Contains(t, checks[1].Advice, "scope")
}

// echoedToken is what the echoing vendor gives out.
const echoedToken = "head.cGxhbnRlZC10b2tlbg.planted-signature"

// echoing repeats its request's headers in its errors.
func echoing(t *testing.T) source.Session {
	mux := http.NewServeMux()
	mux.HandleFunc("/auth/oidc", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, echoedToken) })
	mux.HandleFunc("/tas/rest/api/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"hasMore":0,"data":[{"id":1,"note":"Authorization: %s"x`, r.Header.Get("Authorization"))
	})
	mux.HandleFunc("/tas/", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"message":"bad header Authorization: %s"}`, r.Header.Get("Authorization"))
	})
	return open(t, serve(t, mux), small, nil)
}
