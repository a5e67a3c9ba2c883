package qualyswas_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/qualys"
	"sluice/internal/simulator"
	"sluice/internal/simulator/account"
	"sluice/internal/simulator/faults"
	"sluice/internal/source"
	"sluice/internal/source/qualyswas"
)

const knowledgeBase = `<?xml version="1.0" encoding="UTF-8"?>
<KNOWLEDGE_BASE_VULN_LIST_OUTPUT><RESPONSE><DATETIME>2026-05-01T12:00:00Z</DATETIME><VULN_LIST>
<VULN><QID>82024</QID><TITLE>ICMP Replies</TITLE></VULN><VULN><QID>82054</QID><TITLE>TCP Sequence Numbers</TITLE></VULN>
</VULN_LIST></RESPONSE></KNOWLEDGE_BASE_VULN_LIST_OUTPUT>`

// probed is a simulator with a knowledge base of two entries.
func probed(t *testing.T, format string, f ...simulator.Fault) (vendor, func(user, password string) source.Session) {
	sim, err := simulator.New(estate())
	require.NoError(t, err)
	require.NoError(t, sim.SetFaults(f...))
	mux := http.NewServeMux()
	mux.Handle("/", sim.Handler())
	mux.HandleFunc("/api/3.0/fo/knowledge_base/vuln/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, knowledgeBase) })
	url := serve(t, mux)
	return vendor{sim, open(t, url, small, format), url}, func(user, password string) source.Session {
		c := connection(url, format)
		c.Settings[qualys.FieldUsername], c.Secrets[qualys.FieldPassword] = user, password
		s, err := qualyswas.New(small).Open(c)
		require.NoError(t, err)
		return s
	}
}

func TestProbeShowsWhatTheAccountSees(t *testing.T) {
	t.Parallel()
	for _, format := range formats {
		v, as := probed(t, format)
		checks := v.Probe(t.Context())
		var steps []string
		var seen []int64
		for _, c := range checks {
			require.Equal(t, source.Healthy, c.Health, c.Message)
			require.NotEmpty(t, c.Message)
			steps, seen = append(steps, c.Step), append(seen, c.Seen)
		}
		require.Equal(t, []string{"credentials", "WAS web applications", "WAS findings", "tags", "knowledge base"}, steps)
		require.Equal(t, []int64{-1, int64(len(v.webAppsThat(anyWebApp))), int64(len(v.findingsThat(anyFinding)))}, seen[:3])
		require.Positive(t, seen[3])

		narrow := as(account.NarrowName, account.NarrowPassword).Probe(t.Context())
		require.Less(t, narrow[1].Seen, checks[1].Seen, "another account, another scope")
		require.Less(t, narrow[2].Seen, checks[2].Seen)
	}
}

func TestProbeSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		user, password string
		fault          simulator.Fault
		step           int // the first that is not healthy
		health         source.Health
		says           string
	}{
		"a wrong password":   {account.DefaultName, "wrong", simulator.Fault{}, 0, source.Unauthorised, "INVALID_CREDENTIALS"},
		"an expired account": {account.ExpiredName, account.ExpiredPassword, simulator.Fault{}, 0, source.Unauthorised, "INVALID_CREDENTIALS"},
		"no permission":      {account.WithoutWASName, account.WithoutWASPassword, simulator.Fault{}, 1, source.Unauthorised, "not authorized"},
		"not licensed": {account.DefaultName, account.DefaultPassword,
			simulator.Fault{Kind: faults.ErrorBody, Code: "EVALUATION_EXPIRED", Endpoint: faults.WASCount}, 1, source.NotLicensed, "EVALUATION"},
		"throttled": {account.DefaultName, account.DefaultPassword,
			simulator.Fault{Kind: faults.Throttle, Endpoint: faults.WASCount}, 1, source.Throttled, "API limit"},
		"unavailable": {account.DefaultName, account.DefaultPassword,
			simulator.Fault{Kind: faults.HTTPError, Status: 503, Endpoint: faults.WASCount}, 1, source.Unreachable, "503"},
		"a login page": {account.DefaultName, account.DefaultPassword,
			simulator.Fault{Kind: faults.LoginPage, Endpoint: faults.WASCount}, 1, source.Misconfigured, "answered"},
	} {
		for _, format := range formats {
			t.Run(name+", "+format, func(t *testing.T) {
				t.Parallel()
				var set []simulator.Fault
				if c.fault.Kind != "" {
					set = append(set, c.fault)
				}
				_, as := probed(t, format, set...)
				checks := as(c.user, c.password).Probe(t.Context())
				for _, healthy := range checks[:c.step] {
					require.Equal(t, source.Healthy, healthy.Health, healthy.Message)
				}
				require.Equal(t, c.health, checks[c.step].Health, checks[c.step].Message)
				require.Contains(t, checks[c.step].Message, c.says)
				require.EqualValues(t, -1, checks[c.step].Seen)
			})
		}
	}
}

func TestAnAccountWithoutAccessToTagsIsHealthy(t *testing.T) {
	t.Parallel()
	v, _ := probed(t, formats[0], simulator.Fault{Kind: faults.ErrorBody, Code: "UNAUTHORIZED", Endpoint: faults.TagCount})
	check := v.Probe(t.Context())[3]
	require.Equal(t, source.Healthy, check.Health)
	require.Contains(t, check.Message, "not needed")
	require.EqualValues(t, -1, check.Seen)
}

// TestAnAccountThatMayNotReadTheKnowledgeBaseCanReadWAS: it is another
// application's, and a stream of its own.
func TestAnAccountThatMayNotReadTheKnowledgeBaseCanReadWAS(t *testing.T) {
	t.Parallel()
	cfg := estate()
	cfg.Users = account.Defaults("id", "secret")
	cfg.Users[0].NotLicensed = []account.App{account.VM}
	check := simulate(t, cfg, small, "").Probe(t.Context())[4]
	require.Equal(t, source.Healthy, check.Health)
	require.Contains(t, check.Message, "cannot be read")
	require.Contains(t, check.Advice, "KNOWLEDGEBASE")
}

func TestProbeOfAnEmptyScopeSaysWhyThatMayBe(t *testing.T) {
	t.Parallel()
	v, _ := probed(t, formats[0])
	require.NoError(t, v.Hide(1))
	checks := v.Probe(t.Context())
	require.Zero(t, checks[1].Seen)
	require.Contains(t, checks[1].Advice, "scope")
}

func TestTokensAreTakenWhereThereIsAClientID(t *testing.T) {
	t.Parallel()
	v, _ := probed(t, formats[0])
	c := source.Connection{
		Settings: map[string]string{qualys.FieldBaseURL: v.url, qualys.FieldClientID: simulator.DefaultClientID},
		Secrets:  map[string]string{qualys.FieldClientSecret: simulator.DefaultClientSecret},
	}
	s, err := qualyswas.New(small).Open(c)
	require.NoError(t, err)
	require.Equal(t, "token", s.Probe(t.Context())[0].Step)
	got := read(t, s, webApps())
	require.NoError(t, got.err)
	require.Equal(t, v.webAppsThat(anyWebApp), got.ids())
	v.RevokeTokens()
	require.NoError(t, read(t, s, findings()).err)
	require.EqualValues(t, 2, v.Counts().TokensMinted, "one for all, and one after the revocation")
}

func TestTheKnowledgeBaseIsAStreamOfThisKind(t *testing.T) {
	t.Parallel()
	v, _ := probed(t, formats[0])
	reader, err := v.Read(t.Context(), source.Request{AssetType: "KNOWLEDGEBASE"})
	require.NoError(t, err)
	defer reader.Close()
	records := 0
	for end := false; !end; {
		chunk, err := reader.Next(t.Context())
		require.NoError(t, err)
		records += chunk.Records
		end = chunk.End
	}
	require.Equal(t, 2, records)
}

func TestAConnectorThatCannotReachWAS(t *testing.T) {
	t.Parallel()
	c := connection("https://gateway.internal:8443", "")
	_, err := qualyswas.New(small).Open(c)
	require.ErrorContains(t, err, qualys.FieldAPIServer)
	c = connection("http://127.0.0.1:1", "yaml")
	_, err = qualyswas.New(small).Open(c)
	require.ErrorContains(t, err, qualys.FieldWASFormat)
}
