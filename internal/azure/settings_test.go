package azure_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/azure"
	"sluice/internal/fault"
	"sluice/internal/source"
)

func minimal() source.Connection {
	return source.Connection{
		Settings: map[string]string{azure.FieldTenantID: "contoso.onmicrosoft.com", azure.FieldClientID: "c0ffee00-1234-4abc-8def-000000000001"},
		Secrets:  map[string]string{azure.FieldClientSecret: secret},
	}
}

func TestSettingsHaveDefaults(t *testing.T) {
	t.Parallel()
	s, err := azure.ReadSettings(minimal())
	require.NoError(t, err)
	require.Equal(t, azure.Clouds[0], s.Cloud)
	require.Equal(t, []any{azure.TokenV1, 7 * 24 * time.Hour}, []any{s.TokenVersion, s.Recheck})
	c := minimal()
	c.Settings[azure.FieldCloud], c.Settings[azure.FieldTokenVersion], c.Settings[azure.FieldGrantType], c.Settings[azure.FieldRecheckDays] = "usgov", "v2", "client_credentials", "0"
	s, err = azure.ReadSettings(c)
	require.NoError(t, err)
	require.Equal(t, "https://management.usgovcloudapi.net", s.Cloud.ARM)
	require.Equal(t, []any{azure.TokenV2, time.Duration(0)}, []any{s.TokenVersion, s.Recheck})
}

// TestSettingsThatCannotWorkAreNamed, and secrets not quoted.
func TestSettingsThatCannotWorkAreNamed(t *testing.T) {
	t.Parallel()
	check := azure.Provider().Check
	require.NoError(t, check(minimal()))
	for _, c := range []struct{ field, value, says string }{
		{azure.FieldTenantID, "", "missing"},
		{azure.FieldTenantID, "../other", "neither an id nor a domain"},
		{azure.FieldClientID, "", "missing"},
		{azure.FieldClientID, "a b", "blank"},
		{azure.FieldClientSecret, "", "missing"},
		{azure.FieldClientSecret, "hush hush\n", "line break"},
		{azure.FieldClientCertificate, "hush", "both given"},
		{azure.FieldGrantType, "password", "client_credentials"},
		{azure.FieldCloud, "publik", "did you mean public?"},
		{azure.FieldTokenVersion, "v3", "v1"},
		{azure.FieldRecheckDays, "-1", "0 to 365"},
		{azure.FieldAuthorityURL, "http://login.example.com", "plain http"},
		{azure.FieldARMURL, "ftp://x", "https://"},
		{azure.FieldBlobHost, "https://x.example.com", "host name"},
		{azure.FieldBlobHost, "net", "too many"},
		{azure.FieldBlobHost, "a b", "host name"},
		{azure.FieldBlobHost, "blob.example.com:8443", "host name"},
		{source.FieldIPRestricted, "true", "has no effect"},
		{source.FieldTLSServerName, "management.example.com", "a name of its own"},
	} {
		connector := minimal()
		if c.field == azure.FieldClientSecret || c.field == azure.FieldClientCertificate {
			connector.Secrets[c.field] = c.value
		} else {
			connector.Settings[c.field] = c.value
		}
		err := check(connector)
		require.ErrorContains(t, err, c.says, "%s %q", c.field, c.value)
		require.Equal(t, "connector-"+c.field, fault.As(err).Code)
		require.NotContains(t, err.Error(), "hush")
	}
}

func TestAPrivateCloudMayBeReachedInItsOwnWay(t *testing.T) {
	t.Parallel()
	c := minimal()
	c.Settings[azure.FieldAuthorityURL], c.Settings[azure.FieldARMURL] = "https://10.1.2.3", "https://10.1.2.4:8443"
	c.Settings[source.FieldIPRestricted] = "true"
	require.NoError(t, azure.Provider().Check(c))
	delete(c.Settings, source.FieldIPRestricted)
	c.Settings[source.FieldTLSServerName] = "azure.example.com"
	require.NoError(t, azure.Provider().Check(c))
}

// TestLimitsAreThoseOfAnApplication, in its tenant and cloud.
func TestLimitsAreThoseOfAnApplication(t *testing.T) {
	t.Parallel()
	of := azure.Provider().Subscription
	require.Equal(t, "management.azure.com/contoso.onmicrosoft.com/c0ffee00-1234-4abc-8def-000000000001", of(minimal()))
	same := minimal()
	same.Connector, same.Secrets = "another", map[string]string{azure.FieldClientCertificate: "x"}
	same.Settings[azure.FieldClientID] = " C0FFEE00-1234-4ABC-8DEF-000000000001"
	require.Equal(t, of(minimal()), of(same))
	for field, value := range map[string]string{
		azure.FieldCloud: "china", azure.FieldTenantID: "fabrikam.example", azure.FieldClientID: "x", azure.FieldARMURL: "https://management.example.com:8443",
	} {
		other := minimal()
		other.Settings[field] = value
		require.NotEqual(t, of(minimal()), of(other), field)
	}
}

func TestAPastedSecretIDIsNoticed(t *testing.T) {
	t.Parallel()
	c := minimal()
	require.Empty(t, azure.Provider().Note(c))
	c.Secrets[azure.FieldClientSecret] = "0b7dd0b6-3c0e-4f8e-8d6b-0f2d1a3c5e77"
	require.Contains(t, azure.Provider().Note(c), "its value")
}

func TestFieldsAreDescribed(t *testing.T) {
	t.Parallel()
	secrets := 0
	for _, f := range azure.Provider().Fields {
		require.NotEmpty(t, f.Help, f.Name)
		require.NotContains(t, f.Help, "User.Read")
		if f.Secret {
			secrets++
			require.True(t, strings.HasPrefix(f.Name, "client"))
		}
	}
	require.Equal(t, 2, secrets)
}
