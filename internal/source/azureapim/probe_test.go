package azureapim_test

import (
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
	require.Equal(t, []string{"token", "subscriptions", "API Management services", "APIs", "export", "download"}, steps)
	require.Equal(t, []int64{2, 4}, []int64{checks[1].Seen, checks[2].Seen})
	require.Positive(t, checks[3].Seen)
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
		"another tenant": {func(_ *testing.T, _ simulated, c source.Connection) {
			c.Settings[azure.FieldTenantID] = vendor.OtherTenantID
		},
			"token", source.Unauthorised, "AADSTS700016", azure.FieldClientID},
		"another cloud": {func(_ *testing.T, _ simulated, c source.Connection) { c.Settings[azure.FieldCloud] = "china" },
			"subscriptions", source.Misconfigured, "Audience", azure.FieldCloud},
		"no role": {func(_ *testing.T, _ simulated, c source.Connection) {
			c.Settings[azure.FieldClientID], c.Secrets[azure.FieldClientSecret] = vendor.WithoutRoleClientID, vendor.WithoutRoleSecret
		}, "subscriptions", source.Misconfigured, "no subscription at all", azure.ReaderRole},
		"services refused": {func(t *testing.T, s simulated, _ source.Connection) {
			refuse := faults.Fault{Kind: faults.ErrorBody, Code: "AuthorizationFailed"}
			require.NoError(t, s.SetFaults(vendor.Fault{Fault: refuse, Of: vendor.Services}, vendor.Fault{Fault: refuse, Of: vendor.Resources}))
		}, "API Management services", source.Unauthorised, "AuthorizationFailed", azure.ReaderRole},
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
