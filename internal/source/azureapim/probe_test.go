package azureapim_test

import (
	"cmp"
	"io"
	"iter"
	"log"
	"net"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/azure"
	vendor "sluice/internal/simulator/azure"
	"sluice/internal/simulator/faults"
	"sluice/internal/source"
)

func TestAConnectionTestGoesAllTheWay(t *testing.T) {
	t.Parallel()
	s := simulate(t, estate(), quick)
	checks := s.Probe(t.Context())
	var steps []string
	for _, c := range checks {
		require.Equal(t, source.Healthy, c.Health, "%s: %s", c.Step, c.Message)
		require.NotEmpty(t, c.Message)
		steps = append(steps, c.Step)
	}
	require.Equal(t, []string{"token", "subscriptions", "resource groups", "API Management services", "APIs", "export", "download"}, steps)
	require.Equal(t, []int64{2, int64(count(s.ResourceGroups())), 4, int64(count(s.APIs()))},
		[]int64{checks[1].Seen, checks[2].Seen, checks[3].Seen, checks[4].Seen}, "of everything, so that the next test can be held against it")
	require.EqualValues(t, len(read(t, s, all()).apis), checks[4].Seen, "a run reads as many")
}

func count[T any](all iter.Seq[T]) (n int) {
	for range all {
		n++
	}
	return n
}

// TestAConnectionTestStopsWhereItCannotGoOn and says why, and what to do.
func TestAConnectionTestStopsWhereItCannotGoOn(t *testing.T) {
	t.Parallel()
	refuse := func(of vendor.Call) func(*testing.T, simulated, source.Connection) {
		return func(t *testing.T, s simulated, _ source.Connection) {
			require.NoError(t, s.SetFaults(vendor.Fault{Fault: faults.Fault{Kind: faults.ErrorBody, Code: "AuthorizationFailed"}, Of: of}))
		}
	}
	for name, c := range map[string]struct {
		spoil         func(*testing.T, simulated, source.Connection)
		step          string
		health        source.Health
		says, advises string
	}{
		"wrong secret": {func(_ *testing.T, _ simulated, c source.Connection) { c.Secrets[azure.FieldClientSecret] = "wrong" },
			"token", source.Unauthorised, "AADSTS7000215", "the secret's value, not its id"},
		"expired secret": {func(_ *testing.T, _ simulated, c source.Connection) {
			c.Settings[azure.FieldClientID], c.Secrets[azure.FieldClientSecret] = vendor.ExpiredClientID, vendor.ExpiredSecret
		}, "token", source.Unauthorised, "AADSTS7000222", "expired"},
		"unknown tenant": {func(_ *testing.T, _ simulated, c source.Connection) {
			c.Settings[azure.FieldTenantID] = "fabrikam.example"
		},
			"token", source.Unauthorised, "AADSTS90002", azure.FieldTenantID},
		"unknown application": {func(_ *testing.T, _ simulated, c source.Connection) {
			c.Settings[azure.FieldClientID] = "c0ffee00-1234-4abc-8def-0000000000ff"
		}, "token", source.Unauthorised, "AADSTS700016", azure.FieldClientID},
		"another tenant": {func(_ *testing.T, _ simulated, c source.Connection) {
			c.Settings[azure.FieldTenantID] = vendor.OtherTenantID
		},
			"token", source.Unauthorised, "AADSTS700016", azure.FieldClientID},
		"another cloud": {func(_ *testing.T, _ simulated, c source.Connection) { c.Settings[azure.FieldCloud] = "china" },
			"subscriptions", source.Misconfigured, "Audience", azure.FieldCloud},
		"no role": {func(_ *testing.T, _ simulated, c source.Connection) {
			c.Settings[azure.FieldClientID], c.Secrets[azure.FieldClientSecret] = vendor.WithoutRoleClientID, vendor.WithoutRoleSecret
		}, "subscriptions", source.Unauthorised, "no subscription at all", azure.ReaderRole},
		"services refused": {func(t *testing.T, s simulated, _ source.Connection) {
			refuse := faults.Fault{Kind: faults.ErrorBody, Code: "AuthorizationFailed"}
			require.NoError(t, s.SetFaults(vendor.Fault{Fault: refuse, Of: vendor.Services}, vendor.Fault{Fault: refuse, Of: vendor.Resources}))
		}, "API Management services", source.Unauthorised, "AuthorizationFailed", azure.ReaderRole},
		"token revoked again and again": {func(t *testing.T, s simulated, _ source.Connection) {
			require.NoError(t, s.SetFaults(vendor.Fault{Fault: faults.Fault{Kind: faults.RevokeTokens}, Of: vendor.Subscriptions}))
		}, "subscriptions", source.Unauthorised, "ExpiredAuthenticationToken", "active"},
		"APIs refused":   {refuse(vendor.APIs), "APIs", source.Unauthorised, "AuthorizationFailed", azure.ReaderRole},
		"export refused": {refuse(vendor.Export), "export", source.Unauthorised, "AuthorizationFailed", azure.ReaderRole},
		"blobs shut off": {func(t *testing.T, s simulated, _ source.Connection) { s.SetBlobURL("https://files.example.com") },
			"download", source.Misconfigured, "no blob storage of this cloud", azure.FieldBlobHost},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := simulate(t, estate(), quick)
			connector := connection(s.arm, s.blob)
			c.spoil(t, s, connector)
			checks := open(t, connector, quick).Probe(t.Context())
			for _, before := range checks[:len(checks)-1] {
				require.Equal(t, source.Healthy, before.Health, before.Step)
			}
			last := checks[len(checks)-1]
			require.Equal(t, []any{c.step, c.health}, []any{last.Step, last.Health}, last.Message)
			require.Contains(t, last.Message, c.says)
			require.Contains(t, last.Advice, c.advises)
		})
	}
}

// TestEachStepBrokenInEachWayHasItsHealth, and what to do.
func TestEachStepBrokenInEachWayHasItsHealth(t *testing.T) {
	t.Parallel()
	steps := []struct {
		step  string
		calls []vendor.Call
	}{
		{"token", []vendor.Call{vendor.Token}},
		{"subscriptions", []vendor.Call{vendor.Subscriptions}},
		{"resource groups", []vendor.Call{vendor.ResourceGroups}},
		{"API Management services", []vendor.Call{vendor.Services, vendor.Resources}},
		{"APIs", []vendor.Call{vendor.APIs}},
		{"export", []vendor.Call{vendor.Export}},
		{"download", []vendor.Call{vendor.Blob}},
	}
	for _, way := range []struct {
		name   string
		fault  faults.Fault
		health source.Health
		// except is another health of some steps; empty: the test goes on.
		except map[string]source.Health
	}{
		{"no permission", faults.Fault{Kind: faults.ErrorBody, Code: "AuthorizationFailed"}, source.Unauthorised, map[string]source.Health{
			"token":           source.Misconfigured, // it is none of Entra's answers
			"resource groups": "",                   // only their tags are missed
			"download":        source.Misconfigured, // nor of blob storage's
		}},
		{"throttled", faults.Fault{Kind: faults.Throttle, RetryAfter: 60}, source.Throttled, map[string]source.Health{"download": source.Unreachable}},
		{"internal error", faults.Fault{Kind: faults.HTTPError, Status: 500}, source.Unreachable, nil},
		{"unavailable", faults.Fault{Kind: faults.HTTPError, Status: 503, HTML: true}, source.Unreachable, nil},
		{"hang-up", faults.Fault{Kind: faults.HangUp}, source.Unreachable, nil},
		{"web page", faults.Fault{Kind: faults.LoginPage}, source.Misconfigured, nil},
		{"redirect", faults.Fault{Kind: faults.Redirect}, source.Misconfigured, nil},
	} {
		for _, at := range steps {
			t.Run(way.name+" at "+at.step, func(t *testing.T) {
				t.Parallel()
				s := simulate(t, estate(), quick)
				var set []vendor.Fault
				for _, call := range at.calls {
					set = append(set, vendor.Fault{Fault: way.fault, Of: call})
				}
				require.NoError(t, s.SetFaults(set...))
				checks := s.Probe(t.Context())
				last := checks[len(checks)-1]
				if health, exempt := way.except[at.step]; exempt && health == "" {
					require.Equal(t, []any{"download", source.Healthy}, []any{last.Step, last.Health}, last.Message)
					broken := find(t, checks, at.step)
					require.Contains(t, broken.Message, "without the tags")
					require.Contains(t, broken.Advice, azure.ReaderRole)
					return
				}
				require.Equal(t, []any{at.step, cmp.Or(way.except[at.step], way.health)}, []any{last.Step, last.Health}, last.Message)
				require.NotEmpty(t, last.Message)
				require.NotEmpty(t, last.Advice, last.Message)
				require.EqualValues(t, -1, last.Seen)
			})
		}
	}
}

func find(t *testing.T, checks []source.Check, step string) source.Check {
	for _, c := range checks {
		if c.Step == step {
			return c
		}
	}
	require.Fail(t, "there is no step "+step)
	return source.Check{}
}

// TestEachHostThatCannotBeReachedIsNamed: Entra, ARM and the blob storage are
// three.
func TestEachHostThatCannotBeReachedIsNamed(t *testing.T) {
	t.Parallel()
	gone := func(t *testing.T) string { // a port where nobody listens
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		require.NoError(t, listener.Close())
		return "http://" + listener.Addr().String()
	}
	unknown := func(*testing.T) string { return "https://azure.sluice.invalid" }
	untrusted := func(t *testing.T) string {
		server := httptest.NewTLSServer(nil)
		server.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that clients break off
		t.Cleanup(server.Close)
		return server.URL
	}
	hosts := map[string]func(simulated, source.Connection, string){
		"token":         func(_ simulated, c source.Connection, url string) { c.Settings[azure.FieldAuthorityURL] = url },
		"subscriptions": func(_ simulated, c source.Connection, url string) { c.Settings[azure.FieldARMURL] = url },
		"download": func(s simulated, c source.Connection, url string) {
			_, host, _ := strings.Cut(url, "://")
			if host == "azure.sluice.invalid" {
				url = "https://account." + host
			}
			s.SetBlobURL(url)
			c.Settings[azure.FieldBlobHost] = host
		},
	}
	for name, way := range map[string]struct {
		url    func(*testing.T) string
		health source.Health
		says   string
	}{
		"DNS":                     {unknown, source.Unreachable, "cannot be resolved"},
		"refused connection":      {gone, source.Unreachable, "refuses the connection"},
		"self-signed certificate": {untrusted, source.Misconfigured, "certificate"},
	} {
		for step, point := range hosts {
			t.Run(name+" at "+step, func(t *testing.T) {
				t.Parallel()
				s := simulate(t, estate(), quick)
				c := connection(s.arm, s.blob)
				point(s, c, way.url(t))
				checks := open(t, c, quick).Probe(t.Context())
				last := checks[len(checks)-1]
				require.Equal(t, []any{step, way.health}, []any{last.Step, last.Health}, last.Message)
				require.Contains(t, last.Message, way.says)
				require.NotEmpty(t, last.Advice)
			})
		}
	}
}

// TestAConnectionTestSaysWhatElseItCannotRead, and counts the rest.
func TestAConnectionTestSaysWhatElseItCannotRead(t *testing.T) {
	t.Parallel()
	s := simulate(t, estate(), quick)
	before := find(t, s.Probe(t.Context()), "APIs")
	var settings vendor.Settings
	for service := range s.Services() {
		settings = vendor.Settings{ReadBucket: -1, Unreadable: []string{service.Path}}
		break
	}
	require.NoError(t, s.Configure(settings))
	after := find(t, s.Probe(t.Context()), "APIs")
	require.Equal(t, source.Healthy, after.Health)
	require.Less(t, after.Seen, before.Seen)
	require.Positive(t, after.Seen)
	require.Contains(t, after.Message, "1 services or workspaces cannot be read: AuthorizationFailed")
	require.Contains(t, after.Advice, azure.ReaderRole)
}

// TestAnOddAPIIsNoFailure: there are some that Azure cannot export.
func TestAnOddAPIIsNoFailure(t *testing.T) {
	t.Parallel()
	s := simulate(t, estate(), quick)
	require.NoError(t, s.SetFaults(vendor.Fault{Fault: faults.Fault{Kind: faults.HTTPError, Times: 4}, Of: vendor.Export}))
	checks := s.Probe(t.Context())
	require.Equal(t, []any{"download", source.Healthy}, []any{checks[len(checks)-1].Step, checks[len(checks)-1].Health})
	require.Positive(t, s.Counts().Faults[faults.HTTPError])
}

func TestAConnectionTestWithoutServicesSaysSo(t *testing.T) {
	t.Parallel()
	s := simulate(t, vendor.Config{Subscriptions: 1}, quick)
	checks := s.Probe(t.Context())
	last := checks[len(checks)-1]
	require.Equal(t, []any{"API Management services", source.Misconfigured, int64(0)}, []any{last.Step, last.Health, last.Seen})
	require.Contains(t, last.Advice, azure.ReaderRole)
}

// TestServicesAreFoundAmongResourcesToo, where their own list is refused.
func TestServicesAreFoundAmongResourcesToo(t *testing.T) {
	t.Parallel()
	s := simulate(t, estate(), quick)
	require.NoError(t, s.SetFaults(vendor.Fault{Fault: faults.Fault{Kind: faults.ErrorBody, Code: "AuthorizationFailed"}, Of: vendor.Services}))
	requireTruth(t, read(t, s, all()), s.truth(false))
}
